/** @file The float64 reference evaluator in the dress of a runtime. */
import { evaluate } from "../onnx/evaluate.ts";
import { readModel } from "../onnx/file/read-model.ts";
import { numeric } from "../onnx/numeric-tensor.ts";
import { type DataType, type Tensor, tensorOf } from "../tensor/tensor.ts";
import type { Runtime, RuntimeSession, RuntimeTensor } from "./runtime.ts";

class ReferenceTensor implements RuntimeTensor {
  readonly type: DataType;
  readonly data: Tensor["data"];
  readonly dims: readonly number[];

  constructor(type: DataType, data: Tensor["data"], dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

/**
 * A runtime that computes in float64 with the reference kernels: slow, in every environment, and the oracle for the others.
 * Float inputs and outputs are float32 as the model declares, so a comparison sees its results rounded once; ask
 * {@link evaluate} for all digits.
 */
export const referenceRuntime: Runtime = {
  Tensor: ReferenceTensor,
  InferenceSession: {
    async create(bytes: Uint8Array): Promise<RuntimeSession> {
      const { graph } = readModel(bytes);
      return {
        inputNames: graph.inputs.map((input) => input.name),
        outputNames: graph.outputs.map((output) => output.name),
        async run(feeds: Readonly<Record<string, RuntimeTensor>>, fetches) {
          const inputs = Object.fromEntries(
            Object.entries(feeds).map(([name, { type, dims, data }]) => [
              name,
              numeric({ dtype: type, shape: dims, data } as Tensor),
            ]),
          );
          const results = evaluate(graph, inputs, fetches);
          return Object.fromEntries(
            Object.entries(results).map(([name, { dtype, shape, data }]) => [
              name,
              new ReferenceTensor(dtype, tensorOf(dtype, data, shape).data, shape),
            ]),
          );
        },
        async release() {},
      };
    },
  },
};
