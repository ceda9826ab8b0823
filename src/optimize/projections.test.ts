import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floatAtLeast, floatAtMost, projectBox, projectL2Ball, projectLinfBall } from "./projections.ts";
import type { Projection } from "./solver.ts";

const size = 6;
const float = (min: number, max: number) => fc.float({ min: Math.fround(min), max: Math.fround(max), noNaN: true });
const vector = (min: number, max: number) =>
  fc.array(float(min, max), { minLength: size, maxLength: size }).map((elements) => Float32Array.from(elements));
const epsilon = fc.oneof(fc.constantFrom(0, 8 / 255, 0.1, 1e-6), fc.double({ min: 0, max: 1, noNaN: true }));

function projected(project: Projection, point: Float32Array): Float32Array {
  const copy = point.slice();
  project(copy);
  return copy;
}

const norm = (a: Float32Array, b: Float32Array) => Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0));

describe("rounding inwards", () => {
  test("floatAtMost and floatAtLeast enclose every number with neighboring floats", () => {
    const number = fc.oneof(
      fc.double({ noNaN: true, min: -1e38, max: 1e38 }),
      fc.constantFrom(0, 0.1, -0.1, 1e-46, -1e-46),
    );
    fc.assert(
      fc.property(number, (value) => {
        const [low, high] = [floatAtMost(value), floatAtLeast(value)];
        expect(low <= value && value <= high).toBe(true);
        expect([Math.fround(low), Math.fround(high)]).toEqual([low, high]);
        if (low === high) return;
        // No float lies between: the middle rounds to one of the two.
        expect([low, high]).toContain(Math.fround(low / 2 + high / 2));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test("infinite bounds stay infinite, and the next float below an overflow is the largest", () => {
    expect([floatAtMost(Infinity), floatAtLeast(-Infinity)]).toEqual([Infinity, -Infinity]);
    expect(floatAtMost(1e39)).toBe((2 - 2 ** -23) * 2 ** 127);
  });
});

describe("a box", () => {
  test("clips each element to the nearer bound, numbers or arrays", () => {
    const point = Float32Array.of(-2, 0.25, 3);
    expect([...projected(projectBox(-1, 1), point)]).toEqual([-1, 0.25, 1]);
    expect([...projected(projectBox(Float32Array.of(-3, 0.5, 0), 2), point)]).toEqual([-2, 0.5, 2]);
    expect([...projected(projectBox(-1, Float64Array.of(0, 0, 0)), point)]).toEqual([-1, 0, 0]);
  });

  test("a bound that is not a float is obeyed, not rounded away", () => {
    const [point] = projected(projectBox(-0.1, 0.1), Float32Array.of(1));
    expect(point).toBeLessThanOrEqual(0.1);
    expect(point).toBeGreaterThan(0.1 - 1e-8);
  });

  test.each([
    [() => projectBox(1, 0), /projectBox: empty interval.*got \[1, 0\]/],
    [() => projectBox(Number.NaN, 0), /empty interval/],
    [() => projectBox(new Float32Array(2), new Float32Array(3)), /unequal lengths.*got 2, 3/],
    [() => projectBox(new Float32Array(2), 1)(new Float32Array(3)), /wrong length of the point, expected 2, got 3/],
  ])("misuse %# is refused", (attempt, message) => {
    expect(attempt).toThrow(message);
  });
});

describe("an ℓ∞ ball in a box", () => {
  test("holds its radius and bounds in exact and in float32 arithmetic, is idempotent and leaves inner points alone", () => {
    fc.assert(
      fc.property(vector(0, 1), vector(-3, 3), epsilon, (center, point, radius) => {
        const project = projectLinfBall(center, radius, 0, 1);
        const once = projected(project, point);
        expect([...projected(project, once)]).toEqual([...once]);
        for (let i = 0; i < size; i++) {
          // The difference of two floats below 4 is exact in float64.
          expect(Math.abs(once[i] - center[i])).toBeLessThanOrEqual(radius);
          expect(Math.fround(Math.abs(Math.fround(once[i] - center[i])))).toBeLessThanOrEqual(Math.fround(radius));
          expect(once[i] >= 0 && once[i] <= 1).toBe(true);
          const nearest = Math.min(
            1,
            Math.max(0, Math.min(center[i] + radius, Math.max(center[i] - radius, point[i]))),
          );
          expect(Math.abs(once[i] - nearest)).toBeLessThan(6.1e-8);
          if (nearest === point[i]) expect(once[i]).toBe(point[i]);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("that misses the box is refused", () => {
    const attempt = () => projectLinfBall(Float32Array.of(0.5, 2), 0.25, 0, 1);
    expect(attempt).toThrow(
      /projectLinfBall: the ball and the box do not meet, expected center\[1\] within 0.25 of \[0, 1\], got 2/,
    );
    expect(() => projectLinfBall(Float32Array.of(0.5), -1)).toThrow(/epsilon.*at least 0, got -1/);
  });
});

describe("an ℓ2 ball", () => {
  test("scales the offset to the radius", () => {
    const point = Float32Array.of(1 + 6, 2 - 8);
    projectL2Ball(Float32Array.of(1, 2), 5)(point);
    expect(point[0]).toBeCloseTo(4, 6);
    expect(point[1]).toBeCloseTo(-2, 6);
  });

  test("holds its radius and bounds, is idempotent and leaves inner points alone", () => {
    const bounds = fc.constantFrom([0, 1] as const, [-Infinity, Infinity] as const, [0, Infinity] as const);
    fc.assert(
      fc.property(vector(0, 1), vector(-3, 3), epsilon, bounds, (center, point, radius, [low, high]) => {
        const project = projectL2Ball(center, radius, low, high);
        const once = projected(project, point);
        expect(norm(once, center)).toBeLessThanOrEqual(radius * (1 + 1e-12));
        expect(once.every((x) => x >= low && x <= high)).toBe(true);
        expect([...projected(project, once)]).toEqual([...once]);
        if (norm(point, center) <= radius && point.every((x) => x >= low && x <= high)) expect(once).toEqual(point);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("in a box, gives the nearest point of both: no feasible point lies on the far side of the tangent", () => {
    // x is the projection of y on a convex set if and only if (y − x)·(z − x) ≤ 0 for every z of the set.
    fc.assert(
      fc.property(
        vector(0, 1),
        vector(-3, 3),
        vector(-3, 3),
        fc.double({ min: 0.1, max: 1.5, noNaN: true }),
        (c, y, other, radius) => {
          const [center, point] = [Float64Array.from(c), Float64Array.from(y)];
          projectL2Ball(center, radius, 0, 1)(point);
          // Any feasible z: shrink and clip another point.
          const offset = other.map((z, i) => Math.min(1, Math.max(0, z)) - center[i]);
          const scale = Math.min(1, radius / Math.hypot(...offset));
          let product = 0;
          for (let i = 0; i < size; i++) product += (y[i] - point[i]) * (center[i] + scale * offset[i] - point[i]);
          expect(product).toBeLessThan(1e-9);
        },
      ),
      { seed: 1, numRuns: 500 },
    );
  });

  test("whose center is out of bounds is refused", () => {
    const attempt = () => projectL2Ball(Float32Array.of(0.5, -0.5), 1, 0, 1);
    expect(attempt).toThrow(/projectL2Ball: center\[1\], expected a number from 0 to 1, got -0.5/);
  });
});
