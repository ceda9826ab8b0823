import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { chainNetwork, floats, golden, picture } from "../../../test/reference-networks.ts";
import { gradient } from "../../saliency/gradients/gradient.ts";
import { fallingOrder } from "../../tensor/falling-order.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import { infidelity } from "./infidelity.ts";
import { imputeLinearly } from "./linear-imputation.ts";
import { maxSensitivity } from "./max-sensitivity.ts";
import { road } from "./road.ts";
import { sensitivityN, sensitivitySteps } from "./sensitivity-n.ts";
import { sparseness } from "./sparseness.ts";

/** What quantus_numbers.py wrote: numbers of Quantus itself. */
interface Numbers {
  readonly versions: Readonly<Record<string, string>>;
  readonly predicted: readonly number[];
  readonly road: readonly (readonly number[])[];
  readonly imputed: Readonly<Record<string, string>>;
  readonly infidelity: Readonly<Record<string, readonly number[]>>;
  readonly "sensitivity-n": readonly number[];
  readonly "max-sensitivity": number;
  readonly sparseness: readonly number[];
}

const file = join(import.meta.dirname, "../../../test/fixtures/metrics/quantus.json");
const numbers: Numbers = JSON.parse(readFileSync(file, "utf8"));
const { size, label } = golden;
const plane = size * size;

const color = chainNetwork();
const gray = chainNetwork(golden.weights, 1);
afterAll(async () => {
  await color.dispose();
  await gray.dispose();
});

const channel = (c: number): Float32Array => picture.data.slice(c * plane, (c + 1) * plane);
const transposed = (values: Float32Array): Float32Array =>
  values.map((_, i) => values[(i % size) * size + Math.floor(i / size)]);
/** Six gray pictures, each with the one before it as its map. */
const grays = [...[0, 1, 2].map(channel), ...[0, 1, 2].map(channel).map(transposed)];
const pictures = grays.map((data) => floatTensor(data, [1, size, size]));
const maps = grays.map((_, n) => floatTensor(grays[(n + 5) % 6], [size, size]));
const mapOf = (data: Float32Array): FloatTensor => floatTensor(data, [size, size]);

describe(`Quantus ${numbers.versions.quantus} on PyTorch ${numbers.versions.torch}`, () => {
  test("the predicted classes", async () => {
    const found = await Promise.all(pictures.map((image) => gray.classify(image)));
    expect(found.map((one) => one.label)).toEqual(numbers.predicted);
  });

  test.each(Object.keys(numbers.imputed))("%s missing pixels of a color picture are filled in", (text) => {
    const mean = Float32Array.from({ length: plane }, (_, i) =>
      [0, 1, 2].reduce((sum, c) => sum + channel(c)[i] / 3, 0),
    );
    const values = Float64Array.from(picture.data);
    imputeLinearly(values, picture.shape, fallingOrder(mean).subarray(0, Number(text)));
    const wanted = floats(numbers.imputed[text]);
    expect(values.reduce((worst, value, i) => Math.max(worst, Math.abs(value - wanted[i])), 0)).toBeLessThan(1e-6);
    expect(values.some((value, i) => value !== picture.data[i])).toBe(true);
  });

  test.each([0, 1, 2, 3, 4, 5])("ROAD without noise, picture %i", async (n) => {
    const { kept, percentages, share } = await road(gray, pictures[n], maps[n], {
      ...{ label: numbers.predicted[n], noise: 0 },
    });
    expect(percentages[1]).toBe(3);
    expect(kept.map(Number)).toEqual(numbers.road[n]);
    expect(share).toBeCloseTo(numbers.road[n].reduce((sum, one) => sum + one, 0) / 50, 12);
  });

  test.each(Object.keys(numbers.infidelity))("infidelity with patches of %s", async (text) => {
    for (const [n, [explained, c]] of [
      [0, 0],
      [3, 1],
      [2, 2],
    ].entries()) {
      const map = mapOf(channel(c).map((value) => 0.004 * value));
      const found = await infidelity(color, picture, map, { label: explained, patch: Number(text) });
      expect(found / numbers.infidelity[text][n]).toBeCloseTo(1, 4);
    }
  });

  test("sensitivity-n, step by step", async () => {
    const wanted = numbers["sensitivity-n"];
    const steps = await Promise.all(
      pictures.map((image, n) =>
        sensitivitySteps(gray, image, maps[n], { label: numbers.predicted[n], pixelsInStep: 8 }),
      ),
    );
    for (const [step, correlation] of wanted.entries()) {
      const one = steps.map(({ losses, sums }) => ({ losses: [losses[step]], sums: [sums[step]] }));
      expect(sensitivityN(one)).toBeCloseTo(correlation, 4);
    }
    expect(steps[0].losses.length).toBe(wanted.length);
    expect(sensitivityN(steps)).toBeCloseTo(wanted.reduce((sum, value) => sum + value, 0) / wanted.length, 4);
  });

  test("max-sensitivity of the gradient, with the same noise", async () => {
    const explain = async (image: FloatTensor) => (await gradient.explain(color, image, { label })).map;
    const found = await maxSensitivity(color, picture, await explain(picture), explain, { samples: 5 });
    expect(found).toBeCloseTo(numbers["max-sensitivity"], 5);
  });

  test("sparseness", () => {
    const diagonal = Float32Array.from({ length: plane }, (_, i) => Number(i % (size + 1) === 0));
    const given = [channel(0), channel(1).map((value) => value ** 8), diagonal];
    const found = given.map((map) => sparseness(mapOf(map)));
    expect(found).toEqual(numbers.sparseness.map((value) => expect.closeTo(value, 6)));
  });
});
