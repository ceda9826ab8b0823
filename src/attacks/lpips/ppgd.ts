/**
 * @file PPGD: steps that raise the loss most for their LPIPS distance, found by conjugate gradients, each projected back to within the bound.
 *
 * Source: Laidlaw, Singla and Feizi, "Perceptual adversarial robustness: defense against unseen threat models", ICLR 2021, appendix A.1, by the numbers and the
 * order of events of the authors' code (perceptual-advex 0.2.6).
 */
import { countOption, derived, numberOption } from "../../options/option.ts";
import { dot, euclideanNorm, largestMagnitude, squaredNorm } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import { type LpipsAsk, type LpipsDistanceAsk, type Search, searchTogether } from "../autoattack/ask.ts";
import { defineAttack } from "../define-attack.ts";
import type { Found } from "../lockstep.ts";
import { judgedByLpips } from "./lpa.ts";
import { type LpipsPlan, layersOf, lpipsOptions, noisyStart } from "./lpips-options.ts";
import { distanceTerms, projectByLpips } from "./lpips-projection.ts";

/** Everything that the search needs. */
export interface PpgdSettings extends LpipsPlan {
  readonly steps: number;
  readonly stepSize: number;
  readonly solverSteps: number;
  readonly confidence: number;
  readonly probe: number;
}

/** PPGD. Details: `distance`, the LPIPS distance of the image in the layers compared, and `isWithinBound`. */
export const ppgd = defineAttack({
  name: "ppgd",
  title: "PPGD",
  source: "Laidlaw, Singla and Feizi, Perceptual adversarial robustness (ICLR 2021), perceptual projected gradient",
  summary:
    "Steps that lower the margin most for their LPIPS distance in the network's own features, projected back to within a bound.",
  version: 1,
  isBoundedByLpips: true,
  options: {
    ...lpipsOptions,
    steps: countOption("Steps; the authors evaluate with 40.", { fallback: 5 }),
    stepSize: numberOption("The LPIPS distance of a step.", { above: 0, fallback: derived("2 · bound / steps") }),
    solverSteps: countOption("Steps of conjugate gradients for each, a gradient and a run forward each.", {
      fallback: 5,
    }),
    confidence: numberOption("κ: how far behind the boundary the margin is lowered, in logits.", {
      min: 0,
      fallback: 1,
    }),
    probe: numberOption("h: the share of a direction by which derivatives along it are differences.", {
      above: 0,
      fallback: 1e-3,
    }),
  },
  search({ bound, layers, steps, stepSize = (2 * bound) / steps, solverSteps, confidence, probe }, classifier) {
    const settings: PpgdSettings = {
      ...{ bound, steps, stepSize, solverSteps, confidence, probe },
      layers: layersOf(classifier, layers),
    };
    return {
      settings: { ...settings, layers: settings.layers.map(({ name }) => name) },
      gradients: steps * (1 + solverSteps + 10),
      layers: settings.layers,
      run: (tasks, context) =>
        searchTogether(
          tasks.map((task) => ppgdSearch(task, settings)),
          context,
        ),
    };
  },
});

/** The search for one image, from a noisy copy of it unless told otherwise. */
export function* ppgdSearch(
  task: AttackTask,
  settings: PpgdSettings,
  start: Float32Array = noisyStart(task),
): Search<Found<undefined>> {
  const { image, activations: features } = task;
  const point = start.slice();
  for (let step = 0; step < settings.steps; step++) {
    yield* ascend(point, task, settings);
    yield* projectByLpips(point, { image, features }, settings);
  }
  return { point, details: yield* judgedByLpips(point, features, settings) };
}

/** A gradient below this is no direction. */
const leastGradient = 1e-4;
/** With so small a residual, the solver ends after its first step. */
const leastResidual = 0.1;

/**
 * Moves `point`, in place, by the step δ = t (JᵀJ)⁻¹ ∇m, J being the Jacobian of the features and t such that ‖Jδ‖ is the step size, and clips it to [0, 1].
 * With a gradient of almost 0 it stays.
 */
function* ascend(
  point: Float32Array,
  { goal, activations: clean }: Pick<AttackTask, "goal" | "activations">,
  { layers, stepSize, solverSteps, confidence, probe }: PpgdSettings,
): Search<void> {
  const { classIndex, targeted } = goal;
  const margin = { classIndex, targeted, marginWeight: 1, marginFloor: -confidence, distanceWeight: 0, bound: 0 };
  const marginAsk: LpipsAsk = { point, from: clean, layers, terms: margin };
  const { gradients, features = [] } = yield marginAsk;
  const rise = gradients[0].map((slope) => -slope);
  if (largestMagnitude(rise) < leastGradient) return;
  const own = features.map((values) => values.slice());
  const ahead = new Float32Array(point.length);
  /** The features a small way along a direction, and how far they are from those of the point. */
  function* along(direction: Float32Array): Search<{ readonly there: Float32Array[]; readonly distance: number }> {
    for (let i = 0; i < ahead.length; i++) ahead[i] = point[i] + probe * direction[i];
    const ask: LpipsDistanceAsk = { point: ahead, from: own, layers };
    const { distance = 0, features: found = [] } = yield ask;
    return { there: found.map((values) => values.slice()), distance };
  }
  /** JᵀJv: Jv is a difference, and Jᵀ of it the gradient of the distance to the features there, times that distance. */
  function* multiplied(direction: Float32Array): Search<Float32Array> {
    const { there } = yield* along(direction);
    const ask: LpipsAsk = { point, from: there, layers, terms: distanceTerms };
    const answer = yield ask;
    const factor = -(answer.distance ?? 0) / probe;
    return answer.gradients[0].map((slope) => factor * slope);
  }
  const solution = new Float32Array(point.length);
  const residual = rise.slice();
  const direction = rise.slice();
  for (let step = 0; step < solverSteps; step++) {
    const squares = squaredNorm(residual);
    if (step > 0 && squares < leastResidual) break;
    const product = yield* multiplied(direction);
    const length = squares / dot(direction, product);
    if (!Number.isFinite(length)) break;
    for (let i = 0; i < solution.length; i++) {
      solution[i] += length * direction[i];
      residual[i] -= length * product[i];
    }
    const kept = squaredNorm(residual) / squares;
    for (let i = 0; i < direction.length; i++) direction[i] = residual[i] + kept * direction[i];
  }
  if (euclideanNorm(solution) === 0) return;
  const { distance } = yield* along(solution);
  const factor = distance === 0 ? 0 : (stepSize * probe) / distance;
  for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i] + factor * solution[i], 0), 1);
}
