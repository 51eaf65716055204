"use strict";
// The bars: of the run, and of each of its Pods. Each instant of a bar belongs to a phase, or is not known; where only
// what is proved is drawn, to one of several that stand above one another. Waits are hatched. The fine lines below the
// bar of the run are the bounds between which a border is proved to lie.
function drawBar() {
  const box = byId("phases"), all = report.bar;
  box.hidden = !all.length;
  if (!all.length) return;
  const room = box.clientWidth, start = all[0].from, total = all.at(-1).to - start;
  const least = Math.min(4, room / all.length / 2), shares = all.map((p) => ((p.to - p.from) / (total || 1)) * room);
  const over = shares.reduce((sum, w) => sum + Math.max(0, least - w), 0), large = shares.reduce((sum, w) => sum + Math.max(0, w - least), 0);
  let at = 0;
  all.forEach((p, k) => {
    p.x = at;
    p.width = shares[k] < least ? least : shares[k] - over * ((shares[k] - least) / (large || 1));
    at += p.width;
  });
  const bar = element("div", { class: "bar" }), list = element("ul");
  all.forEach((p, k) => bar.append(barPart(p, all.findIndex((q) => q.phases.includes(p.phases[0])) === k)));
  const svg = shape(element("div"), "svg", { class: "under", width: room, height: 22, "aria-hidden": "true" });
  const place = (t) => { const p = all.find((q) => t <= q.to) ?? all.at(-1); return p.x + Math.min(1, Math.max(0, (t - p.from) / (p.to - p.from || 1))) * p.width; };
  for (const [a, b] of report.proved ? [] : report.borders) {
    if (place(b) - place(a) > 5) shape(svg, "path", { class: "whisker", d: `M${place(a)} 1v4m0 -2H${place(b)}m0 -2v4` });
  }
  for (const [t, anchor] of [[start, "start"], [start + total, "end"]]) shape(svg, "text", { class: "soft", x: place(t), y: 19, "text-anchor": anchor }, report.clock ? inUnits(t - start) : inUnits(t));
  for (const p of report.phases) list.append(phaseItem(p, p.legend, p.explain));
  if (report.together) list.append(element("li", { class: "soft together" }, report.together));
  box.replaceChildren(bar, svg, list);
}

// An entry of a legend of colours.
function phaseItem(p, text, title) {
  const item = element("li", { title, class: kindOf(p) }, text);
  item.style.setProperty("--p", p.fill);
  return item;
}

function kindOf(p) { return p.waits ? "waits" : p.unknown ? "unknown" : ""; }

// Paints a stretch: with the colour of its phase, or with those that it may have, above one another.
function paint(e, fills) {
  e.style.setProperty("--p", fills[0]);
  if (fills.length < 2) return;
  const stop = (k) => (100 * k) / fills.length + "%";
  e.style.background = `linear-gradient(${fills.map((f, k) => `${f} ${stop(k)} ${stop(k + 1)}`).join(", ")})`;
}

// What is said of a stretch: its phase, and of one of several stretches whose it is, and how long.
function saidOf(part, phases) {
  const all = part.phases.map((k) => phases[k]), [p] = all, several = p.parts?.length > 1 || !p.took;
  if (all.length > 1) return `${all.map((q) => q.name).join(" or ")}: it is not proved which`;
  if (!several) return `${p.name} ${p.took}`;
  return report.proved ? named(part, p) : `${named(part, p)} ≈ ${part.took}${p.took ? ` of ${p.took}` : ""}`;
}

function named(part, p) { return part.whose ? `${p.name} ${part.whose}` : p.name; }

// What may stand in a stretch, the longest first.
function labelsOf(part, phases) {
  if (part.phases.length > 1) return [];
  const p = phases[part.phases[0]], said = saidOf(part, phases).replace(/ of .*/, "");
  return [said, said.replace(/ \(.*/, ""), named(part, p), p.name];
}

// The wait of a fixed length that is part of a phase, hatched where its first stretch begins.
function fixedPart(part, p, first) {
  if (!first || !p.fixed || report.proved) return [];
  const wait = element("span", { class: "fixed" });
  wait.style.width = Math.min(1, p.fixed / (part.to - part.from || 1)) * 100 + "%";
  return [wait];
}

function barPart(part, first) {
  const p = report.phases[part.phases[0]], said = saidOf(part, report.phases), one = part.phases.length === 1;
  const button = element("button", { title: one ? `${said}: ${p.explain}` : said, "aria-label": said, class: one ? kindOf(p) : "" });
  paint(button, part.phases.map((k) => report.phases[k].fill));
  button.style.left = part.x + "px";
  button.style.width = part.width + "px";
  button.append(...fixedPart(part, p, first));
  const text = labelsOf(part, report.phases).find((t) => widthOf(t) + 12 <= part.width);
  if (text) button.append(element("b", {}, text));
  button.addEventListener("click", () => {
    const i = visible().find((i) => phaseOf(i) === part.phases[0]);
    if (i !== undefined) choose(i);
  });
  return button;
}

// The bar of a Pod on an axis from here to there. The phases that it shows are noted as used.
function podBar(p, from, to, used) {
  const bar = element("span", { class: "bar" });
  const add = (a, b, title, kind) => {
    const part = element("i", { title, class: kind });
    part.style.left = (100 * (a - from)) / (to - from) + "%";
    part.style.width = `max(2px, ${(100 * (b - a)) / (to - from)}%)`;
    bar.append(part);
    return part;
  };
  const begins = p.bar.at(-1)?.to ?? p.from, ends = p.to ?? to;
  if (begins !== null && begins < ends) add(begins, ends, `${p.name}: ${p.state}`, p.state === "not ready" && !p.bar.length ? "waits" : "life");
  p.bar.forEach((x, k) => {
    const kinds = x.phases.map((n) => p.phases[n]);
    if (x.to > x.from) for (const kind of kinds) used.set(kind.name, kind);
    const part = add(x.from, x.to, saidOf(x, p.phases), kindOf(kinds[0]));
    paint(part, kinds.map((kind) => kind.fill));
    part.append(...fixedPart(x, kinds[0], p.bar.findIndex((y) => y.phases.includes(x.phases[0])) === k));
    part.labels = labelsOf(x, p.phases);
  });
  if (p.failed) add(ends, ends, `${p.name}: failed`, "failed");
  return bar;
}

// Writes into the stretches of the bars of Pods that are drawn what has room there.
function labelPods(box, font = smallFont) {
  for (const part of box.querySelectorAll(".bar i")) {
    const room = part.getBoundingClientRect().width, text = part.labels?.find((t) => widthOf(t, font) + 8 <= room);
    if (text) part.append(element("b", {}, text));
  }
}

// All Pods of the run as bars on one axis: who waited for whom. Of a Pod that was ready, what follows is a line for as
// long as it was there. One of them is drawn below, or all.
function drawPods() {
  const box = byId("pods");
  box.hidden = !report.pods.length;
  if (box.hidden) return;
  const spans = [...report.bar, ...report.pods.flatMap((p) => p.bar)].flatMap((x) => [x.from, x.to]);
  spans.push(...report.pods.flatMap((p) => [p.from, p.to]).filter((t) => t !== null));
  const from = Math.min(0, ...spans), to = Math.max(from + 1, ...spans), used = new Map();
  const rows = report.pods.map((p, k) => {
    const bar = podBar(p, from, to, used);
    const button = podButton(k, element("span", { class: "name" }, p.name), element("span", { class: p.failed ? "failed" : "soft" }, p.failed ? "✗ " : "", p.state), bar);
    button.disabled = !p.drawn;
    return button;
  });
  const legend = element("ul", {}, ...[...used.values()].map((p) => phaseItem(p, p.name, p.name)));
  const all = podButton(-1, element("span", { class: "name" }, report.pods.length > 1 ? `All ${report.pods.length} Pods` : "1 Pod"), element("span"), element("span", { class: "soft ends" }, inUnits(from), legend, inUnits(to)));
  all.disabled = report.pods.some((p) => !p.drawn);
  box.replaceChildren(all, ...rows);
  labelPods(box);
}

function podButton(pod, ...children) {
  const button = element("button", { "aria-pressed": state.pod === pod, "data-pod": pod }, ...children);
  button.addEventListener("click", () => {
    state.current = -1;
    keepShown(() => { state.pod = pod; });
    drawPods();
    draw();
    describe();
  });
  return button;
}
