// Parts of a page that renew themselves: <div data-live hx-trigger="every 2s, refresh"> and, beside it, a freshness
// mark <p data-fresh hidden>. Polling rests while the tab is hidden, slows down after ten minutes and after failures.
const SLOW_AFTER_MS = 600_000;
const SLOW_GAP_MS = 10_000;
const LONGEST_GAP_MS = 30_000;

const opened = Date.now();
const polls = new WeakMap();

function pollOf(part) {
  if (!polls.has(part)) polls.set(part, { asked: 0, answered: Date.now(), failures: 0, final: false });
  return polls.get(part);
}

function gap(poll) {
  const backOff = poll.failures ? Math.min(LONGEST_GAP_MS, 2_000 * 2 ** poll.failures) : 0;
  return Math.max(backOff, Date.now() - opened > SLOW_AFTER_MS ? SLOW_GAP_MS : 0);
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.target;
  if (!part.matches?.("[data-live]")) return;
  const poll = pollOf(part);
  if (document.hidden || Date.now() - poll.asked < gap(poll)) {
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
  label.textContent = poll.failures ? `No connection, as of ${age} ago` : `Live, updated ${age} ago`;
}

mark();
setInterval(mark, 1000);
