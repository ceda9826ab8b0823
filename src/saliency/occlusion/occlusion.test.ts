import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { AbortedError, MisuseError } from "../../errors.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { completeOptions } from "../../options/schema.ts";
import { createRandom } from "../../random/random.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { completeOcclusion, occlusion, occlusionIntervals } from "./occlusion.ts";

const W = [0, 1].map((k) => Array.from({ length: 24 }, (_, i) => ((i * 7 + k * 5) % 11) / 5 - 1));
/** logits = W x for x in [0, 1]²⁴ (one channel, 4 × 6). */
const linear = parseModel(`
  <ir_version: 8, opset_import: ["" : 18]>
  linear (float[N, 1, 4, 6] x) => (float[N, 2] logits)
  <float[2, 24] W = {${W.flat().join(", ")}}>
  { f = Flatten (x)  logits = Gemm <transB = 1> (f, W) }
`);

test("every pixel is covered equally often where the stride divides the patch", () => {
  for (const [extent, patch, stride] of [
    [7, 3, 1],
    [10, 4, 2],
    [9, 6, 2],
    [5, 5, 5],
  ]) {
    const covers = new Array(extent).fill(0);
    for (const { from, to } of occlusionIntervals(extent, { patch, stride })) {
      expect(to).toBeGreaterThan(from);
      for (let i = from; i < to; i++) covers[i]++;
    }
    expect(covers).toEqual(new Array(extent).fill(patch / stride));
  }
});

describe("on a linear model", () => {
  let classifier: Classifier;
  const random = createRandom(1);
  const x = Float32Array.from({ length: 24 }, () => random());
  beforeAll(() => {
    classifier = createClassifier(linear, { runtime: referenceRuntime, preprocessing: "unit" });
  });
  afterAll(() => classifier.dispose());

  test("squares of one pixel give w·(x − fill) where that is positive", async () => {
    for (const target of [undefined, 1]) {
      const { map, evaluations } = await occlusion.explain(classifier, floatTensor(x, [1, 4, 6]), {
        label: 0,
        target,
        patch: 1,
        score: "logit",
        fill: "gray",
      });
      map.data.forEach((value, i) => {
        const w = W[0][i] - (target === undefined ? 0 : W[1][i]);
        expect(value).toBeCloseTo(Math.max(0, w * (x[i] - 0.5)), 6);
      });
      expect(evaluations).toEqual({ forward: 25, gradient: 0 });
    }
  });

  test("larger squares give the mean of what they hide", async () => {
    const { map, details } = await occlusion.explain(classifier, floatTensor(x, [1, 4, 6]), {
      label: 1,
      batch: 4,
      patch: 3,
      stride: 2,
      score: "logit",
      fill: "black",
    });
    const part = (y: number, x0: number): number =>
      y < 0 || y > 3 || x0 < 0 || x0 > 5 ? 0 : W[1][y * 6 + x0] * x[y * 6 + x0];
    let largest = -Infinity;
    const expected = Array.from({ length: 24 }, (_, i) => {
      const drops: number[] = [];
      for (let y0 = -1; y0 < 4; y0 += 2) {
        for (let x0 = -1; x0 < 6; x0 += 2) {
          let drop = 0;
          for (let k = 0; k < 9; k++) drop += part(y0 + Math.floor(k / 3), x0 + (k % 3));
          largest = Math.max(largest, drop);
          const [dy, dx] = [Math.floor(i / 6) - y0, (i % 6) - x0];
          if (dy >= 0 && dy < 3 && dx >= 0 && dx < 3) drops.push(drop);
        }
      }
      return Math.max(0, drops.reduce((a, b) => a + b) / drops.length);
    });
    map.data.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6);
    });
    expect(expected.some((value) => value > 0.1)).toBe(true);
    expect(details?.largestDrop).toBeCloseTo(largest, 5);
  });
});

describe("on the tiny classifier", () => {
  let classifier: Classifier;
  const image = tinyImage(5);
  beforeAll(() => {
    classifier = createClassifier(tinyClassifier(), { runtime: ort });
  });
  afterAll(() => classifier.dispose());

  test("the batch changes nothing", async () => {
    const settings = { patch: 8, stride: 4, fill: "blur" } as const;
    const one = await occlusion.explain(classifier, image, { ...settings, batch: 1 });
    const many = await occlusion.explain(classifier, image, settings);
    expect(one.evaluations).toEqual({ forward: 50, gradient: 0 });
    many.map.data.forEach((value, i) => {
      expect(Math.abs(value - one.map.data[i])).toBeLessThan(1e-6);
    });
  });

  test("an aborted signal ends it", async () => {
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const run = occlusion.explain(classifier, image, { batch: 3, signal: controller.signal, onProgress });
    await expect(run).rejects.toThrow(AbortedError);
  });
});

test("settings follow the image's size, and what cannot be meant is refused", () => {
  const settingsOf = (given: object, input: { readonly height: number; readonly width: number }) =>
    completeOcclusion(completeOptions("occlusion", occlusion.settings, given), { input });
  const size = { height: 224, width: 224 };
  expect(settingsOf({}, size)).toEqual({ patch: 32, stride: 8, score: "probability", fill: "mean" });
  expect(settingsOf({}, { height: 32, width: 40 })).toMatchObject({ patch: 5, stride: 1 });
  expect(() => settingsOf({ patch: 225 }, size)).toThrow(MisuseError);
  expect(() => settingsOf({ patch: 4, stride: 5 }, size)).toThrow("occlusion: stride");
  expect(() => settingsOf({ fills: "gray" }, size)).toThrow('Did you mean "fill"?');
});
