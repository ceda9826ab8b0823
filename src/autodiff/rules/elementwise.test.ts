import { expect, test } from "vitest";
import { checkVjp, spreadTensor } from "../../testing/check-vjp.ts";

test.each(["Identity", "Relu"])("%s: the rule agrees with a central difference", (opType) => {
  const check = checkVjp(opType, [spreadTensor([2, 3, 4])]);
  expect(check.expected).not.toBeCloseTo(0, 3);
  expect(check.relativeError).toBeLessThan(1e-6);
});

test.each(["Add", "Mul"])("%s: the rule sums over the axes along which an input is repeated", (opType) => {
  const check = checkVjp(opType, [spreadTensor([2, 3, 4]), spreadTensor([3, 1], 5)]);
  expect(check.expected).not.toBeCloseTo(0, 3);
  expect(check.relativeError).toBeLessThan(1e-6);
});
