import * as ort from "onnxruntime-node";
import { afterAll, expect, test, vi } from "vitest";
import { expectForm } from "../../../test/expect-form.ts";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { attackNamed } from "../../attacks/attacks.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { BadInputError } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { memoryStore } from "../records/memory-store.ts";
import { runExperiment } from "../records/run-experiment.ts";
import {
  type AttackItem,
  type AttackItemsOptions,
  type AttackPicture,
  type AttackRun,
  attackBatchOf,
  attackCompute,
  attackIdentity,
  attackItems,
} from "./protocol.ts";
import { type AttackFinding, attackRecord, findingOf, isAttackFinding } from "./record.ts";
import { attackSummaries } from "./summary.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());

function imageOf(seed: number): ImageTensor {
  const random = createRandom(seed);
  return floatTensor(
    Float32Array.from({ length: 3 * 24 * 24 }, () => Math.floor(256 * random()) / 255),
    [3, 24, 24],
  );
}

const pictureOf = (n: number): AttackPicture => ({ image: `p${n}`, origin: "noise", input: async () => imageOf(n) });
const pictures = Array.from({ length: 5 }, (_, n) => pictureOf(n));
const runOf = (name: string, settings = {}): AttackRun => ({ name, attack: attackNamed(name), settings });
const runs = [runOf("pgd", { epsilon: 0.1, steps: 3 }), runOf("fgsm", { epsilon: 0.1 })];
const settings = { seed: 4 };
const identity = attackIdentity(classifier, "ab");

async function resultsOf(items: readonly AttackItem[], batchSize = 64, store = memoryStore<AttackFinding>(identity)) {
  await runExperiment({ items, store, compute: attackCompute(classifier), batchOf: attackBatchOf, batchSize });
  return { store, findings: items.map(({ key }) => store.finished(key)?.result) };
}
const itemsOf = (options: Partial<AttackItemsOptions> = {}, some = pictures) =>
  attackItems(some, runs, { classifier, settings, ...options });

test("findings are what the attack says of all pictures at once, whatever the interruptions", async () => {
  const items = itemsOf();
  const { findings, store } = await resultsOf(items);
  const images = pictures.map((_, n) => imageOf(n));
  for (const [k, { attack, settings: own }] of runs.entries()) {
    const random = (n: number) => createRandom(4, n);
    const results = await attack.run(classifier, images, { ...own, random });
    expect(findings.slice(5 * k, 5 * k + 5)).toEqual(results.map(findingOf));
    const [{ key }] = items.slice(5 * k);
    expect((await store.readArray(key, "adversarial"))?.data).toEqual(results[0].withinBudget.image.data);
    const rounded = await store.readArray(key, "rounded");
    expect(Float32Array.from(rounded?.data as Uint8Array, (level) => level / 255)).toEqual(
      results[0].rounded.image.data,
    );
  }
  for (const finding of findings) expect(isAttackFinding(JSON.parse(JSON.stringify(finding)))).toBe(true);
  // As few in lockstep as one likes: the rows of the network's runs are those of the turn.
  expect((await resultsOf(items, 2)).findings).toEqual(findings);
  // Part of the items first: the rows of the lockstep stay those of the whole turn.
  const part = await resultsOf(items.filter((_, n) => n % 3 === 0));
  expect((await resultsOf(items, 64, part.store)).findings).toEqual(findings);
});

test("turns: all attacks on some pictures before the next; a picture is opened once in its turn, and let go of", async () => {
  const input = vi.fn(async () => imageOf(1));
  const some = ["a", "b", "c"].map((image) => ({ image, origin: "o", input }));
  const items = itemsOf({ turn: 2, keepImages: 1 }, some);
  expect(items.map(({ picture, run }) => `${picture.image} ${run.name}`)).toEqual([
    "a pgd", "b pgd", "a fgsm", "b fgsm", "c pgd", "c fgsm",
  ]); // biome-ignore format: a list
  expect(items.map(({ keepsImages }) => keepsImages)).toEqual([true, false, true, false, false, false]);
  const { store } = await resultsOf(items);
  expect(input).toHaveBeenCalledTimes(3);
  expect(await store.readArray(items[0].key, "adversarial")).toBeDefined();
  expect(await store.readArray(items[1].key, "adversarial")).toBeUndefined();
});

test("a picture that cannot be opened fails by itself", async () => {
  const broken: AttackPicture = {
    image: "broken",
    origin: "noise",
    input: () => Promise.reject(new BadInputError({ where: "broken", what: "no picture" })),
  };
  const items = itemsOf({}, [pictures[0], broken, pictures[1]]);
  const { store, findings } = await resultsOf(items);
  expect(findings.map((finding) => finding !== undefined)).toEqual([true, false, true, true, false, true]);
  expect(store.failures().map(({ key, message }) => [key.image, message])).toEqual([
    ["broken", "broken: no picture."],
    ["broken", "broken: no picture."],
  ]);
});

test("keys hold whatever decides a result", () => {
  const [{ key }] = itemsOf();
  const keys = [
    itemsOf({ settings: { seed: 5 } }),
    itemsOf({ settings: { seed: 4, stream: 1 } }),
    itemsOf({ settings: { seed: 4, target: 1 } }),
    itemsOf({ settings: { seed: 4, label: 1 } }),
    itemsOf({ settings: { seed: 4, rounding: "keep" } }),
    itemsOf({}, [pictures[1], pictures[0]]).slice(1),
    itemsOf({}, [{ ...pictures[0], origin: "another file" }]),
  ].map(([item]) => JSON.stringify(item.key));
  expect(new Set([...keys, JSON.stringify(key)]).size).toBe(8);
  expect(JSON.stringify(itemsOf({ batch: 3, turn: 2, keepImages: 0 })[0].key)).toBe(JSON.stringify(key));
});

test("what cannot be meant is refused", () => {
  expect(() => attackItems(pictures, [runs[0], runs[0]], { classifier, settings })).toThrow(
    'two attacks are called "pgd"',
  );
  expect(() => itemsOf({}, [pictures[0], pictures[0]])).toThrow('two pictures are called "p0"');
  expect(() => itemsOf({ turn: 0 })).toThrow("turn");
  expect(() => itemsOf({ settings: { seed: -1 } })).toThrow("seed");
});

const distances = { l0: 3, l1: 1, l2: 0.5, linf: 0.25, perceptual: 0.125 };
const found = (success: boolean, scale = 1): AttackFinding["raw"] => ({
  label: Number(success),
  confidence: 0.5,
  success,
  margin: success ? -1 : 1,
  distances: { l0: 3 * scale, l1: scale, l2: 0.5 * scale, linf: 0.25 * scale, perceptual: 0.125 * scale },
});
const finding: AttackFinding = {
  outcome: "flipped",
  label: 0,
  confidence: 0.75,
  target: null,
  cleanMargin: 2,
  raw: found(true),
  withinBudget: found(true),
  rounded: found(true),
  lostInRounding: false,
  evaluations: { forward: 2, gradient: 10 },
  settings: { steps: 3 },
  details: {},
};

test("the form of a finding, with an LPIPS distance where it was asked for", () => {
  expectForm(isAttackFinding, finding, ["settings", "details"]);
  const raw = { ...finding.raw, distances: { ...distances, lpips: 0.5 } };
  expect(isAttackFinding({ ...finding, raw })).toBe(true);
  expect(isAttackFinding({ ...finding, raw: { ...raw, distances: { ...distances, lpips: null } } })).toBe(false);
  const said = recordOf("a", "lpa", { raw, withinBudget: raw });
  expect(said.raw.distances.lpips).toBe(0.5);
  expect(attackSummaries([said])[0].lpips).toBe(0.5);
  expect(isAttackFinding({ ...finding, outcome: "won" })).toBe(false);
});

const given = {
  classifier: { labelName: (index: number) => `class ${index}` },
  attackTitle: "A",
  model: { path: "m.onnx", sha256: "ab" },
  files: {},
  versions: { perceptualBall: "1", runtime: "r", platform: "p" },
};
const recordOf = (image: string, attack: string, own: Partial<AttackFinding> = {}) =>
  attackRecord({
    head: { value: "y", kind: "softmax", count: 3, reason: "scores" },
    warnings: [],
    ...given,
    image,
    attack,
    finding: { ...finding, ...own },
  });

test("a record names what a finding numbers, its names in one order whatever a file did to them", () => {
  const record = recordOf("a.png", "pgd", { target: 3 });
  expect(record).toMatchObject({
    label: { index: 0, name: "class 0", confidence: 0.75 },
    target: { index: 3, name: "class 3" },
    withinBudget: { label: { index: 1, name: "class 1", confidence: 0.5 }, success: true, margin: -1, distances },
  });
  const shuffled = JSON.parse(JSON.stringify(finding, ["target", "withinBudget", "raw", "rounded", "distances", "perceptual", "linf", "l2", "l1", "l0", "success", "margin", "label", "confidence", "outcome", "cleanMargin", "lostInRounding", "evaluations", "gradient", "forward", "settings", "details", "steps"])); // biome-ignore format: a list
  expect(JSON.stringify(recordOf("a.png", "pgd", shuffled))).toBe(JSON.stringify(recordOf("a.png", "pgd")));
});

test("success and distances of the summary are those within the budget, not of the search", () => {
  const outside = { outcome: "over-budget", withinBudget: found(false, 4), rounded: found(false, 4) } as const;
  const clipped = { raw: found(true, 8), rounded: found(false, 2), lostInRounding: true } as const;
  const records = [
    recordOf("a", "pgd"),
    recordOf("b", "pgd", clipped),
    recordOf("c", "pgd", outside),
    recordOf("d", "pgd", { outcome: "already-flipped", evaluations: { forward: 1, gradient: 0 } }),
  ];
  const [summary] = attackSummaries(records);
  expect(summary).toEqual({
    attack: "pgd",
    pictures: 4,
    attacked: 3,
    success: 2 / 3,
    roundedSuccess: 1 / 3,
    survival: 1 / 2,
    ...distances,
    lpips: null,
    freshDraws: null,
    gradients: 10,
  });
});
