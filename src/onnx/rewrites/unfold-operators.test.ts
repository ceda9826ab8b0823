import { describe, expect, test } from "vitest";
import { evaluate } from "../evaluate.ts";
import { parseGraph } from "../text/parse.ts";
import { printGraph } from "../text/print.ts";
import { unfoldOperators } from "./unfold-operators.ts";

const inputShapes = { x: [1, 3] };

test("the branch that a shape decides for takes the If's place, with outer values and names of its own", () => {
  const graph = parseGraph(`g (float[N, 3] x) => (float[N, 3] y) <int64 three = {3}, int64 axis = {1}, float[1] w = {4}>
    {
      t = Relu (x)
      shape = Shape (x)
      width = Gather <axis = 0> (shape, axis)
      isThree = Equal (width, three)
      [squeeze] y = If <then_branch: graph = t () => (float[N, 3] r) <float[1] w = {2}> { t2 = Mul (t, w) r = Neg (t2) },
              else_branch: graph = e () => (float[N, 3] q) { q = Relu (t) }> (isThree)
    }`);
  expect(printGraph(unfoldOperators(graph, { inputShapes }))).toBe(
    printGraph(
      parseGraph(`g (float[N, 3] x) => (float[N, 3] y) <float[1] "squeeze/w" = {2}>
      {
        t = Relu (x)
        "squeeze/t2" = Mul (t, "squeeze/w")
        y = Neg ("squeeze/t2")
      }`),
    ),
  );
});

test("Ifs within the branch that is taken are folded too; a branch may return an outer value", () => {
  const graph = parseGraph(`g (float[N, 3] x) => (float[N, 3] y) <bool yes = {1}, bool no = {0}>
    {
      t = Relu (x)
      y = If <then_branch: graph = t () => (float[N, 3] r) {
                u = Neg (t)
                r = If <then_branch: graph = a () => (float[N, 3] b) { b = Relu (u) },
                        else_branch: graph = c () => (float[N, 3] t) { }> (no)
              },
              else_branch: graph = e () => (float[N, 3] q) { q = Relu (t) }> (yes)
    }`);
  const folded = unfoldOperators(graph);
  expect(folded.nodes.map(({ opType }) => opType)).toEqual(["Relu"]);
  expect(folded.nodes[0].outputs).toEqual(["y"]);
});

test("an If that depends on what is fed in stays", () => {
  const graph = parseGraph(`g (float[1, 3] x) => (float[1, 3] y) <float limit = {0}, int64[1] axes = {1}>
    {
      sum = ReduceSum <keepdims = 0> (x)
      isPositive = Greater (sum, limit)
      y = If <then_branch: graph = t () => (float[1, 3] r) { r = Neg (x) },
              else_branch: graph = e () => (float[1, 3] q) { q = Relu (x) }> (isPositive)
    }`);
  expect(unfoldOperators(graph)).toBe(graph);
});

test("hundreds of Ifs, each deciding by the result of the one before, are folded in one walk", () => {
  const branch = (name: string, body: string) => `${name}: graph = b () => (float[1, 3] z) { ${body} }`;
  const count = 500;
  const nodes = Array.from({ length: count }, (_, i) => {
    const value = i === 0 ? "x" : `v${i - 1}`;
    return `s${i} = Size (${value})  c${i} = Equal (s${i}, three)
      v${i} = If <${branch("then_branch", `z = Neg (${value})`)}, ${branch("else_branch", `z = Unknown (${value})`)}> (c${i})`;
  });
  const graph = parseGraph(
    `g (float[1, 3] x) => (float[1, 3] v${count - 1}) <int64 three = {3}> { ${nodes.join("\n")} }`,
  );
  const folded = unfoldOperators(graph);
  expect(folded.nodes.map(({ opType }) => opType)).toEqual(Array(count).fill("Neg"));
});

describe("sequences are taken apart", () => {
  const unfolded = (body: string) =>
    unfoldOperators(
      parseGraph(`g (float[1, 3] x) => (float[] y)
        <int64 zero = {0}, int64 last = {-1}, int64 two = {2}, int64[2] sizes = {1, 2}> { ${body} }`),
      { inputShapes },
    );
  test.each([
    ["unbind", "s = SplitToSequence <axis = 1, keepdims = 0> (x)  y = SequenceAt (s, last)", ["Split", "Squeeze"]],
    ["parts of one size", "s = SplitToSequence <axis = 1> (x, two)  y = SequenceAt (s, zero)", ["Split"]],
    [
      "a list joined",
      "a = Relu (x)  s = SequenceConstruct (x, a)  y = ConcatFromSequence <axis = 0> (s)",
      ["Relu", "Concat"],
    ],
    [
      "a list stacked",
      "a = Relu (x)  s = SequenceConstruct (x, a)  y = ConcatFromSequence <axis = 0, new_axis = 1> (s)",
      ["Relu", "Unsqueeze", "Unsqueeze", "Concat"],
    ],
    [
      "a list that grows and shrinks",
      "e = SequenceEmpty ()  a = SequenceInsert (e, x)  r = Relu (x)  b = SequenceInsert (a, r, zero)  c = SequenceErase (b)  y = SequenceAt (c, zero)",
      ["Relu"],
    ],
    ["an optional value", "o = Optional (x)  g = OptionalGetElement (o)  y = Relu (g)", ["Relu"]],
    ["a sequence that is given out stays", "a = Relu (x)  y = SequenceConstruct (x, a)", ["Relu", "SequenceConstruct"]],
    [
      "an unknown place",
      "a = ArgMax <axis = 1, keepdims = 0> (x)  s = SequenceConstruct (x, x)  y = SequenceAt (s, a)",
      ["ArgMax", "SequenceConstruct", "SequenceAt"],
    ],
  ])("%s", (_, body, expected) => {
    expect(unfolded(body).nodes.map(({ opType }) => opType)).toEqual(expected);
  });

  test.each([
    ["the last of unbind", "s = SplitToSequence <axis = 1, keepdims = 0> (x)  y = SequenceAt (s, last)", [3]],
    ["the rest of parts of two", "s = SplitToSequence <axis = 1> (x, two)  y = SequenceAt (s, last)", [3]],
    ["a part of a stated size", "s = SplitToSequence <axis = -1> (x, sizes)  y = SequenceAt (s, last)", [2, 3]],
    [
      "how many there are",
      "s = SplitToSequence <axis = 1> (x)  n = SequenceLength (s)  f = Cast <to = 1> (n)  y = Mul (x, f)",
      [3, 6, 9],
    ],
    [
      "whether a value is there",
      "o = Optional (x)  h = OptionalHasElement (o)  f = Cast <to = 1> (h)  y = Mul (x, f)",
      [1, 2, 3],
    ],
  ])("%s", (_, body, expected) => {
    const { y } = evaluate(unfolded(body), { x: { dtype: "float32", shape: [1, 3], data: Float64Array.of(1, 2, 3) } });
    expect([...y.data]).toEqual(expected);
  });
});
