// The form of a contract: rows are added and copied, and what the form comes to follows what is typed.
// Without this module the server says it when the form is saved.
const form = document.querySelector("form[data-sums]");
const rows = document.getElementById("contract-rows");
const blank = document.getElementById("contract-blank");
const total = form.querySelector('[name="lines-TOTAL_FORMS"]');
const PAUSE_MS = 250;
let timer;
let running;

async function refresh() {
  running?.abort();
  running = new AbortController();
  try {
    const reply = await fetch(form.dataset.sums, { method: "POST", body: new FormData(form), signal: running.signal });
    if (!reply.ok) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    for (const part of page.querySelectorAll("[data-part]")) show(part);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

// What stands at a field of the row after a refusal is not said once more below it.
function show(part) {
  const place = document.getElementById(part.id);
  const said = place?.closest("[data-row]")?.querySelectorAll(".contract-field .contract-fault") ?? [];
  const words = new Set(Array.from(said, (fault) => fault.textContent));
  for (const fault of part.querySelectorAll(":scope > .contract-fault")) {
    if (words.has(fault.textContent)) fault.remove();
  }
  place?.replaceWith(part);
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, PAUSE_MS);
}

function add(values = {}) {
  const number = total.value;
  const holder = document.createElement("div");
  holder.innerHTML = blank.innerHTML.replaceAll("__prefix__", number);
  const row = holder.firstElementChild;
  for (const [name, value] of Object.entries(values)) {
    const control = row.querySelector(`[name="lines-${number}-${name}"]`);
    if (control) control.value = value;
  }
  rows.append(row);
  total.value = Number(number) + 1;
  row.querySelector("select, input:not([type=hidden])").focus();
  soon();
}

function valuesOf(row) {
  const controls = [...row.querySelectorAll("[name]")].filter((control) => control.type !== "checkbox");
  const pairs = controls.map((control) => [control.name.replace(/^lines-\d+-/, ""), control.value]);
  // What is copied begins anew: only the first row goes on with a line in force.
  return Object.fromEntries(pairs.filter(([name]) => name !== "origin"));
}

form.addEventListener("input", soon);
form.addEventListener("change", soon);
form.addEventListener("click", (event) => {
  if (event.target.closest("[data-add]")) add();
  const copy = event.target.closest("[data-copy]");
  if (copy) add(valuesOf(copy.closest("[data-row]")));
});
refresh();
// The page after a refusal begins at the first field that is wrong.
form.querySelector(".has-fault :is(input, select, textarea)")?.focus();
