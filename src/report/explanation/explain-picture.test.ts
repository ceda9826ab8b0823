import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { AbortedError } from "../../errors.ts";
import { isPerturbation } from "../../experiments/explanation/record.ts";
import type { Picture } from "../../image/picture.ts";
import { defaultLocalizationRule, localizeMap } from "../../localization/localize-map.ts";
import type { Progress } from "../../options/progress.ts";
import { createRandom } from "../../random/random.ts";
import { gradCam } from "../../saliency/cams/grad-cam.ts";
import { deepFool } from "../../saliency/perturbations/deepfool.ts";
import { guidedPerceptual, perceptual } from "../../saliency/perturbations/perceptual.ts";
import { rise } from "../../saliency/rise/rise.ts";
import {
  type ExplainPictureOptions,
  type ExplanationRun,
  explainPicture,
  type PictureExplanation,
} from "./explain-picture.ts";
import { explanationSentence } from "./sentences.ts";

const classifier = createClassifier(tinyClassifier(), {
  runtime: ort,
  threads: 1,
  labels: ["ant", "bee", "cat", "dog"],
});
afterAll(() => classifier.dispose());

const random = createRandom(6);
/** Twice the size of the network's input. */
const picture: Picture = {
  width: 48,
  height: 48,
  channels: 3,
  data: Uint8Array.from({ length: 48 * 48 * 3 }, () => 256 * random()),
};
const input = classifier.fit(picture);
const options: ExplainPictureOptions = {
  image: "dog.jpg",
  model: { path: "m.onnx", sha256: "00" },
  versions: { perceptualBall: "1", runtime: "r", platform: "p" },
};
const evaluations = 14;

async function explanationsOf(
  runs: readonly ExplanationRun[],
  given: Partial<ExplainPictureOptions> = {},
): Promise<PictureExplanation[]> {
  const found: PictureExplanation[] = [];
  for await (const one of explainPicture(classifier, picture, runs, { ...options, ...given })) found.push(one);
  return found;
}

test("the maps are those of the methods, each with its record, its pictures and its files", async () => {
  const runs = [
    { method: perceptual, settings: { evaluations } },
    { method: guidedPerceptual, settings: { evaluations } },
    { method: gradCam },
  ];
  const found = await explanationsOf(runs, { folder: "dog", groundTruth: [8, 8, 40, 40] });
  const alone = [
    await perceptual.explain(classifier, input, { evaluations }),
    await guidedPerceptual.explain(classifier, input, { evaluations }),
    await gradCam.explain(classifier, input, { label: found[2].record.label.index }),
  ];
  for (const [n, { record, arrays, pictures, size, groundTruth }] of found.entries()) {
    expect(arrays.map).toEqual(alone[n].map);
    expect(record).toMatchObject({
      ...{ image: "dog.jpg", model: options.model, versions: options.versions, target: null },
      ...{ method: runs[n].method.name, methodTitle: runs[n].method.title, mapShows: runs[n].method.shows },
      ...{ evaluations: alone[n].evaluations.gradient, forwardEvaluations: alone[n].evaluations.forward },
      files: { map: `dog/${runs[n].method.name}/map.png`, result: `dog/${runs[n].method.name}/result.json` },
    });
    const { box } = localizeMap(arrays.map, { ...defaultLocalizationRule, threshold: runs[n].method.box });
    expect(record.settings.threshold).toEqual(runs[n].method.box);
    expect(record.inputBox).toEqual(box ?? null);
    // The picture is twice as large.
    expect(record.box).toEqual(box === undefined ? null : box.map((edge) => 2 * edge));
    expect([size, groundTruth]).toEqual([{ width: 24, height: 24 }, [4, 4, 20, 20]]);
    expect([pictures.map.width, pictures.map.height, pictures.map.channels]).toEqual([24, 24, 3]);
    expect(pictures.panel.width).toBeGreaterThan(4 * 24);
  }
  expect(found.map(({ record }) => record.kind)).toEqual(["perturbation", "perturbation", "map"]);
  expect(found.map(({ tiles }) => Object.keys(tiles))).toEqual([
    ["original", "perturbed", "map", "component"],
    ["original", "perturbed", "map", "component"],
    ["original", "overlay", "map", "component"],
  ]);
  // Both perceptual maps are made of one perturbation.
  expect(found[1].arrays.perturbation).toBe(found[0].arrays.perturbation);
  expect(found[2].arrays.perturbation).toBeUndefined();
  expect(found[2].pictures.perturbed).toBeUndefined();
});

test("what the record says of a perturbed picture is what the classifier says of it", async () => {
  for (const run of [{ method: perceptual, settings: { evaluations: 40 } }, { method: deepFool }]) {
    const [{ record, arrays, pictures }] = await explanationsOf([run]);
    if (!isPerturbation(record) || arrays.perturbed === undefined || arrays.perturbation === undefined) {
      throw new Error("nothing was perturbed");
    }
    const [clean, there] = [await classifier.classify(input), await classifier.classify(arrays.perturbed)];
    expect(record.label.index).toBe(clean.label);
    expect(record.adversarialLabel.index).toBe(there.label);
    expect(record.adversarialLabel.confidence).toBeCloseTo(there.confidence, 5);
    const largest = arrays.perturbation.data.reduce((most, delta) => Math.max(most, Math.abs(delta)), 0);
    expect(record.distances.linf).toBeCloseTo(largest, 6);
    const perturbed = arrays.perturbed.data;
    for (const [i, delta] of arrays.perturbation.data.entries())
      expect(perturbed[i] - input.data[i]).toBeCloseTo(delta, 6);
    // Nothing is said twice.
    expect(Object.keys(record.details)).toEqual(run.method === perceptual ? ["stages"] : ["steps"]);
    expect(record.files).toEqual({
      ...{ input: "input.png", overlay: "overlay.png", panel: "panel.png", map: "map.png", mapNpy: "map.npy" },
      ...{ perturbed: "perturbed.png", perturbation: "perturbation.png", result: "result.json" },
    });
    // The PNG shows the rounded picture.
    const rounded = await classifier.classify(classifier.fit(pictures.perturbed ?? picture));
    expect(record.rounded.index).toBe(rounded.label);
    expect(explanationSentence(record)).toMatch(/ (becomes|stays) /);
  }
});

test("a question by name goes to all methods; chance comes from the seed", async () => {
  const runs = [{ method: rise, settings: { masks: 6 } }, { method: gradCam }];
  const found = await explanationsOf(runs, { label: "cat", target: "bee", seed: 5 });
  expect(found.map(({ record }) => [record.label.name, record.target?.name])).toEqual([
    ["cat", "bee"],
    ["cat", "bee"],
  ]);
  const question = { label: 2, target: 1 };
  const seeded = await rise.explain(classifier, input, { ...question, masks: 6, random: createRandom(5) });
  expect(found[0].arrays.map).toEqual(seeded.map);
  expect(found[1].arrays.map).toEqual((await gradCam.explain(classifier, input, question)).map);
});

test("progress goes from nothing to all, by what each method costs", async () => {
  const seen: Progress[] = [];
  const runs = [
    { method: rise, settings: { masks: 20 } },
    { method: perceptual, settings: { evaluations: 10 } },
    { method: guidedPerceptual, settings: { evaluations: 10 } },
  ];
  await explanationsOf(runs, { label: 1, batch: 5, onProgress: (progress) => seen.push(progress) });
  // 20 forward runs, 10 gradients, and one gradient for the guided map of the same perturbation.
  expect(new Set(seen.map(({ of, unit }) => `${of} ${unit}`))).toEqual(new Set(["53 runs"]));
  const done = seen.map((progress) => progress.done);
  expect(done).toEqual(done.toSorted((a, b) => a - b));
  expect(done.slice(0, 4)).toEqual([5, 10, 15, 20]);
  expect(done.at(-1)).toBe(53);
});

test("what cannot be meant is refused before anything runs; what is finished stays", async () => {
  const wrong = [
    { method: rise, settings: { masks: 6 } },
    { method: gradCam, settings: { layr: 1 } },
  ];
  await expect(explanationsOf(wrong)).rejects.toThrow('grad-cam: unknown option "layr"');
  await expect(explanationsOf([{ method: rise }], { label: "cow" })).rejects.toThrow(/cow/);
  const controller = new AbortController();
  const finished: string[] = [];
  const run = async (): Promise<void> => {
    const runs = [{ method: gradCam }, { method: rise, settings: { masks: 6 } }];
    for await (const { record } of explainPicture(classifier, picture, runs, {
      ...options,
      signal: controller.signal,
    })) {
      finished.push(record.method);
      controller.abort();
    }
  };
  await expect(run()).rejects.toThrow(AbortedError);
  expect(finished).toEqual(["grad-cam"]);
});

test("a method's own threshold makes its box, unless one is given; blur and neighbors are given apart from it", async () => {
  const threshold = { kind: "percent", k: 5 } as const;
  const [own] = await explanationsOf([{ method: gradCam }], { localizationRule: { sigmaPixels: 0 } });
  const [given] = await explanationsOf([{ method: gradCam }], { localizationRule: { threshold } });
  expect(own.record.settings).toMatchObject({ sigmaPixels: 0, threshold: gradCam.box, connectivity: 8 });
  expect(given.record.settings).toMatchObject({ sigmaPixels: 2, threshold, connectivity: 8 });
  const { box } = localizeMap(given.arrays.map, { ...defaultLocalizationRule, threshold });
  expect(given.record.inputBox).toEqual(box);
});
