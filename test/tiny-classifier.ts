/** @file A classifier small enough to be explained in a moment: two convolutions and a linear layer with weights from a seed. */
import { GraphBuilder } from "../src/onnx/builder.ts";
import type { Dimension, Model } from "../src/onnx/model.ts";
import { normal } from "../src/random/distributions.ts";
import { createRandom } from "../src/random/random.ts";
import { modelOf } from "../src/runtime/session.ts";
import { type FloatTensor, floatTensor, sizeOf } from "../src/tensor/tensor.ts";

export interface TinyClassifierOptions {
  readonly classes?: number;
  /** What the file declares of the batch axis. Default "N". */
  readonly batch?: Dimension;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Of the images, in pixels. Default 24; say it in the metadata as well. */
  readonly size?: number;
  /** Takes the place of one weight of the last layer. */
  readonly poison?: number;
}

/** Images [N, 3, 24, 24] in, logits [N, classes] out; it takes pixels from 0 to 1 and says so. */
export function tinyClassifier(options: TinyClassifierOptions = {}): Model {
  const { classes = 4, size = 24, batch = "N", poison, metadata = { preprocessing: unitPreprocessing } } = options;
  const random = createRandom(7);
  const g = new GraphBuilder();
  const weight = (shape: readonly number[], deviation: number): FloatTensor =>
    floatTensor(
      Float32Array.from({ length: sizeOf(shape) }, () => normal(random, 0, deviation)),
      shape,
    );
  const image = g.input("image", "float32", [1, 3, size, size]);
  const pads = [1, 1, 1, 1];
  const first = g.op("Relu", [g.op("Conv", [image, g.constant(weight([8, 3, 3, 3], 0.4), "w1")], { pads })]);
  const pooled = g.op("MaxPool", [first], { kernel_shape: [2, 2], strides: [2, 2] });
  const second = g.op("Relu", [g.op("Conv", [pooled, g.constant(weight([8, 8, 3, 3], 0.3), "w2")], { pads })]);
  const flat = g.op("Flatten", [g.op("GlobalAveragePool", [second])]);
  const last = weight([8, classes], 2);
  if (poison !== undefined) last.data[0] = poison;
  const bias = weight([classes], 0.1);
  g.output(g.op("Gemm", [flat, g.constant(last, "w3"), g.constant(bias, "b3")]), "logits");
  const graph = g.toGraph();
  return modelOf(
    {
      ...graph,
      inputs: [{ name: "image", dtype: "float32", shape: [batch, 3, size, size] }],
      outputs: [{ name: "logits", dtype: "float32", shape: [batch, classes] }],
    },
    { producerName: "test", metadata: new Map(Object.entries(metadata)) },
  );
}

/** An image for it: [3, 24, 24], pixels drawn evenly from [0, 1). */
export function tinyImage(seed: number): FloatTensor {
  const random = createRandom(seed);
  return floatTensor(
    Float32Array.from({ length: 3 * 24 * 24 }, () => random()),
    [3, 24, 24],
  );
}

/** What the model's metadata says of its pixels. */
export const unitPreprocessing = JSON.stringify({
  scale: 1,
  channels: "rgb",
  mean: [0, 0, 0],
  std: [1, 1, 1],
  geometry: { resize: { kind: "exact", width: 24, height: 24 }, interpolation: "bilinear" },
});
