"use strict";
// The board: the Pods of a namespace that start, each a bar from when it was stored. All bars have one scale.
function renew(next) {
  report = next;
  document.title = report.title;
  byId("title").textContent = report.title;
  byId("where").textContent = report.where;
  byId("outcome").textContent = report.status;
  const focused = document.activeElement?.getAttribute?.("href"), used = new Map();
  const to = Math.max(1, ...report.pods.flatMap((p) => p.bar.map((x) => x.to)));
  const rows = report.pods.map((p) => {
    const kind = p.failed ? "failed" : p.held ? "waiting" : "soft";
    return element("a", { href: p.path, title: p.held || `${p.name}: ${p.state}` },
      element("span", { class: "name" }, p.name), element("span", { class: "at soft" }, p.at),
      element("span", { class: `state ${kind}` }, p.failed ? "✗ " : "", p.state), podBar(p, 0, to, used));
  });
  const legend = element("ul", {}, ...[...used.values()].map((p) => phaseItem(p, p.name, p.name)));
  const ends = element("span", { class: "soft" }, "0", legend, inUnits(to));
  const axis = element("div", { class: "ends" }, element("span"), element("span", { class: "at" }), element("span"), ends);
  byId("pods").replaceChildren(...(rows.length ? [axis] : []), ...rows);
  labelPods(byId("pods"), plainFont);
  if (focused) byId("pods").querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

renew(report);
connect();
