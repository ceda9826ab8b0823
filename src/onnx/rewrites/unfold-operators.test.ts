import { expect, test } from "vitest";
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
