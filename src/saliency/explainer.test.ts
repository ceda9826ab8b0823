import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../test/tiny-classifier.ts";
import { createClassifier } from "../classifier/classifier.ts";
import { countOption } from "../options/option.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { definePerturbationMethod } from "./define-method.ts";
import { createExplainer } from "./explainer.ts";
import { gradient } from "./gradients/gradient.ts";
import type { SaliencyMethod } from "./method.ts";
import { deepFool } from "./perturbations/deepfool.ts";
import { guidedPerceptual, perceptual } from "./perturbations/perceptual.ts";
import { rise } from "./rise/rise.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());
const image = tinyImage(4);

/** A method whose map is `factor` times a perturbation of as much as its setting says; its search is noted in `searches`. */
function counted(searches: number[], factor: number) {
  return definePerturbationMethod({
    name: `times-${factor}`,
    title: "",
    source: "",
    summary: "",
    version: 1,
    settings: { steps: countOption("Steps.", { fallback: 3 }) },
    shows: "change",
    search: "counted",
    cost: () => ({ forward: 0, gradient: 5 }),
    async perturb({ classifier: network, image: { data, shape }, target, settings }) {
      searches.push(settings.steps);
      if (settings.steps === 13) throw new Error("not today");
      const clean = await network.classify(image);
      const pixels = floatTensor(new Float32Array(data.length).fill(settings.steps), shape);
      const found = { label: clean.label, target, clean, pixels, optimized: pixels };
      return { ...found, evaluations: { forward: 0, gradient: 5 }, settings, details: {} };
    },
    mapOf: ({ perturbation: { pixels } }) =>
      floatTensor(
        pixels.data.slice(0, 576).map((x) => factor * x),
        [24, 24],
      ),
    mapCost: { forward: 0, gradient: 0 },
  });
}

test("methods of one search with equal settings share its perturbation, whatever their names", async () => {
  const searches: number[] = [];
  const [once, twice] = [counted(searches, 1), counted(searches, 2)];
  const explainer = createExplainer(classifier, image);
  const first = await explainer.explain(once);
  const second = await explainer.explain(twice, { steps: 3 });
  expect(searches).toEqual([3]);
  expect([first, second].map(({ explanation }) => explanation.map.data[0])).toEqual([3, 6]);
  expect(second.perturbation).toBe(first.perturbation);
  expect(second.explanation.evaluations).toEqual({ forward: 0, gradient: 5 });
  expect(second.seconds).toBeGreaterThan(0);
  await explainer.explain(twice, { steps: 4 });
  expect(searches).toEqual([3, 4]);
});

test("two that ask at once wait for one search; a search that failed is made again", async () => {
  const searches: number[] = [];
  const [once, twice] = [counted(searches, 1), counted(searches, 2)];
  const explainer = createExplainer(classifier, image);
  await Promise.all([explainer.explain(once), explainer.explain(twice)]);
  expect(searches).toEqual([3]);
  await expect(explainer.explain(once, { steps: 13 })).rejects.toThrow("not today");
  await expect(explainer.explain(once, { steps: 13 })).rejects.toThrow("not today");
  expect(searches).toEqual([3, 13, 13]);
});

test("gives what the methods give alone, and classifies once", async () => {
  let classified = 0;
  const counting = {
    ...classifier,
    classify: (...given: Parameters<typeof classifier.classify>) => {
      classified++;
      return classifier.classify(...given);
    },
  };
  const explainer = createExplainer(counting, image);
  const settings = { evaluations: 14 };
  const maps: readonly [SaliencyMethod, object][] = [
    [gradient, {}],
    [rise, { masks: 5 }],
  ];
  for (const [method, given] of maps) {
    const own = { ...given };
    const { explanation } = await explainer.explain(method, own);
    const alone = await method.explain(classifier, image, { ...own, label: explanation.label });
    expect(explanation).toEqual(alone);
  }
  expect(classified).toBe(1);
  const changes: readonly [SaliencyMethod, object][] = [
    [perceptual, settings],
    [guidedPerceptual, settings],
    [deepFool, {}],
  ];
  for (const [method, given] of changes) {
    const own = { ...given };
    const { explanation, perturbation } = await explainer.explain(method, own);
    expect(explanation).toEqual(await method.explain(classifier, image, own));
    expect(perturbation?.pixels).toEqual(explanation.perturbation);
  }
});

test("the question is the same for all methods, and settings are the method's own", async () => {
  const explainer = createExplainer(classifier, image, { label: 3, target: 0 });
  const { explanation } = await explainer.explain(gradient);
  expect(explanation.label).toBe(3);
  expect(explanation.map).toEqual((await gradient.explain(classifier, image, { label: 3, target: 0 })).map);
  await expect(explainer.explain(gradient, { label: 2 })).rejects.toThrow('gradient: unknown option "label"');
});

test("a search says what the classifier sees, so that it need not be asked", async () => {
  let classified = 0;
  const counting = {
    ...classifier,
    classify: (...given: Parameters<typeof classifier.classify>) => {
      classified++;
      return classifier.classify(...given);
    },
  };
  const explainer = createExplainer(counting, image);
  await explainer.explain(perceptual, { evaluations: 10 });
  const { label } = await explainer.classify();
  expect([label, classified]).toEqual([(await classifier.classify(image)).label, 0]);
});

test("a search that one caller aborts goes on for another who wants it", async () => {
  const explainer = createExplainer(classifier, image);
  const controller = new AbortController();
  const aborted = explainer.explain(perceptual, { evaluations: 8 }, { signal: controller.signal });
  const wanted = explainer.explain(guidedPerceptual, { evaluations: 8 });
  controller.abort();
  await expect(aborted).rejects.toThrow(/aborted/);
  const alone = await guidedPerceptual.explain(classifier, image, { evaluations: 8 });
  expect((await wanted).explanation.map.data).toEqual(alone.map.data);
});

test("a method's name is no method", async () => {
  const explainer = createExplainer(classifier, image);
  await expect(explainer.explain("grad-cam" as never)).rejects.toThrow(
    /^createExplainer: method: wrong argument, expected an object with name, settings, explain, got "grad-cam"/,
  );
});
