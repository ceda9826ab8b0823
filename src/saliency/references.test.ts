import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { type Classifier, createClassifier } from "../classifier/classifier.ts";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import type { OptionSchema } from "../options/schema.ts";
import type { Random } from "../random/random.ts";
import { modelOf } from "../runtime/session.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { ExplainOptions } from "./method.ts";
import { methodNamed } from "./methods.ts";

interface Weight {
  readonly shape: readonly number[];
  readonly data: string;
}

/** The network and picture of golden.py. */
interface Golden {
  readonly size: number;
  readonly label: number;
  readonly weights: Readonly<Record<string, Weight>>;
  readonly picture: string;
}

/** What references.py wrote: maps by captum and TorchRay themselves. */
interface References {
  readonly versions: Readonly<Record<string, string>>;
  readonly residual: Readonly<Record<string, Weight>>;
  readonly rise: Readonly<Record<"kept", readonly (readonly number[])[]>> &
    Readonly<Record<"rows" | "columns", readonly number[]>>;
  readonly maps: Readonly<Record<"captum" | "torchray", Readonly<Record<string, string>>>>;
}

const folder = join(import.meta.dirname, "../../test/fixtures/saliency");
const golden: Golden = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8"));
const references: References = JSON.parse(readFileSync(join(folder, "references.json"), "utf8"));
const { size, label } = golden;
const { versions } = references;

function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

/** Builds a network that is given 2 x − 1 and calls its logits so. */
function networkOf(build: (g: GraphBuilder, image: Value) => Value): Classifier {
  const g = new GraphBuilder();
  g.output(build(g, g.input("image", "float32", [1, 3, size, size])), "logits");
  return createClassifier(modelOf(g.toGraph()), { runtime: ort, preprocessing: "symmetric", threads: 1 });
}

function constants(g: GraphBuilder, weights: Readonly<Record<string, Weight>>): (name: string) => Value {
  return (name) => g.constant(floatTensor(floats(weights[name].data), weights[name].shape), name);
}

const halving = { kernel_shape: [2, 2], strides: [2, 2] };
const pads = [1, 1, 1, 1];

/** The network of golden.py with these weights. */
const chain = (weights: Golden["weights"]) => (g: GraphBuilder, image: Value) => {
  const weight = constants(g, weights);
  const block = (x: Value, n: number): Value =>
    g.op("Relu", [g.op("Conv", [x, weight(`w${n}`), weight(`b${n}`)], { pads })]);
  const last = g.op("AveragePool", [block(block(g.op("MaxPool", [block(image, 1)], halving), 2), 3)], halving);
  return g.op("Gemm", [g.op("Flatten", [last]), weight("w4"), weight("b4")], { transB: 1 });
};
const plain = networkOf(chain(golden.weights));
const zeros = Buffer.alloc(4 * golden.weights.b1.shape[0]).toString("base64");
const unbiased = networkOf(chain({ ...golden.weights, b1: { ...golden.weights.b1, data: zeros } }));

/** `Residual` of references.py: BatchNormalization that is kept, and a sum around the last convolution. */
const residual = networkOf((g, image) => {
  const weight = constants(g, references.residual);
  const conv = (x: Value, name: string): Value =>
    g.op("Conv", [x, weight(`${name}.weight`), weight(`${name}.bias`)], { pads });
  const normalized = (x: Value, name: string): Value =>
    g.op("BatchNormalization", [
      x,
      ...["weight", "bias", "running_mean", "running_var"].map((part) => weight(`${name}.${part}`)),
    ]);
  const a = g.op("MaxPool", [g.op("Relu", [conv(image, "conv1")])], halving);
  const b = g.op("Relu", [normalized(conv(a, "conv2"), "bn2")]);
  const c = g.op("Relu", [g.op("Add", [b, g.op("Relu", [normalized(conv(b, "conv3"), "bn3")])])]);
  const pooled = g.op("AveragePool", [c], { kernel_shape: [8, 8] });
  return g.op("Gemm", [g.op("Flatten", [pooled]), weight("fc.weight"), weight("fc.bias")], { transB: 1 });
});

const picture = floatTensor(floats(golden.picture), [3, size, size]);
/** With a patch that the network sees as zero: [4, 12) along either axis. */
const patched = floatTensor(picture.data.slice(), picture.shape);
for (let c = 0; c < 3; c++) {
  for (let y = 4; y < 12; y++) patched.data.fill(0.5, (c * size + y) * size + 4, (c * size + y) * size + 12);
}

afterAll(async () => {
  await plain.dispose();
  await residual.dispose();
  await unbiased.dispose();
});

async function mapOf(method: string, options: ExplainOptions<OptionSchema> = {}, image = picture, classifier = plain) {
  const { map } = await methodNamed(method).explain(classifier, image, { label, ...options });
  return map.data;
}

/** The largest difference of the maps at the pixels for which `isCompared`, in shares of the reference's largest value. */
function difference(
  map: ArrayLike<number>,
  reference: Float32Array,
  isCompared: (x: number, y: number) => boolean = () => true,
): number {
  const scale = reference.reduce((max, value) => Math.max(max, value), 0);
  expect(scale).toBeGreaterThan(1e-5);
  return reference.reduce((worst, value, i) => {
    if (!isCompared(i % size, Math.floor(i / size))) return worst;
    return Math.max(worst, Math.abs(map[i] - value) / scale);
  }, 0);
}

describe(`captum ${versions.captum} on PyTorch ${versions.torch}`, () => {
  const reference = (name: string): Float32Array => floats(references.maps.captum[name]);
  const noiseTunnel = { preset: "captum" };
  const exact: readonly [string, string, Readonly<Record<string, unknown>>][] = [
    ["Saliency", "gradient", {}],
    ["InputXGradient", "gradient-input", {}],
    ["GuidedBackprop", "guided-backprop", { readout: "sum" }],
    ["Deconvolution", "deconvnet", { readout: "sum" }],
    ["IntegratedGradients", "integrated-gradients", { preset: "captum" }],
    ["LayerGradCam nearest", "grad-cam", { upsampling: "nearest" }],
    ["LayerGradCam bilinear", "grad-cam", {}],
    ["GuidedGradCam", "guided-grad-cam", { preset: "captum" }],
    ["NoiseTunnel smoothgrad", "smooth-grad", noiseTunnel],
    ["NoiseTunnel smoothgrad_sq", "smooth-grad", { ...noiseTunnel, aggregate: "mean-square" }],
    ["NoiseTunnel vargrad", "smooth-grad", { ...noiseTunnel, aggregate: "variance" }],
    ["Occlusion patch 4", "occlusion", { patch: 4, stride: 4 }],
  ];

  // NoiseTunnel was given the noise of seed 0.
  test.each(exact)("%s is %s", async (name, method, settings) => {
    expect(difference(await mapOf(method, settings), reference(name))).toBeLessThan(2e-5);
  });

  test("Occlusion of overlapping squares: the same where as many squares cover a pixel", async () => {
    const settings = { patch: 4, stride: 2, score: "logit" };
    const map = await mapOf("occlusion", settings);
    const expected = reference("Occlusion patch 4, stride 2");
    expect(difference(map, expected, (x, y) => Math.min(x, y) >= 2 && Math.max(x, y) < size - 2)).toBeLessThan(2e-5);
    // captum's squares do not hang over the edges.
    expect(difference(map, expected)).toBeGreaterThan(0.1);
  });
});

describe(`TorchRay ${versions.torchray} on PyTorch ${versions.torch}`, () => {
  const reference = (name: string): Float32Array => floats(references.maps.torchray[name]);
  const exact: readonly [string, string, ExplainOptions<OptionSchema>?, Classifier?][] = [
    ["gradient", "gradient"],
    ["guided_backprop", "guided-backprop"],
    ["deconvnet", "deconvnet"],
    ["grad_cam", "grad-cam"],
    ["excitation_backprop", "excitation-backprop"],
    ["contrastive_excitation_backprop", "contrastive-excitation-backprop"],
    ["excitation_backprop residual", "excitation-backprop", { layer: "MaxPool[0]" }, residual],
    ["contrastive_excitation_backprop residual", "contrastive-excitation-backprop", { layer: "MaxPool[0]" }, residual],
  ];

  test.each(exact)("%s is %s", async (name, method, options, classifier) => {
    expect(difference(await mapOf(method, options, picture, classifier), reference(name))).toBeLessThan(2e-5);
  });

  // The mask of the 150th evaluation, after 149 of 800 steps.
  const published = { iterations: 149, learningRate: 0.01, momentum: 0.9, dampening: 0.9, areaGrowth: 1.0035 };
  const areas = [20 / 256, 60 / 256];
  const extremal: readonly [string, object][] = [
    ["extremal preserve", { areas }],
    ["extremal delete", { areas, variant: "delete" }],
    ["extremal dual", { areas, variant: "dual" }],
    ["extremal margin", { areas: areas.slice(1), reward: "margin" }],
    // Where TorchRay pads with the mean color, the reference mirrors the edges, and its nodes are in the middle of their steps: so are ours.
    ["extremal blur", { areas: areas.slice(1), fill: "blur", maxBlur: 20, levels: 5 }],
    ["extremal step 3", { areas: [32 / 256, 64 / 256], step: 3 }],
  ];

  test.each(extremal)("%s, areas counted alike", async (name, given) => {
    const settings = { ...published, fill: "mean", step: 1, sigma: 3, ...given };
    expect(difference(await mapOf("extremal", settings), reference(name))).toBeLessThan(1e-5);
  });

  test("rise, with the masks that it drew: p times the map", async () => {
    const { kept, rows, columns } = references.rise;
    const cells = Math.sqrt(kept[0].length);
    const shifts = Math.ceil(size / cells);
    // A mask is drawn cell by cell, kept below p, and then shifted.
    const numbers = kept.flatMap((mask, n) => [
      ...mask.map((isKept) => (isKept === 1 ? 0 : 0.9)),
      (rows[n] + 0.5) / shifts,
      (columns[n] + 0.5) / shifts,
    ]);
    let at = 0;
    const random: Random = () => numbers[at++];
    const settings = { preset: "torchray", masks: kept.length, cells };
    const map = await mapOf("rise", { random, ...settings });
    expect(at).toBe(numbers.length);
    expect(
      difference(
        map.map((value) => 0.5 * value),
        reference("rise"),
      ),
    ).toBeLessThan(2e-5);
  });
});

test("at a ReLU's input of exactly 0, TorchRay's guided backpropagation lets pass what ours and captum's do not", async () => {
  const map = await mapOf("guided-backprop", {}, patched, unbiased);
  const sum = await mapOf("guided-backprop", { readout: "sum" }, patched, unbiased);
  expect(difference(sum, floats(references.maps.captum["GuidedBackprop zero"]))).toBeLessThan(2e-5);
  const torchray = floats(references.maps.torchray["guided_backprop zero"]);
  const isInside = (x: number, y: number): boolean => Math.min(x, y) >= 4 && Math.max(x, y) < 12;
  expect(difference(map, torchray, (x, y) => !isInside(x, y))).toBeLessThan(2e-5);
  expect(difference(map, torchray)).toBeGreaterThan(0.05);
});
