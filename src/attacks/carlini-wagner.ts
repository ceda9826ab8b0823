/**
 * @file The ℓ2 attack of Carlini and Wagner: the least distance at which the label changes, by Adam on distance plus c times the
 * margin, and a search for the smallest c that succeeds.
 *
 * Source: Carlini and Wagner, "Towards evaluating the robustness of neural networks" (2017), section V; preset `odds` by the
 * numbers of the code of Roth, Kilcher and Hofmann 2019.
 */
import type { Evaluation, Query } from "../optimize/solver.ts";
import { adam } from "../optimize/update-rules.ts";
import { countOption, flagOption, numberOption, wordOption } from "../options/option.ts";
import { type OptionsOf, type ValuesOf, withPresets } from "../options/schema.ts";
import { squaredDistance } from "../tensor/vector.ts";
import type { AttackTask, SearchContext } from "./attack.ts";
import { defineAttack } from "./define-attack.ts";
import { type Evaluator, type Found, inLockstep } from "./lockstep.ts";

const options = withPresets(
  {
    doc: "Whose numbers. `odds`: the published code of Roth et al., c from 1.5·10⁻⁹ by factors of ten and Adam at 10⁻⁴, which goes on from one c to the next; its first c are so small that nearly nothing happens before the sixth. `paper`: tanh and binary search.",
    fallback: "odds",
    presets: {
      odds: {},
      paper: { constant: 1e-3, learningRate: 1e-2, steps: 1000, searchSteps: 9, bounds: "tanh", restart: true },
    },
  },
  {
    confidence: numberOption("κ: how far behind the boundary a success must lie, in logits.", { min: 0, fallback: 0 }),
    constant: numberOption("The first c.", { above: 0, fallback: 1e-4 / 255 ** 2 }),
    learningRate: numberOption("Adam's.", { above: 0, fallback: 1e-4 }),
    steps: countOption("Steps of Adam for each c, at most.", { fallback: 300 }),
    searchSteps: countOption("Values of c that are tried.", { fallback: 10 }),
    bounds: wordOption(
      "How [0, 1] is kept: the perturbed image is clipped, or it is (tanh(w) + 1)/2 for a free w.",
      ["clip", "tanh"],
      { fallback: "clip" },
    ),
    restart: flagOption(
      "Whether each c starts from the clean image with an Adam of its own, rather than from where the last one ended.",
      { fallback: false },
    ),
    abort: wordOption(
      "A tenth of the steps after the last check, a c is given up if its loss is above 0.9999 times what it was then: the loss of the image, the loss of all images of the batch together, or never.",
      ["image", "batch", "never"],
      { fallback: "image" },
    ),
  },
);

export type CarliniWagnerOptions = OptionsOf<typeof options>;
type Settings = ValuesOf<typeof options>;

/**
 * The attack; the result is the success of least ℓ2 distance over all steps, or the clean image. It has no budget.
 *
 * With preset `odds`, the order of events is that of the published code where it changes the result: an image is recorded before
 * the step that follows it, and the check that gives a c up comes before the recording. Deviation: the published code checks the
 * loss of the whole batch, so that an image's result depends on the others; that is `abort: "batch"`, and with `abort: "image"`
 * each image is on its own. The two are the same for one image.
 * Deviation: preset `paper` takes 1000 steps for each c, where Carlini and Wagner's code takes up to 10 000 (`steps`).
 */
export const carliniWagner = defineAttack({
  name: "carlini-wagner",
  title: "Carlini–Wagner",
  source: "Carlini and Wagner, Towards evaluating the robustness of neural networks (IEEE S&P 2017), the ℓ2 attack",
  summary:
    "Adam on the squared ℓ2 distance plus c times the margin, and a search for the smallest c that flips the label.",
  version: 2,
  options,
  search: (settings) => ({
    settings: { ...settings },
    gradients: settings.steps * settings.searchSteps,
    run(tasks, context) {
      // With tanh a white pixel is 1 − 5·10⁻⁷ at the start; the distance is taken from there, or it would have a slope at once.
      const origins = tasks.map(({ image }) => (settings.bounds === "clip" ? image : tanhVariable(image).point()));
      /** c of each image at the moment. */
      const constants = tasks.map(() => settings.constant);
      const run = inLockstep(
        () => lossOf(tasks, origins, constants, settings, context),
        (task, n) => search(task, origins[n], settings, (constant) => (constants[n] = constant)),
      );
      return run(tasks, context);
    },
  }),
});

/** The evaluator of the tasks' losses c·max(M + κ, 0) + ‖x' − x‖², with the c that `constants` has at the moment. */
async function lossOf(
  tasks: readonly AttackTask[],
  origins: readonly Float32Array[],
  constants: readonly number[],
  { confidence, abort }: Settings,
  { classifier, batch, signal }: SearchContext,
): Promise<Evaluator<CarliniWagnerEvaluation>> {
  const pass = await classifier.marginGradients({ batch });
  const goals = tasks.map(({ goal }) => goal);
  return async (points, active) => {
    const evaluations = await pass.run(
      points.map((image, n) => ({ image, classIndex: goals[n].classIndex, targeted: goals[n].targeted })),
      { signal },
    );
    const losses = evaluations.map(({ margin }, n) => {
      const penalty = constants[n] * Math.max(margin + confidence, 0);
      return penalty + squaredDistance(points[n], origins[n]);
    });
    const total = losses.reduce((sum, loss, n) => sum + (active[n] ? loss : 0), 0);
    return evaluations.map((evaluation, n) => ({
      ...evaluation,
      value: losses[n],
      watched: abort === "batch" ? total : losses[n],
    }));
  };
}

interface CarliniWagnerEvaluation extends Evaluation {
  /** c·max(M + κ, 0) + ‖x' − x‖². */
  readonly value: number;
  /** Of the margin M, not of the value. */
  readonly gradient: Float32Array;
  readonly margin: number;
  readonly logits: Float32Array;
  /** The loss that decides when to give a c up. */
  readonly watched: number;
}

/** Bisection begins once a success bounds c from above. */
const noUpperBound = 1e10;
/** A loss that any loss is below. */
const firstLoss = 1e6;

function* search(
  { image, goal }: AttackTask,
  origin: Float32Array,
  plan: Settings,
  setConstant: (constant: number) => void,
): Generator<Query, Found<undefined>, CarliniWagnerEvaluation> {
  const variable = plan.bounds === "clip" ? clippedVariable(image) : tanhVariable(image);
  const rule = adam({ stepSize: plan.learningRate });
  let update = rule(variable.values);
  let best = { distance: Infinity, point: image };
  let [constant, lower, upper] = [plan.constant, 0, noUpperBound];
  let gradients = 0;
  const checkEvery = Math.max(1, Math.floor(plan.steps / 10));
  for (let search = 0; search < plan.searchSteps; search++) {
    if (plan.restart && search > 0) {
      update = rule(variable.values);
      variable.reset();
    }
    setConstant(constant);
    let succeeded = false;
    let lastLoss = firstLoss;
    for (let step = 0; step < plan.steps; step++) {
      const point = variable.point();
      const { margin, gradient, logits, watched } = yield { point, iteration: ++gradients };
      const distance = squaredDistance(point, image);
      const found = point.slice();
      // ∂/∂x' of c·max(M + κ, 0) + ‖x' − x‖².
      const share = margin + plan.confidence >= 0 ? constant : 0;
      const slope = Float32Array.from(point, (x, i) => share * gradient[i] + 2 * (x - origin[i]));
      update(variable.pullBack(slope), variable.values, variable.values);
      if (plan.abort !== "never" && step % checkEvery === 0) {
        if (watched > 0.9999 * lastLoss) break;
        lastLoss = watched;
      }
      if (goal.margin(logits) + plan.confidence < 0) {
        succeeded = true;
        if (distance < best.distance) best = { distance, point: found };
      }
    }
    if (succeeded) upper = Math.min(upper, constant);
    else lower = Math.max(lower, constant);
    if (upper < noUpperBound) constant = (lower + upper) / 2;
    else if (!succeeded) constant *= 10;
  }
  return { point: best.point, details: { constant: upper < noUpperBound ? upper : null } };
}

/** What Adam moves, and the image that it stands for. */
interface Variable {
  readonly values: Float32Array;
  /** The image x'; the same array every time. */
  point(): Float32Array;
  /** The gradient with respect to the variable from that with respect to x'. */
  pullBack(slope: Float32Array): Float32Array;
  /** Back to the clean image. */
  reset(): void;
}

/** x' = clip(x + δ); where it is clipped, the gradient with respect to δ is 0, on the bound itself it passes. */
function clippedVariable(image: Float32Array): Variable {
  const delta = new Float32Array(image.length);
  const point = new Float32Array(image.length);
  return {
    values: delta,
    point() {
      for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(image[i] + delta[i], 0), 1);
      return point;
    },
    pullBack: (slope) =>
      slope.map((s, i) => {
        const x = Math.fround(image[i] + delta[i]);
        return x >= 0 && x <= 1 ? s : 0;
      }),
    reset: () => delta.fill(0),
  };
}

/** How near to the bounds a clean pixel of the tanh variable may be: w stays finite. */
const tanhScale = 0.999999;

/** x' = (tanh(w) + 1)/2, from w = atanh(0.999999·(2x − 1)). */
function tanhVariable(image: Float32Array): Variable {
  const start = image.map((x) => Math.atanh(tanhScale * (2 * x - 1)));
  const w = start.slice();
  const point = new Float32Array(image.length);
  return {
    values: w,
    point() {
      for (let i = 0; i < point.length; i++) point[i] = (Math.tanh(w[i]) + 1) / 2;
      return point;
    },
    pullBack: (slope) => slope.map((s, i) => (s * (1 - Math.tanh(w[i]) ** 2)) / 2),
    reset: () => w.set(start),
  };
}
