/** @file Which subset of a layer's values is the most unusual: Speakman, Sridharan, Remy, Weldemariam and McFowland (2018). */
import type { Classifier } from "../../classifier/classifier.ts";
import { BadInputError } from "../../errors.ts";
import { countOption, derived, layersOption, numberOption, wordOption } from "../../options/option.ts";
import { defineDetector } from "../define-detector.ts";
import { chosenLayers, stageLayers, valuesPart } from "./layer-parts.ts";

/** Which values are unusual: large ones, or large and small ones. */
const sides = ["one", "two"] as const;

/**
 * The largest Berk–Jones score of a subset of values with these p-values, over significance levels α of at most `most`: at each α the best subset is
 * all values with p ≤ α, whose score N·KL(1 ‖ α) is their number times ln(1/α). α runs over the p-values themselves. 0 where none is small enough.
 */
export function berkJones(pValues: ArrayLike<number>, most: number): number {
  const sorted = Float64Array.from(pValues).sort();
  let best = 0;
  for (let n = 0; n < sorted.length && sorted[n] <= most; n++) {
    // Equal ones are in the subset together.
    if (n + 1 < sorted.length && sorted[n + 1] === sorted[n]) continue;
    best = Math.max(best, (n + 1) * Math.log(1 / sorted[n]));
  }
  return best;
}

/**
 * The p-value of `value` among the ascending `background`: (how many are at least as large + 1) / (n + 1), the upper end of its range; two-sided twice the
 * smaller one of both sides, at most 1. A value as large as most, such as the 0 of a ReLU, is not unusual.
 */
export function pValueOf(value: number, background: Float64Array, side: (typeof sides)[number]): number {
  const count = background.length;
  const upper = (count - placeOf(background, value, false) + 1) / (count + 1);
  if (side === "one") return upper;
  const lower = (placeOf(background, value, true) + 1) / (count + 1);
  return Math.min(1, 2 * Math.min(upper, lower));
}

/** The place among the ascending values, `from` on and before `to`, of the first that is not less than `value`, or larger. */
function placeOf(sorted: Float64Array, value: number, isLarger: boolean, from = 0, to = sorted.length): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value || (isLarger && sorted[middle] === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * {@link berkJones} of values by {@link pValueOf} among so many images, of which the rows of `background` are the sorted values: p-values are multiples of 1/(count + 1), so that it is
 * enough to count how often each of them occurs.
 */
function scanner(background: Float64Array, count: number, side: (typeof sides)[number], most: number) {
  const times = new Int32Array(2 * count + 3);
  // In units of 1/(count + 1); two-sided they are even.
  const [unit, last] = side === "one" ? [1, count + 1] : [2, 2 * count + 2];
  const gains: number[] = [];
  for (let k = unit; k <= last; k += unit) {
    const p = side === "one" ? k / (count + 1) : Math.min(1, 2 * (k / 2 / (count + 1)));
    if (p > most) break;
    gains.push(Math.log(1 / p));
  }
  // One-sided, values that are not larger than so many are usual, however many they are larger than.
  const usual = side === "one" ? count - gains.length : -1;
  const bounds = Float64Array.from(
    { length: usual < 0 ? 0 : background.length / count },
    (_, j) => background[j * count + usual],
  );
  return (values: Float32Array): number => {
    times.fill(0);
    for (let j = 0; j < values.length; j++) {
      const value = values[j];
      if (usual >= 0 && !(value > bounds[j])) continue;
      const [from, to] = [j * count, (j + 1) * count];
      const upper = to - placeOf(background, value, false, from + usual + 1, to) + 1;
      if (side === "one") times[upper]++;
      else times[2 * Math.min(upper, placeOf(background, value, true, from, to) - from + 1)]++;
    }
    let [best, found] = [0, 0];
    for (let g = 0; g < gains.length; g++) {
      const own = times[(g + 1) * unit];
      if (own === 0) continue;
      found += own;
      best = Math.max(best, found * gains[g]);
    }
    return best;
  };
}

/**
 * The largest Berk–Jones score of a subset of a layer's values, whose p-values are taken among those of training images.
 *
 * Deviation: the published detector scans all values of a layer; of layers with more than `nodes` of them, windows of positions count by their largest value.
 */
export const subsetScanning = defineDetector({
  name: "subset-scanning",
  title: "Subset scanning",
  source:
    "Speakman, Sridharan, Remy, Weldemariam and McFowland, Subset scanning over neural network activations (2018)",
  summary: "The more values of a layer are larger than on clean images, the more suspicious.",
  version: 1,
  settings: {
    layers: layersOption("The layer, or several whose scores are added.", {
      fallback: derived("the first activation"),
    }),
    side: wordOption("Whether large values are unusual, or large and small ones.", sides, { fallback: "one" }),
    alpha: numberOption("The largest significance level.", { above: 0, max: 1, fallback: 0.5 }),
    nodes: countOption("The most values of a layer.", { fallback: 4096, max: 2 ** 20 }),
    background: countOption("Training images that values are compared with, the first ones.", {
      fallback: 500,
      min: 2,
      max: 100_000,
    }),
  },
  plan({ layers, side, alpha, nodes, background }, classifier) {
    const chosen = chosenLayers("subset-scanning", classifier, layers, firstActivation);
    const parts = chosen.map((layer) => valuesPart(`subset-scanning: ${layer.name}`, classifier, layer, nodes));
    return {
      parts,
      needsAttacked: false,
      settings: { layers: chosen.map(({ name }) => name) },
      fit({ train }) {
        const used = train.slice(0, background);
        if (used.length < 2) {
          throw new BadInputError({
            where: "subset-scanning",
            what: "too few pictures to compare values with",
            expected: "at least 2, and better hundreds",
            got: String(used.length),
            advice: "Give more pictures.",
          });
        }
        const arrays = Object.fromEntries(
          parts.map(({ key, size }, l) => {
            // [size, images], each row ascending.
            const data = new Float64Array(size * used.length);
            for (const [n, { measured }] of used.entries()) {
              const values = measured[key];
              for (let j = 0, at = n; j < size; j++, at += used.length) data[at] = values[j];
            }
            for (let j = 0; j < size; j++) data.subarray(j * used.length, (j + 1) * used.length).sort();
            return [`${l}/background`, { shape: [size, used.length], data }];
          }),
        );
        return { arrays };
      },
      scorer({ array }) {
        const all = parts.map(({ key, size }, l) => {
          const { data, shape } = array(`${l}/background`, [size, -1]);
          return { key, scan: scanner(data, shape[1], side, alpha) };
        });
        return (measured) => all.reduce((sum, { key, scan }) => sum + scan(measured[key]), 0);
      },
    };
  },
});

function firstActivation(classifier: Classifier) {
  return stageLayers(classifier).slice(0, 1);
}
