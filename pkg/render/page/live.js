"use strict";
// The page while the run goes on: of each new picture it keeps what its reader has chosen.
let follows = true; // the newest step, as long as that was in sight

// A fold is told by where it begins and in which detail, a step by its message.
function keyOf(i) {
  const s = report.steps[i];
  return s && (s.fold ? `fold ${s.detail} ${s.key}` : s.key);
}

function indexOf(key) { return key === undefined ? -1 : report.steps.findIndex((_, i) => keyOf(i) === key); }

// Another picture of the same run, with the same steps chosen, opened, shown and hidden as far as they are in it.
function renew(next) {
  const rows = visible(), all = state.shown >= rows.length, last = keyOf(rows[state.shown - 1]), current = keyOf(state.current);
  const open = [...state.open].map(keyOf), hidden = [...state.hidden].map((l) => report.lanes[l].name);
  const lanes = report.lanes.map((l) => l.name).join("\n"), pod = report.pods[state.pod]?.name, before = report.steps.length;
  const chosen = pod !== undefined || state.pod !== report.pod; // or else the picture chooses
  const top = scrollY, side = byId("stage").scrollLeft;
  report = next;
  addFolds();
  state.hidden = new Set(report.lanes.flatMap((l, k) => (hidden.includes(l.name) ? [k] : [])));
  state.open = new Set(open.map(indexOf).filter((i) => i >= 0));
  const at = report.pods.findIndex((p) => p.name === pod && p.drawn);
  state.pod = chosen && before ? at : report.pod;
  state.current = indexOf(current);
  const place = all ? -1 : visible().indexOf(indexOf(last));
  state.shown = all ? Infinity : place + 1;
  document.title = report.title;
  texts();
  byId("outcome").textContent = report.outcome || report.status || "";
  if (report.steps.some((s) => s.open)) byId("legend").append(" A row with an amber edge may still change or move.");
  if (lanes !== report.lanes.map((l) => l.name).join("\n")) laneBoxes();
  drawBar();
  drawPods();
  draw();
  byId("stage").scrollLeft = side;
  scrollTo(scrollX, top);
  if (all) newest(before < report.steps.length);
}

// Brings the newest step in sight, for who was there and reads nothing else: in presenter mode it is the one that is
// told of.
function newest(more) {
  if (state.presenting && more) show(Infinity);
  else if (!state.presenting && follows && state.current < 0) byId("stage").lastElementChild?.scrollIntoView({ block: "end" });
}

function inSight() {
  const last = byId("stage").lastElementChild?.getBoundingClientRect();
  return !last || last.top < innerHeight;
}

new ResizeObserver(() => byId("heads").style.setProperty("--top", header.offsetHeight + "px")).observe(header);
addEventListener("scroll", () => { follows = inSight(); }, { passive: true });
byId("outcome").textContent = "Nothing has happened yet";
connect();
