import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../test/tiny-classifier.ts";
import { createClassifier } from "../classifier/classifier.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { type Attempt, type EvaluateOptions, evaluatePerturbed, evaluateResults } from "./evaluate-results.ts";
import { goalOf } from "./goal.ts";
import type { Observer } from "./observer.ts";

/** Its logits are 0 and the first pixel's level less `limit`: class 1 wins above `limit`. They are a view that the next run overwrites. */
function observerAt(limit: number, batch = 2) {
  const sizes: number[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const view = new Float32Array(2 * batch);
  const observer: Observer = {
    batch,
    cost: "forward",
    clean: () => Promise.reject(new Error("not asked for")),
    async run(images, _, { signal }) {
      sizes.push(images.length);
      signals.push(signal);
      return images.map((image, n) => {
        view.set([0, 255 * image[0] - limit], 2 * n);
        return { logits: view.subarray(2 * n, 2 * n + 2), squaredDistances: [] };
      });
    },
  };
  return { observer, sizes, signals };
}

/** A pixel at level `clean`, moved to level `found`, which may lie between two levels. */
function attemptOf(clean: number, found: number | undefined): Attempt<never> {
  const view = { logits: Float32Array.of(1, 0), activations: [], squaredNorms: new Float32Array(0) };
  return {
    ...{ image: Float32Array.of(clean / 255), shape: [1, 1, 1], label: 0, target: undefined },
    ...{ goal: goalOf({ label: 0 }), view, cost: { forward: 3, gradient: 7 }, details: {}, found: undefined },
    point: found === undefined ? undefined : Float32Array.of(found / 255),
  };
}

const options: EvaluateOptions = {
  ...{ attack: "a", budget: undefined, settings: { s: 1 }, rounding: "keep", signal: undefined },
};
const levelOf = ({ image }: { readonly image: { readonly data: Float32Array } }): number => 255 * image.data[0];

describe("evaluateResults", () => {
  test("an image that is the same before and after projection and rounding is seen once", async () => {
    const { observer, sizes } = observerAt(103);
    const [result] = await evaluateResults(observer, [attemptOf(100, 105)], options);
    expect(sizes).toEqual([1]);
    expect(result.cost).toEqual({ forward: 4, gradient: 7 });
    expect([result.outcome, result.rounded.success, result.lostInRounding]).toEqual(["flipped", true, false]);
  });

  test("what differs is seen again, in runs of the observer's batch", async () => {
    const { observer, sizes } = observerAt(103);
    const budget = { norm: "linf", epsilon: 8 / 255 } as const;
    const attempts = [attemptOf(100, 104.4), attemptOf(100, 120), attemptOf(100, 105)];
    const results = await evaluateResults(observer, attempts, { ...options, budget });
    // All three raw; the second within the ball; the first rounded.
    expect(sizes).toEqual([2, 1, 1, 1]);
    expect(results.map(({ cost }) => cost.forward)).toEqual([5, 5, 4]);
    expect(results.map(({ raw }) => levelOf(raw))).toEqual([104.4, 120, 105].map((x) => expect.closeTo(x, 4)));
    expect(levelOf(results[1].withinBudget)).toBeCloseTo(108, 4);
    expect(results.map(({ rounded }) => Math.round(levelOf(rounded)))).toEqual([104, 108, 105]);
  });

  test("success that only the projection takes is over the budget", async () => {
    const budget = { norm: "linf", epsilon: 8 / 255 } as const;
    const [over] = await evaluateResults(observerAt(110).observer, [attemptOf(100, 120)], { ...options, budget });
    expect([over.outcome, over.raw.success, over.withinBudget.success]).toEqual(["over-budget", true, false]);
    expect(over.lostInRounding).toBe(false);
    const [never] = await evaluateResults(observerAt(130).observer, [attemptOf(100, 120)], { ...options, budget });
    expect(never.outcome).toBe("not-flipped");
  });

  test("where the nearest bytes lose, the first bytes farther out that keep the label are taken", async () => {
    // 104.4 flips, 104 does not, 105 (outward) does.
    const { observer, sizes } = observerAt(104.2);
    const [kept] = await evaluateResults(observer, [attemptOf(100, 104.4)], options);
    expect([Math.round(levelOf(kept.rounded)), kept.rounded.success, kept.lostInRounding]).toEqual([105, true, false]);
    expect(sizes).toEqual([1, 1, 1]);
    expect(kept.cost.forward).toBe(6);
  });

  test("bytes that lose as well are passed over", async () => {
    // 104.4 flips, of whole levels those from 106 on: outward is 105, 1.6 times as long is 107.
    const { observer } = observerAt(0, 1);
    const seen: number[] = [];
    const strict: Observer = {
      ...observer,
      async run([image]) {
        const level = 255 * image[0];
        seen.push(Math.round(level));
        const isFlipped = seen.length === 1 || level > 105.5;
        return [{ logits: Float32Array.of(0, isFlipped ? 1 : -1), squaredDistances: [] }];
      },
    };
    // The second pixel leaves room: no image may exceed the largest value of the two.
    const [image, point] = [100, 104.4].map((level) => Float32Array.of(level / 255, 1));
    const attempt: Attempt<never> = { ...attemptOf(100, undefined), shape: [2, 1, 1], image, point };
    const [kept] = await evaluateResults(strict, [attempt], options);
    expect(seen.slice(0, 3)).toEqual([104, 104, 105]);
    expect(Math.round(levelOf(kept.rounded))).toBe(seen.at(-1));
    expect(kept.rounded.success).toBe(true);
    expect(seen.at(-1)).toBeGreaterThanOrEqual(106);
    expect(kept.cost.forward).toBe(3 + seen.length);
  });

  test("with the rounding nearest, or without success to keep, nothing farther out is tried", async () => {
    const { observer, sizes } = observerAt(104.2);
    const [lost] = await evaluateResults(observer, [attemptOf(100, 104.4)], { ...options, rounding: "nearest" });
    expect([lost.rounded.success, lost.lostInRounding]).toEqual([false, true]);
    expect(sizes).toEqual([1, 1]);
    const [never] = await evaluateResults(observer, [attemptOf(100, 103.4)], options);
    expect([never.outcome, never.lostInRounding, never.cost.forward]).toEqual(["not-flipped", false, 5]);
  });

  test("where the clean image was what was wanted, it is all that is seen", async () => {
    const { observer } = observerAt(50);
    const [result] = await evaluateResults(observer, [attemptOf(100, undefined)], options);
    expect(result.outcome).toBe("already-flipped");
    expect([...result.perturbation.data]).toEqual([0]);
  });

  test("logits are the result's own, though a later run overwrites the observer's", async () => {
    const { observer } = observerAt(103);
    const budget = { norm: "linf", epsilon: 8 / 255 } as const;
    const [result] = await evaluateResults(observer, [attemptOf(100, 120)], { ...options, budget });
    expect(result.raw.logits[1]).toBeCloseTo(17, 3);
    expect(result.withinBudget.logits[1]).toBeCloseTo(5, 3);
  });

  test("the signal reaches every run", async () => {
    const { observer, signals } = observerAt(104.2);
    const { signal } = new AbortController();
    await evaluateResults(observer, [attemptOf(100, 104.4)], { ...options, signal });
    expect(signals).toEqual([signal, signal, signal]);
  });
});

describe("evaluatePerturbed", () => {
  const image = tinyImage(1);
  const perturbed = floatTensor(
    image.data.map((x) => Math.round(255 * (1 - x)) / 255),
    image.shape,
  );

  test("the clean image is seen unless its logits are known; both give the same", async () => {
    const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
    const unknown = await evaluatePerturbed(classifier, image, perturbed);
    const { logits } = await classifier.classify(image);
    const known = await evaluatePerturbed(classifier, image, perturbed, { logits });
    expect(known.cost.forward).toBe(unknown.cost.forward - 1);
    expect({ ...known, cost: 0 }).toEqual({ ...unknown, cost: 0 });
    expect(known).toMatchObject({ attack: "none", settings: {}, raw: { distances: { perceptual: 0 } } });
    await classifier.dispose();
  });

  test("another label can be asked for", async () => {
    const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
    const { label } = await classifier.classify(image);
    const other = (label + 1) % classifier.classCount;
    const result = await evaluatePerturbed(classifier, image, perturbed, { label: other });
    // It is not what the network says, so there was nothing to leave.
    expect([result.label, result.outcome]).toEqual([other, "already-flipped"]);
    await classifier.dispose();
  });
});
