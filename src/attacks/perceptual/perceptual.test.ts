import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { AbortedError, MisuseError } from "../../errors.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { gradient } from "../../saliency/gradients/gradient.ts";
import { occlusion } from "../../saliency/occlusion/occlusion.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import type { AttackOptionsOf } from "../attack.ts";
import { square } from "../autoattack/square.ts";
import { distancesBetween } from "../distances.ts";
import { describeEnding } from "../ending.ts";
import { fgsm } from "../fgsm.ts";
import { goalOf } from "../goal.ts";
import { pgd } from "../pgd.ts";
import { perceptual, perceptualFinding } from "./perceptual.ts";
import { automaticLayers, detectionLayers, paperLayers, releasedLayers } from "./perceptual-layers.ts";

/** logits = W x for x in [0, 1]⁴ (one channel, 2 × 2): everything about it has a closed form. */
const rows = [
  [1, -1, 2, 0],
  [0, 1, -1, 1],
  [-1, 0, 0, 1],
];
const linear = parseModel(`
  <ir_version: 8, opset_import: ["" : 18]>
  linear (float[N, 1, 2, 2] x) => (float[N, 3] logits)
  <float[3, 4] W = {${rows.flat().join(", ")}}>
  { f = Flatten (x)  logits = Gemm <transB = 1> (f, W) }
`);

/** The perturbation of an explanation: the preset `auto`, and the distance in the layers that are compared. */
const explain = (
  classifier: Classifier,
  image: FloatTensor,
  options: AttackOptionsOf<typeof perceptual.options> = {},
) => perceptual.attack(classifier, image, { preset: "auto", distanceLayers: "search", ...options });

describe("on a linear classifier", () => {
  let classifier: Classifier;
  const image: FloatTensor = floatTensor([0.6, 0.4, 0.55, 0.45], [1, 2, 2]);
  beforeAll(() => {
    classifier = createClassifier(linear, {
      runtime: ort,
      preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" },
    });
  });
  afterAll(() => classifier.dispose());

  test("objective (3) is minimized in closed form: x' = x − λ⁻¹ (M − T) a / (1 + |a|²/λ)", async () => {
    const [distanceWeight, margin] = [2, -0.3];
    const result = await explain(classifier, image, {
      preset: "paper",
      layers: [],
      perceptualWeight: 0,
      distanceWeight,
      margin,
      constraint: "none",
    });
    // Class 0 against class 1, the runner-up along the way: a = W₀ − W₁.
    const a = rows[0].map((w, i) => w - rows[1][i]);
    const cleanMargin = a.reduce((sum, ai, i) => sum + ai * image.data[i], 0);
    const norm = a.reduce((sum, ai) => sum + ai * ai, 0);
    const step = (cleanMargin - margin) / (distanceWeight + norm);
    expect(result.label).toBe(0);
    expect(goalOf(result).margin(result.clean.logits)).toBeCloseTo(cleanMargin, 6);
    result.perturbation.data.forEach((delta, i) => {
      expect(delta).toBeCloseTo(-step * a[i], 4);
    });
    expect(result.raw.margin).toBeCloseTo(cleanMargin - step * norm, 4);
    expect(result.outcome).toBe("flipped");
    expect(result.raw.label).toBe(1);
  });

  test("the released preset moves in normalized space and reports pixels", async () => {
    const normalized = createClassifier(linear, {
      runtime: ort,
      preprocessing: { scale: 1, mean: [0.5], std: [0.25], channels: "rgb" },
    });
    const result = await explain(normalized, image, { preset: "released", layers: [], margin: -0.5 });
    expect(perceptualFinding(result).settings).toMatchObject({
      space: "network",
      history: 100,
      lineSearch: "none",
      iterations: 100,
    });
    result.perturbation.data.forEach((delta, i) => {
      expect(delta).toBeCloseTo(0.25 * perceptualFinding(result).optimizedPerturbation.data[i], 6);
    });
    await normalized.dispose();
  });

  test.each(["range", "ball"] as const)("the constraint %s is kept, by the last digit", async (constraint) => {
    const epsilon = 0.05;
    const result = await explain(classifier, image, {
      preset: "paper",
      layers: [],
      perceptualWeight: 0,
      distanceWeight: 1e-3,
      margin: -3,
      constraint,
      epsilon,
    });
    const [low, high] = [Math.min(...image.data), Math.max(...image.data)];
    result.raw.image.data.forEach((x, i) => {
      if (constraint === "range") expect(x >= low && x <= high).toBe(true);
      else expect(Math.abs(x - image.data[i])).toBeLessThanOrEqual(epsilon);
    });
    // The bounds are reached: the unconstrained answer lies far outside.
    expect(result.raw.distances.linf).toBeGreaterThan(constraint === "range" ? 0.1 : 0.0499);
  });

  test.each([
    [
      "a flat image",
      [0.55, 0.55, 0.55, 0.55],
      {},
      /The constraint "range" holds it back: values stay between 140\.3\/255 and 140\.3\/255, .* 100 % of them/,
    ],
    [
      "little contrast",
      [0.56, 0.55, 0.56, 0.55],
      { preset: "paper", layers: [], perceptualWeight: 0 },
      /holds it back: values stay between 140\.3\/255 and 142\.8\/255/,
    ],
    [
      "a small ball",
      [0.6, 0.4, 0.55, 0.45],
      { preset: "paper", layers: [], perceptualWeight: 0, constraint: "ball", epsilon: 0.01 },
      /The constraint "ball" holds it back: \d+ % of the values have changed by all of 2\.6\/255/,
    ],
  ] as const)(
    "%s: what holds the flip back is the constraint, and it is named",
    async (_, values, options, hindrance) => {
      // The class is 0 by the second term alone, wherever all values are the same.
      const result = await explain(classifier, floatTensor([...values], [1, 2, 2]), { ...options, margin: -1 });
      expect(result.outcome).toBe("not-flipped");
      expect(result.details.hindrance).toMatch(hindrance);
      expect(describeEnding(result)).toBe(`The label is not flipped. ${result.details.hindrance}`);
      expect(perceptualFinding(result).solverOutcome).not.toMatch(/No strength/);
      const free = await explain(classifier, floatTensor([...values], [1, 2, 2]), {
        ...options,
        margin: -1,
        constraint: "none",
      });
      expect(free.details).not.toHaveProperty("hindrance");
    },
  );

  test.each(["range", "ball"] as const)(
    "a picture all of whose values lie at ends of the %s to begin with is not said to be held back by it",
    async (constraint) => {
      // Black and 140/255: every value is at an end of either, and a strong term holds all of them where they are.
      const values = constraint === "ball" ? [1, 0, 1, 1] : [0.55, 0, 0.55, 0.55];
      const options = { preset: "paper", layers: [], perceptualWeight: 0, distanceWeight: 1e6, constraint } as const;
      const result = await explain(classifier, floatTensor(values, [1, 2, 2]), options);
      expect(result.outcome).toBe("not-flipped");
      expect(result.details).not.toHaveProperty("hindrance");
      expect(describeEnding(result)).toMatch(/^The label is not flipped\. (Allow|Lower|Try)/);
    },
  );

  test("an image that does not have the label has nothing to flip, and is returned as it is", async () => {
    const result = await explain(classifier, image, { layers: [], label: 2 });
    expect(result.outcome).toBe("already-flipped");
    expect(result.raw.distances).toMatchObject({ l0: 0, l2: 0 });
  });

  test("what cannot be meant is refused before anything runs", async () => {
    const attempt = (options: object) => explain(classifier, image, { layers: [], ...options });
    await expect(attempt({ margin: 2 })).rejects.toThrow("a flipped label has a margin below 0");
    await expect(attempt({ epsilon: 8 })).rejects.toThrow("Did you mean 8/255?");
    await expect(attempt({ preset: "papr" })).rejects.toThrow('Did you mean "paper"?');
    await expect(attempt({ iteration: 3 })).rejects.toThrow('Did you mean "iterations"?');
    await expect(attempt({ label: 3 })).rejects.toThrow(MisuseError);
    await expect(attempt({ layers: ["Relu"] })).rejects.toThrow(MisuseError);
  });

  test("an aborted signal ends it", async () => {
    const controller = new AbortController();
    const attack = explain(classifier, image, {
      layers: [],
      signal: controller.signal,
      onProgress: ({ done }) => done >= 3 && controller.abort(),
    });
    await expect(attack).rejects.toThrow(AbortedError);
  });
});

/** A small VGG-like network whose weights come from a formula. */
function convolutional(withNormalization: boolean): string {
  const wave = (n: number, k: number): string =>
    Array.from({ length: n }, (_, i) => (Math.sin(k * i + k) * 0.6).toFixed(4)).join(", ");
  const block = (i: number, input: string): string =>
    withNormalization
      ? `c${i} = Conv <pads = [1, 1, 1, 1]> (${input}, W${i})
         n${i} = BatchNormalization (c${i}, s${i}, o${i}, o${i}, s${i})
         r${i} = Relu (n${i})`
      : `c${i} = Conv <pads = [1, 1, 1, 1]> (${input}, W${i})
         r${i} = Relu (c${i})`;
  const weights = (i: number, from: number, to: number): string =>
    `float[${to}, ${from}, 3, 3] W${i} = {${wave(9 * from * to, 1.7 + i)}}, float[${to}] s${i} = {${Array(to).fill(1).join(", ")}}, float[${to}] o${i} = {${Array(to).fill(0.05).join(", ")}}`;
  return `
    <ir_version: 8, opset_import: ["" : 18]>
    vgg (float[N, 3, 16, 16] x) => (float[N, 4] logits)
    <${weights(0, 3, 4)}, ${weights(1, 4, 4)}, ${weights(2, 4, 6)}, ${weights(3, 6, 6)}, float[4, 6] V = {${wave(24, 0.9)}}>
    {
      ${block(0, "x")}
      ${block(1, "r0")}
      p0 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r1)
      ${block(2, "p0")}
      ${block(3, "r2")}
      p1 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r3)
      a = GlobalAveragePool (p1)
      f = Flatten (a)
      logits = Gemm <transB = 1, alpha = 40.0> (f, V)
    }`;
}

const picture = floatTensor(
  Float32Array.from({ length: 768 }, (_, i) => 0.5 + 0.4 * Math.sin(i * i * 0.01)),
  [3, 16, 16],
);

describe("on a small convolutional network", () => {
  const classifier = createClassifier(parseModel(convolutional(true)), { runtime: ort, preprocessing: "unit" });
  afterAll(() => classifier.dispose());

  test("the automatic preset flips the label within its budget and says how it searched", async () => {
    const calls: number[] = [];
    const result = await explain(classifier, picture, {
      onProgress: ({ done, of }) => calls.push(done / of),
    });
    const { stages, settings } = perceptualFinding(result);
    expect(result.outcome).toBe("flipped");
    expect(result.raw.label).not.toBe(result.clean.label);
    expect(result.raw.margin).toBeLessThan(0);
    expect(result.cost.forward + result.cost.gradient).toBeLessThanOrEqual(52);
    expect(calls).toEqual([...calls].sort((a, b) => a - b));
    expect(calls.at(-1)).toBe(1);
    expect(stages.length).toBeGreaterThan(1);
    expect(stages.some((stage) => stage.strength === settings.perceptualWeight && stage.flipped)).toBe(true);
    expect(result.raw.distances).toMatchObject(distancesBetween(result.raw.image.data, picture.data, 256));
    const [low, high] = [Math.min(...picture.data), Math.max(...picture.data)];
    expect(result.raw.image.data.every((x) => x >= low && x <= high)).toBe(true);
  });

  test("what a PNG keeps has the new label, with or without a ball, and no pixel leaves the range of the picture", async () => {
    for (let n = 0; n < 6; n++) {
      const one = floatTensor(
        Float32Array.from({ length: 768 }, (_, i) => Math.round(255 * (0.5 + 0.4 * Math.sin(i * i * 0.01 + n))) / 255),
        [3, 16, 16],
      );
      const result = await explain(classifier, one);
      expect(result).toMatchObject({ outcome: "flipped", lostInRounding: false, rounded: { success: true } });
      const { data } = result.rounded.image;
      const bytes = Float32Array.from(data, (x) => Math.round(255 * x) / 255);
      expect(data).toEqual(bytes);
      const again = await classifier.classify(floatTensor(bytes, [3, 16, 16]));
      expect(again.label).not.toBe(result.label);
      const [low, high] = [Math.min(...one.data), Math.max(...one.data)];
      expect(data.every((x) => x >= low && x <= high)).toBe(true);
      expect(result.cost.gradient).toBeLessThanOrEqual(52);
    }
  });

  test("a search that minds no bytes takes the long way, and its bytes are the nearest ones", async () => {
    const result = await explain(classifier, picture, { rounding: "none" });
    expect(perceptualFinding(result).settings.evaluations).toBe(150);
    expect(result.cost.gradient).toBeGreaterThan(52);
    const nearest = result.withinBudget.image.data.map((x) => Math.floor(255 * x + 0.5) / 255);
    expect(result.rounded.image.data).toEqual(nearest);
    const short = await explain(classifier, picture, { rounding: "nearest" });
    expect(short.cost.gradient).toBeLessThanOrEqual(52);
  });

  test("with a target, the target wins", async () => {
    const { label: clean } = await classifier.classify(picture);
    for (const target of [1, 3]) {
      expect(clean).not.toBe(target);
      const result = await explain(classifier, picture, { target });
      expect(result).toMatchObject({ outcome: "flipped", target, raw: { label: target } });
    }
  });

  test("the perceptual term does what it is for: less change in the features than the ℓ2 attack at the same margin", async () => {
    const margin = -0.5;
    const common = { preset: "paper", margin, iterations: 200, constraint: "none" } as const;
    const layers = ["r1", "r3"];
    const close = await explain(classifier, picture, {
      ...common,
      layers,
      perceptualWeight: 1e-2,
      distanceWeight: 0,
    });
    const plain = await explain(classifier, picture, {
      ...common,
      layers,
      perceptualWeight: 0,
      distanceWeight: 1e-2,
    });
    expect(close.outcome).toBe("flipped");
    expect(plain.outcome).toBe("flipped");
    expect(close.raw.distances.perceptual).toBeLessThan(plain.raw.distances.perceptual);
    expect(close.raw.distances.l2).toBeGreaterThan(plain.raw.distances.l2);
  });

  test("a second run gives the same answer, digit by digit", async () => {
    const [a, b] = [await explain(classifier, picture), await explain(classifier, picture)];
    expect([...a.raw.image.data]).toEqual([...b.raw.image.data]);
  });
});

test("the automatic layers are what enters each step down in resolution, the image excepted", () => {
  const classifier = createClassifier(parseModel(convolutional(true)), { runtime: ort, preprocessing: "unit" });
  expect(automaticLayers(classifier).map((layer) => layer.name)).toEqual(["r1", "r3"]);
});

test("a convolution without padding is no step down, and padding is none of the layers", () => {
  const result = chosen(`
    c0 = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, w3)  r0 = Relu (c0)
    c1 = Conv (r0, w8)  r1 = Relu (c1)
    p1 = Pad (r1, border)  m1 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (p1)
    c2 = Conv <pads = [1, 1, 1, 1]> (m1, w8)  r2 = Relu (c2)
    c3 = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (r2, w8)  r3 = Relu (c3)  a = GlobalAveragePool (r3)`);
  expect(result).toEqual(["r1", "r2"]);
});

test("with channels last, the end of each stage but the coarsest", () => {
  const stage = (i: number, from: string, weight: string) => `
    c${i} = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (${from}, ${weight})
    t${i} = Transpose <perm = [0, 2, 3, 1]> (c${i})  b${i} = MatMul (t${i}, square)  s${i} = Add (t${i}, b${i})
    u${i} = Transpose <perm = [0, 3, 1, 2]> (s${i})`;
  const result = chosen(
    `${stage(0, "x", "w3")} ${stage(1, "u0", "w8")} ${stage(2, "u1", "w8")} a = GlobalAveragePool (u2)`,
  );
  expect(result).toEqual(["s0", "s1"]);
});

test("truth values are no layers that are compared", () => {
  const pooled = "c = Conv <pads = [1, 1, 1, 1]> (t, w3) a = GlobalAveragePool (c)";
  const names = chosen(`g = Less (x, x) t = Cast <to = 1> (g) ${pooled}`);
  expect(names).toContain("c");
  expect(names).not.toContain("g");
});

/** The automatic layers of a network of 32 × 32 pixels, of which `body` makes the features `a` [1, 8, 1, 1]. */
function chosen(body: string) {
  const wave = (count: number): string => Array.from({ length: count }, (_, i) => Math.sin(i).toFixed(3)).join(", ");
  const model = parseModel(`<ir_version: 8, opset_import: ["" : 18]>
    net (float[1, 3, 32, 32] x) => (float[1, 8] logits)
    <float[8, 3, 3, 3] w3 = {${wave(216)}}, float[8, 8, 3, 3] w8 = {${wave(576)}}, float[8, 8] square = {${wave(64)}},
     int64[8] border = {0, 0, 1, 1, 0, 0, 1, 1}> { ${body} logits = Flatten (a) }`);
  const classifier = createClassifier(model, { runtime: ort, preprocessing: "unit" });
  return automaticLayers(classifier).map((layer) => layer.name);
}

test("the paper's numbers count BatchNormalization where it is there", () => {
  const classifier = createClassifier(parseModel(convolutional(true)), { runtime: ort, preprocessing: "unit" });
  expect(classifier.layers.length).toBeLessThan(22);
  expect(() => paperLayers(classifier)).toThrow("layers {3, 8, 15, 22} do not exist");
  expect(releasedLayers(classifier).map((layer) => layer.name)).toEqual(["r1", "r2"]);
});

test("section 5 counts the layers 5, 10 and 15 of the CIFAR network, with its normalizations folded or not", () => {
  const numbers = (count: number): string => Array.from({ length: count }, (_, i) => Math.sin(i)).join(", ");
  const model = (hasNormalization: boolean): Classifier => {
    const block = ["Conv", ...(hasNormalization ? ["BatchNormalization"] : []), "Relu"];
    const pair = [...block, ...block, "MaxPool"];
    const operators = [...pair, ...pair, ...pair, ...block, "MaxPool", "Flatten", "Gemm"];
    const steps = operators.map((operator, index) => {
      const from = index === 0 ? "x" : `v${index - 1}`;
      const to = index === operators.length - 1 ? "logits" : `v${index}`;
      if (operator === "Conv") return `${to} = Conv <pads = [1, 1, 1, 1]> (${from}, w)`;
      if (operator === "BatchNormalization") return `${to} = BatchNormalization (${from}, half, half, half, half)`;
      if (operator === "MaxPool") return `${to} = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (${from})`;
      return `${to} = ${operator} (${from}${operator === "Gemm" ? ", u" : ""})`;
    });
    const text = `<ir_version: 8, opset_import: ["" : 18]>
      net (float[N, 3, 32, 32] x) => (float[N, 4] logits)
      <float[3, 3, 3, 3] w = {${numbers(81)}}, float[3] half = {0.5, 0.5, 0.5}, float[12, 4] u = {${numbers(48)}}>
      { ${steps.join("  ")} }`;
    return createClassifier(parseModel(text), { runtime: ort, preprocessing: "unit" });
  };
  const names = (classifier: Classifier) =>
    detectionLayers(classifier).map(({ operator, ordinal }) => `${operator}[${ordinal}]`);
  expect(names(model(true))).toEqual(["Relu[1]", "Conv[3]", "BatchNormalization[4]"]);
  expect(names(model(false))).toEqual(["Relu[1]", "Conv[3]", "Conv[4]"]);
});

test("many images in lockstep are changed as each alone", async () => {
  const classifier = createClassifier(parseModel(convolutional(true)), { runtime: ort, preprocessing: "unit" });
  const pictures = [0, 1, 2].map((n) =>
    floatTensor(
      Float32Array.from({ length: 768 }, (_, i) => 0.5 + 0.4 * Math.sin(i * i * 0.01 + n)),
      [3, 16, 16],
    ),
  );
  const options = {
    preset: "detection",
    layers: ["r1", "r3"],
    perceptualWeight: 1e-3,
    iterations: 8,
    margin: -0.5,
  } as const;
  const together = await perceptual.attack(classifier, pictures, options);
  for (const [n, picture] of pictures.entries()) {
    const alone = await explain(classifier, picture, options);
    expect(together[n].cost.gradient).toBe(8);
    // Graphs of other batches sum in another order.
    together[n].raw.image.data.forEach((x, i) => {
      expect(x).toBeCloseTo(alone.raw.image.data[i], 4);
    });
    expect(together[n].raw.distances.linf).toBeLessThanOrEqual(8 / 255 + 1e-9);
    expect(together[n].raw.label).toBe(alone.raw.label);
  }
  await classifier.dispose();
});

test.each(["auto", "paper"] as const)(
  "where equal values tie in max pooling and no step of %s leads down, that is said, and no constraint is blamed",
  async (preset) => {
    // Class 0 is ahead by max(x) − x₁/2. The gradient at a tie is that of the first value: to lower it leaves the maximum and costs half of the step.
    const tied = parseModel(`
      <ir_version: 8, opset_import: ["" : 18]>
      tied (float[N, 1, 2, 2] x) => (float[N, 2] logits)
      <float[1, 4] W = {0.5, 0, 0, 0}>
      {
        pooled = MaxPool <kernel_shape = [2, 2]> (x)
        largest = Flatten (pooled)
        f = Flatten (x)
        first = Gemm <transB = 1> (f, W)
        logits = Concat <axis = 1> (largest, first)
      }
    `);
    const network = createClassifier(tied, {
      runtime: ort,
      preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" },
    });
    try {
      const flat = floatTensor([1, 1, 1, 1], [1, 2, 2]);
      const options = { preset, layers: [], constraint: "ball", epsilon: 0.1 } as const;
      const result = await explain(network, flat, options);
      expect(result.outcome).toBe("not-flipped");
      expect(result.raw.distances.linf).toBe(0);
      expect(result.details.hindrance).toMatch(
        /^None of the \d+ points evaluated is better than the picture itself: .* max pooling\. Add noise of a level/,
      );
      expect(describeEnding(result)).toBe(`The label is not flipped. ${result.details.hindrance}`);
      // Of a picture of several colors no more is known.
      const several = await explain(network, floatTensor([1, 1, 1, 0.5], [1, 2, 2]), options);
      expect(several.details.hindrance).toMatch(
        /^None of the \d+ points evaluated is better than the picture itself: the gradient there leads no way down\. Try an attack/,
      );
    } finally {
      await network.dispose();
    }
  },
);

test.each(["auto", "paper"] as const)(
  "where a quantized network's scores stand still between two steps, %s says so, and does not blame the picture",
  async (preset) => {
    // Steps of 1/2, whose gradient is that of the identity: the picture is in the middle of one, and the way to the next is longer than the ball.
    const stepped = parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    stepped (float[N, 1, 2, 2] x) => (float[N, 2] logits)
    <float[4, 2] W = {1, 0, 1, 0, 0, 1, 0, 1}, float scale = {0.5}, uint8 zero = {0}>
    { q = QuantizeLinear (x, scale, zero) d = DequantizeLinear (q, scale, zero) f = Flatten (d) logits = MatMul (f, W) }
  `);
    const rounded = parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    rounded (float[N, 1, 2, 2] x) => (float[N, 2] logits)
    <float[4, 2] W = {1, 0, 1, 0, 0, 1, 0, 1}, float two = {2}>
    { m = Mul (x, two) r = Round (m) f = Flatten (r) logits = MatMul (f, W) }
  `);
    // A change costs something, and changes no score.
    const options = { preset, layers: [], distanceWeight: 1, constraint: "ball", epsilon: 0.1 } as const;
    for (const model of [stepped, rounded]) {
      const network = createClassifier(model, { runtime: ort, preprocessing: "unit" });
      try {
        const result = await explain(network, floatTensor([0.9, 0.5, 0.1, 0.1], [1, 2, 2]), options);
        expect(result.outcome).toBe("not-flipped");
        expect(result.details.hindrance).toMatch(
          /^None of the \d+ points evaluated is better than the picture itself: the model rounds what it reads, .*scores move in steps.* rise and occlusion\. .*square and hopskipjump\.$/,
        );
        expect(result.details.hindrance).not.toMatch(/one color/);
      } finally {
        await network.dispose();
      }
    }
  },
);

test.each(["auto", "paper"] as const)(
  "of a network without a gradient %s does not blame the picture",
  async (preset) => {
    const hard = parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    hard (float[N, 1, 2, 2] x) => (float[N, 2] logits)
    <float[4, 2] W = {1, 0, 1, 0, 0, 1, 0, 1}>
    { s = Sign (x) f = Flatten (s) logits = MatMul (f, W) }
  `);
    const network = createClassifier(hard, {
      runtime: ort,
      preprocessing: { scale: 1, mean: [0.5], std: [1], channels: "rgb" },
    });
    const result = await explain(network, floatTensor([0.9, 0.2, 0.1, 0.3], [1, 2, 2]), { preset, layers: [] });
    expect(result.outcome).toBe("not-flipped");
    expect(result.details.hindrance).toMatch(
      /^No gradient of the network arrives at the pixels.* square and hopskipjump\.$/,
    );
    await network.dispose();
  },
);

describe("a network whose gradient is no number, since a root has none where it is not used", () => {
  const rooted = parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    rooted (float[N, 1, 2, 2] x) => (float[N, 2] logits)
    <float[4, 2] W = {1, 0, 0, 1, 1, 0, 0, 1}, float two = {2}, float half = {0.5}>
    { a = Sub (x, two) r = Pow (a, half) c = IsNaN (r) s = Where (c, x, r) f = Flatten (s) logits = MatMul (f, W) }
  `);
  const image = floatTensor([0.9, 0.2, 0.1, 0.3], [1, 2, 2]);
  const network = createClassifier(rooted, { runtime: ort, preprocessing: "unit" });
  afterAll(() => network.dispose());

  test.each(["auto", "paper"] as const)("%s does not blame the picture", async (preset) => {
    const result = await explain(network, image, { preset, layers: [] });
    expect(result.outcome).toBe("not-flipped");
    expect(result.details.hindrance).toMatch(
      /^Nothing leads the search: the network's gradient at the picture is not a number.* square and hopskipjump\.$/,
    );
  });

  test("pgd and maps of gradients are refused in the same words; what looks at scores works, and layers that are NaN are not compared", async () => {
    const words = /the network's gradient at the picture is not a number/;
    for (const attack of [pgd, fgsm])
      await expect(attack.attack(network, image, { epsilon: 0.5 })).rejects.toThrow(words);
    await expect(gradient.explain(network, image)).rejects.toThrow(words);
    const map = await occlusion.explain(network, image, { patch: 1, stride: 1 });
    expect(map.label).toBe(0);
    const found = await square.attack(network, image, {
      epsilon: 0.9,
      queries: 200,
      distanceLayers: ["Pow[0]", "MatMul[0]"],
    });
    expect(found.outcome).toBe("flipped");
    expect(found.raw.distances.perceptual).toBeGreaterThan(0);
  });
});
