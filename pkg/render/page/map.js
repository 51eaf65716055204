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
const why = document.getElementById("why");
why.hidden = why.querySelectorAll("li").length === 0;
