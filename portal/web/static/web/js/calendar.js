// The calendar by keyboard: one stop for Tab, arrows move, Shift and an arrow (or a click) makes the period longer.
// Each cell is a button that sends the form by itself; without this module all of them are stops for Tab.
const SEND_AFTER_MS = 350;
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
let sending = 0;

const rowsOf = (body) => [...body.rows].map((row) => [...row.querySelectorAll("button[name='at']")]);
const dayOf = (cell) => cell.value.slice(cell.value.lastIndexOf(":") + 1);

function placeOf(body, cell) {
  const rows = rowsOf(body);
  const row = rows.findIndex((cells) => cells.includes(cell));
  return { rows, row, column: rows[row].indexOf(cell) };
}

// Of all cells one is a stop for Tab: the one with the focus, else the first of the chosen period.
function rove() {
  for (const body of document.querySelectorAll("[data-cells]")) {
    body.closest("table").setAttribute("role", "grid");
    const cells = rowsOf(body).flat();
    const stop = cells.find((cell) => cell === document.activeElement) ?? cells.find((cell) => cell.matches(".bar")) ?? cells[0];
    for (const cell of cells) cell.tabIndex = cell === stop ? 0 : -1;
  }
}

function goTo(cell) {
  if (!cell) return;
  cell.focus();
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  rove();
}

function target(body, cell, key) {
  const { rows, row, column } = placeOf(body, cell);
  if (key === "Home") return rows[row][0];
  if (key === "End") return rows[row].at(-1);
  const [down, right] = STEPS[key];
  return rows[row + down]?.[column + right];
}

// Show at once what the form will say in a moment.
function draw(cells, first, last) {
  for (const [place, cell] of cells.entries()) {
    const inside = place >= first && place <= last;
    cell.classList.toggle("bar", inside);
    cell.classList.toggle("opens", place === first);
    cell.classList.toggle("closes", place === last);
    cell.toggleAttribute("aria-pressed", false);
    if (inside) cell.setAttribute("aria-pressed", "true");
  }
}

function extend(body, cell, to) {
  const { rows, row, column } = placeOf(body, cell);
  const cells = rows[row];
  const end = cells.indexOf(to);
  if (end < 0) return;
  let start = cells.findIndex((one) => one.matches(".bar"));
  if (start < 0) start = column;
  const [first, last] = [Math.min(start, end), Math.max(start, end)];
  for (const others of rows) draw(others, others === cells ? first : -1, others === cells ? last : -1);
  clearTimeout(sending);
  sending = setTimeout(() => send(cells[first], cells[last]), SEND_AFTER_MS);
}

function send(first, last) {
  const to = first.form?.querySelector("[data-to]");
  if (!to) return;
  to.value = dayOf(last);
  // Pressed, not submitted: htmx learns from the click which button it was.
  first.click();
  to.value = "";
}

document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.("[data-cells] button[name='at']");
  if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "PageUp" || event.key === "PageDown") {
    event.preventDefault();
    cell.form.querySelectorAll("button[name='go']")[event.key === "PageUp" ? 0 : 2].click();
    return;
  }
  if (!(event.key in STEPS) && event.key !== "Home" && event.key !== "End") return;
  event.preventDefault();
  const body = cell.closest("[data-cells]");
  const next = target(body, cell, event.key);
  if (!next) return;
  if (event.shiftKey && STEPS[event.key]?.[0] !== 0 && event.key in STEPS) return;
  if (event.shiftKey) extend(body, cell, next);
  goTo(next);
});

document.addEventListener("click", (event) => {
  const cell = event.target.closest?.("[data-cells] button[name='at']");
  if (!cell || !event.shiftKey || event.detail === 0) return;
  event.preventDefault();
  extend(cell.closest("[data-cells]"), cell, cell);
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches?.("[data-cells] button[name='at']")) rove();
});

// On narrow screens the chosen period may lie outside of what is shown of the calendar.
function reveal() {
  for (const box of document.querySelectorAll(".calendar-scroll")) {
    const first = box.querySelector(".bar");
    if (!first || box.contains(document.activeElement)) continue;
    const pools = box.querySelector(".corner").offsetWidth;
    const place = first.offsetLeft + (first.offsetParent === box ? 0 : first.offsetParent?.offsetLeft ?? 0);
    const visible = place >= box.scrollLeft + pools && place + first.offsetWidth <= box.scrollLeft + box.clientWidth;
    if (!visible) box.scrollLeft = place - pools - first.offsetWidth;
  }
}

document.addEventListener("htmx:afterSettle", () => {
  rove();
  reveal();
});
rove();
reveal();
