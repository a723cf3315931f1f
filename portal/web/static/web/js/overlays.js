// Dialogs, menus, and links to what is folded away (data-opens). A link with data-dialog leads to a page that asks the same question: it works without this module.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog) {
    event.preventDefault();
    dialog.showModal();
    return;
  }
  const unfolder = event.target.closest("[data-opens]");
  const folded = unfolder && document.getElementById(unfolder.dataset.opens)?.closest("details");
  if (folded) folded.open = true;
  const closer = event.target.closest("[data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog")?.close();
    return;
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  }
});

// A name that must be typed to confirm: say so before the round trip; the server checks it in any case.
document.addEventListener("input", (event) => {
  const wanted = event.target.dataset?.match;
  if (wanted === undefined) return;
  const typed = event.target.value.trim();
  event.target.setCustomValidity(typed === wanted ? "" : `Type ${wanted} to confirm.`);
});
