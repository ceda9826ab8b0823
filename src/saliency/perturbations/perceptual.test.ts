import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dynamicImage, dynamicNetwork } from "../../../test/dynamic-network.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { guidedPerceptual, perceptual } from "./perceptual.ts";
import { rootMeanSquare } from "./root-mean-square.ts";

/**
 * Logits (relu(p·u) − relu(q·u), 0) of the twelve numbers u that the network sees, three channels of 2 × 2. While both rectifiers are
 * active, the margin of class 0 is a·u with a = p − q, and the features h = (p·u, q·u) are linear: objective (4) is a quadratic.
 * p and q share no element, so that its minimum can be written down: see {@link optimum}.
 */
const p = [3, 0, 0.5, -1, 1, 0, 2, 0, -0.25, 0, 1.5, 0];
const q = [0, 1, 0, 0, 0, -2, 0, 0.5, 0, 1, 0, 0.75];
const a = p.map((value, i) => value - q[i]);
const dot = (v: readonly number[], w: ArrayLike<number>): number => v.reduce((sum, x, i) => sum + x * w[i], 0);
const network = parseModel(`
  <ir_version: 8, opset_import: ["" : 18]>
  rectified (float[N, 3, 2, 2] x) => (float[N, 2] logits)
  <float[2, 12] W = {${[...p, ...q].join(", ")}}, float[2, 2] V = {1, -1, 0, 0}>
  { f = Flatten (x)  h = Gemm <transB = 1> (f, W)  r = Relu (h)  logits = Gemm <transB = 1> (r, V) }
`);
const image = floatTensor([0.8, 0.3, 0.6, 0.3, 0.7, 0.2, 0.5, 0.4, 0.3, 0.6, 0.6, 0.5], [3, 2, 2]);

/** The minimum δ of (a·(u + δ) − T)² + λ'|h(u + δ) − h(u)|² + λ|δ|²: −(a·u − T) B⁻¹a / (1 + aᵀB⁻¹a), B = λ + λ'(ppᵀ + qqᵀ). */
function optimum(u: readonly number[], margin: number, distanceWeight: number, perceptualWeight: number): number[] {
  const along = (v: readonly number[]): number => 1 / (distanceWeight + perceptualWeight * dot(v, v));
  const direction = p.map((value, i) => along(p) * value - along(q) * q[i]);
  const step = (dot(a, u) - margin) / (1 + dot(a, direction));
  return direction.map((value) => -step * value);
}

/** The root of the mean over the three channels of the squares, written out. */
const rootMeanSquareOf = (values: readonly number[]): unknown[] =>
  [0, 1, 2, 3].map((i) => expect.closeTo(Math.sqrt((values[i] ** 2 + values[i + 4] ** 2 + values[i + 8] ** 2) / 3), 4));

test("the root mean square is over channels: squares summed up, by their number, its root", () => {
  const map = rootMeanSquare(floatTensor([1, 0, -2, 4, -2, 0, -4, -3], [2, 1, 4]));
  expect(map.shape).toEqual([1, 4]);
  expect([...map.data]).toEqual([Math.sqrt(2.5), 0, Math.sqrt(10), Math.sqrt(12.5)].map(Math.fround));
});

describe("in pixels, in closed form", () => {
  let classifier: Classifier;
  const preprocessing = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], channels: "rgb" } as const;
  beforeAll(() => {
    classifier = createClassifier(network, { runtime: ort, preprocessing });
  });
  afterAll(() => classifier.dispose());
  const options = {
    preset: "paper",
    layers: ["Gemm[0]"],
    perceptualWeight: 0.05,
    distanceWeight: 0.2,
    margin: -1,
    constraint: "none",
  } as const;
  const delta = optimum([...image.data], -1, 0.2, 0.05);

  test("the perturbation is the minimum of objective (4), and the map its root mean square", async () => {
    const { map, perturbation, label, details } = await perceptual.explain(classifier, image, options);
    expect([...(perturbation?.data ?? [])]).toEqual(delta.map((value) => expect.closeTo(value, 4)));
    expect({ label, details }).toMatchObject({ label: 0, details: { outcome: "flipped", adversarialLabel: 1 } });
    expect(map.shape).toEqual([2, 2]);
    expect([...map.data]).toEqual(rootMeanSquareOf(delta));
  });

  test("the guided map multiplies with the guided gradient of the margin, whose largest magnitude becomes 1", async () => {
    // The rectifier of q is handed −1 and lets nothing back.
    const products = delta.map((value, i) => (value * p[i]) / 3);
    const { map } = await guidedPerceptual.explain(classifier, image, options);
    expect([...map.data]).toEqual(rootMeanSquareOf(products));
  });

  test("with a target the margin is that of the target, and so is the guided gradient", async () => {
    const { map } = await guidedPerceptual.explain(classifier, image, { ...options, target: 1 });
    expect([...map.data]).toEqual(rootMeanSquareOf(delta.map((value, i) => (value * p[i]) / 3)));
  });

  test("where no guided gradient arrives, the guided map is zero", async () => {
    // Both rectifiers are off.
    const off = floatTensor([0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0], [3, 2, 2]);
    const pixels = floatTensor(new Float32Array(12).fill(0.1), [3, 2, 2]);
    const found = await perceptual.perturbing.perturb(classifier, image, options);
    const { map } = await guidedPerceptual.perturbing.mapOf(classifier, off, { ...found, pixels });
    expect([...map.data]).toEqual([0, 0, 0, 0]);
  });

  test("both make their maps of one perturbation, count their runs and say what was in force", async () => {
    const plain = await perceptual.explain(classifier, image, options);
    const guided = await guidedPerceptual.explain(classifier, image, options);
    expect(guided.evaluations).toEqual({ forward: 0, gradient: plain.evaluations.gradient + 1 });
    expect(guided.perturbation?.data).toEqual(plain.perturbation?.data);
    expect(plain.settings).toMatchObject({
      preset: "paper",
      perceptualWeight: 0.05,
      distanceWeight: 0.2,
      marginTarget: -1,
    });
    const found = await guidedPerceptual.perturbing.perturb(classifier, image, options);
    const again = await perceptual.perturbing.mapOf(classifier, image, found);
    expect(again).toEqual(plain);
  });
});

describe("in the network's numbers", () => {
  const std = [0.5, 0.25, 0.2];
  const mean = [0.4, 0.2, 0.1];
  let classifier: Classifier;
  beforeAll(() => {
    classifier = createClassifier(network, { runtime: ort, preprocessing: { scale: 1, mean, std, channels: "rgb" } });
  });
  afterAll(() => classifier.dispose());

  test("the preset released makes its map of the change of what the network sees, the guided map of the change of pixels", async () => {
    const seen = Array.from(image.data, (x, i) => (x - mean[Math.floor(i / 4)]) / std[Math.floor(i / 4)]);
    // Means of squares: λ' over two features and λ over twelve numbers.
    const delta = optimum(seen, -1, 3 / 12, 0.1 / 2);
    const inPixels = delta.map((value, i) => value * std[Math.floor(i / 4)]);
    const options = {
      preset: "released",
      layers: ["Gemm[0]"],
      perceptualWeight: 0.1,
      distanceWeight: 3,
      margin: -1,
    } as const;
    const { map, perturbation, details } = await perceptual.explain(classifier, image, options);
    expect(details).toMatchObject({ outcome: "flipped" });
    expect([...(perturbation?.data ?? [])]).toEqual(inPixels.map((value) => expect.closeTo(value, 4)));
    expect([...map.data]).toEqual(rootMeanSquareOf(delta));
    const slopes = p.map((value, i) => value / std[Math.floor(i / 4)]);
    const largest = Math.max(...slopes.map(Math.abs));
    const guided = await guidedPerceptual.explain(classifier, image, options);
    expect([...guided.map.data]).toEqual(rootMeanSquareOf(inPixels.map((value, i) => (value * slopes[i]) / largest)));
  });
});

test("a network whose bytes are scaled while it runs is explained by its layers of real numbers", async () => {
  const quantized = createClassifier(dynamicNetwork(), { runtime: ort, preprocessing: "unit" });
  const { map, details, settings } = await perceptual.explain(quantized, dynamicImage);
  expect(details).toMatchObject({ outcome: "flipped", adversarialLabel: 1 });
  expect(settings).toMatchObject({ layers: ["r0", "r1"] });
  expect([...map.data].every(Number.isFinite)).toBe(true);
  expect(Math.max(...map.data)).toBeGreaterThan(0);
  await quantized.dispose();
});
