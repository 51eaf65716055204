"use strict";
// How wide text is, and where it is broken.
const face = 'system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif';
const plainFont = "13px " + face, italicFont = "italic " + plainFont, boldFont = "600 " + plainFont, smallFont = "12px " + face;
const pen = document.createElement("canvas").getContext("2d"), widths = new Map();

function widthOf(text, font = plainFont) {
  const key = font + text;
  if (!widths.has(key)) {
    pen.font = font;
    widths.set(key, pen.measureText(text).width);
  }
  return widths.get(key);
}

function cut(text, n) {
  const all = [...text];
  return all.length > n ? all.slice(0, n - 1).join("").trimEnd() + "…" : text;
}

// Words and, of long ones, the parts after which they may be broken.
function pieces(text) { return text.split(/(?<=[ /\-_=])|(?<=[.:])(?!\d)|(?<=[a-z])(?=[A-Z])/).filter((p) => p !== ""); }

// Lines that are no wider than that; what has no place to break is broken anywhere.
function wrapText(text, width, font = plainFont) {
  const lines = [];
  let line = "";
  const fitting = (p) => (widthOf(p.trimEnd(), font) > width ? p.split(/(?<=\u00a0)/) : [p]);
  for (let piece of pieces(text).flatMap(fitting)) {
    if (line && widthOf((line + piece).trimEnd(), font) > width) {
      lines.push(line.trimEnd());
      line = "";
    }
    while (widthOf(piece.trimEnd(), font) > width && piece.length > 1) {
      let n = piece.length - 1;
      while (n > 1 && widthOf(piece.slice(0, n), font) > width) n--;
      lines.push(piece.slice(0, n));
      piece = piece.slice(n);
    }
    line += piece;
  }
  if (line.trim() || !lines.length) lines.push(line.trimEnd());
  return lines;
}

const labelCharacters = 40, labelCut = 80; // of a line, and of a label; the whole is in the tooltip and the panel

function labelOf(s) {
  if (s.fold) return fullLabel(s);
  return cut(s.label, labelCut) + (s.right ? " ·\u00a0" + unbroken(s.right) : "");
}

// A number stays with its unit, and a revision with its word.
function unbroken(text) { return text.replace(/(?<=revision|[≈≤]) | (?=ms\b|s\b)/g, "\u00a0"); }

function fontOf(s) { return s.inferred ? italicFont : plainFont; }
