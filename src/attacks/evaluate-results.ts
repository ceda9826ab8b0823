/** @file What is said of perturbed images: each is seen once more as it is, within the budget, and as 8 bits per channel keep it. */

import { checkClassifier, checkImages } from "../classifier/check-arguments.ts";
import type { Classifier } from "../classifier/classifier.ts";
import { type Classification, classificationOf, softmaxAt } from "../classifier/logits.ts";
import { checkKeys } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { type Cost, totalCost } from "../options/cost.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { difference, isEqual } from "../tensor/vector.ts";
import type { Adversarial, AttackResult } from "./attack.ts";
import type { Rounding } from "./attack-options.ts";
import { type Budget, bytesFartherOut, projectOnBudget, roundToBytes } from "./budget.ts";
import { distancesBetween } from "./distances.ts";
import { type Goal, goalOf } from "./goal.ts";
import { type CleanView, type Observer, observerOf, perceptualDistance } from "./observer.ts";

/** An image with what was wanted of it and, where a search ran, the point that it found. */
export interface Attempt<F> {
  /** Flat [C, H, W], pixels. */
  readonly image: Float32Array;
  readonly shape: ImageTensor["shape"];
  readonly label: number;
  readonly target: number | undefined;
  readonly goal: Goal;
  readonly view: CleanView;
  /** Undefined where the clean image was what was wanted. */
  readonly point: Float32Array | undefined;
  /** What it has taken so far. */
  readonly cost: Cost;
  readonly details: Readonly<Record<string, unknown>>;
  readonly found: F | undefined;
}

export interface EvaluateOptions {
  readonly attack: string;
  readonly budget: Budget | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly rounding: Rounding;
  readonly signal: AbortSignal | undefined;
}

/** The results of `attempts`, in order. Images that differ are seen once; costs count those looks. */
export async function evaluateResults<F>(
  observer: Observer,
  attempts: readonly Attempt<F>[],
  { attack, budget, settings, rounding, signal }: EvaluateOptions,
): Promise<AttackResult<F>[]> {
  const looks = attempts.map(() => 0);
  /** What is said of one image for each attempt; undefined where there is none. */
  const evaluateOnce = async (images: readonly (Float32Array | undefined)[]): Promise<(Adversarial | undefined)[]> => {
    const wanted = attempts.flatMap((attempt, n) => {
      const data = images[n];
      return data === undefined ? [] : [{ attempt, n, data }];
    });
    const said: (Adversarial | undefined)[] = attempts.map(() => undefined);
    for (let first = 0; first < wanted.length; first += observer.batch) {
      const some = wanted.slice(first, first + observer.batch);
      const views = await observer.run(
        some.map(({ data }) => data),
        some.map(({ attempt }) => attempt.view),
        { signal },
      );
      for (const [k, { attempt, n, data }] of some.entries()) {
        looks[n]++;
        said[n] = adversarialOf(attempt, data, views[k]);
      }
    }
    return said;
  };
  const evaluateAll = async (
    images: readonly Float32Array[],
    known: readonly Adversarial[] = [],
  ): Promise<Adversarial[]> => {
    const isKnown = (data: Float32Array, n: number): boolean => known.length > 0 && isEqual(data, known[n].image.data);
    const said = await evaluateOnce(images.map((data, n) => (isKnown(data, n) ? undefined : data)));
    return said.map((one, n) => one ?? known[n]);
  };

  const raw = await evaluateAll(attempts.map(({ image, point }) => point ?? image));
  const within = await evaluateAll(
    attempts.map(({ image }, n) => {
      const point = raw[n].image.data.slice();
      projectOnBudget(image, budget)(point);
      return point;
    }),
    raw,
  );
  const nearest = await evaluateAll(
    attempts.map(({ image }, n) => roundToBytes(within[n].image.data, image, budget)),
    within,
  );
  const kept = rounding === "keep" ? await keptInBytes(attempts, within, nearest, budget, evaluateOnce) : [];
  return attempts.map((attempt, n): AttackResult<F> => {
    const { image, shape, label, target, view, point, cost, details, found } = attempt;
    const rounded = kept[n] ?? nearest[n];
    const searched = within[n].success ? "flipped" : raw[n].success ? "over-budget" : "not-flipped";
    return {
      attack,
      outcome: point === undefined ? "already-flipped" : searched,
      label,
      target,
      clean: ownClassification(view.logits),
      raw: raw[n],
      withinBudget: within[n],
      rounded,
      lostInRounding: within[n].success && !rounded.success,
      perturbation: floatTensor(difference(raw[n].image.data, image), shape),
      cost: totalCost(cost, { forward: 0, gradient: 0, [observer.cost]: looks[n] }),
      settings,
      details,
      found,
    };
  });
}

/** For each attempt whose success the nearest bytes lose, what is said of the first bytes farther out that keep it, if there are any. */
async function keptInBytes<F>(
  attempts: readonly Attempt<F>[],
  within: readonly Adversarial[],
  nearest: readonly Adversarial[],
  budget: Budget | undefined,
  evaluateOnce: (images: readonly (Float32Array | undefined)[]) => Promise<(Adversarial | undefined)[]>,
): Promise<(Adversarial | undefined)[]> {
  const open = attempts.map(({ image }, n) => {
    const isLost = within[n].success && !nearest[n].success;
    return isLost ? bytesFartherOut(within[n].image.data, image, budget) : [];
  });
  const kept: (Adversarial | undefined)[] = attempts.map(() => undefined);
  while (open.some((images) => images.length > 0)) {
    const said = await evaluateOnce(open.map((images) => images.shift()));
    for (const [n, one] of said.entries()) {
      if (one?.success !== true) continue;
      kept[n] = one;
      open[n] = [];
    }
  }
  return kept;
}

function adversarialOf<F>(
  { image, shape, goal, view }: Attempt<F>,
  data: Float32Array,
  perturbed: Awaited<ReturnType<Observer["run"]>>[number],
): Adversarial {
  const classification = ownClassification(perturbed.logits);
  const [, height, width] = shape;
  return {
    ...classification,
    image: floatTensor(data, shape),
    success: goal.isReached(classification.label),
    classConfidence: softmaxAt(perturbed.logits, goal.classIndex),
    margin: goal.margin(perturbed.logits),
    distances: { ...distancesBetween(data, image, height * width), perceptual: perceptualDistance(perturbed, view) },
  };
}

/** The classification, with logits of its own: those of a pass are a view of the whole batch's. */
function ownClassification(logits: Float32Array): Classification {
  return classificationOf(logits.slice());
}

/**
 * What is said of `perturbed`, an image [C, H, W] that was made of `image` by whatever means: the result that an attack without a budget would
 * give. The label is the predicted class by default. The layers' distances are not measured. At most four runs of the network, one less where
 * `logits` are those of `image`, and with the rounding "keep" (the default) five more where the nearest bytes lose the success.
 *
 * Throws a MisuseError for images that are not of the network's size, and an AbortedError when `signal` aborts.
 */
export async function evaluatePerturbed(
  classifier: Classifier,
  image: ImageTensor,
  perturbed: ImageTensor,
  options: {
    readonly label?: number;
    readonly logits?: Float32Array;
    readonly target?: number;
    readonly rounding?: Rounding;
    readonly signal?: AbortSignal;
  } = {},
): Promise<AttackResult> {
  checkKeys("evaluatePerturbed", options, ["label", "logits", "target", "rounding", "signal"]);
  const { label: given, target, logits, rounding = "keep", signal } = options;
  const where = "evaluatePerturbed";
  checkClassifier(where, classifier);
  checkImages(where, classifier, [image]);
  checkImages(where, classifier, [perturbed], { anyNumbers: true });
  const observer = await observerOf(classifier, { layers: [], batch: 1 });
  const [view] =
    logits === undefined
      ? await observer.clean([image.data], { signal })
      : [{ logits, activations: [], squaredNorms: new Float32Array(0) }];
  const label = given ?? classificationOf(view.logits).label;
  const goal = goalOf({ label, target });
  const attempt: Attempt<unknown> = {
    ...{ image: image.data, shape: image.shape, label, target, goal, view },
    point: goal.isReached(classificationOf(view.logits).label) ? undefined : perturbed.data,
    cost: { forward: logits === undefined ? 1 : 0, gradient: 0 },
    details: {},
    found: undefined,
  };
  const of = { attack: "none", budget: undefined, settings: {}, rounding, signal };
  const [result] = await evaluateResults(observer, [attempt], of);
  return result;
}
