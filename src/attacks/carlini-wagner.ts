/**
 * @file The ℓ2 attack of Carlini and Wagner: the least distance at which the label changes, by Adam on distance plus c times the
 * margin, and a search for the smallest c that succeeds.
 *
 * Source: Carlini and Wagner, "Towards evaluating the robustness of neural networks" (2017), section V; preset `odds` by the
 * numbers of the code of Roth, Kilcher and Hofmann 2019.
 */
import type { Classifier } from "../classifier/classifier.ts";
import { marginOf } from "../classifier/logits.ts";
import { numberIn, oneOf } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { driveBatch } from "../optimize/drivers.ts";
import type { Evaluation, Query } from "../optimize/solver.ts";
import { squaredDistance } from "../tensor/vector.ts";
import type { AttackMethod, AttackOptions, AttackResult, AttackTask, Found } from "./attack.ts";
import { runAttack } from "./run-attack.ts";

export const carliniWagnerPresets = ["odds", "paper"] as const;
export type CarliniWagnerPreset = (typeof carliniWagnerPresets)[number];

/** The numbers of a preset; each is an option of its own as well. */
export interface CarliniWagnerNumbers {
  /** κ: how far behind the boundary a success must lie, in logits. */
  readonly confidence: number;
  /** The first c. */
  readonly constant: number;
  /** Adam's. */
  readonly learningRate: number;
  /** Steps of Adam for each c, at most. */
  readonly steps: number;
  /** Values of c that are tried. */
  readonly searchSteps: number;
  /** How [0, 1] is kept: the perturbed image is clipped, or it is (tanh(w) + 1)/2 for a free w. */
  readonly bounds: "clip" | "tanh";
  /** Whether each c starts from the clean image with an Adam of its own, rather than from where the last one ended. */
  readonly restart: boolean;
  /**
   * A tenth of the steps after the last check, a c is given up if its loss is above 0.9999 times what it was then: the loss of the
   * image, the loss of all images of the batch together, or never.
   */
  readonly abort: "image" | "batch" | "never";
}

const presets: Readonly<Record<CarliniWagnerPreset, CarliniWagnerNumbers>> = {
  odds: {
    confidence: 0,
    constant: 1e-4 / 255 ** 2,
    learningRate: 1e-4,
    steps: 300,
    searchSteps: 10,
    bounds: "clip",
    restart: false,
    abort: "image",
  },
  paper: {
    confidence: 0,
    constant: 1e-3,
    learningRate: 1e-2,
    steps: 1000,
    searchSteps: 9,
    bounds: "tanh",
    restart: true,
    abort: "image",
  },
};

export interface CarliniWagnerOptions extends AttackOptions, Partial<CarliniWagnerNumbers> {
  /**
   * `odds` (default): the published code of Roth et al., c from 1.5·10⁻⁹ by factors of ten and Adam at 10⁻⁴, which goes on from
   * one c to the next. Its first c are so small that nearly nothing happens before the sixth. `paper`: tanh and binary search.
   */
  readonly preset?: CarliniWagnerPreset;
}

const numbers = [
  "confidence",
  "constant",
  "learningRate",
  "steps",
  "searchSteps",
  "bounds",
  "restart",
  "abort",
] as const satisfies readonly (keyof CarliniWagnerNumbers)[];

/**
 * The attack; the result is the success of least ℓ2 distance over all steps, or the clean image. It has no budget.
 *
 * With preset `odds`, the order of events is that of the published code where it changes the result: an image is recorded before
 * the step that follows it, and the check that gives a c up comes before the recording. Deviation: the published code checks the
 * loss of the whole batch, so that an image's result depends on the others; that is `abort: "batch"`, and with `abort: "image"`
 * each image is on its own. The two are the same for one image.
 * Deviation: preset `paper` takes 1000 steps for each c, where Carlini and Wagner's code takes up to 10 000 (`steps`).
 */
export const carliniWagner: AttackMethod<CarliniWagnerOptions> = {
  name: "carlini-wagner",
  title: "Carlini–Wagner",
  source: "Carlini and Wagner, Towards evaluating the robustness of neural networks (IEEE S&P 2017), the ℓ2 attack",
  summary:
    "Adam on the squared ℓ2 distance plus c times the margin, and a search for the smallest c that flips the label.",
  version: 2,
  presets: carliniWagnerPresets,
  optionKeys: ["preset", ...numbers],
  plan(_, options) {
    const preset = oneOf("carlini-wagner: preset", options.preset ?? "odds", carliniWagnerPresets);
    const given = Object.fromEntries(
      numbers.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
    );
    const plan: CarliniWagnerNumbers = { ...presets[preset], ...given };
    const where = (key: keyof CarliniWagnerNumbers): string => `carlini-wagner: ${key}`;
    numberIn(where("confidence"), plan.confidence, { min: 0 });
    numberIn(where("constant"), plan.constant, { min: Number.MIN_VALUE });
    numberIn(where("learningRate"), plan.learningRate, { min: Number.MIN_VALUE });
    numberIn(where("steps"), plan.steps, { min: 1, integer: true });
    numberIn(where("searchSteps"), plan.searchSteps, { min: 1, integer: true });
    oneOf(where("bounds"), plan.bounds, ["clip", "tanh"]);
    oneOf(where("abort"), plan.abort, ["image", "batch", "never"]);
    return {
      budget: undefined,
      settings: { preset, ...plan },
      async search(tasks, { classifier, batch, signal, onGradients }) {
        const pass = await classifier.marginGradients({ batch });
        const problems = tasks.map(({ label, target }) => ({
          classIndex: target ?? label,
          targeted: target !== undefined,
        }));
        /** c of each image at the moment. */
        const constants = tasks.map(() => plan.constant);
        // With tanh a white pixel is 1 − 5·10⁻⁷ at the start; the distance is taken from there, or it would have a slope at once.
        const origins = tasks.map(({ image }) => (plan.bounds === "clip" ? image : tanhVariable(image).point()));
        return driveBatch(
          tasks.map((task, n) => searchOf(task, origins[n], plan, (constant) => (constants[n] = constant))),
          async (points, active) => {
            const evaluations = await pass.run(
              points.map((image, n) => ({ image, ...problems[n] })),
              { signal },
            );
            onGradients(active.filter(Boolean).length);
            const losses = evaluations.map(({ margin }, n) => {
              const penalty = constants[n] * Math.max(margin + plan.confidence, 0);
              return penalty + squaredDistance(points[n], origins[n]);
            });
            const total = losses.reduce((sum, loss, n) => sum + (active[n] ? loss : 0), 0);
            return evaluations.map((evaluation, n) => ({
              ...evaluation,
              value: losses[n],
              watched: plan.abort === "batch" ? total : losses[n],
            }));
          },
          { signal },
        );
      },
    };
  },
};

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

function* searchOf(
  { image, label, target }: AttackTask,
  origin: Float32Array,
  plan: CarliniWagnerNumbers,
  setConstant: (constant: number) => void,
): Generator<Query, Found, CarliniWagnerEvaluation> {
  const variable = plan.bounds === "clip" ? clippedVariable(image) : tanhVariable(image);
  let adam = adamSteps(image.length, plan.learningRate);
  let best = { distance: Infinity, point: image };
  let [constant, lower, upper] = [plan.constant, 0, noUpperBound];
  let gradients = 0;
  const checkEvery = Math.max(1, Math.floor(plan.steps / 10));
  for (let search = 0; search < plan.searchSteps; search++) {
    if (plan.restart && search > 0) {
      adam = adamSteps(image.length, plan.learningRate);
      variable.reset();
    }
    setConstant(constant);
    let succeeded = false;
    let lastLoss = firstLoss;
    for (let step = 0; step < plan.steps; step++) {
      const point = variable.point();
      const { margin, gradient, logits, watched } = yield { point, iteration: gradients + 1 };
      gradients++;
      const distance = squaredDistance(point, image);
      const found = point.slice();
      // ∂/∂x' of c·max(M + κ, 0) + ‖x' − x‖².
      const share = margin + plan.confidence >= 0 ? constant : 0;
      const slope = Float32Array.from(point, (x, i) => share * gradient[i] + 2 * (x - origin[i]));
      variable.move(adam(variable.pullBack(slope)));
      if (plan.abort !== "never" && step % checkEvery === 0) {
        if (watched > 0.9999 * lastLoss) break;
        lastLoss = watched;
      }
      if (marginOf(logits, target ?? label, target !== undefined) + plan.confidence < 0) {
        succeeded = true;
        if (distance < best.distance) best = { distance, point: found };
      }
    }
    if (succeeded) upper = Math.min(upper, constant);
    else lower = Math.max(lower, constant);
    if (upper < noUpperBound) constant = (lower + upper) / 2;
    else if (!succeeded) constant *= 10;
  }
  return {
    point: best.point,
    evaluations: { forward: 0, gradient: gradients },
    details: { constant: upper < noUpperBound ? upper : null },
  };
}

/** What Adam moves, and the image that it stands for. */
interface Variable {
  /** The image x'; the same array every time. */
  point(): Float32Array;
  /** The gradient with respect to the variable from that with respect to x'. */
  pullBack(slope: Float32Array): Float32Array;
  /** Subtracts `step` from the variable. */
  move(step: Float32Array): void;
  reset(): void;
}

/** x' = clip(x + δ); where it is clipped, the gradient with respect to δ is 0, on the bound itself it passes. */
function clippedVariable(image: Float32Array): Variable {
  const delta = new Float32Array(image.length);
  const point = new Float32Array(image.length);
  return {
    point() {
      for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(image[i] + delta[i], 0), 1);
      return point;
    },
    pullBack: (slope) =>
      slope.map((s, i) => {
        const x = Math.fround(image[i] + delta[i]);
        return x >= 0 && x <= 1 ? s : 0;
      }),
    move(step) {
      for (let i = 0; i < delta.length; i++) delta[i] -= step[i];
    },
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
    point() {
      for (let i = 0; i < point.length; i++) point[i] = (Math.tanh(w[i]) + 1) / 2;
      return point;
    },
    pullBack: (slope) => slope.map((s, i) => (s * (1 - Math.tanh(w[i]) ** 2)) / 2),
    move(step) {
      for (let i = 0; i < w.length; i++) w[i] -= step[i];
    },
    reset: () => w.set(start),
  };
}

/** Adam's steps for one gradient after the other, with β = (0.9, 0.999) and 10⁻⁸ beside the root. */
function adamSteps(length: number, learningRate: number): (gradient: Float32Array) => Float32Array {
  const mean = new Float32Array(length);
  const meanSquare = new Float32Array(length);
  let count = 0;
  return (gradient) => {
    count++;
    const factor = learningRate / (1 - 0.9 ** count);
    const correction = 1 / Math.sqrt(1 - 0.999 ** count);
    return gradient.map((g, i) => {
      mean[i] = 0.9 * mean[i] + 0.1 * g;
      meanSquare[i] = 0.999 * meanSquare[i] + 0.001 * g * g;
      return (factor * mean[i]) / (Math.sqrt(meanSquare[i]) * correction + 1e-8);
    });
  };
}

/** What the attack finds for `images` [C, H, W], pixels in [0, 1]; options and errors as {@link CarliniWagnerOptions} and {@link runAttack} say. */
export function carliniWagnerAttack(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: CarliniWagnerOptions = {},
): Promise<AttackResult[]> {
  return runAttack(carliniWagner, classifier, images, options);
}
