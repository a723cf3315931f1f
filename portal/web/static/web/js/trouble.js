// When a part of a page cannot be renewed, say so; parts that poll say it themselves and try again.
const SENTENCES = {
  "htmx:sendError": "No connection. What you see may be old; try again.",
  "htmx:timeout": "No answer in time. What you see may be old; try again.",
  "htmx:responseError": "Something broke on our side. What you see may be old; try again.",
};

function say(sentence) {
  const notice = document.querySelector("[data-trouble]");
  if (!notice) return;
  notice.querySelector("[data-word]").textContent = sentence;
  notice.hidden = sentence === "";
}

for (const [name, sentence] of Object.entries(SENTENCES)) {
  document.addEventListener(name, (event) => {
    if (!event.target.matches?.("[data-live]")) say(sentence);
  });
}

document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) say("");
});
