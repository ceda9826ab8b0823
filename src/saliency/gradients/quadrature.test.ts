import { expect, test } from "vitest";
import { equalSteps, gaussLegendre, type Quadrature } from "./quadrature.ts";

const integral = ({ nodes, weights }: Quadrature, f: (x: number) => number): number =>
  nodes.reduce((sum, x, i) => sum + weights[i] * f(x), 0);

test.each([1, 2, 3, 7, 25, 50, 128])("%i Gauss–Legendre nodes are exact to degree 2n − 1, and no further", (count) => {
  const rule = gaussLegendre(count);
  for (let degree = 0; degree < 2 * count; degree++) {
    expect(integral(rule, (x) => x ** degree)).toBeCloseTo(1 / (degree + 1), 13);
  }
  const error = integral(rule, (x) => (2 * x - 1) ** (2 * count)) - 1 / (2 * count + 1);
  if (count <= 7) expect(Math.abs(error)).toBeGreaterThan(1e-6);
  expect([...rule.nodes]).toEqual([...rule.nodes].sort((a, b) => a - b));
  expect(rule.nodes.every((x, i) => Math.abs(x + rule.nodes[count - 1 - i] - 1) < 1e-15)).toBe(true);
});

test("three nodes by hand: ½ and ½ ± √0.15, weights 5/18, 8/18, 5/18", () => {
  const { nodes, weights } = gaussLegendre(3);
  expect([...nodes]).toEqual([0.5 - Math.sqrt(0.15), 0.5, 0.5 + Math.sqrt(0.15)].map((x) => expect.closeTo(x, 15)));
  expect([...weights]).toEqual([5 / 18, 8 / 18, 5 / 18].map((x) => expect.closeTo(x, 15)));
});

test("equal steps include both ends", () => {
  expect(equalSteps(5, 5)).toEqual({
    nodes: Float64Array.of(0, 0.25, 0.5, 0.75, 1),
    weights: new Float64Array(5).fill(0.2),
  });
  expect([...equalSteps(5, 4).weights]).toEqual(Array(5).fill(0.25));
});
