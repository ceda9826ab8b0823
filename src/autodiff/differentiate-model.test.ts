import { describe, expect, test } from "vitest";
import { MisuseError, UnsupportedError } from "../errors.ts";
import { evaluate } from "../onnx/evaluate.ts";
import { numeric } from "../onnx/numeric-tensor.ts";
import { parseModel } from "../onnx/text/parse.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { differentiateModel, notesKey } from "./differentiate-model.ts";

function gradientOf(model: ReturnType<typeof differentiateModel>, x: readonly number[], v: readonly number[]) {
  const [input, cotangent] = model.graph.inputs;
  const feed = (values: readonly number[], { shape }: typeof input) =>
    numeric(floatTensor(values, shape as readonly number[]));
  const { input_gradient } = evaluate(
    model.graph,
    { [input.name]: feed(x, input), [cotangent.name]: feed(v, cotangent) },
    ["input_gradient"],
  );
  return { shape: input_gradient.shape, data: Array.from(input_gradient.data) };
}

describe("models as they come", () => {
  test("16-bit floats are computed in float32, from the input on, and the model says so", () => {
    // 0x4000 is 2 and 0x4400 is 4 in float16.
    const model = parseModel(`<ir_version: 7, opset_import: ["": 13]>
      g (float16[1,2] x) => (float16[1,1] y) <float16[2,1] w = {16384, 17408}> { y = MatMul (x, w) }`);
    const differentiated = differentiateModel(model);
    expect(differentiated.graph.inputs.map(({ dtype }) => dtype)).toEqual(["float32", "float32"]);
    expect(differentiated.metadata.get(notesKey)).toBe("float16 numbers are computed in float32");
    expect(gradientOf(differentiated, [1, 1], [3]).data).toEqual([6, 12]);
  });

  test("onnxruntime's fused operators and conditions that shapes decide, in any order of nodes", () => {
    const model = parseModel(`<ir_version: 8, opset_import: ["": 13, "com.microsoft": 1]>
      g (float[1,2] x) => (float[1,2] y) <int64 axis = {1}, int64 two = {2}, float[2,2] w = {1, 0, 0, 2}>
      {
        y = If <then_branch: graph = a () => (float[1,2] r) { r = com.microsoft.FusedMatMul <alpha = 3.0> (x, w) },
                else_branch: graph = b () => (float[1,2] q) { q = com.microsoft.Unknown (x) }> (isTwo)
        isTwo = Equal (width, two)
        width = Gather <axis = 0> (shape, axis)
        shape = Shape (x)
      }`);
    expect(gradientOf(differentiateModel(model), [1, 1], [1, 1]).data).toEqual([3, 6]);
  });

  test("an image of bytes is differentiated as one of real numbers", () => {
    const model = parseModel(`<ir_version: 7, opset_import: ["": 13]>
      g (uint8[1,2] x) => (float[1,2] y) <float two = {2}> { f = Cast <to = 1> (x) y = Mul (f, two) }`);
    const differentiated = differentiateModel(model);
    expect(differentiated.metadata.get(notesKey)).toBe("the whole numbers of the input are computed as real ones");
    expect(gradientOf(differentiated, [7, 200], [1, 2]).data).toEqual([2, 4]);
  });

  test("an inner value that the clean-up would do away with can be differentiated", () => {
    const model = parseModel(`<ir_version: 7, opset_import: ["": 13]>
      g (float[1,2] x) => (float[1,2] y) <float two = {2}> { m = Mul (x, two) d = Dropout (m) y = Exp (d) }`);
    expect(gradientOf(differentiateModel(model, { of: "d" }), [5, 5], [1, 3]).data).toEqual([2, 6]);
  });
});

describe("the batch", () => {
  const fixed = (body: string) =>
    parseModel(`<ir_version: 7, opset_import: ["": 13]>
      g (float[1,2,1,2] x) => (float[1,4] y) <int64[2] k = {1, 4}, float two = {2}> { ${body} }`);

  test("other than the exported one works where the graph allows it", () => {
    const model = fixed("r = Reshape (x, k) y = Mul (r, two)");
    expect(gradientOf(differentiateModel(model), [1, 2, 3, 4], [1, 2, 3, 4])).toEqual({
      shape: [1, 2, 1, 2],
      data: [2, 4, 6, 8],
    });
    const two = gradientOf(differentiateModel(model, { batch: 2 }), Array(8).fill(1), [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(two).toEqual({ shape: [2, 2, 1, 2], data: [2, 4, 6, 8, 10, 12, 14, 16] });
  });

  test("is refused where the graph is bound to its own", () => {
    const mixing = fixed("m = ReduceSum <keepdims = 1> (x) e = Expand (m, k) y = Reshape (e, k)");
    expect(() => differentiateModel(mixing, { batch: 2 })).toThrow(UnsupportedError);
    expect(() => differentiateModel(mixing, { batch: 2 })).toThrow(
      "model: the model cannot take 2 images at a time, expected a batch of 1, for which it was exported.",
    );
  });
});

test("an input size that the model does not take is misuse", () => {
  const model = parseModel(`<ir_version: 7, opset_import: ["": 13]>
    g (float[1,3,H,8] x) => (float[1,3,1,1] y) { y = GlobalAveragePool (x) }`);
  expect(differentiateModel(model, { inputSize: [6, 8] }).graph.inputs[0].shape).toEqual([1, 3, 6, 8]);
  expect(() => differentiateModel(model, { inputSize: [6, 9] })).toThrow(MisuseError);
});
