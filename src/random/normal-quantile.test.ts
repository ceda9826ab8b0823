import { expect, test } from "vitest";
import { MisuseError } from "../errors.ts";
import { normalQuantile } from "./normal-quantile.ts";

test("quantiles are those of scipy.stats.norm.ppf 1.10", () => {
  for (const [probability, exact] of [
    [0.999, 3.090232306167813],
    [0.975, 1.959963984540054],
    [0.9, 1.2815515655446004],
    [0.6, 0.2533471031357997],
    [0.5, 0],
    [1e-4, -3.7190164854556804],
    [1e-15, -7.941345326170997],
  ]) {
    expect(Math.abs(normalQuantile(probability) - exact)).toBeLessThanOrEqual(1e-6 * Math.abs(exact));
    expect(normalQuantile(1 - probability)).toBeCloseTo(-normalQuantile(probability), probability < 1e-9 ? 1 : 6);
  }
  expect(() => normalQuantile(0)).toThrow(MisuseError);
  expect(() => normalQuantile(1)).toThrow(MisuseError);
});
