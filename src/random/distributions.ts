/** @file Distributions: functions that draw from a {@link Random}. Apart from `normal` they give the same bits on every platform. */
import { MisuseError } from "../errors.ts";
import type { Random } from "./random.ts";

/** A number uniform in [`low`, `high`). */
export function uniform(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}

/** An integer uniform in [`low`, `high`), both integers; the bias is below (high − low) · 2⁻⁵³. */
export function integer(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low));
}

/** True with the given probability. */
export function chance(random: Random, probability: number): boolean {
  return random() < probability;
}

/** −1 or 1, each with probability one half. */
export function sign(random: Random): -1 | 1 {
  return random() < 0.5 ? -1 : 1;
}

/**
 * A number from the normal distribution, by Marsaglia's polar method (1964); the second number of each pair is thrown away, so
 * that a draw depends on `random` alone. Its last bits depend on the platform's `Math.log`.
 */
export function normal(random: Random, mean = 0, standardDeviation = 1): number {
  for (;;) {
    const x = 2 * random() - 1;
    const y = 2 * random() - 1;
    const square = x * x + y * y;
    if (square > 0 && square < 1) return mean + standardDeviation * x * Math.sqrt((-2 * Math.log(square)) / square);
  }
}

/** One of `items`, each with the same probability. */
export function choice<T>(random: Random, items: readonly T[]): T {
  if (items.length === 0) throw new MisuseError({ where: "choice", what: "nothing to choose from" });
  return items[integer(random, 0, items.length)];
}

/** The items in a random order (Fisher–Yates), each order with the same probability; `items` itself is left as it is. */
export function shuffle<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = integer(random, 0, i + 1);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
