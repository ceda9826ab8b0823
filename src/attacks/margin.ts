/** @file The margin (equation 1) of logits that are at hand. */

/** M = C_i − max_{j≠i} C_j of `classIndex` in float64: of leaving it, or, `targeted`, −M: of reaching it. */
export function marginOf(logits: Float32Array, classIndex: number, targeted = false): number {
  let best = -Infinity;
  for (let j = 0; j < logits.length; j++) if (j !== classIndex && logits[j] > best) best = logits[j];
  return targeted ? best - logits[classIndex] : logits[classIndex] - best;
}
