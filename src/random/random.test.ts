import fc from "fast-check";
import { expect, test } from "vitest";
import { MisuseError } from "../errors.ts";
import { checkedRandom, createRandom, split, splitMix64, xoshiro128 } from "./random.ts";

test("SplitMix64 gives its published outputs", () => {
  expect(splitMix64(1234567n, 5)).toEqual([
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ]);
});

test("xoshiro128** gives its published outputs", () => {
  const { next } = xoshiro128([1, 2, 3, 4]);
  expect(Array.from({ length: 10 }, next)).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]);
});

test("a seed gives the bits of an independent implementation with big integers", () => {
  const random = createRandom(42);
  expect(Array.from({ length: 3 }, random)).toEqual([0.6447019532681355, 0.8418550947486003, 0.06685467348899377]);
  const stream = createRandom(42, 7, 1);
  expect(Array.from({ length: 2 }, stream)).toEqual([0.33777815581726167, 0.42676365630518076]);
});

test("numbers are 53-bit fractions in [0, 1), uniform in mean, variance and in each of 64 bins", () => {
  const random = createRandom(7);
  const count = 200_000;
  const bins = new Array<number>(64).fill(0);
  let [sum, squares, outside] = [0, 0, false];
  for (let i = 0; i < count; i++) {
    const value = random();
    outside ||= !(value >= 0 && value < 1 && Number.isInteger(value * 2 ** 53));
    sum += value;
    squares += value * value;
    bins[Math.floor(value * 64)]++;
  }
  expect(outside).toBe(false);
  // Five standard deviations of the mean of n uniform numbers, and of the mean of their squares.
  expect(Math.abs(sum / count - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / count));
  expect(Math.abs(squares / count - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / count));
  const chiSquare = bins.reduce((total, bin) => total + (bin - count / 64) ** 2 / (count / 64), 0);
  expect(chiSquare).toBeLessThan(63 + 5 * Math.sqrt(2 * 63));
});

test("streams of one seed are reproducible, distinct and uncorrelated", () => {
  const firsts = new Set<number>();
  for (let index = 0; index < 2000; index++) {
    firsts
      .add(createRandom(3, index)())
      .add(createRandom(3, index, 0)())
      .add(createRandom(index, 3, 1)());
    expect(createRandom(3, index)()).toBe(createRandom(3, index)());
  }
  expect(firsts.size).toBe(6000);
  const [a, b] = [createRandom(3, 0), createRandom(3, 1)];
  let covariance = 0;
  const count = 50_000;
  for (let i = 0; i < count; i++) covariance += (a() - 0.5) * (b() - 0.5);
  expect(Math.abs(covariance / count)).toBeLessThan(5 / (12 * Math.sqrt(count)));
});

test("split leaves the parent usable and gives another stream", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const [parent, twin] = [createRandom(seed), createRandom(seed)];
      const child = split(parent);
      expect(split(twin)()).toBe(child());
      expect(parent()).toBe(twin());
      expect(child()).not.toBe(parent());
    }),
  );
});

test("a seed that is not an integer from 0 to 2^53 - 1 is refused", () => {
  for (const seed of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    expect(() => createRandom(seed)).toThrow(MisuseError);
    expect(() => createRandom(1, seed)).toThrow(MisuseError);
  }
});

test("what a caller gives for a generator draws the same, and is refused for what no generator draws", () => {
  const [plain, checked] = [createRandom(3), checkedRandom("x: random", createRandom(3))];
  expect(Array.from({ length: 9 }, checked)).toEqual(Array.from({ length: 9 }, plain));
  for (const drawn of [1, -0.1, Number.NaN, "0.5", undefined]) {
    expect(() => checkedRandom("x: random", () => drawn)()).toThrow(MisuseError);
  }
  expect(() => checkedRandom("x: random", () => 5)()).toThrow(
    /^x: random: not a random number, .*from 0 to 1.*, got one that draws 5\.$/,
  );
  expect(() => checkedRandom("x: random(0)", 0.5)).toThrow(/^x: random\(0\): wrong type.*got 0\.5/);
});
