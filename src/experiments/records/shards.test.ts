import fc from "fast-check";
import { expect, test } from "vitest";
import { MisuseError } from "../../errors.ts";
import { describeShard, isInShard, parseShard, type Shard } from "./shards.ts";

const all = (of: number, within?: Shard): Shard[] =>
  Array.from({ length: of }, (_, index) => ({ index: index + 1, of, within }));

test("every image is in exactly one share, and in exactly one share of that share", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (image, n, m) => {
      const coarse = all(n).filter((shard) => isInShard({ image }, shard));
      expect(coarse).toHaveLength(1);
      const fine = all(n).flatMap((shard) => all(m, shard).filter((inner) => isInShard({ image }, inner)));
      expect(fine).toHaveLength(1);
      expect(fine[0].within).toEqual(coarse[0]);
    }),
  );
  expect(isInShard({ image: "anything" }, undefined)).toBe(true);
});

test("shares, and shares of a share with the same number, are of about equal size", () => {
  const images = Array.from({ length: 4000 }, (_, index) => ({ image: `ILSVRC2012_val_${index}` }));
  const half = images.filter((key) => isInShard(key, { index: 2, of: 2 }));
  expect(Math.abs(half.length - 2000)).toBeLessThan(5 * 32);
  const quarter = half.filter((key) => isInShard(key, { index: 1, of: 2, within: { index: 2, of: 2 } }));
  expect(Math.abs(quarter.length - half.length / 2)).toBeLessThan(5 * 22.4);
});

test("shares as text", () => {
  expect(parseShard(" 2/4 ")).toEqual({ index: 2, of: 4 });
  expect(describeShard({ index: 3, of: 16, within: { index: 2, of: 4 } })).toBe("3/16 of 2/4");
  for (const text of ["0/4", "5/4", "1", "1/0", "a/b", "1/4/2", "-1/4", "1.5/4"]) {
    expect(() => parseShard(text, "--shard")).toThrow(MisuseError);
  }
  expect(() => parseShard("5/4", "--shard")).toThrow(/^--shard: not a share, expected .*, got "5\/4"\.$/);
});
