/** @file What onnxruntime computes with a model: the judge of rewrites that must not change results. */
import * as ort from "onnxruntime-node";
import { writeModel } from "../src/onnx/file/write-model.ts";
import type { Model } from "../src/onnx/model.ts";
import { dataTypes, type Tensor } from "../src/tensor/tensor.ts";
import { given } from "./given.ts";

/** The outputs of `model` for `feeds`, by name; graph optimizations are off, so that the nodes run as they are written. */
export async function runModel(model: Model, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const session = await ort.InferenceSession.create(writeModel(model), { graphOptimizationLevel: "disabled" });
  try {
    const inputs = Object.entries(feeds).map(([name, { dtype, shape, data }]): [string, ort.Tensor] => [
      name,
      new ort.Tensor(dtype as "float32", data as Float32Array, shape),
    ]);
    const outputs = await session.run(Object.fromEntries(inputs));
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { type, dims, data }]) => {
        const dtype = given(dataTypes.find((known) => known === type));
        return [name, { dtype, shape: dims, data: data as Tensor["data"] }];
      }),
    );
  } finally {
    await session.release();
  }
}

/** A float32 tensor of numbers from -2 to 2 that repeat nowhere. */
export function wave(shape: readonly number[], phase = 0): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return {
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: size }, (_, i) => 2 * Math.sin(1.7 * i + phase)),
  };
}
