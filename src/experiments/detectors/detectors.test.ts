import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { expectForm } from "../../../test/expect-form.ts";
import { smallImages, smallLabels, smallNetwork } from "../../../test/small-network.ts";
import { attackNamed } from "../../attacks/attacks.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { detectorNamed } from "../../detection/detectors.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import { createRandom } from "../../random/random.ts";
import { isHeldOutImage } from "../detection/held-out.ts";
import { memoryStore } from "../records/memory-store.ts";
import { runExperiment } from "../records/run-experiment.ts";
import { rocArea } from "../statistics/ranking.ts";
import { type DetectorRun, joinParts, partsOf, planRuns, splitParts } from "./detector-run.ts";
import { fitDetectors } from "./fit-detectors.ts";
import { detectorsBatchOf, detectorsCompute, detectorsIdentity, detectorsItems, type KnowingRun } from "./protocol.ts";
import { type DetectorRecord, isDetectorRecord } from "./record.ts";
import { detectorsSummary } from "./summary.ts";

const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => classifier.dispose());

/** A picture of the small network's set, with a little noise of its own so that there are more of them. */
function imageOf(n: number, isTrain: boolean): DatasetImage {
  const { data } = smallImages[n % smallImages.length];
  const random = createRandom(9, n);
  const bytes = data.map((x) => Math.round(255 * x + (isTrain ? 12 * random() - 6 : 0)));
  return {
    id: `${isTrain ? "train" : "test"}${n}`,
    boxes: [],
    label: smallLabels[n % smallImages.length],
    picture: async () => ({
      width: 8,
      height: 8,
      channels: 3,
      data: Uint8Array.from(bytes, (_, k) => Math.min(255, Math.max(0, bytes[(k % 3) * 64 + Math.floor(k / 3)]))),
    }),
  };
}

const train = Array.from({ length: 130 }, (_, n) => imageOf(n, true));
const testImages = smallImages.map((_, n) => imageOf(n, false));
const runOf = (name: string, settings = {}): DetectorRun => ({ name, detector: detectorNamed(name), settings });
const runs = planRuns([runOf("mahalanobis"), runOf("probe"), runOf("lid", { neighbors: 8 })], classifier);
const attackOf = (name: string, settings = {}, called = name): KnowingRun => ({
  name: called,
  attack: attackNamed(name),
  settings,
});
const attacks: readonly KnowingRun[] = [
  attackOf("fgsm", { epsilon: 0.2 }),
  attackOf("pgd", { epsilon: 0.2, steps: 8 }),
  { ...attackOf("orthogonal-pgd", { epsilon: 0.2, steps: 30 }), name: "knows", knows: { detector: "mahalanobis" } },
  { ...attackOf("logit-match", { epsilon: 0.2, steps: 20 }), knows: "guides" },
];
const settings = {
  pixels: "bytes",
  falsePositiveRate: 0.05,
  seed: 1,
  fitAttacks: [attackOf("fgsm", { epsilon: 0.2 })],
} as const;
const items = detectorsItems({ train, test: testImages }, attacks, runs, settings);
const identity = detectorsIdentity(classifier, "ab", "small", runs, settings);

async function computed(batchSize: number, some = items) {
  const store = memoryStore<DetectorRecord>(identity);
  const compute = detectorsCompute(classifier, { train }, runs, settings);
  await runExperiment({ items: some, store, compute, batchOf: detectorsBatchOf, batchSize });
  return store;
}

const input = {
  ...{ classifier, items, attacks, runs, settings, run: {} },
  model: { name: "small", sha256: "ab" },
  data: { name: "small", train: train.length, test: testImages.length },
};

test("records hold what detectors look at; the summary fits, scores and compares, whatever the order and the batches", async () => {
  const store = await computed(64);
  const records = store.allRecords();
  expect(records.length).toBe(items.length);
  for (const { result } of records) expect(isDetectorRecord(JSON.parse(JSON.stringify(result)))).toBe(true);
  const summary = await detectorsSummary(store, input);
  expect(summary.detectors.map(({ name }) => name)).toEqual([
    "confidence",
    "margin",
    "mahalanobis",
    "probe (fgsm)",
    "lid",
  ]);
  expect(summary.unfitted).toEqual([]);
  expect(summary.attacks.map(({ name, knows }) => [name, knows])).toEqual([
    ["fgsm", null],
    ["pgd", null],
    ["knows", "mahalanobis"],
    ["logit-match", "clean images to imitate"],
  ]);
  expect(summary.reference).toBe("fgsm");
  // The area of the margin under PGD, from the records by themselves.
  const right = new Set(
    records
      .filter(({ key, result }) => key.method === "clean" && result.truth === result.label)
      .map(({ key }) => key.image),
  );
  const parts = partsOf(runs);
  const scoreOf = async (key: (typeof records)[number]["key"], name: string): Promise<number> => {
    const array = await store.readArray(key, name);
    const { logits } = splitParts("test", parts, array?.data as Float32Array);
    const [first, second] = [...logits].sort((a, b) => b - a);
    return second - first;
  };
  const counted = records.filter(
    ({ key, result }) =>
      key.method === "pgd" &&
      result.truth === result.cleanLabel &&
      result.label !== result.cleanLabel &&
      result.attack?.noisyLabel === result.cleanLabel,
  );
  expect(counted.length).toBeGreaterThan(3);
  const positives = await Promise.all(counted.map(({ key }) => scoreOf(key, "measured")));
  const clean = records.filter(
    ({ key, result }) => key.method === "clean" && result.split === "test" && right.has(key.image),
  );
  const negatives = [
    ...(await Promise.all(clean.map(({ key }) => scoreOf(key, "measured")))),
    ...(await Promise.all(counted.map(({ key }) => scoreOf(key, "noisy")))),
  ];
  const margin = summary.detectors[1];
  expect(margin?.cells[1]?.area?.value).toBeCloseTo(rocArea(positives, negatives).value, 12);
  expect(summary.attacks[1]?.counted).toBe(counted.length);
  // Orthogonal PGD, told of Mahalanobis, is suspicious to it less often than PGD is.
  const mahalanobis = summary.detectors[2];
  const [, pgd, knows] = mahalanobis?.cells ?? [];
  expect(knows?.area?.value ?? 1).toBeLessThan(pgd?.area?.value ?? 0);
  expect(mahalanobis?.cells[0]?.pValue).toBeNull();
  expect(pgd?.pValue).toBeGreaterThan(0);
  // Batches and order do not matter.
  const other = await detectorsSummary(await computed(7, [...items].reverse()), input);
  const withoutTime = (one: typeof summary) =>
    JSON.parse(
      JSON.stringify(one, (key, value) =>
        key === "seconds" ? 0 : typeof value === "number" ? Number(value.toPrecision(4)) : value,
      ),
    );
  expect(withoutTime(other)).toEqual(withoutTime(summary));
});

test("noise has the norm of the attack, and a record of it says what the noisy image is called", async () => {
  const some = items.filter(({ key }) => key.method === "pgd").slice(0, 2);
  const store = await computed(2, some);
  for (const { result } of store.allRecords()) {
    expect(result.attack?.distances.l2).toBeGreaterThan(0.1);
    expect(result.attack?.noisyLabel).toBeGreaterThanOrEqual(0);
  }
});

test("a detector that cannot be fitted is named, and the others are judged; nothing measured is an error in words", async () => {
  const few = items.filter(
    ({ key, split }) => split === "test" || isHeldOutImage(key.image) || /train\d$/.test(key.image),
  );
  const store = await computed(64, few);
  const summary = await detectorsSummary(store, input);
  expect(summary.unfitted.map(({ name }) => name)).toContain("mahalanobis");
  expect(summary.unfitted[0]?.message).toMatch(
    /too few pictures for a covariance|fewer references|too few training pictures/,
  );
  expect(summary.detectors.map(({ name }) => name)).toEqual(expect.arrayContaining(["confidence", "margin"]));
  await expect(detectorsSummary(memoryStore<DetectorRecord>(identity), input)).rejects.toThrow(BadInputError);
});

test("statistics that are fitted by themselves are those of the benchmark; a picture that cannot be read is left out", async () => {
  const failures: string[] = [];
  const broken: DatasetImage = {
    ...imageOf(500, true),
    picture: () => Promise.reject(new BadInputError({ where: "500.png", what: "is cut off" })),
  };
  const fitted = await fitDetectors(classifier, runs, [broken, ...train].reverse(), {
    ...{ seed: 1, falsePositiveRate: 0.05, fitAttack: settings.fitAttacks[0] },
    onFailure: (error) => failures.push(error.message),
  });
  expect(failures).toEqual(["500.png: is cut off."]);
  const summary = await detectorsSummary(await computed(64), input);
  for (const [n, one] of fitted.entries()) {
    if ("error" in one) throw one.error;
    expect(one.statistics.cutoff.value).toBeCloseTo(summary.detectors[n]?.cutoff ?? 0, 3);
  }
});

test("a picture that cannot be measured is named, neither learned from nor attacked, and loses nothing else; without classes the predicted ones count", async () => {
  const failures: string[] = [];
  const first = train.find(({ id }) => !isHeldOutImage(id));
  if (first === undefined) throw new Error("all are held out");
  const unlabelled = train.map(({ label: _, ...image }) => image);
  const spoiled = await first.picture();
  const spoiling: typeof classifier = {
    ...classifier,
    fit(picture) {
      const fitted = classifier.fit(picture);
      const isSpoiled = picture.data.every((value, i) => value === spoiled.data[i]);
      return isSpoiled ? { ...fitted, data: fitted.data.map(() => Number.NaN) } : fitted;
    },
  };
  const few = runs.filter(({ name }) => name === "confidence" || name === "kernel-density" || name === "probe");
  const fitted = await fitDetectors(spoiling, few, unlabelled, {
    ...{ seed: 1, falsePositiveRate: 0.05, fitAttack: settings.fitAttacks[0] },
    onFailure: (error) => failures.push(error.message),
  });
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatch(new RegExp(`${first.id}: .*not a finite number`));
  for (const one of fitted) {
    if ("error" in one) throw one.error;
    expect(one.statistics.images.train).toBe(train.filter(({ id }) => !isHeldOutImage(id)).length - 1);
  }
});

test("what cannot be meant is refused before anything runs", () => {
  expect(() => planRuns([runOf("lid"), runOf("lid")], classifier)).toThrow(/two detectors are called "lid"/);
  expect(() => detectorsItems({ train, test: train }, attacks, runs, settings)).toThrow(MisuseError);
  expect(() => detectorsItems({ train, test: testImages }, [...attacks, attackOf("pgd")], runs, settings)).toThrow(
    /two attacks are called "pgd"/,
  );
  const parts = partsOf(runs);
  const measured = Object.fromEntries(parts.map(({ key, size }, p) => [key, new Float32Array(size).fill(p)]));
  expect(splitParts("x", parts, joinParts(parts, measured))).toEqual(measured);
  expect(() => splitParts("x", parts, new Float32Array(3))).toThrow(/another length/);
});

test("the form of a record: nothing may be missing, added, or of another type", () => {
  const attack = {
    outcome: "flipped",
    distances: { l2: 1, linf: 0.1, perceptual: 0.2 },
    evaluations: { forward: 1, gradient: 2 },
    lostInRounding: false,
    settings: { epsilon: 0.03 },
    noisyLabel: 1,
  } as const;
  const record: DetectorRecord = { split: "test", truth: 1, cleanLabel: 1, label: 2, margin: 0.5, attack };
  expectForm(isDetectorRecord, record, ["settings"]);
  expectForm(isDetectorRecord, { ...record, attack: null, split: "train" });
});
