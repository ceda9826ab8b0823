import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { GraphBuilder } from "../../onnx/builder.ts";
import { createRandom } from "../../random/random.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { saliencyMethods } from "../methods.ts";
import { deconvnet } from "./deconvnet.ts";
import { gradient } from "./gradient.ts";
import { gradientInput } from "./gradient-input.ts";
import { guidedBackprop } from "./guided-backprop.ts";
import { integratedGradients } from "./integrated-gradients.ts";
import { smoothGrad } from "./smooth-grad.ts";

const size = 4;
const pixelCount = 3 * size * size;

/** Logits W u + b of the numbers u = (x − mean) / std that the network sees, with weights 4 numbers apart. */
function linearClassifier(preprocessing: "unit" | "imagenet" = "unit"): {
  classifier: Classifier;
  w: number[][];
  b: number[];
} {
  const random = createRandom(3);
  const w = [0, 1, 2].map(() => Array.from({ length: pixelCount }, () => Math.fround(2 * random() - 1)));
  const b = [0.5, -1, 2];
  const g = new GraphBuilder();
  const image = g.input("image", "float32", [1, 3, size, size]);
  const flat = g.op("Flatten", [image]);
  const weights = g.constant(floatTensor(w.flat(), [3, pixelCount]), "w");
  g.output(g.op("Gemm", [flat, weights, g.constant(floatTensor(b, [3]), "b")], { transB: 1 }), "logits");
  const classifier = createClassifier(modelOf(g.toGraph()), { runtime: referenceRuntime, preprocessing });
  return { classifier, w, b };
}

const image: ImageTensor = floatTensor(
  Float32Array.from({ length: pixelCount }, (_, i) => 0.5 + 0.45 * Math.sin(3 * i)),
  [3, size, size],
);
const plane = size * size;
const channelsAt = (values: ArrayLike<number>, i: number): number[] => [0, 1, 2].map((c) => values[c * plane + i]);
const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + Math.abs(value), 0);
const mapOf = (values: ArrayLike<number>, readout: (values: number[]) => number): unknown[] =>
  Array.from({ length: plane }, (_, i) => expect.closeTo(readout(channelsAt(values, i)), 5));

describe("on a linear network, in closed form", () => {
  const { classifier, w, b } = linearClassifier();
  const { classifier: normalized, w: weightsOfNormalized } = linearClassifier("imagenet");

  test("the gradient is the weight, in the network's numbers and in pixels", async () => {
    const { map, label, evaluations } = await gradient.explain(classifier, image, { label: 1 });
    expect([...map.data]).toEqual(mapOf(w[1], largest));
    expect({ label, evaluations }).toEqual({ label: 1, evaluations: { forward: 0, gradient: 1 } });
    const inNetwork = await gradient.explain(normalized, image, { label: 1, readout: "sum" });
    expect([...inNetwork.map.data]).toEqual(mapOf(weightsOfNormalized[1], total));
    const inPixels = await gradient.explain(normalized, image, {
      label: 1,
      readout: "sum",
      space: "pixels",
    });
    const std = [0.229, 0.224, 0.225];
    const scaled = weightsOfNormalized[1].map((weight, i) => weight / std[Math.floor(i / plane)]);
    expect([...inPixels.map.data]).toEqual(mapOf(scaled, total));
  });

  test("the predicted class by default, at the price of a forward run", async () => {
    const logits = w.map((row, j) => row.reduce((sum, weight, i) => sum + weight * image.data[i], b[j]));
    const { label, evaluations } = await gradient.explain(classifier, image);
    expect(label).toBe(logits.indexOf(Math.max(...logits)));
    expect(evaluations).toEqual({ forward: 1, gradient: 1 });
  });

  test("with a target, the difference of the two classes", async () => {
    const { map } = await gradient.explain(classifier, image, { label: 1, target: 2 });
    expect([...map.data]).toEqual(
      mapOf(
        w[1].map((weight, i) => weight - w[2][i]),
        largest,
      ),
    );
  });

  test("of probabilities and their logarithms", async () => {
    const logits = w.map((row, j) => row.reduce((sum, weight, i) => sum + weight * image.data[i], b[j]));
    const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0);
    const p = logits.map((logit) => Math.exp(logit) / sum);
    // ∂ log p_1 / ∂x = w_1 − Σ p_j w_j, and ∂p_1 is p_1 times that.
    const slope = w[1].map((weight, i) => weight - p.reduce((mean, share, j) => mean + share * w[j][i], 0));
    const settings = { readout: "sum", of: "log-probabilities" } as const;
    const { map } = await gradient.explain(classifier, image, { label: 1, ...settings });
    expect([...map.data]).toEqual(mapOf(slope, total));
    const share = await gradient.explain(classifier, image, {
      label: 1,
      ...settings,
      of: "probabilities",
    });
    expect([...share.map.data]).toEqual(
      mapOf(
        slope.map((s) => p[1] * s),
        total,
      ),
    );
  });

  test("gradient × input is w x; its channels' net sum adds up to the logit less the bias", async () => {
    const products = w[2].map((weight, i) => weight * image.data[i]);
    const { map } = await gradientInput.explain(classifier, image, { label: 2 });
    expect([...map.data]).toEqual(mapOf(products, total));
    const mean = [0.485, 0.456, 0.406];
    const std = [0.229, 0.224, 0.225];
    const seen = Array.from(image.data, (x, i) => (x - mean[Math.floor(i / plane)]) / std[Math.floor(i / plane)]);
    const inNetwork = await gradientInput.explain(normalized, image, { label: 2 });
    expect([...inNetwork.map.data]).toEqual(
      mapOf(
        weightsOfNormalized[2].map((weight, i) => weight * seen[i]),
        total,
      ),
    );
  });

  test.each(["captum", "pair"] as const)("integrated gradients are w (x − x₀) with any rule: %s", async (preset) => {
    const settings = { preset, steps: 3 };
    const { map, details, evaluations } = await integratedGradients.explain(classifier, image, {
      label: 0,
      ...settings,
    });
    expect([...map.data]).toEqual(
      mapOf(
        w[0].map((weight, i) => weight * image.data[i]),
        total,
      ),
    );
    expect(details?.completenessError).toBeLessThan(1e-5);
    expect(evaluations).toEqual({ forward: 2, gradient: 3 });
    // A pixel of the mean color adds nothing; from white, everything else does.
    const gray = floatTensor(
      Float32Array.from({ length: pixelCount }, (_, i) => [0.485, 0.456, 0.406][Math.floor(i / plane)]),
      image.shape,
    );
    const none = await integratedGradients.explain(normalized, gray, { label: 0, ...settings });
    expect(Math.max(...none.map.data)).toBeLessThan(1e-5);
    const white = await integratedGradients.explain(classifier, image, {
      label: 0,
      ...settings,
      baseline: "white",
    });
    expect([...white.map.data]).toEqual(
      mapOf(
        w[0].map((weight, i) => weight * (image.data[i] - 1)),
        total,
      ),
    );
  });

  test("cnnv's integrated gradients: 101 gradients by 100, not times the difference", async () => {
    const { map, details, evaluations } = await integratedGradients.explain(classifier, image, {
      label: 0,
      preset: "cnnv",
    });
    expect([...map.data]).toEqual(
      mapOf(
        w[0].map((weight) => 1.01 * weight),
        total,
      ),
    );
    expect(details).toEqual({});
    expect(evaluations).toEqual({ forward: 0, gradient: 101 });
  });

  test.each([
    { preset: "paper" as const, samples: 50, of: (weight: number) => weight },
    { preset: "pair" as const, samples: 25, of: (weight: number) => weight ** 2 },
    { preset: "captum" as const, samples: 5, of: (weight: number) => weight },
    { preset: "cnnv" as const, samples: 50, of: (weight: number) => weight },
  ])("SmoothGrad is the gradient whatever the noise: $preset", async ({ preset, samples, of }) => {
    const { map, evaluations } = await smoothGrad.explain(classifier, image, { label: 0, preset });
    expect([...map.data]).toEqual(mapOf(w[0].map(of), total));
    expect(evaluations.gradient).toBe(samples);
  });

  test("the noise of each preset", async () => {
    const range = Math.max(...image.data) - Math.min(...image.data);
    const deviations = [
      ["paper", 0.15 * range],
      ["pair", 0.15 * range],
      ["captum", 1],
      ["cnnv", (4 / range) ** 2],
    ] as const;
    for (const [preset, deviation] of deviations) {
      const { details } = await smoothGrad.explain(classifier, image, {
        label: 0,
        preset,
        samples: 1,
      });
      expect(details?.noiseDeviation).toBeCloseTo(deviation, 6);
    }
    const { details } = await smoothGrad.explain(classifier, image, {
      label: 0,
      noise: 0.3,
      noiseScale: "absolute",
    });
    expect(details?.noiseDeviation).toBe(0.3);
  });
});

test("SmoothGrad on a square: the mean gradient of Σ u² is 2 u, its variance 4 σ²", async () => {
  const g = new GraphBuilder();
  const input = g.input("image", "float32", [1, 3, size, size]);
  const flat = g.op("Flatten", [g.op("Mul", [input, input])]);
  const weights = floatTensor([...Array(pixelCount).fill(1), ...Array(pixelCount).fill(0)], [2, pixelCount]);
  g.output(g.op("Gemm", [flat, g.constant(weights, "w")], { transB: 1 }), "logits");
  const classifier = createClassifier(modelOf(g.toGraph()), { runtime: ort, preprocessing: "symmetric", threads: 1 });
  // The network sees 2 x − 1 from −1 to 1. Noise there of 0.1 gives gradients 2 u + 0.2 n.
  const settings = { samples: 4000, noise: 0.1, noiseScale: "absolute", readout: "sum" } as const;
  const mean = await smoothGrad.explain(classifier, image, { label: 0, batch: 1, ...settings });
  const seen = Array.from(image.data, (x) => 2 * x - 1);
  mean.map.data.forEach((value, i) => {
    // Three standard errors of three means, and a little.
    expect(
      Math.abs(
        value -
          total(
            channelsAt(
              seen.map((u) => 2 * u),
              i,
            ),
          ),
      ),
    ).toBeLessThan(0.05);
  });
  const variance = await smoothGrad.explain(classifier, image, {
    label: 0,
    ...settings,
    aggregate: "variance",
  });
  variance.map.data.forEach((value) => {
    expect(value / (3 * 0.04)).toBeCloseTo(1, 0.8);
  });
  const squares = await smoothGrad.explain(classifier, image, {
    label: 0,
    ...settings,
    aggregate: "mean-square",
  });
  squares.map.data.forEach((value, i) => {
    const wanted = channelsAt(
      seen.map((u) => 4 * u * u + 0.04),
      i,
    ).reduce((sum, v) => sum + v, 0);
    expect(Math.abs(value - wanted)).toBeLessThan(0.12);
  });
  await classifier.dispose();
});

describe("on a small convolutional network", () => {
  const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
  const scene: ImageTensor = floatTensor(
    Float32Array.from({ length: 3 * 24 * 24 }, (_, i) => 0.5 + 0.4 * Math.sin(i / 7) * Math.cos(i / 31)),
    [3, 24, 24],
  );
  afterAll(() => classifier.dispose());

  test("integrated gradients are complete: more steps, less error, and from any baseline", async () => {
    const errorOf = async (settings: object): Promise<number> => {
      const { details } = await integratedGradients.explain(classifier, scene, {
        label: 2,
        ...settings,
      });
      const { attributed, difference, completenessError } = details as Record<string, number>;
      expect(completenessError).toBe(Math.abs(attributed - difference));
      expect(Math.abs(difference)).toBeGreaterThan(0.05);
      return completenessError / Math.abs(difference);
    };
    expect(await errorOf({ steps: 200 })).toBeLessThan(2e-3);
    expect(await errorOf({ steps: 200, baseline: "white" })).toBeLessThan(5e-3);
    expect(await errorOf({ steps: 200, of: "log-probabilities" })).toBeLessThan(2e-3);
    expect(await errorOf({ steps: 200, of: "probabilities" })).toBeLessThan(2e-3);
    expect(await errorOf({ steps: 2, rule: "mean" })).toBeGreaterThan(2e-3);
  });

  test("samples do not depend on the batch, and a source of chance gives the same map again", async () => {
    const explain = (batch: number, seed: number) =>
      smoothGrad.explain(classifier, scene, {
        label: 1,
        batch,
        random: createRandom(seed),
        samples: 7,
      });
    const [one, four, again, other] = [
      await explain(1, 5),
      await explain(4, 5),
      await explain(4, 5),
      await explain(4, 6),
    ];
    expect(again.map.data).toEqual(four.map.data);
    expect(other.map.data).not.toEqual(four.map.data);
    four.map.data.forEach((value, i) => {
      expect(value).toBeCloseTo(one.map.data[i], 5);
    });
    const integrated = async (batch: number) =>
      (await integratedGradients.explain(classifier, scene, { label: 1, batch, steps: 5 })).map;
    const [alone, together] = [await integrated(1), await integrated(4)];
    together.data.forEach((value, i) => {
      expect(value).toBeCloseTo(alone.data[i], 5);
    });
  });

  test("progress is counted to the end, and an abort stops between runs", async () => {
    const seen: number[] = [];
    const settings = { steps: 5 };
    await integratedGradients.explain(classifier, scene, {
      label: 1,
      batch: 2,
      ...settings,
      onProgress: ({ done }) => seen.push(done),
    });
    expect(seen).toEqual([2, 4, 5]);
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    await expect(
      smoothGrad.explain(classifier, scene, { label: 1, signal: controller.signal, onProgress }),
    ).rejects.toThrow("aborted");
  });

  test("the deconvolutional network and guided backpropagation hand back no more than their rules let through", async () => {
    const maps = await Promise.all(
      [gradient, deconvnet, guidedBackprop].map((method) => method.explain(classifier, scene, { label: 1 })),
    );
    for (const { map } of maps) {
      expect(map.shape).toEqual([24, 24]);
      expect(Math.max(...map.data)).toBeGreaterThan(0);
    }
    expect(new Set(maps.map(({ map }) => map.data.join())).size).toBe(3);
  });
});

describe("every method", () => {
  const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
  const scene = floatTensor(
    Float32Array.from({ length: 3 * 24 * 24 }, (_, i) => 0.5 + 0.4 * Math.sin(i / 9)),
    [3, 24, 24],
  );
  afterAll(() => classifier.dispose());
  const gradients = saliencyMethods.filter(({ name }) => /grad|deconvnet|backprop/.test(name));

  test("a name of its own, in kebab-case", () => {
    const names = saliencyMethods.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(gradients.length).toBeGreaterThanOrEqual(10);
  });

  test.each(gradients)("$name: what explain refuses, check refuses before", ({ name, check }) => {
    expect(() => check(classifier, {})).not.toThrow();
    expect(() => check(classifier, { nothing: 1 })).toThrow(`${name}: unknown option "nothing"`);
    if (name.includes("cam")) expect(() => check(classifier, { layer: "Relu[9]" })).toThrow(/no such layer/);
    if (name.includes("excitation")) expect(() => check(classifier, { target: 1 })).toThrow("a target was given");
  });

  test.each(gradients)(
    "$name: a map of the image's size without negative numbers, settings and details that JSON keeps",
    async ({ explain }) => {
      const { map, settings, details = {} } = await explain(classifier, scene, { label: 1 });
      expect(map.shape).toEqual([24, 24]);
      expect(map.data.every((value) => value >= 0 && Number.isFinite(value))).toBe(true);
      expect(JSON.parse(JSON.stringify({ settings, details }))).toEqual({ settings, details });
    },
  );

  test.each(gradients)(
    "$name: an unknown setting names the nearest, an impossible value and class are refused",
    async ({ name, explain }) => {
      const known = name.includes("cam") || name.includes("excitation") ? "upsampling" : "readout";
      await expect(explain(classifier, scene, { [`${known}s`]: "max" })).rejects.toThrow(
        `${name}: unknown option "${known}s"`,
      );
      await expect(explain(classifier, scene, { [`${known}s`]: "max" })).rejects.toThrow(`Did you mean "${known}"?`);
      await expect(explain(classifier, scene, { [known]: "nothing" })).rejects.toThrow(
        `${name}: ${known}: unknown value`,
      );
      await expect(explain(classifier, scene, { label: 4 })).rejects.toThrow(/from 0 to 3/);
      await expect(explain(classifier, scene, { label: 1, target: 1 })).rejects.toThrow(
        name.includes("excitation") ? "a target was given" : "the target is the label",
      );
    },
  );
});

test("whatever the image, the gradient of a linear network is the same", () => {
  const { classifier } = linearClassifier();
  return fc.assert(
    fc.asyncProperty(
      fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: pixelCount, maxLength: pixelCount }),
      async (pixels) => {
        const [here, there] = await Promise.all(
          [floatTensor(pixels, image.shape), image].map((x) => gradient.explain(classifier, x, { label: 2 })),
        );
        expect(here.map.data).toEqual(there.map.data);
      },
    ),
    { numRuns: 20 },
  );
});
