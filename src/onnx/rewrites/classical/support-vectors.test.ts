import { expect, test } from "vitest";
import { prepareModel } from "../../../classifier/network/prepare-model.ts";
import { evaluate } from "../../evaluate.ts";
import { parseModel } from "../../text/parse.ts";
import { canonicalForm } from "../canonical-form.ts";

const floats = (values: readonly number[]): string => `[${values.map((value) => value.toFixed(4)).join(", ")}]`;
const vectors = [1, 0, 0, 1, -1, 0.5, 0.5, 0.5, -0.5, -1];
const three = {
  perClass: [2, 2, 1],
  coefficients: [0.5, -0.25, 0.75, -1, 0.3, 0.2, 0.4, -0.6, 0.8, -0.9],
  offsets: [0.1, -0.2, 0.3],
};
const two = { perClass: [2, 3], coefficients: [0.5, 0.25, -0.75, -1, -0.3], offsets: [0.1] };

interface Machine {
  readonly perClass: readonly number[];
  readonly coefficients: readonly number[];
  readonly offsets: readonly number[];
}

function machine(
  { perClass, coefficients, offsets }: Machine,
  kernel: string,
  parameters: readonly number[],
  more = "",
): string {
  const attributes = [
    `kernel_type = "${kernel}", kernel_params = ${floats(parameters)}, vectors_per_class = [${perClass.join(", ")}]`,
    `support_vectors = ${floats(vectors)}, coefficients = ${floats(coefficients)}, rho = ${floats(offsets)}`,
    `classlabels_ints = [${perClass.map((_, label) => 5 + label).join(", ")}]${more}`,
  ];
  return `l, p = ai.onnx.ml.SVMClassifier <${attributes.join(", ")}> (x)`;
}

const modelOf = (body: string, size = 2) =>
  parseModel(
    `<ir_version: 8, opset_import: ["": 15, "ai.onnx.ml": 1]> g (float[N,${size}] x) => (int64[N] l, float[N,K] p) { ${body} }`,
  );

function run(body: string): { readonly labels: number[]; readonly scores: number[] } {
  const x = { dtype: "float32" as const, shape: [4, 2], data: Float64Array.of(0.5, -1, 1, 1, -3, 0.25, 2, -0.2) };
  const { l, p } = evaluate(canonicalForm(modelOf(body)).model.graph, { x }, ["l", "p"]);
  return { labels: Array.from(l.data, Number), scores: Array.from(p.data) };
}

function expectClose(found: readonly number[], expected: readonly number[], digits = 5): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, digits);
}

// onnxruntime's own results, 1.32.
test.each([
  [
    "RBF",
    [0.5, 0, 3],
    [5, 6, 5, 5],
    [
      0.0921694, 0.1367847, -0.0493951, -0.4375934, 0.1770995, 0.8118376, 0.1943246, -0.190546, 0.2048891, 0.1332059,
      -0.0451746, 0.4693543,
    ],
  ],
  [
    "LINEAR",
    [0, 0, 0],
    [5, 6, 7, 6],
    [0.1, -0.275, 0.0250001, -1.025, -0.05, 2.75, 2.2562499, -0.325, -3.8000002, -1.3249999, -0.12, 3.0],
  ],
  [
    "POLY",
    [0.5, 1, 2],
    [5, 6, 5, 6],
    [
      0.240625, 0.7796875, -0.9390624, -1.165625, 1.16875, 1.7062501, 4.7357421, 1.1484375, -5.9382811, -0.2031252,
      1.0319999, 1.6565002,
    ],
  ],
  [
    "SIGMOID",
    [0.3, 0.1, 3],
    [5, 6, 7, 6],
    [
      0.0987769, -0.1357601, 0.1558022, -0.2224305, -0.0729433, 0.9366722, 0.6100568, -0.1308442, -0.8063145,
      -0.3258382, -0.1048627, 0.9996052,
    ],
  ],
] as const)(
  "%s: a decision between every two classes, and a label by votes",
  (kernel, parameters, labels, expected) => {
    const found = run(machine(three, kernel, parameters));
    expect(found.labels).toEqual(labels);
    expectClose(found.scores, expected);
  },
);

test("two classes: the labels are onnxruntime's, and the larger score is that of the label, where onnxruntime's is that of the other", () => {
  const { labels, scores } = run(machine(two, "RBF", [0.5, 0, 3]));
  expect(labels).toEqual([6, 6, 6, 5]);
  const theirs = [0.1881721, -0.1881721, 0.3266586, -0.3266586, 0.0042746, -0.0042746, -0.1435293, 0.1435293];
  expectClose(
    scores,
    theirs.map((score) => -score),
  );
  const shares = run(machine(two, "RBF", [0.5, 0, 3], ', post_transform = "LOGISTIC"')).scores;
  expectClose(
    shares,
    scores.map((score) => 1 / (1 + Math.exp(-score))),
  );
});

test("two classes with probabilities: LIBSVM's, to which its own iteration comes within .004", () => {
  const { labels, scores } = run(machine(two, "RBF", [0.5, 0, 3], ", prob_a = [-1.5], prob_b = [0.2]"));
  expect(labels).toEqual([6, 6, 6, 5]);
  expectClose(scores, [0.38171903, 0.61828097, 0.33403577, 0.66596423, 0.44857947, 0.55142053, 0.5038234, 0.4961766]);
  const theirs = [0.3799728, 0.6200271, 0.3340357, 0.6659642, 0.4485191, 0.5514809, 0.5, 0.5];
  for (const [i, value] of theirs.entries()) expect(Math.abs(scores[i] - value)).toBeLessThan(0.004);
});

test.each([
  [
    "probabilities of three classes",
    machine(three, "RBF", [0.5, 0, 3], ", prob_a = [-1.5, -1.0, -2.0], prob_b = [0.2, 0.1, 0.1]"),
    /coupled by an iteration.*probability=False/,
  ],
  ["another kernel", machine(three, "CHI2", [0.5, 0, 3]), /the kernel "CHI2" is not supported/],
  ["too few coefficients", machine({ ...three, coefficients: [1, 2] }, "RBF", [0.5, 0, 3]), /do not fit/],
  [
    "no support vectors",
    "l, p = ai.onnx.ml.SVMClassifier <coefficients = [1.0, 2.0], classlabels_ints = [0, 1]> (x)",
    /not made of support vectors/,
  ],
])("%s are refused", (_, body, message) => {
  expect(() => prepareModel(modelOf(body, 4), { where: "net.onnx", inputSize: [2, 2] })).toThrow(message);
});

test("numbers of vectors that cannot be are refused", () => {
  const body = machine({ ...three, perClass: [-1, 3, 3] }, "RBF", [0.5, 0, 3]);
  expect(() => canonicalForm(modelOf(body))).toThrow(/do not fit/);
});
