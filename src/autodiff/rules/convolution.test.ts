import fc from "fast-check";
import { expect, test } from "vitest";
import { checkVjp, spreadTensor } from "../../testing/check-vjp.ts";
test("basic", () => {
  for (const [x, w, attributes] of [
    [[2, 4, 7, 6], [6, 4, 3, 2], {}],
    [[2, 4, 7, 6], [6, 2, 3, 2], { group: 2, strides: [2, 3], pads: [1, 0, 2, 1] }],
    [[1, 4, 9], [4, 1, 3], { group: 4, dilations: [2], pads: [5, 4] }],
  ] as const) {
    const check = checkVjp("Conv", [spreadTensor(x), spreadTensor(w, 2), spreadTensor([w[0]], 3)], { attributes });
    expect(check.expected).not.toBeCloseTo(0, 3);
    expect(check.relativeError).toBeLessThan(1e-6);
  }
});
