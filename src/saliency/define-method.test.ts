import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, expectTypeOf, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../test/tiny-classifier.ts";
import type { AttackResult } from "../attacks/attack.ts";
import { createClassifier } from "../classifier/classifier.ts";
import { AbortedError, MisuseError } from "../errors.ts";
import { countOption, wordOption } from "../options/option.ts";
import type { Progress } from "../options/progress.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { gradCam } from "./cams/grad-cam.ts";
import { defineMethod } from "./define-method.ts";
import { gradient } from "./gradients/gradient.ts";
import type { Explanation, SaliencyMethod } from "./method.ts";
import { findMethod, methodNamed, methods, saliencyMethods } from "./methods.ts";
import { perceptual } from "./perturbations/perceptual.ts";
import { rise } from "./rise/rise.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
const fixed = createClassifier(tinyClassifier({ batch: 1 }), { runtime: ort, threads: 1 });
afterAll(async () => {
  await classifier.dispose();
  await fixed.dispose();
});

const images = [tinyImage(1), tinyImage(2), tinyImage(3)];

/** Settings with which methods of thousands of runs take a few. */
const quick: Readonly<Record<string, object>> = {
  rise: { masks: 12 },
  extremal: { iterations: 4, areas: [0.1, 0.3] },
  "smooth-grad": { samples: 3 },
  "integrated-gradients": { steps: 4 },
  "expected-gradients": { samples: 3 },
  "gradient-shap": { samples: 3 },
  "feature-ablation": { segments: 12 },
  lime: { segments: 12, samples: 30 },
  "kernel-shap": { segments: 12, samples: 30 },
  perceptual: { evaluations: 12 },
  "guided-perceptual": { evaluations: 12 },
};
/** Those that read the attention of transformers refuse this network; their own tests have one. */
const refused = ["attention-rollout", "transformer-attribution"];
const usable = saliencyMethods.filter(({ name }) => !refused.includes(name));
const quickly = usable.map((method) => ({ name: method.name, method, settings: quick[method.name] ?? {} }));

const hasSuperpixels = ({ settings }: SaliencyMethod): boolean => "segments" in settings;

/** The number of a class twice over in each pixel: enough to see what a definition is given. */
const constant = defineMethod({
  name: "constant",
  title: "Constant",
  source: "",
  summary: "",
  version: 1,
  settings: {
    times: countOption("How often.", { fallback: 2 }),
    sign: wordOption("Which.", ["+", "-"], { fallback: "+" }),
  },
  complete: ({ times, sign }) => ({ factor: sign === "+" ? times : -times }),
  cost: ({ factor }) => ({ forward: Math.abs(factor), gradient: 0 }),
  async explain({ image, label, target = 0, settings: { factor }, onProgress }) {
    onProgress({ done: 1, of: 1, unit: "looks" });
    const [, height, width] = image.shape;
    const map = floatTensor(new Float32Array(height * width).fill(factor * label + target), [height, width]);
    return { map, evaluations: { forward: Math.abs(factor), gradient: 0 } };
  },
});

describe("a defined method", () => {
  test("is given complete settings, the label and the target, and its classification is counted", async () => {
    const given = await constant.explain(classifier, images[0], { label: 3, target: 1, times: 4, sign: "-" });
    expect([given.map.data[0], given.label, given.evaluations.forward]).toEqual([-11, 3, 4]);
    expect(given.settings).toEqual({ factor: -4 });
    const { label } = await classifier.classify(images[0]);
    const predicted = await constant.explain(classifier, images[0]);
    expect([predicted.map.data[0], predicted.label, predicted.evaluations.forward]).toEqual([2 * label, label, 3]);
    expect(constant.costOf(classifier)).toEqual({ forward: 3, gradient: 0 });
    expect(constant.costOf(classifier, { label: 3, times: 7 })).toEqual({ forward: 7, gradient: 0 });
  });

  test("takes classes by name", async () => {
    const labels = ["ant", "bee", "cat", "dog"];
    const named = createClassifier(tinyClassifier(), { runtime: ort, labels });
    const { label, map } = await constant.explain(named, images[0], { label: "cat", target: "bee" });
    expect([label, map.data[0]]).toEqual([2, 5]);
    await expect(constant.explain(named, images[0], { label: "cow" })).rejects.toThrow(/cow/);
    await named.dispose();
  });

  test("reports its own progress for one image, and images for several", async () => {
    const seen: Progress[] = [];
    const onProgress = (progress: Progress): void => void seen.push(progress);
    await constant.explain(classifier, images[0], { onProgress });
    await constant.explain(classifier, images, { onProgress });
    expect(seen).toEqual([
      { done: 1, of: 1, unit: "looks" },
      ...[1, 2, 3].map((done) => ({ done, of: 3, unit: "images" })),
    ]);
  });

  const refused: readonly [Readonly<Record<string, unknown>>, string][] = [
    [{ label: 1, target: 1 }, "constant: target: the target is the label"],
    [{ label: 4 }, "constant: label: value out of range"],
    [{ time: 1 }, 'constant: unknown option "time", .*Did you mean "times"'],
    [{ times: 0 }, "constant: times: value out of range"],
    [{ batch: 0 }, "constant: batch: value out of range"],
    [{ signal: 1 }, "constant: signal: wrong type, expected an AbortSignal"],
  ];
  test.each(refused)("refuses %j in advance", async (options, message) => {
    const untyped: SaliencyMethod = constant;
    expect(() => untyped.check(classifier, options)).toThrow(new RegExp(message));
    expect(() => untyped.costOf(classifier, options)).toThrow(MisuseError);
    await expect(untyped.explain(classifier, images[0], options)).rejects.toThrow(new RegExp(message));
  });

  test("refuses what is no image of the network's size, in words", async () => {
    const wrong = floatTensor(new Float32Array(3 * 25 * 24), [3, 25, 24]);
    const expected = /constant: image [01] does not have the network's size, expected \[3, 24, 24\], got \[3, 25, 24\]/;
    await expect(constant.explain(classifier, wrong)).rejects.toThrow(expected);
    await expect(constant.explain(classifier, [images[0], wrong])).rejects.toThrow(expected);
    // @ts-expect-error A file's name is no image.
    await expect(constant.explain(classifier, "dog.png")).rejects.toThrow(
      /constant: image 0 is no tensor.*got "dog.png"/,
    );
    // @ts-expect-error Nothing is none either.
    await expect(constant.explain(classifier)).rejects.toThrow(/constant: image 0 is no tensor.*got undefined/);
  });

  test("a signal that is aborted already ends it before anything runs", async () => {
    const signal = AbortSignal.abort();
    await expect(constant.explain(classifier, images[0], { signal })).rejects.toThrow(AbortedError);
  });
});

describe("every method", () => {
  const digits = ({ map, label, evaluations }: Explanation) => ({ map: [...map.data], label, evaluations });

  test.each(quickly)(
    "$name: several images give what each gives alone",
    { timeout: 60_000 },
    async ({ method, settings }) => {
      const together = await method.explain(classifier, images.slice(0, 2), { ...settings });
      const alone: Explanation[] = [];
      for (const image of images.slice(0, 2)) alone.push(await method.explain(classifier, image, { ...settings }));
      expect(together.map(digits)).toEqual(alone.map(digits));
      expect(together[0].map.data).not.toEqual(together[1].map.data);
    },
  );

  test.each(quickly)("$name: the cost is known in advance", { timeout: 60_000 }, async ({ method, settings }) => {
    for (const options of [settings, { ...settings, label: 2 }]) {
      const cost = method.costOf(classifier, { ...options });
      const { evaluations } = await method.explain(classifier, images[0], { ...options });
      // A search may end before its budget does, and an image may have fewer superpixels than were asked for.
      const isExact = method.perturbing === undefined && !hasSuperpixels(method);
      if (isExact) expect(evaluations).toEqual(cost);
      expect(evaluations.forward).toBeLessThanOrEqual(cost.forward);
      expect(evaluations.gradient).toBeLessThanOrEqual(cost.gradient);
    }
  });

  test("none: no images, no maps", async () => {
    expect(await gradient.explain(classifier, [])).toEqual([]);
  });

  const ofOnePass = quickly.filter(({ name }) =>
    ["gradient", "gradient-input", "deconvnet", "guided-backprop", "grad-cam", "guided-grad-cam"].includes(name),
  );
  test.each(ofOnePass)("$name: a batch holds several images, up to rounding", async ({ method }) => {
    const alone = await method.explain(classifier, images);
    for (const network of [classifier, fixed]) {
      const together = await method.explain(network, images, { batch: 2 });
      expect(together.map(({ label, evaluations }) => ({ label, evaluations }))).toEqual(
        alone.map(({ label, evaluations }) => ({ label, evaluations })),
      );
      for (const [n, { map }] of together.entries()) {
        const scale = Math.max(...alone[n].map.data);
        const worst = map.data.reduce((most, value, i) => Math.max(most, Math.abs(value - alone[n].map.data[i])), 0);
        expect(worst).toBeLessThan(1e-5 * scale);
      }
    }
  });
});

describe("types", () => {
  test("settings and common options stand in one object, whose names and values are checked by the compiler", () => {
    const compiled = (): unknown => [
      rise.explain(classifier, images[0], { masks: 1000, label: "cat", preset: "paper" }),
      // @ts-expect-error A misspelt setting.
      rise.explain(classifier, images[0], { mask: 1000 }),
      // @ts-expect-error A number in words.
      rise.explain(classifier, images[0], { masks: "1000" }),
      // @ts-expect-error No such preset.
      rise.explain(classifier, images[0], { preset: "papr" }),
      // @ts-expect-error Settings are not nested.
      rise.explain(classifier, images[0], { settings: { masks: 1000 } }),
      // @ts-expect-error A setting of another method.
      gradCam.explain(classifier, images[0], { masks: 1000 }),
      // @ts-expect-error In advance as well.
      rise.costOf(classifier, { mask: 1000 }),
      // @ts-expect-error No such method.
      findMethod("rize"),
      // @ts-expect-error No such method.
      methods.rize,
      // @ts-expect-error A setting of another method, by its name.
      findMethod("grad-cam").explain(classifier, images[0], { masks: 1000 }),
      // @ts-expect-error What a user wrote may be no method's name.
      findMethod("rise" as string),
    ];
    expect(compiled).toBeTypeOf("function");
  });

  test("one image gives one explanation, several give as many", () => {
    const one = () => rise.explain(classifier, images[0], { masks: 1 });
    const several = () => rise.explain(classifier, images, { masks: 1 });
    type OfRise = Explanation<{ readonly meanScore: number; readonly subtracted: number }>;
    expectTypeOf(one).returns.resolves.toEqualTypeOf<OfRise>();
    expectTypeOf(several).returns.resolves.toEqualTypeOf<OfRise[]>();
    expectTypeOf(findMethod("rise")).toEqualTypeOf<typeof rise>();
    expectTypeOf(methods["grad-cam"]).toEqualTypeOf<typeof gradCam>();
  });

  test("details have the type of the method's own; where a map may be smoothed, of what its copies agree in", () => {
    const compiled = async (options: Parameters<typeof gradCam.explain>[2]) => {
      const { details } = await perceptual.explain(classifier, images[0]);
      expectTypeOf(details.outcome).toEqualTypeOf<AttackResult["outcome"]>();
      expectTypeOf(details.distances.linf).toEqualTypeOf<number>();
      expectTypeOf(details.hindrance).toEqualTypeOf<string | undefined>();
      const cam = await gradCam.explain(classifier, images[0], { label: 1 });
      expectTypeOf(cam.details.grid).toEqualTypeOf<readonly [height: number, width: number]>();
      const smooth = await gradCam.explain(classifier, images, { smoothing: 5 });
      expectTypeOf(smooth[0].details.grid).toEqualTypeOf<readonly [height: number, width: number] | undefined>();
      expectTypeOf(smooth[0].details.noiseDeviation).toEqualTypeOf<number | undefined>();
      const any = await gradCam.explain(classifier, images[0], options);
      expectTypeOf(any.details.layer).toEqualTypeOf<string | undefined>();
      // @ts-expect-error It has no such detail.
      return any.details.outcome;
    };
    expect(compiled).toBeTypeOf("function");
  });
});

test("a name that a user wrote is looked up, and the nearest one named where there is none", () => {
  for (const method of saliencyMethods) expect(methodNamed(method.name)).toBe(method);
  expect(() => methodNamed("rize")).toThrow("Did you mean rise?");
});

describe("what a definition gives is checked: its author may have no types", () => {
  const description = { name: "own", title: "Own", source: "", summary: "", version: 1, settings: {} };
  const evaluations = { forward: 0, gradient: 0 };
  const methodBy = (explain: () => unknown) =>
    defineMethod({ ...description, cost: () => evaluations, explain: async () => explain() as never });

  test.each([
    ["nothing", () => undefined, /^own: what explain gives: wrong argument, expected an object with map, evaluations/],
    ["no map", () => ({ evaluations }), /expected an object with map, evaluations, got an object with evaluations/],
    ["no tensor", () => ({ map: [1], evaluations }), /^own: map: not a tensor/],
    [
      "a map of another size",
      () => ({ map: floatTensor(new Float32Array(4), [2, 2]), evaluations }),
      /^own: map: the map is not of the image's size, expected \[24, 24\], got \[2, 2\]/,
    ],
  ])("%s", async (_, explain, message) => {
    const call = methodBy(explain).explain(classifier, images[0], { label: 0 });
    await expect(call).rejects.toThrow(MisuseError);
    await expect(methodBy(explain).explain(classifier, images[0], { label: 0 })).rejects.toThrow(message);
  });

  test("one that does not explain, or has a setting that all methods have, is none", () => {
    expect(() => defineMethod({ ...description, cost: () => evaluations } as never)).toThrow(
      /definition\.explain: wrong argument, expected a function/,
    );
    const settings = { label: countOption("A label.", { fallback: 1 }) };
    expect(() =>
      defineMethod({ ...description, settings, cost: () => evaluations, explain: async () => undefined as never }),
    ).toThrow(/^defineMethod: the options of all are called so too: label/);
  });
});
