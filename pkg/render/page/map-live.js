"use strict";
// The map beside a run that goes on: whenever the run has something new it asks for the map anew, and lights up the newest
// message, as long as nobody looks at another.
const live = document.createElement("p"), link = { stale: true, busy: false };

function says(text) { live.textContent = text; }

async function pull() {
  link.stale = true;
  if (link.busy) return;
  link.busy = true;
  try {
    while (link.stale) {
      link.stale = false;
      const begun = performance.now(), answer = await fetch("map.html", { cache: "no-store" });
      if (answer.status === 200) renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
      await new Promise((next) => setTimeout(next, Math.max(200, performance.now() - begun)));
    }
  } catch {
    says("connection lost");
  }
  link.busy = false;
}

// Takes over the messages that have come; a map with other components or APIs is another page.
function renew(next) {
  if (next.body.dataset.map !== document.body.dataset.map) {
    location.reload();
    return;
  }
  const run = next.getElementById("run"), here = document.getElementById("run"), follows = at === messages.length - 1;
  if (!run) return;
  if (here) here.replaceWith(run);
  else document.getElementById("stage").after(run);
  take();
  if (timer === 0) light(follows ? messages.length - 1 : at);
}

live.id = "live";
live.setAttribute("role", "status");
document.querySelector("header").append(live);
if (messages.length) light(messages.length - 1);
const events = new EventSource("events");
events.onopen = () => says("live");
events.onerror = () => says("connection lost");
for (const name of ["anew", "step", "tail"]) events.addEventListener(name, pull);
events.addEventListener("end", () => {
  events.close(); // or else it would come again
  says("ended");
  pull();
});
