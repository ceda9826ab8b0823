import { describe, expect, test } from "vitest";
import { prepareModel } from "../../../classifier/network/prepare-model.ts";
import { evaluate } from "../../evaluate.ts";
import { parseModel } from "../../text/parse.ts";
import { canonicalForm } from "../canonical-form.ts";

const listOf = (values: readonly (number | string)[]): string =>
  `[${values.map((value) => (typeof value === "string" ? JSON.stringify(value) : value)).join(", ")}]`;
const floats = (values: readonly number[]): string => `[${values.map((value) => value.toFixed(4)).join(", ")}]`;
/** The leaves of the two trees: their numbers of tree and node. */
const leaves = [
  [0, 2],
  [0, 3],
  [0, 4],
  [1, 1],
  [1, 2],
];

interface Ensemble {
  /** Of the root of the first tree (the first number), its first child (the second) and the root of the second tree (the third). */
  readonly modes?: readonly string[];
  readonly thresholds?: readonly number[];
  readonly classes: readonly number[];
  /** Of each leaf, for each of the classes. */
  readonly weights: readonly (readonly number[])[];
  readonly labels: number;
  readonly more?: string;
}

const atMost = ["BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LEQ"];

function ensemble({
  modes = atMost,
  thresholds = [1, 0.25, 0.5],
  classes,
  weights,
  labels,
  more = "",
}: Ensemble): string {
  const [first, second, third] = modes;
  const of = leaves.flatMap((leaf) => classes.map(() => leaf));
  const attributes = [
    "nodes_treeids = [0, 0, 0, 0, 0, 1, 1, 1], nodes_nodeids = [0, 1, 2, 3, 4, 0, 1, 2], nodes_featureids = [0, 1, 0, 0, 0, 2, 0, 0]",
    `nodes_modes = ${listOf([first, second, "LEAF", "LEAF", "LEAF", third, "LEAF", "LEAF"])}`,
    `nodes_values = ${floats([thresholds[0], thresholds[1], 0, 0, 0, thresholds[2], 0, 0])}`,
    "nodes_truenodeids = [1, 3, 0, 0, 0, 1, 0, 0], nodes_falsenodeids = [2, 4, 0, 0, 0, 2, 0, 0]",
    `class_treeids = ${listOf(of.map(([tree]) => tree))}, class_nodeids = ${listOf(of.map(([, node]) => node))}`,
    `class_ids = ${listOf(leaves.flatMap(() => classes))}, class_weights = ${floats(weights.flat())}`,
    `classlabels_int64s = ${listOf(Array.from({ length: labels }, (_, label) => 5 + label))}${more === "" ? "" : `, ${more}`}`,
  ];
  return `l, p = ai.onnx.ml.TreeEnsembleClassifier <${attributes.join(", ")}> (x)`;
}

const modelOf = (body: string, size = 3) =>
  parseModel(
    `<ir_version: 8, opset_import: ["": 15, "ai.onnx.ml": 1]> g (float[N,${size}] x) => (int64[N] l, float[N,K] p) { ${body} }`,
  );
const rows = [0.5, -1, 2, 1, 1, 1, -3, 0.25, 0, 2, -2, 0.5];

function run(body: string): { readonly labels: number[]; readonly scores: number[] } {
  const { graph } = canonicalForm(modelOf(body)).model;
  const x = { dtype: "float32" as const, shape: [4, 3], data: Float64Array.from(rows) };
  const { l, p } = evaluate(graph, { x }, ["l", "p"]);
  return { labels: Array.from(l.data, Number), scores: Array.from(p.data) };
}

const three = [
  [0.1, 0.2, 0.7],
  [0.5, 0.25, 0.25],
  [0, 1, 0],
  [0.3, 0.3, 0.4],
  [0.6, 0.2, 0.2],
];
const shares = [[0.1], [0.4], [0.3], [0.2], [0.5]];
const scores = [[0.1], [-0.4], [0.3], [-0.2], [0.5]];
const ofThree = { classes: [0, 1, 2], weights: three, labels: 3 };

// onnxruntime's own results, 1.32.
test.each<[string, Ensemble, readonly number[], readonly number[]]>([
  [
    "shares of three classes",
    ofThree,
    [5, 6, 5, 7],
    [
      1.10000002, 0.44999999, 0.44999999, 0.60000002, 1.20000005, 0.2, 0.80000001, 0.55000001, 0.64999998, 0.40000001,
      0.5, 1.10000002,
    ],
  ],
  [
    "<, ≥ and >, base values and a softmax",
    {
      ...ofThree,
      modes: ["BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"],
      more: 'post_transform = "SOFTMAX", base_values = [0.1, -0.2, 0.3]',
    },
    [6, 7, 5, 7],
    [
      0.22916798, 0.46148762, 0.30934444, 0.23373584, 0.19136672, 0.57489747, 0.49398103, 0.19104272, 0.31497622,
      0.32887852, 0.18049237, 0.49062914,
    ],
  ],
  [
    "thresholds that are met, 0 among them, and sigmoids",
    {
      ...ofThree,
      modes: ["BRANCH_GT", "BRANCH_LT", "BRANCH_GTE"],
      thresholds: [0.5, -1, 0],
      more: 'post_transform = "LOGISTIC"',
    },
    [7, 6, 7, 5],
    [
      0.59868765, 0.62245935, 0.75026011, 0.57444251, 0.78583503, 0.59868765, 0.59868765, 0.62245935, 0.75026011,
      0.68997449, 0.6341356, 0.65701044,
    ],
  ],
  [
    "= and ≠",
    { ...ofThree, modes: ["BRANCH_EQ", "BRANCH_NEQ", "BRANCH_EQ"], thresholds: [1, 1, 0.5] },
    [7, 6, 7, 7],
    [
      0.70000005, 0.40000001, 0.89999998, 0.60000002, 1.20000005, 0.2, 0.70000005, 0.40000001, 0.89999998, 0.40000001,
      0.5, 1.10000002,
    ],
  ],
  [
    "two classes of one share",
    { classes: [0], weights: shares, labels: 2 },
    [6, 6, 6, 5],
    [0.10000002, 0.89999998, 0.19999999, 0.80000001, 0.39999998, 0.60000002, 0.69999999, 0.30000001],
  ],
  [
    "two classes of one score, with a base",
    { classes: [0], weights: scores, labels: 2, more: 'post_transform = "LOGISTIC", base_values = [0.25]' },
    [6, 6, 5, 6],
    [0.41338241, 0.58661759, 0.25922513, 0.74077487, 0.58661759, 0.41338241, 0.46257019, 0.53742981],
  ],
  [
    "two classes of one score as it is",
    { classes: [0], weights: scores, labels: 2 },
    [6, 6, 5, 5],
    [-0.09999999, 0.09999999, -0.80000001, 0.80000001, 0.60000002, -0.60000002, 0.1, -0.1],
  ],
  [
    "two classes of which the second alone has weights",
    { classes: [1], weights: scores, labels: 2, more: 'post_transform = "LOGISTIC"' },
    [6, 6, 5, 5],
    [0.5, 0.52497917, 0.5, 0.68997449, 0.5, 0.35434371, 0.5, 0.47502083],
  ],
  [
    "a sigmoid of weights that are all positive",
    { classes: [0], weights: shares, labels: 2, more: 'post_transform = "LOGISTIC", base_values = [0.25]' },
    [6, 6, 6, 6],
    [0.24048913, 0.75951087, 0.25922513, 0.74077487, 0.29943281, 0.70056719, 0.3658644, 0.6341356],
  ],
])("%s", (_, given, labels, expected) => {
  const found = run(ensemble(given));
  expect(found.labels).toEqual(labels);
  expect(found.scores).toHaveLength(expected.length);
  found.scores.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 6);
  });
});

test("a tree that is one leaf", () => {
  const attributes =
    'nodes_treeids = [0], nodes_nodeids = [0], nodes_featureids = [0], nodes_modes = ["LEAF"], nodes_values = [0.0], nodes_truenodeids = [0], nodes_falsenodeids = [0], class_treeids = [0, 0, 0], class_nodeids = [0, 0, 0], class_ids = [0, 1, 2], class_weights = [0.2, 0.5, 0.3], classlabels_int64s = [5, 6, 7]';
  const { labels, scores: found } = run(`l, p = ai.onnx.ml.TreeEnsembleClassifier <${attributes}> (x)`);
  expect(labels).toEqual([6, 6, 6, 6]);
  expect(found.slice(0, 3).map((value) => value.toFixed(4))).toEqual(["0.2000", "0.5000", "0.3000"]);
});

describe("what cannot be meant is refused", () => {
  const prepare = (body: string) => prepareModel(modelOf(body, 4), { where: "net.onnx", inputSize: [2, 2] });
  const whole = ensemble(ofThree);

  test.each([
    ["nodes that lead back", whole.replace("nodes_truenodeids = [1, 3", "nodes_truenodeids = [1, 1"), /make no trees/],
    [
      "a node that is not there",
      whole.replace("nodes_truenodeids = [1, 3", "nodes_truenodeids = [1, 9"),
      /tree 0 has no node 9/,
    ],
    ["lists of different lengths", whole.replace("nodes_nodeids = [0, ", "nodes_nodeids = ["), /different lengths/],
    [
      "modes that do not go together",
      whole.replace('"BRANCH_LEQ"', '"BRANCH_EQ"'),
      /"BRANCH_LEQ" are not supported here/,
    ],
    [
      "nodes that nothing leads to",
      whole.replace("nodes_falsenodeids = [2, 4", "nodes_falsenodeids = [2, 3"),
      /make no trees/,
    ],
    ["a class that is none", whole.replace("class_ids = [0", "class_ids = [3"), /do not fit/],
    ["other post-transforms", ensemble({ ...ofThree, more: 'post_transform = "PROBIT"' }), /"PROBIT" is not supported/],
  ])("%s", (_, body, message) => {
    expect(() => prepare(body)).toThrow(message);
  });

  test("as a classifier of pictures its gradient ends at the comparisons, which is said", () => {
    const { head, warnings } = prepare(whole);
    expect(head).toMatchObject({ count: 3 });
    expect(warnings.map(({ code }) => code)).toContain("no-gradient");
  });
});

test("a table that lists of a file would make too large is refused before it is made", () => {
  const count = 9000;
  const list = (of: (i: number) => string | number): string =>
    `[${Array.from({ length: count }, (_, i) => of(i)).join(", ")}]`;
  const leaf = `nodes_treeids = ${list((i) => i)}, nodes_nodeids = ${list(() => 0)}, nodes_featureids = ${list(() => 0)}, nodes_modes = ${list(() => '"LEAF"')}, nodes_values = ${list(() => "0.0")}, nodes_truenodeids = ${list(() => 0)}, nodes_falsenodeids = ${list(() => 0)}`;
  const classes = `class_treeids = ${list((i) => i)}, class_nodeids = ${list(() => 0)}, class_ids = ${list((i) => i)}, class_weights = ${list(() => "1.0")}, classlabels_int64s = ${list((i) => i)}`;
  const body = `l, p = ai.onnx.ml.TreeEnsembleClassifier <${leaf}, ${classes}> (x)`;
  expect(() => canonicalForm(modelOf(body))).toThrow(/a table of 9000 × 9000 numbers is too large/);
});
