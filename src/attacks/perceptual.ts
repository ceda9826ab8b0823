/**
 * @file The perceptual perturbation: an adversarial image that changes the network's own features as little as it can.
 *
 * Source: Elliott, Law and Russell, "Adversarial Perturbations on the Perceptual Ball", equations (1) to (4) and section 3;
 * preset `released` after the authors' published code.
 */
import {
  type Classification,
  type Classifier,
  classificationOf,
  type SharedObjective,
  softmaxAt,
} from "../classifier/classifier.ts";
import type { Layer, LayerSelector } from "../classifier/layers.ts";
import type { ObjectiveEvaluation, Problem, Reference } from "../classifier/objective.ts";
import type { Space } from "../classifier/objective-graph.ts";
import { denormalizePixels, normalizePixels } from "../classifier/preprocessing.ts";
import { checkKeys, MisuseError, numberIn, oneOf } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { bestSoFar } from "../optimize/best-so-far.ts";
import { drive } from "../optimize/drivers.ts";
import { lbfgs } from "../optimize/lbfgs.ts";
import { projectBox, projectLinfBall } from "../optimize/projections.ts";
import { outcomeDescriptions, type Projection, type Outcome as SolverOutcome } from "../optimize/solver.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { checkEpsilon, paperEpsilon } from "./budget.ts";
import { type Distances, distancesBetween } from "./distances.ts";
import { marginOf } from "./margin.ts";
import { automaticLayers, paperLayers, releasedLayers } from "./perceptual-layers.ts";
import { type CurrentStrength, type StrengthSolution, strengthSearch } from "./strength-search.ts";

export const perceptualPresets = ["auto", "paper", "released"] as const;
export type PerceptualPreset = (typeof perceptualPresets)[number];

export const constraints = ["none", "range", "ball"] as const;
/**
 * Where the perturbed image may go (section 3): anywhere; within the range of values of the clean image; or within an ℓ∞ ball of
 * radius epsilon around it. The last two stay within [0, 1] as well.
 */
export type Constraint = (typeof constraints)[number];

export interface PerceptualOptions {
  /**
   * `auto` (default): scale-free weights, and the largest strength of the perceptual term that still flips the label.
   * `paper`: sums of squares, the paper's layers, constraint `range`. `released`: the published code: means of squares in the
   * network's normalized space, γ = 10⁴, λ = 1, T = −2, 100 iterations of L-BFGS without line search, history 100, no constraint.
   */
  readonly preset?: PerceptualPreset;
  /** The class whose margin is reduced: a number or a name. Default: the predicted class. */
  readonly label?: string | number;
  /** The class to reach instead: a counterfactual "why this and not …?". Default: any other class. */
  readonly target?: string | number;
  readonly layers?: readonly LayerSelector[];
  /** T, negative: how far behind the decision boundary to aim, in logits. Default: −2; `auto`: a tenth of the logits' spread. */
  readonly margin?: number;
  /** λ' (γ in the released code). Given with `auto`, there is no search. */
  readonly perceptualWeight?: number;
  /** λ. */
  readonly distanceWeight?: number;
  /** Whether squared differences are summed, as in the paper, or averaged over the elements, as in the released code. */
  readonly reduction?: "sum" | "mean";
  /** L-BFGS iterations; default 100. Not used by the search of `auto`. */
  readonly iterations?: number;
  /** Evaluations of the objective and its gradient in all; default 150 for `auto`, else what the iterations need. */
  readonly evaluations?: number;
  /** Curvature pairs that L-BFGS keeps; default 10, `released` 100. */
  readonly history?: number;
  readonly constraint?: Constraint;
  /** Radius of the ball, in [0, 1] pixels; default 8/255. */
  readonly epsilon?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly evaluations: number; readonly of: number }) => void;
}

/** How an attack ended. */
export type AttackOutcome = "flipped" | "not-flipped" | "already-flipped";

export const attackOutcomeDescriptions: Readonly<Record<AttackOutcome, string>> = {
  flipped: "The label is flipped.",
  "not-flipped":
    "The label is not flipped: the perceptual term is too strong for this budget. Lower the perceptual weight, raise the iterations, or use the automatic preset.",
  "already-flipped": "The clean image does not have this label (or has the target already), so nothing had to change.",
};

/** The settings that were in force, as numbers and names. */
export interface PerceptualSettings {
  readonly preset: PerceptualPreset;
  readonly layers: readonly string[];
  readonly space: Space;
  readonly marginTarget: number;
  readonly reduction: "sum" | "mean" | "relative";
  /** λ' as given, or γ as found by the search. */
  readonly perceptualWeight: number;
  /** λ'_l as used in equation (4), in sums of squares. */
  readonly layerWeights: readonly number[];
  readonly distanceWeight: number;
  readonly iterations: number | undefined;
  readonly evaluations: number;
  readonly history: number;
  readonly lineSearch: "none" | "armijo";
  readonly constraint: Constraint;
  readonly epsilon: number | undefined;
}

export interface PerceptualResult {
  readonly outcome: AttackOutcome;
  /** Why the solver stopped, a sentence. */
  readonly solverOutcome: string;
  readonly label: number;
  readonly target: number | undefined;
  readonly clean: Classification;
  readonly adversarial: Classification;
  /** The softmax of `label` at the adversarial image. */
  readonly labelConfidence: number;
  /** Pixels [C, H, W]; within [0, 1] unless the constraint is `none`. */
  readonly image: ImageTensor;
  /** Adversarial less clean pixels, [C, H, W]. */
  readonly perturbation: ImageTensor;
  /** The perturbation in the space that was optimized in, [C, H, W]: what the saliency map is made of. */
  readonly optimizedPerturbation: ImageTensor;
  readonly margin: { readonly clean: number; readonly adversarial: number };
  /** In pixels, plus `perceptual`: the mean over the layers of ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² / ‖C⁽ˡ⁾(x)‖². */
  readonly distances: Distances & { readonly perceptual: number };
  /** What is left after the pixels are clipped to [0, 1] and rounded to 8 bits, as a PNG stores them. */
  readonly rounded: { readonly label: number; readonly flipped: boolean };
  /** Runs of the network with gradient, all of them. */
  readonly evaluations: number;
  /** Of the search of `auto`, in order: strength tried, and whether it flipped the label. */
  readonly stages: readonly { readonly strength: number; readonly flipped: boolean; readonly evaluations: number }[];
  readonly settings: PerceptualSettings;
}

const optionKeys = [
  "preset",
  "label",
  "target",
  "layers",
  "margin",
  "perceptualWeight",
  "distanceWeight",
  "reduction",
  "iterations",
  "evaluations",
  "history",
  "constraint",
  "epsilon",
  "signal",
  "onProgress",
] as const satisfies readonly (keyof PerceptualOptions)[];

/** T of `auto` as a share of the spread (largest less mean) of the clean logits. */
const marginShare = 0.1;
/** A flip of `auto` counts from this share of the spread behind the boundary. */
const flipShare = 0.005;
/** The search of `auto` ends when the largest strength is known this well. */
const bracketRatio = 1.2;
/** The released code's γ, for means of squares. */
const releasedWeight = 10_000;

/** Throws the MisuseError that {@link perceptualAttack} would throw for `options`, before any image is at hand. */
export function checkPerceptualOptions(classifier: Classifier, options: PerceptualOptions): void {
  checkKeys("perceptualAttack", options, optionKeys);
  planOf(classifier, options);
  for (const label of [options.label, options.target]) if (label !== undefined) classifier.findLabel(label);
}

/**
 * The perceptual perturbation of `image` [C, H, W], pixels in [0, 1] at the network's size. Not flipping the label is an outcome,
 * not an error. Throws a MisuseError for options that cannot be meant, all of them before anything runs.
 *
 * Deviation: the paper's T is "greater than zero"; since M ≤ 0 is what a flip means, it is negative here, as in the released
 * code (T = −2). A margin target of 0 or more is refused.
 */
export async function perceptualAttack(
  classifier: Classifier,
  image: ImageTensor,
  options: PerceptualOptions = {},
): Promise<PerceptualResult> {
  checkKeys("perceptualAttack", options, optionKeys);
  const plan = planOf(classifier, options);
  const { signal, onProgress } = options;
  const objective = await classifier.objective({ layers: plan.layers, space: plan.space });
  const toSpace = (pixels: Float32Array): Float32Array =>
    plan.space === "pixels" ? pixels : normalizePixels(pixels, classifier.input);
  const toPixels = (values: Float32Array): Float32Array =>
    plan.space === "pixels" ? values : denormalizePixels(values, classifier.input);

  const start = toSpace(image.data);
  const [reference] = await objective.reference([start], { signal });
  const clean = classificationOf(reference.logits);
  const label = options.label === undefined ? clean.label : classifier.findLabel(options.label);
  const target = options.target === undefined ? undefined : classifier.findLabel(options.target);
  const run: Run = {
    plan,
    classifier,
    objective,
    reference,
    image,
    start,
    label,
    target,
    cleanMargin: marginOf(reference.logits, target ?? label, target !== undefined),
    budget: plan.evaluations - 2,
    signal,
    onEvaluation: countCalls((evaluations) => onProgress?.({ evaluations: evaluations + 1, of: plan.evaluations })),
  };
  const found =
    run.cleanMargin <= 0
      ? { point: start, solverOutcome: "Nothing was to be done.", evaluations: 0, stages: [], strength: 0, run }
      : plan.search
        ? await search(run)
        : await minimize(run);

  const perturbed = found.point === start ? image.data : Float32Array.from(toPixels(found.point));
  // The last run: what a PNG keeps of it.
  const rounded = toSpace(perturbed.map((x) => Math.round(255 * Math.min(Math.max(x, 0), 1)) / 255));
  const problem = problemOf(run, layerWeightsOf(run, found.strength), distanceWeightOf(run));
  const [atPoint] = await objective.evaluate([found.point], [problem], { signal });
  const [atRounded] = await objective.evaluate([rounded], [problem], { signal });
  const adversarial = classificationOf(atPoint.logits);
  const flipped = target === undefined ? adversarial.label !== label : adversarial.label === target;
  const roundedLabel = classificationOf(atRounded.logits).label;
  const shape = image.shape;
  return {
    outcome: run.cleanMargin <= 0 ? "already-flipped" : flipped ? "flipped" : "not-flipped",
    solverOutcome: found.solverOutcome,
    label,
    target,
    clean,
    adversarial,
    labelConfidence: softmaxAt(atPoint.logits, label),
    image: floatTensor(perturbed, shape),
    perturbation: floatTensor(difference(perturbed, image.data), shape),
    optimizedPerturbation: floatTensor(difference(found.point, start), shape),
    margin: { clean: run.cleanMargin, adversarial: atPoint.margin },
    distances: {
      ...distancesBetween(perturbed, image.data, shape[1] * shape[2]),
      perceptual: relativeDistance(atPoint, reference),
    },
    rounded: { label: roundedLabel, flipped: target === undefined ? roundedLabel !== label : roundedLabel === target },
    evaluations: found.evaluations + 3,
    stages: found.stages,
    settings: settingsOf(run, found.strength),
  };
}

/** The options with every default filled in that does not depend on the image. */
interface Plan {
  readonly preset: PerceptualPreset;
  readonly layers: readonly Layer[];
  readonly space: Space;
  /** Undefined: a share of the spread of the clean logits. */
  readonly marginTarget: number | undefined;
  readonly search: boolean;
  readonly reduction: "sum" | "mean" | "relative";
  readonly perceptualWeight: number;
  readonly distanceWeight: number;
  readonly iterations: number;
  readonly evaluations: number;
  readonly history: number;
  readonly lineSearch: "none" | "armijo";
  readonly constraint: Constraint;
  readonly epsilon: number;
}

interface Run {
  readonly plan: Plan;
  readonly classifier: Classifier;
  readonly objective: SharedObjective;
  readonly reference: Reference;
  readonly image: ImageTensor;
  readonly start: Float32Array;
  readonly label: number;
  readonly target: number | undefined;
  readonly cleanMargin: number;
  readonly budget: number;
  readonly signal: AbortSignal | undefined;
  readonly onEvaluation: () => void;
}

function planOf(classifier: Classifier, options: PerceptualOptions): Plan {
  const where = "perceptualAttack";
  const preset = oneOf(`${where}: preset`, options.preset ?? "auto", perceptualPresets);
  const positive = { min: 1, integer: true };
  const reduction =
    options.reduction === undefined
      ? undefined
      : oneOf(`${where}: reduction`, options.reduction, ["sum", "mean"] as const);
  const marginTarget = options.margin ?? (preset === "auto" ? undefined : -2);
  if (marginTarget !== undefined && !(marginTarget < 0)) {
    throw new MisuseError({
      where: `${where}: margin`,
      what: "the target lies on the clean side of the boundary",
      expected: "a negative number of logits",
      got: String(marginTarget),
      advice: 'The paper\'s "T > 0" is a slip of sign: a flipped label has a margin below 0.',
    });
  }
  const search = preset === "auto" && options.perceptualWeight === undefined && reduction === undefined;
  const effective = reduction ?? ({ auto: "relative", paper: "sum", released: "mean" } as const)[preset];
  const layers =
    options.layers !== undefined
      ? classifier.selectLayers(options.layers)
      : { auto: automaticLayers, paper: paperLayers, released: releasedLayers }[preset](classifier);
  const elements = (layer: Layer): number => layer.shape.slice(1).reduce((a, b) => a * b, 1);
  const averageElements = layers.reduce((sum, layer) => sum + elements(layer), 0) / Math.max(1, layers.length);
  const imageElements = classifier.input.channelCount * classifier.input.height * classifier.input.width;
  // The paper has one λ' and one λ for sums of squares: those under which the terms are as large as the released code's means.
  const defaultWeights = {
    relative: [1, 0],
    mean: [releasedWeight, 1],
    sum: [releasedWeight / averageElements, 1 / imageElements],
  }[effective];
  const iterations = numberIn(`${where}: iterations`, options.iterations ?? 100, positive);
  const lineSearch = preset === "released" ? "none" : "armijo";
  return {
    preset,
    layers,
    space: preset === "released" ? "network" : "pixels",
    marginTarget: marginTarget === undefined ? undefined : numberIn(`${where}: margin`, marginTarget),
    search,
    reduction: effective,
    perceptualWeight: numberIn(`${where}: perceptualWeight`, options.perceptualWeight ?? defaultWeights[0], { min: 0 }),
    distanceWeight: numberIn(`${where}: distanceWeight`, options.distanceWeight ?? defaultWeights[1], { min: 0 }),
    iterations,
    evaluations: numberIn(
      `${where}: evaluations`,
      options.evaluations ?? (search ? 150 : 3 + iterations + (lineSearch === "none" ? 1 : Math.ceil(iterations / 4))),
      { min: 5, integer: true },
    ),
    history: numberIn(`${where}: history`, options.history ?? (preset === "released" ? 100 : 10), positive),
    lineSearch,
    constraint: oneOf(
      `${where}: constraint`,
      options.constraint ?? (preset === "released" ? "none" : "range"),
      constraints,
    ),
    epsilon: checkEpsilon(where, options.epsilon ?? paperEpsilon),
  };
}

/** The search of the preset `auto`. */
async function search(run: Run) {
  const { plan, objective, reference, start, cleanMargin, signal, onEvaluation } = run;
  const spread = spreadOf(reference.logits);
  const marginTarget = plan.marginTarget ?? -marginShare * spread;
  const current: CurrentStrength = { gamma: 0 };
  let problem: Problem | undefined;
  let problemStrength = Number.NaN;
  const solution = await drive(
    strengthSearch<ObjectiveEvaluation & { perceptual: number }>({
      start,
      cleanMargin,
      marginTarget,
      spread,
      flipMargin: -flipShare * spread,
      maxEvaluations: run.budget - 1,
      stageEvaluations: Math.max(6, Math.round(run.budget / 6)),
      history: plan.history,
      project: projectionOf(run),
      current,
      ratio: bracketRatio,
    }),
    async (point) => {
      if (problem === undefined || problemStrength !== current.gamma) {
        problemStrength = current.gamma;
        problem = problemOf(run, layerWeightsOf(run, current.gamma), distanceWeightOf(run));
      }
      const [evaluation] = await objective.evaluate([point], [problem], { signal });
      onEvaluation();
      return { ...evaluation, perceptual: relativeDistance(evaluation, reference) };
    },
    { signal },
  );
  const chosen = solution.best ?? solution.last;
  return {
    point: chosen.point,
    strength: chosen.gamma,
    solverOutcome: searchDescription(solution),
    evaluations: solution.evaluations,
    stages: solution.stages.map(({ gamma, flipped, evaluations }) => ({ strength: gamma, flipped, evaluations })),
  };
}

function searchDescription({ best, outcome }: StrengthSolution<ObjectiveEvaluation>): string {
  if (best === undefined) return "No strength of the perceptual term that was tried flips the label.";
  return outcome === "converged"
    ? `The largest strength that flips the label is known within a factor of ${bracketRatio}.`
    : "All evaluations were used; with more, a larger strength may still flip the label.";
}

/** One L-BFGS run at the given weights; the best evaluation is returned. */
async function minimize(run: Run) {
  const { plan, objective, start, signal, onEvaluation } = run;
  const problem = problemOf(run, layerWeightsOf(run, plan.perceptualWeight), distanceWeightOf(run));
  const solver = lbfgs(start, {
    maxIterations: plan.iterations,
    maxEvaluations: Math.max(1, run.budget - 1),
    history: plan.history,
    lineSearch: plan.lineSearch,
    ...(plan.constraint === "none" ? {} : { project: projectionOf(run) }),
  });
  const solution = await drive(
    bestSoFar<ObjectiveEvaluation>(solver, {}),
    async (point) => {
      const [evaluation] = await objective.evaluate([point], [problem], { signal });
      onEvaluation();
      return evaluation;
    },
    { signal },
  );
  const solverOutcome: SolverOutcome = solution.outcome;
  return {
    point: solution.point,
    strength: plan.perceptualWeight,
    solverOutcome: outcomeDescriptions[solverOutcome],
    evaluations: solution.evaluations,
    stages: [],
  };
}

/** The projection onto the constraint set of section 3, in the space of the optimization. */
function projectionOf({ plan, classifier, image, start }: Run): Projection {
  if (plan.constraint === "none") return () => {};
  let [low, high] = [Infinity, -Infinity];
  for (const x of image.data) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (plan.space === "pixels") {
    return plan.constraint === "range"
      ? projectBox(Math.max(low, 0), Math.min(high, 1))
      : projectLinfBall(start, plan.epsilon, 0, 1);
  }
  // In the network's space a box of pixels is another box, one interval per channel and element.
  const bounds = (offset: number, limit: number): Float32Array => {
    const pixels = image.data.map((x) =>
      plan.constraint === "range" ? limit : Math.min(Math.max(x + offset * plan.epsilon, 0), 1),
    );
    return normalizePixels(pixels, classifier.input);
  };
  return projectBox(bounds(-1, Math.max(low, 0)), bounds(1, Math.min(high, 1)));
}

/** λ'_l of equation (4), for sums of squares. */
function layerWeightsOf({ plan, reference }: Run, strength: number): number[] {
  return plan.layers.map((_, l) => {
    const features = reference.features[l];
    if (plan.reduction === "sum") return strength;
    if (plan.reduction === "mean") return strength / features.length;
    return strength / (plan.layers.length * Math.max(squaredNorm(features), 1e-12));
  });
}

function distanceWeightOf({ plan, start }: Run): number {
  if (plan.reduction === "sum") return plan.distanceWeight;
  if (plan.reduction === "mean") return plan.distanceWeight / start.length;
  return plan.distanceWeight / Math.max(squaredNorm(start), 1e-12);
}

function problemOf(run: Run, layerWeights: readonly number[], distanceWeight: number): Problem {
  const { plan, reference, label, target } = run;
  const spread = spreadOf(reference.logits);
  return {
    reference,
    classIndex: target ?? label,
    targeted: target !== undefined,
    marginTarget: plan.marginTarget ?? -marginShare * spread,
    // Scale-free terms are measured against a margin in units of the spread.
    marginWeight: plan.reduction === "relative" ? 1 / spread ** 2 : 1,
    layerWeights,
    distanceWeight,
  };
}

function settingsOf(run: Run, strength: number): PerceptualSettings {
  const { plan } = run;
  return {
    preset: plan.preset,
    layers: plan.layers.map((layer) => layer.name),
    space: plan.space,
    marginTarget: problemOf(run, [], 0).marginTarget,
    reduction: plan.reduction,
    perceptualWeight: strength,
    layerWeights: layerWeightsOf(run, strength),
    distanceWeight: distanceWeightOf(run),
    iterations: plan.search ? undefined : plan.iterations,
    evaluations: plan.evaluations,
    history: plan.history,
    lineSearch: plan.lineSearch,
    constraint: plan.constraint,
    epsilon: plan.constraint === "ball" ? plan.epsilon : undefined,
  };
}

/** The largest logit less the mean: the scale of a network's logits. */
function spreadOf(logits: Float32Array): number {
  let [largest, sum] = [-Infinity, 0];
  for (const logit of logits) {
    largest = Math.max(largest, logit);
    sum += logit;
  }
  return Math.max(largest - sum / logits.length, 1e-6);
}

/** The mean over the layers of ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² / ‖C⁽ˡ⁾(x)‖². */
function relativeDistance({ layerDistances }: ObjectiveEvaluation, { features }: Reference): number {
  if (features.length === 0) return 0;
  const total = layerDistances.reduce((sum, d, l) => sum + d / Math.max(squaredNorm(features[l]), 1e-12), 0);
  return total / features.length;
}

const squaredNorms = new WeakMap<Float32Array, number>();

function squaredNorm(vector: Float32Array): number {
  const known = squaredNorms.get(vector);
  if (known !== undefined) return known;
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  squaredNorms.set(vector, sum);
  return sum;
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - b[i]);
}

function countCalls(report: (count: number) => void): () => void {
  let count = 0;
  return () => report(++count);
}
