/**
 * @file One change that makes a classifier err on most pictures.
 *
 * Source: Moosavi-Dezfooli, Fawzi, Fawzi and Frossard, "Universal adversarial perturbations", CVPR 2017, found as in Shafahi, Najibi, Xu, Dickerson, Davis and Goldstein, "Universal
 * adversarial training", AAAI 2020: steps along the mean gradient of mini-batches, of a cross-entropy that is clamped so that no picture counts for ever. The former runs
 * DeepFool on one picture after the other, which takes many more gradients and finds weaker changes.
 */

import { checkClassifier, checkImages } from "../../classifier/check-arguments.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { logSoftmaxAt } from "../../classifier/logits.ts";
import { checkForm, checkKeys, MisuseError, numberIn, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import type { OnProgress } from "../../options/progress.ts";
import { integer } from "../../random/distributions.ts";
import { createRandom } from "../../random/random.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import { checkMask, heldTo } from "../hold-to-mask.ts";

/** How far the learning has come. */
export interface UniversalState {
  /** Epochs that are done. */
  readonly epoch: number;
  /** [C, H, W], pixels. */
  readonly perturbation: FloatTensor;
  /** Of each epoch, the share of pictures that were fooled when it was their turn. */
  readonly fooled: readonly number[];
}

export interface UniversalOptions {
  /** The largest change of an element. Default 10/255, as in the paper of 2017. */
  readonly epsilon?: number;
  /** How often each picture is seen. Default 10. */
  readonly epochs?: number;
  /** Pictures of a step. Default 32. */
  readonly batch?: number;
  /** The length of the first step; the last one is almost 0. Default epsilon / 5. */
  readonly stepSize?: number;
  /** The cross-entropy from which on a picture counts no further. Default 9. */
  readonly clamp?: number;
  /** The class to reach; by default, any that is not the predicted one of each picture. */
  readonly target?: number;
  /** [H, W], 1 where pixels may change, otherwise 0; the same for all pictures. Default: everywhere. */
  readonly mask?: FloatTensor;
  /** Default 0. */
  readonly seed?: number;
  /** Where to go on. */
  readonly from?: UniversalState;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Called after each epoch; the next one waits for it. */
  readonly onEpoch?: (state: UniversalState) => void | Promise<void>;
}

const optionKeys = [
  "epsilon",
  "epochs",
  "batch",
  "stepSize",
  "clamp",
  "target",
  "mask",
  "seed",
  "from",
  "signal",
  "onProgress",
  "onEpoch",
] as const satisfies readonly (keyof UniversalOptions)[];

/**
 * The change after the last epoch. `images` are opened when it is their turn, once in each epoch. A run forward for each picture, and a gradient in each epoch. It depends on the seed and the
 * order of the images, and not on whether it was interrupted between epochs.
 *
 * Throws a MisuseError for options that cannot be meant and images of another size, and an AbortedError when `signal` aborts.
 */
export async function universalPerturbation(
  classifier: Classifier,
  images: readonly (() => Promise<ImageTensor>)[],
  options: UniversalOptions = {},
): Promise<UniversalState> {
  const where = "universalPerturbation";
  checkClassifier(where, classifier);
  checkForm(`${where}: images`, images, "list");
  checkKeys(where, options, optionKeys);
  const { epsilon = 10 / 255, epochs = 10, batch = 32, clamp = 9, seed = 0, target, mask, signal } = options;
  numberIn(`${where}: epsilon`, epsilon, { above: 0, max: 1 });
  numberIn(`${where}: epochs`, epochs, { min: 1, integer: true });
  numberIn(`${where}: batch`, batch, { min: 1, integer: true });
  numberIn(`${where}: clamp`, clamp, { above: 0 });
  const stepSize = numberIn(`${where}: stepSize`, options.stepSize ?? epsilon / 5, { above: 0 });
  if (target !== undefined)
    numberIn(`${where}: target`, target, { min: 0, max: classifier.classCount - 1, integer: true });
  if (mask !== undefined) checkMask(where, classifier, mask);
  if (images.length === 0)
    throw new MisuseError({ where, what: "there are no pictures to learn from", expected: "one at least" });

  const { channelCount, height, width } = classifier.input;
  const shape = [channelCount, height, width] as const;
  const from = options.from;
  const change = from === undefined ? new Float32Array(channelCount * height * width) : from.perturbation.data.slice();
  const fooled = [...(from?.fooled ?? [])];
  const rows = Math.min(batch, images.length);
  // Steps follow the signs of the gradient: what is 0 outside of the mask stays there.
  const held = mask === undefined ? classifier : heldTo(classifier, mask);
  const backward = await held.backward({ of: "log-probabilities", batch: rows });
  const forward = await classifier.forward({ batch: rows });
  const labels = new Map<number, number>();
  const perEpoch = Math.ceil(images.length / batch);
  for (let epoch = from?.epoch ?? 0; epoch < epochs; epoch++) {
    const order = shuffled(images.length, seed, epoch);
    let reached = 0;
    for (let step = 0; step < perEpoch; step++) {
      throwIfAborted(signal, where);
      const some = order.slice(step * batch, (step + 1) * batch);
      const opened = await Promise.all(some.map((n) => images[n]()));
      checkImages(where, classifier, opened);
      const unknown = some.flatMap((n, k) => (labels.has(n) ? [] : [{ n, image: opened[k].data }]));
      if (target === undefined && unknown.length > 0) {
        const seen = await forward.run(
          unknown.map(({ image }) => image),
          { signal },
        );
        for (const [k, { n }] of unknown.entries()) labels.set(n, indexOfLargest(seen[k]));
      }
      const goals = some.map((n) => target ?? labels.get(n) ?? 0);
      const inputs = opened.map(({ data }, k) => ({
        image: data.map((x, i) => Math.min(Math.max(x + change[i], 0), 1)),
        seed: seedAt(classifier.classCount, goals[k], target === undefined ? -1 : 1),
      }));
      const found = await backward.run(inputs, { signal });
      const slope = new Float64Array(change.length);
      for (const [k, { logits, gradient }] of found.entries()) {
        if ((indexOfLargest(logits) === goals[k]) === (target !== undefined)) reached++;
        if (target === undefined && -logSoftmaxAt(logits, goals[k]) >= clamp) continue;
        const { data } = opened[k];
        for (let i = 0; i < slope.length; i++) {
          const to = data[i] + change[i];
          // Where the picture is cut off at black or white, the change makes no difference.
          if (to >= 0 && to <= 1) slope[i] += gradient[i];
        }
      }
      const length = stepSize * (1 - (epoch * perEpoch + step) / (epochs * perEpoch));
      for (let i = 0; i < change.length; i++) {
        change[i] = Math.min(Math.max(change[i] + length * Math.sign(slope[i]), -epsilon), epsilon);
      }
      options.onProgress?.({ done: epoch * perEpoch + step + 1, of: epochs * perEpoch, unit: "steps" });
    }
    fooled.push(reached / images.length);
    await options.onEpoch?.({
      epoch: epoch + 1,
      perturbation: floatTensor(change.slice(), shape),
      fooled: [...fooled],
    });
  }
  return { epoch: epochs, perturbation: floatTensor(change, shape), fooled };
}

/** The change in levels of 255, as whole numbers of pixels / 255: rounded, and within the radius. */
export function changeInBytes({ data, shape }: FloatTensor, epsilon: number): FloatTensor {
  const most = mostLevels(epsilon);
  const levels = data.map((x) => Math.min(Math.max(Math.round(255 * x), -most), most) / 255);
  return floatTensor(levels, shape);
}

/** The levels that a radius has room for. */
export function mostLevels(epsilon: number): number {
  return Math.floor(255 * epsilon + 1e-6);
}

function seedAt(classCount: number, index: number, value: number): Float32Array {
  const seed = new Float32Array(classCount);
  seed[index] = value;
  return seed;
}

/** 0 to `count` − 1 in an order of the epoch's own. */
function shuffled(count: number, seed: number, epoch: number): number[] {
  const random = createRandom(seed, epoch);
  const order = Array.from({ length: count }, (_, n) => n);
  for (let n = count - 1; n > 0; n--) {
    const other = integer(random, 0, n + 1);
    [order[n], order[other]] = [order[other], order[n]];
  }
  return order;
}
