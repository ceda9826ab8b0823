/** @file Rules that replace an integral over [0, 1] by a weighted sum. */

/** Σ weights[i] · f(nodes[i]) stands for the integral of f from 0 to 1. */
export interface Quadrature {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

/**
 * The Gauss–Legendre rule of `count` nodes, exact for polynomials up to degree 2 · count − 1. The nodes are the zeros of the Legendre
 * polynomial, found by Newton's method from Tricomi's estimate; nodes ascend.
 */
export function gaussLegendre(count: number): Quadrature {
  const nodes = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let z = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    for (let step = 0, move = 1; step < 10 && Math.abs(move) > 1e-15; step++) {
      const { value, derivative } = legendre(count, z);
      move = value / derivative;
      z -= move;
    }
    const slope = legendre(count, z).derivative;
    nodes[count - 1 - i] = (1 + z) / 2;
    weights[count - 1 - i] = 1 / ((1 - z * z) * slope * slope);
  }
  return { nodes, weights };
}

/** The Legendre polynomial P_n and its derivative at z, by Bonnet's recursion. */
function legendre(n: number, z: number): { readonly value: number; readonly derivative: number } {
  let [previous, value] = [0, 1];
  for (let k = 1; k <= n; k++) [previous, value] = [value, ((2 * k - 1) * z * value - (k - 1) * previous) / k];
  return { value, derivative: (n * (z * value - previous)) / (z * z - 1) };
}

/** `count` nodes from 0 to 1 inclusive at equal distances, each with the weight 1 / `divisor`. */
export function equalSteps(count: number, divisor: number): Quadrature {
  return {
    nodes: Float64Array.from({ length: count }, (_, i) => (count === 1 ? 0 : i / (count - 1))),
    weights: new Float64Array(count).fill(1 / divisor),
  };
}
