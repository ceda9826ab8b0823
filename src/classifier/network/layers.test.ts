import { expect, test } from "vitest";
import { MisuseError } from "../../errors.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { createClassifier } from "../classifier.ts";

const { selectLayers, layers } = createClassifier(
  parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    net (float[1, 3, 8, 8] x) => (float[1, 2] logits)
    <float[4, 3, 3, 3] W = {${Array(108).fill(0.1).join(", ")}}, float[2, 4, 1, 1] V = {1, 2, 3, 4, 5, 6, 7, 8}>
    {
      ["/features/features.0/Conv"] a = Conv <pads = [1, 1, 1, 1]> (x, W)
      ["/features/features.1/Relu"] "/features/features.1/Relu_output_0" = Relu (a)
      c = Relu ("/features/features.1/Relu_output_0")
      d = Relu (c)
      e = Conv (d, V)
      f = GlobalAveragePool (e)
      logits = Flatten (f)
    }
  `),
  { runtime: referenceRuntime, preprocessing: "unit" },
);
const names = (...selectors: (string | number)[]): string[] => selectLayers(selectors).map((layer) => layer.name);

test("layers are numbered from 0, every operation counting", () => {
  expect(layers.map(({ index, operator, ordinal }) => `${index} ${operator}[${ordinal}]`)).toEqual([
    "0 Conv[0]",
    "1 Relu[0]",
    "2 Relu[1]",
    "3 Relu[2]",
    "4 Conv[1]",
    "5 GlobalAveragePool[0]",
    "6 Flatten[0]",
  ]);
  expect(layers[0]).toMatchObject({ shape: [1, 4, 8, 8], parameters: 108 });
});

test("what prepares weights is no layer: float16 behind a Cast, bytes behind a DequantizeLinear", () => {
  const classifier = createClassifier(
    parseModel(`
      <ir_version: 8, opset_import: ["" : 18]>
      net (float[1, 1, 2, 2] x) => (float[1, 2] logits)
      <float16[2, 1, 1, 1] W = {1, 2}, int8[2, 2] V = {1, 2, 3, 4}, float s = {0.5}>
      {
        w = Cast <to = 1> (W)
        a = Conv (x, w)
        b = GlobalAveragePool (a)
        c = Flatten (b)
        v = DequantizeLinear (V, s)
        logits = Gemm (c, v)
      }
    `),
    { runtime: referenceRuntime, preprocessing: "unit" },
  );
  expect(classifier.layers.map(({ operator, parameters }) => [operator, parameters])).toEqual([
    ["Conv", 2],
    ["GlobalAveragePool", 0],
    ["Flatten", 0],
    ["Gemm", 5],
  ]);
});

test("layers are chosen by number, name, module path, ordinal, range and operator", () => {
  expect(names(0, "2")).toEqual(["a", "c"]);
  expect(names("d", "/features/features.0/Conv")).toEqual(["d", "a"]);
  expect(names("features.1")).toEqual(["/features/features.1/Relu_output_0"]);
  expect(names("Relu[1]", "Relu[-1]")).toEqual(["c", "d"]);
  expect(names("Relu[1:3]")).toEqual(["c", "d"]);
  expect(names("Relu[:-1]")).toEqual(["/features/features.1/Relu_output_0", "c"]);
  expect(names("Conv")).toEqual(["a", "e"]);
  expect(names("c", 2, "Relu[1]")).toEqual(["c"]);
});

test.each([[7], [""], ["Relu[3]"], ["Relu[5:9]"], ["relu_1"], ["Gelu"]])("layer %j is refused", (selector) => {
  expect(() => selectLayers([selector])).toThrow(MisuseError);
});

test("a slip of the keyboard gets the nearest name", () => {
  expect(() => selectLayers(["Rleu"])).toThrow('Did you mean "Relu"?');
});
