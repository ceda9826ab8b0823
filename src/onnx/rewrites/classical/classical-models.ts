/** @file scikit-learn's models, of the domain ai.onnx.ml: the rules by operator. */
import type { RewriteRule } from "../rewrite.ts";
import { features } from "./features.ts";
import { linearModels } from "./linear-models.ts";
import { supportVectors } from "./support-vectors.ts";
import { treeEnsembles } from "./tree-ensembles.ts";

export const classicalModels: Readonly<Record<string, RewriteRule>> = {
  ...features,
  ...linearModels,
  ...supportVectors,
  ...treeEnsembles,
};
