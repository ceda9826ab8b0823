import { describe, expect, test } from "vitest";
import { prepareModel } from "../../../classifier/network/prepare-model.ts";
import { evaluate } from "../../evaluate.ts";
import { parseModel } from "../../text/parse.ts";
import { canonicalForm } from "../canonical-form.ts";

const modelOf = (body: string, outputs = "float[N,K] p", size = 2) =>
  parseModel(
    `<ir_version: 8, opset_import: ["": 15, "ai.onnx.ml": 1]> g (float[N,${size}] x) => (${outputs}) { ${body} }`,
  );

function run(body: string, rows: readonly (readonly number[])[]): readonly number[] {
  const { graph } = canonicalForm(modelOf(body)).model;
  const x = { dtype: "float32" as const, shape: [rows.length, rows[0].length], data: Float64Array.from(rows.flat()) };
  return Array.from(evaluate(graph, { x }, ["p"]).p.data);
}

const classifier = (post: string, count: number) => {
  const numbers = (length: number, of: (i: number) => number) =>
    `[${Array.from({ length }, (_, i) => of(i).toFixed(2))}]`;
  return `l, p = ai.onnx.ml.LinearClassifier <coefficients = ${numbers(2 * count, (i) => 0.1 * (i + 1))}, intercepts = ${numbers(count, (i) => 0.05 * (i + 1))}, classlabels_ints = [${Array.from({ length: Math.max(2, count) }, (_, i) => i)}], post_transform = "${post}"> (x)`;
};

// onnxruntime's own results, 1.32.
test.each([
  ["LOGISTIC", 1, [0.5621765, 0.43782347, 0.3318122, 0.6681878]],
  ["NONE", 2, [-0.25, -0.4, 0.70000005, 1.45]],
  ["LOGISTIC", 2, [0.4378235, 0.40131235, 0.66818774, 0.8099984]],
  ["SOFTMAX", 3, [0.38438973, 0.33084732, 0.2847629, 0.13160163, 0.27860066, 0.58979774]],
] as const)("LinearClassifier with %s and %d scores", (post, count, expected) => {
  const found = run(classifier(post, count), [
    [1, -2],
    [0.5, 3],
  ]);
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 6);
  });
});

test.each([
  ["MAX", [1, -2, 1, 6, 0, 0]],
  ["L1", [0.33333334, -0.6666667, -0.14285715, -0.85714287, 0, 0]],
  ["L2", [0.4472136, -0.8944272, -0.16439898, -0.9863939, 0, 0]],
] as const)("Normalizer by %s; zeros stay", (norm, expected) => {
  const found = run(`p = ai.onnx.ml.Normalizer <norm = "${norm}"> (x)`, [
    [1, -2],
    [-0.5, -3],
    [0, 0],
  ]);
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 6);
  });
});

test("Scaler takes away and multiplies, one number for all or one for each", () => {
  const each = "p = ai.onnx.ml.Scaler <offset = [1.0, 2.0], scale = [0.5, 3.0]> (x)";
  expect(run(each, [[2, 4]])).toEqual([0.5, 6]);
  expect(run("p = ai.onnx.ml.Scaler <offset = [1.0], scale = [2.0]> (x)", [[2, 4]])).toEqual([2, 6]);
});

test("LinearRegressor", () => {
  const body =
    "p = ai.onnx.ml.LinearRegressor <coefficients = [1.0, 2.0, 3.0, 4.0], intercepts = [0.5, -0.5], targets = 2> (x)";
  expect(run(body, [[1, 10]])).toEqual([21.5, 42.5]);
});

describe("as classifiers of pictures", () => {
  const prepare = (body: string, outputs: string) =>
    prepareModel(modelOf(body, outputs, 4), { where: "net.onnx", inputSize: [2, 2] });
  const coefficients = "[1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, -4.0]";

  test("two classes are a pair of sigmoids, and have the names of the labels", () => {
    const body = `l, p = ai.onnx.ml.LinearClassifier <coefficients = ${coefficients}, intercepts = [0.5, -0.5], classlabels_strings = ["cat", "dog"], post_transform = "LOGISTIC"> (x)`;
    const { head } = prepare(body, "string[N] l, float[N,2] p");
    expect(head).toMatchObject({ kind: "softmax", count: 2 });
    expect(head.reason).toMatch(/pair of sigmoids/);
  });

  test("probabilities that are normalized, and put into words, are taken back to the scores", () => {
    const body = `l, s = ai.onnx.ml.LinearClassifier <coefficients = ${coefficients}, intercepts = [0.5, 0.5], classlabels_ints = [0, 1], post_transform = "SOFTMAX"> (x) q = ai.onnx.ml.Normalizer <norm = "L1"> (s) p = ai.onnx.ml.ZipMap <classlabels_ints = [0, 1]> (q)`;
    const { head, logits } = prepare(body, "int64[N] l, float[] p");
    expect(head).toMatchObject({ kind: "softmax", count: 2, reason: expect.stringContaining("the scores before") });
    expect(logits).toMatch(/Add/);
  });

  test("other models are refused with what is supported", () => {
    const other = "l, p = ai.onnx.ml.TreeEnsemble <aggregate_function = 1> (x)";
    expect(() => prepare(other, "float[N,2] p")).toThrow(
      /linear ones, perceptrons, support vectors, neighbors and trees are supported/,
    );
  });

  test("what is not supported is refused with the converter's own way out", () => {
    const probit = `l, p = ai.onnx.ml.LinearClassifier <coefficients = ${coefficients}, intercepts = [0.5, 0.5], classlabels_ints = [0, 1], post_transform = "PROBIT"> (x)`;
    expect(() => prepare(probit, "float[N,2] p")).toThrow(/"PROBIT" is not supported.*black_op=\{"LinearClassifier"\}/);
  });
});
