import fc from "fast-check";
import { expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import { MisuseError } from "../../errors.ts";
import { splitHalves, tuneOnHalves } from "./split-half.ts";

const ids = fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 40 });

test("two halves of all identifiers, the same in any order", () => {
  fc.assert(
    fc.property(ids, fc.nat(), (all, rotation) => {
      const [first, second] = splitHalves(all);
      expect([...first, ...second].sort()).toEqual([...all].sort());
      expect(first.length - second.length).toBe(all.length % 2);
      const rotated = [...all.slice(rotation % all.length), ...all.slice(0, rotation % all.length)];
      expect(splitHalves([...rotated, ...rotated])).toEqual([first, second]);
    }),
  );
});

test("identifiers in sequence fall into both halves as by chance", () => {
  const all = Array.from({ length: 2000 }, (_, index) => `image${String(index).padStart(4, "0")}`);
  const first = new Set(splitHalves(all)[0]);
  // Of the first thousand, 500 with a standard deviation of √(1000 · 1000 · 1000 · 1000 / (2000² · 1999)) = 11.
  const inFirst = all.slice(0, 1000).filter((id) => first.has(id)).length;
  expect(Math.abs(inFirst - 500)).toBeLessThan(5 * 11.2);
});

test("each identifier is judged by the choice made without it", () => {
  fc.assert(
    fc.property(ids, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (all, stream) => {
      const loss = [0, 1, 2].map(() => new Map(all.map((id) => [id, stream.next().value as number])));
      const lossOf = (choice: number, id: string): number => given(loss[choice].get(id));
      const halves = splitHalves(all);
      const { losses, chosen, loss: pooled } = tuneOnHalves(all, [0, 1, 2], lossOf);
      const sumOn = (choice: number, half: readonly string[]): number =>
        half.reduce((sum, id) => sum + lossOf(choice, id), 0);
      for (const [index, half] of halves.entries()) {
        const other = halves[1 - index];
        for (const choice of [0, 1, 2]) expect(sumOn(chosen[index], half)).toBeLessThanOrEqual(sumOn(choice, half));
        for (const id of other) expect(losses[all.indexOf(id)]).toBe(lossOf(chosen[index], id));
      }
      expect(pooled).toBeCloseTo(losses.reduce((sum, x) => sum + x, 0) / all.length, 12);
    }),
  );
});

test("a choice that suits only the half that it was made on is found out", () => {
  // Each choice is right on one half and wrong on the other.
  const all = Array.from({ length: 40 }, (_, index) => `${index}`);
  const [first] = splitHalves(all);
  const isInFirst = new Set(first);
  const lossOf = (choice: string, id: string): number => ((choice === "first") === isInFirst.has(id) ? 0 : 1);
  const { loss, chosen } = tuneOnHalves(all, ["first", "second"], lossOf);
  expect(chosen).toEqual(["first", "second"]);
  expect(loss).toBe(1);
});

test("the first of equal choices is taken; nothing to choose from is refused", () => {
  expect(tuneOnHalves(["a", "b"], ["x", "y"], () => 1).chosen).toEqual(["x", "x"]);
  expect(() => tuneOnHalves(["a", "b"], [], () => 1)).toThrow(MisuseError);
  expect(() => tuneOnHalves(["a"], ["x"], () => 1)).toThrow(/at least one choice and two images, got 1 and 1/);
});
