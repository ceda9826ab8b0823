import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, expectTypeOf, test } from "vitest";
import { tinyClassifier } from "../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../classifier/classifier.ts";
import { MisuseError } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { parseModel } from "../onnx/text/parse.ts";
import { countOption, numberOption } from "../options/option.ts";
import type { Progress } from "../options/progress.ts";
import { createRandom } from "../random/random.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { AttackResult } from "./attack.ts";
import { attackNamed, attacks, attacksByName, findAttack } from "./attacks.ts";
import { bytesFartherOut, roundToBytes } from "./budget.ts";
import { carliniWagner } from "./carlini-wagner.ts";
import { defineAttack } from "./define-attack.ts";
import { evaluatePerturbed } from "./evaluate-results.ts";
import { fgsm } from "./fgsm.ts";
import { deepfool } from "./minimal/deepfool.ts";
import { type PerceptualFinding, perceptual, perceptualFinding } from "./perceptual/perceptual.ts";
import { pgd } from "./pgd.ts";

/** logits = (x₀, x₁) of images of one channel and 1 × 2 pixels: class 0 wins while the left pixel is as bright as the right one. */
const pair = createClassifier(
  parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    pair (float[N, 1, 1, 2] x) => (float[N, 2] logits)
    <float[2, 2] W = {1, 0, 0, 1}> { f = Flatten (x)  logits = Gemm <transB = 1> (f, W) }`),
  { runtime: ort, preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" } },
);
const tiny = createClassifier(tinyClassifier(), { runtime: ort });
afterAll(() => Promise.all([pair.dispose(), tiny.dispose()]));

const pixels = (...values: number[]): ImageTensor => floatTensor(values, [1, 1, 2]);
const noise = (n: number): ImageTensor => {
  const random = createRandom(9, n);
  return floatTensor(Float32Array.from({ length: 3 * 24 * 24 }, random), [3, 24, 24]);
};

/** Sets both pixels to given values, whatever the image is. */
const paint = defineAttack({
  name: "paint",
  title: "Paint",
  source: "a test",
  summary: "Sets the pixels.",
  version: 3,
  options: {
    left: numberOption("The left pixel.", { fallback: 0 }),
    right: numberOption("The right pixel.", { fallback: 0 }),
    epsilon: numberOption("The radius.", { above: 0, fallback: 1 }),
  },
  search: ({ left, right, epsilon }) => ({
    budget: { norm: "linf", epsilon },
    settings: { left, right, epsilon },
    gradients: 2,
    async run(tasks, { onGradients }) {
      onGradients(2 * tasks.length);
      return tasks.map(({ index }) => ({
        point: Float32Array.of(left, right),
        cost: { forward: 0, gradient: 2 },
        details: { index },
        found: `image ${index}`,
      }));
    },
  }),
});

describe("what is said of an image that was found", () => {
  const clean = pixels(0.5, 0.4);

  test("raw, within the budget and rounded are three images with three judgments", async () => {
    const result = await paint.attack(pair, clean, { left: 0.2, right: 0.9, epsilon: 0.04 });
    expect(result).toMatchObject({ attack: "paint", outcome: "over-budget", label: 0, target: undefined });
    expect(result.raw).toMatchObject({ label: 1, success: true });
    expect(result.raw.margin).toBeCloseTo(-0.7, 6);
    expect([...result.withinBudget.image.data]).toEqual([0.46, 0.44].map((x) => expect.closeTo(x, 6)));
    expect(result.withinBudget).toMatchObject({ label: 0, success: false });
    expect(result.withinBudget.margin).toBeCloseTo(0.02, 6);
    expect(result.withinBudget.distances.linf).toBeCloseTo(0.04, 6);
    // 0.46 is level 117.3, and 117 outside of the ball; 0.44 is level 112.2.
    expect(result.rounded.image.data).toEqual(Float32Array.of(118 / 255, 112 / 255));
    expect(result.rounded.distances.l1).toBeCloseTo(0.5 - 118 / 255 + (112 / 255 - 0.4), 6);
    expect([...result.perturbation.data]).toEqual([-0.3, 0.5].map((x) => expect.closeTo(x, 6)));
    expect(result).toMatchObject({ lostInRounding: false, found: "image 0", details: { index: 0 } });
    // The clean image and three others forward, two gradients of the search.
    expect(result.cost).toEqual({ forward: 4, gradient: 2 });
  });

  test("a success within the budget that the bytes lose is said to be lost", async () => {
    // Levels 127.6 and 127.7: both are 128 in bytes, and of equal logits the first counts.
    const [left, right] = [127.6 / 255, 127.7 / 255];
    const result = await paint.attack(pair, clean, { left, right, rounding: "nearest" });
    expect(result).toMatchObject({ outcome: "flipped", lostInRounding: true });
    expect(result.withinBudget.success).toBe(true);
    expect(result.rounded).toMatchObject({ label: 0, success: false, margin: 0 });
    expect(result.rounded.image.data).toEqual(Float32Array.of(128 / 255, 128 / 255));
    const kept = await paint.attack(pair, clean, { left, right });
    // Away from the clean image, both pixels are brighter: 128 each once more, and no image of theirs is brighter than that.
    expect(kept.rounded.image.data).toEqual(result.rounded.image.data);
    expect(kept.lostInRounding).toBe(true);
    // The left one darker than the clean one: 127 against 128.
    const apart = await paint.attack(pair, pixels(0.6, 0.4), { left, right });
    expect(apart.rounded).toMatchObject({ success: true, label: 1 });
    expect(apart.rounded.image.data).toEqual(Float32Array.of(127 / 255, 128 / 255));
    expect(apart.lostInRounding).toBe(false);
  });

  test("an image that has reached the goal comes back as it is, without a search", async () => {
    const [target, label] = await Promise.all([
      paint.attack(pair, clean, { target: 0 }),
      paint.attack(pair, clean, { label: 1 }),
    ]);
    for (const result of [target, label]) {
      expect(result).toMatchObject({ outcome: "already-flipped", found: undefined, cost: { gradient: 0 } });
      expect(result.raw.image.data).toEqual(clean.data);
      expect(result.raw.success).toBe(true);
    }
  });

  test("evaluatePerturbed says the same of an image that somebody else made", async () => {
    const result = await evaluatePerturbed(pair, clean, pixels(0.21, 1.5), { label: 0 });
    expect(result).toMatchObject({ outcome: "flipped", label: 0, clean: { label: 0 }, raw: { label: 1 } });
    expect([...result.withinBudget.image.data]).toEqual([expect.closeTo(0.21, 6), 1]);
    expect(result.rounded.image.data).toEqual(Float32Array.of(54 / 255, 1));
    expect(result.cost).toEqual({ forward: 4, gradient: 0 });
    // Flipped outside of [0, 1] only: 0.9 against 1 once it is clipped.
    const outside = await evaluatePerturbed(pair, pixels(1, 0.5), pixels(1.1, 1.2));
    expect(outside).toMatchObject({ outcome: "over-budget", withinBudget: { label: 0, margin: 0 } });
    const targeted = await evaluatePerturbed(pair, clean, pixels(0.2, 0.9), { target: 0 });
    expect(targeted.outcome).toBe("already-flipped");
  });
});

test("eight bits keep what is inside the ball: 10.6/255 with ε = 8/255 goes to 18, not to 19", () => {
  const clean = Float32Array.of(10.6 / 255);
  const budget = { norm: "linf", epsilon: 8 / 255 } as const;
  const atTheEdge = Float32Array.of(18.6 / 255);
  expect(roundToBytes(atTheEdge, clean, budget)).toEqual(Float32Array.of(18 / 255));
  expect(roundToBytes(atTheEdge, clean, budget, "outward")).toEqual(Float32Array.of(18 / 255));
  expect(roundToBytes(Float32Array.of(2.6 / 255), clean, budget)).toEqual(Float32Array.of(3 / 255));
  // Without a ball, the nearest level; a ball in ℓ2 is not left either.
  expect(roundToBytes(atTheEdge, clean, undefined)).toEqual(Float32Array.of(19 / 255));
  expect(roundToBytes(atTheEdge, clean, { norm: "l2", epsilon: 8 / 255 })).toEqual(Float32Array.of(18 / 255));
});

test("farther out than the nearest bytes are those rounded outward and those of a longer perturbation, the nearest to the clean image first", () => {
  const clean = Float32Array.of(100 / 255, 100 / 255, 200 / 255);
  const levels = (images: readonly Float32Array[]) => images.map((image) => [...image].map((x) => Math.round(255 * x)));
  const image = Float32Array.of(101.3 / 255, 99.6 / 255, 200 / 255);
  // Nearest: 101, 100. Outward: 102, 99. Times 1.1: 101, 100 again. Times 1.25 and 1.6: 102, 100; times 2.5: 103, 100. Nothing is
  // darker than 99.6, the least value of the two, before it is rounded.
  expect(levels(bytesFartherOut(image, clean, undefined))).toEqual([
    [102, 100, 200],
    [102, 99, 200],
    [103, 100, 200],
  ]);
  // The ball of 2 levels is kept, and so are the least and the greatest value of the two images.
  const ball = { norm: "linf", epsilon: 2 / 255 } as const;
  expect(levels(bytesFartherOut(image, clean, ball)).every(([first]) => first === 102)).toBe(true);
  const bright = Float32Array.of(100 / 255, 100 / 255, 201.4 / 255);
  for (const [, , last] of levels(bytesFartherOut(bright, clean, undefined))) expect(last).toBe(202);
  expect(bytesFartherOut(clean, clean, undefined)).toEqual([]);
});

test("the perceptual attack in a ball and its PNG agree on that number", async () => {
  const clean = pixels(10.6 / 255, 9 / 255);
  const options = { epsilon: 8 / 255, perceptualWeight: 0, distanceWeight: 0, margin: -1, layers: [] } as const;
  const { withinBudget, rounded } = await perceptual.attack(pair, clean, options);
  expect(withinBudget.distances.linf).toBeCloseTo(8 / 255, 6);
  expect(255 * withinBudget.image.data[0]).toBeCloseTo(2.6, 3);
  expect(rounded.image.data).toEqual(Float32Array.of(3 / 255, 17 / 255));
});

describe("images and radii", () => {
  const images = [noise(0), noise(1), noise(2)];

  test("one image is a list of one; several epsilons are a list of what each gives", async () => {
    const random = () => createRandom(4);
    const options = { steps: 3, random, batch: 1 } as const;
    const list = await pgd.attack(tiny, images.slice(0, 2), { ...options, epsilon: 0.1 });
    const one = await pgd.attack(tiny, images[1], { ...options, epsilon: 0.1 });
    expect(one.raw.image.data).toEqual(list[1].raw.image.data);
    const [narrow, wide] = await pgd.attack(tiny, images.slice(0, 2), { ...options, epsilon: [0.02, 0.1] });
    expect(wide.map(({ raw }) => raw.image.data)).toEqual(list.map(({ raw }) => raw.image.data));
    expect(narrow.map(({ settings }) => settings.epsilon)).toEqual([0.02, 0.02]);
    for (const { raw } of narrow) expect(raw.distances.linf).toBeLessThanOrEqual(0.02 + 1e-6);
    const [, again] = await pgd.attack(tiny, images[1], { ...options, epsilon: [0.02, 0.1] });
    expect(again.raw.image.data).toEqual(one.raw.image.data);
  });

  test.each(Object.keys(attacksByName))(
    "%s: a list of one and a place among three give the same bits",
    async (name) => {
      const attack = attackNamed(name);
      const brief: Readonly<Record<string, object>> = {
        perceptual: { iterations: 5 },
        l2: { iterations: 5 },
        pgd: { steps: 4 },
        "pgd-mean": { steps: 2, copies: 2 },
        "carlini-wagner": { steps: 10, searchSteps: 2, constant: 0.1, learningRate: 0.01 },
        deepfool: { steps: 3 },
        apgd: { steps: 6, loss: "targeted-dlr", targetClasses: 2 },
        fab: { steps: 5, restarts: 2, targetClasses: 2 },
        square: { queries: 30, epsilon: 0.02 },
        "mi-fgsm": { steps: 3, diversity: 0.7, kernel: 3 },
        lpa: { steps: 3, searchSteps: 2 },
        ppgd: { steps: 2, solverSteps: 2 },
        "fast-lpa": { steps: 4 },
        fmn: { steps: 5 },
        ead: { steps: 6, searchSteps: 2, constant: 1 },
        sparsefool: { iterations: 2, steps: 3 },
        hopskipjump: { steps: 1, firstDraws: 5 },
        autoattack: { steps: 4, queries: 20, targetClasses: 2, epsilon: 0.01 },
      };
      const random = (index: number) => createRandom(1, index);
      const three = await attack.run(tiny, images, { ...brief[name], batch: 3, random });
      for (const [n, image] of images.entries()) {
        const [alone] = await attack.run(tiny, [image], { ...brief[name], batch: 3, random: () => random(n) });
        const parts = ({ raw, withinBudget, rounded, cost, details, perturbation, outcome }: AttackResult) => ({
          images: [raw, withinBudget, rounded].map(({ image }) => image.data),
          logits: [raw, withinBudget, rounded].map(({ logits }) => logits),
          ...{ cost, details, outcome, perturbation: perturbation.data },
        });
        expect(parts(alone)).toEqual(parts(three[n]));
      }
    },
  );

  test("label and target are for all images, labels and targets for one each", async () => {
    const classes = images.map((_, n) => n);
    const [all, each] = [
      await fgsm.attack(tiny, images, { target: 1 }),
      await fgsm.attack(tiny, images, { targets: classes }),
    ];
    expect(all.map(({ target }) => target)).toEqual([1, 1, 1]);
    expect(each.map(({ target }) => target)).toEqual(classes);
    await expect(fgsm.attack(tiny, images, { label: 1, labels: classes })).rejects.toThrow(
      "fgsm: there are both label and labels, expected one of them.",
    );
    await expect(fgsm.attack(tiny, images, { label: 99 })).rejects.toThrow(MisuseError);
  });

  test("progress counts gradients of at most so many, over all images and radii, and ends at all of them", async () => {
    const calls: Progress[] = [];
    const onProgress = (progress: Progress): unknown => calls.push(progress);
    await pgd.attack(tiny, images, { steps: 4, batch: 2, epsilon: [0.01, 0.02], onProgress });
    expect(new Set(calls.map(({ of, unit }) => `${of} ${unit}`))).toEqual(new Set(["24 gradients"]));
    const done = calls.map((call) => call.done);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done).toContain(2);
    expect(done.at(-1)).toBe(24);
  });

  test("distances in the layers of the search are those that its own pass sees", async () => {
    const options = { layers: ["Relu[0]"], iterations: 5 } as const;
    const own = await perceptual.attack(tiny, images[0], { ...options, distanceLayers: "search" });
    const same = await perceptual.attack(tiny, images[0], { ...options, distanceLayers: ["Relu[0]"] });
    const none = await perceptual.attack(tiny, images[0], { ...options, distanceLayers: [] });
    expect(own.raw.image.data).toEqual(same.raw.image.data);
    expect(own.raw.distances.perceptual).toBeGreaterThan(0);
    expect(own.raw.distances.perceptual).toBeCloseTo(same.raw.distances.perceptual, 6);
    expect(none.raw.distances.perceptual).toBe(0);
    // The session of the objective computes a gradient with every look.
    expect(own.cost.forward).toBe(0);
    expect(own.cost.gradient).toBe(same.cost.gradient + same.cost.forward);
  });

  test("released starts from the same numbers, whoever looks at the result", async () => {
    const options = { preset: "released", layers: ["Relu[0]"], iterations: 5 } as const;
    const attacked = await perceptual.attack(tiny, images[0], options);
    const explained = await perceptual.attack(tiny, images[0], { ...options, distanceLayers: "search" });
    expect(explained.raw.image.data).toEqual(attacked.raw.image.data);
    expect(perceptualFinding(explained).optimizedPerturbation.data).toEqual(
      perceptualFinding(attacked).optimizedPerturbation.data,
    );
  });
});

test("what only the perceptual attack knows is there for images that need no change as well", async () => {
  const untouched = await perceptual.attack(pair, pixels(0.5, 0.4), { label: 1, layers: [] });
  const { optimizedPerturbation, solverOutcome, stages, settings } = perceptualFinding(untouched);
  expect(optimizedPerturbation.data).toEqual(new Float32Array(2));
  expect({ solverOutcome, stages }).toEqual({ solverOutcome: "Nothing was to be done.", stages: [] });
  expect(settings.preset).toBe("detection");
});

describe("wrong arguments are said in words", () => {
  const image = pixels(0.5, 0.4);
  const attack = (...given: readonly unknown[]): Promise<unknown> => Reflect.apply(fgsm.attack, undefined, given);

  test.each<[string, () => readonly unknown[], string]>([
    [
      "no classifier",
      () => [undefined, image],
      "fgsm: the first argument is no classifier, expected what loadClassifier",
    ],
    ["a path", () => ["model.onnx", image], 'got "model.onnx"'],
    ["a promise", () => [Promise.resolve(pair), image], "Write `await` before the call that makes it."],
    ["no image", () => [pair], "fgsm: image 0 is no tensor, expected tensors of shape [1, 1, 2]"],
    ["a file's name", () => [pair, "dog.png"], "fgsm: image 0 is no tensor"],
    ["a list with a hole", () => [pair, [image, undefined]], "fgsm: image 1 is no tensor"],
    [
      "another size",
      () => [pair, noise(0)],
      "fgsm: image 0 does not have the network's size, expected [1, 1, 2], got [3, 24, 24]",
    ],
    ["bytes", () => [pair, pixels(128, 0)], "image 0 is not in pixels, expected numbers from 0 to 1"],
    ["options that are none", () => [pair, image, 0.1], "fgsm: the options are no object"],
    ["a misspelt option", () => [pair, image, { epsilonn: 1 }], 'Did you mean "epsilon"?'],
    ["no radius", () => [pair, image, { epsilon: [] }], "fgsm: epsilon: the list is empty"],
    ["a radius of 8", () => [pair, image, { epsilon: 8 }], "Did you mean 8/255?"],
    [
      "a signal that is none",
      () => [pair, image, { signal: true }],
      "fgsm: signal: wrong type, expected an AbortSignal",
    ],
    [
      "a callback that is none",
      () => [pair, image, { onProgress: 1 }],
      "fgsm: onProgress: wrong type, expected a function",
    ],
    ["a target of another network", () => [pair, image, { target: 99 }], "fgsm: target: no such class"],
    ["targets of another network", () => [pair, [image], { targets: [99] }], "fgsm: targets: no such class"],
    [
      "a label of another network",
      () => [pair, image, { label: "zebra" }],
      "fgsm: label: the model's classes have no names",
    ],
    [
      "a generator in the place of one for each image",
      () => [pair, image, { random: Math.random }],
      "fgsm: random(0): wrong type, expected a generator of numbers from 0 to 1",
    ],
    [
      "a batch of none",
      () => [pair, image, { batch: 0 }],
      "fgsm: batch: value out of range, expected an integer of at least 1",
    ],
  ])("%s", async (_, given, message) => {
    const failure = await attack(...given()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MisuseError);
    expect(String(failure)).toContain(message);
  });

  test("after dispose()", async () => {
    const classifier: Classifier = createClassifier(tinyClassifier(), { runtime: ort });
    await classifier.dispose();
    await expect(fgsm.attack(classifier, noise(0))).rejects.toThrow(/dispose/);
  });

  test("several radii where there is no ball", async () => {
    const options = { preset: "paper", layers: [], epsilon: [0.1, 0.2] } as const;
    await expect(perceptual.attack(pair, image, options)).rejects.toThrow("with these options there is no budget");
  });

  test("names from outside", () => {
    expect(() => attackNamed("pdg")).toThrow("Did you mean pgd?");
    expect(attackNamed("pgd")).toBe(pgd);
    expect(Object.entries(attacksByName).map(([name, attack]) => [name, attack.name])).toEqual(
      attacks.map(({ name }) => [name, name]),
    );
  });
});

test("types: what does not exist does not compile", () => {
  expectTypeOf(findAttack("pgd")).toEqualTypeOf(pgd);
  const calls = (images: ImageTensor[], image: ImageTensor) => {
    expectTypeOf(fgsm.attack(pair, image, { epsilon: 8 / 255 })).resolves.toEqualTypeOf<AttackResult<undefined>>();
    expectTypeOf(fgsm.attack(pair, image)).resolves.toEqualTypeOf<AttackResult<undefined>>();
    expectTypeOf(fgsm.attack(pair, images)).resolves.toEqualTypeOf<AttackResult<undefined>[]>();
    expectTypeOf(fgsm.attack(pair, [image], { norm: "l2" })).resolves.toEqualTypeOf<AttackResult<undefined>[]>();
    expectTypeOf(fgsm.attack(pair, image, { epsilon: [0.1, 0.2] })).resolves.toEqualTypeOf<AttackResult<undefined>[]>();
    expectTypeOf(fgsm.attack(pair, images, { epsilon: [0.1] })).resolves.toEqualTypeOf<AttackResult<undefined>[][]>();
    expectTypeOf(perceptual.attack(pair, image)).resolves.toEqualTypeOf<AttackResult<PerceptualFinding>>();
    expectTypeOf(paint.attack(pair, image)).resolves.toEqualTypeOf<AttackResult<string>>();
    // @ts-expect-error: no such attack
    findAttack("pgdd");
    // @ts-expect-error: no such option
    findAttack("pgd").attack(pair, [image], { epsilonn: 1 });
    // @ts-expect-error: no such option, of an attack that is at hand
    carliniWagner.attack(pair, image, { steps: 3, searchStep: 2 });
    // @ts-expect-error: no such preset
    pgd.attack(pair, image, { preset: "odd" });
    // @ts-expect-error: DeepFool has no radius
    deepfool.attack(pair, image, { epsilon: 0.1 });
    // @ts-expect-error: a picture's path is no image
    pgd.attack(pair, "dog.png");
    // @ts-expect-error: a number is wanted
    pgd.attack(pair, image, { steps: "20" });
  };
  expect(calls).toBeDefined();
});

describe("what a search gives is checked: its author may have no types", () => {
  const description = { name: "own", title: "Own", source: "", summary: "", version: 1, options: {} };
  const cost = { forward: 0, gradient: 0 };
  const attackBy = (run: (tasks: readonly { readonly image: Float32Array }[]) => unknown) =>
    defineAttack({
      ...description,
      search: () => ({ settings: {}, gradients: 0, run: async (tasks) => run(tasks) as never }),
    });

  test.each([
    ["no list", () => undefined, "own: what the search gives: wrong argument, expected a list"],
    ["fewer answers than tasks", () => [], "not an answer for each task, expected 1, got 0"],
    ["no image", () => [{ cost }], "expected an object with point, cost"],
    [
      "an image of another size",
      () => [{ point: new Float32Array(5), cost }],
      "point: not an image, expected a Float32Array of 2 ",
    ],
    ["no numbers", () => [{ point: new Float32Array(2).fill(NaN), cost }], "2 finite numbers, got NaN at element 0"],
  ])("%s", async (_, run, message) => {
    const failure = await attackBy(run)
      .attack(pair, pixels(0.2, 0.8))
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MisuseError);
    expect(String(failure)).toContain(message);
  });

  test("one that writes into its image changes neither the caller's nor the distance", async () => {
    const image = pixels(0.25, 0.75);
    const own = attackBy((tasks) => tasks.map((task) => ({ point: task.image.fill(0.5), cost })));
    const { raw } = await own.attack(pair, image);
    expect([...image.data]).toEqual([0.25, 0.75]);
    expect(raw.distances.linf).toBe(0.25);
  });

  test("a definition without a search, or with an option that all attacks have, is none", () => {
    expect(() => defineAttack({ ...description } as never)).toThrow(
      /definition\.search: wrong argument, expected a function/,
    );
    const options = { target: countOption("A target.", { fallback: 1 }) };
    expect(() => defineAttack({ ...description, options } as never)).toThrow(MisuseError);
    const search = (): never => undefined as never;
    expect(() => defineAttack({ ...description, options, search })).toThrow(
      /^defineAttack: the options of all are called so too: target/,
    );
  });
});
