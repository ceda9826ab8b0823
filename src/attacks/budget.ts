/** @file Budgets: how far from the clean image an adversarial image may be, and the projections that keep it there. */
import type { Classifier } from "../classifier/classifier.ts";
import { checkForm, MisuseError } from "../errors.ts";
import { projectL1Ball } from "../optimize/project-l1-ball.ts";
import { projectBox, projectL2Ball, projectLinfBall } from "../optimize/projections.ts";
import type { Projection } from "../optimize/solver.ts";
import { derived, numberOption, wordOption } from "../options/option.ts";
import { kernelsFor } from "../simd/kernels.ts";
import { openWorkspace } from "../simd/workspace.ts";
import { isEqual, rangeOf, squaredDistance } from "../tensor/vector.ts";

export const norms = ["linf", "l2"] as const;
export type Norm = (typeof norms)[number];

/** The norms of balls; ℓ1 is known to few attacks. */
export type BudgetNorm = Norm | "l1";

/** A ball around the clean image, in pixels of [0, 1]. The bounds [0, 1] hold as well. */
export interface Budget<N extends BudgetNorm = BudgetNorm> {
  readonly norm: N;
  readonly epsilon: number;
}

/** The radius of the ℓ∞ ball of section 5 of the paper. */
export const paperEpsilon = 8 / 255;

/** What was probably meant by a radius that is too large: levels of 255. */
function epsilonAdvice(epsilon: unknown): string | undefined {
  return typeof epsilon === "number" && Number.isInteger(epsilon) && epsilon > 1 && epsilon <= 255
    ? `Did you mean ${epsilon}/255?`
    : undefined;
}

/** The radius of an ℓ∞ ball as an option. */
export const linfEpsilonOption = numberOption("The radius of the ℓ∞ ball, in pixels of [0, 1].", {
  above: 0,
  max: 1,
  fallback: paperEpsilon,
  advice: epsilonAdvice,
});

/** The ball as options: its norm and its radius. {@link ballOf} makes a budget of them. */
export const ballOptions = {
  norm: wordOption("The norm of the ball.", norms, { fallback: "linf" }),
  epsilon: numberOption(
    "The radius of the ball, in pixels of [0, 1]; at most 1, in ℓ2 the root of the number of elements.",
    {
      above: 0,
      fallback: derived("8/255; in ℓ2, 8/255 times the root of the number of elements"),
    },
  ),
};

/** The ball with ℓ1 among its norms. */
export const ballOptionsWithL1 = {
  norm: wordOption("The norm of the ball.", [...norms, "l1"], { fallback: "linf" }),
  epsilon: numberOption(
    "The radius of the ball, in pixels of [0, 1]; at most 1, in ℓ2 the root of the number of elements, in ℓ1 their number.",
    {
      above: 0,
      fallback: derived(
        "8/255; in ℓ2, 8/255 times the root of the number of elements; in ℓ1, 12, which is usual on CIFAR-10",
      ),
    },
  ),
};

/** The radius of a ball in ℓ1 where none is given: that of Croce and Hein 2021 on CIFAR-10. */
const usualL1Epsilon = 12;

/** The ball that the options stand for on the images of a network; throws a MisuseError if it is larger than the space. */
export function ballOf<N extends BudgetNorm>(
  where: string,
  given: { readonly norm: N; readonly epsilon: number | undefined },
  all: Pick<Classifier, "input">,
): Budget<N> {
  checkForm("ballOf: where", where, "string");
  checkForm("ballOf: given", given, ["norm"]);
  checkForm("ballOf: all", all, ["input"]);
  const { norm, epsilon } = given;
  const {
    input: { channelCount, height, width },
  } = all;
  const elements = channelCount * height * width;
  const most = norm === "linf" ? 1 : norm === "l1" ? elements : Math.sqrt(elements);
  const radius = epsilon ?? (norm === "l1" ? Math.min(usualL1Epsilon, most) : paperEpsilon * most);
  if (radius <= most) return { norm, epsilon: radius };
  throw new MisuseError({
    where: `${where}: epsilon`,
    what: "value out of range",
    expected: `a number above 0 and up to ${Number(most.toFixed(2))}, in pixels of [0, 1]`,
    got: String(epsilon),
    advice: norm === "linf" ? epsilonAdvice(epsilon) : undefined,
  });
}

/**
 * The projection on the images [C, H, W] within the budget of `center` and within [0, 1]; without a budget, on [0, 1] alone.
 * A center outside of [0, 1] (a noisy image) is possible for ℓ∞, as long as ball and bounds meet.
 */
export function projectOnBudget(center: Float32Array, budget: Budget | undefined): Projection {
  if (budget === undefined) return projectBox(0, 1);
  checkForm("projectOnBudget: budget", budget, ["norm", "epsilon"]);
  const project = { linf: projectLinfBall, l2: projectL2Ball, l1: projectL1Ball }[budget.norm];
  return project(center, budget.epsilon, 0, 1);
}

/**
 * `image` as 8 bits per channel store it: each element the float32 nearest to k/255. In an ℓ∞ ball k is the nearest of the
 * levels inside the ball, where there is one, so that rounding does not leave the budget. In ℓ2 and ℓ1, where the nearest levels of an image inside the ball lie outside of it, those
 * elements that rounding has moved away from the clean image take the next level towards it, the most rounded ones first, until the image is inside.
 *
 * `direction` "nearest" rounds to the nearest level, halves upwards; "outward" to the next level in the direction of the
 * perturbation image − clean, which makes the perturbation larger rather than smaller.
 */
export function roundToBytes(
  image: Float32Array,
  clean: Float32Array,
  budget: Budget | undefined,
  direction: "nearest" | "outward" = "nearest",
): Float32Array {
  checkForm("roundToBytes: image", image, "numbers");
  checkForm("roundToBytes: clean", clean, "numbers");
  if (image.length !== clean.length) {
    const expected = `${clean.length} elements, as the clean one has`;
    throw new MisuseError({ where: "roundToBytes", what: "wrong size of the image", expected, got: `${image.length}` });
  }
  const workspace = openWorkspace(image, { vectors: 3, doubles: 0, integers: 0 });
  try {
    const [x, origin] = [image, clean].map((each) => workspace.adopt(each, workspace.vectors()));
    return writeBytes(x, origin, budget, direction, workspace.vectors()).slice();
  } finally {
    workspace.close();
  }
}

/** {@link roundToBytes} to `bytes`, which is returned. */
export function writeBytes(
  image: Float32Array,
  clean: Float32Array,
  budget: Budget | undefined,
  direction: "nearest" | "outward",
  bytes: Float32Array,
): Float32Array {
  writeLevels(image, clean, budget, direction, bytes);
  if (budget !== undefined && budget.norm !== "linf") pullInside(image, clean, budget, bytes);
  return bytes;
}

/** Takes elements of `bytes` that lie farther from `clean` than those of `image` a level back, the most rounded ones first, until the budget is kept. */
function pullInside(image: Float32Array, clean: Float32Array, { norm, epsilon }: Budget, bytes: Float32Array): void {
  const lengthOf = (distance: number): number => (norm === "l2" ? distance ** 2 : distance);
  // What float32 pixels may miss a radius by.
  const most = lengthOf(epsilon * (1 + 1e-6));
  let length = 0;
  for (let i = 0; i < bytes.length; i++) length += lengthOf(Math.abs(bytes[i] - clean[i]));
  if (length <= most) return;
  const distanceOf = (values: Float32Array, i: number): number => Math.abs(values[i] - clean[i]);
  const rounded = Array.from(bytes.keys()).filter((i) => distanceOf(bytes, i) > distanceOf(image, i));
  const errors = new Map(rounded.map((i) => [i, Math.abs(bytes[i] - image[i])]));
  rounded.sort((a, b) => (errors.get(b) ?? 0) - (errors.get(a) ?? 0) || a - b);
  for (const i of rounded) {
    if (length <= most) return;
    const level = Math.round(255 * bytes[i]);
    const inner = (bytes[i] > clean[i] ? level - 1 : level + 1) / 255;
    const saved = lengthOf(distanceOf(bytes, i)) - lengthOf(Math.abs(inner - clean[i]));
    // A clean value between two levels may have the nearer one already.
    if (saved <= 0) continue;
    bytes[i] = inner;
    length -= saved;
  }
}

/** The levels of {@link roundToBytes}, of which only ℓ∞ keeps to the budget, to `bytes`. */
function writeLevels(
  image: Float32Array,
  clean: Float32Array,
  budget: Budget | undefined,
  direction: "nearest" | "outward",
  bytes: Float32Array,
): void {
  const epsilon = budget?.norm === "linf" ? budget.epsilon : undefined;
  const kernels = kernelsFor(image, clean, bytes);
  if (kernels !== undefined) {
    const [from, origin, to] = [image, clean, bytes].map(({ byteOffset }) => byteOffset);
    kernels.toBytes(from, origin, to, Number(direction === "outward"), epsilon ?? -1, levelTolerance, bytes.length);
    return;
  }
  for (let i = 0; i < image.length; i++) {
    const x = image[i];
    const level = 255 * Math.min(Math.max(x, 0), 1);
    let rounded = Math.floor(level + 0.5);
    if (direction === "outward" && x !== clean[i]) {
      rounded = x > clean[i] ? Math.ceil(level - levelTolerance) : Math.floor(level + levelTolerance);
    }
    if (epsilon !== undefined) {
      const low = Math.max(0, Math.ceil(255 * (clean[i] - epsilon) - levelTolerance));
      const high = Math.min(255, Math.floor(255 * (clean[i] + epsilon) + levelTolerance));
      if (low <= high) rounded = Math.min(Math.max(rounded, low), high);
    }
    bytes[i] = rounded / 255;
  }
}

/** What float32 pixels may miss an 8-bit level by, in levels. */
const levelTolerance = 1e-4;

/** What the perturbation is multiplied by where the nearest levels lose the success. */
const lengths = [1.1, 1.25, 1.6, 2.5];

/** So many images {@link bytesFartherOut} gives at most. */
export const mostBytesFartherOut = lengths.length + 1;

/**
 * The 8-bit images to try, in order, where those nearest to `image` lose what it has reached: `image` rounded outward, and the
 * perturbation image − clean made longer (by a tenth up to two and a half times) and rounded to the nearest levels. They stay within the
 * budget, as {@link roundToBytes} keeps it, and between the least and the greatest value of the two images. The one that is
 * nearest to `clean` in ℓ2 comes first; none equals the nearest levels of `image`, or another.
 */
export function bytesFartherOut(image: Float32Array, clean: Float32Array, budget: Budget | undefined): Float32Array[] {
  const ranges = [rangeOf(image), rangeOf(clean)];
  const low = Math.min(...ranges.map(([least]) => least));
  const high = Math.max(...ranges.map(([, most]) => most));
  const project = projectOnBudget(clean, budget);
  const workspace = openWorkspace(image, { vectors: 5, doubles: 0, integers: 0 });
  try {
    const [x, origin] = [image, clean].map((each) => workspace.adopt(each, workspace.vectors()));
    const [place, bytes] = [workspace.vectors(), workspace.vectors()];
    const round = (from: Float32Array, direction: "nearest" | "outward" = "nearest"): Float32Array =>
      writeBytes(from, origin, budget, direction, bytes).slice();
    const longer = lengths.map((length) => {
      const point = lengthen(x, origin, length, low, high, place);
      project(point);
      return round(point);
    });
    const seen = [round(x)];
    return [round(x, "outward"), ...longer]
      .map((rounded) => ({ bytes: rounded, distance: squaredDistance(rounded, clean) }))
      .sort((a, b) => a.distance - b.distance)
      .flatMap(({ bytes: rounded }) => {
        if (seen.some((other) => isEqual(other, rounded))) return [];
        seen.push(rounded);
        return [rounded];
      });
  } finally {
    workspace.close();
  }
}

/** Writes clean + length·(image − clean), from `low` to `high`, to `longer`, which is returned. */
export function lengthen(
  image: Float32Array,
  clean: Float32Array,
  length: number,
  low: number,
  high: number,
  longer: Float32Array,
): Float32Array {
  const kernels = kernelsFor(image, clean, longer);
  if (kernels !== undefined) {
    kernels.lengthen(image.byteOffset, clean.byteOffset, length, low, high, longer.byteOffset, longer.length);
    return longer;
  }
  for (let i = 0; i < longer.length; i++) {
    longer[i] = Math.min(Math.max(clean[i] + length * (image[i] - clean[i]), low), high);
  }
  return longer;
}
