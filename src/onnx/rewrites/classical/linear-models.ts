/**
 * @file Linear models and scalers of the domain ai.onnx.ml, as scikit-learn's converter writes them, in standard operators
 * (onnx/docs/Operators-ml.md). Where that leaves something open, as rows of zeros, it is done as onnxruntime does it.
 */
import { int64Tensor } from "../../int64.ts";
import type { Rewrite, RewriteRule } from "../rewrite.ts";
import {
  classified,
  classLabels,
  pairOf,
  real,
  row,
  scalar,
  timesRows,
  transformed,
  unsupported,
} from "./class-scores.ts";

interface LinearMap {
  readonly coefficients: readonly number[];
  readonly intercepts: readonly number[];
}

function mapOf({ attributes }: Rewrite): LinearMap {
  return { coefficients: attributes.floats("coefficients"), intercepts: attributes.floats("intercepts", []) };
}

/** X · coefficientsᵀ + intercepts, of `count` results. */
function linear(rewrite: Rewrite, { coefficients, intercepts }: LinearMap, count: number): string {
  const { op, constant } = rewrite;
  const product = timesRows(rewrite, real(rewrite), coefficients, count);
  return intercepts.length === 0 ? product : op("Add", [product, constant(row(intercepts))]);
}

/** The smallest positive number that float32 holds in full precision. */
const smallest = 1.2e-38;

/** `norm`, or another number where it is 0, so that rows of zeros stay as they are. Only a maximum may be negative. */
function withoutZeros({ op, constant }: Rewrite, norm: string, canBeNegative: boolean): string {
  if (!canBeNegative) return op("Max", [norm, constant(scalar(smallest))]);
  return op("Where", [op("Equal", [norm, constant(scalar(0))]), constant(scalar(1)), norm]);
}

/** How the norm of a row is found, by the attribute `norm`. */
const norms: Readonly<Record<string, string>> = { MAX: "ReduceMax", L1: "ReduceL1", L2: "ReduceL2" };

/** Whether the second of two results is the first with the other sign, as of two classes: their sigmoids add up to 1. */
function isOfOpposites({ coefficients, intercepts }: LinearMap): boolean {
  const features = coefficients.length / 2;
  return (
    intercepts.length === 2 &&
    intercepts[0] === -intercepts[1] &&
    coefficients.slice(0, features).every((value, index) => value === -coefficients[features + index])
  );
}

/** The second of two results alone. */
function secondOf({ coefficients, intercepts }: LinearMap): LinearMap {
  return { coefficients: coefficients.slice(coefficients.length / 2), intercepts: intercepts.slice(1) };
}

/** The rules by operator. */
export const linearModels: Readonly<Record<string, RewriteRule>> = {
  LinearClassifier(rewrite) {
    const { node, attributes, op, constant } = rewrite;
    const labels = classLabels(rewrite, "classlabels_ints");
    const map = mapOf(rewrite);
    const isPair = isOfOpposites(map) && attributes.string("post_transform", "NONE") === "LOGISTIC";
    const count = isPair ? 1 : map.intercepts.length || labels.shape[0];
    const scores = linear(rewrite, isPair ? secondOf(map) : map, count);
    if (count === 1 && attributes.string("post_transform", "NONE") !== "LOGISTIC") {
      throw unsupported(node, "one score for two classes is no probability", "post_transform LOGISTIC");
    }
    const made = transformed(rewrite, scores, ["NONE", "LOGISTIC", "SOFTMAX"]);
    const isOne = count === 1;
    classified(rewrite, isOne ? pairOf(rewrite, op("Sub", [constant(scalar(1)), made]), made) : made, labels);
  },
  LinearRegressor(rewrite) {
    const targets = rewrite.attributes.int("targets", 1);
    const result = transformed(rewrite, linear(rewrite, mapOf(rewrite), targets), ["NONE"]);
    rewrite.into([rewrite.node.outputs[0]], "Identity", [result]);
  },
  Normalizer(rewrite) {
    const { node, attributes, op, into, constant } = rewrite;
    const x = real(rewrite);
    const reduce = norms[attributes.string("norm", "MAX")];
    if (reduce === undefined) throw unsupported(node, "this norm is not supported", Object.keys(norms).join(", "));
    const norm = op(reduce, [x, constant(int64Tensor([-1]))], { keepdims: 1 });
    into([node.outputs[0]], "Div", [x, withoutZeros(rewrite, norm, reduce === norms.MAX)]);
  },
  Scaler(rewrite) {
    const { node, attributes, op, into, constant } = rewrite;
    const offset = attributes.floats("offset", [0]);
    const scale = attributes.floats("scale", [1]);
    into([node.outputs[0]], "Mul", [op("Sub", [real(rewrite), constant(row(offset))]), constant(row(scale))]);
  },
};
