/**
 * @file Features made of features, of the domain ai.onnx.ml, as scikit-learn's converter writes them, in standard operators
 * (onnx/docs/Operators-ml.md).
 */
import { int64Tensor } from "../../int64.ts";
import type { RewriteRule } from "../rewrite.ts";
import { float32, real, row, scalar, unsupported } from "./class-scores.ts";

/** TensorProto.INT64. */
const int64 = 7;

/** The rules by operator. */
export const features: Readonly<Record<string, RewriteRule>> = {
  /** Some columns, by their numbers: with it the converter joins decisions between classes, and the votes of neighbors. */
  ArrayFeatureExtractor({ node, op, input, into, constant }) {
    const columns = op("Reshape", [op("Cast", [input(1)], { to: int64 }), constant(int64Tensor([-1]))]);
    into([node.outputs[0]], "Gather", [input(0), columns], { axis: -1 });
  },
  /** 1 above the threshold, else 0. */
  Binarizer(rewrite) {
    const { node, attributes, op, into, constant } = rewrite;
    const isAbove = op("Greater", [real(rewrite), constant(scalar(attributes.float("threshold", 0)))]);
    into([node.outputs[0]], "Cast", [isAbove], { to: float32 });
  },
  /** One number, often NaN, in whose place others are put: one for all columns, or one for each. */
  Imputer(rewrite) {
    const { node, attributes, op, into, constant } = rewrite;
    const imputed = attributes.floats("imputed_value_floats", []);
    if (imputed.length === 0) throw unsupported(node, "whole numbers are not imputed", "imputed_value_floats");
    const x = real(rewrite);
    const replaced = attributes.float("replaced_value_float", 0);
    const isReplaced = Number.isNaN(replaced) ? op("IsNaN", [x]) : op("Equal", [x, constant(scalar(replaced))]);
    into([node.outputs[0]], "Where", [isReplaced, constant(row(imputed)), x]);
  },
  /** For each number as many as there are categories: 1 at its own, else 0. */
  OneHotEncoder({ node, attributes, op, input, into, constant }) {
    const categories = attributes.ints("cats_int64s", []);
    if (categories.length === 0) throw unsupported(node, "categories that are texts are not supported", "cats_int64s");
    const whole = op("Cast", [input(0)], { to: int64 });
    const each = op("Unsqueeze", [whole, constant(int64Tensor([-1]))]);
    into([node.outputs[0]], "Cast", [op("Equal", [each, constant(int64Tensor(categories))])], { to: float32 });
  },
};
