"use strict";
// What the other scripts share: the report that stands in the page as JSON, the state of the view, and how elements are
// made. Every string of the report becomes text, never markup.
const report = JSON.parse(document.getElementById("report").textContent);
const state = {
  view: "order", detail: report.detail, pod: report.pod, hidden: new Set(), // what is drawn
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

// The steps that the filters let through, as indices.
function visible() {
  return report.steps.map((s, i) => i).filter((i) => {
    const s = report.steps[i];
    return s.detail <= state.detail && !state.hidden.has(s.from) && !state.hidden.has(s.to) &&
      (state.pod < 0 || s.pod < 0 || s.pod === state.pod);
  });
}

function fullLabel(s) { return s.right ? `${s.label} · ${s.right}` : s.label; }

function spoken(s) {
  const from = report.lanes[s.from].name, to = report.lanes[s.to].name;
  return `${s.time ? s.time + (report.clock ? ", " : " ms, ") : ""}${from}${s.from === s.to ? "" : " to " + to}: ` +
    `${fullLabel(s)}, ${s.failed ? "failed, " : ""}${s.inferred ? "inferred" : "observed"}`;
}

function inUnits(ms) {
  if (ms === 0) return "0";
  const d = Math.abs(ms);
  if (d < 1000) return `${Number(ms.toFixed(d < 10 ? 1 : 0))} ms`;
  return `${Number((ms / 1000).toFixed(d < 10000 ? 1 : 0))} s`;
}

function phaseColour(e, phase) { e.style.setProperty("--p", report.phases[phase].fill); }

// A row is one step: it can be reached by keyboard and says what it is.
function stepRow(i, ...children) {
  const s = report.steps[i];
  const row = element("div", {
    class: `step k${report.lanes[s.from].kind}${s.inferred ? " inferred" : ""}${s.failed ? " failed" : ""}`,
    role: "button", tabindex: 0, "aria-label": spoken(s), title: spoken(s), "data-step": i,
  }, ...children);
  row.addEventListener("click", () => choose(i === state.current ? -1 : i));
  row.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || e.target !== row) return;
    e.preventDefault();
    choose(i);
  });
  return row;
}
