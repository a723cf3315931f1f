// Keyboard: Ctrl/Cmd+K to the search box, "/" too where there is nothing nearer to filter by, "g" then a letter to go somewhere,
// "?" for the list. Single letters rest while typing and can be turned off (WCAG 2.1.4).
const PLACES = { d: "dashboard", a: "availability", r: "reservations", s: "servers", k: "ssh-keys" };
const OFF = "metalyard.keys.off";
const PAUSE_MS = 1200;
let goUntil = 0;

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]") !== null;
const find = () => document.getElementById("find");

function off() {
  try {
    return localStorage.getItem(OFF) === "1";
  } catch {
    return false;
  }
}

function focus(field) {
  field?.focus();
  field?.select?.();
}

function single(key) {
  if (Date.now() < goUntil) {
    goUntil = 0;
    document.querySelector(`[data-go="${PLACES[key]}"]`)?.click();
    return false;
  }
  if (key === "/") focus(document.querySelector("[data-calendar] select") ?? find());
  else if (key === "?") document.getElementById("shortcuts")?.showModal();
  else if (key === "g") goUntil = Date.now() + PAUSE_MS;
  else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && find()) {
    event.preventDefault();
    focus(find());
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || off()) return;
  if (document.querySelector("dialog[open]")) return;
  if (single(event.key)) event.preventDefault();
});

const choice = document.getElementById("keys-on");
if (choice) {
  choice.checked = !off();
  choice.addEventListener("change", () => {
    try {
      localStorage.setItem(OFF, choice.checked ? "0" : "1");
    } catch {
      // Storage is closed in some private windows: the choice then holds for no longer than this page.
    }
  });
}
