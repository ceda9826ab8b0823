/**
 * @file The largest strength of the perceptual term under which the label still flips: a search that needs no weights.
 *
 * Objective (4) is put without units, ((M − T)/s)² + γ·P, where s is the spread of the clean logits and P the mean over layers
 * of ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² / ‖C⁽ˡ⁾(x)‖². Its minimizer flips the label for small γ and does not for large γ; in between lies the
 * strength γ* at which the minimizer sits on the decision boundary, where it is the flip of least perceptual distance. The
 * search brackets γ*, each stage an L-BFGS run warm-started from the best flip so far.
 *
 * With `polishing`, the last of the evaluations go to one longer run at the largest strength that flipped: the map gains more from a
 * minimizer that is near than from a strength that is exact.
 *
 * Where to look next follows from the model that is exact for a margin linear and a P quadratic along the way: if a flip to
 * margin M costs P, then γ* = (M₀ − M)² (−T) / (M₀ P s²), with M₀ the clean margin.
 */
import { lbfgs } from "../../optimize/lbfgs.ts";
import type { Evaluation, Outcome, Projection, Query } from "../../optimize/solver.ts";
import { subtractScaled } from "../../optimize/update-rules.ts";
import { squaredNorm } from "../../tensor/vector.ts";

/** What the search must be answered: the objective at the strength that it asks for. */
export interface StrengthEvaluation extends Evaluation {
  readonly margin: number;
  /** P, without units. */
  readonly perceptual: number;
}

/** The strength at which the next answer is wanted; shared with whoever evaluates. */
export interface CurrentStrength {
  gamma: number;
}

export interface StrengthSearchOptions<E extends StrengthEvaluation> {
  readonly start: Float32Array;
  /** The clean margin M₀ > 0. */
  readonly cleanMargin: number;
  /** T < 0. */
  readonly marginTarget: number;
  /** s > 0. */
  readonly spread: number;
  /** A flip counts from this margin on: −κ, a little behind the boundary so that rounding does not undo it. */
  readonly flipMargin: number;
  readonly maxEvaluations: number;
  /** Evaluations per stage. */
  readonly stageEvaluations: number;
  readonly history: number;
  readonly project: Projection;
  readonly current: CurrentStrength;
  /** Ends the search once the bracket of γ* is narrower than this ratio. */
  readonly ratio: number;
  /** Evaluations that are left for the last run, at the strength found; 0: every strength gets the same. */
  readonly polishing: number;
  readonly onStage?: (stage: Stage<E>) => void;
}

/** One run at one strength. */
export interface Stage<E> {
  readonly gamma: number;
  /** Whether the minimizer flips the label. */
  readonly flipped: boolean;
  readonly point: Float32Array;
  readonly evaluation: E;
  readonly evaluations: number;
}

export interface StrengthSolution<E> {
  /** The flip at the largest strength; undefined if no evaluation flipped the label. */
  readonly best: Stage<E> | undefined;
  /** The last point of the last stage, for when there is no flip. */
  readonly last: Stage<E>;
  readonly stages: readonly Stage<E>[];
  readonly evaluations: number;
  readonly outcome: Outcome;
}

/** The smallest stage worth starting. */
const leastStage = 6;
/** How far γ moves while γ* is bracketed from one side only. */
const [leastGrowth, mostGrowth, shrinkage] = [1.5, 30, 10];

/**
 * The search as a generator: it asks for evaluations at `current.gamma` and returns the flip at the largest strength found. Where the first
 * gradient is no number, it ends there, with the outcome `non-finite`.
 */
export function* strengthSearch<E extends StrengthEvaluation>(
  options: StrengthSearchOptions<E>,
): Generator<Query, StrengthSolution<E>, E> {
  const { start, cleanMargin, marginTarget, spread, flipMargin, current, ratio, polishing, project, maxEvaluations } =
    options;
  const strengthFor = (margin: number, perceptual: number): number =>
    ((cleanMargin - margin) ** 2 * -marginTarget) / (cleanMargin * Math.max(perceptual, 1e-30) * spread ** 2);

  const strengthOf = ({ evaluation }: Stage<E>): number => strengthFor(evaluation.margin, evaluation.perceptual);

  // The step that would reach the target if the margin were linear (DeepFool's step): it gives the first estimate of P.
  current.gamma = 0;
  const origin = yield { point: start, iteration: 0 };
  const miss = cleanMargin - marginTarget;
  const factor = (2 * miss) / spread ** 2;
  const squared = squaredNorm(origin.gradient) / factor ** 2;
  if (!Number.isFinite(squared)) {
    const last = { gamma: 0, flipped: false, point: start, evaluation: origin, evaluations: 1 };
    return { best: undefined, last, stages: [], evaluations: 1, outcome: "non-finite" };
  }
  const stride = squared > 0 ? miss / squared / factor : 0;
  const probePoint = start.slice();
  subtractScaled(probePoint, start, stride, origin.gradient);
  project(probePoint);
  const probe = yield { point: probePoint, iteration: 0 };

  let evaluations = 2;
  const probeStage: Stage<E> = {
    gamma: 0,
    flipped: probe.margin <= flipMargin,
    point: probePoint,
    evaluation: probe,
    evaluations,
  };
  const stages: Stage<E>[] = [];
  let best: Stage<E> | undefined = probeStage.flipped ? probeStage : undefined;
  let last = probeStage;
  let low: number | undefined;
  let high: number | undefined;
  let gamma = strengthFor(marginTarget, probe.perceptual);
  let from = start;
  let outcome: Outcome = "evaluations-exhausted";

  // Nothing is left for polishing as long as there is nothing to polish.
  const reserve = (): number => (low === undefined ? 0 : polishing);
  while (maxEvaluations - evaluations >= Math.max(leastStage, reserve())) {
    current.gamma = gamma;
    const budget = Math.min(options.stageEvaluations, maxEvaluations - evaluations);
    const stage = yield* runStage(options, from, gamma, budget);
    evaluations += stage.evaluations;
    stages.push(stage);
    options.onStage?.(stage);
    last = stage;
    if (stage.flipped) {
      low = gamma;
      best = stage;
      from = stage.point;
    } else {
      high = gamma;
      // Without a flip yet, a weaker term goes on from where the stronger one had to stop.
      from = best?.point ?? stage.point;
    }
    if (low !== undefined && high !== undefined) {
      if (high / low <= ratio) {
        outcome = "converged";
        break;
      }
      gamma = polishing > 0 && best !== undefined ? between(low, high, strengthOf(best)) : Math.sqrt(low * high);
    } else if (low !== undefined) {
      gamma = Math.min(Math.max(strengthOf(stage), gamma * leastGrowth), gamma * mostGrowth);
    } else {
      gamma /= shrinkage;
    }
  }
  if (polishing > 0 && low !== undefined && best !== undefined && maxEvaluations - evaluations >= leastStage) {
    current.gamma = low;
    // It starts from a flip, and what counts is the best flip, even if the minimizer turns out to lie in front of the boundary.
    const { gamma: strength, point } = best;
    const polished = yield* runStage(options, point, strength, maxEvaluations - evaluations, true);
    evaluations += polished.evaluations;
    stages.push(polished);
    options.onStage?.(polished);
    if (polished.flipped) best = polished;
  }
  return { best, last, stages, evaluations, outcome };
}

/** `wanted`, but not in the outer quarters of the bracket, on the scale of the logarithm. */
function between(low: number, high: number, wanted: number): number {
  const width = high / low;
  return Math.min(Math.max(wanted, low * width ** 0.25), low * width ** 0.75);
}

/**
 * An L-BFGS run at one strength: of all points that flip the one with the lowest value, if the lowest value of all flips as well or any flip
 * will do; else the point with the lowest value.
 */
function* runStage<E extends StrengthEvaluation>(
  { flipMargin, history, project }: StrengthSearchOptions<E>,
  from: Float32Array,
  gamma: number,
  budget: number,
  anyFlip = false,
): Generator<Query, Stage<E>, E> {
  const solver = lbfgs(from, {
    maxIterations: budget,
    maxEvaluations: budget,
    history,
    lineSearch: "armijo",
    toleranceChange: 1e-7,
    project,
  });
  let flip: Kept<E> | undefined;
  let lowest: Kept<E> | undefined;
  const spare: Float32Array[] = [];
  let state = solver.next();
  while (!state.done) {
    const { point } = state.value;
    const evaluation = yield state.value;
    const { value, margin } = evaluation;
    const isLowest = Number.isFinite(value) && (lowest === undefined || value < lowest.evaluation.value);
    const isFlip = margin <= flipMargin && (flip === undefined || value < flip.evaluation.value);
    if (isLowest || (isFlip && Number.isFinite(value))) {
      // One copy for both, in the memory of what neither is any more.
      const kept = { point: copyTo(spare.pop(), point), evaluation };
      const before = new Set([lowest, flip]);
      if (isLowest) lowest = kept;
      if (isFlip) flip = kept;
      for (const one of before) if (one !== undefined && one !== lowest && one !== flip) spare.push(one.point);
    }
    state = solver.next(evaluation);
  }
  const { evaluations, point } = state.value;
  const end = lowest ?? { point, evaluation: flip?.evaluation as E };
  const flipped = flip !== undefined && (anyFlip || (lowest !== undefined && lowest.evaluation.margin <= flipMargin));
  const chosen = flipped && flip !== undefined ? flip : end;
  return { gamma, flipped, ...chosen, evaluations };
}

/** A point with what was answered there. */
interface Kept<E> {
  readonly point: Float32Array;
  readonly evaluation: E;
}

function copyTo(place: Float32Array | undefined, point: Float32Array): Float32Array {
  if (place === undefined) return point.slice();
  place.set(point);
  return place;
}
