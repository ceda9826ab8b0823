import { expect, test } from "vitest";
import { askForFullPrecision } from "./full-precision.ts";

test("float32 products are asked for on NVIDIA's cards, where the user has not said otherwise", () => {
  const environment: Record<string, string | undefined> = {};
  askForFullPrecision(undefined, environment);
  askForFullPrecision(["cpu", "webgpu"], environment);
  expect(environment).toEqual({});
  askForFullPrecision(["cuda", "cpu"], environment);
  expect(environment).toEqual({ NVIDIA_TF32_OVERRIDE: "0" });
  const own = { NVIDIA_TF32_OVERRIDE: "1" };
  askForFullPrecision(["cuda"], own);
  expect(own).toEqual({ NVIDIA_TF32_OVERRIDE: "1" });
});

test("a page has no environment, and needs none", () => {
  expect(() => askForFullPrecision(["cuda"], undefined)).not.toThrow();
});
