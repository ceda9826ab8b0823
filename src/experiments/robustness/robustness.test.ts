import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { expectForm } from "../../../test/expect-form.ts";
import { smallImages, smallLabels, smallNetwork } from "../../../test/small-network.ts";
import { attackNamed } from "../../attacks/attacks.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { BadInputError } from "../../errors.ts";
import type { Picture } from "../../image/picture.ts";
import type { AttackRun } from "../attack/protocol.ts";
import { memoryStore } from "../records/memory-store.ts";
import { runExperiment } from "../records/run-experiment.ts";
import { wilsonInterval } from "../statistics/statistics.ts";
import { checkRadii, robustnessBatchOf, robustnessCompute, robustnessIdentity, robustnessItems } from "./protocol.ts";
import { isRobustnessRecord, type RobustnessRecord } from "./record.ts";
import { robustnessSummary } from "./summary.ts";

const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => classifier.dispose());

const settings = { epsilons: [8 / 255, 2 / 255, 2 / 255, 16 / 255], seed: 3 };
const pictureOf = (n: number): Picture => {
  const { data } = smallImages[n];
  return {
    width: 8,
    height: 8,
    channels: 3,
    data: Uint8Array.from(data, (_, k) => 255 * data[(k % 3) * 64 + Math.floor(k / 3)] + 0.5),
  };
};
const imageOf = (n: number, label: number | undefined = smallLabels[n]): DatasetImage => ({
  id: `p${n}`,
  boxes: [],
  ...(label === undefined ? {} : { label }),
  picture: async () => pictureOf(n),
});
// The last one's class is not what the network says.
const images = [...[0, 1, 2, 3, 4].map((n) => imageOf(n)), imageOf(5, (smallLabels[5] + 1) % 4)];
const runOf = (name: string, own = {}): AttackRun => ({ name, attack: attackNamed(name), settings: own });
const brief = { steps: 10, queries: 20 };
const runs = [runOf("autoattack", brief), runOf("fgsm")];
const identity = robustnessIdentity(classifier, "ab", "small", settings);

async function resultsOf(batchSize: number, some = robustnessItems(images, runs, classifier, settings)) {
  const store = memoryStore<RobustnessRecord>(identity);
  const compute = robustnessCompute(classifier, settings);
  await runExperiment({ items: some, store, compute, batchOf: robustnessBatchOf, batchSize });
  return { store, items: some, records: some.map(({ key }) => store.finished(key)?.result) };
}

const input = (items: ReturnType<typeof robustnessItems>) => ({
  ...{ classifier, items, runs, seed: 3, run: {} },
  model: { name: "small", sha256: "ab" },
  data: { name: "six", pictures: images.length },
});

test("a picture is attacked at growing radii until it falls, and says where; one that is called wrongly is not attacked", async () => {
  const { store, items, records } = await resultsOf(64);
  for (const record of records) expect(isRobustnessRecord(JSON.parse(JSON.stringify(record)))).toBe(true);
  const epsilons = [2 / 255, 8 / 255, 16 / 255];
  for (const record of records) {
    const { radii = [], fallsAt, fallsInBytesAt, truth, label } = record ?? {};
    expect(radii.map(({ epsilon }) => epsilon)).toEqual(epsilons.slice(0, radii.length));
    if (truth !== label) expect(radii).toEqual([]);
    const last = radii.at(-1);
    // No radius after the one that it falls at in bytes as well.
    if (radii.length < 3 && truth === label) expect(last?.isKeptInBytes).toBe(true);
    for (const { epsilon, linf, outcome } of radii) {
      expect(linf).toBeLessThanOrEqual(epsilon + 1e-6);
      expect(outcome === "flipped").toBe(fallsAt !== null && fallsAt !== undefined && fallsAt <= epsilon);
    }
    expect(fallsInBytesAt ?? 1).toBeGreaterThanOrEqual(fallsAt ?? 0);
  }
  const summary = robustnessSummary(store, input(items));
  const [strong, weak] = summary.curves;
  expect(strong.accuracy).toEqual(wilsonInterval(5, 6));
  expect(strong.pictures).toBe(6);
  const shares = strong.radii.map(({ robust }) => robust.value);
  expect(shares).toEqual(shares.toSorted((a, b) => b - a));
  expect(shares[0]).toBeGreaterThan(shares[2]);
  for (const [k, { epsilon, standing, robust, byParts, robustInBytes }] of strong.radii.entries()) {
    const own = records.slice(0, 6).filter((r) => r?.truth === r?.label && (r?.fallsAt ?? 1) > epsilon).length;
    expect({ standing, robust }).toEqual({ standing: own, robust: wilsonInterval(own, 6) });
    expect(robustInBytes.value).toBeGreaterThanOrEqual(robust.value);
    const before = k === 0 ? 5 : strong.radii[k - 1].standing;
    expect(Object.values(byParts).reduce((sum, count) => sum + count, 0)).toBe(before - standing);
    // AutoAttack begins with what FGSM does, and goes on.
    expect(robust.value).toBeLessThanOrEqual(weak.radii[k].robust.value);
  }
  expect(weak.radii.every(({ byParts }) => Object.keys(byParts).length === 0)).toBe(true);
});

test("a record is of its picture alone: whatever shares its batch, and with the class that the network says where none is stated", async () => {
  const [apart, together] = [await resultsOf(2), await resultsOf(64)];
  expect(apart.records.map((record) => record?.fallsAt)).toEqual(together.records.map((record) => record?.fallsAt));
  const { records } = await resultsOf(64, robustnessItems([imageOf(1, undefined)], [runs[1]], classifier, settings));
  expect(records[0]).toMatchObject({ truth: smallLabels[1], label: smallLabels[1] });
});

test("a picture that cannot be opened fails by itself, with its reason", async () => {
  const broken: DatasetImage = {
    ...imageOf(1),
    id: "broken",
    picture: () => Promise.reject(new BadInputError({ where: "broken", what: "no picture" })),
  };
  const foreign = { ...imageOf(2), id: "foreign", label: 17 };
  const items = robustnessItems([imageOf(0), broken, foreign], [runs[1]], classifier, settings);
  const { store, records } = await resultsOf(64, items);
  expect(records.map((record) => record !== undefined)).toEqual([true, false, false]);
  const { failures, curves } = robustnessSummary(store, { ...input(items), runs: [runs[1]] });
  expect(failures.map(({ image, message }) => [image, message])).toEqual([
    ["broken", "broken: no picture."],
    ["foreign", "foreign: its class is not among the network's."],
  ]);
  expect(curves[0].pictures).toBe(1);
});

test("an attack whose settings leave the radius aside fails in words, and does not count as a flip within it", async () => {
  const free = runOf("perceptual", { preset: "paper", iterations: 3, layers: [] });
  const kept = runOf("perceptual", { iterations: 3, layers: [] });
  const items = robustnessItems([imageOf(1)], [free, { ...kept, name: "kept" }], classifier, settings);
  const { store, records } = await resultsOf(64, items);
  expect(records.map((record) => record !== undefined)).toEqual([false, true]);
  expect(store.failures().map(({ message }) => message)).toEqual([
    "robustness: perceptual: with these settings it keeps to no radius, expected settings with a ball.",
  ]);
});

test("warnings come once each, with the number of pictures", async () => {
  const store = memoryStore<RobustnessRecord>(identity);
  const items = robustnessItems(images.slice(0, 3), [runs[0]], classifier, settings);
  const warning = { code: "zero-gradient", message: "Flat." };
  const record: RobustnessRecord = {
    ...{ truth: 0, label: 0, confidence: 1, radii: [], fallsAt: null, fallsInBytesAt: null },
    warnings: [warning],
  };
  for (const [n, { key }] of items.entries()) {
    const result = n === 0 ? { ...record, warnings: [] } : record;
    await store.append({ kind: "finished", key, result, seconds: 1, at: "" });
  }
  const { warnings } = robustnessSummary(store, { ...input(items), runs: [runs[0]] });
  expect(warnings).toEqual([...classifier.warnings, { code: "zero-gradient", message: "Flat. (2 of 3 pictures)" }]);
});

test("radii and attacks that cannot be meant are refused in words", () => {
  const items = (some: readonly AttackRun[], epsilons: readonly number[]) => () =>
    robustnessItems(images, some, classifier, { epsilons, seed: 0 });
  expect(checkRadii("x", [0.5, 0.25, 0.5])).toEqual([0.25, 0.5]);
  expect(() => checkRadii("--epsilon", [])).toThrow("--epsilon: the list is empty");
  expect(() => checkRadii("--epsilon", [0.1, -1])).toThrow("expected a number above 0, got -1");
  expect(() => checkRadii("--epsilon", [Number.NaN])).toThrow("got NaN");
  expect(items([runs[1]], [8])).toThrow("Did you mean 8/255?");
  expect(items([runOf("deepfool")], [0.1])).toThrow("deepfool looks for the least change and has no radius");
  expect(items([runOf("fgsm", { epsilon: 0.1 })], [0.1])).toThrow("its settings have an epsilon");
  expect(items([runOf("apgd", { steps: 0 })], [0.1])).toThrow("apgd: steps");
  expect(items([runs[1], runs[1]], [0.1])).toThrow('two attacks are called "fgsm"');
});

test("the form of a record", () => {
  const radius = { epsilon: 0.1, outcome: "flipped", margin: -1, isKeptInBytes: true, by: "square", l2: 1, linf: 0.1, evaluations: { forward: 1, gradient: 2 } } as const; // biome-ignore format: a record
  const warnings = [{ code: "randomized", message: "It is." }];
  const record = { truth: 1, label: 1, confidence: 0.5, radii: [radius], fallsAt: 0.1, fallsInBytesAt: 0.1, warnings };
  expectForm(isRobustnessRecord, record, []);
  expect(isRobustnessRecord({ ...record, radii: [{ ...radius, outcome: "won" }] })).toBe(false);
});
