import { expect, test } from "vitest";
import { parseModel } from "../../onnx/text/parse.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { createClassifier } from "../classifier.ts";
import { affineOf, checkConsistent, checkNormalization, fullScaleOf, fullScaleOfNumbers } from "./preprocessing.ts";
import { statedInConfig } from "./read-config.ts";

test.each<[what: string, mean: readonly number[], std: readonly number[], number]>([
  ["bytes", [123.7, 116.3, 103.5], [58.4, 57.1, 57.4], 255],
  ["bytes divided by 256", [0], [256], 255],
  ["12 bits of X-rays", [1500], [600], 4095],
  ["reflectances of a satellite, one band of which is dark", [2600, 12.1], [1750, 98.3], 16383],
  ["a division by what 12 bits reach", [0, 0], [4095, 4095], 4095],
  ["a division by 2^12", [0], [4096], 4095],
  ["a division by 10000", [0], [10000], 16383],
  ["a division by what 16 bits reach", [0], [65535], 65535],
  ["means below 0, of no samples that files hold", [-600], [400], 255],
])("the largest sample that means and deviations are of: %s", (_, mean, std, expected) => {
  expect(fullScaleOfNumbers(mean, std)).toBe(expected);
});

/** A classifier that begins with `body`, from x to n. */
function classifierOf(body: string, constants: string, stated: Parameters<typeof createClassifier>[1] | object = {}) {
  const text = `<ir_version: 8, opset_import: ["": 18]>
    g (float[1,2,4,4] x) => (float[1,2] y) <${constants}> { ${body} a = GlobalAveragePool (n) y = Flatten (a) }`;
  return createClassifier(parseModel(text), { runtime: referenceRuntime, ...stated });
}

const vector = (name: string, values: readonly number[]): string => `float[1,2,1,1] ${name} = {${values.join(", ")}}`;

test.each<[what: string, body: string, constants: string, number]>([
  [
    "takes means away that lie beyond 255",
    "d = Sub (x, m) n = Div (d, s)",
    `${vector("m", [1353.7, 12.1])}, ${vector("s", [897.3, 98.3])}`,
    16383,
  ],
  ["divides by far more than 255", "n = Div (x, s)", "float s = {4095}", 4095],
  [
    "has normalized samples of more bits while it learned",
    "n = BatchNormalization (x, one, zero, m, v)",
    "float[2] one = {1, 1}, float[2] zero = {0, 0}, float[2] m = {1000, 2000}, float[2] v = {10000, 40000}",
    4095,
  ],
])("a model that %s is given samples as they are", (_, body, constants, expected) => {
  const { input, guess } = classifierOf(body, constants);
  expect(fullScaleOf(input)).toBe(expected);
  // Pixel 1 is the largest sample.
  expect(affineOf(input)).toEqual({ factor: [expected, expected], offset: [0, 0] });
  expect(guess.reason).toContain(`takes pixels from 0 to ${expected}`);
});

test("what a file states in samples of more bits is of these, however it is written", () => {
  const raw = { image_mean: [1353.7, 2003], image_std: [897.3, 1341.3], do_rescale: false };
  const factor = 1 / 10000;
  const scaled = (values: readonly number[]): number[] => values.map((value) => value * factor);
  const rescaled = { image_mean: scaled(raw.image_mean), image_std: scaled(raw.image_std), rescale_factor: factor };
  for (const config of [raw, rescaled]) {
    const stated = statedInConfig(config, "preprocessor_config.json");
    if (stated === undefined) throw new Error("nothing is stated");
    const { input, guess } = classifierOf("n = Identity (x)", "float k = {0}", { preprocessing: stated });
    expect(fullScaleOf(input)).toBe(16383);
    expect(guess.reason).toContain("beyond 255, so of samples from 0 to 16383");
    const { factor: slopes, offset } = affineOf(input);
    for (const [c, sample] of [2000, 3000].entries()) {
      const expected = (sample - raw.image_mean[c]) / raw.image_std[c];
      expect(slopes[c] * (sample / 16383) + offset[c]).toBeCloseTo(expected, 9);
    }
  }
});

test("a scale of more than 8 bits may be given, and must fit its numbers", () => {
  expect(checkNormalization("x", { scale: 10000 })).toEqual({ scale: 10000 });
  for (const scale of [2, 0, -255, 1e6, Number.NaN]) {
    expect(() => checkNormalization("x", { scale })).toThrow(
      "x: unknown scale, expected 1, 255, symmetric, or the largest sample",
    );
  }
  expect(() => checkConsistent("x", { scale: 255, mean: [1353.7], std: [897.3] })).toThrow(
    "mean and std are not of the scale 255, expected numbers of pixels from 0 to 255, such as 123.675 and 58.395, got mean 1353.7 and std 897.3. Leave the scale out (it is 16383 for these)",
  );
  expect(() => checkConsistent("x", { scale: 4095, mean: [0.4], std: [0.2] })).toThrow(
    "Leave the scale out (it is 1 for these)",
  );
});
