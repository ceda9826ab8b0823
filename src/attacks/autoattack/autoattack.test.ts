import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { smallImages, smallNetwork } from "../../../test/small-network.ts";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { MisuseError } from "../../errors.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { attackNamed } from "../attacks.ts";
import { apgd } from "./apgd.ts";
import { autoattack } from "./autoattack.ts";
import { warningsIn } from "./evaluation-warnings.ts";
import { fab } from "./fab.ts";
import { square } from "./square.ts";

const opened: Classifier[] = [];
afterAll(() => Promise.all(opened.map((classifier) => classifier.dispose())));

function kept(classifier: Classifier): Classifier {
  opened.push(classifier);
  return classifier;
}

const pixels = { scale: 1, mean: [0], std: [1], channels: "rgb" } as const;

/** Of a text: images of one channel and 2 × 2 pixels in, `classes` logits out. */
function network(classes: number, body: string): Classifier {
  const text = `
    <ir_version: 8, opset_import: ["" : 18]>
    net (float[N, 1, 2, 2] x) => (float[N, ${classes}] logits)
    ${body}`;
  return kept(createClassifier(parseModel(text), { runtime: ort, preprocessing: pixels }));
}

/** logits = W x of a 2 × 2 image: the margins to the classes 1, 2 and 3 are m·x with ‖m‖₁ of 4, 2 and 6, ‖m‖₂ of 2, √2 and √10. */
const linear = network(
  4,
  `<float[4, 4] W = {1, 1, 0, 0,  0, 0, 1, 1,  1, 0, 1, 0,  0, 0, -1, 2}, float[4] b = {0.6, 0, 0, 0}>
   { f = Flatten (x)  logits = Gemm <transB = 1> (f, W, b) }`,
);
const gray = floatTensor([0.5, 0.5, 0.5, 0.5], [1, 2, 2]);
const small = kept(createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" }));
const tiny = kept(createClassifier(tinyClassifier(), { runtime: ort }));

describe("where the optimum is known", () => {
  // At gray the margins are 0.6, 0.6 and 1.1: the boundaries are 0.15, 0.3 and 0.183 away in ℓ∞, 0.3, 0.424 and 0.348 in ℓ2.
  test.each([
    ["linf", 0.15],
    ["l2", 0.3],
  ] as const)("in %s the verdict turns at the distance of the nearest boundary", async (norm, distance) => {
    const options = { norm, steps: 25, queries: 50, rounding: "none" } as const;
    const [inside, outside] = await autoattack.attack(linear, gray, {
      ...options,
      epsilon: [0.99 * distance, 1.01 * distance],
    });
    expect(inside).toMatchObject({ outcome: "not-flipped", details: { by: null } });
    expect(outside).toMatchObject({ outcome: "flipped", raw: { label: 1 } });
    expect(["apgd-ce", "apgd-t"]).toContain(outside.details.by);
    const nearest = await fab.attack(linear, gray, { norm, epsilon: 0.5 });
    expect(nearest.details).toEqual({ distance: expect.closeTo(distance, 2), targetClass: 1 });
    expect(nearest.raw.distances[norm]).toBeCloseTo(distance, 2);
    expect(nearest.raw.distances[norm]).toBeGreaterThan(0.9999 * distance);
    const third = await fab.attack(linear, gray, { norm, epsilon: 0.5, target: 3 });
    expect(third.raw).toMatchObject({ label: 3, success: true });
    expect(third.raw.distances[norm]).toBeGreaterThan(norm === "linf" ? 1.1 / 6 : 1.1 / Math.sqrt(10));
  });

  test("Square flips within its proposals what is far from robust, at no gradients, and nothing that no change can flip", async () => {
    const [none, found] = await square.attack(small, smallImages[4], { queries: 100, epsilon: [1 / 255, 24 / 255] });
    expect(none).toMatchObject({ outcome: "not-flipped", details: { queries: 101 }, cost: { gradient: 0 } });
    expect(none.raw.margin).toBeCloseTo(Number(none.details.margin), 5);
    expect(found).toMatchObject({ outcome: "flipped", cost: { gradient: 0 } });
    expect(Number(found.details.queries)).toBeLessThan(101);
    expect(found.raw.margin).toBeLessThanOrEqual(0);
  });
});

test("an image meets the parts in order until one flips it: what survives has met them all, and what falls costs no more", async () => {
  const options = { steps: 20, queries: 30, epsilon: 4 / 255 };
  const results = await autoattack.attack(small, smallImages, options);
  const { parts } = results[0].settings;
  expect(parts).toEqual(["apgd-ce", "apgd-t", "fab-t", "square"]);
  const survivors = results.filter(({ details }) => details.by === null);
  expect(survivors.length).toBeGreaterThan(0);
  expect(survivors.length).toBeLessThan(results.length);
  for (const { cost, details, withinBudget } of results) {
    expect(withinBudget.success).toBe(details.by !== null);
    // 21 gradients of APGD, three classes of APGD and of FAB; FAB's looks, Square's, two that say whether the network is random, and the frame's.
    if (details.by === null) expect(cost.gradient).toBe(21 + 3 * 21 + 3 * 20);
    if (details.by === null) expect(cost.forward).toBeGreaterThanOrEqual(3 * 20 + 31 + 2);
    if (details.by === "apgd-ce") expect(cost.gradient).toBeLessThanOrEqual(21);
  }
  // To the end of the run the verdicts are the same.
  const slow = await autoattack.attack(small, smallImages, { ...options, stopAtSuccess: false });
  expect(slow.map(({ details }) => details.by)).toEqual(results.map(({ details }) => details.by));
  for (const { cost, details } of slow) if (details.by === "apgd-ce") expect(cost.gradient).toBe(21);
});

test("plus tries more, in its own order, and rand averages gradients", async () => {
  const options = { steps: 3, queries: 5, epsilon: 1e-4 };
  const plus = await autoattack.attack(small, smallImages[1], { ...options, preset: "plus" });
  expect(plus.settings.parts).toEqual(["apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"]);
  expect(plus.cost.gradient).toBe(5 * 4 + 5 * 4 + 5 * 3 * 3 + 3 * 4 + 3 * 3);
  const rand = await autoattack.attack(small, smallImages[1], { ...options, preset: "rand" });
  expect(rand.settings.parts).toEqual(["apgd-ce", "apgd-dlr"]);
  expect(rand.cost.gradient).toBe(2 * 4 * 20);
  // Of a network that is not random, the mean of the gradients is the gradient.
  const random = () => createRandom(3);
  const [once, often] = await Promise.all([
    apgd.attack(small, smallImages[1], { steps: 10, random }),
    apgd.attack(small, smallImages[1], { steps: 10, draws: 3, random }),
  ]);
  expect(often.raw.image.data).toEqual(once.raw.image.data);
});

describe("when a verdict is not to be trusted", () => {
  const codes = async (classifier: Classifier, image = gray, options = {}): Promise<readonly string[]> => {
    const brief = { steps: 5, queries: 60, epsilon: 0.2, ...options };
    const { details } = await autoattack.attack(classifier, image, brief);
    return warningsIn(details).map(({ code }) => code);
  };

  test("gradients that are 0, which Square does not mind", async () => {
    const steps = network(
      4,
      `<float half = {0.45}, float one = {1}, float zero = {0}, float[4, 4] W = {1, 1, 0, 0,  0, 0, 1, 1,  1, 0, 1, 0,  0, 0, -1, 1}, float[4] b = {0.6, 0, 0, 0}>
       { above = Greater (x, half)  step = Where (above, one, zero)  f = Flatten (step)  logits = Gemm <transB = 1> (f, W, b) }`,
    );
    // Comparisons have no distance.
    expect(await codes(steps, gray, { distanceLayers: [] })).toEqual(["zero-gradient", "masked-gradients"]);
    expect(await codes(linear)).toEqual([]);
  });

  test("outputs that are probabilities", async () => {
    // For these pictures alone: what is always a distribution is known as one when the model is opened.
    const shares = network(
      4,
      `<float[4, 4] W = {1, 1, 0, 0,  0, 0, 1, 0,  0, 0, 0, 1,  0, 0, 0.5, 0}, int64[1] axis = {1}, float most = {0.9}>
       { f = Flatten (x)  y = Gemm <transB = 1> (f, W)  sum = ReduceSum (y, axis)  p = Div (y, sum)
         beyond = Sub (f, most)  other = Relu (beyond)  logits = Add (p, other) }`,
    );
    expect(await codes(shares, gray, { epsilon: 0.01 })).toEqual(["probabilities"]);
  });

  test("a network that answers differently each time", async () => {
    let call = 0;
    const random: Classifier = {
      ...linear,
      async forward(options) {
        const pass = await linear.forward(options);
        return {
          ...pass,
          async run(images, given) {
            call++;
            return (await pass.run(images, given)).map((logits) =>
              logits.map((z, k) => z + (k === 0 ? 0.01 * call : 0)),
            );
          },
        };
      },
    };
    expect(await codes(random, gray, { epsilon: 0.01 })).toEqual(["randomized"]);
    expect(await codes(random, gray, { epsilon: 0.01, preset: "rand" })).toEqual([]);
  });

  test("too few classes: what is left out is said, and a loss that was asked for is refused", async () => {
    const three = kept(createClassifier(tinyClassifier({ classes: 3 }), { runtime: ort }));
    const two = kept(createClassifier(tinyClassifier({ classes: 2 }), { runtime: ort }));
    const brief = { steps: 2, queries: 2, epsilon: 1e-5 };
    const ofThree = await autoattack.attack(three, tinyImage(1), brief);
    expect(ofThree.settings.parts).toEqual(["apgd-ce", "apgd-dlr", "fab-t", "square"]);
    expect(warningsIn(ofThree.details).map(({ message }) => message)).toEqual([
      expect.stringContaining("three classes: the targeted difference of logits ratio needs four"),
    ]);
    const ofTwo = await autoattack.attack(two, tinyImage(1), { ...brief, preset: "plus" });
    expect(ofTwo.settings.parts).toEqual(["apgd-ce", "fab", "square", "fab-t"]);
    expect(warningsIn(ofTwo.details)).toHaveLength(1);
    await expect(apgd.attack(two, tinyImage(1), { loss: "dlr" })).rejects.toThrow(
      'apgd: loss: the difference of logits ratio needs more classes, expected a model of at least 3 classes, got one of 2. Take the loss "ce".',
    );
    await expect(apgd.attack(three, tinyImage(1), { loss: "targeted-dlr" })).rejects.toThrow("at least 4 classes");
    await expect(apgd.attack(three, tinyImage(1), { loss: "dlr", target: 0 })).rejects.toThrow("at least 4 classes");
    await expect(two.backward({ of: "margin-ratios" })).rejects.toThrow(MisuseError);
    await expect(three.backward({ of: "scaled-logits" })).rejects.toThrow("integer of at least 4");
  });
});

test.each(["apgd", "fab", "square", "autoattack"])(
  "%s reaches a class that was asked for, and keeps to a mask",
  async (name) => {
    const attack = attackNamed(name);
    const image = tinyImage(2);
    const brief = { epsilon: 0.3, ...(name === "fab" ? {} : name === "square" ? { queries: 400 } : { steps: 30 }) };
    const [{ raw: any }] = await attack.run(small, [smallImages[4]], { ...brief, epsilon: 32 / 255 });
    expect(any.success).toBe(true);
    const [result] = await attack.run(small, [smallImages[4]], { ...brief, epsilon: 32 / 255, target: any.label });
    expect(result.withinBudget).toMatchObject({ success: true, label: any.label });
    const mask = floatTensor(
      Float32Array.from({ length: 24 * 24 }, (_, i) => Number(i % 24 < 12)),
      [24, 24],
    );
    for (const norm of ["linf", "l2"]) {
      const [held] = await attack.run(tiny, [image], {
        ...brief,
        norm,
        mask,
        ...(norm === "l2" ? { epsilon: 6 } : {}),
      });
      const changed = [...held.raw.image.data].flatMap((x, i) => (x === image.data[i] ? [] : [i % 24]));
      expect(changed.length).toBeGreaterThan(100);
      expect(Math.max(...changed)).toBeLessThan(12);
    }
  },
);

test.each<[string, Readonly<Record<string, unknown>>, string]>([
  ["steps", { steps: 0 }, "autoattack: steps: value out of range"],
  ["queries", { queries: 1.5 }, "autoattack: queries: value out of range"],
  ["norm", { norm: "l1" }, "autoattack: norm"],
  ["epsilon", { epsilon: 8 }, "Did you mean 8/255?"],
  ["preset", { preset: "standart" }, "standard"],
])("%s that cannot be meant is refused in words", (_, options, message) => {
  expect(() => attackNamed("autoattack").check(tiny, options)).toThrow(message);
});
