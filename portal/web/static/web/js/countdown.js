// Time that runs out: <span class="countdown" data-until="…" data-now="…"> counts from the server's clock, so that a
// wrong clock of the reader does not matter. A voice is told only now and then, in <p data-countdown-said>.
// When it is over, [data-while-open] goes and [data-when-over] comes; the server refuses in any case.
const SAID_AT_S = [600, 300, 120, 60, 30];
const seen = new WeakMap();
const answered = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
let isFirst = true;

// When, on the reader's clock, the server's time was what is written: a part that is exchanged brings a newer one.
function started(element) {
  const known = seen.get(element);
  if (known?.now === element.dataset.now) return known;
  const fresh = { now: element.dataset.now, at: isFirst ? answered : Date.now() };
  seen.set(element, fresh);
  return fresh;
}

function left(element) {
  const start = started(element);
  const passed = Date.now() - start.at;
  return Math.max(0, Math.ceil((Date.parse(element.dataset.until) - Date.parse(start.now) - passed) / 1000));
}

const pad = (number) => String(number).padStart(2, "0");

function clock(seconds) {
  if (seconds >= 86_400) return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
  const hours = Math.floor(seconds / 3600);
  const rest = `${pad(Math.floor((seconds % 3600) / 60))}:${pad(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

const words = (seconds) => (seconds >= 60 ? `${Math.round(seconds / 60)} minutes left` : `${seconds} seconds left`);

function say(text) {
  const voice = document.querySelector("[data-countdown-said]");
  if (voice && voice.textContent !== text) voice.textContent = text;
}

function over() {
  for (const part of document.querySelectorAll("[data-while-open]")) part.hidden = true;
  for (const part of document.querySelectorAll("[data-when-over][hidden]")) {
    part.hidden = false;
    part.setAttribute("role", "alert");
  }
}

function tick() {
  for (const element of document.querySelectorAll(".countdown[data-until]")) {
    const seconds = left(element);
    const text = clock(seconds);
    const shown = element.querySelector("b");
    if (shown.textContent !== text) shown.textContent = text;
    element.setAttribute("aria-label", words(seconds));
    if (!element.closest("[data-while-open]")) continue;
    if (SAID_AT_S.includes(seconds)) say(words(seconds));
    if (seconds === 0) over();
  }
}

// What is typed in one form goes along with another that sends it by itself: <form data-with="id of the one typed in">.
document.addEventListener("submit", (event) => {
  const source = document.getElementById(event.target.dataset?.with ?? "");
  if (!source) return;
  for (const name of ["name", "image"]) {
    const typed = source.querySelector(`[name="${name}"]`);
    const sent = event.target.querySelector(`input[name="${name}"]`);
    if (typed && sent) sent.value = typed.value;
  }
  const keys = [...source.querySelectorAll("[name='ssh_keys']")];
  if (!keys.length) return;
  for (const sent of event.target.querySelectorAll("input[name='ssh_keys']")) sent.remove();
  for (const key of keys.filter((one) => one.checked)) {
    const sent = Object.assign(document.createElement("input"), { type: "hidden", name: "ssh_keys", value: key.value });
    event.target.append(sent);
  }
}, true);

tick();
isFirst = false;
setInterval(tick, 1000);
