import { expect, test } from "vitest";
import { openHandNetwork as open } from "../../../test/hand-network.ts";
import { GraphBuilder } from "../../onnx/builder.ts";
import { evaluate } from "../../onnx/evaluate.ts";
import { numeric } from "../../onnx/numeric-tensor.ts";
import { floatTensor, sizeOf } from "../../tensor/tensor.ts";
import type { ObjectiveProblem } from "./objective.ts";
import { appendSquaredNorm } from "./objective-graph.ts";

test("value, margin, distances and gradient of a network small enough to work out by hand", async () => {
  const classifier = open();
  const layers = classifier.selectLayers(["h"]);
  const [references, objective] = [await classifier.references({ layers }), await classifier.objective({ layers })];
  // Pixels (0.5, 0.75) are (0, 1) for the network: h = relu(2, 1) = (2, 1), logits (2, 2, -1).
  const [reference] = await references.run([Float32Array.of(0.5, 0.75)]);
  expect([...reference.features[0]]).toEqual([2, 1]);
  expect([...reference.logits]).toEqual([2, 2, -1]);
  // Pixels (0.75, 0.75) are (1, 1): pre = (3, 0), h = (3, 0), logits (3, 0, -3).
  const problem: ObjectiveProblem = {
    reference,
    classIndex: 1,
    marginTarget: -2,
    marginWeight: 0.5,
    layerWeights: [0.1],
    distanceWeight: 3,
  };
  const [at] = await objective.run([{ image: Float32Array.of(0.75, 0.75), problem }]);
  expect([...at.logits]).toEqual([3, 0, -3]);
  expect(at.margin).toBe(-3);
  expect(at.layerDistances).toEqual([2]);
  expect(at.distance).toBeCloseTo(0.0625, 12);
  // 0.5 (-3 + 2)² + 0.1 · 2 + 3 · 0.0625
  expect(at.value).toBeCloseTo(0.8875, 12);
  // ∂/∂h = 0.5 · 2 · (-1) · ∂M/∂h + 0.2 (h - h₀), with M = logit 1 - logit 0 and ∂M/∂h = (-1, 2): (1.2, -2.2).
  // The second unit sits at its kink and passes nothing: ∂/∂u = 1.2 · (1, 2), ∂/∂x = 4 ∂/∂u + 6 (x - x₀).
  expect(at.gradient[0]).toBeCloseTo(4 * 1.2 + 6 * 0.25, 5);
  expect(at.gradient[1]).toBeCloseTo(4 * 2.4, 5);
  await classifier.dispose();
});

test("a targeted margin is negative once the target wins, and its gradient is turned", async () => {
  const classifier = open();
  const objective = await classifier.objective({ layers: [] });
  const image = Float32Array.of(0.75, 0.9);
  const [reference] = await (await classifier.references({ layers: [] })).run([image]);
  const problem = { reference, classIndex: 0, marginTarget: -1, layerWeights: [], distanceWeight: 0 };
  const [away] = await objective.run([{ image, problem }]);
  const [towards] = await objective.run([{ image, problem: { ...problem, targeted: true } }]);
  expect(towards.margin).toBeCloseTo(-away.margin, 6);
  // d/dx (M - T)² = 2 (M - T) ∂M/∂x, so the gradients of M itself are opposite.
  const slope = (e: typeof away, i: number): number => e.gradient[i] / (2 * (e.margin + 1));
  for (const i of [0, 1]) expect(slope(towards, i)).toBeCloseTo(-slope(away, i), 4);
  await classifier.dispose();
});

test("rows of a batch are evaluated as each would be alone, whatever the number of rows in use", async () => {
  const classifier = open();
  const layers = classifier.selectLayers(["h", "pre"]);
  const [batched, solo] = [await classifier.objective({ layers, batch: 3 }), await classifier.objective({ layers })];
  const images = [Float32Array.of(0.2, 0.9), Float32Array.of(0.8, 0.4)];
  const points = [Float32Array.of(0.3, 0.7), Float32Array.of(0.6, 0.1)];
  const clean = await (await classifier.references({ layers, batch: 3 })).run(images);
  const problems = clean.map(
    (reference, n): ObjectiveProblem => ({
      reference,
      classIndex: n,
      marginTarget: -1 - n,
      layerWeights: [1 + n, 0.5],
      distanceWeight: n,
    }),
  );
  const together = await batched.run(points.map((image, n) => ({ image, problem: problems[n] })));
  for (const [n, point] of points.entries()) {
    const [reference] = await (await classifier.references({ layers })).run([images[n]]);
    const [alone] = await solo.run([{ image: point, problem: { ...problems[n], reference } }]);
    expect(together[n].value).toBe(alone.value);
    expect([...together[n].gradient]).toEqual([...alone.gradient]);
  }
  await classifier.dispose();
});

test.each([[[2]], [[2, 3]], [[2, 3, 2]], [[2, 2, 1, 3]], [[3, 1, 2, 2, 2]]])(
  "the squared norms of a batch of shape %j",
  (shape: number[]) => {
    const g = new GraphBuilder();
    g.output(appendSquaredNorm(g, g.input("d", "float32", shape)), "norms");
    const values = Array.from({ length: sizeOf(shape) }, (_, i) => i - 3);
    const { norms } = evaluate(g.toGraph(), { d: numeric(floatTensor(values, shape)) });
    const each = values.length / shape[0];
    const expected = Array.from({ length: shape[0] }, (_, n) =>
      values.slice(n * each, (n + 1) * each).reduce((sum, x) => sum + x * x, 0),
    );
    expect([norms.shape, [...norms.data]]).toEqual([[shape[0]], expected]);
  },
);
