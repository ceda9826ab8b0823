/** @file A number for how a cone bends, so that cones can be compared without eyes. */

/** A mean over images, with its standard error; null for a single image. */
export interface ConeEstimate {
  readonly mean: number;
  readonly standardError: number | null;
}

/**
 * How the classifier bends across the perturbation:
 *
 *   κ(a) = (ℓ(a, h) − 2 ℓ(a, 0) + ℓ(a, −h)) / h²,   h = ½,
 *
 * the second difference along T of the log-odds ℓ = log(p / (1 − p)) of the image's class, in nats per squared length of the
 * perturbation; averaged over directions, then over images. κ(1) = 8 means that orthogonal noise of half the perturbation's
 * length raises the log-odds of the class by one nat. Positive where noise brings the class back, which is what the test of Roth et al.
 * looks for; 0 where the classifier is flat. Log-odds, since p is flat near 0 and 1 whatever the classifier does.
 */
export interface ConeCurvature {
  /** κ(1), at the adversarial image. */
  readonly adversarial: ConeEstimate;
  /** κ(0), at the image itself. */
  readonly clean: ConeEstimate;
  /** The share of the points (1, ±1) – noise as long as the perturbation – at which the image's class wins again. */
  readonly returned: ConeEstimate;
}

/** The three numbers of one image, each a mean over its directions. */
export interface PictureCurvature {
  readonly adversarial: number;
  readonly clean: number;
  readonly returned: number;
}

/** What the network says on the planes of one image. */
export interface SampledPlanes {
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** ℓ = log(p / (1 − p)) of the image's class, [directions, a, b]. */
  readonly logOdds: Float64Array;
  /** 1 where no class has a larger logit than the image's own, [directions, a, b]. */
  readonly isWon: Uint8Array;
}

const h = 0.5;

/** The curvature of one image's planes. */
export function pictureCurvature({ a, b, logOdds, isWon }: SampledPlanes): PictureCurvature {
  const size = a.length * b.length;
  const directions = Array.from({ length: logOdds.length / size }, (_, d) => d);
  const place = (d: number, onA: number, onB: number): number => d * size + a.indexOf(onA) * b.length + b.indexOf(onB);
  const bend = (d: number, onA: number): number => {
    const [below, middle, above] = [-h, 0, h].map((onB) => logOdds[place(d, onA, onB)]);
    return (above - 2 * middle + below) / h ** 2;
  };
  return {
    adversarial: mean(directions.map((d) => bend(d, 1))),
    clean: mean(directions.map((d) => bend(d, 0))),
    returned: mean(directions.map((d) => mean([-1, 1].map((side) => isWon[place(d, 1, side)])))),
  };
}

/** The curvature over all images. */
export function coneCurvature(pictures: readonly PictureCurvature[]): ConeCurvature {
  return {
    adversarial: estimate(pictures.map(({ adversarial }) => adversarial)),
    clean: estimate(pictures.map(({ clean }) => clean)),
    returned: estimate(pictures.map(({ returned }) => returned)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function estimate(values: readonly number[]): ConeEstimate {
  const average = mean(values);
  if (values.length < 2) return { mean: average, standardError: null };
  const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
  return { mean: average, standardError: Math.sqrt(variance / values.length) };
}
