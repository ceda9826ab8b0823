/**
 * @file DeepFool: steps to the nearest decision boundary of the network's linearization, until the label changes.
 *
 * Source: Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool: a simple and accurate method to fool deep neural networks", CVPR
 * 2016, algorithm 2 and section 3.4; presets after the two generations of Foolbox.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { throwIfAborted } from "../../errors.ts";
import type { Cost } from "../../options/cost.ts";
import { countOption, numberOption, wordOption } from "../../options/option.ts";
import { type OptionsOf, type ValuesOf, withPresets } from "../../options/schema.ts";
import { euclideanNorm, indexOfLargest, sumOfMagnitudes } from "../../tensor/vector.ts";
import { goalOf } from "../goal.ts";

/** On the way to a target, as a share of the largest logit: well beyond the rounding of float32, well below what can be seen. */
const leastDifference = 1e-5;

/**
 * DeepFool's own options. `foolbox-2` (2.0 to 2.4; what the paper used): at most 100 steps, each 1.05 times the distance to the boundary.
 * `foolbox-3`: at most 50 steps, each 10⁻⁴ longer than the distance; 1.02 times their sum is added to the clean image.
 */
export const deepFoolOptions = withPresets(
  {
    doc: "Which Foolbox. `foolbox-2` (2.0 to 2.4; what the paper used): at most 100 steps, each 1.05 times the distance to the boundary. `foolbox-3`: at most 50 steps, each 10⁻⁴ longer than the distance; 1.02 times their sum is added to the clean image.",
    fallback: "foolbox-2",
    presets: { "foolbox-2": {}, "foolbox-3": { steps: 50, overshoot: 0.02 } },
  },
  {
    norm: wordOption("The norm in which steps are shortest.", ["l2", "linf"], { fallback: "l2" }),
    steps: countOption("The most steps.", { fallback: 100 }),
    candidates: countOption(
      "How many classes are considered: those with the largest logits at the clean image, the label among them.",
      { min: 2, fallback: 10 },
    ),
    overshoot: numberOption("η: the share by which the perturbation exceeds what the linearization asks for.", {
      min: 0,
      fallback: 0.05,
    }),
  },
);

/** What the presets differ in besides their options. */
const ways = {
  "foolbox-2": { overshootOf: "step", margin: 0, skipsTied: true },
  "foolbox-3": { overshootOf: "sum", margin: 1e-4, skipsTied: false },
} as const;

export type DeepFoolOptions = OptionsOf<typeof deepFoolOptions>;

/** The settings in effect. */
export interface DeepFoolSettings extends ValuesOf<typeof deepFoolOptions> {
  /** Where η applies: to each step as it is taken, or to the sum of all steps so far. */
  readonly overshootOf: "step" | "sum";
  /** Added to the length of each step, in the units of the norm. */
  readonly margin: number;
  /** Whether a class whose logit equals the label's, and whose boundary the point thus lies on, is left out of a step. */
  readonly skipsTied: boolean;
}

/** The settings that complete options stand for. */
export function deepFoolSettings(options: ValuesOf<typeof deepFoolOptions>): DeepFoolSettings {
  const { preset, norm, steps, candidates, overshoot } = options;
  return { ...ways[preset], preset, norm, steps, candidates, overshoot };
}

/** One image to perturb. */
export interface DeepFoolTask {
  /** Flat [C, H, W], pixels in [0, 1]. */
  readonly image: Float32Array;
  /** Of the image as it is, [K]. */
  readonly logits: Float32Array;
  /** The class to leave. */
  readonly label: number;
  /** The class to reach; any other than the label by default. */
  readonly target?: number;
}

export interface DeepFoolSearchOptions {
  /** Images per run of the network; default: one per candidate, so that each step takes one run. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
  /** Called after each step with the number of gradients that it took. */
  readonly onStep?: (gradients: number) => void;
}

/** Where a search ended. */
export interface DeepFoolPoint {
  /** Flat [C, H, W], in [0, 1]. */
  readonly point: Float32Array;
  /** Of the point, [K]. */
  readonly logits: Float32Array;
  readonly steps: number;
  /** Without the clean image. */
  readonly cost: Cost;
}

/**
 * The first point of DeepFool's path that has another label than `label` (with a target: the label `target`), or the last one
 * that the steps allow. Each step goes to the nearest of the hyperplanes z_k = z_label of the linearized logits, k over the
 * candidates; the nearest first of equally near ones. In ℓ2 that is d·g/‖g‖₂, in ℓ∞ d·sign(g) with sign(0) = 0, where g is the
 * gradient of z_k − z_label and d = |z_k − z_label| / ‖g‖ in the dual norm (plus 10⁻⁸, as Foolbox writes it). Points are
 * clipped to [0, 1]. The path ends where no candidate has a gradient or, of `foolbox-2`, all are tied with the label.
 *
 * Foolbox 2 writes the differences of logits as differences of cross-entropies, which are the same.
 *
 * Deviation: both Foolboxes refuse targets. With one, each step goes to the hyperplane between the target and the class that has the
 * largest logit at the moment, and a tie with it, at which a step would have no length, does not end the path: the difference
 * counts as {@link leastDifference} of the logit at least.
 */
export async function searchDeepFool(
  classifier: Classifier,
  { image, logits: clean, label, target }: DeepFoolTask,
  settings: DeepFoolSettings,
  { batch, signal, onStep }: DeepFoolSearchOptions = {},
): Promise<DeepFoolPoint> {
  const goal = goalOf({ label, target });
  const others = target === undefined ? rivals(clean, label, settings.candidates - 1) : [target];
  const forward = await classifier.forward();
  const size = classifier.prepared.batchFor(Math.min(batch ?? others.length, others.length));
  const backward = await classifier.backward({ of: "logits", batch: size });
  const sum = new Float64Array(image.length);
  const { overshoot, overshootOf } = settings;
  const skipsTied = settings.skipsTied && target === undefined;
  let point = image;
  let logits = clean;
  let steps = 0;
  let gradients = 0;
  while (steps < settings.steps) {
    const best = indexOfLargest(logits);
    if (goal.isReached(best)) break;
    const left = target === undefined ? label : best;
    const open = others.filter((other) => !skipsTied || logits[other] !== logits[left]);
    const least = target === undefined ? 0 : leastDifference * Math.abs(logits[left]);
    let nearest: Boundary | undefined;
    for (let first = 0; first < open.length; first += size) {
      throwIfAborted(signal, "deepFool");
      const some = open.slice(first, first + size);
      const results = await backward.run(
        some.map((other) => ({ image: point, seed: differenceSeed(logits.length, other, left) })),
        { signal },
      );
      for (const [n, { gradient }] of results.entries()) {
        const boundary = boundaryOf(Math.max(Math.abs(logits[some[n]] - logits[left]), least), gradient, settings);
        if (boundary.norm > 0 && boundary.distance < (nearest?.distance ?? Infinity)) nearest = boundary;
      }
    }
    if (nearest === undefined) break;
    const stepAt = stepTo(nearest, settings);
    const next = new Float32Array(image.length);
    for (let i = 0; i < next.length; i++) {
      const move = stepAt(i);
      sum[i] += move;
      const moved = overshootOf === "sum" ? image[i] + (1 + overshoot) * sum[i] : point[i] + (1 + overshoot) * move;
      next[i] = Math.min(Math.max(moved, 0), 1);
    }
    point = next;
    steps++;
    [logits] = await forward.run([point], { signal });
    gradients += open.length;
    onStep?.(open.length);
  }
  return { point, logits, steps, cost: { forward: steps, gradient: gradients } };
}

/** The boundary where a difference of logits becomes zero, linearized. */
interface Boundary {
  /** How far it is, in the norm of the settings. */
  readonly distance: number;
  /** Of the difference, flat [C, H, W]. */
  readonly gradient: Float32Array;
  /** Of the gradient, in the dual norm. */
  readonly norm: number;
}

/** `difference` is its size. */
function boundaryOf(difference: number, gradient: Float32Array, { norm: kind }: DeepFoolSettings): Boundary {
  const norm = kind === "l2" ? euclideanNorm(gradient) : sumOfMagnitudes(gradient);
  return { distance: difference / (norm + 1e-8), gradient, norm };
}

/** Element i of the step to a boundary, as a function of i. */
function stepTo({ distance, gradient, norm }: Boundary, { norm: kind, margin }: DeepFoolSettings) {
  const length = distance + margin;
  return (i: number): number => length * (kind === "l2" ? gradient[i] / (norm + 1e-8) : Math.sign(gradient[i]));
}

/** The `count` classes with the largest logits, without `label`; the lower index first of equal ones. */
function rivals(logits: Float32Array, label: number, count: number): number[] {
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
  return order.filter((index) => index !== label).slice(0, count);
}

/** The cotangent of z_plus − z_minus. */
function differenceSeed(classes: number, plus: number, minus: number): Float32Array {
  const seed = new Float32Array(classes);
  seed[plus] = 1;
  seed[minus] = -1;
  return seed;
}
