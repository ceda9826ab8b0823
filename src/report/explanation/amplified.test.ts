import { expect, test } from "vitest";
import { floatTensor } from "../../tensor/tensor.ts";
import { amplified, commonFactor } from "./amplified.ts";

const change = (...values: number[]) => floatTensor(values, [1, 1, values.length]);

test("one factor for all changes: the largest of 1, 2, 5, 10, … by which none exceeds a half", () => {
  expect(commonFactor([change(0.01, -0.02)])).toBe(20);
  // 0.5 / 0.01 is 50 exactly.
  expect(commonFactor([change(0.01, 0)])).toBe(50);
  expect(commonFactor([change(0.011)])).toBe(20);
  expect(commonFactor([change(0.01), change(-0.09)])).toBe(5);
  expect(commonFactor([change(1e-4), change(0.9)])).toBe(1);
  expect(commonFactor([change(0, 0)])).toBe(1);
  // What float32 leaves of a search that has found nothing is not to be looked at.
  expect(commonFactor([change(1.7e-7)])).toBe(1);
  expect(commonFactor([change(1e-4)])).toBe(5000);
  expect(commonFactor([])).toBe(1);
});

test("a change about gray, the same amount of it the same gray for whichever method", () => {
  const [small, large] = [change(0.01, -0.01), change(0.04, 0.01)];
  const factor = commonFactor([small, large]);
  expect(factor).toBe(10);
  expect([...amplified(small, factor).data].map((value) => Number(value.toFixed(6)))).toEqual([0.6, 0.4]);
  expect(amplified(large, factor).data[1]).toBe(amplified(small, factor).data[0]);
  expect([...amplified(change(0.9, -0.9, 0), 1).data]).toEqual([1, 0, 0.5]);
});
