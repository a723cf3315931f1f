// Forms: <form data-once>, and any form by <button data-once>, is sent once, however often that is pressed; the server
// takes care of it in any case. A button that names another address than its form's leads there: the browser sends it,
// and no part of the page is renewed instead.
// <textarea data-max-bytes="16384"> counts what UTF-8 makes of it in <p data-count-of="its id">, and is not sent when
// it is too large: a request that is far too large is not read by the server, and what was typed would be lost.
const WAITING_MS = 10_000;
const bytes = new TextEncoder();

function wait(form, button) {
  form.dataset.sent = "";
  button?.setAttribute("aria-disabled", "true");
  button?.classList.add("busy");
}

function ready(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("button.busy")) {
    button.removeAttribute("aria-disabled");
    button.classList.remove("busy");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.submitter?.hasAttribute("formaction")) event.stopPropagation();
  if (!form.matches("[data-once]") && !event.submitter?.matches("[data-once]")) return;
  if ("sent" in form.dataset || isTooLarge(form)) {
    event.preventDefault();
    return;
  }
  wait(form, event.submitter);
  // An answer that never comes must not lock the form for good.
  setTimeout(() => ready(form), WAITING_MS);
}, true);

// htmx remembers which button was touched last, and would send the change of a field to its address: not to such a one.
for (const touched of ["click", "focusin"]) {
  document.addEventListener(touched, (event) => {
    if (event.target.closest?.("button[formaction]")) event.stopPropagation();
  }, true);
}

// A page that comes back from the browser's memory comes back with its button as it was left.
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(ready));

// Browsers send line ends as CR LF and the server undoes that: what counts is as it is typed here.
const sizeOf = (field) => bytes.encode(field.value).length;
const limitOf = (field) => Number(field.dataset.maxBytes);

function isTooLarge(form) {
  const field = [...form.querySelectorAll("[data-max-bytes]")].find((one) => sizeOf(one) > limitOf(one));
  if (!field) return false;
  field.setCustomValidity(`At most ${limitOf(field).toLocaleString("en")} bytes are possible.`);
  field.reportValidity();
  return true;
}

function count(field) {
  field.setCustomValidity("");
  const label = document.querySelector(`[data-count-of="${field.id}"]`);
  if (!label) return;
  const size = sizeOf(field);
  label.hidden = size === 0;
  label.textContent = `${size.toLocaleString("en")} of ${limitOf(field).toLocaleString("en")} bytes`;
  label.classList.toggle("bad", size > limitOf(field));
}

document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-max-bytes]")) count(event.target);
});
document.querySelectorAll("[data-max-bytes]").forEach(count);
