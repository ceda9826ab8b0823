import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { AbortedError, MisuseError } from "../../errors.ts";
import { bundledClassifierPath } from "../../node/models/bundled.ts";
import { loadClassifier } from "../../node/models/load-classifier.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { completeOptions } from "../../options/schema.ts";
import { createRandom } from "../../random/random.ts";
import { renderScene } from "../../scenes/scenes.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { exponential } from "./exponential.ts";
import { extremal } from "./extremal.ts";
import { areaPenalty } from "./extremal-area.ts";
import { smoothMask } from "./extremal-mask.ts";
import { blurLevels, pyramid } from "./extremal-pyramid.ts";
import { rewardGradient } from "./extremal-reward.ts";
import { completeExtremal, extremalSettings } from "./extremal-settings.ts";

/** Σ f over numbers drawn from `random`, and the like: the largest error of `gradient` against central differences, relative to its largest element. */
function differenceError(
  f: (x: Float64Array) => number,
  at: Float64Array,
  gradient: Float64Array,
  step = 1e-5,
): number {
  const largest = gradient.reduce((max, g) => Math.max(max, Math.abs(g)), 0);
  let error = 0;
  for (let i = 0; i < at.length; i++) {
    const [up, down] = [at.slice(), at.slice()];
    up[i] += step;
    down[i] -= step;
    error = Math.max(error, Math.abs((f(up) - f(down)) / (2 * step) - gradient[i]));
  }
  return error / largest;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

interface FoundArea {
  readonly covered: number;
  readonly shown: { readonly label: number };
  readonly without: { readonly label: number };
}

/** What `details` says of each area. */
function areasOf({ areas }: Readonly<Record<string, unknown>> = {}): FoundArea[] {
  return JSON.parse(JSON.stringify(areas));
}

describe("smooth masks", () => {
  const cases = fc.record({
    height: fc.integer({ min: 3, max: 14 }),
    width: fc.integer({ min: 3, max: 14 }),
    step: fc.integer({ min: 1, max: 4 }),
    sigmaPixels: fc.double({ min: 0.5, max: 5, noNaN: true }),
    margin: fc.nat(4),
    seed: fc.nat(),
  });
  const draw = (count: number, seed: number): Float64Array => {
    const random = createRandom(seed);
    // Also values at the ends of the range, where a clamped grid mostly is.
    return Float64Array.from({ length: count }, () => Math.min(1, Math.max(0, 1.6 * random() - 0.3)));
  };

  test("are the smooth maximum over the nodes nearby", () => {
    fc.assert(
      fc.property(cases, ({ seed, ...options }) => {
        const { height, width, step, sigmaPixels, margin } = options;
        const smooth = smoothMask(options);
        const { gridHeight, gridWidth } = smooth;
        expect([gridHeight, gridWidth]).toEqual([Math.ceil(height / step), Math.ceil(width / step)]);
        const values = draw(gridHeight * gridWidth, seed);
        const radius = 1 + Math.ceil(sigmaPixels / step);
        const mask = smooth.forward(values);
        for (let y = -margin; y < height + margin; y++) {
          for (let x = -margin; x < width + margin; x++) {
            const [i0, j0] = [Math.floor(y / step), Math.floor(x / step)];
            let [above, below] = [0, 0];
            for (let i = i0 - radius; i <= i0 + radius; i++) {
              for (let j = j0 - radius; j <= j0 + radius; j++) {
                const isInside = i >= 0 && j >= 0 && i < gridHeight && j < gridWidth;
                const value = isInside ? values[i * gridWidth + j] : 0;
                const z = Math.hypot(y - step * (i + 0.5) + 0.5, x - step * (j + 0.5) + 0.5) / sigmaPixels;
                const a = value * Math.exp(-2 * Math.max(0, z - 0.5) ** 2);
                above += a * Math.exp(20 * a);
                below += Math.exp(20 * a);
              }
            }
            const at = (y + margin) * (width + 2 * margin) + x + margin;
            expect(Math.abs(mask[at] - above / below)).toBeLessThan(1e-12);
            if (y < 0 || x < 0 || y >= height || x >= width) continue;
            expect(smooth.inner(mask)[y * width + x]).toBe(mask[at]);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  test("are added to inside of their margin only", () => {
    const smooth = smoothMask({ height: 3, width: 2, step: 1, sigmaPixels: 1, margin: 1 });
    const mask = new Float64Array(20);
    smooth.addInner(mask, Float64Array.of(1, 2, 3, 4, 5, 6));
    expect([...mask]).toEqual([0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0, 0, 0, 0, 0]);
  });

  test("have the adjoint that finite differences say", () => {
    fc.assert(
      fc.property(cases, ({ seed, ...options }) => {
        const smooth = smoothMask(options);
        const values = draw(smooth.gridHeight * smooth.gridWidth, seed);
        const random = createRandom(seed, 1);
        const cotangent = smooth.forward(values).map(() => random() - 0.5);
        const gradient = smooth.backward(cotangent);
        const other = smoothMask(options);
        expect(differenceError((x) => dot(other.forward(x), cotangent), values, gradient)).toBeLessThan(1e-6);
      }),
      { numRuns: 30 },
    );
  });
});

describe("the area's penalty", () => {
  test("is the mean squared difference of sorted mask and step", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<number>(0, 0.25, 0.5, 0.75, 1), { minLength: 1, maxLength: 30 }),
        fc.nat(),
        (values, seed) => {
          const sorted = values.toSorted((a, b) => a - b);
          const zeros = seed % values.length;
          const expected = sorted.reduce((sum, v, i) => sum + (v - (i < zeros ? 0 : 1)) ** 2, 0) / values.length;
          const { value, gradient } = areaPenalty(Float64Array.from(values), values.length - zeros);
          expect(value).toBeCloseTo(expected, 12);
          // Equal pixels have equal gradients, and all together the sum that any order of them would give.
          values.forEach((v, i) => {
            expect(gradient[i]).toBe(gradient[values.indexOf(v)]);
          });
          const sum = sorted.reduce((total, v, i) => total + (2 * (v - (i < zeros ? 0 : 1))) / values.length, 0);
          expect(gradient.reduce((a, b) => a + b)).toBeCloseTo(sum, 12);
        },
      ),
    );
  });

  test("has the gradient that finite differences say, where no values are equal", () => {
    const random = createRandom(8);
    const mask = Float64Array.from({ length: 40 }, () => random());
    const { gradient } = areaPenalty(mask, 12);
    expect(differenceError((x) => areaPenalty(x, 12).value, mask, gradient)).toBeLessThan(1e-8);
    expect(areaPenalty(Float64Array.of(0, 1, 0, 1, 0), 2).value).toBe(0);
  });
});

describe("the blur pyramid", () => {
  const random = createRandom(6);
  const image = floatTensor(
    Float32Array.from({ length: 2 * 5 * 6 }, () => random()),
    [2, 5, 6],
  );
  const levels = blurLevels(image, 4, 2);

  test("goes from the most blurred image to the image itself, linearly from level to level", () => {
    const shown = pyramid(levels, 30);
    expect(levels[3]).toEqual(image.data);
    for (const [l, level] of levels.entries()) {
      shown.show(new Float64Array(30).fill(l / 3)).forEach((value, i) => {
        expect(value).toBeCloseTo(level[i], 6);
      });
    }
    shown.show(new Float64Array(30).fill(0.5)).forEach((value, i) => {
      expect(value).toBeCloseTo((levels[1][i] + levels[2][i]) / 2, 6);
    });
    const variance = (x: Float32Array): number => dot(x, x) - x.reduce((a, b) => a + b) ** 2 / x.length;
    for (let l = 1; l < 4; l++) expect(variance(levels[l])).toBeGreaterThan(variance(levels[l - 1]));
  });

  test("has the adjoint that finite differences say", () => {
    const shown = pyramid(levels, 30);
    const mask = Float64Array.from({ length: 30 }, () => random());
    const cotangent = Float32Array.from({ length: 60 }, () => random() - 0.5);
    // The images are float32; linear between levels, they bear large steps.
    const gradient = shown.adjoint(mask, cotangent);
    for (const u of [0, 7, 29]) {
      const low = Math.floor(3 * mask[u]) / 3;
      const [from, to] = [mask.slice(), mask.slice()];
      [from[u], to[u]] = [low, low + 1 / 3];
      const slope = 3 * (dot(shown.show(to), cotangent) - dot(shown.show(from), cotangent));
      expect(slope).toBeCloseTo(gradient[u], 5);
    }
    expect(shown.adjoint(new Float64Array(30).fill(1), cotangent)[4]).toBeCloseTo(
      3 * (cotangent[4] * (levels[3][4] - levels[2][4]) + cotangent[34] * (levels[3][34] - levels[2][34])),
      6,
    );
  });
});

/** Class 0 is as bright as the square [6, 18)² is, class 1 as the picture is. */
const side = 24;
const isInSquare = (i: number): boolean => [Math.floor(i / side), i % side].every((at) => at >= 6 && at < 18);
const weight = (k: number, i: number): number => (k === 1 ? 0.01 : isInSquare(i) ? 0.1 : 0);
const square = parseModel(`
  <ir_version: 8, opset_import: ["" : 18]>
  square (float[N, 1, 24, 24] x) => (float[N, 2] logits)
  <float[2, 576] W = {${[0, 1].flatMap((k) => Array.from({ length: 576 }, (_, i) => weight(k, i)))}}>
  { f = Flatten (x)  logits = Gemm <transB = 1> (f, W) }
`);

describe("on a linear model that looks at a square", () => {
  let classifier: Classifier;
  const image = floatTensor(new Float32Array(576).fill(1), [1, 24, 24]);
  const settings = {
    areas: [0.25],
    fill: "black",
    step: 2,
    sigma: 3,
    iterations: 100,
  } as const;
  beforeAll(() => {
    classifier = createClassifier(square, { runtime: ort, preprocessing: "unit" });
  });
  afterAll(() => classifier.dispose());

  test("rewards have the values and gradients of their formulas", async () => {
    const random = createRandom(9);
    const x = Float32Array.from({ length: 576 }, () => random());
    const z = [0, 1].map((k) => x.reduce((sum, value, i) => sum + weight(k, i) * value, 0));
    const p = 1 / (1 + Math.exp(z[1] - z[0]));
    for (const [reward, target, score, plus, minus] of [
      ["logit", undefined, z[0], 1, 0],
      ["logit", 1, z[0] - z[1], 1, 1],
      ["margin", undefined, z[0] - z[1], 1, 1],
      ["margin", 1, z[0] - z[1], 1, 1],
      ["probability", undefined, p, p * (1 - p), p * (1 - p)],
      ["probability", 1, 2 * p - 1, 2 * p * (1 - p), 2 * p * (1 - p)],
    ] as const) {
      const run = await rewardGradient(classifier, { reward, label: 0, target, batch: 2 });
      const answers = await run([image.data, x, x], undefined);
      expect(answers.length).toBe(3);
      expect(answers[2].score).toBeCloseTo(score, 4);
      answers[2].gradient.forEach((value, i) => {
        expect(Math.abs(value - plus * weight(0, i) + minus * weight(1, i))).toBeLessThan(1e-6);
      });
    }
  });

  for (const variant of ["preserve", "delete", "dual"] as const) {
    test(`${variant} finds it, with the area that was asked for`, async () => {
      const { map, details, evaluations } = await extremal.explain(classifier, image, {
        label: 0,
        ...settings,
        variant,
      });
      let [both, either] = [0, 0];
      map.data.forEach((value, i) => {
        if (value > 0.5 && isInSquare(i)) both++;
        if (value > 0.5 || isInSquare(i)) either++;
      });
      expect(both / either).toBeGreaterThan(0.8);
      const [{ covered, shown, without }] = areasOf(details);
      expect(Math.abs(covered - 0.25)).toBeLessThan(0.04);
      expect([shown.label, without.label]).toEqual([0, 1]);
      expect(evaluations).toEqual({ forward: 2, gradient: 101 * (variant === "dual" ? 2 : 1) });
    });
  }
});

describe("on the tiny classifier", () => {
  let classifier: Classifier;
  const image = tinyImage(5);
  beforeAll(() => {
    classifier = createClassifier(tinyClassifier(), { runtime: ort });
  });
  afterAll(() => classifier.dispose());

  test("several areas add up, in lockstep or not", async () => {
    const settings = { iterations: 12, areas: [0.1, 0.3] };
    const together = await extremal.explain(classifier, image, settings);
    const apart = await extremal.explain(classifier, image, { ...settings, batch: 1 });
    const [first, second] = await Promise.all(
      [0.1, 0.3].map((area) => extremal.explain(classifier, image, { ...settings, areas: [area] })),
    );
    together.map.data.forEach((value, i) => {
      expect(Math.abs(value - apart.map.data[i])).toBeLessThan(1e-5);
      expect(Math.abs(value - first.map.data[i] - second.map.data[i])).toBeLessThan(1e-5);
    });
    expect(together.evaluations).toEqual({ forward: 5, gradient: 26 });
    expect(first.map.data).not.toEqual(second.map.data);
  });

  test("progress is reported, and the settings in effect", async () => {
    const seen: number[] = [];
    const { settings, map } = await extremal.explain(classifier, image, {
      label: 1,
      target: 3,
      reward: "margin",
      iterations: 5,
      jitter: false,
      smooth: 0.02,
      onProgress: ({ done }) => seen.push(done),
    });
    expect(settings).toMatchObject({ reward: "margin", step: 1, preset: "torchray" });
    expect(map.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("an aborted signal ends it", async () => {
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const run = extremal.explain(classifier, image, { signal: controller.signal, onProgress });
    await expect(run).rejects.toThrow(AbortedError);
  });
});

test("settings follow the image's size, and what cannot be meant is refused", () => {
  const settingsOf = (given: object, size: { readonly height: number; readonly width: number }) =>
    completeExtremal(completeOptions("extremal", extremalSettings, given), size);
  const size = { height: 224, width: 224 };
  expect(settingsOf({}, size)).toMatchObject({
    areas: [0.1],
    variant: "preserve",
    reward: "logit",
    iterations: 800,
    maxBlur: 20,
    step: 7,
    sigma: 21,
    levels: 8,
    areaWeight: 300,
    areaGrowth: 1.0035,
  });
  expect(settingsOf({ preset: "voc" }, { height: 96, width: 120 })).toMatchObject({
    areas: [0.025, 0.05, 0.1, 0.2],
    smooth: 0.09,
    step: 3,
    sigma: 9,
  });
  // A quarter of the iterations take the way of four each.
  const { learningRate, areaGrowth, momentum, dampening } = settingsOf({ iterations: 200 }, size);
  expect([learningRate, areaGrowth, momentum, dampening]).toEqual([0.04, 1.0035 ** 4, 0.6, 0.6]);
  expect(settingsOf({ iterations: 60 }, size).momentum).toBe(0);
  expect(settingsOf({ areas: 0.3 }, size).areas).toEqual([0.3]);
  for (const settings of [{ areas: [] }, { areas: [1] }, { areas: ["0.1"] }, { jitter: 1 }, { levels: 1 }]) {
    expect(() => settingsOf(settings, size)).toThrow(MisuseError);
  }
  expect(() => settingsOf({ iteration: 5 }, size)).toThrow('Did you mean "iterations"?');
});

test("on Scenes, the region alone keeps the label", { timeout: 240_000 }, async () => {
  const classifier = await loadClassifier(bundledClassifierPath, { runtime: ort, threads: 1 });
  const { image, label, mask } = renderScene({ seed: 41, index: 0 });
  const { map, details } = await extremal.explain(classifier, image, {
    areas: [0.15],
    iterations: 60,
  });
  const [{ shown, covered }] = areasOf(details);
  expect(shown.label).toBe(label);
  expect(Math.abs(covered - 0.15)).toBeLessThan(0.04);
  // The region is where the object is: twice as much of it inside as the object's share of the picture.
  const inside = dot(map.data, mask) / map.data.reduce((a, b) => a + b);
  expect(inside).toBeGreaterThan(2 * (mask.reduce((a, b) => a + b) / mask.length));
  await classifier.dispose();
});

test("powers are within 1.5 units in the last place of the engine's own", () => {
  const units = Array.from({ length: 43_000 }, (_, i) => {
    const own = Math.exp(i / 1000);
    return Math.abs(exponential(i / 1000) - own) / 2 ** (Math.floor(Math.log2(own)) - 52);
  });
  expect(Math.max(...units.slice(0, 20_000))).toBeLessThanOrEqual(1.5);
  expect(Math.max(...units.slice(20_000))).toBeLessThanOrEqual(1.5);
  expect([exponential(0), exponential(1e-300)]).toEqual([1, 1]);
});
