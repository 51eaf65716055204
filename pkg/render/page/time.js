"use strict";
// The time view: a row for each call on one axis. Solid is what is sure, pale what is likely, a thin line the bounds
// between which it is proved to lie. The axis is broken where nothing happens.

// An axis from instants to 0…1. A stretch in which nothing happens and that would take much of it is broken: it gets
// little room. While a call lasts, something happens.
function broken(instants, calls) {
  const at = [...new Set(instants)].sort((a, b) => a - b);
  if (at.length < 2) at.push((at[0] ?? 0) + 1);
  const length = at.slice(1).map((t, k) => t - at[k]), breaks = new Set();
  for (let found = true; found && breaks.size < 12;) {
    const total = length.reduce((a, b) => a + b, 0);
    found = false;
    length.forEach((d, k) => {
      const busy = calls.some(([from, to]) => from <= at[k] && to >= at[k + 1]);
      if (d < 1000 || d < total * (busy ? 0.7 : 0.3) || breaks.has(k) || at.length < 4) return;
      length[k] = (total - d) * 0.06;
      breaks.add(k);
      found = true;
    });
  }
  const total = length.reduce((a, b) => a + b, 0), ends = [0];
  for (const d of length) ends.push(ends.at(-1) + d / total);
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
  const calls = callsOf(rows);
  const axis = broken(rows.map(when).filter((t) => t !== null), calls.filter(([, end]) => end !== undefined).map((c) => c.map(when))), room = stage.clientWidth;
  const left = Math.min(460, Math.round(room * 0.42)), width = Math.max(120, room - left - 24);
  const x = (t) => left + 12 + ((axis.place(t) - state.zoom[0]) / (state.zoom[1] - state.zoom[0])) * width;
  const scale = { axis, x, left, room, ticks: ticks(axis, x, left, left + 12 + width) };
  drawAxis(heads, scale);
  for (const [i, answer] of calls) stage.append(timeRow(scale, i, answer));
  byId("clock").style.width = left + "px";
}

function ticks(axis, x, low, high) {
  const all = [];
  let end = -Infinity;
  axis.at.slice(1).forEach((to, k) => {
    const from = axis.at[k];
    if (axis.breaks.has(k)) return;
    const density = (x(to) - x(from)) / (to - from); // pixels a millisecond
    const unit = tick(80 / density);
    for (let t = Math.ceil(from / unit) * unit; t <= to && all.length < 200; t += unit) {
      if (x(t) < low || x(t) > high || x(t) - end < 64) continue;
      all.push(t);
      end = x(t);
    }
  });
  return all;
}

function tick(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
}

function drawAxis(box, { axis, x, left, room, ticks }) {
  const svg = shape(box, "svg", { class: "axis", width: room, height: 34, role: "img", "aria-label": "Axis of time" });
  for (const t of ticks) {
    shape(svg, "line", { class: "tick", x1: x(t), x2: x(t), y1: 24, y2: 34 });
    shape(svg, "text", { class: "soft", x: Math.min(x(t), room - 22), y: 18, "text-anchor": "middle" }, inUnits(t));
  }
  for (const k of axis.breaks) {
    const a = x(axis.at[k]), b = x(axis.at[k + 1]), middle = (a + b) / 2;
    if (middle < left || middle > room) continue;
    shape(svg, "path", { class: "break", d: `M${middle - 5} 33l4 -8m2 8l4 -8` });
    shape(svg, "title", {}, `${inUnits(axis.at[k + 1] - axis.at[k])} in which nothing happens are left out`);
  }
  shape(svg, "rect", { class: "hit", x: left, width: room - left, height: 34 });
}

function timeRow(scale, i, answer) {
  const s = report.steps[i], end = report.steps[answer] ?? s, { x, left, room } = scale;
  const names = s.from === s.to ? report.lanes[s.from].name : `${report.lanes[s.from].name} → ${report.lanes[s.to].name}`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  for (const t of scale.ticks) shape(svg, "line", { class: "tick", x1: x(t) - left, x2: x(t) - left, y1: 0, y2: "100%" });
  for (const k of scale.axis.breaks) {
    const a = x(scale.axis.at[k]), b = x(scale.axis.at[k + 1]);
    shape(svg, "rect", { class: "broken", x: Math.min(a, b) - left, width: Math.abs(b - a), y: 0, height: "100%" });
  }
  const g = shape(shape(svg, "svg", { y: "50%", overflow: "visible" }), "g", { class: "message" });
  const clamp = (t) => Math.min(room - left, Math.max(-2, x(t) - left));
  const bar = (kind, a, b, height) => shape(g, "rect", { class: kind, x: clamp(a), width: Math.max(1.5, clamp(b) - clamp(a)), y: -height / 2, height, rx: 2 });
  const low = s.earliest ?? s.best, high = end.latest ?? end.best, likely = report.proved ? null : s.best;
  if (low !== null && high !== null) {
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
  const row = stepRow(i, element("div", { class: "what" }, element("small", {}, names), element("span", {}, labelOf(s), s.failed || end.failed ? " ✗" : "")), element("div", { class: "chart" }, svg));
  row.classList.add("timed");
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
