import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { AbortedError, MisuseError } from "../../errors.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { completeOptions } from "../../options/schema.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { scoreOf } from "../class-score.ts";
import { fillImage } from "../fill.ts";
import { methodNamed } from "../methods.ts";
import { rise } from "./rise.ts";
import { type RiseMask, riseMasks } from "./rise-masks.ts";

/** The mask as its definition says, pixel by pixel. */
function naiveMask(mask: RiseMask, height: number, width: number, cells: number): number[] {
  const position = (pixel: number, extent: number): number => {
    const samples = (cells + 1) * Math.ceil(extent / cells);
    const at = ((pixel + 0.5) * cells) / samples - 0.5;
    return at < 0 ? -at : at > cells - 1 ? 2 * (cells - 1) - at : at;
  };
  const weight = (at: number, cell: number): number => Math.max(0, 1 - Math.abs(at - cell));
  return Array.from({ length: height * width }, (_, i) => {
    const y = position(Math.floor(i / width) + mask.shiftY, height);
    const x = position((i % width) + mask.shiftX, width);
    let sum = 0;
    for (let a = 0; a < cells; a++) {
      for (let b = 0; b < cells; b++) sum += weight(y, a) * weight(x, b) * mask.cells[a * cells + b];
    }
    return sum;
  });
}

describe("masks", () => {
  const shapes = fc.record({
    height: fc.integer({ min: 2, max: 20 }),
    width: fc.integer({ min: 2, max: 20 }),
    cells: fc.integer({ min: 2, max: 6 }),
    seed: fc.nat(),
  });

  test("are bilinear, between 0 and 1, and sums of them are what they say", () => {
    fc.assert(
      fc.property(shapes, ({ height, width, cells, seed }) => {
        const random = createRandom(seed);
        const masks = riseMasks({ height, width, cells });
        const sum = masks.createSum();
        const expected = new Float64Array(height * width);
        for (let n = 0; n < 4; n++) {
          const mask = masks.draw(random, 0.4);
          expect(mask.shiftY).toBeLessThan(Math.ceil(height / cells));
          expect(mask.shiftX).toBeLessThan(Math.ceil(width / cells));
          const naive = naiveMask(mask, height, width, cells);
          masks.render(mask).forEach((value, i) => {
            expect(Math.abs(value - naive[i])).toBeLessThan(1e-6);
          });
          naive.forEach((value, i) => {
            expected[i] += (n - 1.5) * value;
          });
          sum.add(mask, n - 1.5);
        }
        sum.total().forEach((value, i) => {
          expect(Math.abs(value - expected[i])).toBeLessThan(1e-12);
        });
      }),
      { numRuns: 40 },
    );
  });

  test("keep a pixel with the probability of a cell, on average over all grids", () => {
    const masks = riseMasks({ height: 5, width: 7, cells: 2 });
    const p = 0.3;
    for (const [shiftY, shiftX] of [
      [0, 0],
      [2, 3],
    ]) {
      const mean = new Float64Array(35);
      for (let bits = 0; bits < 16; bits++) {
        const cells = Uint8Array.from({ length: 4 }, (_, k) => (bits >> k) & 1);
        const kept = cells.reduce((a, b) => a + b);
        masks.render({ cells, shiftY, shiftX }).forEach((value, i) => {
          mean[i] += p ** kept * (1 - p) ** (4 - kept) * value;
        });
      }
      for (const value of mean) expect(Math.abs(value - p)).toBeLessThan(1e-7);
    }
  });

  test("are drawn with all shifts, and cells as often as they should", () => {
    const random = createRandom(1);
    const masks = riseMasks({ height: 10, width: 12, cells: 4 });
    const drawn = Array.from({ length: 2000 }, () => masks.draw(random, 0.25));
    const kept = drawn.reduce((sum, { cells }) => sum + cells.reduce((a, b) => a + b), 0) / (2000 * 16);
    // 4 standard deviations of the mean of 32,000 independent draws.
    expect(Math.abs(kept - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 32_000));
    expect(new Set(drawn.map(({ shiftY, shiftX }) => `${shiftY} ${shiftX}`)).size).toBe(9);
  });

  for (const channels of [1, 3]) {
    test(`are applied to ${channels} channels`, () => {
      const masks = riseMasks({ height: 6, width: 5, cells: 3 });
      const random = createRandom(4);
      const mask = masks.draw(random, 0.5);
      const difference = Float32Array.from({ length: channels * 30 }, () => random() - 0.5);
      const color = Float32Array.from({ length: channels }, () => random());
      const out = new Float32Array(channels * 30);
      masks.apply(mask, color, difference, out);
      const values = masks.render(mask);
      out.forEach((value, i) => {
        expect(value).toBeCloseTo(color[Math.floor(i / 30)] + values[i % 30] * difference[i], 6);
      });
    });
  }
});

/** logits = W x + b for x in [0, 1]¹⁶ (one channel, 4 × 4). */
const W = [0, 1].map((k) => Array.from({ length: 16 }, (_, i) => ((i * 7 + k * 5) % 11) / 5 - 1));
const affine = parseModel(`
  <ir_version: 8, opset_import: ["" : 18]>
  affine (float[N, 1, 4, 4] x) => (float[N, 2] logits)
  <float[2, 16] W = {${W.flat().join(", ")}}, float[2] b = {2, -1}>
  { f = Flatten (x)  logits = Gemm <transB = 1> (f, W, b) }
`);

test("on a linear model the map converges to its expectation", async () => {
  const classifier = createClassifier(affine, { runtime: ort, preprocessing: "unit" });
  const random = createRandom(2);
  const x = Float32Array.from({ length: 16 }, () => random());
  const [p, count] = [0.3, 3000];
  for (const [fill, hidden] of [
    ["mean", 0],
    ["gray", 0.5],
  ] as const) {
    for (const target of [undefined, 1]) {
      // Mean and variance of f(x ⊙ m) m / p over all 16 grids and 4 shifts.
      const [mean, square] = [new Float64Array(16), new Float64Array(16)];
      for (let bits = 0; bits < 64; bits++) {
        const cells = Uint8Array.from({ length: 4 }, (_, k) => (bits >> k) & 1);
        const kept = cells.reduce((a, b) => a + b);
        const chance = (p ** kept * (1 - p) ** (4 - kept)) / 4;
        const mask = naiveMask({ cells, shiftY: (bits >> 4) & 1, shiftX: bits >> 5 }, 4, 4, 2);
        const logit = (k: number, bias: number) =>
          W[k].reduce((sum, w, i) => sum + w * (hidden + mask[i] * (x[i] - hidden)), bias);
        const score = logit(0, 2) - (target === undefined ? 0 : logit(1, -1));
        mask.forEach((value, i) => {
          mean[i] += (chance * score * value) / p;
          square[i] += chance * ((score * value) / p) ** 2;
        });
      }
      const { map, details } = await rise.explain(classifier, floatTensor(x, [1, 4, 4]), {
        label: 0,
        target,
        random: createRandom(3),
        batch: 500,
        masks: count,
        cells: 2,
        probability: p,
        score: "logit",
        fill,
      });
      map.data.forEach((value, i) => {
        const estimate = value + (details?.subtracted as number);
        const deviation = Math.sqrt((square[i] - mean[i] ** 2) / count);
        // 4.5 standard errors: for all 64 numbers together, exceeded with a chance below 0.0005.
        expect(Math.abs(estimate - mean[i]) / deviation).toBeLessThan(4.5);
      });
      expect(Math.min(...map.data)).toBeGreaterThanOrEqual(0);
    }
  }
  await classifier.dispose();
});

describe("on the tiny classifier", () => {
  let classifier: Classifier;
  const image = tinyImage(5);
  const settings = { masks: 37, cells: 5, probability: 0.4 };
  beforeAll(() => {
    classifier = createClassifier(tinyClassifier(), { runtime: ort });
  });
  afterAll(() => classifier.dispose());

  test("the batch changes nothing, also where the model has one of its own", async () => {
    const fixed = createClassifier(tinyClassifier({ batch: 1 }), { runtime: ort });
    const [one, seven, large, own] = await Promise.all([
      rise.explain(classifier, image, { ...settings, batch: 1 }),
      rise.explain(classifier, image, { ...settings, batch: 7 }),
      rise.explain(classifier, image, settings),
      rise.explain(fixed, image, settings),
    ]);
    for (const other of [seven, large, own]) {
      other.map.data.forEach((value, i) => {
        expect(Math.abs(value - one.map.data[i])).toBeLessThan(1e-6);
      });
    }
    expect(one.evaluations).toEqual({ forward: 38, gradient: 0 });
    await fixed.dispose();
  });

  test("is the mean over its masks, of the softmax", async () => {
    const masks = riseMasks({ height: 24, width: 24, cells: 5 });
    const again = createRandom(9);
    const hidden = fillImage(classifier, image, "blur");
    const pass = await classifier.forward();
    const expected = new Float64Array(576);
    for (let n = 0; n < 6; n++) {
      const mask = masks.render(masks.draw(again, 0.4));
      const masked = image.data.map((x, i) => hidden[i] + mask[i % 576] * (x - hidden[i]));
      const [logits] = await pass.run([masked]);
      const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
      mask.forEach((value, i) => {
        expected[i] += (value * Math.exp(logits[2])) / sum / (6 * 0.4);
      });
    }
    const {
      map,
      label,
      settings: effective,
    } = await rise.explain(classifier, image, {
      label: 2,
      random: createRandom(9),
      ...settings,
      masks: 6,
      fill: "blur",
    });
    map.data.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThan(1e-6);
    });
    expect(map.shape).toEqual([24, 24]);
    expect(label).toBe(2);
    expect(effective).toEqual({ ...settingsOf(), ...settings, masks: 6, fill: "blur" });
  });

  test("chance is seeded", async () => {
    const first = await rise.explain(classifier, image, settings);
    const again = await rise.explain(classifier, image, { ...settings, random: createRandom(0) });
    const other = await rise.explain(classifier, image, { ...settings, random: createRandom(1) });
    expect(again.map.data).toEqual(first.map.data);
    expect(other.map.data).not.toEqual(first.map.data);
  });

  test("progress is reported, and an aborted signal ends it", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ done, of }: { done: number; of: number }): void => {
      expect(of).toBe(37);
      seen.push(done);
      if (done >= 20) controller.abort();
    };
    const run = rise.explain(classifier, image, {
      label: 0,
      ...settings,
      batch: 10,
      signal: controller.signal,
      onProgress,
    });
    await expect(run).rejects.toThrow(AbortedError);
    expect(seen).toEqual([10, 20]);
  });
});

const settingsOf = (given: object = {}) => completeOptions("rise", rise.settings, given);

test("settings that cannot be meant are refused", async () => {
  expect(() => settingsOf({ mask: 3 })).toThrow('rise: unknown option "mask"');
  for (const settings of [{ masks: 0 }, { cells: 1 }, { probability: 0 }, { probability: "1" }, { score: "softmax" }]) {
    expect(() => settingsOf(settings)).toThrow(MisuseError);
  }
  expect(settingsOf({ preset: "torchray", masks: 10 })).toMatchObject({ masks: 10, cells: 7, score: "sigmoid" });
  const classifier = createClassifier(affine, { runtime: ort, preprocessing: "unit" });
  const image = floatTensor(new Float32Array(16), [1, 4, 4]);
  await expect(rise.explain(classifier, image, { label: 2 })).rejects.toThrow("rise: label");
  await expect(rise.explain(classifier, image, { label: 1, target: 1 })).rejects.toThrow("the target is the label");
  await classifier.dispose();
});

test("settings are checked before there is an image, by all methods that evaluate changed images", async () => {
  const classifier = createClassifier(affine, { runtime: ort, preprocessing: "unit" });
  for (const name of ["rise", "occlusion", "extremal", "deepfool"]) {
    const { check } = methodNamed(name);
    expect(() => check(classifier, {})).not.toThrow();
    expect(() => check(classifier, { unknown: 1 })).toThrow(`unknown option "unknown"`);
    expect(() => check(classifier, { target: 2 })).toThrow(`${name}: target`);
  }
  await classifier.dispose();
});

test("the scores of a class", () => {
  const logits = Float32Array.of(1, 3, 2);
  expect(scoreOf("logit", logits, 1)).toBe(3);
  expect(scoreOf("logit", logits, 1, 0)).toBe(2);
  expect(scoreOf("sigmoid", logits, 2)).toBeCloseTo(1 / (1 + Math.exp(-2)), 12);
  expect(scoreOf("probability", logits, 1, 2)).toBeCloseTo(
    (Math.exp(3) - Math.exp(2)) / (Math.exp(1) + Math.exp(2) + Math.exp(3)),
    12,
  );
});
