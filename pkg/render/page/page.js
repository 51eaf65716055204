"use strict";
// Draws the report that stands in the page as JSON. Every string of it becomes text, never markup.
(() => {
  const report = JSON.parse(document.getElementById("report").textContent);
  const byId = (id) => document.getElementById(id);
  const state = { view: "order", detail: report.detail, hidden: new Set(), open: new Set(), current: -1, shown: Infinity, timer: 0 };

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
  for (const f of report.folds) {
    f.row = report.steps.push({
      ...f, fold: f, from: f.lane, to: f.lane, kind: "note", best: null, answers: -1, after: [], evidence: [],
    }) - 1;
  }

  // The steps that the filters let through, as indices.
  function visible() {
    const folds = report.folds.filter((f) => f.detail === state.detail && !state.hidden.has(f.lane));
    const folded = new Set(folds.filter((f) => !state.open.has(f.row)).flatMap((f) => f.steps));
    const rows = report.steps.map((s, i) => i).filter((i) => {
      const s = report.steps[i];
      return !s.fold && s.detail <= state.detail && !state.hidden.has(s.from) && !state.hidden.has(s.to) && !folded.has(i);
    });
    for (const f of folds) {
      const at = rows.findIndex((i) => !report.steps[i].fold && i >= f.before);
      rows.splice(at < 0 ? rows.length : at, 0, f.row);
    }
    return rows;
  }

  function fullLabel(s) { return s.fold ? `${state.open.has(s.fold.row) ? "▾" : "▸"} ${s.label}` : s.right ? `${s.label} · ${s.right}` : s.label; }
  function spoken(s) {
    const from = report.lanes[s.from].name, to = report.lanes[s.to].name;
    return `${s.time ? s.time + " ms, " : ""}${from}${s.from === s.to ? "" : " to " + to}: ${fullLabel(s)}, ${s.inferred ? "inferred" : "observed"}`;
  }

  // A group that is one step: it can be reached by keyboard and says what it is.
  function stepGroup(svg, i, row) {
    const s = report.steps[i];
    const g = shape(svg, "g", {
      class: `step k${report.lanes[s.from].kind}${s.inferred ? " inferred" : ""}${row >= state.shown ? " later" : ""}${i === state.current ? " current" : ""}`,
      role: "button", tabindex: row >= state.shown ? -1 : 0, "aria-label": spoken(s), "data-step": i,
    });
    if (s.fold) g.setAttribute("aria-expanded", state.open.has(i));
    shape(g, "title", {}, spoken(s));
    g.addEventListener("click", () => press(i));
    g.addEventListener("keydown", (e) => {
      if (e.key !== "Enter") return;
      e.preventDefault();
      press(i);
    });
    return g;
  }

  const rowHeight = 38, headHeight = 44, timeWidth = 112;

  function drawOrder(stage, rows) {
    const used = report.lanes.map((_, l) => l).filter((l) => rows.some((i) => report.steps[i].from === l || report.steps[i].to === l));
    const gap = Math.max(104, (stage.clientWidth - timeWidth - 24) / Math.max(1, used.length));
    const width = timeWidth + gap * used.length + 20, height = headHeight + rowHeight * (rows.length + 0.6);
    const x = (lane) => timeWidth + gap * (used.indexOf(lane) + 0.5), y = (row) => headHeight + rowHeight * (row + 0.85);
    const svg = shape(stage, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Sequence diagram of " + report.title });
    drawBands(svg, rows, width);
    for (const l of used) {
      shape(svg, "line", { class: "life k" + report.lanes[l].kind, x1: x(l), x2: x(l), y1: 34, y2: height });
      const g = shape(svg, "g", { class: "heads k" + report.lanes[l].kind });
      shape(g, "rect", { x: x(l) - gap / 2 + 6, y: 4, width: gap - 12, height: 30, rx: 5 });
      shape(g, "text", { x: x(l), y: 24, "text-anchor": "middle" }, shorten(report.lanes[l].name, (gap - 20) / 7.6));
      shape(g, "title", {}, report.lanes[l].name);
    }
    rows.forEach((i, row) => {
      const s = report.steps[i], call = rows.indexOf(s.answers);
      if (call >= 0 && row < state.shown) {
        shape(svg, "rect", { class: "active k" + report.lanes[s.from].kind, x: x(s.from) - 4, width: 8, y: y(call), height: y(row) - y(call) });
      }
    });
    rows.forEach((i, row) => {
      const s = report.steps[i], g = stepGroup(svg, i, row), at = y(row), from = x(s.from), to = x(s.to);
      shape(g, "rect", { class: "hit", x: 0, y: at - rowHeight * 0.66, width, height: rowHeight - 1, rx: 4 });
      shape(g, "text", { class: "soft", x: timeWidth - 14, y: at + 4, "text-anchor": "end" }, s.time);
      if (s.fold) {
        shape(g, "text", { class: "label", x: timeWidth, y: at + 4 }, shorten(fullLabel(s), (width - timeWidth) / 6.7));
        return;
      }
      if (s.kind === "note") {
        shape(g, "path", { class: "head", d: `M${from} ${at - 7}l7 7l-7 7l-7 -7z` });
        placeText(g, fullLabel(s), from + 14, from - 14, at + 4, width);
        return;
      }
      const sign = Math.sign(to - from);
      shape(g, "line", { class: "shaft" + (s.kind === "request" ? "" : " dashed"), x1: from, x2: to - sign * 8, y1: at, y2: at });
      shape(g, "path", { class: "head", d: `M${to - sign} ${at}l${-sign * 10} -5v10z` });
      const label = shape(g, "text", { class: "label", y: at - 7, "text-anchor": "middle" }, fullLabel(s));
      const half = label.getComputedTextLength() / 2;
      label.setAttribute("x", Math.min(Math.max((from + to) / 2, timeWidth + half), width - half - 6));
    });
  }

  // Text to the right of one place, or to the left of another where it would not fit.
  function placeText(g, text, right, left, y, width) {
    const label = shape(g, "text", { class: "label", x: right, y }, text);
    if (right + label.getComputedTextLength() > width - 6) {
      label.setAttribute("x", left);
      label.setAttribute("text-anchor", "end");
    }
  }

  function shorten(s, n) { return s.length > n ? s.slice(0, Math.max(1, n - 1)) + "…" : s; }

  function drawBands(svg, rows, width) {
    for (let row = 0; row < rows.length;) {
      const phase = report.steps[rows[row]].phase;
      let end = row + 1;
      while (end < rows.length && report.steps[rows[end]].phase === phase) end++;
      if (phase >= 0) {
        const top = headHeight + rowHeight * (row + 0.19);
        shape(svg, "rect", { class: `band p${phase % 7}`, x: 0, y: top, width, height: rowHeight * (end - row) });
        shape(svg, "text", { class: "soft", x: 4, y: top + 14 }, report.phases[phase].name);
      }
      row = end;
    }
  }

  // Every step on one axis of time: its window as a bar, its likeliest instant as a stroke.
  function drawTime(stage, rows) {
    const known = rows.flatMap((i) => [report.steps[i].earliest, report.steps[i].latest, report.steps[i].best]).filter((t) => t !== null);
    const from = Math.min(0, ...known), to = Math.max(1, ...known);
    const width = Math.max(700, stage.clientWidth - 4), left = Math.round(width * 0.44), row0 = 46, high = 26;
    const height = row0 + high * rows.length + 10, x = (t) => left + ((t - from) / (to - from)) * (width - left - 16);
    const svg = shape(stage, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Time chart of " + report.title });
    report.phases.forEach((p, k) => p.parts.forEach(([a, b]) => shape(svg, "rect", { class: `band p${k % 7}`, x: x(a), width: Math.max(1, x(b) - x(a)), y: row0 - 8, height: height - row0 })));
    const unit = tick((to - from) / 6);
    for (let t = Math.ceil(from / unit) * unit; t <= to; t += unit) {
      shape(svg, "line", { class: "axis", x1: x(t), x2: x(t), y1: row0 - 12, y2: height });
      shape(svg, "text", { class: "soft", x: x(t), y: row0 - 18, "text-anchor": "middle" }, to > 10000 ? t / 1000 + " s" : t + " ms");
    }
    rows.forEach((i, row) => {
      const s = report.steps[i], g = stepGroup(svg, i, row), at = row0 + high * (row + 0.5);
      shape(g, "rect", { class: "hit", x: 0, y: at - high / 2, width, height: high - 1, rx: 4 });
      const names = s.from === s.to ? report.lanes[s.from].name : `${report.lanes[s.from].name} → ${report.lanes[s.to].name}`;
      shape(g, "text", { class: "label", x: 4, y: at + 4 }, shorten(`${names}  ${fullLabel(s)}`, (left - 20) / 6.7));
      if (s.best === null && s.latest === null) return;
      const a = x(s.earliest ?? from), b = x(s.latest ?? to);
      shape(g, "rect", { class: "window", x: a, width: Math.max(2, b - a), y: at - 7, height: 14, rx: 3 });
      if (s.best !== null) shape(g, "line", { class: "instant", x1: x(s.best), x2: x(s.best), y1: at - 8, y2: at + 8 });
    });
  }

  function tick(rough) {
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
  }

  function draw() {
    const stage = byId("stage"), rows = visible(), focused = document.activeElement?.closest?.(".step") !== null;
    stage.replaceChildren();
    (state.view === "time" ? drawTime : drawOrder)(stage, rows);
    if (focused) stage.querySelector(".step.current")?.focus({ preventScroll: true });
    byId("play").textContent = state.timer ? "Pause" : "Play";
  }

  // A step is chosen; what repeats is opened, or closed again.
  function press(i) {
    if (report.steps[i].fold) state.open[state.open.has(i) ? "delete" : "add"](i);
    choose(i);
  }

  function choose(i) {
    state.current = i;
    draw();
    describe();
    byId("stage").querySelector(".step.current")?.scrollIntoView({ block: "nearest" });
  }

  function describe() {
    const panel = byId("evidence");
    panel.replaceChildren();
    const s = report.steps[state.current];
    if (!s) return;
    if (s.fold) {
      const told = state.open.has(state.current) ? "It is open: each is shown in its place." : "Click, or press Enter, to open it.";
      panel.append(element("h2", {}, s.label), element("p", {}, `${s.time}: ${s.steps.length} steps. ${told}`));
      return;
    }
    const from = report.lanes[s.from].name, to = report.lanes[s.to].name;
    const bound = (t) => (t === null ? "?" : t.toFixed(1));
    const sharp = s.earliest !== null && s.latest !== null && s.latest - s.earliest < 0.15;
    const instant = { start: "it was sent", commit: "the write took effect", end: "it ended" }[s.at] ?? "it happened";
    panel.append(
      element("h2", {}, s.label),
      element("p", {}, s.from === s.to ? from : `${from} → ${to}`, s.right ? ` · ${s.right}` : ""),
      element("p", {}, element("strong", {}, s.inferred ? "○ inferred" : "● observed"), " — ", s.proves, "."),
      element("h3", {}, "When"),
      element("p", {}, sharp ? `${instant} at ${bound(s.best)} ms` : `${instant} between ${bound(s.earliest)} and ${bound(s.latest)} ms` + (s.best === null ? "" : `, likeliest at ${bound(s.best)}`), s.clock ? `, by the clock of ${s.clock}` : ""),
      element("h3", {}, "What it means"), element("p", {}, s.explain),
      element("p", {}, element("a", { href: s.doc, target: "_blank", rel: "noopener noreferrer" }, "Kubernetes documentation")),
      element("h3", {}, "Evidence"), element("ul", {}, ...s.evidence.map((e) => element("li", {}, `${e.source}: ${e.text}`))),
    );
    if (s.after.length) {
      panel.append(element("h3", {}, "Proved to come after"), element("ul", {}, ...s.after.map((k) => element("li", {}, report.steps[k].label))));
    }
    panel.append(element("p", {}, `rule: ${s.rule}`));
  }

  // The player: state.shown is how many of the visible steps have happened.
  function pause() {
    clearTimeout(state.timer);
    state.timer = 0;
  }
  function show(n) {
    const rows = visible();
    state.shown = Math.max(0, Math.min(n, rows.length));
    state.current = state.shown > 0 ? rows[state.shown - 1] : -1;
    draw();
    describe();
    byId("stage").querySelector(".step.current")?.scrollIntoView({ block: "nearest" });
  }
  function position() { return Math.min(state.shown, visible().length); }
  function next() {
    const rows = visible(), n = position();
    if (n >= rows.length) {
      pause();
      draw();
      return;
    }
    const speed = byId("speed").value;
    let wait = 1000;
    if (speed !== "step") {
      const at = (k) => report.steps[rows[k]].best ?? 0;
      wait = n === 0 ? 300 : Math.max(0, (at(n) - at(n - 1)) / Number(speed));
    }
    state.timer = setTimeout(() => {
      show(n + 1);
      next();
    }, wait);
    byId("play").textContent = "Pause";
  }
  function play() {
    if (state.timer) {
      pause();
      draw();
      return;
    }
    if (position() >= visible().length) show(0);
    next();
  }

  function phases() {
    const box = byId("phases"), bar = element("div", { class: "bar" }), list = element("ul");
    const first = Math.min(...report.phases.flatMap((p) => p.parts.map((part) => part[0])));
    const total = Math.max(1, ...report.phases.flatMap((p) => p.parts.map((part) => part[1] - first)));
    report.phases.forEach((p, k) => {
      for (const [a, b] of p.parts) {
        const button = element("button", { class: `p${k % 7}`, title: `${p.name} ${p.took}: ${p.explain}`, "aria-label": `${p.name} ${p.took}` }, p.name);
        button.style.left = (100 * (a - first)) / total + "%";
        button.style.width = (100 * (b - a)) / total + "%";
        button.addEventListener("click", () => {
          const i = visible().find((i) => report.steps[i].phase === k);
          if (i !== undefined) choose(i);
        });
        bar.append(button);
      }
      list.append(element("li", { class: `p${k % 7}`, title: p.explain }, `${p.name} ${p.took}`));
    });
    if (report.phases.length) box.append(bar, list);
    box.append(...report.waits.map((w) => element("p", {}, w)));
  }

  byId("title").textContent = report.title;
  byId("where").textContent = [report.where, report.recorded && "recorded " + report.recorded].filter(Boolean).join(" · ");
  byId("outcome").textContent = report.outcome;
  for (const [title, text] of report.obstacle) byId("obstacle").append(element("dt", {}, title), element("dd", {}, text));
  byId("legend").textContent = "Filled arrowhead: observed. Open arrowhead, italic: inferred. Solid: a request; dashed: an answer, or what a watch delivers. Times are milliseconds since the POST; ≈: likely, 95 of 100 within 10 of the last digit; a…b: between a and b.";
  byId("notes").append(...report.notes.map((n) => element("li", {}, n)));
  report.lanes.forEach((lane, l) => {
    const box = element("input", { type: "checkbox", checked: "" });
    box.addEventListener("change", () => {
      state.hidden[box.checked ? "delete" : "add"](l);
      draw();
    });
    byId("lanes").querySelector("div").append(element("label", {}, box, lane.name));
  });
  for (const input of document.querySelectorAll("input[type=radio]")) {
    if (input.name === "detail") input.checked = Number(input.value) === state.detail;
    input.addEventListener("change", () => {
      state[input.name] = input.name === "detail" ? Number(input.value) : input.value;
      draw();
    });
  }
  const buttons = { first: () => show(0), back: () => show(position() - 1), forward: () => show(position() < visible().length ? position() + 1 : 1), all: () => show(Infinity) };
  for (const [id, act] of Object.entries(buttons)) {
    byId(id).addEventListener("click", () => {
      pause();
      act();
    });
  }
  byId("play").addEventListener("click", play);
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  document.addEventListener("keydown", (e) => {
    if (e.target.matches?.("input, select, summary") || e.ctrlKey || e.metaKey || e.altKey) return;
    const rows = visible().slice(0, Math.min(state.shown, visible().length)), at = rows.indexOf(state.current);
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      const i = rows[e.key === "ArrowDown" ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0)];
      if (i !== undefined) choose(i);
      byId("stage").querySelector(".step.current")?.focus({ preventScroll: true });
    } else if (e.key === " " && !e.target.matches?.("button")) {
      e.preventDefault();
      play();
    } else if (e.key === "Escape") {
      choose(-1);
    }
  });
  addEventListener("resize", draw);
  byId("app").hidden = false;
  phases();
  draw();
})();
