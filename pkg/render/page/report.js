"use strict";
// What the other scripts share: the report that stands in the page as JSON, the state of the view, and how elements are
// made. Every string of the report becomes text, never markup.
let report = JSON.parse(document.getElementById("report").textContent); // another one while a run goes on
const state = {
  view: "order", detail: report.detail, pod: report.pod, hidden: new Set(), open: new Set(), // what is drawn
  current: -1, shown: Infinity, timer: 0, presenting: false, // how far it has been played
  zoom: [0, 1], // of the axis of time
};

function byId(id) { return document.getElementById(id); }

function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

function shape(parent, name, attributes = {}, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  parent.append(e);
  return e;
}

// What repeats is one more step, which stands for others until it is opened.
function addFolds() {
  for (const f of report.folds) {
    f.row = report.steps.push({
      ...f, fold: f, from: f.lane, to: f.lane, kind: "note", best: null, answers: -1, after: [], evidence: [],
    }) - 1;
  }
}
addFolds();

// What stands elsewhere while all that repeats is folded.
function late() { return state.open.size === 0 ? report.late.find((l) => l.detail === state.detail) : undefined; }

// The phase in which a step stands, or -1.
function phaseOf(i) { return late()?.steps.find(([step]) => step === i)?.[1] ?? report.steps[i]?.phase; }

// The steps that the filters let through, as indices.
function visible() {
  const drawn = (s) => state.pod < 0 || s.pod < 0 || s.pod === state.pod;
  const folds = report.folds.filter((f) => f.detail === state.detail && !state.hidden.has(f.lane) && drawn(f));
  const folded = new Set(folds.filter((f) => !state.open.has(f.row)).flatMap((f) => f.steps));
  const rows = report.steps.map((s, i) => i).filter((i) => {
    const s = report.steps[i];
    return !s.fold && !folded.has(i) && s.detail <= state.detail && !state.hidden.has(s.from) && !state.hidden.has(s.to) &&
      drawn(s);
  });
  for (const f of folds) { // after what it stands for has happened; before that where it is open
    const before = state.open.has(f.row) ? Math.min(...f.steps) : f.before;
    const at = rows.findIndex((i) => !report.steps[i].fold && i >= before);
    rows.splice(at < 0 ? rows.length : at, 0, f.row);
  }
  return rows;
}

// Changes what is visible; what has been shown before is shown then.
function keepShown(change) {
  const rows = visible(), all = state.shown >= rows.length, last = placeOf(rows[state.shown - 1]);
  change();
  state.shown = all ? Infinity : visible().filter((i) => placeOf(i) <= last).length;
}

function placeOf(i) {
  const f = report.steps[i]?.fold;
  if (!f) return i ?? -1;
  return state.open.has(f.row) ? Math.min(...f.steps) - 0.5 : f.before - 0.5;
}

function fullLabel(s) {
  if (s.fold) return `${state.open.has(s.fold.row) ? "▾" : "▸"} ${s.label}`;
  return s.right ? `${s.label} · ${s.right}` : s.label;
}

function spoken(s) {
  const from = report.lanes[s.from].name, to = report.lanes[s.to].name;
  return `${s.time ? s.time + (report.clock || s.time.endsWith("s") ? ", " : " ms, ") : ""}${from}${s.from === s.to ? "" : " to " + to}: ` +
    `${fullLabel(s)}, ${s.failed ? "failed, " : ""}${s.inferred ? "inferred" : "observed"}`;
}

// A duration with the digits that it has in a listing.
function inUnits(ms) {
  if (ms === 0) return "0";
  const d = Math.abs(ms);
  if (d < 1000) return `${ms.toFixed(d < 10 ? 1 : 0)} ms`;
  if (d < 600000) return `${(ms / 1000).toFixed(d < 10000 ? 2 : 1)} s`;
  const s = Math.round(d / 1000), h = Math.floor(s / 3600);
  return (h ? h + "h" : "") + (Math.floor(s / 60) % 60) + "m" + (s % 60 ? (s % 60) + "s" : "");
}

// A time of an axis or of a clock that runs, with few digits.
function inShort(ms) {
  const d = Math.abs(ms);
  return ms === 0 ? "0" : d < 1000 ? `${Number(ms.toFixed(d < 10 ? 1 : 0))} ms` : `${Number((ms / 1000).toFixed(d < 10000 ? 1 : 0))} s`;
}

function phaseColour(e, phase) { e.style.setProperty("--p", report.phases[phase].fill); }

// A row is one step: it can be reached by keyboard and says what it is.
function stepRow(i, ...children) {
  const s = report.steps[i];
  const row = element("div", {
    class: `step k${report.lanes[s.from].kind}${s.inferred ? " inferred" : ""}${s.failed ? " failed" : ""}${s.open ? " open" : ""}`,
    role: "button", tabindex: 0, "aria-label": spoken(s), title: spoken(s), "data-step": i,
  }, ...children);
  if (s.fold) row.setAttribute("aria-expanded", state.open.has(i));
  row.addEventListener("click", () => (s.fold ? unfold(i) : choose(i === state.current ? -1 : i)));
  row.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || e.target !== row) return;
    e.preventDefault();
    (s.fold ? unfold : choose)(i);
  });
  return row;
}
