import { expect, test } from "vitest";
import { figureGrid } from "./figure-grid.ts";

const cell = { source: "data:image/png;base64,AAAA", alt: "a <map>" };

test("cells stand in rows and columns, boxes in the scale of the cell", () => {
  const svg = figureGrid({
    title: "Maps & boxes",
    columns: ["gradient", "guided perceptual"],
    rows: [
      { title: "one", cells: [{ ...cell, found: [10, 20, 50, 60], groundTruth: [[0, 0, 100, 100]] }, undefined] },
      { title: "two", cells: [undefined, { ...cell, caption: "IoU 0.71", verdict: "right" }] },
    ],
    size: { width: 100, height: 50 },
    cellWidth: 200,
  });
  expect(svg.match(/<image /g)).toHaveLength(2);
  expect(svg).toContain('aria-label="Maps &amp; boxes"');
  expect(svg).toContain("<title>a &lt;map&gt;</title>");
  // Twice as large as the picture: the found box, and the right one in another color and dashed.
  expect(svg).toContain('x="20" y="40" width="80" height="80" fill="none" stroke="rgb(86,180,233)" stroke-width="2"/>');
  expect(svg).toContain(
    'x="0" y="0" width="200" height="200" fill="none" stroke="rgb(213,94,0)" stroke-width="2" stroke-dasharray="7 4"/>',
  );
  expect(svg).toContain(">✓ IoU 0.71</text>");
  // Second column, second row: 3 characters of 7.3 and 2 · 12 and 208 to the right, 40 + 100 + 8 + 18 down.
  expect(svg).toContain('<g transform="translate(254 166)">');
  expect(svg).not.toMatch(/undefined|NaN/);
});

test("names and addresses from outside are text", () => {
  const name = "<b>\u0007&\u202e";
  const svg = figureGrid({
    title: name,
    columns: [name],
    rows: [{ title: name, cells: [{ source: 'x" onload="y', alt: name, caption: name }] }],
    size: { width: 10, height: 10 },
  });
  expect(svg).not.toMatch(/\p{Cc}|\u202e|<b>| onload="/u);
  expect(svg.match(/&lt;b&gt;\\u\{7\}&amp;\\u\{202e\}/g)).toHaveLength(5);
});

test("titles have the room that they need, and none if there are none", () => {
  const svgOf = (title: string): string =>
    figureGrid({ title: "t", columns: ["a"], rows: [{ title, cells: [cell] }], size: { width: 10, height: 10 } });
  expect(svgOf("")).toContain('viewBox="0 0 166 198"');
  // "contrastive-" is the longest line, of 12 characters: 88 and 2 · 12.
  expect(svgOf("contrastive-excitation-backprop")).toContain('viewBox="0 0 270 198"');
  expect(svgOf("guided-backprop")).toContain('<tspan x="122"');
});

test("a note stands below the rows and makes room for itself", () => {
  const svgOf = (note?: string): string =>
    figureGrid({
      title: "t",
      columns: ["a"],
      rows: [{ title: "", cells: [cell] }],
      size: { width: 10, height: 10 },
      note,
    });
  expect(svgOf()).toContain('viewBox="0 0 166 198"');
  expect(svgOf("<red>")).toContain('viewBox="0 0 166 218"');
  expect(svgOf("<red>")).toMatch(/y="212"[^>]*>&lt;red&gt;<\/text><\/svg>$/);
});
