import { expect, test } from "vitest";
import { runModel, wave } from "../../../test/run-model.ts";
import { UnsupportedError } from "../../errors.ts";
import { evaluate } from "../evaluate.ts";
import { inferShapes } from "../infer-shapes.ts";
import { numeric } from "../numeric-tensor.ts";
import { parseModel } from "../text/parse.ts";
import { canonicalForm } from "./canonical-form.ts";

/** A convolution with standardized weights: 2 filters of 3x2 numbers each, with the gains 1 and 3, of a picture with one channel. */
const standardized = (opset: number, normalize: string, of = "w") =>
  parseModel(`<ir_version: 8, opset_import: ["": ${opset}]> g (float[N, 1, 4, 4] x) => (float[N, 2, 2, 3] y)
    <float[1, 2, 6] w = {1, 2, 3, 4, 5, 9, -1, 0, 0.5, 2, 2, 7}, float[2] gain = {1, 3}, float[2] bias = {0.5, -1}, float[2] none = {0, 1},
     int64[4] filters = {2, 1, 3, 2}> {
      ${normalize.replace("OF", of)}
      k = Reshape (n, filters)
      y = Conv (x, k)
    }`);
const training =
  "n, m, v = BatchNormalization <training_mode = 1, epsilon = 0.01, momentum = 1.0> (OF, gain, bias, none, none)";

test("weights that are standardized in every run, as onnxruntime computes them", async () => {
  const model = standardized(17, training);
  const feeds = { x: wave([2, 1, 4, 4]) };
  const { graph } = canonicalForm(model).model;
  expect(graph.nodes.map(({ opType }) => opType)).not.toContain("BatchNormalization");
  const found = evaluate(graph, { x: numeric(feeds.x) }).y;
  const expected = numeric((await runModel(model, feeds)).y);
  expect(found.shape).toEqual(expected.shape);
  for (const [i, value] of found.data.entries()) expect(value).toBeCloseTo(expected.data[i], 5);
});

test("by hand: each filter has the mean of its bias and the deviation of its gain", () => {
  const { graph } = canonicalForm(standardized(17, training.replace("0.01", "0.0"))).model;
  const whole = evaluate(graph, { x: numeric(wave([1, 1, 4, 4])) }, ["k"]).k.data;
  for (const [filter, [bias, gain]] of [
    [0.5, 1],
    [-1, 3],
  ].entries()) {
    const numbers = Array.from(whole.subarray(6 * filter, 6 * filter + 6));
    const mean = numbers.reduce((sum, value) => sum + value, 0) / 6;
    const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 6;
    expect([mean, Math.sqrt(variance)]).toEqual([expect.closeTo(bias, 6), expect.closeTo(gain, 6)]);
  }
});

test("before opset 14, where further outputs said it", () => {
  const old = "n, m, v, sm, sv = BatchNormalization <epsilon = 0.01> (OF, gain, bias, none, none)";
  const x = numeric(wave([1, 1, 4, 4]));
  const outputs = [standardized(13, old), standardized(17, training)].map(
    (model) => evaluate(canonicalForm(model).model.graph, { x }).y.data,
  );
  expect(outputs[0]).toEqual(outputs[1]);
});

test("of the picture it stays refused, and where the running statistics are read", () => {
  const text = (
    normalize: string,
  ) => `<ir_version: 8, opset_import: ["": 17]> g (float[N, 2, 4, 4] x) => (float[N, 2] y)
    <float[2] gain = {1, 3}, float[2] none = {0, 1}, float[1, 2, 3] w = {1, 2, 3, 4, 5, 6}> { ${normalize} }`;
  const shapes = (normalize: string) =>
    inferShapes(canonicalForm(parseModel(text(normalize))).model.graph, { inputShapes: { x: [1, 2, 4, 4] } });
  const ofPicture =
    "n, m, v = BatchNormalization <training_mode = 1> (x, gain, none, none, gain) p = GlobalAveragePool (n) y = Flatten (p)";
  expect(() => shapes(ofPicture)).toThrow(UnsupportedError);
  expect(() => shapes(ofPicture)).toThrow("BatchNormalization in training mode");
  const running =
    "n, m, v = BatchNormalization <training_mode = 1> (w, gain, none, none, gain) p = GlobalAveragePool (x) f = Flatten (p) y = Add (f, m)";
  expect(() => shapes(running)).toThrow("BatchNormalization in training mode");
});
