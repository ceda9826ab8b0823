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
  expect(coneFigure([{ ...panel, title: "<b>\u0007\u202e", note: "<i>" }])).not.toMatch(/[^\P{Cc}\n]|\u202e|<b>|<i>/u);
  // A green dot at the image and a red one at the adversarial image, one step of a below.
  const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="5" fill="(#\w+)"/g)].map(([, x, y, color]) => [
    x,
    Number(y),
    color,
  ]);
  expect(dots.slice(0, 2).map(([x, , color]) => [x, color])).toEqual([
    ["118", "#2ecc71"],
    ["118", "#e74c3c"],
  ]);
  expect(Number(dots[1][1]) - Number(dots[0][1])).toBeCloseTo(236 / 4, 6);
  expect(svg.match(/<circle/g)).toHaveLength(4);
  // The largest value has the map's last color, the smallest its first; a flat panel is all of one color.
  expect(svg).toContain('d="M1 0h1v1h-1zM1 1h1v1h-1z" fill="#fcffa4"');
  expect(svg).toContain('d="M0 0h1v1h-1zM2 0h1v1h-1z');
  expect(svg).toContain('d="M0 0h3v1h-3zM0 1h3v1h-3zM0 2h3v1h-3zM0 3h3v1h-3z" fill="#fcffa4"');
  expect(svg).toContain(">1e−4<");
  expect(coneFigure([panel])).toBe(coneFigure([panel]));
});
