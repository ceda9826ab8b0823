/** @file What logits say: the class, its probability, the margin. Everything is computed in float64. */
import { BadInputError } from "../errors.ts";
import { indexOfLargest } from "../tensor/vector.ts";

/** What a classifier says of an image. */
export interface Classification {
  /** The class with the largest logit; the first of equal ones. */
  readonly label: number;
  readonly logits: Float32Array;
  /** The softmax of the logits at `label`, in [0, 1]. */
  readonly confidence: number;
}

/** The class of the largest logit (the first of equal ones) with its softmax. */
export function classificationOf(logits: Float32Array): Classification {
  const label = indexOfLargest(logits);
  return { label, logits, confidence: softmaxAt(logits, label) };
}

/** The softmax of `logits` at one class, in [0, 1]. */
export function softmaxAt(logits: ArrayLike<number>, classIndex: number): number {
  let sum = 0;
  for (let j = 0; j < logits.length; j++) sum += Math.exp(logits[j] - logits[classIndex]);
  return 1 / sum;
}

/** The classes with the `count` largest logits, the largest first; of equal ones the first. All of them if there are fewer. */
export function mostProbable(logits: ArrayLike<number>, count: number): number[] {
  return Array.from(logits, (_, index) => index)
    .sort((a, b) => logits[b] - logits[a] || a - b)
    .slice(0, count);
}

/** The sigmoid of the logit of one label that is decided by itself, in [0, 1]. */
export function sigmoidAt(logits: ArrayLike<number>, label: number): number {
  return 1 / (1 + Math.exp(-logits[label]));
}

/** The softmax of `logits` at all classes, which add up to 1. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const { largest, sum } = shiftedSum(logits);
  return Float64Array.from(logits, (logit) => Math.exp(logit - largest) / sum);
}

/** The logarithm of the softmax of `logits` at one class, at most 0. */
export function logSoftmaxAt(logits: ArrayLike<number>, classIndex: number): number {
  const { largest, sum } = shiftedSum(logits);
  return logits[classIndex] - largest - Math.log(sum);
}

/** −log softmax at one class. Unlike that it stays above 0, and keeps its digits, where the class is so far ahead that its softmax is 1. */
export function crossEntropyAt(logits: ArrayLike<number>, classIndex: number): number {
  const odds = logOddsAt(logits, classIndex);
  return odds > 0 ? Math.log1p(Math.exp(-odds)) : Math.log1p(Math.exp(odds)) - odds;
}

/** log Σ exp(logits). */
export function logSumExp(logits: ArrayLike<number>): number {
  const { largest, sum } = shiftedSum(logits);
  return Math.log(sum) + largest;
}

/** log(p / (1 − p)) of the softmax p at one class: its logit less the log-sum-exp of the others. */
export function logOddsAt(logits: ArrayLike<number>, classIndex: number): number {
  const { largest, sum } = shiftedSum(logits, classIndex);
  return logits[classIndex] - largest - Math.log(sum);
}

/** The margin (equation 1) M = C_i − max_{j≠i} C_j of `classIndex`: of leaving it, or, `targeted`, −M: of reaching it. */
export function marginOf(logits: ArrayLike<number>, classIndex: number, targeted = false): number {
  const best = largestOf(logits, classIndex);
  return targeted ? best - logits[classIndex] : logits[classIndex] - best;
}

/** (z_j − max_{i≠j} z_i) / (z_π1 − z_π3 + 10⁻¹²) at one class, π being the order of the logits, the largest first; of three classes at least. */
export function marginRatioAt(logits: ArrayLike<number>, classIndex: number): number {
  const [first, , third] = mostProbable(logits, 3);
  return marginOf(logits, classIndex) / (logits[first] - logits[third] + 1e-12);
}

/** z_j / (z_π1 − ½(z_π3 + z_π4) + 10⁻¹²) at one class; of four classes at least. */
export function scaledLogitAt(logits: ArrayLike<number>, classIndex: number): number {
  const [first, , third, fourth] = mostProbable(logits, 4);
  return logits[classIndex] / (logits[first] - (logits[third] + logits[fourth]) / 2 + 1e-12);
}

/** `logits`, if all of them are finite numbers; otherwise throws a BadInputError, `where` being how messages call the model. */
export function finiteLogits(logits: Float32Array, where: string): Float32Array {
  let bad = 0;
  while (bad < logits.length && Number.isFinite(logits[bad])) bad++;
  if (bad === logits.length) return logits;
  throw new BadInputError({
    where,
    what: `the logit of class ${bad} is not a finite number`,
    got: String(logits[bad]),
    advice: "Look for NaN or infinity in the model's weights, and check the preprocessing.",
  });
}

/** The largest of the logits and the sum of the exponentials of what they are less than it, without those of the class `except`. */
function shiftedSum(logits: ArrayLike<number>, except = -1): { readonly largest: number; readonly sum: number } {
  const largest = largestOf(logits, except);
  let sum = 0;
  for (let j = 0; j < logits.length; j++) if (j !== except) sum += Math.exp(logits[j] - largest);
  return { largest, sum };
}

function largestOf(logits: ArrayLike<number>, except: number): number {
  let largest = -Infinity;
  for (let j = 0; j < logits.length; j++) if (j !== except && logits[j] > largest) largest = logits[j];
  return largest;
}
