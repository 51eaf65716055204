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
    if (k > 0 && box(heads[k - 1].querySelector("rect")).right > frame.left + 1) say("heads overlap", h);
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
