import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyClassifier } from "../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../classifier/classifier.ts";
import { numberOption } from "../options/option.ts";
import { createRandom } from "../random/random.ts";
import { saliencyMethods } from "../saliency/methods.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { attacks } from "./attacks.ts";
import { defineAttack } from "./define-attack.ts";
import { describeMask } from "./hold-to-mask.ts";
import { deepfool } from "./minimal/deepfool.ts";
import { randomPointInBall } from "./projected-gradient.ts";

let classifier: Classifier;
beforeAll(() => {
  classifier = createClassifier(tinyClassifier(), { runtime: ort });
});
afterAll(() => classifier.dispose());

const side = 24;
const random = createRandom(3);
const image = floatTensor(
  // As bytes have it, so that rounding changes nothing by itself.
  Float32Array.from({ length: 3 * side * side }, () => Math.round(255 * random()) / 255),
  [3, side, side],
);
/** Three quarters of the picture may change. */
const mask = floatTensor(
  Float32Array.from({ length: side * side }, (_, i) => (i % side < 18 ? 1 : 0)),
  [side, side],
);
const isInside = (i: number): boolean => mask.data[i % mask.data.length] === 1;

describe("every attack keeps what is outside, and flips the label by what is inside", () => {
  test.each(attacks.map((attack) => [attack.name, attack] as const))(
    "%s",
    { timeout: 60_000 },
    async (name, attack) => {
      const wide = "epsilon" in attack.options ? { epsilon: 0.5 } : {};
      const strong =
        name === "carlini-wagner"
          ? { preset: "paper", steps: 100, searchSteps: 5 }
          : name === "pgd-mean"
            ? { copies: 3 }
            : {};
      // It begins at noise, which this network calls what it calls the image.
      const from = name === "hopskipjump" ? (await deepfool.attack(classifier, image)).rounded.image : image;
      const [result] = await attack.run(classifier, [from], { ...wide, ...strong, mask });
      expect(result.outcome).toBe("flipped");
      for (const { image: found } of [result.raw, result.withinBudget, result.rounded]) {
        const changed = [...found.data].flatMap((x, i) => (x === from.data[i] ? [] : [i]));
        expect(changed.length).toBeGreaterThan(0);
        expect(changed.every(isInside)).toBe(true);
      }
      expect(result.settings.mask).toEqual({ inside: 18 * side, of: side * side });
    },
  );

  test("with a mask that has everything inside, nothing is otherwise", async () => {
    const all = floatTensor(new Float32Array(side * side).fill(1), [side, side]);
    for (const attack of attacks.filter(({ name }) => name !== "carlini-wagner")) {
      const options = attack.name === "pgd-mean" ? { copies: 2 } : {};
      const [plain] = await attack.run(classifier, [image], options);
      const [held] = await attack.run(classifier, [image], { ...options, mask: all });
      expect(held.raw.image.data).toEqual(plain.raw.image.data);
      expect(plain.settings).not.toHaveProperty("mask");
    }
  });

  test("an attack of one's own that follows no gradient", async () => {
    const gray = defineAttack({
      ...{ name: "gray", title: "Gray", source: "a test", summary: "Mixes the image with gray.", version: 1 },
      options: { share: numberOption("How much.", { min: 0, max: 1, fallback: 0.9 }) },
      search: ({ share }) => ({
        settings: { share },
        gradients: 0,
        run: async (tasks) =>
          tasks.map((task) => ({
            point: task.image.map((x) => (1 - share) * x + share / 2),
            cost: { forward: 0, gradient: 0 },
          })),
      }),
    });
    const { raw } = await gray.attack(classifier, image, { mask });
    raw.image.data.forEach((x, i) => {
      expect(x).toBe(isInside(i) ? Math.fround(0.1 * image.data[i] + 0.45) : image.data[i]);
    });
  });
});

describe("the methods whose maps are made of a change", () => {
  const changing = saliencyMethods.filter(({ perturbing }) => perturbing !== undefined);
  test.each(changing.map((method) => [method.name, method] as const))("%s", async (_, method) => {
    const { map, perturbation, settings } = await method.explain(classifier, image, { mask });
    expect(map.data.some((value) => value > 0)).toBe(true);
    map.data.forEach((value, i) => {
      if (!isInside(i)) expect(value).toBe(0);
    });
    expect(perturbation?.data.every((value, i) => value === 0 || isInside(i))).toBe(true);
    expect(settings.mask).toEqual(describeMask(mask));
  });

  test("the others refuse one", async () => {
    for (const method of saliencyMethods.filter(({ perturbing }) => perturbing === undefined)) {
      await expect(method.explain(classifier, image, { mask })).rejects.toThrow(`${method.name}: mask`);
    }
  });
});

test("random starts are uniform in the ball of the pixels inside", () => {
  const center = new Float32Array(12);
  const half = floatTensor([1, 0, 0, 1], [2, 2]);
  const draw = createRandom(1);
  const lengths = Array.from({ length: 4000 }, () => {
    const point = randomPointInBall(center, { norm: "l2", epsilon: 2 }, draw, half);
    expect(point.every((x, i) => x === 0 || half.data[i % 4] === 1)).toBe(true);
    return Math.hypot(...point) / 2;
  });
  // Of six dimensions: half of the volume lies beyond 2^(−1/6).
  const beyond = lengths.filter((length) => length > 0.5 ** (1 / 6)).length;
  expect(Math.abs(beyond / 4000 - 0.5)).toBeLessThan(0.03);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(1);
});

test.each([
  ["another size", floatTensor(new Float32Array(4).fill(1), [2, 2]), "expected [24, 24]"],
  ["other numbers", floatTensor(new Float32Array(576).fill(0.5), [24, 24]), "other numbers than 0 and 1"],
  ["nothing", floatTensor(new Float32Array(576), [24, 24]), "no pixel may change"],
])("a mask of %s is refused", async (_, wrong, message) => {
  const [first] = attacks;
  await expect(first?.run(classifier, [image], { mask: wrong })).rejects.toThrow(message);
  await expect(
    saliencyMethods.find(({ name }) => name === "deepfool")?.explain(classifier, image, { mask: wrong }),
  ).rejects.toThrow(message);
});
