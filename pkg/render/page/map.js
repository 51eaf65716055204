"use strict";
// The page of a map: which arrow is chosen, and what is shown of it.
const arrows = [...document.querySelectorAll(".link")];
let chosen = -1;

function choose(i, focus) {
  chosen = i;
  for (const a of arrows) a.classList.toggle("current", a === arrows[i]);
  for (const p of document.querySelectorAll("#evidence > section")) p.hidden = p.dataset.link !== arrows[i]?.dataset.link;
  document.querySelector("#stage svg").classList.toggle("chosen", i >= 0);
  if (i >= 0 && focus) arrows[i].focus({ preventScroll: false });
}

function step(by) { if (arrows.length) choose((chosen < 0 && by < 0 ? 0 : chosen + by + arrows.length) % arrows.length, true); }

for (const [i, a] of arrows.entries()) {
  a.addEventListener("click", () => choose(chosen === i ? -1 : i));
  a.addEventListener("focus", () => { if (a.matches(":focus-visible")) choose(i); });
}
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.altKey || e.metaKey) return;
  if (e.key === "Escape") choose(-1);
  else if (e.key === "ArrowRight") step(1);
  else if (e.key === "ArrowLeft") step(-1);
  else if ((e.key === "Enter" || e.key === " ") && e.target.classList?.contains("link")) choose(arrows.indexOf(e.target));
  else return;
  e.preventDefault();
});
document.getElementById("forward").addEventListener("click", () => step(1));
document.getElementById("back").addEventListener("click", () => step(-1));
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
for (const code of document.querySelectorAll("#evidence code")) { // one click has the command ready to be copied
  code.addEventListener("click", () => getSelection().selectAllChildren(code));
}
// The messages of a run light up where they pass, one after another.
const playButton = document.getElementById("play");
let messages = [], at = -1, timer = 0;

function light(i) {
  at = i;
  for (const e of document.querySelectorAll(".lit")) e.classList.remove("lit");
  for (const [k, m] of messages.entries()) m.classList.toggle("current", k === i);
  const m = messages[i];
  if (!m) return;
  const place = m.dataset.link !== undefined ? `.link[data-link="${m.dataset.link}"]` : `.box[data-component="${m.dataset.component}"]`;
  document.querySelector(place)?.classList.add("lit");
  m.scrollIntoView({ block: "nearest" });
}

function playing(is) {
  clearInterval(timer);
  timer = is ? setInterval(() => (at + 1 < messages.length ? light(at + 1) : playing(false)), 800) : 0;
  playButton.textContent = is ? "Pause" : "Play the run";
  if (is) light(at + 1 < messages.length ? at + 1 : 0);
}

// Takes the messages that the page has.
function take() {
  messages = [...document.querySelectorAll("#run li")];
  for (const [i, m] of messages.entries()) {
    m.addEventListener("click", () => light(i));
    m.addEventListener("focus", () => { if (m.matches(":focus-visible")) light(i); });
  }
  playButton.hidden = messages.length === 0;
}

playButton.addEventListener("click", () => playing(timer === 0));
take();
const why = document.getElementById("why");
why.hidden = why.querySelectorAll("li").length === 0;
