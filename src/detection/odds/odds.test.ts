import { expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import { fillNormal, fillUniform } from "../../random/fill.ts";
import { createWords } from "../../random/random.ts";
import { isKnown } from "./alignment-statistics.ts";
import type { NamedImage } from "./alignments.ts";
import { fitOdds, type LabeledImage } from "./fit-odds.ts";
import { correctionKinds, detectionKinds, type NoiseKind, parseNoiseKind } from "./noise.ts";
import { calibrateOdds, detectOdds } from "./odds.ts";

const size = 12;
const classCount = 4;

/** A network with one hidden layer, in plain code: sharp enough that clean images differ in how noise moves them. */
const weights = (() => {
  const first = new Float32Array(size * 16);
  const second = new Float32Array(16 * classCount);
  fillNormal(createWords(5), first);
  fillNormal(createWords(6), second);
  return { first, second };
})();

function logitsOf(pixels: Float32Array): Float32Array {
  const hidden = Array.from({ length: 16 }, (_, h) => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += weights.first[h * size + i] * (pixels[i] - 0.5);
    return Math.tanh(3 * sum);
  });
  return Float32Array.from({ length: classCount }, (_, a) =>
    hidden.reduce((sum, value, h) => sum + 2 * weights.second[a * 16 + h] * value, 0),
  );
}

/** A pass that keeps every image it is given with its logits, in order. */
function recordingPass(batch: number) {
  const recorded: { readonly pixels: Float32Array; readonly logits: Float32Array }[] = [];
  const pass: ForwardPass = {
    batch,
    async run(images) {
      expect(images.length).toBeLessThanOrEqual(batch);
      return images.map((pixels) => {
        const logits = logitsOf(pixels);
        recorded.push({ pixels: pixels.slice(), logits });
        return logits;
      });
    },
  };
  return { pass, recorded };
}

function imagesOf(seed: number, count: number): LabeledImage[] {
  return Array.from({ length: count }, (_, n) => {
    const pixels = new Float32Array(size);
    fillUniform(createWords(seed, n), pixels);
    const inside = pixels.map((x) => 0.5 + 0.5 * x);
    const logits = logitsOf(inside);
    return { id: `${seed}-${n}`, pixels: inside, label: logits.indexOf(Math.max(...logits)) };
  });
}

const kinds: readonly NoiseKind[] = ["n0.02", "s0.05", "u0.08"].map((name) => parseNoiseKind("test", name));
const samples = 5;

/** For each image its predicted class and g[k][sample][a], from what was recorded: the image itself, then its noisy copies. */
function alignmentsOf(recorded: readonly { readonly logits: Float32Array }[], from: number) {
  const clean = recorded[from].logits;
  const label = clean.indexOf(Math.max(...clean));
  const g = kinds.map((_, k) =>
    Array.from({ length: samples }, (_, s) => {
      const noisy = recorded[from + 1 + k * samples + s].logits;
      return Array.from(clean, (_, a) => clean[label] - clean[a] - (noisy[label] - noisy[a]));
    }),
  );
  return { label, g };
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

test("statistics and scores are those of plain loops over the recorded logits", async () => {
  const rows = 1 + kinds.length * samples;
  const train = imagesOf(1, 40);
  const fitting = recordingPass(rows * 3 + 2);
  const statistics = await fitOdds(fitting.pass, train, { kinds, samples });
  // Each group of images is run without noise first, then come its blocks of `rows` runs per image.
  const measured: ReturnType<typeof alignmentsOf>[] = [];
  for (let group = 0; group < train.length; group += fitting.pass.batch) {
    const inGroup = Math.min(fitting.pass.batch, train.length - group);
    const start = group * (rows + 1) + inGroup;
    for (let n = 0; n < inGroup; n++) measured.push(alignmentsOf(fitting.recorded, start + n * rows));
  }
  const moments = (label: number, k: number, a: number): { count: number; mean: number; std: number } => {
    const means = measured.filter((image) => image.label === label).map(({ g }) => meanOf(g[k].map((row) => row[a])));
    const mean = meanOf(means);
    return { count: means.length, mean, std: Math.sqrt(meanOf(means.map((x) => (x - mean) ** 2))) };
  };
  let known = 0;
  for (const [label, entry] of statistics.classes.entries()) {
    expect(entry.count).toBe(moments(label, 0, 0).count);
    if (!isKnown(entry)) continue;
    known++;
    for (const [k, row] of entry.mean.entries()) {
      for (const [a, mean] of row.entries()) {
        const naive = moments(label, k, a);
        expect(Math.abs(mean - naive.mean)).toBeLessThan(1e-12);
        expect(Math.abs(entry.std[k][a] - naive.std)).toBeLessThan(1e-12);
      }
    }
  }
  expect(known).toBeGreaterThan(1);

  const testing = recordingPass(7);
  const images = imagesOf(2, 30);
  const verdicts = await detectOdds(testing.pass, statistics, images, { samples });
  let flagged = 0;
  for (const [n, verdict] of verdicts.entries()) {
    const { label, g } = alignmentsOf(testing.recorded, n * rows);
    expect(verdict.label).toBe(label);
    const others = [0, 1, 2, 3].filter((a) => a !== label);
    if (!isKnown(statistics.classes[label])) {
      expect(verdict.score).toBeUndefined();
      expect(verdict.isFlagged).toBe(false);
      continue;
    }
    const scores = others.map((a) =>
      meanOf(
        kinds.map((_, k) => {
          const { mean, std } = moments(label, k, a);
          return meanOf(g[k].map((row) => (row[a] - mean) / std));
        }),
      ),
    );
    const score = Math.max(...scores);
    expect(Math.abs(given(verdict.score).score - score)).toBeLessThan(1e-9 * Math.max(1, Math.abs(score)));
    expect(given(verdict.score).toward).toBe(others[scores.indexOf(score)]);
    expect(verdict.isFlagged).toBe(score > 3.090232306167813);
    flagged += Number(verdict.isFlagged);
    const [low, high] = given(verdict.score).interval;
    expect(low < score && score < high).toBe(true);
  }
  // Noise of this size moves some of these images by more than that, so that both answers occur.
  expect(flagged).toBeLessThan(verdicts.length);
});

test("verdicts depend on neither the batch nor the other images", async () => {
  const statistics = await fitOdds(recordingPass(8).pass, imagesOf(1, 60), { kinds, samples });
  const images = imagesOf(2, 9);
  const together = await detectOdds(recordingPass(16).pass, statistics, images);
  for (const [n, image] of images.entries()) {
    expect(await detectOdds(recordingPass(3).pass, statistics, [image])).toEqual([together[n]]);
  }
  const other = await detectOdds(recordingPass(16).pass, statistics, images, { seed: 1 });
  expect(other[0].score).not.toEqual(together[0].score);
});

test("a calibrated cutoff keeps its false-positive rate on clean images, and the interval covers", async () => {
  const { pass } = recordingPass(64);
  const fitted = await fitOdds(pass, imagesOf(1, 300), { kinds, samples: 8 });
  const verdicts = await detectOdds(pass, fitted, imagesOf(3, 400));
  const statistics = calibrateOdds(fitted, verdicts, 0.1);
  expect(statistics.cutoff.calibration).toEqual({ falsePositiveRate: 0.1, images: 400 });
  expect(verdicts.filter(({ score }) => given(score).score > statistics.cutoff.value).length).toBe(
    400 - Math.ceil(0.9 * 401),
  );
  const fresh = await detectOdds(pass, statistics, imagesOf(4, 600));
  const rate = fresh.filter(({ isFlagged }) => isFlagged).length / 600;
  // The rate of 600 images under a cutoff from 400: its variance is that of both.
  expect(Math.abs(rate - 0.1)).toBeLessThan(4 * Math.sqrt(0.09 / 600 + 0.09 / 400));

  const few = imagesOf(5, 40);
  const exact = await detectOdds(pass, statistics, few, { samples: 400, seed: 9 });
  const rough = await detectOdds(pass, statistics, few, { samples: 24 });
  const covered = rough.filter(({ score }, n) => {
    const truth = given(exact[n].score).score;
    return given(score).interval[0] <= truth && truth <= given(score).interval[1];
  }).length;
  expect(covered).toBeGreaterThanOrEqual(36);
});

test("stopping early saves runs and keeps the verdicts that were clear", async () => {
  const statistics = await fitOdds(recordingPass(64).pass, imagesOf(1, 200), { kinds, samples: 32 });
  const images = imagesOf(7, 40);
  const [patient, hasty] = [recordingPass(64), recordingPass(64)];
  const all = await detectOdds(patient.pass, statistics, images, { samples: 128 });
  const early = await detectOdds(hasty.pass, statistics, images, { samples: 128, stopEarly: true });
  expect(hasty.recorded.length).toBeLessThan(0.5 * patient.recorded.length);
  expect(early.filter(({ isFlagged }, n) => isFlagged !== all[n].isFlagged).length).toBeLessThanOrEqual(2);
  for (const [n, verdict] of early.entries()) {
    expect([8, 16, 32, 64, 128]).toContain(verdict.samples);
    if (verdict.samples === 128) expect(given(verdict.score).score).toBe(given(all[n].score).score);
  }
});

test("full statistics keep images whose label changed, and give labels back", async () => {
  const { pass } = recordingPass(32);
  // Halfway to the nearest image of another class and a bit beyond, by bisection: an attack that changes most labels.
  const pool = imagesOf(8, 100);
  const attack = async (images: readonly NamedImage[], labels: readonly number[]) =>
    images.map(({ pixels, id }, n) => {
      if (id.endsWith("7")) return pixels;
      const distance = (other: LabeledImage) => other.pixels.reduce((sum, x, i) => sum + (x - pixels[i]) ** 2, 0);
      const other = pool.filter(({ label }) => label !== labels[n]).sort((a, b) => distance(a) - distance(b))[0];
      let [low, high] = [0, 1];
      const at = (t: number) => pixels.map((x, i) => x + t * (other.pixels[i] - x));
      for (let step = 0; step < 12; step++) {
        const middle = (low + high) / 2;
        const logits = logitsOf(at(middle));
        if (logits.indexOf(Math.max(...logits)) === labels[n]) low = middle;
        else high = middle;
      }
      return at(high);
    });
  const train = imagesOf(1, 120);
  const statistics = await fitOdds(pass, train, { kinds, correctionKinds: kinds, samples: 16, attack });
  expect(statistics.mode).toBe("full");
  expect(statistics.images).toEqual({ given: 120, used: 108 });
  expect(statistics.classes.reduce((sum, { count }) => sum + count, 0)).toBe(108);
  const images = imagesOf(2, 80).filter(({ id }) => !id.endsWith("7"));
  const attacked = await attack(
    images,
    images.map(({ label }) => label),
  );
  const verdicts = await detectOdds(
    pass,
    { ...statistics, cutoff: { value: 0 } },
    images.map(({ id }, n) => ({ id, pixels: attacked[n] })),
  );
  expect(verdicts.filter(({ isFlagged }) => isFlagged).length).toBeGreaterThan(40);
  // Images are corrected to classes that attacks on such images start from; correction.test.ts has the numbers.
  for (const { label, isFlagged, correctedLabel } of verdicts) {
    const rule = given(statistics.correction).classes[label];
    if (isFlagged && rule.kind === "regression") expect(rule.labels).toContain(correctedLabel);
    if (isFlagged && rule.kind === "constant") expect(correctedLabel).toBe(rule.label);
  }
  for (const verdict of verdicts) if (!verdict.isFlagged) expect(verdict.correctedLabel).toBe(verdict.label);
  const byPairs = await detectOdds(
    pass,
    { ...statistics, cutoff: { value: 0 } },
    images.map(({ id }, n) => ({ id, pixels: attacked[n] })),
    { correction: "pairs" },
  );
  for (const [n, { correctedLabel, label, isFlagged }] of byPairs.entries()) {
    if (isFlagged) expect(correctedLabel).not.toBe(label);
    else expect(correctedLabel).toBe(label);
    expect(isFlagged).toBe(verdicts[n].isFlagged);
  }
});

test("what cannot be meant is refused", async () => {
  const { pass } = recordingPass(8);
  const images = imagesOf(1, 30);
  await expect(fitOdds(pass, images, { sample: 3 } as never)).rejects.toThrow(/unknown option "sample"/);
  await expect(fitOdds(pass, images.slice(0, 2), { kinds, samples: 2 })).rejects.toThrow(BadInputError);
  await expect(fitOdds(pass, [{ ...images[0], label: 4 }], { kinds, samples: 2 })).rejects.toThrow(
    /label of 1-0: value out of range, expected an integer from 0 to 3, got 4/,
  );
  await expect(fitOdds(pass, images, { kinds: [], samples: 2 })).rejects.toThrow(MisuseError);
  expect(() => parseNoiseKind("--noise", "x0.1")).toThrow(/such as n0.003/);
  expect(() => parseNoiseKind("--noise", "n8")).toThrow(MisuseError);
  const statistics = await fitOdds(pass, images, { kinds, samples: 2 });
  await expect(detectOdds(pass, { ...statistics, classCount: 5 }, images)).rejects.toThrow(/another classifier/);
  const verdicts = await detectOdds(pass, statistics, images.slice(0, 18));
  expect(() => calibrateOdds(statistics, verdicts, 0.05)).toThrow(/at least 19 with scores/);
  expect([detectionKinds.length, correctionKinds.length]).toEqual([9, 9]);
});

test("pairs of opposite noise estimate the same scores, and better", async () => {
  const { pass } = recordingPass(64);
  const train = imagesOf(1, 200);
  const plain = await fitOdds(pass, train, { kinds, samples: 40 });
  const images = imagesOf(9, 25);
  const exact = await detectOdds(pass, { ...plain, antithetic: true }, images, { samples: 300, seed: 3 });
  const error = async (statistics: typeof plain): Promise<number> => {
    const verdicts = await detectOdds(pass, statistics, images, { samples: 16 });
    const squares = verdicts.map(({ score }, n) => (given(score).score - given(exact[n].score).score) ** 2);
    return Math.sqrt(meanOf(squares));
  };
  const [independent, paired] = [await error(plain), await error({ ...plain, antithetic: true })];
  expect(paired).toBeLessThan(0.6 * independent);
  // The interval of the pairs covers, although it is narrower.
  const verdicts = await detectOdds(pass, { ...plain, antithetic: true }, images, { samples: 16 });
  const covered = verdicts.filter(({ score }, n) => {
    const truth = given(exact[n].score).score;
    return given(score).interval[0] <= truth && truth <= given(score).interval[1];
  }).length;
  expect(covered).toBeGreaterThanOrEqual(22);
  await expect(fitOdds(pass, train, { kinds, samples: 5, antithetic: true })).rejects.toThrow(/in pairs/);
});
