import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { expectForm } from "../../../test/expect-form.ts";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { attackNamed } from "../../attacks/attacks.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { attackBatchOf, attackCompute, attackIdentity, attackItems } from "../attack/protocol.ts";
import type { AttackFinding } from "../attack/record.ts";
import { memoryStore } from "../records/memory-store.ts";
import { runExperiment } from "../records/run-experiment.ts";
import { coneOf } from "./cone.ts";
import {
  type ConeSettings,
  checkConeSettings,
  coneCompute,
  coneIdentity,
  coneItems,
  coneOfRecords,
  coneStreams,
} from "./protocol.ts";
import { type ConeRecord, isConeRecord } from "./record.ts";
import { coneAccumulator } from "./summary.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());

const pictures = [1, 2, 3].map((seed) => {
  const random = createRandom(seed);
  const image = floatTensor(
    Float32Array.from({ length: 3 * 24 * 24 }, () => random()),
    [3, 24, 24],
  );
  return { image: `p${seed}`, origin: "noise", input: async () => image };
});
const runs = ["pgd", "fgsm"].map((name) => ({ name, attack: attackNamed(name), settings: { epsilon: 0.2 } }));
const settings: ConeSettings = { step: 0.5, directions: 2, batch: 16, seed: 3 };

async function attacked() {
  const items = attackItems(pictures, runs, { classifier, settings: { seed: 3, stream: coneStreams.attack } });
  const store = memoryStore<AttackFinding>(attackIdentity(classifier, "ab"));
  await runExperiment({ items, store, compute: attackCompute(classifier), batchOf: attackBatchOf, batchSize: 64 });
  return { items, findings: store };
}

test("the cone of the records is that of all pairs at once, and goes on where it was stopped", async () => {
  const { items: attackOnes, findings } = await attacked();
  const items = coneItems(attackOnes, findings, settings);
  expect(items.map(({ key }) => `${key.image} ${key.method}`)).toEqual([
    "p1 pgd", "p1 fgsm", "p2 pgd", "p2 fgsm", "p3 pgd", "p3 fgsm",
  ]); // biome-ignore format: a list
  const store = memoryStore<ConeRecord>(coneIdentity(classifier, "ab"));
  const compute = coneCompute(classifier, { settings, findings });
  await runExperiment({ items: items.slice(2, 5), store, compute });
  await runExperiment({ items, store, compute });
  for (const { result } of store.allRecords()) expect(isConeRecord(JSON.parse(JSON.stringify(result)))).toBe(true);
  for (const run of runs) {
    const own = items.filter(({ attacked: item }) => item.run === run);
    const pairs = [];
    for (const { attacked: item } of own) {
      const adversarial = await findings.readArray(item.key, "adversarial");
      pairs.push({
        image: (await item.picture.input()).data,
        adversarial: adversarial?.data as Float32Array,
        label: findings.finished(item.key)?.result.label ?? -1,
      });
    }
    const random = (n: number) => createRandom(3, coneStreams.direction, n);
    const { step, directions, batch } = settings;
    const whole = await coneOf(classifier, pairs, { step, directions, batch, random });
    expect(await coneOfRecords(own, store, settings)).toEqual(whole);
    expect(whole.images).toBe(3);
  }
});

test("pictures that an attack left as they were are in no cone", async () => {
  const { items, findings } = await attacked();
  const unchanged = items.find(({ run, picture }) => run.name === "fgsm" && picture.image === "p2");
  const pretending = {
    finished(key: (typeof items)[number]["key"]) {
      const record = findings.finished(key);
      if (record === undefined || key !== unchanged?.key) return record;
      const { withinBudget } = record.result;
      const none = { ...withinBudget, distances: { ...withinBudget.distances, l0: 0 } };
      return { ...record, result: { ...record.result, withinBudget: none } };
    },
  };
  const images = (found: ReturnType<typeof coneItems>) => [...new Set(found.map(({ key }) => key.image))];
  expect(images(coneItems(items, pretending, settings))).toEqual(["p1", "p3"]);
  // Nor are those that were not attacked to the end.
  expect(images(coneItems(items, { finished: () => undefined }, settings))).toEqual([]);
});

test("what cannot be meant is refused", async () => {
  expect(() => checkConeSettings({ ...settings, step: 0.3 })).toThrow("one over an even number");
  expect(() => checkConeSettings({ ...settings, directions: 0 })).toThrow("directions");
  const cone = coneAccumulator({ a: [0, 1], b: [0, 1] }, 1);
  expect(() => cone.finish()).toThrow("no images");
  const curvature = { adversarial: 0, clean: 0, returned: 0 };
  expect(() => cone.add({ logOdds: new Float64Array(3), curvature, points: 4 })).toThrow("planes of another grid");
  await expect(coneOfRecords([], memoryStore(coneIdentity(classifier, "ab")), settings)).rejects.toThrow("no images");
});

test("the form of a record", () => {
  expectForm(isConeRecord, { label: 1, curvature: { adversarial: 1.5, clean: -2, returned: 0.5 }, points: 18_361 });
});
