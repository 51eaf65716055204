"use strict";
// The page as a whole: what is drawn anew when, and what the controls do.
function draw() {
  const stage = byId("stage"), heads = byId("heads"), panel = byId("evidence"), rows = visible();
  const focused = document.activeElement?.closest?.(".step") !== null;
  byId("diagram").after(panel);
  stage.replaceChildren();
  heads.replaceChildren(byId("clock"));
  stage.setAttribute("aria-label", (state.view === "time" ? "Time chart of " : "Sequence diagram of ") + report.title);
  (state.view === "time" ? drawTime : drawOrder)(heads, stage, rows);
  mark();
  describe();
  if (focused) stage.querySelector(".step.current")?.focus({ preventScroll: true });
}

// Says which of the rows have happened, and which is chosen.
function mark() {
  const place = new Map(visible().map((i, n) => [i, n]));
  for (const wait of byId("stage").querySelectorAll(".wait")) wait.classList.toggle("later", wait.dataset.before > state.shown);
  for (const row of byId("stage").querySelectorAll(".step")) {
    const i = Number(row.dataset.step), later = place.get(i) >= state.shown;
    row.classList.toggle("later", later);
    row.classList.toggle("current", i === state.current);
    row.tabIndex = later ? -1 : 0;
  }
}

function choose(i) {
  state.current = i;
  mark();
  describe();
  bring(state.presenting);
}

// What repeats is opened, or closed again.
function unfold(i) {
  if (report.steps[i].steps.length === 0) return; // nothing of it is drawn at this detail
  const all = state.shown >= visible().length && !state.presenting;
  state.open[state.open.has(i) ? "delete" : "add"](i);
  state.shown = all ? Infinity : visible().indexOf(i) + 1;
  state.current = i;
  draw();
  bring(state.presenting);
}

// What there is to say of the chosen step stands below its row, and covers nothing.
function describe() {
  const panel = byId("evidence"), s = report.steps[state.current], row = byId("stage").querySelector(".step.current");
  panel.replaceChildren();
  if (!s || !row) return;
  row.after(panel);
  if (s.fold) {
    const told = s.steps.length === 0 ? "A closer look at the run has them." : state.open.has(state.current) ? "It is open: each is shown in its place; Enter closes it." : "Click, or press Enter, to open it.";
    panel.append(element("div", {}, element("h2", {}, s.label.replace(/(\d) (m?s)\b/g, "$1\u00a0$2")), element("p", {}, `${s.time}: ${s.steps.length} steps. ${told}`)));
  } else {
    panel.append(...(state.presenting ? lecture(s) : evidence(s)));
  }
  if (state.presenting && position() >= visible().length) panel.append(element("p", { class: "outcome " + report.state }, report.outcome));
}

function lecture(s) {
  const rule = report.rules[s.rule];
  return [element("h2", {}, s.label), element("p", {}, rule.gist), element("p", { class: "soft" }, s.inferred ? "○ inferred" : "● observed")];
}

function evidence(s) {
  const rule = report.rules[s.rule], from = report.lanes[s.from].name, to = report.lanes[s.to].name;
  const bound = (t) => (t === null ? "?" : t.toFixed(1));
  const sharp = s.earliest !== null && s.latest !== null && s.latest - s.earliest < 0.15;
  const instant = { start: "it was sent", commit: "the write took effect", end: "it ended" }[s.at] ?? "it happened";
  const when = sharp ? `${instant} at ${bound(s.best)} ms` : `${instant} between ${bound(s.earliest)} and ${bound(s.latest)} ms` + (s.best === null || report.proved ? "" : `, likeliest at ${bound(s.best)}`);
  const parts = [
    element("div", {},
      element("h2", {}, s.label),
      element("p", {}, s.from === s.to ? from : `${from} → ${to}`, s.right ? ` · ${s.right}` : ""),
      element("p", {}, element("strong", {}, s.inferred ? "○ inferred" : "● observed"), " — ", rule.proves, "."),
      element("h3", {}, "When"),
      element("p", {}, report.clock ? s.time + ", " : "", when, report.clock ? " after the object's creation" : "", s.clock ? `, by the clock of ${s.clock}` : "")),
    element("div", {},
      element("h3", {}, "What it means"), element("p", {}, rule.explain),
      element("p", {}, element("a", { href: rule.doc, target: "_blank", rel: "noopener noreferrer" }, "Kubernetes documentation"))),
    element("div", {},
      element("h3", {}, "Evidence"), element("ul", {}, ...s.evidence.map((e) => element("li", {}, `${e.source}: ${e.text}`))),
      element("p", { class: "soft" }, `rule: ${rule.name}`)),
  ];
  if (s.after.length) {
    parts[1].append(element("h3", {}, "Proved to come after"), element("ul", {}, ...s.after.map((k) => element("li", {}, report.steps[k].label))));
  }
  return parts;
}

function texts() {
  byId("title").textContent = report.title;
  byId("where").textContent = [report.where, report.recorded && "recorded " + report.recorded].filter(Boolean).join(" · ");
  byId("outcome").textContent = report.outcome;
  byId("outcome").className = report.state;
  byId("largest").textContent = report.largest ?? "";
  byId("obstacle").replaceChildren(...report.obstacle.flatMap(([title, text]) => [element("dt", {}, title), element("dd", {}, text)]));
  byId("waits").replaceChildren(...report.waits.map((w) => element("p", {}, w)));
  byId("notes").replaceChildren(...report.notes.map((n) => element("li", {}, n)));
  byId("why").hidden = report.obstacle.length + report.waits.length + report.notes.length === 0;
  byId("why").querySelector("summary").textContent = report.obstacle.length ? "Evidence, what to try" : "What took the time";
  byId("legend").textContent = report.legend;
}

function laneBoxes() {
  byId("lanes").querySelector("div").replaceChildren(...report.lanes.map((lane, l) => {
    const box = element("input", { type: "checkbox" });
    box.checked = !state.hidden.has(l);
    box.addEventListener("change", () => {
      keepShown(() => state.hidden[box.checked ? "delete" : "add"](l));
      draw();
    });
    return element("label", {}, box, lane.name);
  }));
}

function controls() {
  laneBoxes();
  for (const input of document.querySelectorAll("input[type=radio]")) {
    if (input.name === "detail") input.checked = Number(input.value) === state.detail;
    input.addEventListener("change", () => {
      keepShown(() => { state[input.name] = input.name === "detail" ? Number(input.value) : input.value; });
      draw();
    });
  }
  for (const [id, act] of Object.entries({ first: () => show(0), back, forward, all: () => show(Infinity) })) {
    byId(id).addEventListener("click", () => {
      pause();
      act();
    });
  }
  byId("play").addEventListener("click", play);
  byId("present").addEventListener("click", () => present(true));
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
}

function listen() {
  document.addEventListener("keydown", (e) => { if (pressed(e)) e.preventDefault(); });
  byId("diagram").addEventListener("wheel", (e) => {
    if (state.view !== "time" || !(e.ctrlKey || e.target.closest(".axis"))) return;
    e.preventDefault();
    const box = byId("heads").querySelector(".axis .hit").getBoundingClientRect();
    zoomBy(e.deltaY > 0 ? 1.25 : 0.8, Math.min(1, Math.max(0, (e.clientX - box.left) / box.width)));
  }, { passive: false });
  byId("stage").addEventListener("scroll", () => { byId("heads").scrollLeft = byId("stage").scrollLeft; });
  const redraw = () => { drawBar(); drawPods(); draw(); };
  addEventListener("resize", redraw);
  addEventListener("beforeprint", () => { byId("why").open = true; });
}

texts();
controls();
listen();
byId("app").hidden = false;
drawBar();
drawPods();
draw();
