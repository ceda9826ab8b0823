import { describe, expect, test } from "vitest";
import { UnsupportedError } from "../../../errors.ts";
import { evaluate } from "../../evaluate.ts";
import type { Attribute, Model } from "../../model.ts";
import { parseModel } from "../../text/parse.ts";
import { canonicalForm } from "../canonical-form.ts";

const modelOf = (body: string) =>
  parseModel(`<ir_version: 8, opset_import: ["": 15, "ai.onnx.ml": 1]> g (float[2,3] x) => (float[N,K] p) { ${body} }`);

/** p of x, [2, 3]. */
function run(model: Model, x: readonly number[]): readonly number[] {
  const feeds = { x: { dtype: "float32" as const, shape: [2, 3], data: Float64Array.from(x) } };
  return Array.from(evaluate(canonicalForm(model).model.graph, feeds, ["p"]).p.data);
}

test("Binarizer: 1 above the threshold", () => {
  const model = modelOf("p = ai.onnx.ml.Binarizer <threshold = 0.5> (x)");
  expect(run(model, [0.5, 0.6, 1, 0, -1, 7])).toEqual([0, 1, 1, 0, 0, 1]);
});

describe("Imputer", () => {
  /** With a number that the text of a model cannot have. */
  const replacing = (value: number, imputed: string): Model => {
    const model = modelOf(
      `p = ai.onnx.ml.Imputer <imputed_value_floats = [${imputed}], replaced_value_float = 3.0> (x)`,
    );
    const replaced: Attribute = { kind: "float", value };
    const nodes = model.graph.nodes.map((node) => ({
      ...node,
      attributes: { ...node.attributes, replaced_value_float: replaced },
    }));
    return { ...model, graph: { ...model.graph, nodes } };
  };
  test.each([
    ["NaN by one number", Number.NaN, "9.0", [1, 9, 3, 9, 5, Infinity]],
    ["NaN by one for each column", Number.NaN, "7.0, 8.0, 9.0", [1, 8, 3, 7, 5, Infinity]],
    ["infinity", Infinity, "9.0", [1, Number.NaN, 3, Number.NaN, 5, 9]],
    ["a number", 3, "9.0", [1, Number.NaN, 9, Number.NaN, 5, Infinity]],
  ])("%s", (_, value, imputed, expected) => {
    expect(run(replacing(value, imputed), [1, Number.NaN, 3, Number.NaN, 5, Infinity])).toEqual(expected);
  });

  test("of whole numbers is refused", () => {
    const whole = modelOf("p = ai.onnx.ml.Imputer <imputed_value_int64s = [1], replaced_value_int64 = 3> (x)");
    expect(() => canonicalForm(whole)).toThrow(UnsupportedError);
  });
});

test("OneHotEncoder: a number for each category, all 0 for what is none; texts are refused", () => {
  const model = modelOf("h = ai.onnx.ml.OneHotEncoder <cats_int64s = [0, 2], zeros = 1> (x)  p = Flatten (h)");
  expect(run(model, [0, 1, 2, 2, 0, 5])).toEqual([1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0]);
  const texts = modelOf('p = ai.onnx.ml.OneHotEncoder <cats_strings = ["a"]> (x)');
  expect(() => canonicalForm(texts)).toThrow(UnsupportedError);
});
