import { expect, test } from "vitest";
import { fillNormal } from "../../random/fill.ts";
import { createWords } from "../../random/random.ts";
import { fitLogisticRegression, predictLabel } from "../learning/logistic-regression.ts";
import type { Alignments } from "./alignments.ts";
import { correctedLabel, correctionFeatures, createCorrectionFit } from "./correction.ts";
import { parseNoiseKind } from "./noise.ts";

const classCount = 4;
const kinds = ["n0.01", "u0.03"].map((name) => parseNoiseKind("test", name));

/** Alignments of an image predicted as `label`, which noise moves toward `source` by 2 more than toward the others. */
function alignments(seed: number, label: number, source: number): Alignments {
  const noise = new Float32Array(kinds.length * classCount);
  fillNormal(createWords(seed, label, source), noise);
  const mean = Float64Array.from(noise, (x, i) => {
    const a = i % classCount;
    return a === label ? 0 : x + (a === source ? 2 : 0);
  });
  const image = { id: String(seed), pixels: new Float32Array(0) };
  return {
    image,
    kinds,
    label,
    logits: new Float32Array(classCount),
    samples: 1,
    mean,
    squares: mean,
    antithetic: false,
  };
}

const fit = createCorrectionFit(kinds, classCount);
for (let seed = 0; seed < 200; seed++) {
  for (const source of [1, 2, 3]) fit.add(alignments(seed, 0, source), source);
  fit.add(alignments(seed, 1, 3), 3);
}
fit.add(alignments(1, 2, 0), 0);
fit.add(alignments(2, 2, 1), 1);
const correction = fit.fit();

test("the regression of a predicted class is that of its attacked images on the other classes' alignments", () => {
  expect(correction.classes.map(({ kind }) => kind)).toEqual(["regression", "constant", "regression", "identity"]);
  const rows: Float64Array[] = [];
  const sources: number[] = [];
  for (let seed = 0; seed < 200; seed++) {
    for (const source of [1, 2, 3]) {
      rows.push(alignments(seed, 0, source).mean.filter((_, i) => i % classCount !== 0));
      sources.push(source);
    }
  }
  const regression = fitLogisticRegression(rows, sources);
  expect(correction.classes[0]).toEqual({ kind: "regression", ...regression });
  let right = 0;
  for (let seed = 1000; seed < 1100; seed++) {
    for (const source of [1, 2, 3]) {
      const entry = alignments(seed, 0, source);
      expect(correctionFeatures(entry, classCount).length).toBe(kinds.length * 3);
      const corrected = correctedLabel(entry, correction, "regression");
      expect(corrected).toBe(predictLabel(regression, correctionFeatures(entry, classCount)));
      right += Number(corrected === source);
    }
  }
  // Two independent looks at a shift of two standard deviations among three classes: 94 % are told rightly.
  expect(right).toBeGreaterThan(260);
  expect(correctedLabel(alignments(5, 1, 0), correction, "regression")).toBe(3);
  expect(correctedLabel(alignments(5, 3, 0), correction, "regression")).toBe(3);
});

test("pair statistics: the largest z-score of each kind, and the class most kinds name", () => {
  expect(correction.pairs.map((pairs) => pairs.map(({ source }) => source))).toEqual([[1, 2, 3], [3], [], []]);
  for (let seed = 2000; seed < 2050; seed++) {
    const entry = alignments(seed, 0, 1 + (seed % 3));
    const votes = kinds.map((_, k) => {
      const scores = [1, 2, 3].map((source) => {
        const means: number[] = [];
        for (let other = 0; other < 200; other++)
          means.push(alignments(other, 0, source).mean[k * classCount + source]);
        const mean = means.reduce((sum, x) => sum + x, 0) / 200;
        const std = Math.sqrt(means.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 200);
        return (entry.mean[k * classCount + source] - mean) / std;
      });
      return 1 + scores.indexOf(Math.max(...scores));
    });
    // Of two kinds that disagree, the lower class.
    expect(correctedLabel(entry, correction, "pairs")).toBe(Math.min(...votes));
  }
  expect(correctedLabel(alignments(5, 2, 0), correction, "pairs")).toBe(2);
});
