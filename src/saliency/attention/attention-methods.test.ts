import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { readModel } from "../../onnx/file/read-model.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { Explanation } from "../method.ts";
import { attentionRollout, transformerAttribution } from "./attention-methods.ts";

const folder = join(import.meta.dirname, "../../../test/fixtures/attribution");
const references = JSON.parse(readFileSync(join(folder, "references.json"), "utf8"));
const image = floatTensor(
  new Float32Array(Uint8Array.from(Buffer.from(references.picture, "base64")).buffer),
  [3, 12, 12],
);

const cellsOf = ({ details }: Explanation): number[] => {
  const cells = details?.cells;
  return Array.isArray(cells) ? cells.map(Number) : [];
};
const close = (values: readonly number[], digits: number) => values.map((value) => expect.closeTo(value, digits));

describe("on a vision transformer with a class token, as PyTorch with the papers' formulas", () => {
  const { label, attention } = references.networks.transformer;
  const model = readModel(readFileSync(join(folder, "transformer.onnx")));
  const exact = createClassifier(model, { runtime: referenceRuntime, preprocessing: "symmetric" });
  const classifier = createClassifier(model, { runtime: ort, preprocessing: "symmetric", threads: 1 });
  afterAll(() => classifier.dispose());

  test("attention rollout", async () => {
    const found = await attentionRollout.explain(exact, image, { label });
    expect(cellsOf(found)).toEqual(close(attention.rollout, 6));
    expect(found.details).toMatchObject({ token: "class", grid: [3, 3], layers: 3 });
    expect(found.evaluations).toEqual({ forward: 1, gradient: 0 });
    const all = await attentionRollout.explain(exact, image, { label, token: "mean" });
    expect(cellsOf(all)).toEqual(close(attention["rollout of all"], 6));
  });

  test("transformer attribution", async () => {
    const found = await transformerAttribution.explain(exact, image, { label });
    expect(Math.max(...attention.attribution)).toBeGreaterThan(1e-3);
    expect(cellsOf(found)).toEqual(close(attention.attribution, 6));
    expect(found.evaluations).toEqual({ forward: 0, gradient: 1 });
  });

  test("in float32 the same, and a map of a value for each patch", async () => {
    const { map, details } = await transformerAttribution.explain(classifier, image, { label, upsampling: "nearest" });
    const cells = Array.isArray(details?.cells) ? details.cells.map(Number) : [];
    expect(cells).toEqual(close(attention.attribution, 5));
    for (const [i, value] of map.data.entries()) {
      const cell = 3 * Math.floor(Math.floor(i / 12) / 4) + Math.floor((i % 12) / 4);
      expect(value).toBeCloseTo(cells[cell], 6);
    }
  });

  test("rollout says the same of every class, attribution does not", async () => {
    const other = (label + 1) % 4;
    const [a, b] = [
      await attentionRollout.explain(exact, image, { label }),
      await attentionRollout.explain(exact, image, { label: other }),
    ];
    expect(a.map).toEqual(b.map);
    const own = await transformerAttribution.explain(exact, image, { label });
    const against = await transformerAttribution.explain(exact, image, { label, target: other });
    expect(cellsOf(own)).not.toEqual(close(cellsOf(against), 4));
  });
});

/** Nine patches of 4 × 4 that attend to one another in two heads of 24 numbers, and the mean of the result as four scores. */
function patchesWith(attention: string): Classifier {
  const constants = `
    s6 = Constant <value = int64[6] {0, 3, 3, 4, 3, 4}> () s3 = Constant <value = int64[3] {-1, 9, 48}> ()
    sh = Constant <value = int64[4] {-1, 9, 2, 24}> () sm = Constant <value = int64[3] {-1, 9, 24}> ()
    sw = Constant <value = int64[4] {-1, 2, 9, 24}> () s4 = Constant <value = int64[3] {-1, 4, 12}> ()
    one = Constant <value = int64[1] {1}> () two = Constant <value = int64[1] {2}> () k = Constant <value = float {0.20412414523193154}> ()`;
  const model = parseModel(
    `<ir_version: 9, opset_import: ["": 18, "com.microsoft": 1]> g (float[N,3,12,12] image) => (float[N,4] logits) {
      ${constants}
      r = Reshape (image, s6) t = Transpose <perm = [0, 2, 4, 1, 3, 5]> (r) p = Reshape (t, s3)
      ${attention}
      m = ReduceMean <keepdims = 0> (y, one) q4 = Reshape (m, s4) logits = ReduceMean <keepdims = 0> (q4, two)
    }`,
  );
  return createClassifier(model, { runtime: referenceRuntime, preprocessing: "unit" });
}

const heads = "h = Reshape (p, sh) a = Transpose <perm = [0, 2, 1, 3]> (h)";
const joined = "z = Transpose <perm = [0, 2, 1, 3]> (o) y = Reshape (z, s3)";
const variants = {
  "four axes": `${heads} b = Transpose <perm = [0, 1, 3, 2]> (a) e = MatMul (a, b) f = Mul (e, k)
    w = Softmax <axis = -1> (f) o = MatMul (w, a) ${joined}`,
  "heads along the first axis": `${heads} c = Reshape (a, sm) b = Transpose <perm = [0, 2, 1]> (c) e = MatMul (c, b) f = Mul (e, k)
    w = Softmax <axis = -1> (f) n = MatMul (w, c) o = Reshape (n, sw) ${joined}`,
  "MultiHeadAttention of onnxruntime": "y = com.microsoft.MultiHeadAttention <num_heads = 2> (p, p, p)",
};

/** The mean of the probabilities of both heads, [9, 9], by hand. */
function probabilities(): number[][] {
  const at = (patch: number, i: number): number => {
    const [c, y, x] = [Math.floor(i / 16), Math.floor((i % 16) / 4), i % 4];
    return image.data[c * 144 + (4 * Math.floor(patch / 3) + y) * 12 + 4 * (patch % 3) + x];
  };
  return Array.from({ length: 9 }, (_, query) => {
    const row = new Array<number>(9).fill(0);
    for (const head of [0, 1]) {
      const scores = row.map((_, key) => {
        let sum = 0;
        for (let i = 24 * head; i < 24 * (head + 1); i++) sum += at(query, i) * at(key, i);
        return Math.exp(sum / Math.sqrt(24));
      });
      const total = scores.reduce((sum, score) => sum + score, 0);
      for (const [key, score] of scores.entries()) row[key] += score / total / 2;
    }
    return row;
  });
}

test.each(Object.keys(variants))("patches without a class token, by hand: %s", async (name) => {
  const classifier = patchesWith(variants[name as keyof typeof variants]);
  const rollout = await attentionRollout.explain(classifier, image, { label: 0 });
  const wanted = Array.from({ length: 9 }, (_, key) =>
    probabilities().reduce((sum, row, query) => sum + (row[key] / 2 + (query === key ? 0.5 : 0)) / 9, 0),
  );
  expect(cellsOf(rollout)).toEqual(close(wanted, 6));
  expect(cellsOf(rollout).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
  expect(rollout.details?.token).toBe("mean");
  // All values are positive, and so are ∂s/∂A: nothing of any head is cut off.
  const attribution = await transformerAttribution.explain(classifier, image, { label: 0 });
  const four = await transformerAttribution.explain(patchesWith(variants["four axes"]), image, { label: 0 });
  expect(Math.min(...cellsOf(attribution))).toBeGreaterThan(1e-4);
  expect(cellsOf(attribution)).toEqual(close(cellsOf(four), 6));
});

describe("what is refused, in words", () => {
  test("a network without attention, by check as by explain", async () => {
    const classifier = createClassifier(tinyClassifier(), { runtime: referenceRuntime });
    const words =
      "attention-rollout: the network has no attention, expected a transformer: a Softmax over tokens that weighs values. lrp, deep-lift and grad-cam explain any network.";
    expect(() => attentionRollout.check(classifier)).toThrow(words);
    expect(() => transformerAttribution.costOf(classifier)).toThrow(
      "transformer-attribution: the network has no attention",
    );
    const scene = floatTensor(new Float32Array(3 * 24 * 24), [3, 24, 24]);
    await expect(attentionRollout.explain(classifier, scene)).rejects.toThrow(words);
  });

  test("attention among some of the tokens", () => {
    const queries =
      "i0 = Constant <value = int64[1] {0}> () i1 = Constant <value = int64[1] {1}> () c1 = Slice (p, i0, i1, one)";
    const cross = patchesWith(`${queries} b = Transpose <perm = [0, 2, 1]> (p) e = MatMul (c1, b)
      w = Softmax <axis = -1> (e) n = MatMul (w, p) y = Add (p, n)`);
    expect(() => attentionRollout.check(cross)).toThrow(
      /attention is not among all tokens of a grid over the image, expected layers that all attend among the same tokens, as in ViT and DeiT, got .*\[1, 1, 9\]/,
    );
  });
});
