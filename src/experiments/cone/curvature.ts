/** @file A number for how a cone bends, so that cones can be compared without eyes. */

/** The plane of one image and one direction. */
export interface ConePlane {
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** ℓ = log(p / (1 − p)) of the image's class at a[i], b[j]. */
  readonly logOdds: readonly Float64Array[];
  /** Indices i · b.length + j of the points where no class has a larger logit than the image's own. */
  readonly won: Set<number>;
}

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

const h = 0.5;

/** The curvature of the planes, grouped by image. */
export function coneCurvature(planes: readonly (readonly ConePlane[])[]): ConeCurvature {
  const over = (value: (plane: ConePlane) => number): ConeEstimate =>
    estimate(planes.map((ofImage) => mean(ofImage.map(value))));
  return {
    adversarial: over((plane) => bend(plane, 1)),
    clean: over((plane) => bend(plane, 0)),
    returned: over(({ a, b, won }) =>
      mean([-1, 1].map((side) => Number(won.has(a.indexOf(1) * b.length + b.indexOf(side))))),
    ),
  };
}

function bend({ a, b, logOdds }: ConePlane, at: number): number {
  const row = logOdds[a.indexOf(at)];
  const [below, middle, above] = [-h, 0, h].map((value) => row[b.indexOf(value)]);
  return (above - 2 * middle + below) / h ** 2;
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
