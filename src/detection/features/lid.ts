/** @file In how many dimensions an image's neighbors spread: Ma et al. (ICLR 2018), with references that know nothing of the image. */
import { BadInputError } from "../../errors.ts";
import { countOption, derived, layersOption, wordOption } from "../../options/option.ts";
import { defineDetector } from "../define-detector.ts";
import type { MeasuredImage, ScoringContext } from "../detector.ts";
import { combinationIn, combinations, combined, fitCombination } from "../learning/combine-layers.ts";
import { chosenLayers, meanPart, stageLayers } from "./layer-parts.ts";
import { referenceRows } from "./reference-rows.ts";

/** Distances below it are taken to be it: an image may be among the references. */
const leastDistance = 1e-10;

/**
 * The local intrinsic dimensionality −k / Σ ln(rᵢ / r_k) over the distances r₁ ≤ … ≤ r_k to the nearest neighbors, for each row of distances. Equal
 * distances to all of them have no dimensionality: 10¹⁰ stands for it.
 */
export function intrinsicDimension(distances: ArrayLike<number>, neighbors: number): number {
  const nearest = Float64Array.from(distances).sort().subarray(0, neighbors);
  const last = Math.max(nearest[nearest.length - 1], leastDistance);
  let sum = 0;
  for (const distance of nearest) sum += Math.log(Math.max(distance, leastDistance) / last);
  return sum < -neighbors * leastDistance ? -neighbors / sum : 1 / leastDistance;
}

/** The `count` least values, ascending: sorting all of them takes longer than computing them. */
function leastOf(values: Float64Array, count: number): Float64Array {
  const least = new Float64Array(Math.min(count, values.length)).fill(Number.POSITIVE_INFINITY);
  const last = least.length - 1;
  for (let n = 0; n < values.length; n++) {
    const value = values[n];
    if (value >= least[last]) continue;
    let place = last;
    for (; place > 0 && least[place - 1] > value; place--) least[place] = least[place - 1];
    least[place] = value;
  }
  return least;
}

/**
 * The local intrinsic dimensionality of each layer's spatial means, `sum`med in standard deviations of held-out clean images or weighed by a logistic
 * `regression`.
 *
 * Deviation: neighbors are looked for among training images. In the published protocol they are among the tested batch itself, which holds the clean original
 * of every attacked image: the detector is told what it is to find out. Published neighbors: 20 of 100.
 */
export const lid = defineDetector({
  name: "lid",
  title: "Local intrinsic dimensionality",
  source:
    "Ma et al., Characterizing adversarial subspaces using local intrinsic dimensionality (ICLR 2018); references from training data",
  summary: "The more dimensions an image's neighbors among training images spread in, the more suspicious.",
  version: 1,
  settings: {
    layers: layersOption("Layers whose spatial means are looked at.", {
      fallback: derived("the first activation, the last layer of each resolution, and the last hidden one"),
    }),
    combine: wordOption(
      "How layers become one score: the sum of standardized numbers, which knows no attack, or a logistic regression on attacked images.",
      combinations,
      { fallback: "sum" },
    ),
    neighbors: countOption("Nearest neighbors, k.", { fallback: 20, min: 2 }),
    references: countOption("Training images among which they are looked for, the first ones.", { fallback: 1000 }),
  },
  plan({ layers, combine, neighbors, references }, classifier) {
    const chosen = chosenLayers("lid", classifier, layers, stageLayers);
    const parts = chosen.map((layer) => meanPart(classifier, layer));
    const numbersIn = ({ array }: Pick<ScoringContext, "array">) => {
      const rows = parts.map(({ key, size }, l) => {
        return { key, others: referenceRows(array(`${l}/references`, [-1, size]).data, size) };
      });
      return (measured: MeasuredImage["measured"]): Float64Array =>
        Float64Array.from(rows, ({ key, others }) => {
          const nearest = leastOf(others.squaredDistances(measured[key]), neighbors);
          return intrinsicDimension(nearest.map(Math.sqrt), neighbors);
        });
    };
    return {
      parts,
      needsAttacked: combine === "regression",
      settings: { layers: chosen.map(({ name }) => name) },
      fit(set) {
        // A regression's clean images must not be among the references: nothing is farther from them than from itself.
        const attacked = new Set(set.attacked.map(({ id }) => id));
        const usable = set.train.filter(({ id }) => !attacked.has(id)).slice(0, references);
        if (usable.length <= neighbors) {
          throw new BadInputError({
            where: "lid",
            what: `fewer references than neighbors${attacked.size > 0 ? " (attacked training pictures are none)" : ""}`,
            expected: `more than ${neighbors}`,
            got: String(usable.length),
            advice: "Give more pictures, or set neighbors.",
          });
        }
        const arrays = Object.fromEntries(
          parts.map(({ key, size }, l) => {
            const data = new Float64Array(usable.length * size);
            for (const [n, { measured }] of usable.entries()) data.set(measured[key], n * size);
            return [`${l}/references`, { shape: [usable.length, size], data }];
          }),
        );
        const numbersOf = numbersIn({ array: (name) => arrays[name] });
        const { arrays: further, heldScores } = fitCombination(combine, set, ({ measured }) => numbersOf(measured));
        return { arrays: { ...arrays, ...further }, heldScores };
      },
      scorer(context) {
        const [numbersOf, weights] = [numbersIn(context), combinationIn(combine, context, parts.length)];
        return (measured) => combined(weights, numbersOf(measured));
      },
    };
  },
});
