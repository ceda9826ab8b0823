import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import type { Dataset, DatasetImage } from "../../datasets/dataset.ts";
import { BadInputError } from "../../errors.ts";
import { blur } from "../../image/gaussian-blur.ts";
import type { Picture } from "../../image/picture.ts";
import { largestBox } from "../../localization/box.ts";
import { energyInside } from "../../localization/energy-inside.ts";
import { threshold } from "../../localization/threshold.ts";
import { thresholdGrids } from "../../localization/threshold-grids.ts";
import { numberOption } from "../../options/option.ts";
import { createRandom } from "../../random/random.ts";
import { fromLevels } from "../../report/localization/tiles.ts";
import { gradCam } from "../../saliency/cams/grad-cam.ts";
import { definePerturbationMethod } from "../../saliency/define-method.ts";
import { gradient } from "../../saliency/gradients/gradient.ts";
import { deepFool } from "../../saliency/perturbations/deepfool.ts";
import { guidedPerceptual, perceptual } from "../../saliency/perturbations/perceptual.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { sparseness } from "../metrics/sparseness.ts";
import { memoryStore } from "../records/memory-store.ts";
import { runExperiment } from "../records/run-experiment.ts";
import {
  checkLocalizationSettings,
  defaultLocalizationSettings,
  gridBoxes,
  type LocalizationSettings,
  localizationCompute,
  localizationIdentity,
  localizationItems,
  randomPath,
} from "./protocol.ts";
import { boxesOfText, isLocalizationRecord, type LocalizationRecord } from "./record.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());

function pictureOf(seed: number, width = 48, height = 24): Picture {
  const random = createRandom(seed);
  return { width, height, channels: 3, data: Uint8Array.from({ length: width * height * 3 }, () => 256 * random()) };
}

function imageOf(id: string, seed: number, rest: Partial<DatasetImage> = {}): DatasetImage {
  return { id, label: 1, boxes: [[8, 4, 24, 16]], picture: async () => pictureOf(seed), ...rest };
}

/** The brightness of the picture's first channel, and a number that was drawn. */
const brightness = definePerturbationMethod({
  name: "brightness",
  title: "Brightness",
  source: "",
  summary: "",
  version: 3,
  settings: { a: numberOption("Nothing.", { fallback: 0 }) },
  shows: "interest",
  search: "darkening",
  cost: () => ({ forward: 2, gradient: 3 }),
  async perturb({ classifier: network, image, label = -1, target, settings: own, random }) {
    const pixels = floatTensor(
      image.data.map((x) => x - 0.5),
      image.shape,
    );
    return {
      ...{ label, target, pixels, optimized: pixels, settings: own },
      clean: await network.classify(image),
      evaluations: { forward: 2, gradient: 3 },
      details: { drawn: random() },
    };
  },
  mapOf: ({ image }) => floatTensor(image.data.slice(0, 24 * 24), [24, 24]),
  mapCost: { forward: 0, gradient: 0 },
});

const run = { name: "brightness", method: brightness, settings: { a: 1 } };
const settings: LocalizationSettings = { ...defaultLocalizationSettings, curveSteps: 3, seed: 5 };

function datasetOf(...images: DatasetImage[]): Dataset {
  return { name: "set", images, problems: [] };
}

async function recordsOf(dataset: Dataset, own = settings, keepMaps = 0) {
  const store = memoryStore<LocalizationRecord>(localizationIdentity(classifier, "abc", "set", own));
  const items = localizationItems(dataset, [run], { keepMaps });
  await runExperiment({ items, store, compute: localizationCompute(classifier, own) });
  return { store, items, results: items.map(({ key }) => store.finished(key)?.result) };
}

test("a record says what the map finds, in pixels of the network's input", async () => {
  const image = imageOf("x", 1);
  const { results, store, items } = await recordsOf(datasetOf(image), settings, 1);
  const result = given(results[0]);
  expect(isLocalizationRecord(JSON.parse(JSON.stringify(result)))).toBe(true);
  const input = classifier.fit(await image.picture());
  const map = blur(floatTensor(input.data.slice(0, 576), [24, 24]), { sigmaPixels: 2 });
  // 48 × 24 becomes 24 × 24: widths are halved.
  expect(result.truthBoxes).toEqual([[4, 4, 12, 16]]);
  expect(result.size).toEqual({ width: 24, height: 24 });
  const expectedBoxes = thresholdGrids.value.map((rule) => largestBox(threshold(map, rule)) ?? null);
  const boxes = boxesOfText(result.boxes["8"].value);
  expect(boxes).toEqual(expectedBoxes);
  expect(new Set(boxes.map((box) => JSON.stringify(box))).size).toBeGreaterThan(3);
  expect(boxesOfText(result.boxes["4"].percent)[3]).toEqual(
    largestBox(threshold(map, thresholdGrids.percent[3]), { connectivity: 4 }),
  );
  expect(result.energyInside).toBe(energyInside(map, [[4, 4, 12, 16]]));
  const [x, y] = result.point;
  expect(map.data[Math.floor(y) * 24 + Math.floor(x)]).toBe(Math.max(...map.data));
  const outside = (at: number, from: number, to: number): number => Math.max(from - at, 0, at - to);
  expect(result.pointDistance.input).toBeCloseTo(Math.hypot(outside(x, 4, 12), outside(y, 4, 16)), 9);
  expect(result.pointDistance.picture).toBeCloseTo(Math.hypot(outside(2 * x, 8, 24), outside(y, 4, 16)), 9);
  const { label, confidence } = await classifier.classify(input);
  expect(result).toMatchObject({ explained: label, truth: 1, averagePrecision: null, settings: { a: 1 } });
  expect(result.predicted.label).toBe(label);
  expect(result.predicted.confidence).toBeCloseTo(confidence, 6);
  expect(result.insertion).toHaveLength(4);
  expect(result.insertion?.at(-1)).toBeCloseTo(confidence, 4);
  expect(result.deletion?.[0]).toBeCloseTo(confidence, 4);
  expect(result.details).toEqual({ drawn: createRandom(5, randomPath(items[0].key))() });
  const kept = fromLevels(given(await store.readArray(items[0].key, "map")));
  const span = Math.max(...map.data) - Math.min(...map.data);
  for (const [i, value] of map.data.entries()) {
    expect(Math.abs(kept.data[i] - (value - Math.min(...map.data)) / span)).toBeLessThan(1e-5);
  }
  expect((await store.readArray(items[0].key, "perturbation"))?.shape).toEqual([3, 24, 24]);
});

test("a picture's record depends on no other", async () => {
  const [x, y] = [imageOf("x", 1), imageOf("y", 2)];
  const both = await recordsOf(datasetOf(y, x));
  const alone = await recordsOf(datasetOf(x));
  expect(both.results[1]).toEqual(alone.results[0]);
  expect(both.results[0]).not.toEqual(alone.results[0]);
});

test("both perceptual methods share one perturbation and give what they give alone", async () => {
  const own = { perceptualWeight: 0.01, evaluations: 12 };
  const runs = [perceptual, guidedPerceptual].map((method) => ({
    name: method.name,
    method,
    settings: own,
  }));
  const image = imageOf("x", 1);
  const items = localizationItems(datasetOf(image), runs, { keepMaps: 1 });
  const unblurred = { ...settings, sigmaPixels: 0, curveSteps: 0 };
  const computed = await localizationCompute(classifier, unblurred)(items, {});
  const input = classifier.fit(await image.picture());
  for (const [i, { method }] of runs.entries()) {
    const alone = await method.explain(classifier, input, own);
    expect(computed[i].result.evaluations).toEqual(alone.evaluations);
    expect(computed[i].result.boxes["8"].value).toEqual(gridBoxes(alone.map)["8"].value);
  }
  expect(computed[0].result.boxes).not.toEqual(computed[1].result.boxes);
  expect(computed[1].seconds).toBeGreaterThan(given(computed[0].seconds));
});

test("the mask is compared as the network sees it", async () => {
  const data = new Uint8Array(48 * 24);
  for (let y = 4; y < 16; y++) data.fill(1, y * 48 + 8, y * 48 + 24);
  // Where the map is the mask itself, its average precision is 1.
  const picture: Picture = {
    width: 48,
    height: 24,
    channels: 3,
    data: Uint8Array.from({ length: 3456 }, (_, i) => 255 * data[Math.floor(i / 3)]),
  };
  const image = imageOf("x", 1, {
    picture: async () => picture,
    mask: async () => ({ dtype: "bool", shape: [24, 48], data }),
  });
  const { results } = await recordsOf(datasetOf(image), { ...settings, sigmaPixels: 0, curveSteps: 0 });
  expect(results[0]?.averagePrecision).toBeGreaterThan(0.97);
  expect(results[0]?.insertion).toBeNull();
  expect(results[0]?.energyInside).toBeGreaterThan(0.95);
});

test("an input pixel is on the object if the picture's pixel under its middle is", async () => {
  // Twice as large as the input: the middle of input pixel (x, y) lies in the picture's pixel (2x + 1, 2y + 1).
  const size = 48;
  const isInside = (x: number, y: number): boolean => x >= 8 && x < 24 && y >= 12 && y < 30;
  const data = new Uint8Array(size * size);
  const pixels = new Uint8Array(3 * size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (!isInside(x, y)) continue;
      if (x % 2 === 1 && y % 2 === 1) data[y * size + x] = 1;
      pixels.fill(255, 3 * (y * size + x), 3 * (y * size + x) + 3);
    }
  }
  const image = imageOf("x", 1, {
    boxes: [[8, 12, 24, 30]],
    picture: async () => ({ width: size, height: size, channels: 3, data: pixels }),
    mask: async () => ({ dtype: "bool", shape: [size, size], data }),
  });
  const { results } = await recordsOf(datasetOf(image), { ...settings, sigmaPixels: 0, curveSteps: 0 });
  // The map is bright on the object and nowhere else, so that its order is that of the mask: to half a pixel.
  expect(results[0]?.averagePrecision).toBe(1);
});

test.each([
  [48, 20],
  [20, 48],
])("padding around a picture of %i x %i pixels is no object", async (width, height) => {
  const padded = createClassifier(tinyClassifier(), {
    runtime: ort,
    threads: 1,
    preprocessing: { geometry: { resize: { kind: "pad", width: 24, height: 24 }, interpolation: "nearest" } },
  });
  // The picture is white and the object is all of it: so is the map, and nothing beside it.
  const image = imageOf("x", 1, {
    boxes: [[0, 0, width, height]],
    picture: async () => ({ width, height, channels: 3, data: new Uint8Array(3 * width * height).fill(255) }),
    mask: async () => ({ dtype: "bool", shape: [height, width], data: new Uint8Array(width * height).fill(1) }),
  });
  const own = { ...settings, sigmaPixels: 0, curveSteps: 0 };
  const store = memoryStore<LocalizationRecord>(localizationIdentity(padded, "abc", "set", own));
  const items = localizationItems(datasetOf(image), [run]);
  await runExperiment({ items, store, compute: localizationCompute(padded, own) });
  expect(store.finished(items[0].key)?.result.averagePrecision).toBe(1);
  await padded.dispose();
});

test("the stated class is explained where that is asked for", async () => {
  const own = { ...settings, explain: "truth" } as const;
  const { results } = await recordsOf(datasetOf(imageOf("x", 1, { label: 3 })), own);
  expect(results[0]?.explained).toBe(3);
  const { store } = await recordsOf(datasetOf(imageOf("x", 1, { label: undefined })), own);
  expect(store.failures()[0].message).toMatch(/x: the data set states no class/);
});

test("a class that is not predicted: scores are explained as they are, and perturbations lead to it", async () => {
  const image = imageOf("x", 1);
  const input = classifier.fit(await image.picture());
  const [logits] = await (await classifier.forward()).run([input.data]);
  const [label, other] = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  const own = { ...settings, explain: "truth", sigmaPixels: 0, curveSteps: 0 } as const;
  const methods = [perceptual, guidedPerceptual, deepFool, gradient, gradCam];
  const recordsOfClass = async (stated: number): Promise<LocalizationRecord[]> => {
    const runs = methods.map((method) => ({ name: method.name, method, settings: {} }));
    const items = localizationItems(datasetOf({ ...image, label: stated }), runs);
    const computed = await localizationCompute(classifier, own)(items, {});
    return computed.map(({ result }) => result);
  };
  const toward = await recordsOfClass(other);
  for (const { details, energyInside: share } of toward.slice(0, 3)) {
    expect(details).toMatchObject({ outcome: "flipped", adversarialLabel: other });
    // A blank map has none.
    expect(share).not.toBeNull();
  }
  const { map } = await gradient.explain(classifier, input, { label: other });
  expect(toward[3].energyInside).toBe(energyInside(map, [[4, 4, 12, 16]]));
  // The predicted class is left, as without the setting.
  const away = await recordsOfClass(label);
  expect(away[0].details).toMatchObject({ outcome: "flipped" });
  expect(away[3].energyInside).not.toBe(toward[3].energyInside);
  // Records of before, when such maps were blank, are of another experiment.
  expect(localizationIdentity(classifier, "abc", { name: "set", labels: "dataset" }, own).settings).toHaveProperty(
    "flips",
  );
  expect(
    localizationIdentity(classifier, "abc", { name: "set", labels: "dataset" }, settings).settings,
  ).not.toHaveProperty("flips");
});

test("pictures that cannot be used are failures with their reason, and the others are computed", async () => {
  const broken = imageOf("broken", 1, {
    picture: async () => {
      throw new BadInputError({ where: "broken.jpg", what: "damaged" });
    },
  });
  const outside = imageOf("outside", 2, { boxes: [[50, 4, 60, 9]] });
  const { store, results } = await recordsOf(datasetOf(broken, imageOf("good", 3), outside));
  expect(results.map((result) => result !== undefined)).toEqual([false, true, false]);
  expect(store.failures().map(({ message }) => message)).toEqual([
    "broken.jpg: damaged.",
    expect.stringMatching(/^outside: the object lies outside/),
  ]);
});

test("pictures without a box are no items; of the first ones the maps are kept; two runs of one name are refused", () => {
  const images = [
    imageOf("x", 1),
    imageOf("none", 2, { boxes: [] }),
    imageOf("open", 3, { boxes: undefined }),
    imageOf("y", 4),
  ];
  const items = localizationItems(datasetOf(...images), [run, { ...run, name: "again" }], { keepMaps: 1 });
  expect(items.map(({ key, keepsMap }) => [key.image, key.method, keepsMap])).toEqual([
    ["x", "brightness", true],
    ["x", "again", true],
    ["y", "brightness", false],
    ["y", "again", false],
  ]);
  expect(() => localizationItems(datasetOf(...images), [run, run])).toThrow('two methods are called "brightness"');
  expect(() => localizationItems(datasetOf(images[1]), [run])).toThrow("set: no picture has a box");
});

test.each([
  [{ batch: 0 }, "localization: batch"],
  [{ batch: 1.5 }, "localization: batch"],
  [{ seed: -1 }, "localization: seed"],
  [{ seed: 0.5 }, "localization: seed"],
  [{ curveSteps: -1 }, "localization: curveSteps"],
  [{ sigmaPixels: -1 }, "localization: sigmaPixels"],
  [{ metrics: ["sparsness"] as never }, "sparseness"],
  [{ smoothing: { samples: 0, noise: 0.1, aggregate: "mean" } }, "localization: smoothing"],
] as const)("%j is refused", (given, message) => {
  expect(() => checkLocalizationSettings({ ...settings, ...given })).toThrow(message);
  expect(checkLocalizationSettings({ ...settings, curveSteps: "rows" })).toMatchObject({ batch: settings.batch });
});

test("the metrics that are asked for are those of the blurred map, and stand in the record", async () => {
  const image = imageOf("x", 1);
  const { results } = await recordsOf(datasetOf(image), { ...settings, curveSteps: 0, metrics: ["sparseness"] });
  const input = classifier.fit(await image.picture());
  const map = blur(floatTensor(input.data.slice(0, 576), [24, 24]), { sigmaPixels: 2 });
  expect(results[0]?.metrics).toEqual({ sparseness: expect.closeTo(sparseness(map), 5) });
  const without = await recordsOf(datasetOf(image), { ...settings, curveSteps: 0 });
  expect(without.results[0]).not.toHaveProperty("metrics");
});

test("a decision on a label is part of what the records are about", () => {
  const head = { ...classifier.prepared.head, decision: 1 };
  const own = { ...classifier, prepared: { ...classifier.prepared, head } };
  expect(localizationIdentity(own, "abc", "set", settings).settings).toHaveProperty("decision");
  expect(localizationIdentity(classifier, "abc", "set", settings).settings).not.toHaveProperty("decision");
});

test("keys hold the method's version and settings; identities what decides all records", () => {
  const [{ key }] = localizationItems(datasetOf(imageOf("x", 1)), [run]);
  expect(key).toEqual({
    image: "x",
    method: "brightness",
    options: { method: "brightness", version: 3, settings: { a: 1 } },
  });
  const identity = localizationIdentity(classifier, "abc", "set", settings);
  expect(localizationIdentity(classifier, "abc", "set", { ...settings, batch: 1 })).toEqual(identity);
  expect(localizationIdentity(classifier, "abc", "set", { ...settings, sigmaPixels: 1 })).not.toEqual(identity);
});

test("what cannot be meant is refused", () => {
  expect(() => localizationItems(datasetOf(imageOf("x", 1)), [run, run])).toThrow(
    /two methods are called "brightness"/,
  );
  expect(() => localizationItems(datasetOf(imageOf("x", 1, { boxes: undefined })), [run])).toThrow(
    /no picture has a box/,
  );
  expect(() => localizationCompute(classifier, { ...settings, sigmaPixels: -1 })).toThrow(/sigmaPixels/);
  expect(() => localizationCompute(classifier, { ...settings, curveSteps: 1.5 })).toThrow(/curveSteps/);
});
