import { expect, test } from "vitest";
import { MisuseError } from "../../errors.ts";
import { parseGraph } from "../text/parse.ts";
import { printGraph } from "../text/print.ts";
import { extractSubgraph } from "./extract-subgraph.ts";

const graph = parseGraph(`g (float[1] x, float[1] u) => (float[1] y) <float[1] w = {1}, float[1] v = {2}, float[1] b> {
  a = Add (x, w)
  b = If <then_branch = t () => (float s) { s = Neg (a) }> (u)
  c = Mul (b, v)
  y = Relu (c)
}`);

test("what some values need, captured ones included, and nothing else", () => {
  expect(printGraph(extractSubgraph(graph, ["b", "a"]))).toBe(
    printGraph(
      parseGraph(`g (float[1] x, float[1] u) => (float[1] b, ? a) <float[1] w = {1}, float[1] b> {
        a = Add (x, w)
        b = If <then_branch = t () => (float s) { s = Neg (a) }> (u)
      }`),
    ),
  );
});

test("a graph can begin at inner values", () => {
  expect(printGraph(extractSubgraph(graph, ["y"], { inputs: ["b", "a"] }))).toBe(
    printGraph(parseGraph("g (float[1] b) => (float[1] y) <float[1] v = {2}> { c = Mul (b, v)  y = Relu (c) }")),
  );
});

test("inputs and weights are returned through an Identity", () => {
  expect(printGraph(extractSubgraph(graph, ["x", "w"]))).toBe(
    printGraph(
      parseGraph(`g (float[1] x) => (float[1] x_output, float[1] w_output) <float[1] w = {1}> {
        x_output = Identity (x)
        w_output = Identity (w)
      }`),
    ),
  );
});

test("unknown values are named", () => {
  expect(() => extractSubgraph(graph, ["yy"])).toThrow(MisuseError);
  expect(() => extractSubgraph(graph, ["yy"])).toThrow('has no value "yy". Did you mean "y"?');
});
