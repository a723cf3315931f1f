// Parts of a page that renew themselves: <div data-live hx-trigger="every 2s, refresh"> with, in it, how many seconds
// to wait for the next time, <div data-every="30" hidden>, and, beside it, a freshness mark <p data-fresh hidden>.
// Polling rests while the tab is hidden, slows down after ten minutes and after failures.
const SLOW_AFTER_MS = 600_000;
const SLOW_GAP_MS = 10_000;
const LONGEST_GAP_MS = 30_000;
const TICK_MS = 2_000;

const opened = Date.now();
const polls = new WeakMap();

function pollOf(part) {
  if (!polls.has(part)) polls.set(part, { asked: opened, answered: Date.now(), failures: 0, final: false });
  return polls.get(part);
}

function gap(part, poll) {
  const wanted = Number(part.querySelector("[data-every]")?.dataset.every ?? 0) * 1000;
  const backOff = poll.failures ? Math.min(LONGEST_GAP_MS, 2_000 * 2 ** poll.failures) : 0;
  const tired = Date.now() - opened > SLOW_AFTER_MS ? SLOW_GAP_MS : 0;
  // Half a tick less: timers are not exact, and a tick that comes early must not be lost.
  return Math.max(backOff, tired, wanted) - TICK_MS / 2;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.target;
  if (!part.matches?.("[data-live]")) return;
  const poll = pollOf(part);
  // What is asked for by a person or a returning tab comes at once; only the timer has to wait.
  const byTimer = event.detail.requestConfig.triggeringEvent?.type !== "refresh";
  if (document.hidden || (byTimer && Date.now() - poll.asked < gap(part, poll))) {
    event.preventDefault();
    return;
  }
  poll.asked = Date.now();
});

document.addEventListener("htmx:afterRequest", (event) => {
  const part = event.target;
  if (!part.matches?.("[data-live]")) return;
  const poll = pollOf(part);
  const status = event.detail.xhr?.status ?? 0;
  if (status >= 200 && status < 300) {
    poll.answered = Date.now();
    poll.failures = 0;
    poll.final = status === 286;
  } else {
    poll.failures += 1;
    poll.trouble = status ? "Not renewed" : "No connection";
  }
  mark();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden || !globalThis.htmx) return;
  for (const part of document.querySelectorAll("[data-live]")) htmx.trigger(part, "refresh");
});

function mark() {
  const label = document.querySelector("[data-fresh]");
  const part = document.querySelector("[data-live]");
  if (!label) return;
  const poll = part && pollOf(part);
  label.hidden = !poll || poll.final;
  if (label.hidden) return;
  const seconds = Math.round((Date.now() - poll.answered) / 1000);
  const age = seconds < 60 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  label.toggleAttribute("data-stale", poll.failures > 0);
  label.textContent = poll.failures ? `${poll.trouble}, as of ${age} ago` : `Live, updated ${age} ago`;
}

// What the reader opened stays open when the part around it is renewed.
if (globalThis.Idiomorph) {
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.matches("details"));
}

mark();
setInterval(mark, 1000);
