/** @file The fast gradient sign method: one step of the whole budget along the gradient of the cross-entropy. */
import type { Classifier } from "../classifier/classifier.ts";
import { oneOf } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { driveBatch } from "../optimize/drivers.ts";
import type { Query } from "../optimize/solver.ts";
import type { AttackMethod, AttackOptions, AttackResult, AttackTask, Found } from "./attack.ts";
import { checkEpsilon, type Norm, norms, paperEpsilon } from "./budget.ts";
import { type LikelihoodEvaluation, likelihoodOf } from "./likelihood.ts";
import { type GradientSteps, projectedGradient } from "./projected-gradient.ts";
import { runAttack } from "./run-attack.ts";

export interface FgsmOptions extends AttackOptions {
  /** `linf` (default): x + ε·sign(∇). `l2`: x + ε·∇/‖∇‖₂, the fast gradient method. */
  readonly norm?: Norm;
  /** The length of the step, in pixels of [0, 1]. Default 8/255; in ℓ2, 8/255 times the root of the number of elements. */
  readonly epsilon?: number;
}

export const fgsm: AttackMethod<FgsmOptions> = {
  name: "fgsm",
  title: "FGSM",
  source: "Goodfellow, Shlens and Szegedy, Explaining and harnessing adversarial examples (ICLR 2015)",
  summary: "One step of length epsilon along the sign of the gradient of the cross-entropy, clipped to [0, 1].",
  version: 1,
  presets: [],
  optionKeys: ["norm", "epsilon"],
  plan({ input }, options) {
    const elements = input.channelCount * input.height * input.width;
    const norm = oneOf("fgsm: norm", options.norm ?? "linf", norms);
    const defaultEpsilon = norm === "linf" ? paperEpsilon : paperEpsilon * Math.sqrt(elements);
    const epsilon = checkEpsilon("fgsm", options.epsilon ?? defaultEpsilon, norm, elements);
    const budget = { norm, epsilon };
    const steps: GradientSteps = { budget, steps: 1, stepSize: epsilon, onSphere: false };
    return {
      budget,
      settings: budget,
      async search(tasks, context) {
        const evaluate = await likelihoodOf(tasks, context);
        return driveBatch(
          tasks.map((task) => searchOf(task, steps)),
          evaluate,
          { signal: context.signal },
        );
      },
    };
  },
};

function* searchOf({ image }: AttackTask, steps: GradientSteps): Generator<Query, Found, LikelihoodEvaluation> {
  const point = yield* projectedGradient(image, image, steps);
  return { point, evaluations: { forward: 0, gradient: 1 } };
}

/** What FGSM finds for `images` [C, H, W], pixels in [0, 1]; options and errors as {@link FgsmOptions} and {@link runAttack} say. */
export function fgsmAttack(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: FgsmOptions = {},
): Promise<AttackResult[]> {
  return runAttack(fgsm, classifier, images, options);
}
