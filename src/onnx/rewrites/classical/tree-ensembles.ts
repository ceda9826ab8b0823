/**
 * @file Ensembles of decision trees of the domain ai.onnx.ml (random forests, boosted trees), in standard operators (onnx/docs/Operators-ml.md). What two classes make of one
 * score is done as onnxruntime does it, which the specification leaves open.
 *
 * All trees go down one level at a time: which node each has come to is a row of numbers, [N, trees]. The scores are constant between thresholds, so that no gradient
 * arrives at the picture: methods and attacks that look at answers alone say what such a model sees.
 */
import { tensorOf } from "../../../tensor/tensor.ts";
import { int64Tensor } from "../../int64.ts";
import type { Rewrite, RewriteRule } from "../rewrite.ts";
import {
  checkTable,
  classified,
  classLabels,
  pairOf,
  real,
  row,
  scalar,
  transformed,
  unsupported,
} from "./class-scores.ts";

/** The nodes of all trees one after the other; a leaf leads to itself. */
interface Trees {
  readonly features: readonly number[];
  readonly thresholds: readonly number[];
  /** The next node where x[feature] ≤ threshold (with `isEqual`: =), and where it is not. */
  readonly yes: readonly number[];
  readonly no: readonly number[];
  readonly roots: readonly number[];
  /** How many nodes the longest way passes before its leaf. */
  readonly depth: number;
  /** Whether all comparisons are for equality. */
  readonly isEqual: boolean;
  /** The place of a node by the numbers of its tree and of itself. */
  place(tree: number, node: number): number;
}

/** How a node compares: by ≤ or =, by ≤ with the largest float32 below the threshold, and with the ways exchanged. */
interface Comparison {
  readonly isEqual?: boolean;
  readonly isBelow?: boolean;
  readonly isOpposite?: boolean;
}

const comparisons: ReadonlyMap<string, Comparison> = new Map<string, Comparison>([
  ["BRANCH_LEQ", {}],
  ["BRANCH_LT", { isBelow: true }],
  ["BRANCH_GT", { isOpposite: true }],
  ["BRANCH_GTE", { isBelow: true, isOpposite: true }],
  ["BRANCH_EQ", { isEqual: true }],
  ["BRANCH_NEQ", { isEqual: true, isOpposite: true }],
]);

/** The largest float32 that is smaller than the float32 `value`. */
function below(value: number): number {
  if (value === 0) return -(2 ** -149);
  const number = Float32Array.of(value);
  new Int32Array(number.buffer)[0] += value > 0 ? -1 : 1;
  return number[0];
}

function treesOf({ node, attributes }: Rewrite): Trees {
  const [trees, ids, yesIds, noIds, features] = ["treeids", "nodeids", "truenodeids", "falsenodeids", "featureids"].map(
    (name) => attributes.ints(`nodes_${name}`, []),
  );
  const modes = attributes.strings("nodes_modes", []);
  const values = attributes.floats("nodes_values", []);
  const count = ids.length;
  const lists = [trees, yesIds, noIds, features, modes, values];
  if (count === 0 || lists.some(({ length }) => length !== count)) {
    throw unsupported(node, "the lists of nodes have different lengths", `${count} in each`);
  }
  const places = new Map(ids.map((id, place) => [`${trees[place]}/${id}`, place]));
  const place = (tree: number, id: number): number => {
    const found = places.get(`${tree}/${id}`);
    if (found === undefined) throw unsupported(node, `tree ${tree} has no node ${id}`, "nodes that are listed");
    return found;
  };
  const isEqual = modes.some((mode) => comparisons.get(mode)?.isEqual);
  const thresholds = [...values];
  const [yes, no] = [[], []] as [number[], number[]];
  const isChild = new Set<number>();
  for (const [at, mode] of modes.entries()) {
    if (mode === "LEAF") {
      yes.push(at);
      no.push(at);
      continue;
    }
    const comparison = comparisons.get(mode);
    if (comparison === undefined || (comparison.isEqual ?? false) !== isEqual) {
      throw unsupported(
        node,
        `nodes of the mode ${JSON.stringify(mode)} are not supported here`,
        "comparisons by size alone, or for equality alone",
      );
    }
    const ways = [place(trees[at], yesIds[at]), place(trees[at], noIds[at])];
    for (const way of ways) isChild.add(way);
    const [first, second] = comparison.isOpposite ? ways.reverse() : ways;
    yes.push(first);
    no.push(second);
    if (comparison.isBelow) thresholds[at] = below(values[at]);
  }
  const roots = ids.flatMap((_, at) => (isChild.has(at) ? [] : [at]));
  const { depth, reached } = walk({ yes, no, roots });
  if (roots.length !== new Set(trees).size || reached !== count) {
    throw unsupported(node, "the nodes make no trees", "one root for each tree, and one way to each other node");
  }
  return { features, thresholds, yes, no, roots, isEqual, place, depth };
}

/** How many nodes the longest way from a root passes before its leaf, and how often nodes are reached; more often than there are nodes if ways meet or have no end. */
function walk({ yes, no, roots }: Pick<Trees, "yes" | "no" | "roots">): {
  readonly depth: number;
  readonly reached: number;
} {
  let level = [...roots];
  let reached = level.length;
  let depth = 0;
  while (reached <= yes.length) {
    level = level.flatMap((at) => (yes[at] === at && no[at] === at ? [] : [yes[at], no[at]]));
    if (level.length === 0) break;
    reached += level.length;
    depth++;
  }
  return { depth, reached };
}

/** The leaf that each tree ends at, [N, trees]. */
function descend({ op, constant }: Rewrite, x: string, trees: Trees): string {
  const { features, thresholds, yes, no, roots, depth } = trees;
  const compare = trees.isEqual ? "Equal" : "LessOrEqual";
  const ofRoots = (values: readonly number[]): number[] => roots.map((at) => values[at]);
  const reached = op("Gather", [x, constant(int64Tensor(ofRoots(features)))], { axis: 1 });
  const isYes = op(compare, [reached, constant(row(ofRoots(thresholds)))]);
  let at = op("Where", [isYes, constant(int64Tensor(ofRoots(yes))), constant(int64Tensor(ofRoots(no)))]);
  if (depth < 2) return at;
  const [featureOf, yesOf, noOf] = [features, yes, no].map((values) => constant(int64Tensor(values)));
  const thresholdOf = constant(row(thresholds));
  const look = (table: string): string => op("Gather", [table, at], { axis: 0 });
  for (let level = 1; level < depth; level++) {
    const value = op("GatherElements", [x, look(featureOf)], { axis: 1 });
    at = op("Where", [op(compare, [value, look(thresholdOf)]), look(yesOf), look(noOf)]);
  }
  return at;
}

/** The sums of the leaves' weights over all trees, [N, count], of the first `count` classes. */
function sums(rewrite: Rewrite, trees: Trees, count: number): string {
  const { attributes, op, constant } = rewrite;
  const [ofTrees, ofNodes, ids] = ["class_treeids", "class_nodeids", "class_ids"].map((name) =>
    attributes.ints(name, []),
  );
  const weights = attributes.floats("class_weights", []);
  const leafOf = Array.from({ length: Math.max(ofNodes.length, weights.length) }, (_, i) =>
    trees.place(ofTrees[i], ofNodes[i]),
  );
  checkTable(rewrite.node, new Set(leafOf).size, count);
  const rows = new Map<number, number[]>();
  for (const [i, weight] of weights.entries()) {
    const sum = rows.get(leafOf[i]) ?? new Array<number>(count).fill(0);
    sum[ids[i]] += weight;
    rows.set(leafOf[i], sum);
  }
  // The first row is that of nodes without weights.
  const rowOf = new Array<number>(trees.yes.length).fill(0);
  for (const [n, leaf] of [...rows.keys()].entries()) rowOf[leaf] = n + 1;
  const table = [new Array<number>(count).fill(0), ...rows.values()];
  const leaves = descend(rewrite, real(rewrite), trees);
  const places = op("Gather", [constant(int64Tensor(rowOf)), leaves], { axis: 0 });
  const found = op("Gather", [constant(tensorOf("float32", table.flat(), [table.length, count])), places], { axis: 0 });
  return op("ReduceSum", [found, constant(int64Tensor([1]))], { keepdims: 0 });
}

export const treeEnsembles: Readonly<Record<string, RewriteRule>> = {
  TreeEnsembleClassifier(rewrite) {
    const { node, attributes, op, constant } = rewrite;
    const labels = classLabels(rewrite, "classlabels_int64s");
    const [classes] = labels.shape;
    const trees = treesOf(rewrite);
    const ids = new Set(attributes.ints("class_ids", []));
    const base = attributes.floats("base_values", []);
    // All weights are of the first of two classes: the sum is a score of the second one.
    const isOne = classes === 2 && ids.size === 1 && ids.has(0);
    const known = isOne ? [0, 1] : classes === 2 ? [0] : [0, classes];
    if (!known.includes(base.length) || [...ids].some((id) => id < 0 || id >= classes)) {
      throw unsupported(
        node,
        "classes and base values do not fit",
        `${known.join(" or ")} base values and classes below ${classes}`,
      );
    }
    const summed = sums(rewrite, trees, isOne ? 1 : classes);
    const scores = base.length === 0 ? summed : op("Add", [summed, constant(row(base))]);
    if (!isOne) {
      classified(rewrite, transformed(rewrite, scores, ["NONE", "LOGISTIC", "SOFTMAX"]), labels);
      return;
    }
    const isShare =
      attributes.string("post_transform", "NONE") === "NONE" &&
      attributes.floats("class_weights", []).every((weight) => weight >= 0);
    const opposite = isShare ? op("Sub", [constant(scalar(1)), scores]) : op("Neg", [scores]);
    classified(rewrite, transformed(rewrite, pairOf(rewrite, opposite, scores), ["NONE", "LOGISTIC"]), labels);
  },
};
