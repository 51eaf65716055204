"use strict";
// The time view: a row for each call on one axis. Solid is what is sure, pale what is likely, a thin line the bounds
// between which it is proved to lie. The axis is broken where nothing happens.

// An axis from instants to 0…1. A stretch in which nothing happens and that would take much of it is broken: it gets
// little room, and says how long it is. While a call lasts, something happens.
function broken(instants, calls) {
  const at = [...new Set(instants)].sort((a, b) => a - b);
  if (at.length < 2) at.push((at[0] ?? 0) + 1);
  const length = at.slice(1).map((t, k) => t - at[k]), breaks = new Set();
  const busy = length.map((_, k) => calls.some(([from, to]) => from <= at[k] && to >= at[k + 1]));
  for (let k = 0; k >= 0 && breaks.size < 12 && at.length > 3;) { // the longest first
    const rest = length.reduce((sum, d, n) => sum + (breaks.has(n) ? 0 : d), 0);
    k = length.reduce((best, d, n) => (breaks.has(n) || d < 1000 || d < rest * (busy[n] ? 0.7 : d < 3000 ? 0.3 : 0.15) || d <= (length[best] ?? 0) ? best : n), -1);
    if (k >= 0) breaks.add(k);
  }
  const share = Math.min(0.06, 0.5 / breaks.size), rest = length.reduce((sum, d, n) => sum + (breaks.has(n) ? 0 : d), 0) || 1;
  const ends = [0];
  length.forEach((d, k) => ends.push(ends[k] + (breaks.has(k) ? share : (d / rest) * (1 - share * breaks.size))));
  const place = (t) => {
    let k = 0;
    while (k < at.length - 2 && t > at[k + 1]) k++;
    return ends[k] + Math.min(1, Math.max(0, (t - at[k]) / (at[k + 1] - at[k]))) * (ends[k + 1] - ends[k]);
  };
  return { at, breaks, place };
}

// Calls and what is no call, as [step, answer].
function callsOf(rows) {
  const answers = new Map(rows.map((i) => [report.steps[i].answers, i])), shown = new Set(rows);
  return rows.filter((i) => !shown.has(report.steps[i].answers)).map((i) => [i, answers.get(i)]);
}

function drawTime(heads, stage, rows) {
  const when = (i) => report.steps[i].best ?? report.steps[i].latest ?? report.steps[i].earliest;
  const calls = new Map(callsOf(rows)), waits = waitsBetween(rows);
  const instants = [...rows.flatMap((i) => (report.steps[i].fold ? report.steps[i].steps : [i])).map(when), ...[...waits.values()].flat().flatMap((w) => [w.from, w.to])];
  const axis = broken(instants.filter((t) => t !== null), [...calls].filter(([, end]) => end !== undefined).map((c) => c.map(when))), room = stage.clientWidth;
  const left = Math.min(460, Math.round(room * 0.42)), width = Math.max(120, room - left - 24);
  const x = (t) => left + 12 + ((axis.place(t) - state.zoom[0]) / (state.zoom[1] - state.zoom[0])) * width;
  const scale = { axis, x, left, room, ticks: ticks(axis, x, left, left + 12 + width) };
  let phase = -1;
  drawAxis(heads, scale);
  rows.forEach((i, n) => {
    for (const wait of waits.get(n) ?? []) stage.append(timeWait(scale, wait, n));
    if (!calls.has(i)) return; // an answer stands with its call
    stage.append(timeRow(scale, i, calls.get(i), phaseOf(i) !== phase));
    phase = phaseOf(i);
  });
  for (const wait of waits.get(rows.length) ?? []) stage.append(timeWait(scale, wait, rows.length));
  byId("clock").style.width = left + "px";
}

// The instants that the axis names: round ones, and those at which it goes on after a break. None is near the middle of
// a break, where its length stands.
function ticks(axis, x, low, high) {
  const middles = [...axis.breaks].map((k) => (x(axis.at[k]) + x(axis.at[k + 1])) / 2), all = [];
  const free = (t) => x(t) >= low && x(t) <= high && [...middles, ...all.map(x)].every((m) => Math.abs(x(t) - m) >= 50);
  axis.at.slice(1).forEach((to, k) => {
    const from = axis.at[k];
    if (axis.breaks.has(k)) return;
    const unit = tick(80 / ((x(to) - x(from)) / (to - from))); // a tick each 80 pixels
    for (let t = Math.ceil(from / unit) * unit; t <= to && all.length < 200; t += unit) if (free(t)) all.push(t);
  });
  for (const k of axis.breaks) if (free(axis.at[k + 1])) all.push(axis.at[k + 1]);
  return all;
}

function tick(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
}

function drawAxis(box, { axis, x, left, room, ticks }) {
  const svg = shape(box, "svg", { class: "axis", width: room, height: 34, role: "img", "aria-label": "Axis of time" });
  const said = ticks.map(inShort);
  for (const [k, t] of ticks.entries()) {
    shape(svg, "line", { class: "tick", x1: x(t), x2: x(t), y1: 24, y2: 34 });
    const text = said.indexOf(said[k]) === said.lastIndexOf(said[k]) ? said[k] : inUnits(t);
    shape(svg, "text", { class: "soft", x: Math.min(x(t), room - 22), y: 18, "text-anchor": "middle" }, text);
  }
  for (const k of axis.breaks) {
    const a = x(axis.at[k]), b = x(axis.at[k + 1]), middle = (a + b) / 2;
    if (middle < left || middle > room) continue;
    const g = shape(svg, "g"), length = inShort(axis.at[k + 1] - axis.at[k]);
    shape(g, "path", { class: "break", d: `M${middle - 5} 33l4 -8m2 8l4 -8` });
    if (widthOf(length, smallFont) < Math.abs(b - a) + 8) shape(g, "text", { class: "phase", x: middle, y: 18, "text-anchor": "middle" }, length);
    shape(g, "title", {}, `${waitIn(axis, k)}${length} in which nothing happens are left out`);
  }
  shape(svg, "rect", { class: "hit", x: left, width: room - left, height: 34 });
}

// The wait that a break of the axis leaves out, if it is one.
function waitIn(axis, k) { return waitingFor((axis.at[k] + axis.at[k + 1]) / 2); }

// The axis behind a row. What a break leaves out has the colour of a wait where it is one.
function chart({ axis, x, left, ticks }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  for (const t of ticks) shape(svg, "line", { class: "tick", x1: x(t) - left, x2: x(t) - left, y1: 0, y2: "100%" });
  for (const k of axis.breaks) {
    const a = x(axis.at[k]), b = x(axis.at[k + 1]);
    shape(svg, "rect", { class: waitIn(axis, k) ? "broken waited" : "broken", x: Math.min(a, b) - left, width: Math.abs(b - a), y: 0, height: "100%" });
  }
  return svg;
}

// A wait of which no row is drawn.
function timeWait(scale, wait, before) {
  const p = report.phases[wait.phase], bar = element("i", { class: "waits" });
  const place = (t) => Math.min(scale.room - scale.left, Math.max(-2, scale.x(t) - scale.left));
  bar.style.left = place(wait.from) + "px";
  bar.style.width = Math.max(1.5, place(wait.to) - place(wait.from)) + "px";
  const what = element("div", { class: "what" }, element("span", {}, element("b", {}, p.name), " " + waited(wait)));
  what.style.width = scale.left + "px";
  const row = element("div", { class: "wait timed", title: `${p.name} ${waited(wait)}: ${p.explain}`, "data-before": before }, what, element("div", { class: "chart" }, chart(scale), bar));
  phaseColour(row, wait.phase);
  return row;
}

function timeRow(scale, i, answer, begins) {
  const s = report.steps[i], end = report.steps[answer] ?? s, { x, left, room } = scale;
  const names = s.from === s.to ? report.lanes[s.from].name : `${report.lanes[s.from].name} → ${report.lanes[s.to].name}`;
  const svg = chart(scale);
  const g = shape(shape(svg, "svg", { y: "50%", overflow: "visible" }), "g", { class: "message" });
  const clamp = (t) => Math.min(room - left, Math.max(-2, x(t) - left));
  const bar = (kind, a, b, height) => shape(g, "rect", { class: kind, x: clamp(a), width: Math.max(1.5, clamp(b) - clamp(a)), y: -height / 2, height, rx: 2 });
  const low = s.earliest ?? s.best, high = end.latest ?? end.best, likely = report.proved ? null : s.best;
  if (s.fold) { // each time something of it happened
    for (const t of s.steps.map((k) => report.steps[k].best).filter((t) => t !== null)) shape(g, "path", { class: "whisker", d: `M${clamp(t)} -6v12` });
  } else if (low !== null && high !== null) {
    shape(g, "path", { class: "whisker", d: `M${clamp(low)} -5v10m0 -5H${clamp(high)}m0 -5v10` });
    if (end !== s) {
      bar("pale", likely ?? low, (report.proved ? null : end.best) ?? high, 12);
      if (s.latest !== null && end.earliest !== null && s.latest < end.earliest) bar("sure", s.latest, end.earliest, 12);
    } else if (likely !== null) {
      const sharp = clamp(high) - clamp(low) < 6;
      shape(g, "path", { class: "instant" + (sharp ? "" : " pale"), d: `M${clamp(likely)} -6l6 6l-6 6l-6 -6z` });
    } else {
      bar("pale", low, high, 8);
    }
  }
  const at = phaseOf(i), phase = begins && at >= 0 ? [element("b", {}, report.phases[at].name)] : [];
  const row = stepRow(i, element("div", { class: "what" }, element("small", {}, ...phase, names), element("span", {}, labelOf(s), s.failed || end.failed ? " ✗" : "")), element("div", { class: "chart" }, svg));
  row.classList.add("timed");
  if (at >= 0) {
    row.classList.add("banded");
    phaseColour(row, at);
  }
  row.querySelector(".what").style.width = left + "px";
  return row;
}

// By a factor, around a place of the axis of 0…1 as it is seen.
function zoomBy(factor, around = 0.5) {
  const [a, b] = state.zoom, size = Math.min(1, Math.max(0.001, (b - a) * factor));
  moveTo(a + (b - a) * around - size * around, size);
}

function moveTo(begin, size = state.zoom[1] - state.zoom[0]) {
  const a = Math.min(1 - size, Math.max(0, begin));
  state.zoom = [a, a + size];
  draw();
}
