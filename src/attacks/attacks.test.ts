import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyClassifier } from "../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../classifier/classifier.ts";
import { AbortedError, MisuseError } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { parseModel } from "../onnx/text/parse.ts";
import { createRandom } from "../random/random.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { AnyAttackOptions } from "./attack.ts";
import { attackNamed, attacks } from "./attacks.ts";
import { roundToBytes } from "./budget.ts";
import { fgsm } from "./fgsm.ts";
import { deepfool } from "./minimal/deepfool.ts";
import { pgd } from "./pgd.ts";

/** logits = W x for x in [0, 1]⁴ (one channel, 2 × 2). */
const rows = [
  [1, -1, 2, 0],
  [0, 1, -1, 1],
];
const linear = parseModel(`
  <ir_version: 8, opset_import: ["" : 18]>
  linear (float[N, 1, 2, 2] x) => (float[N, 2] logits)
  <float[2, 4] W = {${rows.flat().join(", ")}}>
  { f = Flatten (x)  logits = Gemm <transB = 1> (f, W) }
`);

/** Images of the tiny classifier's size from a seed, on 8-bit levels. */
function noise(count: number): ImageTensor[] {
  return Array.from({ length: count }, (_, n) => {
    const random = createRandom(5, n);
    const data = Float32Array.from({ length: 3 * 24 * 24 }, () => Math.floor(256 * random()) / 255);
    return floatTensor(data, [3, 24, 24]);
  });
}

describe("on a linear classifier of two classes", () => {
  let classifier: Classifier;
  const image: ImageTensor = floatTensor([0.6, 0.4, 0.55, 0.45], [1, 2, 2]);
  const a = rows[0].map((w, i) => w - rows[1][i]);
  beforeAll(() => {
    classifier = createClassifier(linear, {
      runtime: ort,
      preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" },
    });
  });
  afterAll(() => classifier.dispose());

  test("FGSM moves by ε against the sign of the weights' difference", async () => {
    const epsilon = 0.2;
    const [result] = await fgsm.attack(classifier, [image], { epsilon });
    const margin = a.reduce((sum, w, i) => sum + w * image.data[i], 0);
    result.raw.image.data.forEach((x, i) => {
      expect(x).toBeCloseTo(image.data[i] - epsilon * Math.sign(a[i]), 6);
    });
    // The margin falls by ε‖a‖₁: 1 to 6 times 0.2 here, behind the boundary.
    expect(result.raw.margin).toBeCloseTo(margin - epsilon * a.reduce((sum, w) => sum + Math.abs(w), 0), 5);
    expect(result).toMatchObject({ outcome: "flipped", label: 0, cost: { gradient: 1 } });
    expect(result.raw.label).toBe(1);
  });

  test("in ℓ2 the step is ε·a/‖a‖₂, and PGD on the sphere ends at the same point", async () => {
    const epsilon = 0.15;
    const norm = Math.hypot(...a);
    const [fast] = await fgsm.attack(classifier, [image], { norm: "l2", epsilon });
    const [slow] = await pgd.attack(classifier, [image], { norm: "l2", epsilon, preset: "odds", steps: 60 });
    for (const { raw } of [fast, slow]) {
      raw.image.data.forEach((x, i) => {
        expect(x).toBeCloseTo(image.data[i] - (epsilon * a[i]) / norm, 4);
      });
      expect(raw.distances.l2).toBeLessThanOrEqual(epsilon * (1 + 1e-6));
    }
  });

  test("PGD ends in the corner of ball and bounds that lowers the margin most", async () => {
    const epsilon = 0.5;
    const [result] = await pgd.attack(classifier, [image], { epsilon, restarts: 2 });
    result.raw.image.data.forEach((x, i) => {
      expect(x).toBeCloseTo(Math.min(1, Math.max(0, image.data[i] - epsilon * Math.sign(a[i]))), 6);
    });
  });

  test("a target is reached from the other side", async () => {
    const [stay, go] = await fgsm.attack(classifier, [image, image], { targets: [0, 1], epsilon: 0.2 });
    expect(stay).toMatchObject({ outcome: "already-flipped", cost: { gradient: 0 } });
    expect(stay.raw.distances.l0).toBe(0);
    expect(go).toMatchObject({ outcome: "flipped", target: 1 });
    expect(go.raw.margin).toBeLessThan(0);
  });

  test("a success that 8 bits cannot hold is said to be lost, and kept by rounding farther out, unless told otherwise", async () => {
    // A margin of one level, and a step to just behind the boundary that moves no pixel by half a level.
    const near = floatTensor(
      [100, 60, 40, 99].map((level) => level / 255),
      [1, 2, 2],
    );
    const [lost] = await deepfool.attack(classifier, [near], { rounding: "nearest" });
    expect(lost).toMatchObject({ outcome: "flipped", lostInRounding: true });
    expect(lost.rounded).toMatchObject({ success: false, label: 0, distances: { l0: 0, perceptual: 0 } });
    const [kept] = await deepfool.attack(classifier, [near]);
    expect(kept).toMatchObject({ outcome: "flipped", lostInRounding: false });
    expect(kept.rounded).toMatchObject({ success: true, label: 1 });
    kept.rounded.image.data.forEach((x, i) => {
      expect(255 * (x - near.data[i])).toBeCloseTo(-Math.sign(a[i]), 4);
    });
    // A ball that holds no such picture is not left for it.
    const epsilon = 1.01 / 255 / Math.hypot(...a);
    const [held] = await fgsm.attack(classifier, [near], { norm: "l2", epsilon });
    expect(held).toMatchObject({ outcome: "flipped", lostInRounding: true, rounded: { distances: { l0: 0 } } });
  });
});

/** Enough of each attack for images of noise. */
const brief: Readonly<Record<string, AnyAttackOptions>> = {
  "pgd-mean": { copies: 3, epsilon: 0.3 },
  pgd: { epsilon: 0.3 },
  fgsm: { epsilon: 0.3 },
  square: { epsilon: 0.3, queries: 500 },
  autoattack: { queries: 500 },
  ead: { steps: 200 },
  perceptual: { epsilon: 0.3, perceptualWeight: 0.01 },
  l2: { epsilon: 0.3 },
  "logit-match": { epsilon: 0.3, steps: 30 },
  "feature-match": { epsilon: 0.3, steps: 30 },
  "orthogonal-pgd": { epsilon: 0.3, steps: 40 },
  "carlini-wagner": { constant: 0.1, searchSteps: 4, steps: 40, learningRate: 0.01 },
};

/** One takes a single step; the other begins at noise, which this network calls by one name. */
const unsure = ["fgsm", "hopskipjump"];

describe("every attack, on a small network", () => {
  const classifier = createClassifier(tinyClassifier(), { runtime: ort });
  const images = noise(5);
  afterAll(() => classifier.dispose());

  test.each(attacks.map(({ name }) => name))(
    "%s stays within its budget and the bounds, and is judged truly",
    async (name) => {
      const results = await attackNamed(name).run(classifier, images, brief[name]);
      if (!unsure.includes(name)) expect(results.some((result) => result.withinBudget.success)).toBe(true);
      for (const [n, result] of results.entries()) {
        const { data } = images[n];
        expect(result.clean.label).toBe((await classifier.classify(images[n])).label);
        for (const one of [result.raw, result.withinBudget, result.rounded]) {
          const { label, logits } = await classifier.classify(one.image);
          expect(one.label).toBe(label);
          logits.forEach((logit, j) => {
            expect(one.logits[j]).toBeCloseTo(logit, 4);
          });
          expect(one.success).toBe(label !== result.label);
          // Of equal logits the first counts as the label, whose margin is then 0 on either side.
          if (one.margin !== 0) expect(one.margin < 0).toBe(one.success);
        }
        const { epsilon, norm } = result.settings as { epsilon?: number; norm?: "linf" | "l2" };
        if (epsilon !== undefined)
          expect(result.withinBudget.distances[norm ?? "linf"]).toBeLessThanOrEqual(epsilon * (1 + 1e-9) + 1e-9);
        expect(result.withinBudget.image.data.every((x) => x >= 0 && x <= 1)).toBe(true);
        expect(result.lostInRounding).toBe(result.withinBudget.success && !result.rounded.success);
        // Without a start there is nothing that was changed.
        if (name === "hopskipjump" && !result.raw.success) continue;
        expect(result.raw.image.data).not.toEqual(data);
        expect(result.withinBudget.distances.perceptual).toBeGreaterThan(0);
        expect(JSON.parse(JSON.stringify(result.settings))).toEqual(result.settings);
      }
    },
  );

  test.each(attacks.map(({ name }) => name))(
    "%s: images in lockstep are found as each alone, bit by bit",
    async (name) => {
      const together = await attackNamed(name).run(classifier, images, { ...brief[name], batch: 5 });
      for (const [n, image] of images.entries()) {
        const random = () => createRandom(0, n);
        const [alone] = await attackNamed(name).run(classifier, [image], { ...brief[name], batch: 5, random });
        expect(alone.raw.image.data).toEqual(together[n].raw.image.data);
        expect(alone.cost).toEqual(together[n].cost);
      }
    },
  );

  test.each(attacks.map(({ name }) => name))("%s reaches targets", async (name) => {
    const clean = await Promise.all(images.map((image) => classifier.classify(image)));
    const targets = clean.map(({ label }) => (label + 1) % classifier.classCount);
    const results = await attackNamed(name).run(classifier, images, { ...brief[name], targets });
    for (const [n, { target, raw, clean }] of results.entries()) {
      expect(target).toBe(targets[n]);
      expect(raw.success).toBe(raw.label === target);
      // Attacks that look for a nearest success give the clean image back if there is none.
      if (raw.distances.l0 === 0) continue;
      expect(softmax(raw.logits, targets[n])).toBeGreaterThan(softmax(clean.logits, targets[n]));
    }
  });

  function softmax(logits: Float32Array, label: number): number {
    return 1 / logits.reduce((sum, logit) => sum + Math.exp(logit - logits[label]), 0);
  }

  test("what cannot be meant is refused before anything runs", async () => {
    const attempt = (options: object) => pgd.attack(classifier, images, options);
    await expect(attempt({ epsilon: 8 })).rejects.toThrow(
      "pgd: epsilon: value out of range, expected a number above 0 and up to 1, in pixels of [0, 1], got 8. Did you mean 8/255?",
    );
    await expect(attempt({ preset: "odd" })).rejects.toThrow('Did you mean "odds"?');
    await expect(attempt({ step: 3 })).rejects.toThrow('Did you mean "steps"?');
    await expect(attempt({ labels: [0] })).rejects.toThrow("expected 5, one per image");
    await expect(attempt({ labels: [0, 1, 2, 3, 4] })).rejects.toThrow(MisuseError);
    const small = floatTensor(new Float32Array(3 * 8 * 8), [3, 8, 8]);
    await expect(pgd.attack(classifier, [small])).rejects.toThrow("expected [3, 24, 24], got [3, 8, 8]");
    const bytes = floatTensor(new Float32Array(3 * 24 * 24).fill(128), [3, 24, 24]);
    await expect(pgd.attack(classifier, [bytes])).rejects.toThrow("numbers from 0 to 1");
    expect(() => attackNamed("pdg")).toThrow("Did you mean pgd?");
  });

  test("restarts go on until one succeeds; an aborted signal ends the attack", async () => {
    const [once] = await pgd.attack(classifier, [images[0]], { steps: 3, restarts: 4, epsilon: 0.2 });
    expect(once.cost.gradient).toBe(once.raw.success ? 4 : 16);
    const [never] = await pgd.attack(classifier, [images[0]], { steps: 3, restarts: 4, epsilon: 1e-4 });
    expect(never).toMatchObject({ outcome: "not-flipped", cost: { gradient: 16 } });
    const controller = new AbortController();
    const attack = pgd.attack(classifier, images, {
      signal: controller.signal,
      onProgress: ({ done }) => done > 20 && controller.abort(),
    });
    await expect(attack).rejects.toThrow(AbortedError);
  });
});

test("rounding to bytes is idempotent, stays in the ℓ∞ ball, and outward never comes nearer to the clean image", () => {
  const level = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(level, fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 30 }), (k, x, radius) => {
      const clean = Float32Array.of(k / 255);
      const budget = { norm: "linf", epsilon: radius / 255 } as const;
      const point = Float32Array.of(Math.min(Math.max(x, clean[0] - budget.epsilon), clean[0] + budget.epsilon));
      const nearest = roundToBytes(point, clean, budget);
      expect(roundToBytes(nearest, clean, budget)).toEqual(nearest);
      expect(Math.abs(nearest[0] - clean[0])).toBeLessThan(budget.epsilon + 1e-6);
      const outward = roundToBytes(point, clean, budget, "outward");
      expect(Math.abs(outward[0] - clean[0])).toBeGreaterThanOrEqual(Math.abs(point[0] - clean[0]) - 1e-6);
      expect(Math.abs(outward[0] - clean[0])).toBeLessThan(budget.epsilon + 1e-6);
    }),
  );
});
