/** @file Which pixels of a saliency map count as salient. */
import { BadInputError, checkForm, checkKeys, MisuseError, numberIn, oneOf } from "../errors.ts";
import { fallingOrder } from "../tensor/falling-order.ts";
import { checkTensor, type FloatTensor, type Tensor } from "../tensor/tensor.ts";

/** Shape [H, W]; 1 where a pixel is kept, otherwise 0. */
export interface Mask extends Tensor {
  readonly dtype: "bool";
  readonly data: Uint8Array;
}

/**
 * Throws a MisuseError in the name of `where` unless `value` is a mask [H, W]. A map is none: nearly all of its pixels differ from 0, so that its
 * box would be the whole image.
 */
export function checkMask(where: string, value: unknown): void {
  checkTensor(where, value, "a mask [H, W], as threshold() gives");
  const { shape, data } = value as Tensor;
  if (shape.length === 2 && data instanceof Uint8Array) return;
  throw new MisuseError({
    where,
    what: "not a mask",
    expected: "zeros and ones [H, W], as threshold() gives",
    got: `a ${data.constructor.name} [${shape.join(", ")}]`,
  });
}

/**
 * Which pixels h of a map are kept. Every rule keeps a set {h ≥ t}: pixels of equal value are kept or dropped together, so
 * that the result does not depend on the order in which pixels are stored.
 *
 * - `value`: (h − min) ≥ α(max − min), α in [0, 1] (section 4 of the paper, after Fong and Vedaldi 2017). α = 0 keeps
 *   everything, and so does any α on a constant map. With `squareRoot` the map is scaled to [0, 1] and its square root
 *   taken first, as the paper does; this only re-spaces α, as √h ≥ α is h ≥ α².
 * - `mean`: h ≥ α·mean(h), α ≥ 0 (section 4 of the paper).
 * - `percent`: the k % of pixels with the greatest values, k in [0, 100] (section 4 of the paper): the ⌈k·n/100⌉ greatest
 *   of n, and all that equal the least of these. k = 0 keeps nothing.
 * - `energy`: the fewest pixels whose sum is at least α·total, α in [0, 1] (Fong and Vedaldi 2017), and all that equal the
 *   least of these. Negative values count as 0 and are never kept; α = 0 keeps nothing.
 */
export type ThresholdRule =
  | { readonly kind: "value"; readonly alpha: number; readonly squareRoot?: boolean }
  | { readonly kind: "mean"; readonly alpha: number }
  | { readonly kind: "percent"; readonly k: number }
  | { readonly kind: "energy"; readonly alpha: number };

export const thresholdKinds = ["value", "mean", "percent", "energy"] as const;

/** `rule`, if it is one; otherwise throws a {@link MisuseError} that says which part is wrong. */
export function checkThresholdRule(where: string, rule: ThresholdRule): ThresholdRule {
  switch (oneOf(`${where}: kind`, rule?.kind, thresholdKinds)) {
    case "value":
      checkKeys(where, rule, ["kind", "alpha", "squareRoot"]);
      break;
    case "percent":
      checkKeys(where, rule, ["kind", "k"]);
      break;
    default:
      checkKeys(where, rule, ["kind", "alpha"]);
  }
  if (rule.kind === "percent") numberIn(`${where}: k`, rule.k, { min: 0, max: 100 });
  else numberIn(`${where}: alpha`, rule.alpha, { min: 0, max: rule.kind === "mean" ? undefined : 1 });
  return rule;
}

/**
 * The least value of `map` ([H, W], any unit) that each rule keeps: the rule keeps exactly the pixels {h ≥ level}. Infinity
 * where it keeps none. The values are sorted once for all rules. Sums are in float64.
 *
 * Throws a {@link MisuseError} for a rule that is not one or a tensor that is no map, and a {@link BadInputError} if a value
 * of the map is not finite.
 */
export function thresholdLevels(map: FloatTensor, rules: readonly ThresholdRule[]): number[] {
  checkForm("thresholdLevels: map", map, ["dtype", "data", "shape"]);
  checkForm("thresholdLevels: rules", rules, "list");
  for (const rule of rules) checkThresholdRule("threshold", rule);
  const { shape, data } = map;
  if (shape.length !== 2 || data.length === 0) {
    throw new MisuseError({
      where: "threshold",
      what: "not a map",
      expected: "[H, W] with at least one pixel",
      got: `[${shape.join(", ")}]`,
    });
  }
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) throw notFinite(i, shape[1], data[i]);
    sum += data[i];
  }
  const falling = fallingOrder(data);
  const ascending = new Float32Array(data.length);
  for (let k = 0; k < data.length; k++) ascending[data.length - 1 - k] = data[falling[k]];
  // Summed from the greatest, in the order in which a share of it is accumulated below, so that α = 1 is reached exactly.
  const energies = new Float64Array(data.length + 1);
  for (let k = 1; k <= data.length; k++) energies[k] = energies[k - 1] + Math.max(0, ascending[data.length - k]);
  return rules.map((rule) => levelOf(rule, { ascending, mean: sum / data.length, energies }));
}

function notFinite(pixel: number, width: number, value: number): BadInputError {
  return new BadInputError({
    where: "threshold",
    what: `pixel (${pixel % width}, ${Math.floor(pixel / width)}) of the map is not a finite number`,
    got: String(value),
  });
}

interface Values {
  readonly ascending: Float32Array;
  readonly mean: number;
  /** At [k], the sum of the k greatest values, negative ones counted as 0. */
  readonly energies: Float64Array;
}

function levelOf(rule: ThresholdRule, { ascending, mean, energies }: Values): number {
  const count = ascending.length;
  const [min, max] = [ascending[0], ascending[count - 1]];
  switch (rule.kind) {
    case "value": {
      const range = max - min;
      if (range === 0) return min;
      const isKept = rule.squareRoot
        ? (value: number) => Math.sqrt((value - min) / range) >= rule.alpha
        : (value: number) => value - min >= rule.alpha * range;
      return valueAt(
        ascending,
        firstWhere(count, (i) => isKept(ascending[i])),
      );
    }
    case "mean":
      return valueAt(
        ascending,
        firstWhere(count, (i) => ascending[i] >= rule.alpha * mean),
      );
    case "percent":
      // The small term keeps 7 % of 100 at 7 pixels where the product is not exact.
      return valueAt(ascending, count - Math.ceil((rule.k * count) / 100 - 1e-9));
    case "energy": {
      if (rule.alpha === 0 || energies[count] === 0) return Infinity;
      const enough = firstWhere(count, (k) => energies[k] >= rule.alpha * energies[count]);
      return ascending[count - enough];
    }
  }
}

function valueAt(ascending: Float32Array, index: number): number {
  return index < ascending.length ? ascending[index] : Infinity;
}

/** The least i in [0, count) for which `isTrue`, which stays true once it is; `count` if there is none. */
function firstWhere(count: number, isTrue: (i: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isTrue(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The pixels of `map` ([H, W], any unit) that `rule` keeps, as a mask [H, W]. Throws as {@link thresholdLevels} does. */
export function threshold(map: FloatTensor, rule: ThresholdRule): Mask {
  checkTensor("threshold", map, "a map [H, W]");
  const [level] = thresholdLevels(map, [rule]);
  const data = new Uint8Array(map.data.length);
  for (let i = 0; i < data.length; i++) data[i] = map.data[i] >= level ? 1 : 0;
  return { dtype: "bool", shape: map.shape, data };
}
