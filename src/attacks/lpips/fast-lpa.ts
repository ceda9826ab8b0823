/**
 * @file Fast-LPA: one run of LPA with a penalty on a schedule, made for training.
 *
 * Source: Laidlaw, Singla and Feizi, "Perceptual adversarial robustness: defense against unseen threat models", ICLR 2021, appendix A.3, by the numbers and the
 * order of events of the authors' code (perceptual-advex 0.2.6).
 */
import { countOption, flagOption, numberOption } from "../../options/option.ts";
import type { AttackTask } from "../attack.ts";
import { type LpipsAsk, type Search, searchTogether } from "../autoattack/ask.ts";
import { defineAttack } from "../define-attack.ts";
import type { Found } from "../lockstep.ts";
import { judgedByLpips, stepByLpips } from "./lpa.ts";
import { type LpipsPlan, layersOf, lpipsOptions, noFloor, noisyStart } from "./lpips-options.ts";
import { projectByLpips } from "./lpips-projection.ts";

/** Everything that the search needs. */
export interface FastLpaSettings extends LpipsPlan {
  readonly steps: number;
  readonly weight: number;
  readonly project: boolean;
}

/** How far ahead the distance is looked at, in ℓ2. */
const probe = 0.1;

/**
 * Fast-LPA. Its bound is soft unless `project` is set: `isWithinBound` of the details says whether the image keeps to it. Details: `distance`, the LPIPS
 * distance of the image in the layers compared.
 */
export const fastLpa = defineAttack({
  name: "fast-lpa",
  title: "Fast-LPA",
  source: "Laidlaw, Singla and Feizi, Perceptual adversarial robustness (ICLR 2021), fast Lagrangian perceptual attack",
  summary: "LPA in one run, with a penalty that grows as the steps shrink; its bound is soft unless it is projected.",
  version: 1,
  isBoundedByLpips: true,
  options: {
    ...lpipsOptions,
    steps: countOption("Steps, a gradient and a run forward each.", { fallback: 20 }),
    weight: numberOption("λ: the penalty at the end; it begins at a tenth of it.", { above: 0, fallback: 10 }),
    project: flagOption("Whether the last image is brought back to within the bound.", { fallback: false }),
  },
  search({ bound, layers, steps, weight, project }, classifier) {
    const settings: FastLpaSettings = { bound, steps, weight, project, layers: layersOf(classifier, layers) };
    return {
      settings: { ...settings, layers: settings.layers.map(({ name }) => name) },
      gradients: steps + (project ? 10 : 0),
      layers: settings.layers,
      run: (tasks, context) =>
        searchTogether(
          tasks.map((task) => fastLpaSearch(task, settings)),
          context,
        ),
    };
  },
});

/** The search for one image, from a noisy copy of it unless told otherwise. */
export function* fastLpaSearch(
  task: AttackTask,
  settings: FastLpaSettings,
  start: Float32Array = noisyStart(task),
): Search<Found<undefined>> {
  const { goal, activations: features, image } = task;
  const { bound, layers, steps, weight, project } = settings;
  const point = start.slice();
  const ahead = new Float32Array(point.length);
  for (let step = 0; step < steps; step++) {
    const terms = {
      ...{ classIndex: goal.classIndex, targeted: goal.targeted, marginWeight: 1, marginFloor: noFloor },
      ...{ distanceWeight: weight * 0.1 ** (1 - step / steps), bound },
    };
    const ask: LpipsAsk = { point, from: features, layers, terms };
    const answer = yield ask;
    const stepSize = bound * 0.1 ** (step / steps);
    yield* stepByLpips(point, ahead, answer, { stepSize, probe, layers, unit: probe, least: 1e-4 });
  }
  if (project) yield* projectByLpips(point, { image, features }, settings);
  return { point, details: yield* judgedByLpips(point, features, settings) };
}
