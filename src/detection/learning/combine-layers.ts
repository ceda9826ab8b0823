/** @file From a number per layer to a score: the sum of how unusual each is among clean images, or what a regression on attacks makes of them. */
import type { FitSet, FittedArrays, MeasuredImage, ScoringContext } from "../detector.ts";
import { columnsOf } from "./standardize.ts";
import { fitTwoClasses, logOddsOf, regressionArrays, regressionIn } from "./two-class-regression.ts";

/** `sum`: no attack needs to be known; `regression`: as published. */
export const combinations = ["sum", "regression"] as const;
export type Combination = (typeof combinations)[number];

/** What {@link fitCombination} gives. */
export interface FittedCombination {
  readonly arrays: FittedArrays;
  /** The scores of the held-out images, whose numbers it has had to compute. */
  readonly heldScores: readonly number[];
}

/**
 * What the combination learns: for `sum` mean and standard deviation of each layer's number on held-out clean images; for `regression` the weights
 * that tell attacked training images from clean and noisy ones.
 */
export function fitCombination(
  combination: Combination,
  { train, held, attacked, noisy }: FitSet,
  numbersOf: (image: MeasuredImage) => ArrayLike<number>,
): FittedCombination {
  const numbers = held.map(numbersOf);
  const scored = (arrays: FittedArrays): FittedCombination => {
    const found = combinationIn(combination, { array: (name) => arrays[name] }, numbers[0].length);
    return { arrays, heldScores: numbers.map((row) => combined(found, row)) };
  };
  if (combination === "sum") {
    const { mean, deviation } = columnsOf(numbers);
    return scored({ mean: { shape: [mean.length], data: mean }, deviation: { shape: [mean.length], data: deviation } });
  }
  const ids = new Set(attacked.map(({ id }) => id));
  const known = new Map(held.map(({ id }, n) => [id, numbers[n]] as const));
  const clean = [...held, ...train]
    .filter(({ id }) => ids.has(id))
    .map((image) => known.get(image.id) ?? numbersOf(image));
  return scored(regressionArrays(fitTwoClasses([...clean, ...noisy.map(numbersOf)], attacked.map(numbersOf))));
}

/** The weights and the intercept of the score Σ wₗ·xₗ + b over `count` layers. */
export function combinationIn(
  combination: Combination,
  context: Pick<ScoringContext, "array">,
  count: number,
): { readonly weights: Float64Array; readonly intercept: number } {
  if (combination === "regression") return regressionIn(context, count);
  const mean = context.array("mean", [count]).data;
  const weights = context.array("deviation", [count]).data.map((deviation) => 1 / deviation);
  return { weights, intercept: -weights.reduce((sum, weight, l) => sum + weight * mean[l], 0) };
}

/** Σ wₗ·xₗ + b. */
export function combined(
  combination: { readonly weights: Float64Array; readonly intercept: number },
  numbers: ArrayLike<number>,
): number {
  return logOddsOf(combination, numbers);
}
