import fc from "fast-check";
import { expect, test } from "vitest";
import { MisuseError } from "../errors.ts";
import { chance, choice, integer, normal, shuffle, sign, uniform } from "./distributions.ts";
import { createRandom } from "./random.ts";

const count = 100_000;

/** Mean of `draw` over `count` draws. */
function meanOf(draw: () => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += draw();
  return sum / count;
}

test("normal has the moments 0, 1, 0 and 3, two-sided, and takes mean and standard deviation", () => {
  const random = createRandom(1);
  const moments = [1, 2, 3, 4].map((power) => meanOf(() => normal(random) ** power));
  // Five standard deviations of each sample moment: the variances of x, x², x³, x⁴ are 1, 2, 15 and 96.
  for (const [i, [exact, variance]] of [
    [0, 1],
    [1, 2],
    [0, 15],
    [3, 96],
  ].entries()) {
    expect(Math.abs(moments[i] - exact)).toBeLessThan(5 * Math.sqrt(variance / count));
  }
  expect(Math.abs(meanOf(() => normal(random, 3, 0.5)) - 3)).toBeLessThan((5 * 0.5) / Math.sqrt(count));
  expect(Math.abs(meanOf(() => (Math.abs(normal(random)) < 1.959964 ? 1 : 0)) - 0.95)).toBeLessThan(0.004);
});

test("uniform and integer stay within their bounds and are centered", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 50 }), (seed, low, extent) => {
      const random = createRandom(seed);
      const real = uniform(random, low, low + extent);
      const whole = integer(random, low, low + extent);
      expect(real >= low && real < low + extent).toBe(true);
      expect(Number.isInteger(whole) && whole >= low && whole < low + extent).toBe(true);
    }),
  );
  const random = createRandom(2);
  expect(Math.abs(meanOf(() => uniform(random, -1, 3)) - 1)).toBeLessThan((5 * 4) / Math.sqrt(12 * count));
  expect(Math.abs(meanOf(() => integer(random, 0, 5)) - 2)).toBeLessThan((5 * Math.sqrt(2)) / Math.sqrt(count));
});

test("sign, chance and choice have the right frequencies", () => {
  const random = createRandom(3);
  expect(Math.abs(meanOf(() => sign(random)))).toBeLessThan(5 / Math.sqrt(count));
  expect(Math.abs(meanOf(() => (chance(random, 0.2) ? 1 : 0)) - 0.2)).toBeLessThan((5 * 0.4) / Math.sqrt(count));
  for (const letter of "abc") {
    const frequency = meanOf(() => (choice(random, ["a", "b", "c"]) === letter ? 1 : 0));
    expect(Math.abs(frequency - 1 / 3)).toBeLessThan((5 * Math.sqrt(2)) / 3 / Math.sqrt(count));
  }
  expect(() => choice(random, [])).toThrow(MisuseError);
});

test("shuffle is a permutation, leaves its input alone, and gives each order equally often", () => {
  const random = createRandom(4);
  const items = Object.freeze([0, 1, 2]);
  const orders = new Map<string, number>();
  for (let i = 0; i < 60_000; i++) {
    const order = shuffle(random, items).join("");
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  expect([...orders.keys()].sort()).toEqual(["012", "021", "102", "120", "201", "210"]);
  for (const frequency of orders.values())
    expect(Math.abs(frequency - 10_000)).toBeLessThan(5 * Math.sqrt((60_000 * 5) / 36));
});
