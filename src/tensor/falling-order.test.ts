import fc from "fast-check";
import { expect, test } from "vitest";
import { fallingOrder } from "./falling-order.ts";

test("places by falling value, equal ones in their order, as a stable sort by comparison", () => {
  const special = fc.constantFrom(0, -0, 1, -1, 1e-45, -1e-45, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  const numbers = fc.array(fc.oneof(fc.float({ noNaN: true }), special), { maxLength: 80 });
  fc.assert(
    fc.property(numbers, (list) => {
      const values = Float32Array.from(list);
      const compare = (a: number, b: number): number =>
        values[a] > values[b] ? -1 : values[a] < values[b] ? 1 : a - b;
      expect([...fallingOrder(values)]).toEqual([...values.keys()].sort(compare));
    }),
    { numRuns: 300 },
  );
});

test("NaN comes last, and the values are left alone", () => {
  const values = Float32Array.of(Number.NaN, -5, Number.NaN, 3);
  expect([...fallingOrder(values.subarray(0, 4))]).toEqual([3, 1, 0, 2]);
  expect([...values.subarray(1, 2)]).toEqual([-5]);
  expect([...fallingOrder(values.subarray(1))]).toEqual([2, 0, 1]);
});
