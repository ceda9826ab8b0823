import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { arrayTypeOf, type DataType, type Shape, type Tensor } from "../../tensor/tensor.ts";
import { evaluate } from "../evaluate.ts";
import { readModel } from "../file/read-model.ts";
import { initializerOf } from "../model.ts";
import { numeric } from "../numeric-tensor.ts";

interface PublishedTensor {
  readonly dtype: DataType;
  readonly shape: Shape;
  readonly data: string;
}

interface PublishedTest {
  readonly name: string;
  readonly operator: string;
  readonly model: string;
  readonly inputs: readonly PublishedTensor[];
  readonly outputs: readonly PublishedTensor[];
}

/** What is not done as published, and why. */
const deviations: Readonly<Record<string, string>> = {
  test_averagepool_2d_ceil_last_window_starts_on_pad: "the published numbers have four digits",
  test_gridsample_bicubic: "the published numbers have four digits",
  test_batchnorm_example_training_mode: "training is refused",
  test_batchnorm_epsilon_training_mode: "training is refused",
  test_training_dropout_default: "training is refused",
  test_training_dropout_default_mask: "training is refused",
  test_training_dropout: "training is refused",
  test_training_dropout_mask: "training is refused",
  test_dequantizelinear_blocked: "quantization in blocks is refused",
  test_quantizelinear_blocked_asymmetric: "quantization in blocks is refused",
  test_gridsample_volumetric_nearest_align_corners_0: "only pictures are sampled",
  test_gridsample_volumetric_nearest_align_corners_1: "only pictures are sampled",
  test_gridsample_volumetric_bilinear_align_corners_0: "only pictures are sampled",
  test_gridsample_volumetric_bilinear_align_corners_1: "only pictures are sampled",
  test_maxunpool_export_with_output_shape: "indices count in the result's own extent, as in onnxruntime",
  test_reduce_max_empty_set_bool: "the largest of no booleans is −∞, as of no numbers",
  test_resize_downsample_scales_linear_align_corners:
    "aligns the corners of the result's real extent, as onnxruntime does",
  test_resize_downsample_scales_cubic_align_corners:
    "aligns the corners of the result's real extent, as onnxruntime does",
};

const tests: readonly PublishedTest[] = JSON.parse(
  gunzipSync(readFileSync(new URL("./fixtures/node-tests.json.gz", import.meta.url))).toString(),
);
const operators = [...new Set(tests.map(({ operator }) => operator))].sort();

function tensorOf({ dtype, shape, data }: PublishedTensor): Tensor {
  const bytes = Uint8Array.from(Buffer.from(data, "base64"));
  const ArrayType = arrayTypeOf(dtype);
  return { dtype, shape, data: new ArrayType(bytes.buffer, 0, bytes.byteLength / ArrayType.BYTES_PER_ELEMENT) };
}

/** Runs a published test with its inputs as constants of the graph, so that shapes may depend on them. */
function run({ model, inputs }: PublishedTest): ReturnType<typeof evaluate> {
  const { graph } = readModel(Uint8Array.from(Buffer.from(model, "base64")));
  const initializers = new Map(graph.initializers);
  graph.inputs.slice(0, inputs.length).forEach(({ name }, i) => {
    initializers.set(name, initializerOf(tensorOf(inputs[i])));
  });
  return evaluate({ ...graph, inputs: [], initializers }, {});
}

test.each(operators)("%s: shape rule and kernel give the published results", (operator) => {
  for (const published of tests.filter((candidate) => candidate.operator === operator)) {
    if (published.name in deviations) continue;
    const results = Object.values(run(published));
    published.outputs.map(tensorOf).forEach((expected, i) => {
      const actual = results[i];
      expect({ dtype: actual.dtype, shape: actual.shape }, published.name).toEqual({
        dtype: expected.dtype,
        shape: expected.shape,
      });
      const numbers = numeric(expected).data;
      actual.data.forEach((value, n) => {
        if (value === numbers[n] || Object.is(value, numbers[n])) return;
        const tolerance = 1e-5 + 1e-4 * Math.abs(numbers[n]);
        const difference = Math.abs(value - numbers[n]);
        expect(difference, `${published.name}: output ${i}, element ${n}`).toBeLessThanOrEqual(tolerance);
      });
    });
  }
});

test("every deviation is still one", () => {
  for (const name of Object.keys(deviations)) {
    const published = tests.find((candidate) => candidate.name === name);
    if (published === undefined) throw new Error(`there is no test ${name} any more`);
    const isAsPublished = (): boolean => {
      const results = Object.values(run(published));
      return published.outputs.every((output, i) =>
        numeric(tensorOf(output)).data.every((value, n) => Math.abs(value - results[i].data[n]) <= 1e-5),
      );
    };
    let same = false;
    try {
      same = isAsPublished();
    } catch {
      continue;
    }
    expect(same, name).toBe(false);
  }
});
