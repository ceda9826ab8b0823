import { expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import { findAttack } from "../../attacks/attacks.ts";
import { fillNormal } from "../../random/fill.ts";
import { hashText } from "../../random/hash-text.ts";
import { createWords } from "../../random/random.ts";
import { detectionMarkdown } from "../../report/detection/tables.ts";
import type { AttackRun } from "../attack/protocol.ts";
import { cleanMethod, fitMethod } from "./protocol.ts";
import type { AlignmentRecord } from "./record.ts";
import { type DetectionFinished, detectionStatistics, scoreOf, summarizeDetection } from "./summary.ts";

const kinds = ["n0.003", "u0.005"];
const classCount = 3;

/** Alignments that are normal with deviation 1, `shift` more with class `toward`. */
function alignments(name: string, label: number, shift: number, toward: number): AlignmentRecord {
  const noise = new Float32Array(kinds.length * classCount);
  fillNormal(createWords(1, hashText(name)), noise);
  const mean = kinds.map((_, k) =>
    Array.from({ length: classCount }, (_, a) =>
      a === label ? 0 : noise[k * classCount + a] + (a === toward ? shift : 0),
    ),
  );
  return { kinds, samples: 4, antithetic: false, mean, error: mean.map((row) => row.map(() => 0.1)) };
}

interface Wanted {
  readonly split: "train" | "test";
  readonly method: string;
  readonly label: number;
  readonly cleanLabel?: number;
  readonly truth?: number;
  readonly shift?: number;
  readonly corrects?: boolean;
}

function record(image: string, wanted: Wanted): DetectionFinished {
  const { split, method, label, cleanLabel = label, truth = cleanLabel, shift = 0, corrects = false } = wanted;
  const isAttacked = method !== cleanMethod;
  const forFit = split === "train" && isAttacked;
  return {
    kind: "finished",
    key: { image, method, options: {} },
    seconds: 2,
    at: "2026-01-01T00:00:00.000Z",
    result: {
      split,
      truth,
      cleanLabel,
      label,
      margin: 1.5,
      detection: forFit ? null : alignments(`${image} ${method}`, label, shift, cleanLabel),
      correction: corrects ? alignments(`${image} ${method} larger`, label, shift, cleanLabel) : null,
      attack: isAttacked
        ? {
            outcome: "flipped",
            distances: { l0: 9, l1: 2, l2: label === cleanLabel ? 100 : 0.5, linf: 0.03, perceptual: 0.01 },
            evaluations: { forward: 1, gradient: 20 },
            lostInRounding: image.endsWith("3"),
            settings: { steps: 20 },
          }
        : null,
    },
  };
}

const train = Array.from({ length: 90 }, (_, n) =>
  record(`train-${n}`, { split: "train", method: cleanMethod, label: n % 3 }),
);
const test40 = Array.from({ length: 40 }, (_, n) => n);
const clean = test40.map((n) =>
  record(`test-${n}`, { split: "test", method: cleanMethod, label: n % 3, truth: n < 4 ? (n + 1) % 3 : n % 3 }),
);
/** Changes the labels of all but every tenth image, the second attack of all but every eighth. */
const attacked = (method: string, spared: number, shift: number): DetectionFinished[] =>
  test40.map((n) => {
    const isSpared = n % spared === 0;
    return record(`test-${n}`, {
      split: "test",
      method,
      label: isSpared ? n % 3 : (n + 1) % 3,
      cleanLabel: n % 3,
      shift: isSpared ? 0 : shift,
    });
  });
const runs: AttackRun[] = [
  { name: "loud", attack: findAttack("pgd"), settings: {} },
  { name: "quiet", attack: findAttack("perceptual"), settings: { margin: -1 } },
];
const records = [...train, ...clean, ...attacked("loud", 10, 8), ...attacked("quiet", 8, 1)];
const options = { labelName: (label: number) => `class ${label}` };

test("tables count what the records say, whatever their order", () => {
  const statistics = detectionStatistics(records);
  expect(statistics.images).toEqual({ given: 90, used: 90 });
  const summary = summarizeDetection(records, runs, { ...options, statistics });
  expect(summarizeDetection([...records].reverse(), runs, { ...options, statistics })).toEqual(summary);
  expect(summary.clean.accuracy).toMatchObject({ count: 36, of: 40 });
  const flagged = clean.filter(({ result }) => given(scoreOf(result, statistics)).score > 3.090232306167813).length;
  expect(summary.clean.detection).toMatchObject({ count: flagged, of: 40 });
  const [loud, quiet] = summary.groups[0].attacks;
  expect(loud.changed).toMatchObject({ count: 36, of: 40 });
  expect(quiet.changed).toMatchObject({ count: 35, of: 40 });
  // Spared: 0, 10, 20, 30, and 0, 8, 16, 24, 32: 32 images were changed by both.
  expect(summary.groups[0].matchedImages).toBe(32);
  expect(loud.detectionOfMatched).toMatchObject({ count: 32, of: 32 });
  expect(given(loud.detectionOfChanged).value).toBe(1);
  expect(given(quiet.detectionOfMatched).count).toBeLessThan(16);
  expect(quiet.pValue).toBeNull();
  // All images on which just one of them is flagged: exact McNemar, two-sided.
  const onlyLoud = 32 - given(quiet.detectionOfMatched).count;
  expect(loud.pValue).toBeCloseTo(2 * 0.5 ** onlyLoud, 12);
  // Failed attacks are in the rates and not in the distances.
  expect(given(loud.distances).l2).toBeCloseTo(0.5, 12);
  expect(given(loud.distances).linf).toBeCloseTo(0.03, 12);
  expect(loud.lostInRounding).toBe(4);
  // Here the data's class is the predicted one, so that only spared images keep it.
  expect(loud.accuracy).toMatchObject({ count: 4, of: 40 });
  expect(given(loud.area).value).toBeGreaterThan(0.95);
  expect(loud.roc[0]).toEqual([0, 0]);
  expect(loud.roc.at(-1)).toEqual([1, 1]);
  expect(loud.scores.length).toBe(36);
  expect(summary.cutoff).toEqual({ value: 3.090232306167813, calibration: null });
});

test("the cutoff that flags one in twenty clean images is applied to the attacked ones", () => {
  const statistics = detectionStatistics(records);
  const { clean: cleanOnes, groups } = summarizeDetection(records, runs, { ...options, statistics });
  const scores = clean.map(({ result }) => scoreOf(result, statistics)?.score ?? 0).sort((a, b) => a - b);
  // Two of forty lie above the third from the top.
  expect(cleanOnes.fivePercentCutoff).toBe(scores[37]);
  const loudScores = attacked("loud", 10, 8)
    .filter(({ result }) => result.label !== result.cleanLabel)
    .map(({ result }) => scoreOf(result, statistics)?.score ?? 0);
  expect(groups[0].attacks[0].detectionAtFivePercent).toMatchObject({
    count: loudScores.filter((score) => score > scores[37]).length,
    of: 36,
  });
});

test("a record's standard errors become the interval of its score", () => {
  const statistics = detectionStatistics(records);
  const [{ result }] = clean;
  const known = statistics.classes[result.label];
  if (result.detection === null || !("std" in known)) throw new Error("no statistics");
  // Φ⁻¹(1 − 0.05 / 4): two other classes. The errors are 0.1 in every record.
  const critical = 2.241402727604947;
  const ends = [0, 1, 2]
    .filter((a) => a !== result.label)
    .map((a) => {
      const z = kinds.map((_, k) => ((result.detection?.mean[k][a] ?? 0) - known.mean[k][a]) / known.std[k][a]);
      const mean = z.reduce((sum, value) => sum + value, 0) / kinds.length;
      const error = Math.hypot(...kinds.map((_, k) => 0.1 / known.std[k][a])) / kinds.length;
      return [mean - critical * error, mean + critical * error];
    });
  const [low, high] = scoreOf(result, statistics)?.interval ?? [];
  expect(low).toBeCloseTo(Math.max(...ends.map(([end]) => end)), 6);
  expect(high).toBeCloseTo(Math.max(...ends.map(([, end]) => end)), 6);
});

test("runs of a group stand in a table of their own, by what comes after its name", () => {
  const own: AttackRun[] = [
    { ...runs[0], name: "T/loud", group: "T" },
    { ...runs[1], name: "quiet" },
  ];
  const all = [...train, ...clean, ...attacked("T/loud", 10, 8), ...attacked("quiet", 8, 1)];
  const { groups } = summarizeDetection(all, own, { ...options, statistics: detectionStatistics(all) });
  expect(groups.map(({ name, attacks }) => [name, attacks.map((attack) => attack.name)])).toEqual([
    ["T", ["loud"]],
    ["attacks", ["quiet"]],
  ]);
});

test("a calibrated cutoff comes from held-out training images", () => {
  const statistics = detectionStatistics(records, { falsePositiveRate: 0.2 });
  const { falsePositiveRate, images } = given(statistics.cutoff.calibration);
  expect(falsePositiveRate).toBe(0.2);
  expect(statistics.images.used + images).toBe(90);
  expect(statistics.cutoff.value).toBeLessThan(3);
});

test("full statistics take images whose label changed, and give labels back", () => {
  const more = [
    ...train.map(({ key }, n) =>
      record(key.image, {
        split: "train",
        method: fitMethod,
        // Every fifth one withstands.
        label: n % 5 === 0 ? n % 3 : (n + 1) % 3,
        cleanLabel: n % 3,
        shift: 8,
        corrects: true,
      }),
    ),
    ...train.map(({ key }, n) =>
      record(`${key.image}b`, { split: "train", method: cleanMethod, label: n % 3, truth: (n + 1) % 3 }),
    ),
  ];
  const tested = test40.map((n) =>
    record(`test-${n}`, {
      split: "test",
      method: "loud",
      label: (n + 1) % 3,
      cleanLabel: n % 3,
      shift: 8,
      corrects: true,
    }),
  );
  const all = [...train, ...more, ...clean, ...tested];
  const statistics = detectionStatistics(all);
  expect(statistics).toMatchObject({ mode: "full", images: { given: 180, used: 72 } });
  // Class y is always attacked from y − 1: one source.
  expect(given(statistics.correction).classes).toEqual([2, 0, 1].map((label) => ({ kind: "constant", label })));
  const { groups } = summarizeDetection(all, runs, { ...options, statistics });
  const [loud] = groups[0].attacks;
  expect(loud.accuracyAfterCorrection).toMatchObject({ count: loud.detection.count, of: 40 });
  expect(given(loud.accuracyAfterCorrection).value).toBeGreaterThan(0.9);
  const markdown = detectionMarkdown({
    model: { name: "model.onnx", sha256: "ab" },
    warnings: [],
    data: { name: "data", train: 180, test: 40 },
    settings: { samples: 4, antithetic: false, kinds, pixels: "float" },
    ...summarizeDetection(all, runs, { ...options, statistics }),
    failures: [{ image: "test-99", attack: "loud", message: "unreadable" }],
    run: {},
  });
  expect(markdown).toContain("Accuracy after correction");
  expect(markdown).toContain("- test-99 (loud): unreadable");
  expect(markdown).not.toMatch(/NaN|undefined/);
});
