/** @file The choice of the next trial step of a backtracking line search, as a pure function. */

/** What is known along the search: φ(0), φ′(0), and up to two trials with φ at them. */
export interface Backtrack {
  readonly value: number;
  /** φ′(0) < 0. */
  readonly slope: number;
  readonly step: number;
  /** φ(step); not finite where the objective was not. */
  readonly stepValue: number;
  /** The trial before, if there was one and its value was finite. */
  readonly before?: { readonly step: number; readonly value: number };
}

/**
 * The next step length to try after `step` was refused, in [step/10, step/2]: the minimizer of the cubic through φ(0), φ′(0)
 * and the last two trials, or of the parabola through φ(0), φ′(0) and one (Nocedal & Wright 2006, section 3.5, eq. 3.58–3.59).
 * After a value that is not finite, step/10, for then there is nothing to interpolate.
 */
export function backtrack({ value, slope, step, stepValue, before }: Backtrack): number {
  if (!Number.isFinite(stepValue)) return step / 10;
  const rise = stepValue - value - slope * step;
  let next = (-slope * step * step) / (2 * rise);
  if (before !== undefined) {
    const riseBefore = before.value - value - slope * before.step;
    const a = (rise / step ** 2 - riseBefore / before.step ** 2) / (step - before.step);
    const b = ((step * riseBefore) / before.step ** 2 - (before.step * rise) / step ** 2) / (step - before.step);
    const discriminant = b * b - 3 * a * slope;
    if (a !== 0 && discriminant >= 0) next = (-b + Math.sqrt(discriminant)) / (3 * a);
  }
  // Written so that NaN, which no comparison lets through, ends as step/2.
  if (!(next <= step / 2)) return step / 2;
  return Math.max(next, step / 10);
}
