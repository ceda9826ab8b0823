/** @file The networks and the picture on which reference implementations of saliency methods have run (test/fixtures/saliency). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { expect } from "vitest";
import { type Classifier, createClassifier } from "../src/classifier/classifier.ts";
import { GraphBuilder, type Value } from "../src/onnx/builder.ts";
import { modelOf } from "../src/runtime/session.ts";
import { floatTensor } from "../src/tensor/tensor.ts";

export interface Weight {
  readonly shape: readonly number[];
  readonly data: string;
}

export type Weights = Readonly<Record<string, Weight>>;

/** The network and picture of golden.py. */
interface Golden {
  readonly size: number;
  readonly label: number;
  readonly weights: Weights;
  readonly picture: string;
}

/** A fixture of test/fixtures/saliency. */
export function saliencyFixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/saliency", name), "utf8"));
}

/** float32 numbers as the fixtures hold them. */
export function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

export const golden = saliencyFixture<Golden>("golden.json");
const { size } = golden;

export const picture = floatTensor(floats(golden.picture), [3, size, size]);

/** Builds a network that is given 2 x − 1 and calls its logits so; a gray picture it sees in all channels. */
function networkOf(build: (g: GraphBuilder, image: Value) => Value, channels: 1 | 3 = 3): Classifier {
  const g = new GraphBuilder();
  const given = g.input("image", "float32", [1, channels, size, size]);
  const image = channels === 1 ? g.op("Concat", [given, given, given], { axis: 1 }) : given;
  g.output(build(g, image), "logits");
  return createClassifier(modelOf(g.toGraph()), { runtime: ort, preprocessing: "symmetric", threads: 1 });
}

function constants(g: GraphBuilder, weights: Weights): (name: string) => Value {
  return (name) => g.constant(floatTensor(floats(weights[name].data), weights[name].shape), name);
}

const halving = { kernel_shape: [2, 2], strides: [2, 2] };
const pads = [1, 1, 1, 1];

/** The network of golden.py, by default with its weights. */
export function chainNetwork(weights: Weights = golden.weights, channels: 1 | 3 = 3): Classifier {
  return networkOf((g, image) => {
    const weight = constants(g, weights);
    const block = (x: Value, n: number): Value =>
      g.op("Relu", [g.op("Conv", [x, weight(`w${n}`), weight(`b${n}`)], { pads })]);
    const last = g.op("AveragePool", [block(block(g.op("MaxPool", [block(image, 1)], halving), 2), 3)], halving);
    return g.op("Gemm", [g.op("Flatten", [last]), weight("w4"), weight("b4")], { transB: 1 });
  }, channels);
}

/** `Residual` of references.py: BatchNormalization that is kept, and a sum around the last convolution. */
export function residualNetwork(weights: Weights): Classifier {
  return networkOf((g, image) => {
    const weight = constants(g, weights);
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
}

/** The largest difference of the maps at the pixels for which `isCompared`, in shares of the reference's largest value. */
export function difference(
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
