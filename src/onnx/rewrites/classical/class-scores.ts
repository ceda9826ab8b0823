/** @file What classifiers of the domain ai.onnx.ml have in common: numbers in, and out of their scores probabilities and labels. */
import { UnsupportedError } from "../../../errors.ts";
import { type Tensor, tensorOf } from "../../../tensor/tensor.ts";
import { int64Tensor } from "../../int64.ts";
import { describeNode, type Node } from "../../model.ts";
import type { Rewrite } from "../rewrite.ts";

export const row = (values: readonly number[]): Tensor => tensorOf("float32", [...values], [values.length]);
export const scalar = (value: number): Tensor => tensorOf("float32", [value], []);
/** TensorProto.FLOAT. */
export const float32 = 1;

/** x, of whatever numbers, as float32. */
export const real = ({ op, input }: Rewrite): string => op("Cast", [input(0)], { to: float32 });

/** x · rᵀ for each of `count` rows r, which stand one after the other in `rows`: [N, count]. */
export function timesRows({ op, constant }: Rewrite, x: string, rows: readonly number[], count: number): string {
  const features = rows.length / count;
  const columns = Array.from(
    { length: rows.length },
    (_, i) => rows[(i % count) * features + Math.floor(i / count)] ?? 0,
  );
  return op("MatMul", [x, constant(tensorOf("float32", columns, [features, count]))]);
}

export function unsupported(node: Node, what: string, expected: string): UnsupportedError {
  return new UnsupportedError({
    where: describeNode(node),
    what,
    expected,
    advice: `scikit-learn's converter writes standard operators with black_op={"${node.opType}"}.`,
  });
}

/** The largest table of numbers that is made of lists in the file: it has their product of entries. */
const mostCells = 2 ** 26;

/** Throws an UnsupportedError for a table of more numbers than a classifier of pictures has. */
export function checkTable(node: Node, rows: number, columns: number): void {
  if (rows * columns > mostCells)
    throw unsupported(node, `a table of ${rows} × ${columns} numbers is too large`, `${mostCells} at most`);
}

/** What scores become: `post_transform`. */
export function transformed({ op, node, attributes }: Rewrite, scores: string, allowed: readonly string[]): string {
  const name = attributes.string("post_transform", "NONE");
  if (!allowed.includes(name)) {
    throw unsupported(node, `post_transform ${JSON.stringify(name)} is not supported`, allowed.join(", "));
  }
  if (name === "LOGISTIC") return op("Sigmoid", [scores]);
  return name === "SOFTMAX" ? op("Softmax", [scores], { axis: -1 }) : scores;
}

/** The names of the classes, a tensor of strings or of integers; the attribute of the latter has other names in other operators. */
export function classLabels({ attributes }: Rewrite, integers: "classlabels_ints" | "classlabels_int64s"): Tensor {
  const names = attributes.strings("classlabels_strings", []);
  if (names.length === 0) return int64Tensor(attributes.ints(integers, []));
  return { dtype: "string", shape: [names.length], data: names };
}

/** Two classes' scores of one: of its opposite, and itself. */
export function pairOf({ op }: Rewrite, opposite: string, score: string): string {
  return op("Concat", [opposite, score], { axis: -1 });
}

/** Both outputs of a classifier: the label of the largest score, and the scores. */
export function classified({ node, op, into, constant }: Rewrite, scores: string, labels: Tensor): void {
  const [label = "", probabilities = ""] = node.outputs;
  if (probabilities !== "") into([probabilities], "Identity", [scores]);
  if (label === "") return;
  const place = op("ArgMax", [scores], { axis: -1, keepdims: 0 });
  into([label], "Gather", [constant(labels), place], { axis: 0 });
}
