"use strict";
// The player and the presenter mode: state.shown is how many of the visible steps have happened.
function pause() {
  clearTimeout(state.timer);
  state.timer = 0;
  byId("play").textContent = "Play";
}

function position() { return Math.min(state.shown, visible().length); }

function show(n) {
  const rows = visible();
  state.shown = Math.max(0, Math.min(n, rows.length));
  state.current = state.shown > 0 ? rows[state.shown - 1] : -1;
  mark();
  describe();
  bring(true);
  tell();
}

// From all, to the first; from the last, nowhere.
function forward() { show(state.shown === Infinity && !state.presenting ? 1 : position() + 1); }

function back() { show(position() - 1); }

// To the first step of the next phase, or of this or the one before.
function phaseOn() {
  const rows = visible(), phase = (k) => phaseOf(rows[k]);
  let n = state.shown === Infinity && !state.presenting ? 0 : position();
  while (n > 0 && n < rows.length && phase(n) === phase(n - 1)) n++;
  show(n + 1);
}

function phaseBack() {
  const rows = visible(), phase = (k) => phaseOf(rows[k]);
  let n = Math.max(0, position() - 2);
  while (n > 0 && phase(n) === phase(n - 1)) n--;
  show(n + 1);
}

// From one step to the next, in milliseconds of the run.
function pauseBefore(n, rows) {
  const at = (k) => report.steps[rows[k]]?.best ?? null;
  const from = at(n - 1), to = n < rows.length ? at(n) : report.phases.find((p) => p.open)?.parts.at(-1)[1];
  return n <= 0 || from === null || !to ? 0 : Math.max(0, to - from);
}

// What the clock says: when this is, and how long nothing happens after it.
function tell(passed = 0) {
  const rows = visible(), n = position(), s = report.steps[rows[n - 1]], clock = byId("clock");
  const playing = state.timer || state.presenting || state.shown < rows.length;
  clock.replaceChildren();
  if (!s || !playing) return;
  const wait = pauseBefore(n, rows), unit = report.clock || !s.time || s.time.endsWith("s") ? "" : " ms";
  clock.append(element("span", {}, s.time + unit));
  if (wait >= 1000) clock.append(element("strong", {}, `${waitingFor(s.best + wait / 2)}waiting ${inShort(wait - passed * wait)}`));
}

// The phase in which something waits at an instant, if there is one.
function waitingFor(t) {
  const p = report.phases.find((p) => p.waits && p.parts.some(([from, to]) => from <= t && t <= to));
  return p ? `${p.name}: ` : "";
}

function play() {
  if (state.timer) {
    pause();
    tell();
    return;
  }
  if (position() >= visible().length) show(0);
  next();
}

// Plays the next step in its time. A wait that would be longer than anybody looks at it is shortened; the clock tells.
function next() {
  const rows = visible(), n = position();
  if (n >= rows.length) {
    pause();
    return;
  }
  const speed = byId("speed").value;
  const wait = speed === "step" ? 1000 : n === 0 ? 300 : speed === "1" ? pauseBefore(n, rows) : Math.min(4000, pauseBefore(n, rows) / Number(speed));
  const begun = performance.now();
  const look = () => {
    const passed = performance.now() - begun;
    if (passed < wait - 5) {
      tell(passed / wait);
      state.timer = setTimeout(look, Math.min(200, wait - passed));
      return;
    }
    show(n + 1);
    next();
  };
  state.timer = setTimeout(look, Math.min(200, wait));
  byId("play").textContent = "Pause";
}

// Presenter mode: nothing but the diagram, larger, with what the step means below it.
function present(on) {
  state.presenting = on;
  document.body.classList.toggle("presenting", on);
  draw();
  if (on && state.shown === Infinity) show(Math.max(1, visible().indexOf(state.current) + 1));
  describe();
  bring(true);
  tell();
}

// The step that plays stands at two fifths of the height, where there is room above and below it.
function bring(playing) {
  const row = byId("stage").querySelector(".step.current");
  if (!row) return;
  if (playing) scrollTo(0, row.getBoundingClientRect().top + scrollY - 0.4 * innerHeight);
  else row.scrollIntoView({ block: "nearest" });
  const stage = byId("stage"), message = row.querySelector(".shaft, .head, .cross");
  if (!message || stage.scrollWidth <= stage.clientWidth) return;
  const box = message.getBoundingClientRect();
  stage.scrollLeft += (box.left + box.right) / 2 - stage.getBoundingClientRect().left - stage.clientWidth / 2;
}

// Keys of a keyboard and of a presenter's remote. Those that also scroll a page do so until something is played.
function pressed(e) {
  if (e.target.matches?.("input, select, summary") || e.ctrlKey || e.metaKey || e.altKey) return false;
  const playing = state.presenting || state.shown < visible().length;
  if (state.view === "time" && e.key in zoomKeys) return zoomKeys[e.key](), true;
  switch (e.key) {
    case "ArrowRight": return pause(), (e.shiftKey ? phaseOn : forward)(), true;
    case "ArrowLeft": return pause(), (e.shiftKey ? phaseBack : back)(), true;
    case "Enter": return report.steps[state.current]?.fold !== undefined && !e.target.closest?.("button, a, .step") && (unfold(state.current), true);
    case "PageDown": return playing && (pause(), position() < visible().length && forward(), true);
    case "PageUp": return playing && (pause(), back(), true);
    case "Home": return playing && (pause(), show(0), true);
    case "End": return playing && (pause(), show(Infinity), true);
    case "ArrowDown": case "ArrowUp": return step(e.key === "ArrowDown" ? 1 : -1), true;
    case "p": case "P": return present(!state.presenting), true;
    case "1": case "2": case "3": return pick("detail", e.key), true;
    case "t": case "T": return pick("view", state.view === "time" ? "order" : "time"), true;
    case "[": case "]": return pickPod(e.key === "]" ? 1 : -1), true;
    case " ": return !e.target.matches?.("button") && (play(), true);
    case "Escape": return state.presenting ? present(false) : choose(-1), true;
  }
  return false;
}

function pick(name, value) { document.querySelector(`input[name=${name}][value="${value}"]`).click(); }

// Draws the Pod before or after the one that is drawn, of those that can be.
function pickPod(by) {
  const buttons = [...byId("pods").querySelectorAll("button:enabled")];
  buttons[buttons.findIndex((b) => b.getAttribute("aria-pressed") === "true") + by]?.click();
}

const zoomKeys = {
  "+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), 0: () => moveTo(0, 1),
  "<": () => moveTo(state.zoom[0] - (state.zoom[1] - state.zoom[0]) / 4), ">": () => moveTo(state.zoom[0] + (state.zoom[1] - state.zoom[0]) / 4),
};

// Chooses a step above or below, of those that have been played.
function step(by) {
  const drawn = new Set([...byId("stage").querySelectorAll(".step")].map((e) => Number(e.dataset.step)));
  const rows = visible().slice(0, position()).filter((i) => drawn.has(i)), at = rows.indexOf(state.current);
  const i = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  if (i === undefined) return;
  choose(i);
  byId("stage").querySelector(".step.current")?.focus({ preventScroll: true });
}
