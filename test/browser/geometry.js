// What is wrong with where things are: texts over one another, beyond their row or the sheet, over a lifeline that is not
// theirs, or cut; lanes that are not on the sheet; bars that do not add up.
function wrong(rowSelector, room) {
  const all = (root, selector) => [...root.querySelectorAll(selector)], found = [], box = (e) => e.getBoundingClientRect();
  const say = (what, e) => found.push(what + ": " + (e.textContent || e.getAttribute("class")).slice(0, 60));
  const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
  const heads = all(document, ".heads");
  heads.forEach((h, k) => {
    const frame = box(h.querySelector("rect"));
    if (frame.left < 0 || frame.right > room + 1) say("a lane is not on the sheet", h);
    for (const other of heads) {
      if (other === h) continue;
      const rect = box(other.querySelector("rect")), line = box(other.querySelector(".life")), x = (line.left + line.right) / 2;
      if (over(rect, frame)) say("heads overlap", h);
      if (x > frame.left - 1 && x < frame.right + 1 && line.top < frame.bottom - 2 && line.bottom > frame.top + 2) say("a head over a lifeline", h);
    }
    for (const t of all(h, "text")) if (box(t).left < frame.left - 1 || box(t).right > frame.right + 1) say("a name runs over its head", t);
  });
  const lines = heads.map((h) => { const r = box(h.querySelector(".life")); return (r.left + r.right) / 2; });
  let bottom = -Infinity;
  for (const row of all(document, rowSelector)) {
    const labels = all(row, ".label"), texts = all(row, "text"), boxes = new Map(texts.map((t) => [t, box(t)]));
    const frame = box(row), shaft = row.querySelector(".shaft"), mark = row.querySelector(".head") ?? row.querySelector(".cross"), head = mark && box(mark);
    texts.forEach((t, k) => {
      const b = boxes.get(t);
      if (b.left < -1 || b.right > room + 1) say("beyond the sheet", t);
      if (row.tagName === "DIV" && (b.top < frame.top - 2 || b.bottom > frame.bottom + 2)) say("beyond its row", t);
      if (row.tagName !== "DIV" && b.top < bottom - 3) say("over the row above", t);
      for (const u of texts.slice(0, k)) if (over(b, boxes.get(u))) say("over " + u.textContent, t);
    });
    if (/\ds ms,/.test(row.getAttribute("aria-label"))) say("two units are spoken", row);
    bottom = Math.max(bottom, ...texts.map((t) => boxes.get(t).bottom));
    for (const t of labels) {
      const b = boxes.get(t);
      if (shaft) {
        const span = box(shaft), left = Math.min(span.left, head.left), right = Math.max(span.right, head.right);
        if (b.left < left - 1 || b.right > right + 1) say("beyond its lifelines", t);
      } else if (mark && lines.some((x) => x > b.left + 1 && x < b.right - 1)) {
        say("over a lifeline", t);
      }
    }
    if (row.dataset.step === undefined) continue;
    const plain = (s) => s.replace(/\s/g, ""), whole = plain(labelOf(report.steps[row.dataset.step]));
    if (plain(labels.map((t) => t.textContent).join("")) !== whole) say("not the whole label", row);
  }
  return found.slice(0, 5);
}

// What is wrong with the view of time: names of instants over one another or beyond the sheet, an axis that is mostly
// breaks, breaks and waits that do not say how long they are, marks beyond their chart.
function wrongTime() {
  const all = (selector) => [...document.querySelectorAll(selector)], found = [], box = (e) => e.getBoundingClientRect();
  const texts = all(".axis text").map((t) => [t.textContent, box(t)]), axis = box(document.querySelector(".axis .hit"));
  texts.forEach(([text, b], k) => {
    if (b.left < 0 || b.right > innerWidth) found.push("beyond the sheet: " + text);
    for (const [other, c] of texts.slice(0, k)) if (b.left < c.right && c.left < b.right) found.push(`${text} over ${other}`);
  });
  if (!texts.length) found.push("an axis without instants");
  const chart = document.querySelector(".chart"), left = box(chart).left;
  const breaks = [...chart.querySelectorAll(".broken")].map(box), broken = breaks.reduce((sum, b) => sum + b.width, 0);
  if (broken > 0.6 * axis.width) found.push(`${Math.round((100 * broken) / axis.width)} of 100 of the axis are breaks`);
  if (breaks.some((b) => b.width < 5)) found.push("a break that is not seen");
  for (const w of all(".wait")) if (!/waits .*\d ?(ms|s|m|h)/.test(w.textContent)) found.push("a wait of no length: " + w.textContent);
  for (const i of all(".chart i")) if (box(i).width < 1 || box(i).left < left - 3) found.push("a wait beside its chart: " + i.closest(".wait").textContent);
  return found.slice(0, 5);
}

// Whether the bar of the run is covered from end to end, and what is written in it is whole.
function wrongBar() {
  const bar = document.querySelector("#phases .bar"), found = [];
  if (!bar || !bar.checkVisibility()) return found;
  const frame = bar.getBoundingClientRect();
  let at = frame.left;
  for (const b of bar.querySelectorAll("button")) {
    const r = b.getBoundingClientRect();
    if (Math.abs(r.left - at) > 1) found.push("a hole before " + b.title);
    if (r.width < 1) found.push("lost: " + b.title);
    const text = b.querySelector("b");
    if (text && text.getBoundingClientRect().width > r.width) found.push("cut: " + text.textContent);
    at = r.right;
  }
  if (Math.abs(at - frame.right) > 1) found.push("the bar does not end with the run");
  return found.slice(0, 5);
}

// Whether the bar of a picture is covered from end to end, what is written in it is whole, and what is said of its phases
// stands beside one another; whether of what repeats as many rows have a colour as stand in a phase.
function wrongPicture(coloured) {
  const all = (selector) => [...document.querySelectorAll(selector)], found = [], box = (e) => e.getBoundingClientRect();
  const parts = all(".bar .part").map(box).sort((a, b) => a.left - b.left || a.top - b.top);
  if (parts.length) {
    const sheet = box(document.querySelector("svg"));
    let at = sheet.left + 12;
    for (const b of parts) {
      if (b.left > at + 1) found.push("a hole in the bar at " + Math.round(at));
      if (b.width < 1) found.push("a stretch that is not seen");
      at = Math.max(at, b.right);
    }
    if (Math.abs(at - sheet.right + 12) > 2) found.push("the bar does not end with the run");
    for (const t of all(".bar text")) {
      const b = box(t);
      if (!parts.some((p) => p.left <= b.left && p.right >= b.right)) found.push("cut: " + t.textContent);
    }
    const said = all("svg > text").map((t) => [t.textContent, box(t)]);
    said.forEach(([text, b], k) => {
      if (b.left < sheet.left || b.right > sheet.right + 1) found.push("beyond the sheet: " + text);
      for (const [other, c] of said.slice(0, k)) if (b.left < c.right - 1 && c.left < b.right - 1 && b.top < c.bottom - 2 && c.top < b.bottom - 2) found.push(`${text} over ${other}`);
    });
  }
  const bands = all(".band").map(box), under = (e) => { const b = box(e), y = (b.top + b.bottom) / 2; return bands.some((c) => c.top <= y && c.bottom >= y); };
  const repeats = all(".turns").filter((t) => t.textContent.includes("↻") && under(t)).length;
  if (repeats < coloured) found.push(`of ${coloured} rows of what repeats, ${repeats} have a colour`);
  return found.slice(0, 5);
}
