import { expect, test } from "vitest";
import { BadInputError } from "../errors.ts";
import { inferShapes } from "./infer-shapes.ts";
import { parseGraph } from "./parse.ts";

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
