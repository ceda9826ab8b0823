import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileKernels, kernelsText } from "../../scripts/kernels.ts";
import { climbInBox } from "../attacks/autoattack/apgd-search.ts";
import { lengthen, roundToBytes, writeBytes } from "../attacks/budget.ts";
import { distancesBetween, sumsOfDistances } from "../attacks/distances.ts";
import { denoise } from "../detection/squeezing/non-local-means.ts";
import { blur } from "../image/gaussian-blur.ts";
import { levelBoxesOf } from "../localization/level-boxes.ts";
import { findInBox } from "../optimize/binding-set.ts";
import { clipTo } from "../optimize/bounds.ts";
import { moveToBounds, writePair } from "../optimize/curvature-history.ts";
import { projectBox } from "../optimize/projections.ts";
import { blockSumsLength, combineRows, innerProducts, innerProductsAt, paddedCount } from "../optimize/row-products.ts";
import { largestIfFinite } from "../optimize/solver.ts";
import { gainAlong, moveTo, scaleInPlace } from "../optimize/steps.ts";
import { adamStep, mix, signStepInBox, subtractScaled, subtractSigns } from "../optimize/update-rules.ts";
import { createRandom } from "../random/random.ts";
import { smoothMask } from "../saliency/extremal/extremal-mask.ts";
import { createKernelMemory, kernelsFor, kernelsLoaded, useKernels } from "./kernels.ts";
import { workspaceBytes } from "./workspace.ts";

test("the module that is checked in is what its source compiles to", async () => {
  const written = readFileSync(resolve(import.meta.dirname, "kernels-binary.ts"), "utf8");
  expect(kernelsText(await compileKernels())).toBe(written);
});

await kernelsLoaded;
const memory = createKernelMemory(2 ** 21);
if (memory === undefined) throw new Error("this test needs WebAssembly with SIMD");

type Arrays = readonly (Float32Array | Float64Array | Int32Array)[];

/** The arrays in the memory of the kernels, float32 at any multiple of four bytes. */
function moved(arrays: Arrays, gap: number): Arrays {
  let at = 64;
  return arrays.map((array) => {
    at = array instanceof Float64Array ? Math.ceil(at / 8) * 8 : at + 4 * gap;
    const copy = new (array.constructor as Float64ArrayConstructor)(memory?.buffer ?? array.buffer, at, array.length);
    copy.set(array);
    at += array.byteLength;
    return copy;
  });
}

/** Whether `work` does to the arrays in the kernels' memory, bit for bit, what it does to these, and returns the same. */
function expectSame<A extends Arrays>(arrays: A, gap: number, work: (arrays: A) => unknown, first = 0): void {
  const theirs = moved(arrays, gap);
  expect(kernelsFor(...theirs)).toBeDefined();
  const returned = work(theirs as A);
  const expected = work(arrays);
  expect(returned).toEqual(expected);
  for (const [n, array] of arrays.entries()) {
    if (n >= first) expect(theirs[n].findIndex((x, i) => !Object.is(x, array[i]))).toBe(-1);
  }
}

const number = fc.oneof(
  { weight: 12, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 12, arbitrary: fc.float({ min: -1, max: 1, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1, Number.NaN, Infinity, -Infinity, 2 ** -149, -(2 ** 127)) },
);
/** Lengths of no element, of tails and of more than a block. */
const length = fc.oneof(fc.nat(9), fc.integer({ min: 1000, max: 2070 }));
const gap = fc.nat(5);

/** `count` vectors of the same length; what is long repeats itself. */
const vectors = (count: number, element: fc.Arbitrary<number> = number) =>
  fc
    .tuple(length, fc.array(element, { minLength: 7, maxLength: 31 }))
    .map(([size, drawn]) =>
      Array.from({ length: count }, (_, n) =>
        Float32Array.from({ length: size }, (_, i) => drawn[(i * (2 * n + 1) + 5 * n) % drawn.length]),
      ),
    );
const check = <T>(arbitrary: fc.Arbitrary<T>, property: (drawn: T, gap: number) => void) =>
  fc.assert(fc.property(arbitrary, gap, property), { seed: 1, numRuns: 40 });
const doubles = (count: number) => new Float64Array(count);

test("inner products and combinations of rows", () => {
  const rows = fc.nat(23).chain((count) => fc.tuple(vectors(count + 2), fc.constant(count), fc.double()));
  check(rows, ([[vector, ...all], count, scale], gap) => {
    const { length } = vector;
    const joined = new Float32Array((count + 1) * length);
    for (const [r, row] of all.entries()) joined.set(row, r * length);
    const padded = paddedCount(count);
    const offsets = () => Int32Array.from({ length: padded + 1 }, (_, r) => (r < count ? (count - r) * length : 0));
    expectSame(
      [vector, joined, offsets(), doubles(padded + 1)],
      gap,
      (given) => {
        const [x, y, at, products] = given as [Float32Array, Float32Array, Int32Array, Float64Array];
        innerProducts(x, y, at, count, products);
        return products.slice(0, count);
      },
      4,
    );
    const indices = Int32Array.from({ length: Math.floor(length / 3) }, (_, k) => 3 * k + 1).filter((i) => i < length);
    expectSame(
      [vector, joined, offsets(), doubles(padded + 1), indices],
      gap,
      (given) => {
        const [x, y, at, products, listed] = given as [
          Float32Array,
          Float32Array,
          Int32Array,
          Float64Array,
          Int32Array,
        ];
        innerProductsAt(listed, listed.length, x, y, at, count, products);
        return products.slice(0, count);
      },
      5,
    );
    const times = Float64Array.from({ length: padded }, (_, r) => scale / (r + 1));
    expectSame(
      [vector, joined, offsets(), times, vector.slice(), doubles(blockSumsLength)],
      gap,
      (given) => {
        const [x, y, at, factors, target, sums] = given as [
          Float32Array,
          Float32Array,
          Int32Array,
          Float64Array,
          Float32Array,
          Float64Array,
        ];
        return [combineRows(scale, x, y, at, factors, count, target, sums), target.slice()];
      },
      6,
    );
  });
});

test("steps, free and in a box, and what they gain", () => {
  const given = fc.tuple(vectors(4), vectors(1, fc.float({ min: -1, max: 0, noNaN: true })), fc.double());
  check(given, ([[trial, point, direction, gradient], [bound], length], gap) => {
    const { length: size } = trial;
    const lows = Float32Array.from({ length: size }, (_, i) => bound[i % bound.length] ?? -1);
    const highs = lows.map((low) => low + 0.75);
    const box = Object.assign(
      (p: Float32Array | Float64Array) => {
        for (const [i, x] of p.entries()) p[i] = x < lows[i] ? lows[i] : x > highs[i] ? highs[i] : x;
      },
      { box: { low: lows, high: highs } },
    );
    const [free, bounded, whole] = [
      [undefined, length],
      [box, length],
      [box, 1],
    ] as const;
    for (const [project, length] of [free, bounded, whole]) {
      expectSame([trial, point, direction, gradient, doubles(1), lows, highs], gap, (given) => {
        const [to, from, way, slopes, gain, low, high] = given as [
          ...[Float32Array, Float32Array, Float32Array, Float32Array],
          ...[Float64Array, Float32Array, Float32Array],
        ];
        const bounds = project === undefined ? undefined : { lows: low, highs: high };
        const result = moveTo(to, from, length, way, slopes, { project, bounds, gain });
        gain.fill(0);
        return result;
      });
    }
    expectSame([gradient, point, trial], gap, ([slopes, from, to]) =>
      gainAlong(slopes as Float32Array, from as Float32Array, to as Float32Array),
    );
    expectSame([direction], gap, ([vector]) => scaleInPlace(vector as Float32Array, length));
    expectSame([gradient], gap, ([slopes]) => largestIfFinite({ value: 1, gradient: slopes as Float32Array }));
  });
});

test("pairs of the history", () => {
  check(vectors(4), ([step, gradient, previous, spare], gap) => {
    const { length: size } = step;
    const rows = new Float32Array(3 * size);
    rows.set(spare);
    expectSame([rows, step, gradient, previous, doubles(3)], gap, (given) => {
      const [to, s, now, before, measured] = given as [
        ...[Float32Array, Float32Array, Float32Array, Float32Array],
        Float64Array,
      ];
      const measures = writePair(to, size, 2 * size, s, now, before, measured);
      const ofMove = writePair(to, size, 2 * size, s, now, before, measured, to.subarray(0, size));
      measured.fill(0);
      return [measures, ofMove];
    });
  });
});

test("what is bound in a box, and where that ends", () => {
  const inBox = fc.float({ min: 0, max: 1, noNaN: true });
  const given = fc.tuple(vectors(1, fc.oneof(inBox, fc.constantFrom(0, 1, 1e-6, 0.999999))), vectors(2), fc.boolean());
  check(given, ([[inside], [slope, bound], oneBox], gap) => {
    const { length: size } = inside;
    const gradient = Float32Array.from({ length: size }, (_, i) => slope[i % Math.max(1, slope.length)] ?? 1);
    const wide = Float32Array.from({ length: size }, (_, i) => (oneBox || !(bound[i] < 0) ? 0 : bound[i]));
    const highs = wide.map((low) => low + 1);
    const [indices, moves] = [new Int32Array(size), doubles(size)];
    expectSame([inside, gradient, wide, highs, indices, moves, doubles(1)], gap, (given) => {
      const [at, slopes, lows, tops, listed, left, found] = given as [
        ...[Float32Array, Float32Array, Float32Array, Float32Array],
        ...[Int32Array, Float64Array, Float64Array],
      ];
      const { count, residual } = findInBox(at, slopes, { lows, highs: tops }, listed, left, found);
      const change = moveToBounds(slopes, at, { indices: listed, count, moves: left, residual });
      const said = [count, residual, change, listed.slice(0, count), left.slice(0, count)];
      for (const scratch of [listed, left, found]) scratch.fill(0);
      return said;
    });
  });
});

test("steps of the update rules", () => {
  check(fc.tuple(vectors(4), fc.double()), ([[next, point, gradient, state], factor], gap) => {
    const lows = point.map((x) => (Number.isNaN(x) ? -1 : x - 0.5));
    const highs = lows.map((low) => low + 0.75);
    const positive = state.map((x) => Math.abs(x));
    type Three = [Float32Array, Float32Array, Float32Array];
    for (const step of [subtractScaled, subtractSigns]) {
      expectSame([next, point, gradient], gap, (given) => {
        const [to, from, slopes] = given as Three;
        return step(to, from, factor, slopes);
      });
    }
    expectSame([next, point, gradient, lows, highs], gap, (given) => {
      const [to, from, slopes, low, high] = given as [...Three, Float32Array, Float32Array];
      clipTo({ lows: low, highs: high }, from);
      return signStepInBox(to, from, factor, slopes, low, high);
    });
    expectSame([next, point.slice(), gradient, lows, highs], gap, (given) => {
      const [before, at, slopes, low, high] = given as [...Three, Float32Array, Float32Array];
      clipTo({ lows: low, highs: high }, at);
      for (const kept of [0, 0.25]) climbInBox(at, before, slopes, factor, kept, low, high);
    });
    expectSame([state, gradient], gap, ([velocity, slopes]) =>
      mix(velocity as Float32Array, 0.9, slopes as Float32Array, factor),
    );
    expectSame([next, point, gradient, state.slice(), positive], gap, (given) => {
      const [to, from, slopes, mean, square] = given as [...Three, Float32Array, Float32Array];
      const numbers = { beta1: 0.9, share1: 0.1, beta2: 0.999, share2: 0.001, factor, correction: 1.5, epsilon: 1e-8 };
      return adamStep(to, from, slopes, mean, square, numbers);
    });
    for (const project of [projectBox(-0.5, 0.25), projectBox(0, Infinity)]) {
      expectSame([point.slice()], gap, ([vector]) => project(vector as Float32Array));
    }
  });
});

test("bytes, longer perturbations and distances", () => {
  const pixels = fc.oneof(
    { weight: 10, arbitrary: fc.float({ min: Math.fround(-0.1), max: Math.fround(1.1), noNaN: true }) },
    { weight: 5, arbitrary: fc.nat(255).map((level) => level / 255) },
    { weight: 1, arbitrary: fc.constantFrom(0, -0, Number.NaN, Infinity) },
  );
  const given = fc.tuple(
    vectors(3, pixels),
    fc.constantFrom(undefined, 0, 0.01, 8 / 255),
    fc.integer({ min: 1, max: 4 }),
  );
  check(given, ([[image, clean, spare], epsilon, channels], gap) => {
    for (const direction of ["nearest", "outward"] as const) {
      const budget = epsilon === undefined ? undefined : ({ norm: "linf", epsilon } as const);
      expectSame([image, clean, spare], gap, (given) => {
        const [x, origin, to] = given as [Float32Array, Float32Array, Float32Array];
        writeBytes(x, origin, budget, direction, to);
      });
    }
    expectSame([image, clean, spare], gap, (given) => {
      const [x, origin, to] = given as [Float32Array, Float32Array, Float32Array];
      lengthen(x, origin, 1.25, 0.05, 0.9, to);
    });
    const plane = Math.floor(image.length / channels);
    if (plane === 0) return;
    const [a, b] = [image, clean].map((each) => each.slice(0, plane * channels));
    expectSame([a, b, doubles(4)], gap, (given) => {
      const [x, y, sums] = given as [Float32Array, Float32Array, Float64Array];
      const result = sumsOfDistances(x, y, plane, sums);
      sums.fill(0);
      return result;
    });
  });
});

test("what opens a workspace by itself gives the same with kernels and without", () => {
  const image = Float32Array.from({ length: 3 * 700 }, (_, i) => 0.5 + 0.6 * Math.sin(7 * i));
  const clean = image.map((x, i) => x + 0.03 * Math.cos(i));
  const go = () => [distancesBetween(image, clean, 700), roundToBytes(image, clean, { norm: "linf", epsilon: 0.02 })];
  const withKernels = go();
  useKernels(false);
  expect(go()).toEqual(withKernels);
  useKernels(true);
});

test("the boxes of components are the same with kernels and without", () => {
  const random = createRandom(8);
  const maps = [
    [23, 31],
    [1, 9],
    [14, 1],
    [64, 64],
  ].map(([height, width], n) => ({
    dtype: "float32" as const,
    shape: [height, width],
    data: Float32Array.from({ length: height * width }, () => Math.floor(random() * (n === 3 ? 40 : 9))),
  }));
  const levels = Array.from({ length: 45 }, (_, level) => level);
  const go = () => maps.map((map) => levelBoxesOf(map, levels, [8, "none", 4]));
  const withKernels = go();
  expect(workspaceBytes().taken).toBe(0);
  useKernels(false);
  expect(go()).toEqual(withKernels);
  useKernels(true);
});

test("blurred pictures and smooth masks are the same with kernels and without", () => {
  const random = createRandom(3);
  const picture = (...shape: number[]) => ({
    dtype: "float32" as const,
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() - 0.3),
  });
  const blurs = [
    [picture(3, 17, 22), 1.3],
    [picture(9, 6), 8],
    [picture(1, 1), 2],
    [picture(2, 40, 3), 0.4],
  ] as const;
  const layouts = [
    { height: 31, width: 26, step: 3, sigmaPixels: 7, margin: 6 },
    { height: 16, width: 16, step: 2, sigmaPixels: 3, margin: 0 },
    { height: 5, width: 9, step: 1, sigmaPixels: 1, margin: 2 },
  ];
  const values = (length: number) =>
    Float64Array.from({ length }, (_, i) => (i % 11 < 5 ? 0 : i % 7 === 0 ? 1 : ((i * 37) % 100) / 100));
  const go = () => [
    ...blurs.map(([image, sigmaPixels]) => blur(image, { sigmaPixels })),
    ...layouts.map((layout) => {
      const smooth = smoothMask(layout);
      const mask = smooth.forward(values(smooth.gridHeight * smooth.gridWidth)).slice();
      const gradient = smooth.backward(mask.map((x, u) => x - Math.sin(u)));
      smooth.close();
      return { mask, gradient };
    }),
  ];
  const withKernels = go();
  expect(workspaceBytes().taken).toBe(0);
  useKernels(false);
  expect(go()).toEqual(withKernels);
  useKernels(true);
});

test("denoised pictures are the same with kernels and without, of any number of channels, with whole registers and without", () => {
  const random = createRandom(4);
  // Flat enough that many surroundings look alike.
  const picture = (...shape: [number, number, number]) => ({
    dtype: "float32" as const,
    shape,
    data: Float32Array.from(
      { length: shape.reduce((a, b) => a * b) },
      (_, i) => 0.4 + (i % 9 < 2 ? 0.5 : 0.06) * random(),
    ),
  });
  const cases = [
    [picture(3, 16, 20), { strength: 5, search: 13, patch: 3 }],
    [picture(1, 9, 7), { strength: 9, search: 5, patch: 5 }],
    [picture(2, 1, 1), { strength: 2, search: 3, patch: 1 }],
    [picture(4, 6, 10), { strength: 30, search: 7, patch: 3 }],
    [picture(5, 11, 3), { strength: 12, search: 21, patch: 7 }],
  ] as const;
  const go = () => cases.map(([image, options]) => denoise(image, options).data);
  const withKernels = go();
  const isChanged = withKernels.map((data, n) => data.some((x, i) => Math.abs(x - cases[n][0].data[i]) > 0.01));
  // A pixel alone has nothing around it.
  expect(isChanged).toEqual([true, true, false, true, true]);
  expect(workspaceBytes().taken).toBe(0);
  useKernels(false);
  expect(go()).toEqual(withKernels);
  useKernels(true);
});
