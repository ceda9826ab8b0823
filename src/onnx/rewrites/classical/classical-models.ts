/** @file scikit-learn's models, of the domain ai.onnx.ml: the rules by operator. */
import { int64Tensor } from "../../int64.ts";
import type { RewriteRule } from "../rewrite.ts";
import { linearModels } from "./linear-models.ts";
import { supportVectors } from "./support-vectors.ts";
import { treeEnsembles } from "./tree-ensembles.ts";

/** TensorProto.INT64. */
const int64 = 7;

export const classicalModels: Readonly<Record<string, RewriteRule>> = {
  ...linearModels,
  ...supportVectors,
  ...treeEnsembles,
  /** Some columns, by their numbers: with it the converter joins decisions between classes, and the votes of neighbors. */
  ArrayFeatureExtractor({ node, op, input, into, constant }) {
    const columns = op("Reshape", [op("Cast", [input(1)], { to: int64 }), constant(int64Tensor([-1]))]);
    into([node.outputs[0]], "Gather", [input(0), columns], { axis: -1 });
  },
};
