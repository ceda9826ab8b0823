/** @file The quantile function of the standard normal distribution. */
import { numberIn } from "../errors.ts";

/**
 * x with Φ(x) = `probability`, within 1e-6 of it relative: Wichura's algorithm AS 241, PPND7 (Applied Statistics 1988).
 *
 * @param probability above 0 and below 1; a MisuseError otherwise
 */
export function normalQuantile(probability: number): number {
  numberIn("normalQuantile: probability", probability, { min: Number.MIN_VALUE, max: 1 - Number.EPSILON / 2 });
  const centered = probability - 0.5;
  if (Math.abs(centered) <= 0.425) {
    const r = 0.180625 - centered * centered;
    return (
      (centered * polynomial(r, 3.3871327179, 50.434271938, 159.29113202, 59.10937472)) /
      polynomial(r, 1, 17.895169469, 78.757757664, 67.1875636)
    );
  }
  const distance = Math.sqrt(-Math.log(centered < 0 ? probability : 1 - probability));
  const magnitude =
    distance <= 5
      ? polynomial(distance - 1.6, 1.4234372777, 2.75681539, 1.3067284816, 0.17023821103) /
        polynomial(distance - 1.6, 1, 0.7370016425, 0.12021132975)
      : polynomial(distance - 5, 6.657905115, 3.081226386, 0.42868294337, 0.017337203997) /
        polynomial(distance - 5, 1, 0.24197894225, 0.012258202635);
  return centered < 0 ? -magnitude : magnitude;
}

/** Coefficients from the constant one up. */
function polynomial(x: number, ...coefficients: readonly number[]): number {
  return coefficients.reduceRight((value, coefficient) => value * x + coefficient, 0);
}
