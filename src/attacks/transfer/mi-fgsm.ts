/**
 * @file MI-FGSM with diverse inputs and translation: sign steps along a velocity of gradients, made so that the result also fools networks that it was not
 * made on.
 *
 * Sources: Dong, Liao, Pang, Su, Zhu, Hu and Li, "Boosting adversarial attacks with momentum", CVPR 2018; Xie et al. 2019 (see
 * diverse-input.ts); Dong, Pang, Su and Zhu, "Evading defenses to transferable adversarial examples by translation-invariant attacks", CVPR 2019.
 */
import { MisuseError } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { projectLinfBall } from "../../optimize/projections.ts";
import { countOption, derived, numberOption } from "../../options/option.ts";
import { sumOfMagnitudes } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import { type Search, searchTogether } from "../autoattack/ask.ts";
import { askLoss, crossEntropy } from "../autoattack/attack-loss.ts";
import { linfEpsilonOption } from "../budget.ts";
import { defineAttack } from "../define-attack.ts";
import { keepOutside } from "../hold-to-mask.ts";
import type { Found } from "../lockstep.ts";
import { drawPlacement, place, placeBack } from "./diverse-input.ts";

/** Everything that the search needs. */
export interface MiFgsmSettings {
  readonly epsilon: number;
  readonly steps: number;
  readonly stepSize: number;
  readonly momentum: number;
  readonly diversity: number;
  readonly leastSize: number;
  /** 0: gradients are not smoothed. */
  readonly kernel: number;
}

/** The attack; the last point is the answer and is not evaluated. The papers take ε = 16/255 on ImageNet. */
export const miFgsm = defineAttack({
  name: "mi-fgsm",
  title: "MI-FGSM",
  source: "Dong et al., Boosting adversarial attacks with momentum (CVPR 2018)",
  summary:
    "Sign steps along a velocity of gradients, also of diverse inputs and smoothed, to fool other networks as well.",
  version: 1,
  options: {
    epsilon: linfEpsilonOption,
    steps: countOption("Steps.", { fallback: 10 }),
    stepSize: numberOption("The length of a step.", { above: 0, fallback: derived("epsilon / steps") }),
    momentum: numberOption(
      "μ: the share of the velocity that is kept; gradients are scaled to mean magnitude 1 first.",
      {
        min: 0,
        fallback: 1,
      },
    ),
    diversity: numberOption(
      "How probably the gradient is that of the image made smaller and put somewhere on black (DI; 0.5 in the paper).",
      {
        min: 0,
        max: 1,
        fallback: 0,
      },
    ),
    leastSize: numberOption("With diversity, the least size, as a share of the image's.", {
      above: 0,
      below: 1,
      fallback: 0.9,
    }),
    kernel: countOption("The side of the Gaussian that gradients are smoothed by (TI; 15 in the paper); 0: none.", {
      min: 0,
      fallback: 0,
    }),
  },
  search(
    { epsilon, steps, stepSize = epsilon / steps, momentum, diversity, leastSize, kernel },
    { classCount },
    { mask },
  ) {
    if (mask !== undefined && diversity > 0) {
      throw new MisuseError({
        where: "mi-fgsm: diversity",
        what: "inputs that are moved have pixels outside of the mask",
        expected: "0 where there is a mask",
        got: String(diversity),
      });
    }
    const settings: MiFgsmSettings = { epsilon, steps, stepSize, momentum, diversity, leastSize, kernel };
    return {
      budget: { norm: "linf", epsilon },
      settings: { ...settings },
      gradients: steps,
      run: (tasks, context) =>
        searchTogether(
          tasks.map((task) => miFgsmSearch(task, settings, classCount)),
          context,
        ),
    };
  },
});

/** The search for one image. */
export function* miFgsmSearch(
  { image, shape, goal, random, mask }: Pick<AttackTask, "image" | "shape" | "goal" | "random" | "mask">,
  { epsilon, steps, stepSize, momentum, diversity, leastSize, kernel }: MiFgsmSettings,
  classCount: number,
): Search<Found<undefined>> {
  const point = image.slice();
  const [asked, gradient, velocity] = [image.slice(), image.slice(), new Float32Array(image.length)];
  const loss = crossEntropy(goal, classCount);
  const project = projectLinfBall(image, epsilon, 0, 1);
  const smooth = kernel < 2 ? undefined : smoothing(shape, kernel);
  for (let step = 0; step < steps; step++) {
    const placement = diversity === 0 ? undefined : drawPlacement(shape, leastSize, diversity, random);
    if (placement === undefined) asked.set(point);
    else place(point, shape, placement, asked);
    const { gradients } = yield* askLoss(asked, loss);
    if (placement === undefined) gradient.set(gradients[0]);
    else placeBack(gradients[0], shape, placement, gradient);
    smooth?.(gradient);
    if (mask !== undefined) keepOutside(gradient, mask);
    const mean = Math.max(sumOfMagnitudes(gradient) / gradient.length, 1e-30);
    for (let i = 0; i < point.length; i++) {
      velocity[i] = gradient[i] / mean + momentum * velocity[i];
      point[i] += stepSize * Math.sign(velocity[i]);
    }
    project(point);
  }
  return { point };
}

/** Smooths [C, H, W] in place by a Gaussian of `side` samples from −3 to 3 standard deviations, with zeros outside. */
function smoothing([channels, height, width]: ImageTensor["shape"], side: number): (values: Float32Array) => void {
  const weights = Float64Array.from({ length: side }, (_, k) => Math.exp(-((-3 + (6 * k) / (side - 1)) ** 2) / 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const before = Math.floor((side - 1) / 2);
  const line = new Float64Array(Math.max(height, width));
  const along = (values: Float32Array, start: number, count: number, stride: number): void => {
    for (let i = 0; i < count; i++) line[i] = values[start + i * stride];
    for (let i = 0; i < count; i++) {
      let total = 0;
      for (let k = 0; k < side; k++) {
        const at = i + k - before;
        if (at >= 0 && at < count) total += weights[k] * line[at];
      }
      values[start + i * stride] = total / sum;
    }
  };
  return (values) => {
    for (let c = 0; c < channels; c++) {
      const plane = c * height * width;
      for (let row = 0; row < height; row++) along(values, plane + row * width, width, 1);
      for (let column = 0; column < width; column++) along(values, plane + column, height, width);
    }
  };
}
