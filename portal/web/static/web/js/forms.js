// Forms: <form data-once> is sent once, however often its button is pressed; the server takes care of it in any case.
// <textarea data-max-bytes="16384"> counts what UTF-8 makes of it in <output data-count-of="its id">.
const WAITING_MS = 10_000;
const bytes = new TextEncoder();

function wait(form) {
  form.dataset.sent = "";
  const button = form.querySelector("button[type=submit]");
  button?.setAttribute("aria-disabled", "true");
  button?.classList.add("busy");
}

function ready(form) {
  delete form.dataset.sent;
  const button = form.querySelector("button[type=submit]");
  button?.removeAttribute("aria-disabled");
  button?.classList.remove("busy");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    return;
  }
  wait(form);
  // An answer that never comes must not lock the form for good.
  setTimeout(() => ready(form), WAITING_MS);
});

// A page that comes back from the browser's memory comes back with its button as it was left.
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(ready));

function count(field) {
  const output = document.querySelector(`[data-count-of="${field.id}"]`);
  if (!output) return;
  const limit = Number(field.dataset.maxBytes);
  // Browsers send line ends as CR LF and the server undoes that: what counts is as it is typed here.
  const size = bytes.encode(field.value).length;
  output.hidden = size === 0;
  output.textContent = `${size.toLocaleString("en")} of ${limit.toLocaleString("en")} bytes`;
  output.classList.toggle("bad", size > limit);
}

document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-max-bytes]")) count(event.target);
});
document.querySelectorAll("[data-max-bytes]").forEach(count);
