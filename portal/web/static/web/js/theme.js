// Switches the colours at once; the cookie makes the server send the next page in them, so nothing flashes.
// Without this module the same form posts and the page reloads.
const YEAR_S = 31_536_000;

document.documentElement.dataset.js = "1";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-form] button[name=theme]");
  if (!button) return;
  event.preventDefault();
  const theme = button.value;
  document.documentElement.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR_S}; samesite=lax${secure}`;
  for (const other of button.form.querySelectorAll("button[name=theme]")) {
    other.setAttribute("aria-pressed", String(other === button));
  }
});
