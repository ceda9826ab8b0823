import { expect, test } from "vitest";
import { coneFigure } from "./cone-figure.ts";

const axis = [-1, 0, 1, 2];
const panel = {
  title: "PGD & co",
  note: "κ 3.1",
  a: axis,
  b: [-1.5, 0, 1.5],
  probability: axis.map((a) => [1e-4, 10 ** -Math.max(a, 0), 1e-4]),
};

test("each panel has its own colors, marks and scale; equal neighbors are one piece", () => {
  const svg = coneFigure([panel, { ...panel, title: "ℓ2", probability: axis.map(() => [1, 1, 1]) }], { columns: 1 });
  expect(svg.startsWith("<svg ")).toBe(true);
  expect(svg).toContain("PGD &amp; co");
  expect(svg.match(/<circle/g)).toHaveLength(4);
  // The largest value has the map's last color, the smallest its first; a flat panel is all of one color.
  expect(svg).toContain('d="M1 0h1v1h-1zM1 1h1v1h-1z" fill="#fcffa4"');
  expect(svg).toContain('d="M0 0h1v1h-1zM2 0h1v1h-1z');
  expect(svg).toContain('d="M0 0h3v1h-3zM0 1h3v1h-3zM0 2h3v1h-3zM0 3h3v1h-3z" fill="#fcffa4"');
  expect(svg).toContain(">1e−4<");
  expect(coneFigure([panel])).toBe(coneFigure([panel]));
});
