/**
 * @file EAD: the least elastic net distance, β‖δ‖₁ + ‖δ‖₂², at which the label changes, by accelerated proximal steps and a search for c.
 *
 * Source: Chen, Sharma, Zhang, Yi and Hsieh, "EAD: elastic-net attacks to deep neural networks via adversarial examples", AAAI 2018, algorithm 1;
 * order of events and search for c as in Foolbox 3.
 */
import { countOption, flagOption, numberOption, wordOption } from "../../options/option.ts";
import type { ValuesOf } from "../../options/schema.ts";
import { squaredDistance } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import { type Ask, type Search, searchTogether } from "../autoattack/ask.ts";
import { defineAttack } from "../define-attack.ts";
import type { Found } from "../lockstep.ts";

const options = {
  beta: numberOption("β: the weight of the ℓ1 distance beside the squared ℓ2 distance.", { min: 0, fallback: 1e-2 }),
  rule: wordOption(
    "By which distance the best success is chosen: the elastic net's (`en`), or ℓ1 alone.",
    ["en", "l1"],
    {
      fallback: "en",
    },
  ),
  confidence: numberOption("κ: how far behind the boundary a success must lie, in logits.", { min: 0, fallback: 0 }),
  constant: numberOption("The first c.", { above: 0, fallback: 1e-3 }),
  stepSize: numberOption("The first step; steps shrink with the root of what is left.", { above: 0, fallback: 1e-2 }),
  steps: countOption("Steps for each c, at most: a gradient and a run forward each.", { fallback: 1000 }),
  searchSteps: countOption("Values of c that are tried.", { fallback: 9 }),
  abort: flagOption("Whether a c is given up when a tenth of the steps has not lowered the loss by 10⁻⁴ of it.", {
    fallback: true,
  }),
};

type Settings = ValuesOf<typeof options>;

/**
 * The attack; the result is the best success over all steps, or the clean image. It has no budget. Deviation: where a batch is attacked, Foolbox gives a c
 * up by the loss of the batch; here each image is on its own, which is the same for one image. The paper takes 1000 steps for each c, as here; Foolbox 10 000.
 */
export const ead = defineAttack({
  name: "ead",
  title: "EAD",
  source: "Chen et al., EAD: elastic-net attacks to deep neural networks via adversarial examples (AAAI 2018)",
  summary:
    "Accelerated steps that shrink small changes to none, for the least ℓ1 and squared ℓ2 together, and a search for c.",
  version: 1,
  options,
  search: (settings) => ({
    settings: { ...settings },
    gradients: settings.steps * settings.searchSteps,
    run: (tasks, context) =>
      searchTogether(
        tasks.map((task) => eadSearch(task, settings)),
        context,
      ),
  }),
});

/** The search for one image. Details: the `distance` by the rule and the `constant` of the last c that succeeded, null without one. */
export function* eadSearch({ image, goal }: AttackTask, settings: Settings): Search<Found<undefined>> {
  const { beta, rule, confidence, steps, searchSteps, abort } = settings;
  const point = new Float32Array(image.length);
  const ahead = new Float32Array(image.length);
  const best = image.slice();
  let [distance, constant, lower, upper] = [Infinity, settings.constant, 0, Infinity];
  const gradientAsk: Ask = { point: ahead, margin: goal };
  const forwardAsk: Ask = { point, of: "logits", seeds: [] };
  const checkEvery = Math.ceil(steps / 10);
  for (let search = 0; search < searchSteps; search++) {
    if (search === searchSteps - 1 && searchSteps >= 10) constant = Math.min(upper, 1e10);
    point.set(image);
    ahead.set(image);
    let [isFound, lastLoss] = [false, Infinity];
    for (let step = 0; step < steps; step++) {
      const stepSize = settings.stepSize * Math.sqrt(1 - step / steps);
      const { logits, gradients } = yield gradientAsk;
      const [gradient] = gradients;
      const miss = goal.margin(logits) + confidence;
      const loss = constant * Math.max(miss, 0) + squaredDistance(ahead, image);
      const share = miss > 0 ? constant : 0;
      const kept = step / (step + 3);
      for (let i = 0; i < point.length; i++) {
        const slope = share * gradient[i] + 2 * (ahead[i] - image[i]);
        const moved = shrunk(ahead[i] - stepSize * slope, image[i], beta);
        ahead[i] = moved + kept * (moved - point[i]);
        point[i] = moved;
      }
      if (abort && step % checkEvery === 0) {
        if (!(loss <= 0.9999 * lastLoss)) break;
        lastLoss = loss;
      }
      const seen = yield forwardAsk;
      if (goal.margin(seen.logits) + confidence >= 0) continue;
      isFound = true;
      const found = distanceBy(rule, beta, point, image);
      if (found >= distance) continue;
      distance = found;
      best.set(point);
    }
    if (isFound) upper = constant;
    else lower = constant;
    constant = upper === Infinity ? constant * 10 : (lower + upper) / 2;
  }
  const isFound = distance < Infinity;
  return { point: best, details: { distance: isFound ? distance : null, constant: isFound ? upper : null } };
}

/** Changes within β become none, others are lowered by β; clipped to [0, 1]. */
function shrunk(value: number, clean: number, beta: number): number {
  if (value - clean > beta) return Math.min(value - beta, 1);
  if (value - clean < -beta) return Math.max(value + beta, 0);
  return clean;
}

function distanceBy(rule: Settings["rule"], beta: number, point: Float32Array, image: Float32Array): number {
  let [l1, squares] = [0, 0];
  for (let i = 0; i < point.length; i++) {
    const change = Math.abs(point[i] - image[i]);
    l1 += change;
    squares += change * change;
  }
  return rule === "l1" ? l1 : beta * l1 + squares;
}
