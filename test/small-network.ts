/** @file The small trained network of `src/attacks/fixtures/attacks.json`, on which attacks are compared with others' code. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ImageTensor } from "../src/image/picture.ts";
import { GraphBuilder } from "../src/onnx/builder.ts";
import type { Model } from "../src/onnx/model.ts";
import { modelOf } from "../src/runtime/session.ts";
import { floatTensor } from "../src/tensor/tensor.ts";

interface Trained {
  readonly weights: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
  /** Bytes. */
  readonly images: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

// Written by src/attacks/fixtures/attacks.py with torch 1.13.
const trained = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../src/attacks/fixtures/attacks.json"), "utf8"),
) as Trained;

/** Images [N, 3, 8, 8] with pixels in [0, 1] in, logits [N, 4] out. */
export function smallNetwork(): Model {
  const g = new GraphBuilder();
  const [w1, b1, w2, b2, w3, b3] = trained.weights.map(({ shape, data }, i) =>
    g.constant(floatTensor([...data], shape), `p${i}`),
  );
  const image = g.input("image", "float32", [1, 3, 8, 8]);
  const pads = [1, 1, 1, 1];
  const first = g.op("Relu", [g.op("Conv", [image, w1, b1], { pads })]);
  const pooled = g.op("MaxPool", [first], { kernel_shape: [2, 2], strides: [2, 2] });
  const second = g.op("Relu", [g.op("Conv", [pooled, w2, b2], { pads })]);
  g.output(g.op("Gemm", [g.op("Flatten", [second]), w3, b3], { transB: 1 }), "logits");
  const graph = g.toGraph();
  return modelOf({
    ...graph,
    inputs: [{ name: "image", dtype: "float32", shape: ["N", 3, 8, 8] }],
    outputs: [{ name: "logits", dtype: "float32", shape: ["N", 4] }],
  });
}

/** Eight images for it, [3, 8, 8], and what it says they are. */
export const smallImages: readonly ImageTensor[] = trained.images.map((bytes) =>
  floatTensor(
    bytes.map((byte) => byte / 255),
    [3, 8, 8],
  ),
);
export const smallLabels: readonly number[] = trained.labels;
