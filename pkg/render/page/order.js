"use strict";
// The sequence diagram: a row for each step, so that a row can open, be folded, and stand on a sheet of paper as a
// whole.
const lineHeight = 16, headLine = 17, phaseHeight = 18;

// Where everything is: places of the lanes, and the lines of each label. A label keeps between the lifelines that it
// is about, so it crosses none that is foreign to it.
function layout(rows, room) {
  const used = report.lanes.map((_, l) => l).filter((l) => rows.some((i) => report.steps[i].from === l || report.steps[i].to === l));
  const place = new Map(used.map((l, k) => [l, k]));
  const times = Math.max(64, ...rows.map((i) => widthOf(report.steps[i].time, smallFont))) + 24;
  const headWords = used.map((l) => Math.max(0, ...pieces(report.lanes[l].name).map((w) => widthOf(w.trimEnd(), boldFont))) + 14);
  const next = (from, to) => Math.abs(from - to) < 2; // lanes side by side: then the label has one gap
  const labels = rows.map((i) => report.steps[i]).filter((s) => !s.fold && next(place.get(s.from), place.get(s.to)))
    .map((s) => ({ s, left: Math.min(place.get(s.from), place.get(s.to)), margin: s.from === s.to ? 30 : 22 }));
  const widened = (all, width) => { // with room for each label
    const wide = [...all];
    for (const l of labels) wide[l.left] = Math.max(wide[l.left], width(l.s) + l.margin);
    return wide;
  };
  const beside = used.map((_, k) => (k + 1 < used.length ? (headWords[k] + headWords[k + 1]) / 2 + 8 : headWords[k] / 2 + 8));
  const turns = widened(used.map((_, k) => Math.max(headWords[k], headWords[k + 1] ?? 0) / 2 + 6), () => 44);
  const sum = (all) => all.reduce((a, b) => a + b, 0), first = times + (headWords[0] ?? 0) / 2 + 4;
  const ratio = (gaps) => room / (first + sum(gaps) + 6), lowest = room < 1000 ? 0.85 : 0.75;
  const stacked = ratio(beside) < lowest && ratio(turns) >= lowest, least = stacked ? turns : beside; // every other head is lower
  const words = widened(least, longestWord), most = widened(words, comfortable); // no word is broken; labels have few lines
  const largest = state.presenting ? 1.4 * Math.max(1, innerHeight / 720) : 1;
  const scale = Math.min(largest, Math.max(stacked ? lowest : 0.85, ratio(words)), Math.max(lowest, ratio(least)));
  const gaps = [...least];
  const has = room / scale - first - 6;
  let free = (has < sum(least) ? sum(words) : has) - sum(least); // what is scrolled anyhow may be wide
  for (const goal of [words, most, gaps.map(() => Infinity)]) {
    const wanted = goal.map((g, k) => Math.max(0, g - gaps[k])), all = sum(wanted);
    const given = wanted.map((w) => (all === Infinity ? free / gaps.length : all > 0 ? w * Math.min(1, free / all) : 0));
    given.forEach((g, k) => { gaps[k] += g; });
    free -= sum(given);
  }
  const x = [first];
  gaps.forEach((g, k) => x.push(x[k] + g));
  const width = x.pop() + 6;
  const at = (lane) => x[place.get(lane)];
  const heads = used.map((l, k) => {
    const more = Math.min(k ? gaps[k - 1] - least[k - 1] : 0, gaps[k] - least[k], stacked ? 0 : 60) / 2, half = headWords[k] / 2 + more;
    return { lane: l, x: x[k], half, lines: wrapText(report.lanes[l].name, 2 * half - 10, boldFont) };
  });
  const headHeight = 14 + headLine * Math.max(1, ...heads.map((h) => h.lines.length));
  heads.forEach((h, k) => { h.top = stacked && k % 2 ? headHeight : 0; });
  const right = (lane) => x[place.get(lane) + 1] ?? width;
  const most40 = labelCharacters * 6.7;
  const lines = new Map(rows.map((i) => {
    const s = report.steps[i], own = s.from === s.to;
    if (s.fold) return [i, wrapText(labelOf(s), width - times - 12, fontOf(s))];
    const span = own ? right(s.from) - at(s.from) - 24 : Math.abs(at(s.to) - at(s.from)) - 16;
    return [i, wrapText(labelOf(s), Math.min(most40, Math.max(40, span)), fontOf(s))];
  }));
  return { used, at, width, scale, times, heads, headHeight, headsHeight: (stacked ? 2 : 1) * headHeight, lines };
}

// The width in which a label has few lines.
function comfortable(s) {
  const text = labelOf(s), font = fontOf(s), wide = widthOf(text, font);
  const lines = Math.min(3, Math.ceil([...text].length / 26));
  return Math.min(wide, (wide / lines) * (lines > 1 ? 1.15 : 1));
}

function longestWord(s) { return Math.max(0, ...pieces(labelOf(s)).map((p) => widthOf(p.trimEnd(), fontOf(s)))); }

function drawOrder(heads, stage, rows) {
  const plan = layout(rows, stage.clientWidth);
  drawHeads(heads, plan);
  const calls = new Map(); // by the call's step, its answer
  rows.forEach((i) => { if (report.steps[i].answers >= 0) calls.set(report.steps[i].answers, i); });
  const open = new Set(), waits = waitsBetween(rows); // answers that are still to come
  let phase = -1; // of the last row that is a step: what repeats has no heading
  rows.forEach((i, n) => {
    const s = report.steps[i];
    for (const wait of waits.get(n) ?? []) {
      stage.append(waitRow(plan, wait, n));
      phase = wait.phase;
    }
    stage.append(s.fold ? foldRow(plan, i) : orderRow(plan, i, phaseOf(i) !== phase, open, calls.get(i)));
    if (!s.fold) phase = phaseOf(i);
  });
  for (const wait of waits.get(rows.length) ?? []) stage.append(waitRow(plan, wait, rows.length));
}

// The waits in the end of which no row is drawn, by the row before which they stand. Those in which this takes little of
// the run are left out.
function waitsBetween(rows) {
  const all = report.phases.flatMap((p, phase) => p.parts.map(([from, to], part) => ({ phase, part, from, to })));
  const total = Math.max(...all.map((x) => x.to)) - Math.min(...all.map((x) => x.from)), found = new Map();
  const when = (i) => report.steps[i].best ?? -Infinity;
  const folds = rows.map((i) => report.steps[i]).filter((s) => s.fold && !state.open.has(s.fold.row)); // which tell of theirs
  const placed = new Map((late()?.waits ?? []).map(([phase, part, step]) => [`${phase} ${part}`, rows.indexOf(step)]));
  for (const x of all) {
    const place = placed.get(`${x.phase} ${x.part}`);
    if (place >= 0) {
      found.set(place, [...(found.get(place) ?? []), { ...x, rows: rows.slice(0, place).some((i) => phaseOf(i) === x.phase && when(i) > x.from) }]);
      continue;
    }
    if (folds.some((f) => f.earliest <= x.from && x.to <= f.latest)) continue;
    const { phase, from, to } = x, after = rows.findIndex((i) => when(i) >= to), next = after < 0 ? rows.length : after;
    const quiet = Math.max(from, ...rows.slice(0, next).filter((i) => phaseOf(i) === phase).map(when));
    if (report.phases[phase].waits && (to - quiet) * 50 >= total) found.set(next, [...(found.get(next) ?? []), { ...x, rows: quiet > from }]);
  }
  return found;
}

// What is said of a wait: how long it was, in all where rows stand in it.
function waited({ phase, part, rows }) {
  const p = report.phases[phase], on = p.open && part === p.parts.length - 1 ? " …" : "";
  return `waits ${p.waited[part]}${on}${rows ? " in all" : ""}`;
}

function waitRow(plan, wait, before) {
  const p = report.phases[wait.phase], height = phaseHeight + 8, svg = drawing(plan, height, {});
  phaseColour(shape(svg, "rect", { class: "band", width: plan.width, height }), wait.phase);
  for (const l of plan.used) shape(svg, "line", { class: "life k" + report.lanes[l].kind, x1: plan.at(l), x2: plan.at(l), y1: 0, y2: height });
  const name = shape(svg, "text", { class: "phase", x: 6, y: 17 }, p.name);
  shape(svg, "text", { class: "label what", x: Math.max(plan.times, 6 + widthOf(p.name, boldFont) + 12), y: 17 }, waited(wait));
  name.classList.add("what");
  return element("div", { class: "wait", title: `${p.name} ${waited(wait)}: ${p.explain}`, "data-before": before }, svg);
}

// The name of a phase, with what it took where there is room left of the lifelines, and where that is one stretch.
function phaseLabel(plan, phase) {
  const p = report.phases[phase], text = `${p.name} ${p.took.replace(/ \(.*/, "")}`;
  return p.parts.length === 1 && widthOf(text, boldFont) < plan.heads[0].x - 12 ? text : p.name;
}

function drawing(plan, height, attributes) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [k, v] of Object.entries({ width: plan.width * plan.scale, height: Math.ceil(height * plan.scale), viewBox: `0 0 ${plan.width} ${height}`, preserveAspectRatio: "none", ...attributes })) svg.setAttribute(k, v);
  return svg;
}

function drawHeads(box, plan) {
  const height = plan.headsHeight + 8, svg = drawing(plan, height, { role: "img", "aria-label": "Participants" });
  for (const h of plan.heads) {
    const lane = report.lanes[h.lane];
    const g = shape(svg, "g", { class: "heads k" + lane.kind });
    shape(g, "line", { class: "life", x1: h.x, x2: h.x, y1: h.top + plan.headHeight, y2: height });
    shape(g, "rect", { x: h.x - h.half, y: h.top + 3, width: 2 * h.half, height: plan.headHeight - 3, rx: 5 });
    const top = h.top + 3 + (plan.headHeight - 3 - headLine * h.lines.length) / 2;
    h.lines.forEach((line, k) => shape(g, "text", { x: h.x, y: top + headLine * (k + 0.75), "text-anchor": "middle" }, line));
    shape(g, "title", {}, lane.name);
  }
  box.append(svg);
  byId("clock").style.width = plan.times * plan.scale + "px";
}

// What repeats: words across the lifelines, which open what they stand for.
function foldRow(plan, i) {
  const s = report.steps[i], lines = plan.lines.get(i), height = lineHeight * lines.length + 12;
  const svg = drawing(plan, height, { "aria-hidden": "true" });
  if (s.phase >= 0) phaseColour(shape(svg, "rect", { class: "band", width: plan.width, height }), s.phase);
  shape(svg, "rect", { class: "hit", width: plan.width, height, rx: 4 });
  for (const l of plan.used) shape(svg, "line", { class: "life k" + report.lanes[l].kind, x1: plan.at(l), x2: plan.at(l), y1: 0, y2: height });
  const g = shape(svg, "g", { class: "message" });
  shape(g, "text", { class: "soft", x: plan.times - 12, y: 18, "text-anchor": "end" }, s.time);
  lines.forEach((line, k) => shape(g, "text", { class: "label", x: plan.times, y: 18 + lineHeight * k }, line));
  return stepRow(i, svg);
}

function orderRow(plan, i, begins, open, answer) {
  const s = report.steps[i], lines = plan.lines.get(i), own = s.from === s.to, at = phaseOf(i), phase = begins && at >= 0;
  const top = phase ? phaseHeight : 0;
  const height = top + (own ? Math.max(28, lineHeight * lines.length + 12) : lineHeight * lines.length + 20);
  const y = own ? top + (height - top) / 2 : height - 10, from = plan.at(s.from), to = plan.at(s.to);
  const svg = drawing(plan, height, { "aria-hidden": "true" });
  if (at >= 0) phaseColour(shape(svg, "rect", { class: "band", width: plan.width, height }), at);
  if (phase) shape(svg, "text", { class: "phase", x: 6, y: 14 }, phaseLabel(plan, at));
  shape(svg, "rect", { class: "hit", y: top, width: plan.width, height: height - top, rx: 4 });
  for (const l of plan.used) shape(svg, "line", { class: "life k" + report.lanes[l].kind, x1: plan.at(l), x2: plan.at(l), y1: 0, y2: height });
  const g = shape(svg, "g", { class: "message" });
  const active = (lane, a, b) => shape(g, "rect", { class: "active k" + report.lanes[lane].kind, x: plan.at(lane) - 4, width: 8, y: a, height: b - a });
  open.delete(i);
  for (const k of open) active(report.steps[k].from, 0, height);
  if (answer !== undefined) {
    active(report.steps[answer].from, y, height);
    open.add(answer);
  }
  if (s.answers >= 0) active(s.from, 0, y);
  shape(g, "text", { class: "soft", x: plan.times - 12, y: y + 4, "text-anchor": "end" }, s.time);
  if (own) {
    if (!s.failed) shape(g, "path", { class: "head", d: `M${from} ${y - 7}l7 7l-7 7l-7 -7z` });
    lines.forEach((line, k) => shape(g, "text", { class: "label", x: from + 14, y: y + 5 + lineHeight * (k - (lines.length - 1) / 2) }, line));
  } else {
    const sign = Math.sign(to - from);
    shape(g, "line", { class: "shaft" + (s.kind === "request" ? "" : " dashed"), x1: from, x2: to - sign * 8, y1: y, y2: y });
    shape(g, "path", { class: "head", d: `M${to - sign} ${y}l${-sign * 10} -5v10z` });
    lines.forEach((line, k) => shape(g, "text", { class: "label", x: (from + to) / 2, y: y - 7 + lineHeight * (k + 1 - lines.length), "text-anchor": "middle" }, line));
  }
  if (s.failed) shape(g, "path", { class: "cross", d: `M${(own ? from : to - 16 * Math.sign(to - from)) - 6} ${y - 6}l12 12m0 -12l-12 12` });
  return stepRow(i, svg);
}
