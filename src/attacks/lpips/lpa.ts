/**
 * @file LPA: the margin is lowered while a penalty that grows holds the LPIPS distance to its bound.
 *
 * Source: Laidlaw, Singla and Feizi, "Perceptual adversarial robustness: defense against unseen threat models", ICLR 2021, appendix A.2, by the numbers and
 * the order of events of the authors' code (perceptual-advex 0.2.6).
 */
import { countOption, numberOption } from "../../options/option.ts";
import { euclideanNorm, indexOfLargest } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import { type LpipsAsk, type LpipsDistanceAsk, type Search, searchTogether } from "../autoattack/ask.ts";
import { defineAttack } from "../define-attack.ts";
import type { Found } from "../lockstep.ts";
import { type LpipsPlan, layersOf, lpipsOptions, noisyStart } from "./lpips-options.ts";
import { projectByLpips } from "./lpips-projection.ts";

/** Everything that the search needs. */
export interface LpaSettings extends LpipsPlan {
  readonly steps: number;
  readonly searchSteps: number;
  readonly weight: number;
  readonly confidence: number;
  readonly probe: number;
}

/**
 * LPA. The layers compared are the network's own ("self-bounded"). Details: `distance`, the LPIPS distance of the image in those layers, `isWithinBound`, and
 * `weight`, the last λ.
 */
export const lpa = defineAttack({
  name: "lpa",
  title: "LPA",
  source: "Laidlaw, Singla and Feizi, Perceptual adversarial robustness (ICLR 2021), Lagrangian perceptual attack",
  summary:
    "The margin is lowered within a bound on the LPIPS distance in the network's own features, held by a penalty that grows.",
  version: 1,
  isBoundedByLpips: true,
  options: {
    ...lpipsOptions,
    steps: countOption("Steps for each weight of the penalty, a gradient and a run forward each.", { fallback: 20 }),
    searchSteps: countOption("Weights that are tried, each ten times the last.", { fallback: 5 }),
    weight: numberOption("λ: the first weight of the penalty.", { above: 0, fallback: 0.01 }),
    confidence: numberOption("κ: how far behind the boundary the margin is lowered, in logits.", {
      min: 0,
      fallback: 1,
    }),
    probe: numberOption("h: how far ahead the distance is looked at to scale a step, in ℓ2.", {
      above: 0,
      fallback: 0.1,
    }),
  },
  search({ bound, layers, steps, searchSteps, weight, confidence, probe }, classifier) {
    const settings: LpaSettings = {
      ...{ bound, steps, searchSteps, weight, confidence, probe },
      layers: layersOf(classifier, layers),
    };
    return {
      settings: { ...settings, layers: settings.layers.map(({ name }) => name) },
      gradients: steps * searchSteps + 10,
      layers: settings.layers,
      run: (tasks, context) =>
        searchTogether(
          tasks.map((task) => lpaSearch(task, settings)),
          context,
        ),
    };
  },
});

/** The search for one image, from a noisy copy of it unless told otherwise. */
export function* lpaSearch(
  task: AttackTask,
  settings: LpaSettings,
  start: Float32Array = noisyStart(task),
): Search<Found<undefined>> {
  const { goal, activations: features, image } = task;
  const { bound, layers, steps, searchSteps, confidence, probe } = settings;
  const point = start.slice();
  const ahead = new Float32Array(point.length);
  let { weight } = settings;
  let isFound = false;
  for (let search = 0; search < searchSteps && !isFound; search++) {
    let distance = 0;
    for (let step = 0; step < steps && !isFound; step++) {
      const stepSize = bound * 0.1 ** (step / steps);
      const terms = {
        ...{ classIndex: goal.classIndex, targeted: goal.targeted, marginWeight: 1, marginFloor: -confidence },
        ...{ distanceWeight: weight, bound },
      };
      const ask: LpipsAsk = { point, from: features, layers, terms };
      const answer = yield ask;
      distance = answer.distance ?? 0;
      const label = indexOfLargest(answer.logits);
      yield* stepByLpips(point, ahead, answer, { stepSize, probe, layers, unit: probe, least: 1e-8 });
      // What was judged is the point before the step.
      isFound = goal.isReached(label) && distance <= bound;
    }
    if (distance >= bound) weight *= 10;
  }
  const clean = { image, features };
  yield* projectByLpips(point, clean, settings);
  return { point, details: { ...(yield* judgedByLpips(point, clean.features, settings)), weight } };
}

/**
 * Moves `point`, in place, against the gradient of the answer to it, by `stepSize` of LPIPS distance, as a look `probe` ahead tells, and clips it to [0, 1].
 * The authors' code divides the distance by `unit`, and adds `least` to it.
 */
export function* stepByLpips(
  point: Float32Array,
  ahead: Float32Array,
  {
    gradients,
    features = [],
  }: { readonly gradients: readonly Float32Array[]; readonly features?: readonly Float32Array[] },
  given: Pick<LpipsPlan, "layers"> & {
    readonly stepSize: number;
    readonly probe: number;
    readonly unit: number;
    readonly least: number;
  },
): Search<void> {
  const { stepSize, probe, layers, unit, least } = given;
  // Both share memory with answers to others.
  const direction = gradients[0].slice();
  const own = features.map((values) => values.slice());
  const length = euclideanNorm(direction) + 1e-8;
  for (let i = 0; i < direction.length; i++) {
    direction[i] /= length;
    ahead[i] = point[i] - probe * direction[i];
  }
  const ask: LpipsDistanceAsk = { point: ahead, from: own, layers };
  const { distance = 0 } = yield ask;
  const factor = stepSize / (distance / unit + least);
  for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i] - factor * direction[i], 0), 1);
}

/** How far the image that was found is from the clean one; a run forward. */
export function* judgedByLpips(
  point: Float32Array,
  features: readonly Float32Array[],
  { bound, layers }: LpipsPlan,
): Search<{ readonly distance: number; readonly isWithinBound: boolean }> {
  const ask: LpipsDistanceAsk = { point, from: features, layers };
  const { distance = 0 } = yield ask;
  return { distance, isWithinBound: distance <= bound };
}
