import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { byteImage, byteNetwork } from "../../../test/byte-network.ts";
import { dynamicImage, dynamicNetwork, undynamicNetwork } from "../../../test/dynamic-network.ts";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { GraphBuilder, type Value } from "../../onnx/builder.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { floatTensor, type Shape, sizeOf } from "../../tensor/tensor.ts";
import { methodNamed } from "../methods.ts";
import { excitationGrid, gradCamGrid } from "./feature-grid.ts";

/** A network of 16 × 16 pixels and 3 classes, of which `body` makes what a linear layer reads. */
function network(body: (g: GraphBuilder, image: Value) => Value): Classifier {
  const g = new GraphBuilder();
  const features = body(g, g.input("image", "float32", [1, 3, 16, 16]));
  const flat = g.op("Flatten", [features]);
  g.output(g.op("Gemm", [flat, weight(g, [flat.shape[1], 3])]), "logits");
  return createClassifier(modelOf(g.toGraph()), { runtime: referenceRuntime, preprocessing: "unit" });
}

function weight(g: GraphBuilder, shape: Shape): Value {
  return g.constant(
    floatTensor(
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i + shape.length)),
      shape,
    ),
  );
}

const pads = [1, 1, 1, 1];
const block = (g: GraphBuilder, x: Value, channels: number, stride = 1): Value => {
  const strides = [stride, stride];
  return g.op("Relu", [g.op("Conv", [x, weight(g, [channels, x.shape[1], 3, 3])], { pads, strides })]);
};
const pool = (g: GraphBuilder, x: Value): Value => g.op("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
/** Relu(conv(relu(conv x)) + shortcut), halving the resolution if `stride` is 2. */
const residual = (g: GraphBuilder, x: Value, stride: number): Value => {
  const inner = block(g, x, 8, stride);
  const branch = g.op("Conv", [inner, weight(g, [8, 8, 3, 3])], { pads });
  const shortcut = stride === 1 ? x : g.op("Conv", [x, weight(g, [8, x.shape[1], 1, 1])], { strides: [2, 2] });
  return g.op("Relu", [g.op("Add", [branch, shortcut])]);
};

const read = (classifier: Classifier) => ({
  gradCam: placeOf(gradCamGrid("test", classifier, null)),
  excitation: placeOf(excitationGrid("test", classifier, null)),
});
const placeOf = ({ layer, height, width }: ReturnType<typeof gradCamGrid>): string =>
  `${layer.operator}[${layer.ordinal}] ${height}×${width}`;

describe("the automatic choice", () => {
  test("VGG: the last ReLU, not the pool behind it; and the pool before the last stage", () => {
    const vgg = network((g, x) => pool(g, block(g, block(g, pool(g, block(g, x, 4)), 8), 8)));
    expect(read(vgg)).toEqual({ gradCam: "Relu[2] 8×8", excitation: "MaxPool[0] 8×8" });
  });

  test("ResNet: the last block's sum; and the last block of the stage before, not the inside of a branch", () => {
    const resnet = network((g, x) => {
      const stages = residual(g, residual(g, residual(g, block(g, x, 8), 1), 2), 1);
      return g.op("GlobalAveragePool", [stages]);
    });
    expect(read(resnet)).toEqual({ gradCam: "Relu[6] 8×8", excitation: "Relu[2] 16×16" });
  });

  test("all convolutions: the class maps that are averaged", () => {
    const squeeze = createClassifier(tinyClassifier(), { runtime: referenceRuntime });
    expect(read(squeeze)).toEqual({ gradCam: "Relu[1] 12×12", excitation: "MaxPool[0] 12×12" });
  });

  test("squeeze-and-excitation: a gate is no layer on the way", () => {
    const gated = network((g, x) => {
      const features = block(g, pool(g, block(g, x, 8)), 8);
      const gate = g.op("Sigmoid", [g.op("Conv", [g.op("GlobalAveragePool", [features]), weight(g, [8, 8, 1, 1])])]);
      return g.op("GlobalAveragePool", [g.op("Mul", [features, gate])]);
    });
    expect(read(gated)).toEqual({ gradCam: "Mul[0] 8×8", excitation: "MaxPool[0] 8×8" });
  });

  test("channels last behind a Transpose", () => {
    const transposed = network((g, x) => {
      const last = g.op("Transpose", [pool(g, block(g, x, 4))], { perm: [0, 2, 3, 1] });
      const normalized = g.op("LayerNormalization", [last, weight(g, [4])]);
      return g.op("ReduceMean", [g.op("Transpose", [normalized], { perm: [0, 3, 1, 2] }), g.ints([2, 3])]);
    });
    const grid = gradCamGrid("test", transposed, "LayerNormalization");
    expect(grid).toMatchObject({ channels: 4, height: 8, width: 8, channelStride: 1, cellStride: 4, offset: 0 });
  });

  const transformer = (g: GraphBuilder, x: Value): Value => {
    const patches = g.op("Conv", [x, weight(g, [6, 3, 4, 4])], { strides: [4, 4] });
    const tokens = g.op("Transpose", [g.op("Reshape", [patches, g.ints([1, 6, 16])])], { perm: [0, 2, 1] });
    let stream = g.op("Concat", [weight(g, [1, 1, 6]), tokens], { axis: 1 });
    for (let i = 0; i < 2; i++) {
      const normalized = g.op("LayerNormalization", [stream, weight(g, [6])]);
      const keys = g.op("Transpose", [normalized], { perm: [0, 2, 1] });
      const mixed = g.op("MatMul", [g.op("Softmax", [g.op("MatMul", [normalized, keys])]), normalized]);
      stream = g.op("Add", [stream, g.op("MatMul", [mixed, weight(g, [6, 6])])]);
    }
    return g.op("Slice", [stream, g.ints([0]), g.ints([1]), g.ints([1])]);
  };

  test("a transformer: the tokens before the last attention, without the class token", () => {
    const grid = gradCamGrid("test", network(transformer), null);
    expect(placeOf(grid)).toBe("Add[0] 4×4");
    expect(grid).toMatchObject({ channels: 6, offset: 6, channelStride: 1, cellStride: 6 });
    expect(placeOf(excitationGrid("test", network(transformer), null))).toBe("Add[0] 4×4");
  });
});

describe("a layer that is asked for", () => {
  const classifier = network((g, x) => block(g, pool(g, block(g, x, 4)), 8));

  test("by number, name and pattern", () => {
    const [{ name, index }] = classifier.layers.filter(({ operator }) => operator === "MaxPool");
    for (const selector of [name, index, "MaxPool", "MaxPool[-1]"]) {
      expect(gradCamGrid("test", classifier, selector).layer.name).toBe(name);
    }
  });

  test("must be one, and lie on a grid", () => {
    expect(() => gradCamGrid("grad-cam", classifier, "Relu[0:]")).toThrow(
      /grad-cam: layer: 2 layers are called so, .*got "Relu\[0:\]"/,
    );
    expect(() => gradCamGrid("grad-cam", classifier, "Flatten")).toThrow(
      /does not lie on a grid.*Flatten\[0\].*\[1, 512\]/,
    );
    expect(() => excitationGrid("x", classifier, "Rely[0]")).toThrow(/no such layer/);
  });
});

test("a network without a grid says so", () => {
  const flat = network((_, x) => x);
  expect(() => gradCamGrid("grad-cam", flat, null)).toThrow("grad-cam: the network has no layer that lies on a grid");
  expect(() => excitationGrid("excitation-backprop", flat, null)).toThrow(
    "excitation-backprop: the network has no layer",
  );
});

test("of a network that computes in bytes the layer of real numbers is read, and bytes that are named are refused", async () => {
  const quantized = createClassifier(byteNetwork(), { runtime: referenceRuntime, preprocessing: "unit" });
  expect(gradCamGrid("grad-cam", quantized, null).layer).toMatchObject({ operator: "Conv", ordinal: 1 });
  expect(excitationGrid("excitation", quantized, null).layer).toMatchObject({ operator: "DequantizeLinear" });
  expect(() => gradCamGrid("grad-cam", quantized, "m")).toThrow("grad-cam: layer: m holds no float32");
  for (const name of ["grad-cam", "ablation-cam", "score-cam"]) {
    const { map } = await methodNamed(name).explain(quantized, byteImage, {});
    expect([...map.data].every(Number.isFinite)).toBe(true);
  }
});

test("of a network whose bytes are scaled while it runs, layers of real numbers are read", async () => {
  const quantized = createClassifier(dynamicNetwork(), { runtime: ort, preprocessing: "unit" });
  expect(gradCamGrid("grad-cam", quantized, null).layer.name).toBe("r3");
  expect(excitationGrid("excitation", quantized, null).layer.name).toBe("r1");
  // What is named may be the sums of bytes, but not a scale.
  expect(gradCamGrid("grad-cam", quantized, "Conv[1]").layer).toMatchObject({ operator: "Conv", ordinal: 1 });
  expect(() => gradCamGrid("grad-cam", quantized, "r1_scale")).toThrow(
    "grad-cam: layer: r1_scale holds no numbers of each picture",
  );
  const real = createClassifier(undynamicNetwork(), { runtime: ort, preprocessing: "unit" });
  const mapOf = async (classifier: Classifier): Promise<Float32Array> =>
    (await methodNamed("grad-cam").explain(classifier, dynamicImage, { label: 2 })).map.data;
  const [map, exact] = [await mapOf(quantized), await mapOf(real)];
  const largest = Math.max(...exact);
  expect(largest).toBeGreaterThan(0);
  // Bytes are 255 steps: several of them, one behind the other, are off by a few.
  expect(Math.max(...map.map((value, i) => Math.abs(value - exact[i])))).toBeLessThan(largest / 64);
  await quantized.dispose();
  await real.dispose();
});
