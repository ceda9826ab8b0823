import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { byteImage, byteNetwork } from "../../../test/byte-network.ts";
import { dynamicImage, dynamicNetwork, undynamicNetwork } from "../../../test/dynamic-network.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { stageLayers } from "../../detection/features/layer-parts.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { completeOptions, type OptionsOf } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { attackNamed } from "../attacks.ts";
import { lpipsLayers } from "../lpips/lpips-layers.ts";
import { automaticLayers, detectionLayers, releasedLayers } from "./perceptual-layers.ts";
import { type PerceptualPreset, perceptualOptions } from "./perceptual-options.ts";
import { perceptualPlan } from "./perceptual-plan.ts";

/** Images [1, 4, 6] and two layers, of 24 and of 3 elements: 13.5 on average. */
const model = parseModel(`<ir_version: 8, opset_import: ["" : 18]>
  net (float[1, 1, 4, 6] x) => (float[1, 3] logits)
  <float[24, 3] W = {${Array.from({ length: 72 }, (_, i) => Math.sin(i).toFixed(3)).join(", ")}}>
  { r = Relu (x)  f = Flatten (r)  logits = MatMul (f, W) }`);
const [imageElements, averageElements] = [24, (24 + 3) / 2];

const classifier = createClassifier(model, { runtime: ort, preprocessing: "unit" });
afterAll(() => classifier.dispose());

/** What the options stand for; the layers are given, since each preset has its own idea of a network. */
function planOf(
  preset: PerceptualPreset,
  options: OptionsOf<typeof perceptualOptions> = {},
  on: Classifier = classifier,
) {
  const given = { layers: ["r", "logits"], ...options, preset };
  return perceptualPlan(on, completeOptions("perceptual", perceptualOptions, given));
}

describe("what a preset stands for, number by number", () => {
  test("paper: sums of squares that are as large as the released code's means", () => {
    expect(planOf("paper")).toMatchObject({
      ...{ preset: "paper", space: "pixels", marginTarget: -2, search: false, reduction: "sum" },
      ...{ perceptualWeight: 10_000 / averageElements, distanceWeight: 1 / imageElements },
      ...{ iterations: 100, evaluations: 3 + 100 + 25, history: 10, lineSearch: "armijo", constraint: "range" },
    });
  });

  test("released: γ = 10⁴ and λ = 1 for means, T = −2, 100 iterations without line search, history 100, no constraint", () => {
    expect(planOf("released")).toMatchObject({
      ...{ preset: "released", space: "network", marginTarget: -2, search: false, reduction: "mean" },
      ...{ perceptualWeight: 10_000, distanceWeight: 1 },
      ...{ iterations: 100, evaluations: 3 + 100 + 1, history: 100, lineSearch: "none", constraint: "none" },
    });
  });

  test("detection: a hundredth of the paper's λ', 20 iterations that are 20 evaluations, a ball of 8/255", () => {
    expect(planOf("detection")).toMatchObject({
      ...{ preset: "detection", space: "pixels", marginTarget: -2, search: false, reduction: "sum" },
      ...{ perceptualWeight: 100 / averageElements, distanceWeight: 1 / imageElements },
      ...{ iterations: 20, evaluations: 3 + 20, history: 10, lineSearch: "none", constraint: "ball", epsilon: 8 / 255 },
    });
    expect(planOf("detection").perceptualWeight).toBeCloseTo(planOf("paper").perceptualWeight / 100, 12);
  });

  test("auto: scale-free, a margin of the image's own, and a search for the strength in 150 evaluations", () => {
    expect(planOf("auto")).toMatchObject({
      ...{ preset: "auto", space: "pixels", marginTarget: undefined, search: true, reduction: "relative" },
      ...{ perceptualWeight: 1, distanceWeight: 0 },
      ...{ evaluations: 150, history: 10, lineSearch: "armijo", constraint: "range" },
    });
  });
});

test("what is given takes the preset's place", () => {
  const own = {
    ...{ perceptualWeight: 3, distanceWeight: 0.25, reduction: "mean" as const, constraint: "none" as const },
    ...{ iterations: 7, evaluations: 50, history: 4, epsilon: 0.1 },
  };
  for (const preset of ["auto", "paper", "released", "detection"] as const) {
    expect(planOf(preset, { ...own, margin: -0.5 })).toMatchObject({ ...own, marginTarget: -0.5, search: false });
  }
  // 0 is a weight like any other.
  expect(planOf("paper", { perceptualWeight: 0, distanceWeight: 0 })).toMatchObject({
    perceptualWeight: 0,
    distanceWeight: 0,
  });
});

test("auto searches unless a weight or a reduction says how strong the term is to be", () => {
  expect(planOf("auto", { perceptualWeight: 2 })).toMatchObject({ search: false, reduction: "relative" });
  expect(planOf("auto", { reduction: "sum" })).toMatchObject({
    ...{ search: false, reduction: "sum" },
    ...{ perceptualWeight: 10_000 / averageElements, evaluations: 3 + 100 + 25 },
  });
  expect(planOf("auto", { reduction: "mean" })).toMatchObject({ search: false, perceptualWeight: 10_000 });
  // The reductions of the others do not change whose numbers count.
  expect(planOf("detection", { reduction: "mean" })).toMatchObject({ perceptualWeight: 10_000, distanceWeight: 1 });
  expect(planOf("released", { reduction: "sum" })).toMatchObject({
    ...{ perceptualWeight: 10_000 / averageElements, distanceWeight: 1 / imageElements },
  });
});

test("as many evaluations as the iterations need: a quarter more for the line search, one more for Torch's last point", () => {
  expect(planOf("paper", { iterations: 10 }).evaluations).toBe(3 + 10 + 3);
  expect(planOf("released", { iterations: 10 }).evaluations).toBe(3 + 10 + 1);
  expect(planOf("detection", { iterations: 10 }).evaluations).toBe(3 + 10);
});

test("the layers are the preset's own unless they are given; none at all is a choice too", () => {
  expect(planOf("paper").layers.map(({ name }) => name)).toEqual(["r", "logits"]);
  expect(planOf("paper", { layers: [] })).toMatchObject({ layers: [], perceptualWeight: 10_000 });
  const without = (preset: PerceptualPreset) =>
    perceptualPlan(classifier, completeOptions("perceptual", perceptualOptions, { preset }));
  expect(() => without("paper")).toThrow("layers {3, 8, 15, 22} do not exist");
  expect(without("released").layers).toEqual(releasedLayers(classifier));
  expect(without("detection").layers).toEqual(detectionLayers(classifier));
  expect(without("auto").layers).toEqual(automaticLayers(classifier));
});

describe("a network that is quantized throughout", () => {
  const quantized = createClassifier(byteNetwork(), { runtime: ort, preprocessing: "unit" });
  afterAll(() => quantized.dispose());

  test("layers are compared in real numbers: where there are bytes, before these", async () => {
    const kinds = (layers: readonly { readonly operator: string }[]) => layers.map(({ operator }) => operator);
    expect(kinds(automaticLayers(quantized))).toEqual(["Conv", "Conv"]);
    expect(kinds(detectionLayers(quantized))).toEqual(["Conv", "Conv"]);
    for (const name of ["perceptual", "fgsm", "lpa", "feature-match"]) {
      const [result] = await attackNamed(name).run(quantized, [byteImage], { lpips: true });
      expect(result.raw.distances.perceptual).toBeGreaterThan(0);
    }
  });

  test("layers of bytes that are named are refused", async () => {
    for (const name of ["perceptual", "lpa", "feature-match"]) {
      await expect(attackNamed(name).run(quantized, [byteImage], { layers: ["QuantizeLinear[1]"] })).rejects.toThrow(
        /layers: e holds no float32, expected layers of real values\. Choose the operation before it, or the DequantizeLinear behind it/,
      );
    }
    await expect(attackNamed("fgsm").run(quantized, [byteImage], { distanceLayers: ["MaxPool[0]"] })).rejects.toThrow(
      /layers: m holds no float32/,
    );
  });
});

describe("a network whose bytes are scaled while it runs, as quantize_dynamic writes it", () => {
  const quantized = createClassifier(dynamicNetwork(), { runtime: ort, preprocessing: "unit" });
  const real = createClassifier(undynamicNetwork(), { runtime: ort, preprocessing: "unit" });
  afterAll(async () => {
    await quantized.dispose();
    await real.dispose();
  });
  const names = (layers: readonly { readonly name: string }[]) => layers.map(({ name }) => name);

  test("the layers are those that it had in real numbers, and no scale, byte or sum of bytes is among them", () => {
    for (const layersOf of [automaticLayers, releasedLayers, lpipsLayers, stageLayers]) {
      expect(names(layersOf(quantized))).toEqual(names(layersOf(real)));
    }
    expect(names(automaticLayers(quantized))).toEqual(["r0", "r1"]);
    // Numbered 0 to 15: three for each convolution, then a, f, the scaled product and the logits.
    expect(names(detectionLayers(quantized))).toEqual(["r1", "c3", "logits"]);
  });

  test.each([
    ["perceptual", {}],
    ["perceptual", { preset: "auto" }],
    ["perceptual", { preset: "released" }],
    ["fgsm", {}],
    ["lpa", {}],
    ["feature-match", {}],
  ])("%s runs on it as on the real numbers: %o", async (name, options) => {
    for (const one of [quantized, real]) {
      const [result] = await attackNamed(name).run(one, [dynamicImage], { ...options, lpips: true });
      expect(result.outcome).toBe("flipped");
      expect(result.raw.distances.perceptual).toBeGreaterThan(0);
    }
  });

  test("a layer that is named and holds no numbers of each picture is refused; sums of bytes may be named", async () => {
    for (const name of ["perceptual", "lpa", "feature-match"]) {
      await expect(attackNamed(name).run(quantized, [dynamicImage], { layers: ["r0_scale"] })).rejects.toThrow(
        /layers: r0_scale holds no numbers of each picture, expected layers whose first axis is the pictures, \[1, …\], got a single number\. Choose an operation before or behind it/,
      );
    }
    const layers = ["r0_scale"];
    await expect(attackNamed("fgsm").run(quantized, [dynamicImage], { distanceLayers: layers })).rejects.toThrow(
      /layers: r0_scale holds no numbers of each picture/,
    );
    const [result] = await attackNamed("fgsm").run(quantized, [dynamicImage], { distanceLayers: ["Conv[1]"] });
    expect(result.raw.distances.perceptual).toBeGreaterThan(0);
  });
});

test("windows along the first axis are no numbers of each picture", async () => {
  const windows = createClassifier(
    parseModel(`<ir_version: 8, opset_import: ["" : 18]>
      net (float[1, 1, 4, 6] x) => (float[1, 3] logits)
      <float[24, 3] W = {${Array.from({ length: 72 }, (_, i) => Math.sin(i).toFixed(3)).join(", ")}}, int64[2] halves = {2, 12}, int64[2] whole = {1, 24}>
      { r = Relu (x)  w = Reshape (r, halves)  s = Softmax (w)  f = Reshape (s, whole)  logits = MatMul (f, W) }`),
    { runtime: ort, preprocessing: "unit" },
  );
  const image = floatTensor(
    Float32Array.from({ length: 24 }, (_, i) => (i % 5) / 4),
    [1, 4, 6],
  );
  expect(automaticLayers(windows).map(({ name }) => name)).not.toContain("s");
  await expect(attackNamed("perceptual").run(windows, [image], { layers: ["s"] })).rejects.toThrow(
    /layers: s holds no numbers of each picture, expected layers whose first axis is the pictures, \[1, …\], got \[2, 12\]/,
  );
  await windows.dispose();
});

test("a network that normalizes its input has the layers that it has without: the normalized picture is none of them", () => {
  const weights = (count: number): string => Array.from({ length: count }, (_, i) => Math.sin(i * 1.7)).join(", ");
  const [bare, normalizing] = ["a = Identity (x)", "s = Sub (x, mean)  a = Div (s, std)"].map((begin) => {
    const model = parseModel(`<ir_version: 8, opset_import: ["" : 18]>
      net (float[N, 3, 32, 32] x) => (float[N, 4] logits)
      <float[1, 3, 1, 1] mean = {0.4, 0.5, 0.6}, float[1, 3, 1, 1] std = {0.2, 0.25, 0.3},
       float[8, 3, 3, 3] u = {${weights(216)}}, float[8, 8, 3, 3] v = {${weights(576)}}, float[8, 4] w = {${weights(32)}}>
      { ${begin}  c = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (a, u)  r = Relu (c)
        d = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (r, v)  q = Relu (d)
        e = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (q, v)  p = Relu (e)
        g = GlobalAveragePool (p)  f = Flatten (g)  logits = MatMul (f, w) }`);
    const network = createClassifier(model, { runtime: ort, preprocessing: "unit" });
    return [automaticLayers, detectionLayers, releasedLayers, lpipsLayers, stageLayers].map((layersOf) =>
      layersOf(network).map(({ name }) => name),
    );
  });
  expect(bare.slice(0, 2)).toEqual([
    ["r", "q"],
    ["r", "q"],
  ]);
  expect(normalizing).toEqual(bare);
});
