// After a part of the page was exchanged, an error summary in it takes the focus; on a full load the HTML attribute
// autofocus does the same without scripts.
document.addEventListener("htmx:afterSettle", (event) => {
  event.target.querySelector?.(".error-summary")?.focus();
});

// What a choice shows may lie outside the window on narrow screens.
document.addEventListener("htmx:afterSettle", (event) => {
  const shown = document.getElementById(event.detail.requestConfig?.elt?.dataset?.shows ?? "");
  shown?.scrollIntoView({ block: "nearest" });
});

// Links of the summary lead to the field itself, not only near it.
document.addEventListener("click", (event) => {
  const link = event.target.closest(".error-summary a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  const target = field.matches("input, select, textarea") ? field : field.querySelector("input, select, textarea");
  (target ?? field).focus();
});
