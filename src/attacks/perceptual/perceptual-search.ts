/** @file The search for one perceptual perturbation, as a generator that asks for evaluations of objective (4). */

import type { Classifier } from "../../classifier/classifier.ts";
import { isWithoutGradient } from "../../classifier/network/prepare-model.ts";
import { roundsInside } from "../../classifier/network/step-notes.ts";
import type { ObjectiveEvaluation, ObjectiveProblem, ObjectiveReference } from "../../classifier/passes/objective.ts";
import { denormalizePixels, normalizePixels } from "../../classifier/preprocessing/preprocessing.ts";
import { bestSoFar } from "../../optimize/best-so-far.ts";
import { lbfgs } from "../../optimize/lbfgs.ts";
import { projectBox, projectLinfBall } from "../../optimize/projections.ts";
import { outcomeDescriptions, type Projection, type Query } from "../../optimize/solver.ts";
import { firstNotFinite, rangeOf, squaredNorm } from "../../tensor/vector.ts";
import type { Goal } from "../goal.ts";
import { meanOfShares } from "../observer.ts";
import { attacksWithoutGradients, methodsWithoutGradients, noFiniteGradient } from "../without-gradients.ts";
import type { PerceptualPlan, PerceptualSettings } from "./perceptual-plan.ts";
import { type CurrentStrength, type StrengthSolution, strengthSearch } from "./strength-search.ts";

/** T of `auto` as a share of the spread (largest less mean) of the clean logits. */
const marginShare = 0.1;
/** A flip of `auto` counts from this share of the spread behind the boundary. */
const flipShare = 0.005;
/**
 * How the search of `auto` divides its evaluations. Maps are as good as those of the long search with a third of its evaluations
 * (`results/thresholds`), so that one is left for whoever asks for a search that minds no bytes, as it was.
 */
const searches = {
  /** Shares of the evaluations for a strength, and for the last run; and how well the largest strength has to be known. */
  short: { stage: 1 / 5, polishing: 0.45, ratio: 1.6 },
  long: { stage: 1 / 6, polishing: 0, ratio: 1.2 },
} as const;

/** Evaluations of the clean image and of the result, and the fewest of the search. */
const [looks, leastSearch] = [3, 2];

/** One image with what is wanted of it. */
export interface PerceptualRun {
  readonly plan: PerceptualPlan;
  readonly classifier: Classifier;
  readonly reference: ObjectiveReference;
  /** Flat [C, H, W], pixels. */
  readonly image: Float32Array;
  readonly shape: readonly number[];
  /** The image in the space of the optimization. */
  readonly start: Float32Array;
  readonly goal: Goal;
}

/** One run of the search of `auto` at one strength. */
export interface StageSummary {
  readonly strength: number;
  readonly flipped: boolean;
  readonly evaluations: number;
}

export interface PerceptualFound {
  /** In the space of the optimization. */
  readonly point: Float32Array;
  /** λ', or γ of the search. */
  readonly strength: number;
  /** Why the solver stopped, a sentence. */
  readonly solverOutcome: string;
  /** What stood in the way of a flip, a sentence or two, where that is known: a constraint, or a picture that no step leads away from. */
  readonly hindrance: string | undefined;
  readonly stages: readonly StageSummary[];
}

/** What a search must be answered: objective (4) for {@link PerceptualSearch.problem} with the distance of the features. */
export interface PerceptualEvaluation extends ObjectiveEvaluation {
  readonly perceptual: number;
}

export interface PerceptualSearch {
  readonly solver: Generator<Query, PerceptualFound, PerceptualEvaluation>;
  /** The problem that the search wants solved at the moment; the same object until it changes. */
  problem(): ObjectiveProblem;
}

/** The pixels of an image as the numbers that the plan optimizes over, and back. */
export function toSpace(
  pixels: Float32Array,
  { plan, classifier }: Pick<PerceptualRun, "plan" | "classifier">,
): Float32Array {
  return plan.space === "pixels" ? pixels : normalizePixels(pixels, classifier.input);
}

export function toPixels(
  values: Float32Array,
  { plan, classifier }: Pick<PerceptualRun, "plan" | "classifier">,
): Float32Array {
  return plan.space === "pixels" ? values : denormalizePixels(values, classifier.input);
}

/** The search that the plan asks for: one L-BFGS run at given weights, or that for the largest strength that flips the label. */
export function perceptualSearch(run: PerceptualRun): PerceptualSearch {
  if (run.plan.search) return strongestFlip(run);
  const problem = problemOf(run, run.plan.perceptualWeight);
  return { solver: minimize(run), problem: () => problem };
}

/** The search of the preset `auto`. */
function strongestFlip(run: PerceptualRun): PerceptualSearch {
  const { plan, reference, start, goal } = run;
  const spread = spreadOf(reference.logits);
  const maxEvaluations = Math.max(leastSearch, plan.evaluations - looks - plan.furtherLooks);
  const { stage, polishing, ratio } = plan.rounding === "none" ? searches.long : searches.short;
  const current: CurrentStrength = { gamma: 0 };
  let problem: ObjectiveProblem | undefined;
  let problemStrength = Number.NaN;
  const search = strengthSearch<PerceptualEvaluation>({
    start,
    cleanMargin: goal.margin(reference.logits),
    marginTarget: plan.marginTarget ?? -marginShare * spread,
    spread,
    flipMargin: -flipShare * spread,
    maxEvaluations,
    stageEvaluations: Math.max(6, Math.round((maxEvaluations + 1) * stage)),
    polishing: Math.round(maxEvaluations * polishing),
    history: plan.history,
    project: projectionOf(run),
    current,
    ratio,
  });
  function* solver(): PerceptualSearch["solver"] {
    const solution = yield* search;
    const chosen = solution.best ?? solution.last;
    const constraint = solution.best === undefined ? constraintHindrance(run, chosen.point) : undefined;
    const isStuck = solution.best === undefined && solution.stages.every(({ point }) => isSame(point, start));
    const hindrance =
      constraint ?? (isStuck ? stuckHindrance(run, solution.evaluations, solution.last.evaluation) : undefined);
    return {
      point: chosen.point,
      strength: chosen.gamma,
      solverOutcome: searchDescription(solution, { isHeldBack: constraint !== undefined, ratio }),
      hindrance,
      stages: solution.stages.map(({ gamma, flipped, evaluations }) => ({ strength: gamma, flipped, evaluations })),
    };
  }
  return {
    solver: solver(),
    problem() {
      if (problem === undefined || problemStrength !== current.gamma) {
        problemStrength = current.gamma;
        problem = problemOf(run, current.gamma);
      }
      return problem;
    },
  };
}

function searchDescription(
  { best, outcome }: StrengthSolution<ObjectiveEvaluation>,
  { isHeldBack, ratio }: { readonly isHeldBack: boolean; readonly ratio: number },
): string {
  if (best === undefined && isHeldBack)
    return "Within the constraint no strength of the perceptual term flips the label.";
  if (best === undefined) return "No strength of the perceptual term that was tried flips the label.";
  return outcome === "converged"
    ? `The largest strength that flips the label is known within a factor of ${ratio}.`
    : "All evaluations were used; with more, a larger strength may still flip the label.";
}

/** One L-BFGS run at the given weights; the best evaluation is returned. */
function* minimize(run: PerceptualRun): PerceptualSearch["solver"] {
  const { plan, start } = run;
  const solver = lbfgs(start, {
    maxIterations: plan.iterations,
    maxEvaluations: Math.max(1, plan.evaluations - looks),
    history: plan.history,
    lineSearch: plan.lineSearch,
    ...(plan.constraint === "none" ? {} : { project: projectionOf(run) }),
  });
  const { point, outcome, evaluation, evaluations } = yield* bestSoFar<PerceptualEvaluation>(solver, {});
  const solverOutcome = outcomeDescriptions[outcome];
  const isFlipped = evaluation !== undefined && evaluation.margin < 0;
  const isStuck = isSame(point, start);
  const hindrance = isFlipped
    ? undefined
    : (constraintHindrance(run, point) ?? (isStuck ? stuckHindrance(run, evaluations, evaluation) : undefined));
  return { point, strength: plan.perceptualWeight, solverOutcome, hindrance, stages: [] };
}

/** A constraint stands in the way from this share of the pixel values on that lie at its ends. */
const hinderingShare = 0.5;

function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, i) => value === b[i]);
}

/** What is said where the picture itself has the lowest value of all points that were evaluated. */
function stuckHindrance(
  { classifier, image, shape }: PerceptualRun,
  evaluations: number,
  evaluation: Pick<PerceptualEvaluation, "gradient"> | undefined,
): string | undefined {
  if (isWithoutGradient(classifier)) {
    return `No gradient of the network arrives at the pixels, so that nothing leads the search. ${attacksWithoutGradients}`;
  }
  if (evaluation !== undefined && firstNotFinite(evaluation.gradient) >= 0) {
    return `Nothing leads the search: ${noFiniteGradient}. ${attacksWithoutGradients}`;
  }
  // Of one point there is nothing to say.
  if (evaluations < 2) return undefined;
  const none = `None of the ${evaluations} points evaluated is better than the picture itself`;
  if (isOfOneColor(image, shape)) {
    return (
      `${none}: the gradient there leads no way down, as in a picture of one color, whose equal values tie in max pooling. ` +
      "Add noise of a level to the picture, or try an attack that starts elsewhere, such as pgd."
    );
  }
  const { graph, input, logits, typed, fixedBatch } = classifier.prepared;
  const inputShapes = { [input]: typed(fixedBatch ?? 1).types.get(input)?.shape ?? [] };
  if (roundsInside(graph, { input, logits, inputShapes })) {
    return (
      `${none}: the model rounds what it reads, as quantized ones do, so that its scores move in steps, while its gradient is that of a model without them. ` +
      `${methodsWithoutGradients} ${attacksWithoutGradients}`
    );
  }
  return `${none}: the gradient there leads no way down. Try an attack that starts elsewhere, such as pgd.`;
}

/** Whether each channel of a picture [C, H, W] has one value. */
function isOfOneColor(image: Float32Array, [channels]: readonly number[]): boolean {
  const plane = image.length / channels;
  return image.every((value, i) => value === image[i - (i % plane)]);
}

/**
 * How the constraint stands in the way of a flip where most values of `point` have gone as far as it lets them; undefined where they have not. Values at an
 * end that they began at say nothing by themselves, since they might have gone the other way: those of a picture of one color are all there.
 */
function constraintHindrance(run: PerceptualRun, point: Float32Array): string | undefined {
  const { image, plan } = run;
  if (plan.constraint === "none") return undefined;
  const [low, high] = rangeOf(image);
  const room = plan.constraint === "range" ? Infinity : plan.epsilon;
  const [least, most] = plan.constraint === "range" ? [Math.max(low, 0), Math.min(high, 1)] : [0, 1];
  // Far below a level of 8 bits, and far above what normalizing back and forth leaves.
  const close = 1e-4;
  const pixels = toPixels(point, run);
  // Values at an end, and those of them that stayed where they began although there was another way.
  let ends = 0;
  let stayed = 0;
  for (let i = 0; i < pixels.length; i++) {
    const [floor, ceiling] = [Math.max(least, image[i] - room), Math.min(most, image[i] + room)];
    if (pixels[i] > floor + close && pixels[i] < ceiling - close) continue;
    ends++;
    if (ceiling - floor > 2 * close && Math.abs(pixels[i] - image[i]) <= close) stayed++;
  }
  const arrived = ends - stayed;
  if (arrived === 0 || arrived < hinderingShare * (pixels.length - stayed)) return undefined;
  const share = ends / pixels.length;
  if (share < hinderingShare) return undefined;
  const level = (value: number): string => `${Number((255 * value).toFixed(1))}/255`;
  const percent = `${(100 * share).toFixed(0)} %`;
  if (plan.constraint === "ball") {
    return `The constraint "ball" holds it back: ${percent} of the values have changed by all of ${level(room)}, or are black or white. Allow a larger epsilon.`;
  }
  if (least <= close && most >= 1 - close) return undefined;
  const reach = `between ${level(least)} and ${level(most)}, the picture's own darkest and brightest values`;
  return `The constraint "range" holds it back: values stay ${reach}, and ${percent} of them are at these ends. With the constraint "ball" or "none" they may leave them.`;
}

/** The projection onto the constraint set of section 3, in the space of the optimization. */
function projectionOf({ plan, classifier, image, start }: PerceptualRun): Projection {
  if (plan.constraint === "none") return () => {};
  const [low, high] = rangeOf(image);
  if (plan.space === "pixels") {
    return plan.constraint === "range"
      ? projectBox(Math.max(low, 0), Math.min(high, 1))
      : projectLinfBall(start, plan.epsilon, 0, 1);
  }
  // In the network's space a box of pixels is another box, one interval per channel and element.
  const bounds = (offset: number, limit: number): Float32Array => {
    const pixels = new Float32Array(image.length).fill(limit);
    for (let i = 0; i < pixels.length && plan.constraint !== "range"; i++) {
      pixels[i] = Math.min(Math.max(image[i] + offset * plan.epsilon, 0), 1);
    }
    return normalizePixels(pixels, classifier.input);
  };
  return projectBox(bounds(-1, Math.max(low, 0)), bounds(1, Math.min(high, 1)));
}

/** λ'_l of equation (4), for sums of squares. */
function layerWeightsOf({ plan, reference }: PerceptualRun, strength: number): number[] {
  return plan.layers.map((_, l) => {
    const features = reference.features[l];
    if (plan.reduction === "sum") return strength;
    if (plan.reduction === "mean") return strength / features.length;
    return strength / (plan.layers.length * Math.max(knownSquaredNorm(features), 1e-12));
  });
}

function distanceWeightOf({ plan, start }: PerceptualRun): number {
  if (plan.reduction === "sum") return plan.distanceWeight;
  if (plan.reduction === "mean") return plan.distanceWeight / start.length;
  return plan.distanceWeight / Math.max(knownSquaredNorm(start), 1e-12);
}

/** Equation (4) for the run at one strength of the perceptual term. */
export function problemOf(run: PerceptualRun, strength: number): ObjectiveProblem {
  const { plan, reference, goal } = run;
  const spread = spreadOf(reference.logits);
  return {
    reference,
    classIndex: goal.classIndex,
    targeted: goal.targeted,
    marginTarget: plan.marginTarget ?? -marginShare * spread,
    // Scale-free terms are measured against a margin in units of the spread.
    marginWeight: plan.reduction === "relative" ? 1 / spread ** 2 : 1,
    layerWeights: layerWeightsOf(run, strength),
    distanceWeight: distanceWeightOf(run),
  };
}

/** What was in force for the run, found at `strength`. */
export function settingsOf(run: PerceptualRun, strength: number): PerceptualSettings {
  const { plan } = run;
  const { marginTarget, layerWeights, distanceWeight } = problemOf(run, strength);
  return {
    preset: plan.preset,
    layers: plan.layers.map((layer) => layer.name),
    space: plan.space,
    marginTarget,
    reduction: plan.reduction,
    perceptualWeight: strength,
    layerWeights,
    distanceWeight,
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
export function relativeDistance({ layerDistances }: ObjectiveEvaluation, { features }: ObjectiveReference): number {
  return meanOfShares(Array.from(layerDistances, (d, l) => d / Math.max(knownSquaredNorm(features[l]), 1e-12)));
}

const squaredNorms = new WeakMap<Float32Array, number>();

/** ‖v‖₂², computed once for each vector, whose contents must not change. */
export function knownSquaredNorm(vector: Float32Array): number {
  const norm = squaredNorms.get(vector) ?? squaredNorm(vector);
  squaredNorms.set(vector, norm);
  return norm;
}
