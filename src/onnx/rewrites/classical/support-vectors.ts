/**
 * @file Support vector machines of the domain ai.onnx.ml, in standard operators (onnx/docs/Operators-ml.md). Every two classes have a decision, which is positive for the first
 * of them; the label is the class with most of them, as in LIBSVM (Chang and Lin, LIBSVM: a library for support vector machines, 2011).
 */
import { int64Tensor } from "../../int64.ts";
import type { Rewrite, RewriteRule } from "../rewrite.ts";
import {
  checkTable,
  classLabels,
  float32,
  pairOf,
  real,
  row,
  scalar,
  timesRows,
  transformed,
  unsupported,
} from "./class-scores.ts";

/** k(x, s) of every support vector s, [N, vectors], for the dot products and the parameters γ, c₀ and degree. */
type Kernel = (rewrite: Rewrite, vectors: Vectors, parameters: readonly number[]) => string;

interface Vectors {
  /** [vectors, features], one after the other. */
  readonly values: readonly number[];
  readonly count: number;
  readonly features: number;
}

/** γ x·s + c₀ */
function affine(rewrite: Rewrite, vectors: Vectors, [gamma, offset]: readonly number[]): string {
  const { op, constant } = rewrite;
  const scaled = op("Mul", [timesRows(rewrite, real(rewrite), vectors.values, vectors.count), constant(scalar(gamma))]);
  return op("Add", [scaled, constant(scalar(offset))]);
}

const kernels: Readonly<Record<string, Kernel>> = {
  LINEAR: (rewrite, vectors) => timesRows(rewrite, real(rewrite), vectors.values, vectors.count),
  POLY: (rewrite, vectors, parameters) =>
    rewrite.op("Pow", [affine(rewrite, vectors, parameters), rewrite.constant(scalar(parameters[2]))]),
  SIGMOID: (rewrite, vectors, parameters) => rewrite.op("Tanh", [affine(rewrite, vectors, parameters)]),
  RBF(rewrite, vectors, [gamma]) {
    const { op, constant } = rewrite;
    const { values, count, features } = vectors;
    // ‖x − s‖² as ‖x‖² + ‖s‖² − 2 x·s: with the usual γ, one over the sum of the variances, what is lost by that is in the last digits.
    const x = real(rewrite);
    const own = op("ReduceSumSquare", [x, constant(int64Tensor([-1]))], { keepdims: 1 });
    const theirs = Array.from({ length: count }, (_, vector) =>
      values.slice(vector * features, (vector + 1) * features).reduce((sum, value) => sum + value * value, 0),
    );
    const twice = op("Mul", [timesRows(rewrite, x, values, count), constant(scalar(2))]);
    const distances = op("Sub", [op("Add", [own, constant(row(theirs))]), twice]);
    return op("Exp", [op("Mul", [distances, constant(scalar(-gamma))])]);
  },
};

/** Every two classes in the order of decisions: (0, 1), (0, 2), …, (1, 2), …. */
function pairsOf(classes: number): readonly (readonly [first: number, second: number])[] {
  const all = Array.from({ length: classes }, (_, index) => index);
  return all.flatMap((first) => all.slice(first + 1).map((second) => [first, second] as const));
}

/** The decisions between every two classes, [N, pairs]. */
function decisions(rewrite: Rewrite, perClass: readonly number[]): string {
  const { node, attributes, op, constant } = rewrite;
  const classes = perClass.length;
  const count = perClass.reduce((sum, one) => sum + one, 0);
  const values = attributes.floats("support_vectors", []);
  const coefficients = attributes.floats("coefficients", []);
  const offsets = attributes.floats("rho", []);
  const pairCount = (classes * (classes - 1)) / 2;
  const features = values.length / count;
  if (
    !Number.isInteger(features) ||
    features === 0 ||
    perClass.some((one) => one < 0) ||
    coefficients.length !== (classes - 1) * count ||
    offsets.length !== pairCount
  ) {
    throw unsupported(
      node,
      "the numbers of support vectors and classes do not fit",
      `${(classes - 1) * count} coefficients and ${pairCount} of rho for ${count} vectors`,
    );
  }
  const name = attributes.string("kernel_type", "LINEAR");
  if (!Object.hasOwn(kernels, name))
    throw unsupported(node, `the kernel ${JSON.stringify(name)} is not supported`, Object.keys(kernels).join(", "));
  checkTable(node, count, pairCount);
  const pairs = pairsOf(classes);
  const weights = new Float32Array(count * pairCount);
  const classOf = perClass.flatMap((one, index) => new Array<number>(one).fill(index));
  for (const [pair, [first, second]] of pairs.entries()) {
    for (const [vector, its] of classOf.entries()) {
      const other = its === first ? second - 1 : its === second ? first : undefined;
      if (other !== undefined) weights[vector * pairs.length + pair] = coefficients[other * count + vector];
    }
  }
  const seen = kernels[name](rewrite, { values, count, features }, attributes.floats("kernel_params", [0, 0, 3]));
  const sums = op("MatMul", [seen, constant({ dtype: "float32", shape: [count, pairs.length], data: weights })]);
  return op("Add", [sums, constant(row(offsets))]);
}

/** The class that wins most decisions, the first of several: the output of the label. */
function vote(
  { node, op, into, constant }: Rewrite,
  between: string,
  classes: number,
  labels: ReturnType<typeof classLabels>,
): void {
  const [label = ""] = node.outputs;
  if (label === "") return;
  const pairs = pairsOf(classes);
  const gains = new Float32Array(pairs.length * classes);
  const start = new Array<number>(classes).fill(0);
  for (const [pair, [first, second]] of pairs.entries()) {
    gains[pair * classes + first] = 1;
    gains[pair * classes + second] = -1;
    start[second]++;
  }
  const isFirst = op("Cast", [op("Greater", [between, constant(scalar(0))])], { to: float32 });
  const won = op("MatMul", [isFirst, constant({ dtype: "float32", shape: [pairs.length, classes], data: gains })]);
  const place = op("ArgMax", [op("Add", [won, constant(row(start))])], { axis: -1, keepdims: 0 });
  into([label], "Gather", [constant(labels), place], { axis: 0 });
}

export const supportVectors: Readonly<Record<string, RewriteRule>> = {
  /**
   * Deviations from onnxruntime: of two classes, its scores without probabilities have the other sign than its labels; here the larger score is that of the label. And its probabilities of two classes
   * end an iteration early, .004 at most beside what they are here.
   */
  SVMClassifier(rewrite) {
    const { node, attributes, op, constant, into } = rewrite;
    const labels = classLabels(rewrite, "classlabels_ints");
    const perClass = attributes.ints("vectors_per_class", []);
    const classes = perClass.length;
    if (classes < 2 || labels.shape[0] !== classes) {
      throw unsupported(
        node,
        "it is not made of support vectors",
        `a number of vectors for each of ${labels.shape[0]} classes`,
      );
    }
    const between = decisions(rewrite, perClass);
    vote(rewrite, between, classes, labels);
    const [slopes, shifts] = ["prob_a", "prob_b"].map((name) => attributes.floats(name, []));
    const scores = node.outputs[1] ?? "";
    if (scores === "") return;
    if (slopes.length === 0) {
      const pair = classes === 2 ? pairOf(rewrite, between, op("Neg", [between])) : between;
      into([scores], "Identity", [transformed(rewrite, pair, classes === 2 ? ["NONE", "LOGISTIC"] : ["NONE"])]);
      return;
    }
    if (classes !== 2 || slopes.length !== 1 || shifts.length !== 1) {
      throw unsupported(
        node,
        "probabilities of more than two classes are coupled by an iteration, which is not supported",
        "SVC(probability=False)",
      );
    }
    // 1 / (1 + exp(a d + b))
    const power = op("Add", [op("Mul", [between, constant(scalar(-slopes[0]))]), constant(scalar(-shifts[0]))]);
    const first = op("Sigmoid", [power]);
    into([scores], "Identity", [pairOf(rewrite, first, op("Sub", [constant(scalar(1)), first]))]);
  },
};
