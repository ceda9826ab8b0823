import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { chainNetwork, picture } from "../../../test/reference-networks.ts";
import { AbortedError, MisuseError } from "../../errors.ts";
import { createRandom } from "../../random/random.ts";
import { fallingOrder } from "../../tensor/falling-order.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { infidelity } from "./infidelity.ts";
import { imputeLinearly } from "./linear-imputation.ts";
import { maxSensitivity } from "./max-sensitivity.ts";
import { isMetricValues, metricNamed, metrics } from "./metrics.ts";
import { road } from "./road.ts";
import { sensitivityN, sensitivitySteps } from "./sensitivity-n.ts";
import { sparseness } from "./sparseness.ts";

const classifier = chainNetwork();
afterAll(() => classifier.dispose());

const size = 16;
const numbers = (count: number, seed: number): Float32Array => {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => random());
};
const someMap = floatTensor(numbers(size * size, 5), [size, size]);
const seeds = { numRuns: 15 };

describe("linear imputation", () => {
  test("a picture that is one color stays, and what is filled in lies between what is there", () => {
    const shape = fc.tuple(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 2, max: 9 }));
    fc.assert(
      fc.property(shape, fc.nat(), fc.double({ min: 0.01, max: 0.99 }), ([height, width], seed, share) => {
        const plane = height * width;
        const order = fallingOrder(numbers(plane, seed));
        const places = order.subarray(0, Math.min(plane - 1, Math.ceil(share * plane)));
        const even = new Float64Array(2 * plane).fill(0.25).fill(0.5, plane);
        const holes = even.slice();
        for (const place of places) holes[place] = holes[plane + place] = 9;
        imputeLinearly(holes, [2, height, width], places);
        expect([...holes]).toEqual([...even].map((value) => expect.closeTo(value, 6)));
        const values = Float64Array.from(numbers(plane, seed + 1));
        const kept = [...values].filter((_, i) => !places.includes(i));
        imputeLinearly(values, [1, height, width], places);
        expect(Math.min(...values)).toBeGreaterThanOrEqual(Math.min(...kept) - 1e-6);
        expect(Math.max(...values)).toBeLessThanOrEqual(Math.max(...kept) + 1e-6);
      }),
    );
  });

  test("by hand: one missing pixel in a corner and in the middle", () => {
    const values = Float64Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    imputeLinearly(values, [1, 3, 3], Uint32Array.of(0));
    expect(values[0]).toBeCloseTo((2 / 6 + 4 / 6 + 5 / 12) / (5 / 12), 8);
    const others = Float64Array.from([1, 2, 3, 4, 0, 6, 7, 8, 9]);
    imputeLinearly(others, [1, 3, 3], Uint32Array.of(4));
    expect(others[4]).toBeCloseTo((1 + 3 + 7 + 9) / 12 + (2 + 4 + 6 + 8) / 6, 8);
  });

  test("nothing is left to fill in from", () => {
    const all = Uint32Array.from({ length: 4 }, (_, i) => i);
    expect(() => imputeLinearly(new Float64Array(4), [1, 2, 2], all)).toThrow(MisuseError);
  });
});

describe("ROAD", () => {
  test("the unit of the map does not matter, and noise has the deviation that is asked for", async () => {
    const { label } = await classifier.classify(picture);
    const scaled = floatTensor(
      someMap.data.map((value) => 7 * value),
      someMap.shape,
    );
    const options = { label, percentages: [10, 50, 90] };
    expect(await road(classifier, picture, scaled, options)).toEqual(await road(classifier, picture, someMap, options));
    const seen: Float32Array[] = [];
    const spied = {
      ...classifier,
      async forward(given?: { readonly batch?: number }) {
        const pass = await classifier.forward(given);
        return {
          ...pass,
          run: (images: readonly Float32Array[], more?: { readonly signal?: AbortSignal }) => {
            seen.push(...images);
            return pass.run(images, more);
          },
        };
      },
    };
    await road(spied, picture, someMap, { label, percentages: [99], noise: 0 });
    await road(spied, picture, someMap, { label, percentages: [99], noise: 0.2 });
    const [without, noisy] = seen;
    const differences = noisy.map((value, i) => value - without[i]);
    // The network is given 2 x − 1: 0.2 for it is 0.1 of a pixel's range.
    const power = differences.reduce((sum, d) => sum + d * d, 0) / differences.length;
    expect(Math.sqrt(power)).toBeGreaterThan(0.09);
    expect(Math.sqrt(power)).toBeLessThan(0.11);
  });

  test.each([[[]], [[5, 3]], [[100]], [[-1]]])("percentages %j are refused", async (percentages) => {
    await expect(road(classifier, picture, someMap, { label: 1, percentages })).rejects.toThrow(/road: percentages/);
  });
});

describe("infidelity", () => {
  test("0 at its best scale for the scores' own losses, whatever the unit; never above that of the map as it is", async () => {
    // With one patch there is one loss, which any map that is not 0 predicts at the right scale.
    const options = { label: 2, patch: 16 } as const;
    expect(await infidelity(classifier, picture, someMap, { ...options, scale: "best" })).toBeCloseTo(0, 8);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.double({ min: 0.001, max: 100, noNaN: true }), async (seed, unit) => {
        const map = floatTensor(numbers(size * size, seed), [size, size]);
        const other = floatTensor(
          map.data.map((value) => unit * value),
          map.shape,
        );
        const best = await infidelity(classifier, picture, map, { label: 2, scale: "best" });
        const again = await infidelity(classifier, picture, other, { label: 2, scale: "best" });
        expect(Math.abs(again - best)).toBeLessThan(1e-5 * Math.max(best, 1e-3));
        expect(best).toBeLessThanOrEqual((await infidelity(classifier, picture, other, { label: 2 })) + 1e-9);
      }),
      seeds,
    );
  });

  test("the batch changes nothing, and patches that do not tile the picture are cut off", async () => {
    const one = await infidelity(classifier, picture, someMap, { label: 0, patch: 5, batch: 1 });
    expect(await infidelity(classifier, picture, someMap, { label: 0, patch: 5, batch: 7 })).toBeCloseTo(one, 4);
    const zeros = floatTensor(new Float32Array(size * size), [size, size]);
    expect(await infidelity(classifier, picture, zeros, { label: 0 })).toBeGreaterThan(0);
  });
});

describe("sensitivity-n", () => {
  test("a perfect and a reversed relation, none, and one picture", () => {
    const losses = [0.1, 0.4, 0.2];
    const of = (sums: readonly number[]) => losses.map((loss, n) => ({ losses: [loss, loss], sums: [sums[n], 0] }));
    expect(sensitivityN(of([1, 4, 2]))).toBeCloseTo(1, 9);
    expect(sensitivityN(of([-1, -4, -2]))).toBeCloseTo(-1, 9);
    expect(sensitivityN(of([3, 3, 3]))).toBeUndefined();
    expect(sensitivityN(of([1, 4, 2]).slice(0, 1))).toBeUndefined();
    expect(sensitivityN([])).toBeUndefined();
  });

  test("as many steps as fit into the share, the greatest values first", async () => {
    const { losses, sums } = await sensitivitySteps(classifier, picture, someMap, {
      label: 1,
      pixelsInStep: 50,
      share: 0.5,
    });
    expect(losses).toHaveLength(2);
    const sorted = [...someMap.data].sort((a, b) => b - a);
    expect(sums[0]).toBeCloseTo(
      sorted.slice(0, 50).reduce((sum, value) => sum + value, 0),
      4,
    );
    expect(sums[1]).toBeCloseTo(
      sorted.slice(50, 100).reduce((sum, value) => sum + value, 0),
      4,
    );
    const batched = await sensitivitySteps(classifier, picture, someMap, { label: 1, batch: 3 });
    const alone = await sensitivitySteps(classifier, picture, someMap, { label: 1, batch: 1 });
    expect(batched.losses).toEqual(alone.losses.map((loss) => expect.closeTo(loss, 5)));
    expect(alone.losses).toHaveLength(25);
  });
});

describe("max-sensitivity", () => {
  test("0 for a map that never changes, 1 for one that vanishes; undefined for none", async () => {
    const zeros = floatTensor(new Float32Array(size * size), [size, size]);
    expect(await maxSensitivity(classifier, picture, someMap, async () => someMap)).toBe(0);
    expect(await maxSensitivity(classifier, picture, someMap, async () => zeros)).toBeCloseTo(1, 9);
    expect(await maxSensitivity(classifier, picture, zeros, async () => someMap)).toBeUndefined();
  });

  test("noise within the radius, cut off where images must be pictures", async () => {
    const seen: number[] = [];
    const look = async ({ data }: { readonly data: Float32Array }) => {
      seen.push(...data.map((value, i) => value - picture.data[i]));
      return someMap;
    };
    await maxSensitivity(classifier, picture, someMap, look, { samples: 2, radius: 0.2 });
    expect(seen).toHaveLength(2 * picture.data.length);
    expect(Math.max(...seen)).toBeLessThanOrEqual(0.1 + 1e-6);
    expect(Math.max(...seen)).toBeGreaterThan(0.09);
    expect(Math.min(...seen)).toBeLessThan(-0.09);
    const clipped: number[] = [];
    const keep = async ({ data }: { readonly data: Float32Array }) => {
      clipped.push(...data);
      return someMap;
    };
    await maxSensitivity(classifier, picture, someMap, keep, { samples: 1, radius: 3, isClipped: true });
    expect([Math.min(...clipped), Math.max(...clipped)]).toEqual([0, 1]);
  });
});

describe("sparseness", () => {
  const maps = fc.array(fc.float({ min: 0, max: 100, noNaN: true }), { minLength: 2, maxLength: 60 });

  test("in [0, 1), whatever the unit and the order; 0 for even maps, the most for one pixel", () => {
    fc.assert(
      fc.property(maps, fc.integer({ min: 1, max: 1000 }), (values, unit) => {
        const index = sparseness(floatTensor(values, [1, values.length]));
        expect(index).toBeGreaterThanOrEqual(-1e-9);
        expect(index).toBeLessThan(1);
        const turned = floatTensor(
          values.toReversed().map((value) => unit * value),
          [1, values.length],
        );
        expect(sparseness(turned)).toBeCloseTo(index, 4);
        const one = floatTensor(
          values.map((_, i) => Number(i === 0)),
          [1, values.length],
        );
        expect(sparseness(one)).toBeGreaterThanOrEqual(index - 1e-6);
      }),
    );
    for (const value of [0, 3]) expect(sparseness(floatTensor([value, value, value], [1, 3]))).toBeCloseTo(0, 9);
  });
});

describe("asking", () => {
  const wrong = floatTensor([1, 2], [1, 2]);

  test("maps of another size, classes that there are not, and signals", async () => {
    for (const measure of [road, infidelity, sensitivitySteps]) {
      await expect(measure(classifier, picture, wrong, { label: 0 })).rejects.toThrow(/map and image differ in size/);
      await expect(measure(classifier, picture, someMap, { label: 5 })).rejects.toThrow(/label/);
      const { signal } = Object.assign(new AbortController(), {});
      await expect(
        measure(classifier, picture, someMap, { label: 0, signal: AbortSignal.abort(signal.reason) }),
      ).rejects.toThrow(AbortedError);
    }
    await expect(maxSensitivity(classifier, picture, wrong, async () => wrong)).rejects.toThrow(/differ in size/);
  });

  test("by name, with the nearest", () => {
    expect(metricNamed("--metrics", "road").title).toBe("ROAD");
    expect(() => metricNamed("--metrics", "raod")).toThrow(/--metrics: unknown name, .*Did you mean road\?/);
  });

  test("each metric gives what its record keeps, and other things are no values", async () => {
    const { label } = await classifier.classify(picture);
    for (const { name, measure, summarize } of metrics) {
      const value = await measure({
        ...{ classifier, image: picture, map: someMap, label, explain: async () => someMap, takesPictures: false },
        ...{ batch: undefined, random: createRandom(1), signal: undefined },
      });
      const stored: unknown = JSON.parse(JSON.stringify({ [name]: value }));
      expect(stored).toEqual({ [name]: value });
      expect(isMetricValues(stored)).toBe(true);
      expect(isMetricValues({ [name]: "much" })).toBe(false);
      expect(summarize([])).toBeUndefined();
      if (typeof value === "number") expect(summarize([value, value])?.value).toBeCloseTo(value, 9);
    }
    expect(isMetricValues({ roads: 1 })).toBe(false);
  });
});
