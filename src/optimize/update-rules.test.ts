import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FloatArray } from "../tensor/vector.ts";
import { projectBox, projectLinfBall } from "./projections.ts";
import { adam, gradientStep, momentum, signStep, type UpdateRule, unitStep } from "./update-rules.ts";

/** The points, from the origin, after each of the gradients. */
function path(rule: UpdateRule, gradients: readonly (readonly number[])[]): number[][] {
  const point = new Float64Array(gradients[0].length);
  const update = rule(point);
  return gradients.map((gradient) => {
    update(Float64Array.from(gradient), point, point);
    return [...point];
  });
}

test("the step size may depend on the number of the step, counted from 1", () => {
  expect(
    path(
      gradientStep((step) => 1 / step),
      [[1], [1], [1]],
    ).map(([x]) => x),
  ).toEqual([-1, -1.5, -1.5 - 1 / 3]);
  expect(
    path(
      signStep((step) => step),
      [[5], [5]],
    ),
  ).toEqual([[-1], [-3]]);
  expect(
    path(
      unitStep((step) => step),
      [[-5], [-5]],
    ),
  ).toEqual([[1], [3]]);
});

test("dampening leaves the first gradient whole", () => {
  const rule = momentum(gradientStep(1), { kept: 0.5, dampening: 0.25 });
  // v = 4, then 2 + 3, then 2.5 + 3.
  expect(path(rule, [[4], [4], [4]])).toEqual([[-4], [-9], [-14.5]]);
});

test("a rule says whether there is anything to follow, and leaves the point if not", () => {
  const zero = new Float32Array(2);
  const rules = [gradientStep(1), unitStep(1), signStep(1), adam(), momentum(signStep(1), { kept: 0.9 })];
  for (const rule of rules) {
    const point = Float32Array.of(0.25, -1);
    const next = new Float32Array(2);
    expect(rule(point)(zero, point, next)).toBe(false);
    expect([...next]).toEqual([0.25, -1]);
    expect(rule(point)(Float32Array.of(0, 1e-30), point, next)).toBe(true);
  }
  const rolling = momentum(signStep(1), { kept: 0.9 })(zero);
  rolling(Float32Array.of(1, 0), zero, new Float32Array(2));
  expect(rolling(zero, zero, new Float32Array(2))).toBe(true);
});

test("two descents by the same rule do not share its state", () => {
  const rule = momentum(gradientStep(1), { kept: 1 });
  expect(path(rule, [[1], [1]])).toEqual(path(rule, [[1], [1]]));
});

test("Adam's first step is stepSize against the sign of the gradient", () => {
  const [[first, second]] = path(adam({ stepSize: 0.125 }), [[300, -2]]);
  expect(first).toBeCloseTo(-0.125, 8);
  expect(second).toBeCloseTo(0.125, 8);
});

const floats = (length: number) =>
  fc
    .array(fc.float({ noNaN: true, min: -2, max: 2 }), { minLength: length, maxLength: length })
    .map((values) => Float32Array.from(values));

test("Adam in float32 is algorithm 1 of Kingma and Ba, moments and steps rounded to float32, bit for bit", () => {
  fc.assert(
    fc.property(fc.array(floats(4), { minLength: 1, maxLength: 8 }), floats(4), (gradients, start) => {
      const point = start.slice();
      const update = adam({ stepSize: 0.01 })(point);
      const [mean, meanSquare] = [new Float32Array(4), new Float32Array(4)];
      const expected = start.slice();
      for (const [t, gradient] of gradients.entries()) {
        update(gradient, point, point);
        const steps = gradient.map((g, i) => {
          mean[i] = 0.9 * mean[i] + 0.1 * g;
          meanSquare[i] = 0.999 * meanSquare[i] + 0.001 * g * g;
          const root = Math.sqrt(meanSquare[i]) * (1 / Math.sqrt(1 - 0.999 ** (t + 1)));
          return ((0.01 / (1 - 0.9 ** (t + 1))) * mean[i]) / (root + 1e-8);
        });
        for (let i = 0; i < 4; i++) expected[i] -= steps[i];
        expect([...point]).toEqual([...expected]);
      }
    }),
    { seed: 1 },
  );
});

describe("with a projection", () => {
  const center = Float32Array.of(0.5, 0.02, 0.97, 0.4);
  const ball = projectLinfBall(center, 0.03, 0, 1);
  const rules: readonly (readonly [string, UpdateRule])[] = [
    ["gradientStep", gradientStep(0.05)],
    ["unitStep", unitStep(0.05)],
    ["signStep", signStep(0.05)],
    ["adam", adam({ stepSize: 0.05 })],
    ["momentum", momentum(signStep(0.02), { kept: 0.5 })],
  ];

  test.each(rules)("%s takes the step and projects it, in place or not", (_, rule) => {
    fc.assert(
      fc.property(floats(4), (gradient) => {
        const free = center.slice();
        rule(center)(gradient, center, free);
        for (const project of [ball, projectBox(0.1, 0.9), Object.assign((p: FloatArray) => ball(p), {})]) {
          const expected = free.slice();
          project(expected);
          const next = new Float32Array(4);
          rule(center, project)(gradient, center, next);
          const inPlace = center.slice();
          rule(center, project)(gradient, inPlace, inPlace);
          expect([...next]).toEqual([...expected]);
          expect([...inPlace]).toEqual([...expected]);
        }
      }),
      { seed: 1 },
    );
  });

  test("a gradient that is not finite makes the point of a sign step NaN, also in a box", () => {
    for (const project of [undefined, ball]) {
      const next = new Float32Array(4);
      signStep(0.01)(center, project)(Float32Array.of(NaN, Infinity, 1, 0), center, next);
      expect([...next].map(Number.isNaN)).toEqual([true, true, false, false]);
    }
  });
});

test.each([
  [() => gradientStep(0), /gradientStep: stepSize.*expected a number above 0.*got 0/],
  [() => signStep(NaN), /signStep: stepSize.*got NaN/],
  [() => unitStep(Infinity), /unitStep: stepSize/],
  [() => momentum(signStep(1), { kept: 1.5 }), /momentum: kept.*from 0 to 1/],
  [() => momentum(signStep(1), { kept: 0.5, dampening: -1 }), /momentum: dampening/],
  [() => momentum(signStep(1), Object.assign({ kept: 0.5 }, { normalise: true })), /Did you mean "normalize"/],
  [() => adam({ beta1: 1 }), /adam: beta1/],
  [() => adam({ epsilon: 0 }), /adam: epsilon/],
  [() => adam(Object.assign({ epsilon: 1e-8 }, { stepsize: 1 })), /unknown option "stepsize".*Did you mean "stepSize"/],
])("wrong options are refused when the rule is made (%#)", (make, message) => {
  expect(make).toThrow(message);
});
