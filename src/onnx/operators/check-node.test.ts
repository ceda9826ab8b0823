import { expect, test } from "vitest";
import { BadInputError } from "../../errors.ts";
import { inferShapes } from "../infer-shapes.ts";
import { canonicalForm } from "../rewrites/canonical-form.ts";
import { parseGraph, parseModel } from "../text/parse.ts";

/** A body, initializers for it, and what the message must say. */
const cases: Readonly<Record<string, readonly [body: string, initializers: string, message: RegExp]>> = {
  "too few inputs": ["y = Conv (x)", "", /^Conv \(y\): wrong number of inputs, expected 2 to 3, got 1\.$/],
  "too many inputs": ["y = Relu (x, x)", "", /^Relu \(y\): wrong number of inputs, expected 1, got 2\.$/],
  "an input that is left out": ['y = Conv (x, "", b)', "float[3] b = {0, 0, 0}", /input 1 is left out/],
  "no output": ['"" = Relu (x)', "", /the node has no output/],
  "element types": [
    "y = Add (x, i)",
    "int64[1] i = {1}",
    /differ in their element type, expected one type, got float32 and int64/,
  ],
  "an element type that the operator does not take": [
    "y = Sigmoid (i)",
    "int64[1] i = {1}",
    /input 0 has an element type that the operator does not take, expected floating-point numbers, got int64/,
  ],
  "indices that are no integers": [
    "y = Gather (x, f)",
    "float[1] f = {0}",
    /input 1 .*expected int32 or int64, got float32/,
  ],
  "a condition that is none": ["y = Where (x, x, x)", "", /input 0 .*expected bool, got float32/],
  "an attribute of the wrong kind": [
    'y = LeakyRelu <alpha = "x"> (x)',
    "",
    /^LeakyRelu \(y\): attribute alpha has the wrong type, expected float, got string\.$/,
  ],
  "an unknown word": [
    'y = Gelu <approximate = "exp"> (x)',
    "",
    /unknown approximate, expected one of none, tanh, got "exp"/,
  ],
  "a bias of another length": [
    "y = Conv (x, w, b)",
    "float[1,3,1,1] w = {1, 1, 1}, float[2] b = {0, 0}",
    /^Conv \(y\): the shape of the bias does not fit, expected \[1\], got \[2\]\.$/,
  ],
  "a factor that is no matrix": [
    "y = Gemm (x, w)",
    "float[8, 1] w = {1, 1, 1, 1, 1, 1, 1, 1}",
    /shape of a factor does not fit, expected a matrix/,
  ],
  "a scale that does not broadcast": [
    "y = LayerNormalization (x, s)",
    "float[5] s = {1, 1, 1, 1, 1}",
    /the scale does not fit, expected one that broadcasts to \[1, 3, 8, 8\], got \[5\]/,
  ],
  "a slope that enlarges": ["y = PRelu (x, s)", "float[2,3,1,1] s = {1, 1, 1, 1, 1, 1}", /the shape of the slope/],
  "groups that are not equal": [
    "y = GroupNormalization <num_groups = 2> (x, s, s)",
    "float[3] s = {1, 1, 1}",
    /2 equal groups/,
  ],
  "no groups": [
    "y = GroupNormalization <num_groups = 0> (x, s, s)",
    "float[3] s = {1, 1, 1}",
    /expected from 1 to 3, got 0/,
  ],
  "a negative epsilon": [
    "y = InstanceNormalization <epsilon = -1.0> (x, s, s)",
    "float[3] s = {1, 1, 1}",
    /attribute epsilon does not fit, expected at least 0, got -1/,
  ],
  "a bound for each element": [
    "y = Clip (x, s)",
    "float[3] s = {1, 1, 1}",
    /the lower bound does not fit, expected a scalar/,
  ],
  "a window of padding": [
    "y = MaxPool <kernel_shape = [2, 2], pads = [2, 0, 0, 0]> (x)",
    "",
    /attribute pads does not fit, expected less than the window \[2, 2\], got \[2, 0, 0, 0\]/,
  ],
  "more parts than outputs": [
    "y = Split <num_outputs = 1000000000> (x)",
    "",
    /attribute num_outputs does not fit, expected from 1 to 1/,
  ],
  "more best than there are": [
    "y, i = TopK (x, k)",
    "int64[1] k = {9}",
    /attribute k does not fit, expected from 0 to 8, got 9/,
  ],
  "a step of 0": ["y = Range (f, f, f)", "float f = {0}", /the step is 0/],
  "reflections beyond the edge": [
    'y = Pad <mode = "reflect"> (x, p)',
    "int64[8] p = {0, 0, 8, 0, 0, 0, 0, 0}",
    /expected more elements along each axis than are reflected/,
  ],
  "an axis of Flatten out of range": [
    "y = Flatten <axis = 9> (x)",
    "",
    /attribute axis does not fit, expected from -4 to 4, got 9/,
  ],
  "updates of another shape": [
    "y = ScatterND (x, i, u)",
    "int64[1,1] i = {0}, float[1] u = {0}",
    /the shape of the updates does not fit, expected \[1, 3, 8, 8\], got \[1\]/,
  ],
  "a shape in two dimensions": [
    "y = Expand (x, s)",
    "int64[1,4] s = {1, 3, 8, 8}",
    /the output's extents does not fit, expected a list/,
  ],
  "a grid for another number of pictures": [
    "y = GridSample (x, g)",
    "float[2,1,1,2] g = {0, 0, 0, 0}",
    /expected \[1, rows, columns, 2\]/,
  ],
  "an axis out of range": ["y = Softmax <axis = 9> (x)", "", /axis out of range, expected from -4 to 3, got 9/],
  "an index out of range": [
    "y = Gather <axis = 1> (x, i)",
    "int64[2] i = {2, 5}",
    /expected indices from -3 to 2, got 5/,
  ],
  "a negative extent": [
    "y = Tile (x, r)",
    "int64[4] r = {1, 1, -1, 1}",
    /impossible output shape.*got \[1, 3, -8, 8\]/,
  ],
  "more than can be addressed": ["y = Tile (x, r)", "int64[4] r = {1, 1, 100000, 100000}", /at most 2\^31 elements/],
  "parameters of a normalization": [
    "y = BatchNormalization (x, s, s, s, s)",
    "float[2] s = {1, 1}",
    /parameters do not fit, expected one number for each of 3 channels, got \[2\]/,
  ],
  "a window of no channels": ["y = LRN <size = 0> (x)", "", /attribute size does not fit, expected at least 1, got 0/],
  "more removed than there is": [
    "y = Pad (x, p)",
    "int64[8] p = {0, 0, -5, 0, 0, 0, -5, 0}",
    /axis 2 loses more elements than/,
  ],
};

test.each(Object.keys(cases))("%s", (name) => {
  const [body, initializers, message] = cases[name];
  const text = `g (float[1, 3, 8, 8] x) => (float[] y) ${initializers === "" ? "" : `<${initializers}>`} { ${body} }`;
  let error: unknown;
  try {
    inferShapes(parseGraph(text));
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(BadInputError);
  expect((error as Error).message).toMatch(message);
});

test("constants that take more work than their size says are left to the runtime", () => {
  const { constants, types } = inferShapes(
    parseGraph(`g (float[1] x) => (float[1] y) <float[4096] k = {${Array(4096).fill(1).join(", ")}}> {
      s = Einsum <equation = "a,b,c,d->"> (k, k, k, k)
      t = Einsum <equation = "a,a->"> (k, k)
      y = Mul (x, s)
    }`),
  );
  expect(types.get("s")?.shape).toEqual([]);
  expect(constants.has("s")).toBe(false);
  expect(constants.get("t")?.data[0]).toBe(4096);
});

test("operators that are called like properties of objects are unknown ones", () => {
  for (const name of ["constructor", "toString", "hasOwnProperty"]) {
    const model = parseModel(
      `<ir_version: 7, opset_import: ["": 9]> g (float[1] x) => (float[1] y) { y = ${name} (x) }`,
    );
    expect(() => inferShapes(canonicalForm(model).model.graph)).toThrow(`1 operator not supported: ${name} (y).`);
  }
});

test("a file that onnxruntime optimized for one machine is refused with what to do", () => {
  const model = parseModel(
    `<ir_version: 7, opset_import: ["": 13, "com.microsoft.nchwc": 1]>
     g (float[1, 8, 4, 4] x) => (float[1, 8, 4, 4] y) { y = com.microsoft.nchwc.ReorderOutput <channels = 8> (x) }`,
  );
  expect(() => inferShapes(canonicalForm(model).model.graph)).toThrow(
    /com\.microsoft\.nchwc\.ReorderOutput \(y\)\. onnxruntime optimized this file for one machine\. Take the file/,
  );
});
