// Copy buttons: <button data-copy="id of the element whose text is copied">; of a list, the line of code in each item.
const SHOWN_MS = 1600;

function select(source) {
  const range = document.createRange();
  range.selectNodeContents(source);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

function textOf(source) {
  const lines = source.matches("ul, ol") ? [...source.querySelectorAll("code")] : [source];
  return lines.map((line) => line.textContent.trim()).join("\n");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const word = button.querySelector("[data-word]");
  if (!source || !word) return;
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(textOf(source));
  } catch {
    // The clipboard is closed to pages without TLS: leave the text selected instead.
    select(source);
    said = "Press Ctrl+C";
  }
  const before = button.dataset.label ?? word.textContent;
  button.dataset.label = before;
  button.dataset.done = "";
  word.textContent = said;
  setTimeout(() => {
    word.textContent = before;
    delete button.dataset.done;
  }, SHOWN_MS);
});
