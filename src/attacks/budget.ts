/** @file Budgets: how far from the clean image an adversarial image may be, and the projections that keep it there. */
import { MisuseError } from "../errors.ts";
import { projectBox, projectL2Ball, projectLinfBall } from "../optimize/projections.ts";
import type { Projection } from "../optimize/solver.ts";

export const norms = ["linf", "l2"] as const;
export type Norm = (typeof norms)[number];

/** A ball around the clean image, in pixels of [0, 1]. The bounds [0, 1] hold as well. */
export interface Budget {
  readonly norm: Norm;
  readonly epsilon: number;
}

/** The radius of the ℓ∞ ball of section 5 of the paper. */
export const paperEpsilon = 8 / 255;

/** `epsilon`, if it can be the radius of a ball in [0, 1]ⁿ; otherwise throws a MisuseError that says what was probably meant. */
export function checkEpsilon(where: string, epsilon: unknown, norm: Norm = "linf", elements = 1): number {
  const most = norm === "linf" ? 1 : Math.sqrt(elements);
  if (typeof epsilon === "number" && epsilon > 0 && epsilon <= most) return epsilon;
  throw new MisuseError({
    where: `${where}: epsilon`,
    what: "value out of range",
    expected: `a number above 0 and up to ${Number(most.toFixed(2))}, in pixels of [0, 1]`,
    got: String(epsilon),
    advice:
      norm === "linf" && typeof epsilon === "number" && epsilon > 1 && epsilon <= 255
        ? `Did you mean ${epsilon}/255?`
        : undefined,
  });
}

/**
 * The projection on the images [C, H, W] within the budget of `center` and within [0, 1]; without a budget, on [0, 1] alone.
 * A center outside of [0, 1] (a noisy image) is possible for ℓ∞, as long as ball and bounds meet.
 */
export function projectOnBudget(center: Float32Array, budget: Budget | undefined): Projection {
  if (budget === undefined) return projectBox(0, 1);
  const project = budget.norm === "linf" ? projectLinfBall : projectL2Ball;
  return project(center, budget.epsilon, 0, 1);
}

/**
 * `image` as 8 bits per channel store it: each element the float32 nearest to k/255. In an ℓ∞ ball k is the nearest of the
 * levels inside the ball, where there is one, so that rounding does not leave the budget; an ℓ2 ball may be left by the rounding.
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
  const epsilon = budget?.norm === "linf" ? budget.epsilon : undefined;
  return image.map((x, i) => {
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
    return rounded / 255;
  });
}

/** What float32 pixels may miss an 8-bit level by, in levels. */
const levelTolerance = 1e-4;
