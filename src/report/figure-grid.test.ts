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
  // Twice as large as the picture: the found box in green, the right one in red.
  expect(svg).toContain('x="20" y="40" width="80" height="80" fill="none" stroke="rgb(46,204,113)"');
  expect(svg).toContain('x="0" y="0" width="200" height="200" fill="none" stroke="rgb(231,76,60)"');
  expect(svg).toContain("IoU 0.71");
  // Second column, second row: 112 + 208 to the right, 40 + 100 + 8 + 18 down.
  expect(svg).toContain('<g transform="translate(320 166)">');
  expect(svg).not.toMatch(/undefined|NaN/);
});
