// The API call that a form stands for follows what is typed: <span data-json-of="name of the control">.
// Without this module the call shows what the page was sent with.
function value(form, name) {
  const controls = [...form.querySelectorAll(`[name="${name}"]`)];
  if (controls.some((control) => control.type === "checkbox")) {
    return controls.filter((control) => control.checked).map((control) => control.value);
  }
  return controls[0]?.value ?? "";
}

// It stands between single quotes in a shell: JSON can spell that quote otherwise.
const json = (data) => JSON.stringify(data).replaceAll("'", "\\u0027");

function follow(form) {
  for (const span of document.querySelectorAll("[data-json-of]")) span.textContent = json(value(form, span.dataset.jsonOf));
}

for (const form of document.querySelectorAll("form[data-as-api]")) {
  form.addEventListener("input", () => follow(form));
  follow(form);
}
