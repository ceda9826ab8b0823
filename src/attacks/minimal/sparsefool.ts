/**
 * @file SparseFool: DeepFool says where the boundary is and which way it faces; then one element after the other goes to the end of its range until the
 * tangent plane is crossed.
 *
 * Source: Modas, Moosavi-Dezfooli and Frossard, "SparseFool: a few pixels make a big difference", CVPR 2019, algorithms 1 and 2, by the numbers and the
 * order of events of the authors' code.
 */

import { mostProbable } from "../../classifier/logits.ts";
import { countOption, numberOption } from "../../options/option.ts";
import type { ValuesOf } from "../../options/schema.ts";
import { euclideanNorm, indexOfLargest } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import { type Answer, type Ask, type Search, searchTogether } from "../autoattack/ask.ts";
import { oneAt } from "../autoattack/attack-loss.ts";
import { defineAttack } from "../define-attack.ts";
import type { Found } from "../lockstep.ts";

const options = {
  lambda: numberOption("λ: how far behind the boundary the plane lies, in terms of the way there.", {
    min: 1,
    fallback: 3,
  }),
  iterations: countOption("Planes at most.", { fallback: 20 }),
  steps: countOption("Steps of DeepFool for each plane at most.", { fallback: 50 }),
  candidates: countOption("How many classes DeepFool considers: those with the largest logits, the label among them.", {
    min: 2,
    fallback: 10,
  }),
  overshoot: numberOption("η: the share by which changes exceed what is found, in both loops.", {
    min: 0,
    fallback: 0.02,
  }),
  range: numberOption("How far an element may move from the image.", { above: 0, max: 1, fallback: 1 }),
};

type Settings = ValuesOf<typeof options>;

/** The attack. It has no budget but `range`. With a class to reach, DeepFool considers that one alone. */
export const sparsefool = defineAttack({
  name: "sparsefool",
  title: "SparseFool",
  source: "Modas, Moosavi-Dezfooli and Frossard, SparseFool: a few pixels make a big difference (CVPR 2019)",
  summary:
    "One element after the other goes to the end of its range until the boundary that DeepFool finds is crossed.",
  version: 1,
  options,
  search(settings, { classCount }) {
    return {
      settings: { ...settings },
      gradients: settings.iterations * (settings.steps * (Math.min(settings.candidates, classCount) - 1) + 1),
      run: (tasks, context) =>
        searchTogether(
          tasks.map((task) => sparseFoolSearch(task, settings, classCount)),
          context,
        ),
    };
  },
});

/** The search for one image. Details: the planes that it took, and how many elements differ. */
export function* sparseFoolSearch(
  { image, goal, label }: AttackTask,
  settings: Settings,
  classCount: number,
): Search<Found<undefined>> {
  const { iterations, overshoot, range } = settings;
  const low = image.map((x) => Math.max(x - range, 0));
  const high = image.map((x) => Math.min(x + range, 1));
  const point = image.slice();
  const found = image.slice();
  const forwardAsk: Ask = { point: found, of: "logits", seeds: [] };
  let planes = 0;
  while (planes < iterations) {
    const plane = yield* planeBehind(point, label, goal.targeted ? goal.classIndex : undefined, settings, classCount);
    planes++;
    if (plane === undefined) break;
    crossPlane(point, plane, low, high);
    for (let i = 0; i < found.length; i++) {
      found[i] = Math.min(Math.max(image[i] + (1 + overshoot) * (point[i] - image[i]), low[i]), high[i]);
    }
    const { logits } = yield forwardAsk;
    if (goal.isReached(indexOfLargest(logits))) break;
  }
  const elements = found.reduce((count, x, i) => count + Number(x !== image[i]), 0);
  return { point: found, details: { planes, elements } };
}

interface Plane {
  readonly normal: Float32Array;
  /** A point of it. */
  readonly through: Float32Array;
}

/** The plane λ times as far as DeepFool's point on the boundary, which faces as the boundary does there; undefined where a gradient is 0. */
function* planeBehind(
  from: Float32Array,
  label: number,
  target: number | undefined,
  { lambda, steps, candidates, overshoot }: Settings,
  classCount: number,
): Search<Plane | undefined> {
  const point = from.slice();
  const total = new Float64Array(from.length);
  const looked = from.slice();
  let classes: readonly number[] = target === undefined ? [] : [target];
  let own = label;
  let reached = label;
  for (let step = 0; step < steps && reached === own; step++) {
    const isFirst = step === 0;
    if (isFirst && target === undefined) {
      const { logits }: Answer = yield { point, of: "logits", seeds: [] };
      const order = mostProbable(logits, Math.min(candidates, classCount));
      own = order[0];
      reached = own;
      classes = order.slice(1);
    }
    const seeds = classes.map((index) => oneAt(classCount, [index, 1], [own, -1]));
    const { logits, gradients }: Answer = yield { point, of: "logits", seeds };
    let nearest: { readonly way: number; readonly gradient: Float32Array; readonly length: number } | undefined;
    for (const [k, gradient] of gradients.entries()) {
      const length = euclideanNorm(gradient);
      const way = Math.abs(logits[classes[k]] - logits[own]) / length;
      if (length > 0 && (nearest === undefined || way < nearest.way)) nearest = { way, gradient, length };
    }
    if (nearest === undefined) return undefined;
    const factor = Math.max(nearest.way, 1e-4) / nearest.length;
    for (let i = 0; i < point.length; i++) {
      total[i] += factor * nearest.gradient[i];
      point[i] += factor * nearest.gradient[i];
      looked[i] = from[i] + (1 + overshoot) * total[i];
    }
    const { logits: there }: Answer = yield { point: looked, of: "logits", seeds: [] };
    reached = indexOfLargest(there);
    if (target !== undefined && reached !== target) reached = own;
  }
  if (reached === own) reached = classes[0];
  const { gradients } = yield { point, of: "logits", seeds: [oneAt(classCount, [reached, 1], [own, -1])] };
  const [gradient] = gradients;
  const length = euclideanNorm(gradient);
  if (length === 0) return undefined;
  return { normal: gradient.map((g) => g / length), through: from.map((x, i) => x + lambda * total[i]) };
}

/** Moves elements of `point`, in the order of how much they weigh, to or beyond the plane; each once, by what is missing at most, within its range. */
function crossPlane(point: Float32Array, { normal, through }: Plane, low: Float32Array, high: Float32Array): void {
  let missing = 0;
  for (let i = 0; i < point.length; i++) missing += normal[i] * (point[i] - through[i]);
  const side = Math.sign(missing);
  const order = [...normal.keys()]
    .filter((i) => normal[i] !== 0)
    .sort((a, b) => Math.abs(normal[b]) - Math.abs(normal[a]));
  for (const i of order) {
    if (Math.sign(missing) !== side) break;
    const step = Math.max(Math.abs(missing + 0.001 * side) / Math.abs(normal[i]), 1e-4) * Math.sign(normal[i]);
    const before = point[i];
    point[i] = Math.min(Math.max(before + step, low[i]), high[i]);
    missing += normal[i] * (point[i] - before);
  }
}
