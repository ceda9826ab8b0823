/** @file The error function in float64. */

/** erf(x) = 2/√π ∫₀ˣ e^(−t²) dt, to about 15 digits. */
export function erf(x: number): number {
  const magnitude = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (magnitude > 6) return Math.sign(x);
  const gauss = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (magnitude > 3) {
    // Laplace's continued fraction of the complement: 1 / (x + ½ / (x + 1 / (x + 3⁄2 / (x + …)))).
    let fraction = magnitude;
    for (let k = 60; k > 0; k--) fraction = magnitude + k / 2 / fraction;
    return Math.sign(x) * (1 - gauss / fraction);
  }
  // The series 2x · Σ (2x²)ⁿ / (1 · 3 · … · (2n+1)) has terms of one sign only, so nothing cancels.
  let [term, sum] = [1, 1];
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return 2 * gauss * x * sum;
}
