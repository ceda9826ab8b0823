/**
 * @file Update rules: how a gradient becomes a step. A rule is a value, without a loop and without an objective; `descend` makes a
 * solver of it, and a search with a loop of its own can follow it as well.
 *
 * Nothing is allocated per step, and a step is one pass over memory, plus one for momentum and one for a norm.
 */
import { checkForm, checkKeys, MisuseError, numberIn } from "../errors.ts";
import { kernelsFor } from "../simd/kernels.ts";
import { workspaceOf } from "../simd/workspace.ts";
import { type FloatArray, squaredNorm, sumOfMagnitudes } from "../tensor/vector.ts";
import { boundsOf } from "./bounds.ts";
import type { Projection } from "./solver.ts";

/**
 * Writes P(point − step) to `next`, which may be `point` itself, with the step that the rule makes of `gradient`. Returns whether there
 * was anything to follow; if not, `next` is P(point).
 */
export type Update<A extends FloatArray> = (gradient: A, point: A, next: A) => boolean;

/**
 * Begins to follow the rule: `like` has the kind and the length of the points, `project` is P, by default none. The update has the state
 * (the number of steps, velocities, moments); one descent needs one update.
 */
export type UpdateRule = <A extends FloatArray>(like: A, project?: Projection) => Update<A>;

/** The factor of every step, or a function of the number of the step, counted from 1. */
export type StepSize = number | ((step: number) => number);

/** Gradient descent: the step is stepSize·g. */
export function gradientStep(stepSize: StepSize): UpdateRule {
  const stepSizeAt = stepSizes("gradientStep", stepSize);
  return (_, project) => {
    let count = 0;
    return (gradient, point, next) => {
      const moves = subtractScaled(next, point, stepSizeAt(++count), gradient);
      project?.(next);
      return moves;
    };
  };
}

/** The steepest descent of the ℓ2 norm: the step is stepSize·g / ‖g‖₂, and 0 for g = 0. */
export function unitStep(stepSize: StepSize): UpdateRule {
  const stepSizeAt = stepSizes("unitStep", stepSize);
  return (_, project) => {
    let count = 0;
    return (gradient, point, next) => {
      const size = stepSizeAt(++count);
      const length = Math.sqrt(squaredNorm(gradient));
      const moves = subtractScaled(next, point, length > 0 ? size / length : 0, gradient);
      project?.(next);
      return moves;
    };
  };
}

/**
 * The steepest descent of the ℓ∞ norm: the step is stepSize·sign(g), with sign(0) = 0. A gradient that is NaN or infinite makes the
 * point NaN.
 */
export function signStep(stepSize: StepSize): UpdateRule {
  const stepSizeAt = stepSizes("signStep", stepSize);
  return (like, project) => {
    let count = 0;
    const { low, high } = project?.box ?? {};
    const bounds = boundsOf(project, like, workspaceOf(like));
    if (bounds !== undefined && typeof low === "object" && typeof high === "object") {
      const { lows, highs } = bounds;
      return (gradient, point, next) => signStepInBox(next, point, stepSizeAt(++count), gradient, lows, highs);
    }
    return (gradient, point, next) => {
      const moves = subtractSigns(next, point, stepSizeAt(++count), gradient);
      project?.(next);
      return moves;
    };
  };
}

export interface MomentumOptions {
  /** The share μ of the last velocity that is kept in v ← μ·v + g, from 0 to 1. */
  readonly kept: number;
  /** The share of each gradient but the first that is left out of v, from 0 to 1: v ← μ·v + (1 − dampening)·g; default 0. */
  readonly dampening?: number;
  /** Divides each gradient by its ℓ1 norm before it enters v; default false. */
  readonly normalize?: boolean;
}

/**
 * `rule` with the velocity v ← μ·v + g in the place of the gradient. Of {@link gradientStep} that is Polyak's heavy ball as torch.optim.SGD
 * writes it, dampening included; of {@link signStep} with `normalize` it is MI-FGSM (Dong et al. 2018, eq. 6–7). The velocity is kept in
 * the precision of the point.
 */
export function momentum(rule: UpdateRule, options: MomentumOptions): UpdateRule {
  checkKeys("momentum", options, ["kept", "dampening", "normalize"]);
  checkForm("momentum: rule", rule, "function");
  checkForm("momentum: options", options, ["kept"]);
  const kept = numberIn("momentum: kept", options.kept, { min: 0, max: 1 });
  const dampening = numberIn("momentum: dampening", options.dampening ?? 0, { min: 0, max: 1 });
  const { normalize = false } = options;
  return (like, project) => {
    const velocity = zerosBeside(like);
    const update = rule(like, project);
    let count = 0;
    return (gradient, point, next) => {
      const sum = normalize ? sumOfMagnitudes(gradient) : 1;
      const share = count++ === 0 ? 1 : 1 - dampening;
      mix(velocity, kept, gradient, sum > 0 ? share / sum : 0);
      return update(velocity, point, next);
    };
  };
}

export interface AdamOptions {
  /** The factor α of every step; default 0.001. */
  readonly stepSize?: StepSize;
  /** Decay of the mean of the gradients; default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of their squares; default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the mean square; default 1e-8. */
  readonly epsilon?: number;
}

/**
 * Adam (Kingma & Ba 2015, algorithm 1, with bias correction, ε outside the root), in the order of operations of torch.optim.Adam: the
 * moments and the step are rounded to the precision of the point. 1 − β is taken to 15 digits, so that 1 − 0.9 is 0.1.
 */
export function adam(options: AdamOptions = {}): UpdateRule {
  checkKeys("adam", options, ["stepSize", "beta1", "beta2", "epsilon"]);
  const below1 = { min: 0, max: 1 - Number.EPSILON };
  const beta1 = numberIn("adam: beta1", options.beta1 ?? 0.9, below1);
  const beta2 = numberIn("adam: beta2", options.beta2 ?? 0.999, below1);
  const epsilon = numberIn("adam: epsilon", options.epsilon ?? 1e-8, { min: Number.MIN_VALUE });
  const stepSizeAt = stepSizes("adam", options.stepSize ?? 0.001);
  const [share1, share2] = [beta1, beta2].map((beta) => Number((1 - beta).toPrecision(15)));
  return (like, project) => {
    const mean = zerosBeside(like);
    const meanSquare = zerosBeside(like);
    let count = 0;
    return (gradient, point, next) => {
      count++;
      const factor = stepSizeAt(count) / (1 - beta1 ** count);
      const correction = 1 / Math.sqrt(1 - beta2 ** count);
      const moves = adamStep(next, point, gradient, mean, meanSquare, {
        ...{ beta1, share1, beta2, share2, factor, correction, epsilon },
      });
      project?.(next);
      return moves;
    };
  };
}

/** Zeros of the kind and length of `like`, in the memory that it is in. */
function zerosBeside<A extends FloatArray>(like: A): A {
  return workspaceOf(like).vectors().fill(0) as A;
}

/** The numbers of a step of {@link adam}. */
interface AdamNumbers {
  readonly beta1: number;
  readonly share1: number;
  readonly beta2: number;
  readonly share2: number;
  /** The step size over the correction of the mean. */
  readonly factor: number;
  /** That of the root of the mean square. */
  readonly correction: number;
  readonly epsilon: number;
}

/** A step of {@link adam} and of its moments; whether there was anything to follow. */
export function adamStep(
  next: FloatArray,
  point: FloatArray,
  gradient: FloatArray,
  mean: FloatArray,
  meanSquare: FloatArray,
  { beta1, share1, beta2, share2, factor, correction, epsilon }: AdamNumbers,
): boolean {
  const kernels = kernelsFor(next, point, gradient, mean, meanSquare);
  if (kernels !== undefined) {
    const [to, from, slopes] = [next, point, gradient].map(({ byteOffset }) => byteOffset);
    const numbers = [beta1, share1, beta2, share2, factor, correction, epsilon] as const;
    return kernels.adam(to, from, slopes, mean.byteOffset, meanSquare.byteOffset, ...numbers, next.length) !== 0;
  }
  let squares = 0;
  for (let i = 0; i < next.length; i++) {
    const slope = gradient[i];
    const before = point[i];
    mean[i] = beta1 * mean[i] + share1 * slope;
    meanSquare[i] = beta2 * meanSquare[i] + share2 * slope * slope;
    squares += mean[i] * mean[i];
    // By way of `next`, which rounds the step to the precision of the point.
    next[i] = (factor * mean[i]) / (Math.sqrt(meanSquare[i]) * correction + epsilon);
    next[i] = before - next[i];
  }
  return squares !== 0;
}

/** next ← point − factor·vector; whether the vector has an element that is not 0. */
export function subtractScaled(next: FloatArray, point: FloatArray, factor: number, vector: FloatArray): boolean {
  const kernels = kernelsFor(next, point, vector);
  if (kernels !== undefined) {
    const [to, from, way] = [next, point, vector].map(({ byteOffset }) => byteOffset);
    return kernels.subtractScaled(to, from, factor, way, next.length) !== 0;
  }
  let squares = 0;
  for (let i = 0; i < next.length; i++) {
    const element = vector[i];
    squares += element * element;
    next[i] = point[i] - factor * element;
  }
  return squares !== 0;
}

/**
 * next ← point − factor·sign(vector); whether the vector has an element that is not 0. Without branches, which on a sign would be
 * mispredicted half of the time; 0·NaN and 0·∞ are NaN.
 */
export function subtractSigns(next: FloatArray, point: FloatArray, factor: number, vector: FloatArray): boolean {
  const kernels = kernelsFor(next, point, vector);
  if (kernels !== undefined) {
    const [to, from, way] = [next, point, vector].map(({ byteOffset }) => byteOffset);
    return kernels.subtractSigns(to, from, factor, way, 0, 0, next.length) !== 0;
  }
  let magnitudes = 0;
  for (let i = 0; i < next.length; i++) {
    const element = vector[i];
    const sign = Number(element > 0) - Number(element < 0);
    magnitudes += Math.abs(sign);
    next[i] = point[i] - factor * sign + 0 * element;
  }
  return magnitudes !== 0;
}

/** {@link subtractSigns}, and the projection on the box in the same pass. */
export function signStepInBox(
  next: FloatArray,
  point: FloatArray,
  factor: number,
  vector: FloatArray,
  low: FloatArray,
  high: FloatArray,
): boolean {
  const kernels = kernelsFor(next, point, vector, low, high);
  if (kernels !== undefined) {
    const [to, from, way, lows, highs] = [next, point, vector, low, high].map(({ byteOffset }) => byteOffset);
    return kernels.subtractSigns(to, from, factor, way, lows, highs, next.length) !== 0;
  }
  let magnitudes = 0;
  for (let i = 0; i < next.length; i++) {
    const element = vector[i];
    const sign = Number(element > 0) - Number(element < 0);
    magnitudes += Math.abs(sign);
    // By way of `next`, which rounds to its precision before the bounds are looked at.
    next[i] = point[i] - factor * sign + 0 * element;
    next[i] = Math.min(Math.max(next[i], low[i]), high[i]);
  }
  return magnitudes !== 0;
}

/** velocity ← kept·velocity + share·gradient. */
export function mix(velocity: FloatArray, kept: number, gradient: FloatArray, share: number): void {
  const kernels = kernelsFor(velocity, gradient);
  if (kernels !== undefined) kernels.mix(velocity.byteOffset, kept, gradient.byteOffset, share, velocity.length);
  else for (let i = 0; i < velocity.length; i++) velocity[i] = kept * velocity[i] + share * gradient[i];
}

/** The step size as a function of the step; throws a MisuseError if it is not a number above zero. */
function stepSizes(where: string, stepSize: StepSize): (step: number) => number {
  if (typeof stepSize === "function") return stepSize;
  if (stepSize > 0 && Number.isFinite(stepSize)) return () => stepSize;
  throw new MisuseError({
    where: `${where}: stepSize`,
    what: "value out of range",
    expected: "a number above 0 or a function of the step",
    got: String(stepSize),
  });
}
