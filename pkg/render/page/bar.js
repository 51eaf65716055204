"use strict";
// The bar of the run: each instant of it belongs to a phase, or is not known. Waits are hatched; the fine lines below
// are the bounds between which a border is proved to lie.
function drawBar() {
  const box = byId("phases");
  const all = report.phases.flatMap((p, k) => p.parts.map(([from, to], n) => ({ phase: k, first: n === 0, from, to }))).sort((a, b) => a.from - b.from || a.to - b.to);
  box.hidden = !all.length;
  if (!all.length) return;
  const room = box.clientWidth, start = all[0].from, total = Math.max(...all.map((p) => p.to)) - start;
  const least = Math.min(4, room / all.length / 2), shares = all.map((p) => ((p.to - p.from) / (total || 1)) * room);
  const over = shares.reduce((sum, w) => sum + Math.max(0, least - w), 0), large = shares.reduce((sum, w) => sum + Math.max(0, w - least), 0);
  let at = 0;
  all.forEach((p, k) => {
    p.x = at;
    p.width = shares[k] < least ? least : shares[k] - over * ((shares[k] - least) / (large || 1));
    at += p.width;
  });
  const bar = element("div", { class: "bar" }), list = element("ul");
  for (const p of all) bar.append(barPart(p));
  const svg = shape(element("div"), "svg", { class: "under", width: room, height: 22, "aria-hidden": "true" });
  const place = (t) => { const p = all.find((q) => t <= q.to) ?? all.at(-1); return p.x + Math.min(1, Math.max(0, (t - p.from) / (p.to - p.from || 1))) * p.width; };
  for (const [a, b] of report.borders) {
    if (place(b) - place(a) > 5) shape(svg, "path", { class: "whisker", d: `M${place(a)} 1v4m0 -2H${place(b)}m0 -2v4` });
  }
  for (const [t, anchor] of [[start, "start"], [start + total, "end"]]) shape(svg, "text", { class: "soft", x: place(t), y: 19, "text-anchor": anchor }, report.clock ? inUnits(t - start) : inUnits(t));
  report.phases.forEach((p, k) => {
    const item = element("li", { title: p.explain, class: p.waits ? "waits" : p.unknown ? "unknown" : "" }, `${p.name} ${p.took}`);
    phaseColour(item, k);
    list.append(item);
  });
  box.replaceChildren(bar, svg, list);
}

function barPart(part) {
  const p = report.phases[part.phase], said = `${p.name} ${p.took}`;
  const button = element("button", { title: `${said}: ${p.explain}`, "aria-label": said, class: p.waits ? "waits" : p.unknown ? "unknown" : "" });
  phaseColour(button, part.phase);
  button.style.left = part.x + "px";
  button.style.width = part.width + "px";
  if (part.first && p.fixed) {
    const wait = element("span", { class: "fixed" });
    wait.style.width = Math.min(1, p.fixed / (part.to - part.from || 1)) * 100 + "%";
    button.append(wait);
  }
  const text = [said, p.name].find((t) => widthOf(t) + 12 <= part.width);
  if (text) button.append(element("b", {}, text));
  button.addEventListener("click", () => {
    const i = visible().find((i) => report.steps[i].phase === part.phase);
    if (i !== undefined) choose(i);
  });
  return button;
}

// All Pods of the run as bars on one axis: who waited for whom. One of them is drawn below, or all.
function drawPods() {
  const box = byId("pods");
  box.hidden = report.pods.length < 2;
  if (box.hidden) return;
  const spans = [...report.phases, ...report.pods].flatMap((p) => p.parts.flatMap((x) => [x.from ?? x[0], x.to ?? x[1]]));
  spans.push(...report.pods.flatMap((p) => [p.from, p.to]).filter((t) => t !== null));
  const from = Math.min(0, ...spans), to = Math.max(from + 1, ...spans);
  const percent = (t) => (100 * (t - from)) / (to - from) + "%";
  const rows = report.pods.map((p, k) => {
    const bar = element("span", { class: "bar" });
    const add = (a, b, title, kind) => {
      const part = element("i", { title, class: kind });
      part.style.left = percent(a);
      part.style.width = `max(2px, ${(100 * (b - a)) / (to - from)}%)`;
      bar.append(part);
      return part;
    };
    if (!p.parts.length && p.from !== null) add(p.from, to, `${p.name}: ${p.state}`, p.failed ? "failed" : p.state === "not ready" ? "waits" : "done");
    for (const x of p.parts) add(x.from, x.to, `${x.name} ${inUnits(x.to - x.from)}`, x.waits ? "waits" : "").style.setProperty("--p", x.fill);
    const button = podButton(k, element("span", { class: "name" }, p.name), element("span", { class: p.failed ? "failed" : "soft" }, p.failed ? "✗ " : "", p.state), bar);
    button.disabled = !p.drawn;
    return button;
  });
  const all = podButton(-1, element("span", { class: "name" }, `All ${report.pods.length} Pods`), element("span"), element("span", { class: "soft ends" }, inUnits(from), element("b"), inUnits(to)));
  all.disabled = report.pods.some((p) => !p.drawn);
  box.replaceChildren(all, ...rows);
}

function podButton(pod, ...children) {
  const button = element("button", { "aria-pressed": state.pod === pod, "data-pod": pod }, ...children);
  button.addEventListener("click", () => {
    state.pod = pod;
    state.current = -1;
    drawPods();
    draw();
    describe();
  });
  return button;
}
