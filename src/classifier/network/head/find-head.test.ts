import { describe, expect, test } from "vitest";
import { evaluate } from "../../../onnx/evaluate.ts";
import { canonicalForm } from "../../../onnx/rewrites/canonical-form.ts";
import { decodedNames } from "../../../onnx/rewrites/decoded-outputs.ts";
import { parseModel } from "../../../onnx/text/parse.ts";
import { softmax } from "../../logits.ts";
import { type PrepareModelOptions, prepareModel } from "../prepare-model.ts";
import { describeHead } from "./head.ts";

type Options = Partial<PrepareModelOptions>;

const weights = "float[3,3] W = {6, -2, 1, 0, 5, -3, 2, 1, 4}, float[3] B = {0.1, -0.2, 0.3}, int64[1] ax = {1}";
const scores = "a = GlobalAveragePool (x)  f = Flatten (a)  z = Gemm <transB = 1> (f, W, B)";

function prepare(
  body: string,
  { outputs = "(float[1,3] y)", more = "", ...options }: Options & { outputs?: string; more?: string } = {},
) {
  const text = `<ir_version: 7, opset_import: ["": 13, "ai.onnx.ml": 2]> g (float[1,3,8,8] x) => ${outputs} <${weights}${more && `, ${more}`}> { ${scores}  ${body} }`;
  const model = parseModel(text);
  return { model, prepared: prepareModel(model, { where: "net.onnx", ...options }) };
}

const picture = (scale = 1) => ({
  dtype: "float32" as const,
  shape: [1, 3, 8, 8],
  data: Float64Array.from({ length: 192 }, (_, i) => scale * [0.9, 0.3, 0.5][Math.floor(i / 64)] + 0.001 * (i % 64)),
});

/** The logits at a picture, and what the model itself gives out. */
function valuesOf({ model, prepared }: ReturnType<typeof prepare>, output: string, scale?: number) {
  const feeds = { x: picture(scale) };
  const inner = evaluate(canonicalForm(model, { keep: [output] }).model.graph, feeds, [output])[output];
  const logits = evaluate(prepared.graph, feeds, [prepared.logits])[prepared.logits];
  return { logits: Array.from(logits.data), output: Array.from(inner.data) };
}

const members = "z2 = Mul (z, half)  p1 = Softmax (z)  p2 = Softmax (z2)";
const half =
  "float[1,1,2] shares = {0.7, 0.3}, float half = {0.5}, float one = {1}, float hundred = {100}, float tiny = {1e-7}, float nine = {0.9}, float rest = {0.0333333333}, float most = {0.9999999}";

describe("one score with thresholds, as of classes in an order (CORAL)", () => {
  const more =
    "float[3,1] V = {2, -1, 1}, float[4] over = {1.5, 0.5, -0.5, -1.5}, float[1,4] under = {-1.5, -0.5, 0.5, 1.5}";
  test.each([
    ["sigmoids of a score and biases", "s = MatMul (f, V) u = Add (s, over) y = Sigmoid (u)", "u"],
    ["the scores alone", "s = MatMul (f, V) y = Add (s, over)", "y"],
    ["cumulative: thresholds less a score", "s = MatMul (f, V) u = Sub (under, s) y = Sigmoid (u)", "u"],
  ])("%s: a label for each threshold, with a word", (_, body, logits) => {
    const { prepared } = prepare(body, { more, outputs: "(float[1,4] y)" });
    expect(prepared).toMatchObject({ logits, head: { kind: "multi-label", count: 4 } });
    expect(prepared.warnings.map(({ message }) => message).join()).toMatch(
      /one score with 4 thresholds, as of 5 classes in an order.*no class by itself/,
    );
  });

  test("a bias of a layer is none", () => {
    const { prepared } = prepare("u = MatMul (f, W) y = Add (u, B)");
    expect(prepared.head).toMatchObject({ kind: "softmax", count: 3 });
  });
});

describe("probabilities, however they are made, are taken back to what they are made of", () => {
  test.each([
    ["a Softmax", "y = Softmax (z)", 1],
    [
      "written out",
      "m = ReduceMax <axes = [1]> (z) u = Sub (z, m) e = Exp (u) t = ReduceSum (e, ax) y = Div (e, t)",
      1,
    ],
    ["written out without a maximum", "e = Exp (z) t = ReduceSum (e, ax) y = Div (e, t)", 1],
    ["by a reciprocal", "e = Exp (z) t = ReduceSum (e, ax) r = Reciprocal (t) y = Mul (e, r)", 1],
    ["with a small constant below", "e = Exp (z) t = ReduceSum (e, ax) u = Add (t, tiny) y = Div (e, u)", 1],
    ["exp of a log-softmax", "l = LogSoftmax (z) y = Exp (l)", 1],
    ["exp of one written out", "l = ReduceLogSumExp <axes = [1]> (z) u = Sub (z, l) y = Exp (u)", 1],
    ["in per cent", "p = Softmax (z) y = Mul (p, hundred)", 100],
    ["clipped", "p = Softmax (z) y = Clip (p, tiny, most)", 1],
    ["smoothed", "p = Softmax (z) q = Mul (p, nine) y = Add (q, rest)", 1],
    ["sharpened", "p = Softmax (z) q = Mul (p, p) t = ReduceSum (q, ax) y = Div (q, t)", 1],
    ["normalized once more", "p = Softmax (z) t = ReduceSum (p, ax) y = Div (p, t)", 1],
    ["the mean of an ensemble", `${members} s = Add (p1, p2) y = Mul (s, half)`, 1],
    ["the mean of an ensemble by Mean", `${members} y = Mean (p1, p2)`, 1],
    [
      "the mean of stacked members",
      `${members} u1 = Unsqueeze (p1, ax) u2 = Unsqueeze (p2, ax) s = Concat <axis = 1> (u1, u2) y = ReduceMean <axes = [1], keepdims = 0> (s)`,
      1,
    ],
    ["shares of a sum", "e = Softplus (z) t = ReduceSum (e, ax) y = Div (e, t)", 1],
    [
      "the weighted mean of stacked members by a product",
      `${members} u1 = Unsqueeze (p1, ax) u2 = Unsqueeze (p2, ax) s = Concat <axis = 1> (u1, u2) m = MatMul (shares, s) y = Squeeze (m, ax)`,
      1,
    ],
    [
      "shares of what a ReLU lets pass, none at times",
      "d = Sub (z, one) r = Relu (d) t = ReduceSum (r, ax) u = Add (t, tiny) y = Div (r, u)",
      1,
    ],
  ])("%s", (_, body, total) => {
    const found = prepare(body, { more: half });
    expect(found.prepared.head).toMatchObject({ kind: "softmax", count: 3 });
    for (const scale of [1, 3]) {
      const { logits, output } = valuesOf(found, "y", scale);
      const probabilities = softmax(logits);
      output.forEach((p, i) => {
        expect(probabilities[i]).toBeCloseTo(p / total, 6);
      });
      // Neither 0 nor 1 in any way that float32 could round to.
      for (const logit of logits) expect(Number.isFinite(logit)).toBe(true);
    }
  });

  test("where the graph cannot be read, the logarithm of the values is taken", () => {
    // Shares of squares: no softmax of anything.
    const found = prepare("q = Mul (z, z) e = Abs (q) t = ReduceSum (e, ax) y = Div (e, t)");
    const { logits, output } = valuesOf(found, "y");
    const probabilities = softmax(logits);
    output.forEach((p, i) => {
      expect(probabilities[i]).toBeCloseTo(p, 6);
    });
  });

  test.each([
    ["bytes", "float byte = {255}", "p = Softmax (z) q = Mul (p, byte) y = Round (q)"],
    ["per mille", "float mille = {1000}", "p = Softmax (z) y = Mul (p, mille)"],
  ])("in %s", (_, more, body) => {
    expect(prepare(body, { more }).prepared).toMatchObject({ logits: "z", head: { kind: "softmax", count: 3 } });
  });

  test("far likelihoods, as of a Gaussian for each class, and those of many numbers", () => {
    const likelihood = (size: number) =>
      prepareModel(
        parseModel(
          `<ir_version: 7, opset_import: ["": 13]> g (float[1,3,${size},${size}] x) => (float[1,3] y)
          <float[1] width = {-0.000001}, int64[2] places = {2, 3}, float[1,3,1,1] mean = {0.2, 0.4, 0.6}>
          { d = Sub (x, mean)  q = Mul (d, d)  n = Div (q, width)  s = ReduceSum <keepdims = 0> (n, places)
            r = ReduceLogSumExp <axes = [1]> (s)  l = Sub (s, r)  y = Exp (l) }`,
        ),
        { where: "net.onnx" },
      );
    for (const size of [8, 512]) expect(likelihood(size)).toMatchObject({ logits: "s", head: { kind: "softmax" } });
  });

  test("the scores themselves are used where the probabilities are a softmax of them", () => {
    for (const body of [
      "y = Softmax (z)",
      "e = Exp (z) t = ReduceSum (e, ax) y = Div (e, t)",
      "l = LogSoftmax (z) y = Exp (l)",
    ]) {
      expect(prepare(body).prepared).toMatchObject({ logits: "z", head: { value: "z" } });
    }
  });

  test("scores that sum to nothing in particular stay as they are", () => {
    expect(prepare("y = Relu (z)").prepared).toMatchObject({ logits: "y", head: { kind: "softmax" } });
    expect(prepare("y = Mul (z, z)").prepared.logits).toBe("y");
  });
});

describe("distances to what stands for each class: the nearest is the class", () => {
  const difference = "u = Unsqueeze (z, ax) d = Sub (u, prototypes)";
  const prototypes =
    "float[1,4,3] prototypes = {0, 0, 0, 5, -1, 2, 1, 1, 1, 2, -3, 4}, int64[1] last = {2}, float two = {2}, float half = {0.5}, float tiny = {1e-6}, float zero = {0}, float[3,4] turned = {0, 5, 1, 2, 0, -1, 1, -3, 0, 2, 1, 4}, float[1,4] lengths = {0, 30, 3, 29}";
  const nearest = { outputs: "(float[1,4] y)", more: prototypes };
  const multipliedOut =
    "n = ReduceSumSquare <axes = [1], keepdims = 1> (z) i = MatMul (z, turned) t = Mul (two, i) o = Sub (n, t) s = Add (o, lengths)";

  test.each([
    ["the sum of squares", `${difference} y = ReduceSumSquare <axes = [2], keepdims = 0> (d)`],
    ["the length", `${difference} y = ReduceL2 <axes = [2], keepdims = 0> (d)`],
    ["magnitudes", `${difference} y = ReduceL1 <axes = [2], keepdims = 0> (d)`],
    ["powers", `${difference} p = Pow (d, two) y = ReduceMean <axes = [2], keepdims = 0> (p)`],
    ["the root of a sum", `${difference} p = Mul (d, d) s = ReduceSum <keepdims = 0> (p, last) y = Sqrt (s)`],
    [
      "the prototypes less the features",
      `u = Unsqueeze (z, ax) d = Sub (prototypes, u) y = ReduceL2 <axes = [2], keepdims = 0> (d)`,
    ],
    [
      "as PyTorch's pairwise_distance",
      `${difference} e = Add (d, tiny) p = Pow (e, two) s = ReduceSum <keepdims = 0> (p, last) y = Pow (s, half)`,
    ],
    ["multiplied out", `${multipliedOut} c = Clip (s, zero) y = Sqrt (c)`],
    ["on another scale", `${multipliedOut} y = Mul (s, two)`],
  ])("%s", (_, body) => {
    const found = prepare(body, nearest);
    expect(found.prepared.head).toMatchObject({ kind: "softmax", count: 4 });
    const { logits, output } = valuesOf(found, "y");
    expect(logits).toEqual(output.map((distance) => -distance));
    expect(found.prepared.warnings.map(({ message }) => message)).toEqual([
      '"y" is a distance to each class: its smallest number is taken for the class. If its largest is meant, give --logits y',
    ]);
    expect(found.prepared.notes.join()).toContain("percentages are those of the softmax of its negative");
  });

  test("prototypes of many features, too many to be read for shapes", () => {
    const [classes, features] = [32, 192];
    const numbers = Array.from({ length: classes * features }, (_, i) => Math.sin(i));
    const body =
      "v = Flatten (x) w = Unsqueeze (v, ax) d = Sub (w, many) s = ReduceSumSquare <axes = [2], keepdims = 0> (d) y = Sqrt (s)";
    const found = prepare(body, {
      outputs: `(float[1,${classes}] y)`,
      more: `float[1,${classes},${features}] many = {${numbers}}`,
    });
    expect(found.prepared.head.count).toBe(classes);
    const { logits, output } = valuesOf(found, "y");
    expect(logits).toEqual(output.map((distance) => -distance));
  });

  test.each([
    ["the negative of a distance", `${difference} s = ReduceSumSquare <axes = [2], keepdims = 0> (d) y = Neg (s)`],
    [
      "a similarity that falls with it",
      `${difference} s = ReduceL2 <axes = [2], keepdims = 0> (d) t = Add (s, two) y = Reciprocal (t)`,
    ],
    [
      "the length of capsules",
      "u = Unsqueeze (z, ax) d = Mul (u, prototypes) y = ReduceL2 <axes = [2], keepdims = 0> (d)",
    ],
    ["scores with a constant for each class", "i = MatMul (z, turned) y = Add (i, lengths)"],
  ])("%s stays as it is, or is what it is made of", (_, body) => {
    const found = prepare(body, nearest);
    const { logits, output } = valuesOf(found, "y");
    expect(logits.indexOf(Math.max(...logits))).toBe(output.indexOf(Math.max(...output)));
  });

  test("named by the user, the largest is the class", () => {
    const found = prepare(`${difference} y = ReduceL2 <axes = [2], keepdims = 0> (d)`, { ...nearest, logits: "y" });
    const { logits, output } = valuesOf(found, "y");
    expect(logits).toEqual(output);
  });
});

describe("scores with a limit, whose softmax is nearly flat", () => {
  const more =
    "float[3,4] units = {1, 0, 0.6, 0, 0, 1, 0.8, 0, 0, 0, 0, -1}, float[4,3] upright = {1, 0, 0, 0, 1, 0, 0.6, 0.8, 0, 0, 0, -1}, float half = {0.5}, float thirty = {30}, float four = {4}, int64[1] all = {1}";
  const unit = "f2 = LpNormalization <axis = 1, p = 2> (f)";

  test.each([
    ["a hyperbolic tangent", "y = Tanh (z)", 3, "from -1 to 1, so that no class can have more than 79 %"],
    [
      "on a smaller scale",
      "t = Tanh (z) y = Mul (half, t)",
      3,
      "from -0.5 to 0.5, so that no class can have more than 58 %",
    ],
    ["cosines", `${unit} y = MatMul (f2, units)`, 4, "from -1 to 1, so that no class can have more than 72 %"],
    [
      "cosines written out, of weights row by row",
      "q = Mul (f, f) s = ReduceSum (q, all) r = Sqrt (s) f2 = Div (f, r) y = Gemm <transB = 1, alpha = 0.5> (f2, upright)",
      4,
      "from -0.5 to 0.5, so that no class can have more than 48 %",
    ],
  ])("%s", (_, body, count, said) => {
    const { prepared } = prepare(body, { outputs: `(float[1,${count}] y)`, more });
    expect(prepared).toMatchObject({ logits: "y", head: { kind: "softmax", count } });
    expect(prepared.notes.join()).toContain(`the scores lie ${said}: their order says which class is meant`);
  });

  test.each([
    ["cosines times a large number, as they are trained", `${unit} c = MatMul (f2, units) y = Mul (c, thirty)`],
    ["divided by a temperature", `${unit} c = MatMul (f2, units) y = Div (c, half) w = Mul (y, four)`],
    ["with a bias", `${unit} y = Gemm (f2, units, four)`],
    ["of features of any length", "y = MatMul (f, units)"],
  ])("%s: nothing is said", (_, body) => {
    const last = body.match(/(\w) = [^=]*$/)?.[1];
    const { prepared } = prepare(body, { outputs: `(float[1,4] ${last})`, more });
    expect(prepared.notes).toEqual([]);
  });
});

describe("numbers that are a function of probabilities, each of its own", () => {
  const p = "p = Softmax (z)";
  test.each([
    ["the square", `${p} y = Mul (p, p)`, []],
    ["the root", `${p} y = Sqrt (p)`, []],
    ["on another scale", `${p} d = Mul (p, hundred) y = Sub (d, one)`, []],
    ["what is above a limit", `${p} d = Sub (p, half) y = Relu (d)`, []],
    ["one minus", `${p} y = Sub (one, p)`, ["doubtful-head"]],
    ["a hundred minus per cent", `${p} d = Mul (p, hundred) y = Sub (hundred, d)`, ["doubtful-head"]],
    ["the negated plus one", `${p} n = Neg (p) y = Add (n, one)`, ["doubtful-head"]],
    ["the reciprocal", `${p} y = Reciprocal (p)`, ["doubtful-head"]],
  ])("%s: the probabilities are taken", (_, body, warnings) => {
    const found = prepare(body, { more: half });
    expect(found.prepared).toMatchObject({ logits: "z", head: { kind: "softmax", count: 3 } });
    expect(found.prepared.warnings.map(({ code }) => code)).toEqual(warnings);
    // The class is the largest of the numbers where they rise, and the smallest where they fall.
    const { logits, output } = valuesOf(found, "y");
    const extreme = warnings.length > 0 ? Math.min(...output) : Math.max(...output);
    expect(logits.indexOf(Math.max(...logits))).toBe(output.indexOf(extreme));
  });

  test("what falls is said, with what to do if the largest is meant; then the numbers are taken as they are", () => {
    const { prepared } = prepare(`${p} y = Sub (one, p)`, { more: half });
    expect(prepared.warnings[0].message).toBe(
      '"y" falls as the probabilities rise that it is made of: its smallest number is taken for the class. If its largest is meant, give --logits y',
    );
    expect(prepared.head.reason).toMatch(/^the scores before a Softmax, of which it is a falling function/);
    const named = prepare(`${p} y = Sub (one, p)`, { more: half, logits: "y" });
    const { logits, output } = valuesOf(named, "y");
    expect(logits.indexOf(Math.max(...logits))).toBe(output.indexOf(Math.max(...output)));
  });

  test("the negative logarithm of a sigmoid for each label is of labels, the smallest the most probable", () => {
    const { prepared } = prepare("s = Sigmoid (z) l = Log (s) y = Neg (l)");
    expect(prepared).toMatchObject({ logits: "z", head: { kind: "multi-label" } });
    expect(prepared.warnings.map(({ code }) => code)).toEqual(["doubtful-head"]);
  });

  test("what is a distribution by itself is taken at its word", () => {
    const two = "g = Gather <axis = 1> (z, both) p = Softmax (g) y = Sub (one, p)";
    const found = prepare(two, { outputs: "(float[1,2] y)", more: `${half}, int64[2] both = {0, 1}` });
    const { logits, output } = valuesOf(found, "y");
    softmax(logits).forEach((share, i) => {
      expect(share).toBeCloseTo(output[i], 6);
    });
    expect(found.prepared.warnings).toEqual([]);
  });

  test("scores that are not made of probabilities stay as they are", () => {
    expect(prepare("y = Neg (z)").prepared).toMatchObject({ logits: "y", warnings: [] });
    expect(prepare("s = Sub (z, one) y = Mul (s, half)", { more: half }).prepared.logits).toBe("y");
  });
});

describe("cosine distances, and what falls with distances", () => {
  const more =
    "float[1,3,3] P = {1, 0, 0, 0, 1, 0, 0, 0, 1}, float[3,3] Q = {2, 0, 0, 0, 2, 0, 0, 0, 2}, float one = {1}";
  const difference = "u = Unsqueeze (f, ax) d = Sub (u, P)";
  const cosine = "n = LpNormalization <axis = 1> (f) c = MatMul (n, Q)";
  test.each([
    ["one less the cosines", `${cosine} y = Sub (one, c)`, true],
    ["the reciprocal", `${difference} s = ReduceL2 <axes = [2], keepdims = 0> (d) y = Reciprocal (s)`, false],
    ["cosines themselves", `${cosine} y = Mul (c, one)`, false],
  ])("%s", (_, body, isSmallest) => {
    const found = prepare(body, { more });
    expect(found.prepared.head).toMatchObject({ kind: "softmax", count: 3 });
    const { logits, output } = valuesOf(found, "y");
    const extreme = isSmallest ? Math.min(...output) : Math.max(...output);
    expect(logits.indexOf(Math.max(...logits))).toBe(output.indexOf(extreme));
    const codes = found.prepared.warnings.map(({ code }) => code);
    expect(codes).toEqual(isSmallest ? ["doubtful-head"] : []);
    // Named by the user, the numbers are taken as they are.
    const named = valuesOf(prepare(body, { more, logits: "y" }), "y");
    expect(named.logits).toEqual(named.output);
  });

  test.each([
    ["distances", `${difference} s = ReduceL2 <axes = [2], keepdims = 0> (d) y = ArgMin <axis = 1> (s)`, "s"],
    ["any numbers", "y = ArgMin <axis = 1> (z)", "z"],
    ["the nearest of them", "v, y = TopK <largest = 0> (z, k)", "z"],
  ])("where the model itself chooses the smallest of %s", (_, body, numbers) => {
    const found = prepare(body, { more: `${more}, int64[1] k = {1}`, outputs: "(int64[1,1] y)" });
    expect(found.prepared.head).toMatchObject({ kind: "softmax", count: 3 });
    expect(found.prepared.warnings.map(({ code }) => code)).toEqual(["doubtful-head"]);
    const { logits, output } = valuesOf(found, numbers);
    expect(logits).toEqual(output.map((value) => -value));
  });

  test("of exponentials of them, and of scores, the shares are the softmax of what is raised", () => {
    const kernel = `${difference} s = ReduceSumSquare <axes = [2], keepdims = 0> (d) m = Neg (s) y = Exp (m)`;
    expect(prepare(kernel, { more }).prepared).toMatchObject({ logits: "m", head: { kind: "softmax" } });
    expect(prepare("y = Exp (z)").prepared).toMatchObject({ logits: "z", head: { kind: "softmax" } });
  });
});

describe("one number is two classes", () => {
  const one = "float[1,3] w = {40, 0, 0}, float[1] b = {-20}, float two = {2}";
  const z1 = "v = Gemm <transB = 1> (f, w, b)";
  test.each([
    ["a sigmoid", "y = Sigmoid (v)", (z: number) => z],
    ["squeezed", "p = Sigmoid (v) y = Squeeze (p, ax)", (z: number) => z],
    ["written out", "n = Neg (v) e = Exp (n) d = Add (e, one) y = Div (one, d)", (z: number) => z],
    ["in per cent", "p = Sigmoid (v) y = Mul (p, hundred)", (z: number) => z],
    ["clipped", "p = Sigmoid (v) y = Clip (p, tiny, most)", (z: number) => z],
    ["one minus it", "p = Sigmoid (v) y = Sub (one, p)", (z: number) => -z],
    ["by a tangent", "h = Div (v, two) t = Tanh (h) u = Add (t, one) y = Mul (u, half)", (z: number) => z],
    ["a score", "y = Identity (v)", (z: number) => z],
  ])("%s", (_, body, logitOf) => {
    const isSqueezed = body.includes("Squeeze");
    const found = prepare(`${z1} ${body}`, {
      outputs: isSqueezed ? "(float[1] y)" : "(float[1,1] y)",
      more: `${one}, ${half}`,
    });
    const { prepared } = found;
    expect(prepared).toMatchObject({ classCount: 2, head: { kind: "sigmoid", count: 2 } });
    const { logits } = valuesOf(found, "y");
    const [v] = valuesOf(found, "v").output;
    expect(logits).toEqual([0, expect.closeTo(logitOf(v), 9)]);
    expect(prepared.typed(4).types.get(prepared.logits)?.shape).toEqual([4, 2]);
    expect(prepared.warnings.map(({ code }) => code)).toEqual(body.includes("Identity") ? ["one-value-head"] : []);
  });

  test("a pair of sigmoids is one softmax", () => {
    const pair = `${z1} p = Sigmoid (v) q = Sub (one, p) y = Concat <axis = 1> (q, p)`;
    const found = prepare(pair, { outputs: "(float[1,2] y)", more: `${one}, ${half}` });
    const { logits } = valuesOf(found, "y");
    const [v] = valuesOf(found, "v").output;
    expect(found.prepared.head).toMatchObject({ kind: "softmax", count: 2 });
    expect(logits[1] - logits[0]).toBeCloseTo(v, 9);
  });
});

describe("what a model decides is taken back to the scores that it decides by", () => {
  const p = "p = Softmax (z)";
  const s = "s = Sigmoid (z)";
  test.each([
    [
      "the largest probability with its class",
      `${p} y = ReduceMax <axes = [1]> (p) i = ArgMax <axis = 1> (p)`,
      "softmax",
    ],
    ["the largest probability alone", `${p} y = ReduceMax <axes = [1]> (p)`, "softmax"],
    ["a hard maximum", "y = Hardmax <axis = 1> (z)", "softmax"],
    [
      "one where the score is the largest",
      "m = ReduceMax <axes = [1]> (z) e = Equal (z, m) y = Cast <to = 1> (e)",
      "softmax",
    ],
    ["one above a limit", `${s} g = Greater (s, half) y = Cast <to = 1> (g)`, "multi-label"],
    ["one above a limit, chosen", `${s} g = Less (half, s) y = Where (g, one, none)`, "multi-label"],
    ["rounded sigmoids", `${s} y = Round (s)`, "multi-label"],
    ["probabilities in whole per cent", `${p} h = Mul (p, hundred) y = Round (h)`, "softmax"],
    ["probabilities in bytes", `${p} y = QuantizeLinear (p, step, zero)`, "softmax"],
    [
      "probabilities through bytes",
      `${p} q = QuantizeLinear (p, step, zero) y = DequantizeLinear (q, step, zero)`,
      "softmax",
    ],
  ])("%s", (_, body, kind) => {
    const more = `${half}, float none = {0}, float step = {0.00390625}, uint8 zero = {0}`;
    const outputs = body.includes("i =") ? "(float[1,1] y, int64[1,1] i)" : "(? y)";
    const { prepared } = prepare(body, { more, outputs });
    expect(prepared).toMatchObject({ logits: "z", classCount: 3, head: { kind, count: 3 } });
  });

  test("it is said", () => {
    const { prepared } = prepare("y = Hardmax <axis = 1> (z)");
    expect(prepared.notes.join()).toMatch(
      /output "y" only says which scores are the largest.* the scores themselves are taken/,
    );
    expect(prepare("y = Softmax (z)").prepared.notes).toEqual([]);
  });

  test("a decision that cannot be taken back is no classification", () => {
    const body = "t = Sign (z) y = Clip (t, none, one)";
    expect(() => prepare(body, { more: `${half}, float none = {0}` })).toThrow(
      "nothing but 0 and 1, decisions from which no gradient",
    );
  });
});

test("a Softmax over the pictures of a batch is refused with the scores before it", () => {
  expect(() => prepare("y = Softmax <axis = 0> (z)")).toThrow(
    /its Softmax goes over the pictures of a batch and not over the classes \(the scores before it are "z", which --logits takes\)/,
  );
  expect(prepare("y = Softmax <axis = 0> (z)", { logits: "z" }).prepared.classCount).toBe(3);
});

test("an expected value of probabilities is a quantity, and logarithms of sigmoids are labels each by itself", () => {
  const bins = "float[3,1] bins = {10, 20, 30}";
  expect(() => prepare("p = Softmax (z) y = MatMul (p, bins)", { outputs: "(float[1,1] y)", more: bins })).toThrow(
    /never negative and may exceed 1, as quantities do, .* give --head value/,
  );
  const { prepared } = prepare("s = Sigmoid (z) y = Log (s)");
  expect(prepared).toMatchObject({ logits: "z", head: { kind: "multi-label" } });
});

test("numbers for many places or objects are refused as such, and two groups of classes are not one", () => {
  for (const [body, outputs] of [
    ["y = Relu (x)", "(float[1,3,8,8] y)"],
    ["y = ArgMax <axis = 1> (x)", "(int64[1,1,8,8] y)"],
    ["k = Concat <axis = 1> (z, z) y = Reshape (k, groups)", "(float[1,2,3] y)"],
    // Letters at each place of a line, the places behind the pictures or, as of recurrent layers, before them.
    ["k = Reshape (x, lines) y = LogSoftmax <axis = 2> (k)", "(float[1,24,8] y)"],
    ["k = Reshape (x, steps) y = LogSoftmax <axis = 2> (k)", "(float[24,1,8] y)"],
  ]) {
    const more = "int64[3] groups = {1, 2, 3}, int64[3] lines = {1, 24, 8}, int64[3] steps = {24, 1, 8}";
    expect(() => prepare(body, { outputs, more })).toThrow(
      /"y" gives numbers for many places or objects, as segmentations, detectors and texts read letter by letter do, and/,
    );
  }
});

test.each([
  [
    "joined",
    "p = Softmax (z) t = Gemm <transB = 1> (f, V) q = Softmax (t) y = Concat <axis = 1> (p, q)",
    "of 3 and 2 classes (--logits p or --logits q takes one)",
  ],
  [
    "one softmax for each row",
    "t = Gemm <transB = 1> (f, U) r = Reshape (t, rows) q = Softmax (r) y = Reshape (q, row)",
    "of 2, 2 and 2 classes",
  ],
])("probabilities of several classifications in one row are not one: %s", (_, body, said) => {
  const more =
    "float[2,3] V = {1, 2, 3, 3, 2, 1}, float[6,3] U = {1,2,3,3,2,1,1,0,0,0,1,0,2,1,2,0,3,0}, int64[3] rows = {-1, 3, 2}, int64[2] row = {-1, 6}";
  const outputs = body.includes("U") ? "(float[1,6] y)" : "(float[1,5] y)";
  expect(() => prepare(body, { outputs, more })).toThrow(`classifications side by side, ${said}`);
  if (body.includes("V")) expect(prepare(body, { outputs, more, logits: "q" }).prepared.classCount).toBe(2);
});

test.each([
  ["a geometric mean", `m = Mul (p1, p2) y = Sqrt (m)`],
  ["the exponential of a mean of logarithms", "l1 = LogSoftmax (z) l2 = LogSoftmax (z2) m = Mean (l1, l2) y = Exp (m)"],
  ["a product", "y = Mul (p1, p2)"],
  ["classes times how sure it is that there is one", "c = ReduceSum (z, ax) o = Sigmoid (c) y = Mul (p1, o)"],
])("products of probabilities of classes are of classes that exclude each other: %s", (_, body) => {
  const found = prepare(`${members} ${body}`, { more: half });
  expect(found.prepared).toMatchObject({ head: { kind: "softmax", count: 3 }, warnings: [] });
  const { logits, output } = valuesOf(found, "y");
  const sum = output.reduce((all, value) => all + value, 0);
  softmax(logits).forEach((share, i) => {
    expect(share).toBeCloseTo(output[i] / sum, 5);
  });
});

describe("what says that numbers are scores of classes", () => {
  const rows = (count: number): string =>
    `float[${count},3] V = {${Array.from({ length: 3 * count }, (_, i) => (i % 11) - 5)}}`;
  const several = (count: number, of: { output?: string; layer?: string; tail?: string } & Options = {}) => {
    const { output = "output", layer = "V", tail = "", ...options } = of;
    const more = `${rows(count).replace(" V ", ` ${layer} `)}, float[${count}] s = {${Array.from({ length: count }, (_, i) => 1 + (i % 3))}}`;
    const last = tail === "" ? output : "t";
    const body = `${last} = Gemm <transB = 1> (f, ${layer}) ${tail.replace("y =", `${output} =`)}`;
    return prepare(body, { outputs: `(float[1,${count}] ${output})`, more, ...options }).prepared;
  };
  test.each<[string, number, Parameters<typeof several>[1], boolean]>([
    ["nothing", 7, {}, true],
    ["the output's name", 7, { output: "logits" }, false],
    ["the last layer's name", 7, { layer: "classifier_weight" }, false],
    ["as many names", 7, { labelCount: 7 }, false],
    ["a usual number", 100, {}, false],
    ["a softmax", 7, { tail: "y = Softmax (t)" }, false],
    ["somebody who names it", 7, { logits: "output" }, false],
    ["somebody who says what it is", 7, { head: "softmax" }, false],
  ])("%s", (_, count, of, isAssumed) => {
    expect(several(count, of).isMeaningAssumed).toBe(isAssumed);
  });

  test("as many numbers as a layer has behind a normalization are an embedding, unless something calls them classes", () => {
    const model = { tail: "y = BatchNormalization (t, s, s, s, s)" };
    expect(() => several(128, model)).toThrow(
      /"output" is no classification: a BatchNormalization ends it, as it does embeddings of 128 numbers/,
    );
    expect(several(128, { ...model, head: "softmax" }).classCount).toBe(128);
    expect(several(128, { ...model, labelCount: 128 }).classCount).toBe(128);
    expect(several(128, { ...model, output: "logits" }).classCount).toBe(128);
    expect(several(100, model).classCount).toBe(100);
  });
});

describe("scores of the places that another output has numbers for are no classification of the picture", () => {
  const weightsOf = (name: string, rows: number): string =>
    `float[${rows},3] ${name} = {${Array.from({ length: 3 * rows }, (_, i) => (i % 7) - 3)}}`;
  const more = `${weightsOf("Wp", 20)}, ${weightsOf("Ws", 5)}, int64[3] places = {1, 5, 4}, int64[2] alone = {5, 4}, int64[1] all = {-1}, ${weightsOf("Wf", 3)}, int64[3] column = {1, 5, 1}`;
  const places = "k = Gemm <transB = 1> (f, Wp)";
  const sure = "s = Gemm <transB = 1> (f, Ws)";
  const boxes = `${places} b = Reshape (k, places)`;
  const detectors = [
    ["boxes and sigmoids", `${boxes} ${sure} y = Sigmoid (s)`, "(float[1,5,4] b, float[1,5] y)"],
    [
      "boxes, classes and a count",
      `${boxes} ${sure} y = Sigmoid (s) detection_classes = Round (s) num = ReduceSum (y)`,
      "(float[1,5,4] b, float[1,5] y, float[1,5] detection_classes, float num)",
    ],
    [
      "boxes, labels and scores of one picture",
      `${places} b = Reshape (k, alone) ${sure} p = Sigmoid (s) y = Reshape (p, all) labels = ArgMax <axis = 1, keepdims = 0> (b)`,
      "(float[5,4] b, int64[5] labels, float[5] y)",
    ],
    ["scores in a column", `${boxes} ${sure} y = Reshape (s, column)`, "(float[1,5,4] b, float[1,5,1] y)"],
    [
      "boxes by column",
      `${boxes} pred_boxes = Transpose <perm = [0, 2, 1]> (b) ${sure} y = Sigmoid (s)`,
      "(float[1,4,5] pred_boxes, float[1,5] y)",
    ],
  ];
  test.each(detectors)("%s", (_, body, outputs) => {
    expect(() => prepare(body, { outputs, more })).toThrow(
      /"(b|pred_boxes)" gives numbers for many places or objects, as segmentations, detectors and texts read letter by letter do.* name it: .*--logits y/,
    );
    expect(prepare(body, { outputs, more, logits: "y" }).prepared.head.count).toBe(5);
  });

  test.each([
    [
      "a classification beside a detector",
      `${boxes} ${sure} cls = Identity (z)`,
      "(float[1,5,4] b, float[1,5] s, float[1,3] cls)",
      3,
    ],
    [
      "scores beside the activation map of each class",
      `${boxes} class_cams = Identity (b) ${sure} y = Identity (s)`,
      "(float[1,5] y, float[1,5,4] class_cams)",
      5,
    ],
    [
      "scores beside those of four heads",
      `${boxes} heads = Transpose <perm = [0, 2, 1]> (b) ${sure} y = Sigmoid (s)`,
      "(float[1,4,5] heads, float[1,5] y)",
      5,
    ],
    ["a softmax over as many classes", `${boxes} ${sure} y = Softmax (s)`, "(float[1,5,4] b, float[1,5] y)", 5],
    [
      "the lengths of vectors for each class",
      `${boxes} q = Mul (b, b) y = ReduceSum <keepdims = 0> (q, last)`,
      "(float[1,5,4] b, float[1,5] y)",
      5,
    ],
    [
      "features of each class",
      `${places} features = Reshape (k, places) ${sure}`,
      "(float[1,5,4] features, float[1,5] s)",
      5,
    ],
  ])("but %s is", (_, body, outputs, count) => {
    const { prepared } = prepare(body, { outputs, more: `${more}, int64[1] last = {2}` });
    expect(prepared.head.count).toBe(count);
  });

  test("nor are classes that have names", () => {
    const [, body, outputs] = detectors[0];
    expect(prepare(body, { outputs, more, labelCount: 5 }).prepared.head.count).toBe(5);
  });
});

test("a softmax asked for as labels gives each its own probability", () => {
  const found = prepare("y = Softmax (z)", { head: "multi-label" });
  const { logits, output } = valuesOf(found, "y");
  output.forEach((p, i) => {
    expect(1 / (1 + Math.exp(-logits[i]))).toBeCloseTo(p, 6);
  });
});

test("one number from 0 to 1 that no sigmoid makes is a probability with a warning", () => {
  const one = "float[1,3] w = {40, 0, 0}, float[1] b = {-20}, float none = {0}, float one = {1}";
  for (const body of ["y = Tanh (v)", "y = Clip (v, none, one)"]) {
    const { prepared } = prepare(`v = Gemm <transB = 1> (f, w, b) ${body}`, { outputs: "(float[1,1] y)", more: one });
    expect(prepared.head.kind).toBe("sigmoid");
    expect(prepared.warnings).toEqual([
      { code: "one-value-head", message: expect.stringMatching(/that no sigmoid makes .*--head value$/) },
    ]);
  }
});

test("a decision for each label is one for each: its graph has two classes, absent and present", () => {
  for (const body of ["y = Sigmoid (z)", "n = Neg (z) e = Exp (n) d = Add (e, one) y = Reciprocal (d)"]) {
    const found = prepare(body, { more: half });
    const { prepared } = found;
    expect(prepared).toMatchObject({ logits: "z", classCount: 3, head: { kind: "multi-label", count: 3 } });
    const decision = prepared.decision(1);
    expect(decision).toMatchObject({ classCount: 2, head: { decision: 1 } });
    const logits = evaluate(decision.graph, { x: picture() }, [decision.logits])[decision.logits];
    expect(Array.from(logits.data)).toEqual([0, expect.closeTo(valuesOf(found, "z").output[1], 9)]);
  }
  expect(() => prepare("y = Softmax (z)").prepared.decision(1)).toThrow("does not decide each label by itself");
  // Two sigmoids that are no complements of one another.
  const two = prepare("s = Sigmoid (z) y = Gather <axis = 1> (s, ix)", {
    outputs: "(float[1,2] y)",
    more: "int64[2] ix = {0, 2}",
  });
  expect(two.prepared.head).toMatchObject({ kind: "multi-label", count: 2 });
});

describe("of several outputs, the classification", () => {
  const heads =
    "float[4,3] Wb = {1,2,3,4,5,6,7,8,9,1,2,3}, float[1,3] Wa = {1,2,3}, float[32,3] We = {1}, float[5,3] W5 = {1}";
  const head = (text: string, outputs: string, options: Options = {}) =>
    prepare(text, {
      outputs,
      more: heads.replace("We = {1}", `We = {${Array(96).fill(1)}}`).replace("W5 = {1}", `W5 = {${Array(15).fill(1)}}`),
      ...options,
    });
  const box = "box = Gemm <transB = 1> (f, Wb)";
  const age = "age = Gemm <transB = 1> (f, Wa)";
  const embedding = "e = Gemm <transB = 1> (f, We)";

  test.each([
    ["a softmax beside a box", `${box} cls = Softmax (z)`, "(float[1,4] box, float[1,3] cls)", "z"],
    [
      "scores beside a box and an age",
      `${box} ${age} cls = Identity (z)`,
      "(float[1,4] box, float[1,1] age, float[1,3] cls)",
      "cls",
    ],
    [
      "scores beside an embedding",
      `${embedding} features = Identity (e) cls = Identity (z)`,
      "(float[1,32] features, float[1,3] cls)",
      "cls",
    ],
    [
      "scores beside a vector of length 1",
      `${embedding} v = LpNormalization <axis = 1> (e) cls = Identity (z)`,
      "(float[1,32] v, float[1,3] cls)",
      "cls",
    ],
    ["scores beside a map", "m = Relu (x) cls = Identity (z)", "(float[1,3,8,8] m, float[1,3] cls)", "cls"],
    [
      "probabilities given out beside their scores",
      "p = Softmax (z) s = Identity (z)",
      "(float[1,3] s, float[1,3] p)",
      "s",
    ],
  ])("%s", (_, body, outputs, logits) => {
    const { prepared } = head(body, outputs);
    expect([prepared.head.value, prepared.logits]).toContain(logits);
    expect(prepared.head.count).toBe(3);
    expect(describeHead(prepared.head)).toMatch(/^value "\w+", 3 classes \(/);
  });

  test.each([
    ["four sigmoids, as of a box", `${box} b = Sigmoid (box) s = Identity (z)`, "(float[1,4] b, float[1,3] s)", "s"],
    [
      "four sigmoids beside one",
      `${box} b = Sigmoid (box) ${age} o = Sigmoid (age)`,
      "(float[1,4] b, float[1,1] o)",
      "age",
    ],
  ])("%s: the other is taken", (_, body, outputs, value) => {
    expect(head(body, outputs).prepared.head.value).toBe(value);
  });

  test("scores beside a sigmoid could each be the classification", () => {
    const body = `${age} o = Sigmoid (age) s = Identity (z)`;
    expect(() => head(body, "(float[1,1] o, float[1,3] s)")).toThrow("Choose with --logits o or --logits s");
  });

  test("the mean of heads that are given out beside it", () => {
    const body = `one = Identity (z) k = Gemm <transB = 1> (f, Wk) s = Add (one, k) mean = Mul (s, half)`;
    const more = "float[3,3] Wk = {1,2,3,4,5,6,7,8,9}, float half = {0.5}";
    const outputs = "(float[1,3] one, float[1,3] k, float[1,3] mean)";
    const { prepared } = prepare(body, { outputs, more });
    expect(prepared).toMatchObject({
      logits: "mean",
      head: { reason: expect.stringContaining("made of the other outputs") },
    });
    // Neither is made of the other: both are listed.
    expect(() => prepare(body, { outputs: "(float[1,3] one, float[1,3] k)", more })).toThrow(
      "--logits one or --logits k",
    );
  });

  test.each([
    ["p and 1 − p", `${age} no = Sigmoid (age) yes = Sub (one, no)`, ["no", "yes"]],
    ["σ(z) and σ(−z)", `${age} no = Sigmoid (age) m = Neg (age) yes = Sigmoid (m)`, ["no", "yes"]],
    ["a softmax in parts", "p = Softmax (z) red, green, blue = Split <axis = 1> (p)", ["red", "green", "blue"]],
  ])("%s, each class an output of its own, are one classification", (_, body, names) => {
    const outputs = `(${names.map((name) => `float[1,1] ${name}`).join(", ")})`;
    const more = "float[1,3] Wa = {1,2,3}, float one = {1}";
    const found = prepare(body, { outputs, more });
    expect(found.prepared).toMatchObject({ classCount: names.length, classNames: names, head: { kind: "softmax" } });
    const { logits } = valuesOf(found, names[0]);
    names.forEach((name, index) => {
      expect(softmax(logits)[index]).toBeCloseTo(valuesOf(found, name).output[0], 6);
    });
    // Sigmoids that do not add up to 1 are labels each by itself.
    const apart = prepare.bind(undefined, `${age} p = Sigmoid (age) d = Mul (age, two) q = Sigmoid (d)`);
    const two = { outputs: "(float[1,1] p, float[1,1] q)", more: "float[1,3] Wa = {1,2,3}, float two = {2}" };
    expect(() => apart(two)).toThrow("Choose with --logits p or --logits q");
  });

  test("the count of the names decides", () => {
    const body = "k = Gemm <transB = 1> (f, W5) s = Softmax (z) t = Softmax (k)";
    const outputs = "(float[1,3] s, float[1,5] t)";
    expect(head(body, outputs, { labelCount: 5 }).prepared.head.value).toBe("k");
    expect(head(body, outputs, { labelCount: 3 }).prepared.head.value).toBe("z");
    expect(() => head(body, outputs)).toThrow(
      /2 outputs could be the classification, .* got s \(3 numbers: .*\); t \(5 numbers: .*\)\. Choose with --logits s or --logits t\.$/,
    );
    expect(head(body, outputs, { logits: "t" }).prepared).toMatchObject({ classCount: 5, logits: "k" });
  });

  test("what puts results into words is passed over", () => {
    const body = `p = Softmax (z) best = ArgMax <axis = 1, keepdims = 0> (p) picked = ai.onnx.ml.ArrayFeatureExtractor (names, best)
      label = Reshape (picked, flat) map = ai.onnx.ml.ZipMap <classlabels_strings = ["red", "green", "blue"]> (p)`;
    const { prepared } = prepare(body, {
      outputs: "(string[1] label, ? map)",
      more: 'string[3] names = {"red", "green", "blue"}, int64[1] flat = {-1}',
    });
    expect(prepared).toMatchObject({ logits: "z", classCount: 3 });
  });

  test("a layer behind a sequence whose elements are not known is no result put into words: what enters the sequence is no classification", () => {
    const body = `best = ArgMax <axis = 1, keepdims = 0> (z) at = Squeeze (best) list = SequenceConstruct (z, z)
      one = SequenceAt (list, at) s = MatMul (one, M)`;
    expect(() => prepare(body, { outputs: "(float[1,2] s)", more: "float[3,2] M = {1, 0, 0, 1, 1, 1}" })).toThrow(
      /operators? not supported: SequenceConstruct \(list\); SequenceAt \(one\)/,
    );
    const known = body
      .replace("(list, at)", "(list, first)")
      .replace("one = ", "first = Constant <value_int = 1> () one = ");
    expect(
      prepare(known, { outputs: "(float[1,2] s)", more: "float[3,2] M = {1, 0, 0, 1, 1, 1}" }).prepared,
    ).toMatchObject({ logits: "s", classCount: 2 });
  });

  test("differences of neighbouring sigmoids are probabilities of ordered classes, though scores that nothing sorted make some negative", () => {
    const body = `c = Sigmoid (z) o = Slice (c, s0, s1, ax) first = Sub (one, o) h = Slice (c, s0, s2, ax) l = Slice (c, s1, s3, ax)
      mid = Sub (h, l) last = Slice (c, s2, s3, ax) y = Concat <axis = 1> (first, mid, last)`;
    const more = "int64[1] s0 = {0}, int64[1] s1 = {1}, int64[1] s2 = {2}, int64[1] s3 = {3}, float one = {1}";
    const found = prepare(body, { outputs: "(float[1,4] y)", more });
    expect(found.prepared.head).toMatchObject({ kind: "softmax", count: 4 });
    const { logits, output } = valuesOf(found, "y");
    const kept = output.map((value) => Math.max(value, 0));
    const sum = kept.reduce((all, value) => all + value, 0);
    softmax(Float32Array.from(logits)).forEach((value, k) => {
      expect(value).toBeCloseTo(kept[k] / sum, 5);
    });
  });

  test.each([
    ["a table of names", "label = Gather (names, best)", "(string[1] label)"],
    ["a table and a form", "picked = Gather (names, best) label = Unsqueeze (picked, first)", "(string[1,1] label)"],
    [
      "a constant table",
      'held = Constant <value_strings = ["red", "green", "blue"]> () label = Gather (held, best)',
      "(string[1] label)",
    ],
  ])("%s behind an ArgMax is passed over, and names the classes", (_, tail, outputs) => {
    const { prepared, model } = prepare(`best = ArgMax <axis = 1, keepdims = 0> (z) ${tail}`, {
      outputs,
      more: 'string[3] names = {"red", "green", "blue"}, int64[1] first = {0}',
    });
    expect(prepared).toMatchObject({ logits: "z", classCount: 3 });
    expect(decodedNames(model.graph)).toEqual(["red", "green", "blue"]);
  });

  test("a quantity is refused with the way out, and shown as one where that is asked for", () => {
    expect(() => head(age, "(float[1,1] age)")).toThrow(
      /output "age" is no classification: its name says that it is a quantity, .* give --head value/,
    );
    expect(() => head(`${age} years = Relu (age)`, "(float[1,1] years)")).toThrow("never negative");
    const { prepared } = head(age, "(float[1,1] age)", { head: "value" });
    expect(prepared).toMatchObject({ classCount: 2, head: { kind: "value", count: 1 } });
    expect(() => head(box, "(float[1,4] box)")).toThrow("is no classification");
    expect(() => head(box, "(float[1,4] box)", { head: "sigmoid" })).toThrow("has 4 numbers");
    expect(head("y = Identity (z)", "(float[1,3] y)", { head: "multi-label" }).prepared.head.kind).toBe("multi-label");
  });
});

describe("probabilities of one class of several that do not add up to 1", () => {
  const constants =
    "int64[1] first = {0}, int64[1] second = {2}, int64[1] axes = {1}, int64[2] outer = {2, 0}, float[3] each = {0.5, 1, 1.5}, float limit = {0.3}";

  test.each([
    ["without a background", "y = Slice (p, first, second, axes)", "(float[1,2] y)", "a Softmax, 2 of its 3 classes"],
    ["gathered", "y = Gather <axis = 1> (p, outer)", "(float[1,2] y)", "a Softmax, 2 of its 3 classes"],
    ["weighted", "y = Mul (p, each)", "(float[1,3] y)", "a Softmax, weighted"],
  ])("%s are read as shares", (_, body, outputs, what) => {
    const found = prepare(`p = Softmax (z) ${body}`, { outputs, more: constants });
    expect(found.prepared.head).toMatchObject({ kind: "softmax", reason: `the logarithm of ${what}` });
    expect(found.prepared.warnings).toEqual([]);
    const { logits, output } = valuesOf(found, "y");
    const probabilities = softmax(logits);
    const sum = output.reduce((total, p) => total + p, 0);
    output.forEach((p, i) => {
      expect(probabilities[i]).toBeCloseTo(p / sum, 6);
    });
  });

  test("with the other sign of their logarithms are the scores before them", () => {
    for (const body of ["p = Softmax (z) l = Log (p) y = Neg (l)", "l = LogSoftmax (z) y = Neg (l)"]) {
      expect(prepare(body).prepared).toMatchObject({ logits: "z", head: { kind: "softmax", count: 3 } });
    }
  });

  test("in operators that are not read are taken as labels with a warning, and as asked", () => {
    const doubt = { code: "doubtful-head", message: expect.stringMatching(/no sigmoid makes .* --head multi-label$/) };
    for (const body of [
      "p = Softmax (z) over = Greater (p, limit) o = Cast <to = 1> (over) y = Mul (p, o)",
      "n = Neg (z) p = Softmax (z) q = Softmax (n) y = Max (p, q)",
    ]) {
      const more = constants;
      expect(prepare(body, { more }).prepared).toMatchObject({ head: { kind: "multi-label" }, warnings: [doubt] });
      expect(prepare(body, { more, head: "multi-label" }).prepared.warnings).toEqual([]);
      const found = prepare(body, { more, head: "softmax" });
      expect(found.prepared.warnings).toEqual([]);
      const { logits, output } = valuesOf(found, "y");
      const sum = output.reduce((total, p) => total + p, 0);
      softmax(logits).forEach((share, i) => {
        expect(share).toBeCloseTo(output[i] / sum, 5);
      });
    }
    expect(prepare("y = Sigmoid (z)").prepared.warnings).toEqual([]);
  });
});

test("numbers without a limit are not per cent because the largest of a few draws happens to lie below 100", () => {
  const ten =
    "float[10,3] Wt = {1,2,3,4,5,6,7,8,9,1,2,3,1,2,3,4,5,6,7,8,9,1,2,3,1,2,3,4,5,6}, float hundred = {100}, float[1] b = {0}, float[1,3] Wa = {1,2,3}";
  const scored = "t = Gemm <transB = 1> (f, Wt)";
  for (const body of ["y = Abs (t)", "n = Neg (t) y = Softplus (n)", "q = Mul (t, t) y = Sqrt (q)"]) {
    const { prepared } = prepare(`${scored} ${body}`, { outputs: "(float[1,10] y)", more: ten });
    expect(prepared).toMatchObject({ logits: "y", head: { kind: "softmax", count: 10 } });
  }
  for (const body of ["s = Sigmoid (t) y = Mul (s, hundred)", "h = HardSigmoid (t) y = Mul (h, hundred)"]) {
    const { prepared } = prepare(`${scored} ${body}`, { outputs: "(float[1,10] y)", more: ten });
    expect(prepared.head).toMatchObject({ kind: "multi-label", count: 10 });
  }
  // One number has few draws.
  const one = "t = Gemm <transB = 1> (f, Wa) h = HardSigmoid (t) y = Mul (h, hundred)";
  expect(prepare(one, { outputs: "(float[1,1] y)", more: ten }).prepared.head.kind).toBe("sigmoid");
  expect(() =>
    prepare(`${scored} n = Neg (t) distances = Softplus (n)`, { outputs: "(float[1,10] distances)", more: ten }),
  ).toThrow(/its name says that it is quantities/);
});

test("small scores that a ReLU lets pass lie from 0 to 1 by chance: they are scores, not labels each by itself", () => {
  const body = "s = Mul (z, small) u = Add (s, shift) y = Relu (u)";
  const { prepared } = prepare(body, { more: "float small = {0.001}, float shift = {0.1}" });
  expect(prepared.head).toMatchObject({ value: "y", kind: "softmax" });
  const { prepared: squashed } = prepare(`${body.replace("y =", "r =")} y = Sigmoid (r)`, {
    more: "float small = {0.001}, float shift = {0.1}",
  });
  expect(squashed.head.kind).toBe("multi-label");
});

test("more numbers than a call takes arguments are looked at all the same", () => {
  const model = parseModel(
    `<ir_version: 7, opset_import: ["": 13]> g (float[1,3,160,160] x) => (float[1,76800] y) <float[3,3,1,1] K = {1, 2, -3, 3, -1, 2, 0, 1, 1}>
    { c = Conv (x, K)  s = Sigmoid (c)  y = Flatten (s) }`,
  );
  expect(prepareModel(model, { where: "net.onnx" }).head).toMatchObject({ kind: "multi-label", count: 76_800 });
});
