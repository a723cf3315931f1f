// Every time is shown in UTC; pointing at it tells the same instant on the reader's own clock.
document.addEventListener("pointerover", (event) => {
  const time = event.target.closest?.("time[datetime]");
  if (!time || time.title) return;
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.valueOf())) {
    time.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  }
});
