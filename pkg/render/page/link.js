"use strict";
// The way to the run: whenever there is something new the page asks for the picture anew, no faster than it can draw, and
// has renew draw it. Once the run has ended it keeps the page of -o html, if there is one, to be saved.
const live = element("p", { id: "live", role: "status" }), save = element("button", { id: "save", hidden: "" }, "Save");
const link = { stale: true, busy: false, ended: false, saved: null };

function says(state, text) {
  live.className = state;
  live.textContent = text;
  document.body.dataset.link = state;
}

// Asks for the picture until there is nothing newer, one at a time, and for no longer than half of the time.
async function pull() {
  link.stale = true;
  if (link.busy) return;
  link.busy = true;
  try {
    while (link.stale) {
      link.stale = false;
      const begun = performance.now(), answer = await fetch("picture", { cache: "no-store" });
      if (answer.status === 200) renew(await answer.json());
      await new Promise((next) => setTimeout(next, Math.max(50, performance.now() - begun)));
    }
    if (link.ended && link.saved === null) await keep();
  } catch {
    if (!link.ended) says("lost", "connection lost");
  }
  link.busy = false;
}

async function keep() {
  const answer = await fetch("page.html", { cache: "no-store" });
  if (answer.status !== 200) return;
  link.saved = await answer.blob();
  save.hidden = false;
}

function saveAs() {
  const a = element("a", { href: URL.createObjectURL(link.saved), download: report.title.replace(/[^\p{L}\p{N}.-]+/gu, "-") + ".html" });
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60000);
}

function connect() {
  const events = new EventSource("events");
  events.onopen = () => says("on", "live");
  events.onerror = () => says("lost", events.readyState === EventSource.CLOSED ? "no connection: reload the page" : "connection lost, trying again");
  for (const name of ["anew", "step", "tail"]) events.addEventListener(name, pull);
  events.addEventListener("end", () => {
    events.close(); // or else it would come again
    link.ended = true;
    says("ended", "ended");
    pull();
  });
  return events;
}

const header = document.querySelector("header");
header.append(live, ...(report.map ? [element("a", { id: "map", href: "map.html", target: "_blank", rel: "opener" }, "Map")] : []), save);
save.addEventListener("click", saveAs);
says("lost", "connecting");
