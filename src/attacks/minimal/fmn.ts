/**
 * @file FMN: steps along the gradient of the margin in a ball whose radius shrinks while the image is adversarial and grows while it is not.
 *
 * Source: Pintor, Roli, Brendel and Biggio, "Fast minimum-norm adversarial attacks through adaptive norm constraints", NeurIPS 2021, algorithm 1,
 * by the numbers of the authors' code.
 */
import { countOption, derived, numberOption, wordOption } from "../../options/option.ts";
import type { ValuesOf } from "../../options/schema.ts";
import { euclideanNorm, indexOfLargest, largestMagnitude, sumOfMagnitudes } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import { type Ask, type Search, searchTogether } from "../autoattack/ask.ts";
import { defineAttack } from "../define-attack.ts";
import type { Found } from "../lockstep.ts";

const options = {
  norm: wordOption(
    "The norm of the change. ℓ0 counts elements, that is each channel of a pixel, where distances count pixels.",
    ["l2", "linf", "l1", "l0"],
    { fallback: "l2" },
  ),
  steps: countOption("Steps, a gradient each.", { fallback: 100 }),
  stepSize: numberOption("α: the length of the first step in ℓ2; steps shrink as a cosine does.", {
    above: 0,
    fallback: 1,
  }),
  lastStepSize: numberOption("The length that steps shrink to.", {
    above: 0,
    fallback: derived("a hundredth of stepSize"),
  }),
  gamma: numberOption("γ: by what share the radius changes at first; it shrinks to 0.001.", {
    above: 0,
    below: 1,
    fallback: 0.05,
  }),
};

type Settings = Omit<ValuesOf<typeof options>, "lastStepSize"> & { readonly lastStepSize: number };

/**
 * FMN from the image itself; the answer is the least change that reached the goal, and, where none did, the last point. Details: its `distance` in the
 * norm, null without one. It has no budget. Deviation: in ℓ0 the radius stays at 1 at least; in the authors' code it falls to 0, which keeps all elements.
 * Deviation: until the goal is reached the first time, the radius is 10⁻⁶ of it larger, or an image would stay on the boundary of a linear network; and
 * after a quarter of the steps without success it grows by γ at least, as it does after a success.
 */
export const fmn = defineAttack({
  name: "fmn",
  title: "FMN",
  source: "Pintor et al., Fast minimum-norm adversarial attacks through adaptive norm constraints (NeurIPS 2021)",
  summary:
    "Steps along the margin's gradient in a ball that shrinks while the image is adversarial: the least ℓ0, ℓ1, ℓ2 or ℓ∞.",
  version: 2,
  options,
  search({ norm, steps, stepSize, lastStepSize = stepSize / 100, gamma }) {
    const settings: Settings = { norm, steps, stepSize, lastStepSize, gamma };
    return {
      settings: { ...settings },
      gradients: steps,
      run: (tasks, context) =>
        searchTogether(
          tasks.map((task) => fmnSearch(task, settings)),
          context,
        ),
    };
  },
});

/** Where the network is linear a step ends on the boundary itself, up to rounding, and the next would as well: so much farther it is crossed. */
const beyond = 1 + 1e-6;

/**
 * For this share of the steps a radius that reaches the linearized boundary is believed to do. Where the margin flattens on the way, or the picture's
 * bounds cut a part of the step off, such radii come ever closer to the boundary from the wrong side.
 */
const trusted = 0.25;

/** What γ shrinks to. */
const lastGamma = 0.001;

/** The search for one image. */
export function* fmnSearch({ image, goal }: AttackTask, settings: Settings): Search<Found<undefined>> {
  const { norm, steps, stepSize, lastStepSize, gamma } = settings;
  const { lengthOf, dualOf, project } = norms[norm];
  const point = image.slice();
  const change = new Float32Array(image.length);
  const best = new Float32Array(image.length);
  const farthest = lengthOf(image.map((x) => Math.max(x, 1 - x)));
  let [radius, distance, wasReached] = [norm === "l0" ? 1 : Infinity, farthest, false];
  const ask: Ask = { point, margin: goal };
  for (let step = 0; step < steps; step++) {
    const left = (1 + Math.cos((Math.PI * step) / steps)) / 2;
    const share = lastGamma + (gamma - lastGamma) * left;
    const { logits, gradients } = yield ask;
    const [gradient] = gradients;
    const isReached = goal.isReached(indexOfLargest(logits));
    const length = lengthOf(change);
    if (isReached && length <= distance) {
      distance = length;
      best.set(change);
    }
    wasReached ||= isReached;
    // In ℓ0 the least change so far may be none: before the first success it bounds nothing.
    const least = lengthOf(best);
    if (norm === "l0") {
      radius = isReached
        ? Math.min(radius - 1, Math.floor(radius * (1 - share)), least)
        : Math.max(radius + 1, Math.floor(radius * (1 + share)));
      radius = Math.max(radius, 1);
    } else if (isReached) radius = Math.min(radius * (1 - share), least);
    else if (wasReached) radius *= 1 + share;
    else {
      const nearest = (length + Math.abs(goal.margin(logits)) / dualOf(gradient)) * beyond;
      radius = step < steps * trusted ? nearest : Math.max(nearest, radius * (1 + share));
    }
    radius = Math.min(radius, farthest);
    const factor = (lastStepSize + (stepSize - lastStepSize) * left) / Math.max(euclideanNorm(gradient), 1e-12);
    for (let i = 0; i < change.length; i++) change[i] -= factor * gradient[i];
    project(change, radius);
    for (let i = 0; i < point.length; i++) {
      point[i] = Math.min(Math.max(image[i] + change[i], 0), 1);
      change[i] = point[i] - image[i];
    }
  }
  if (!wasReached) return { point, details: { distance: null } };
  return { point: image.map((x, i) => x + best[i]), details: { distance } };
}

interface NormRule {
  lengthOf(change: Float32Array): number;
  dualOf(gradient: Float32Array): number;
  /** Moves the change, in place, into the ball of the radius. */
  project(change: Float32Array, radius: number): void;
}

const norms: Readonly<Record<Settings["norm"], NormRule>> = {
  l2: {
    lengthOf: euclideanNorm,
    dualOf: euclideanNorm,
    project(change, radius) {
      const length = euclideanNorm(change);
      if (length > radius) for (let i = 0; i < change.length; i++) change[i] *= radius / length;
    },
  },
  linf: {
    lengthOf: largestMagnitude,
    dualOf: sumOfMagnitudes,
    project(change, radius) {
      for (let i = 0; i < change.length; i++) change[i] = Math.min(Math.max(change[i], -radius), radius);
    },
  },
  l1: { lengthOf: sumOfMagnitudes, dualOf: largestMagnitude, project: projectOnL1Ball },
  l0: {
    lengthOf: (change) => change.reduce((count, x) => count + Number(x !== 0), 0),
    // Of no use: the radius is a count.
    dualOf: () => 1,
    project(change, radius) {
      if (radius >= change.length) return;
      const magnitudes = change.map(Math.abs).sort();
      const least = magnitudes[change.length - radius];
      for (let i = 0; i < change.length; i++) if (Math.abs(change[i]) < least) change[i] = 0;
    },
  },
};

/**
 * The Euclidean projection on the ℓ1 ball: every magnitude is lowered by the θ for which Σ max(|x| − θ, 0) is the radius. The sum is convex and
 * falls with θ, so that Newton's iteration from 0 climbs to the root.
 */
function projectOnL1Ball(change: Float32Array, radius: number): void {
  let theta = 0;
  for (;;) {
    let [sum, count] = [0, 0];
    for (let i = 0; i < change.length; i++) {
      const above = Math.abs(change[i]) - theta;
      if (above <= 0) continue;
      sum += above;
      count++;
    }
    if (count === 0 || sum <= radius) break;
    const next = theta + (sum - radius) / count;
    if (next <= theta) break;
    theta = next;
  }
  if (theta === 0) return;
  for (let i = 0; i < change.length; i++) {
    change[i] = Math.sign(change[i]) * Math.max(Math.abs(change[i]) - theta, 0);
  }
}
