import { describe, expect, test } from "vitest";
import { expectGradient, expectUnfolded, unfoldedGraph } from "../../../test/expect-unfolded.ts";
import { wave } from "../../../test/run-model.ts";
import { UnsupportedError } from "../../errors.ts";
import { parseModel } from "../text/parse.ts";

const parse = (text: string) => parseModel(`<ir_version: 8, opset_import: ["": 16]> ${text}`);
const feeds = { x: wave([4, 3], 0.4) };

describe("Loop: values agree with onnxruntime, and gradients with central differences", () => {
  test("as many turns as the count, with a value that is carried, one that is collected and an outer one", async () => {
    const model =
      parse(`g (float[4, 3] x) => (float[4, 3] y, float[T, 4, 3] all) <int64 n = {3}, bool yes = {1}, float half = {0.5}> {
      scale = Tanh (x)
      y, all = Loop <body: graph = b (int64 i, bool go, float[4, 3] v) => (bool go, float[4, 3] next, float[4, 3] next) {
        t = Cast <to = 1> (i)
        s = Mul (scale, t)
        shifted = Add (v, s)
        w = Mul (shifted, half)
        next = Sin (w)
      }> (n, yes, x)
    }`);
    const graph = await expectUnfolded(model, feeds);
    expect(graph.nodes.filter(({ opType }) => opType === "Sin")).toHaveLength(3);
    expectGradient(graph, feeds, "x");
  });

  test("until a condition fails that the shapes decide, without a count; the body has constants of its own", async () => {
    const model = parse(`g (float[4, 3] x) => (float[A, B] y, float[T, A, B] all) <bool yes = {1}> {
      extents = Shape (x)
      zero = Constant <value_int = 0> ()
      rows = Gather <axis = 0> (extents, zero)
      y, last, all = Loop <body: graph = b (int64 i, bool go, float[4, 3] v, int64 left) => (bool more, float[4, 3] next, int64 fewer, float[4, 3] v) {
        one = Constant <value_int = 1> ()
        fewer = Sub (left, one)
        more = Greater (fewer, one)
        next = Sin (v)
      }> ("", yes, x, rows)
    }`);
    const graph = await expectUnfolded(model, feeds);
    expect(graph.nodes.filter(({ opType }) => opType === "Sin")).toHaveLength(3);
    expectGradient(graph, feeds, "x");
  });

  test("loops within loops, and a body that hands on what it was given", async () => {
    const model = parse(`g (float[4, 3] x) => (float[4, 3] y) <int64 n = {2}, int64 m = {3}> {
      y, z = Loop <body: graph = outer (int64 i, bool go, float[4, 3] v, float[4, 3] other) => (bool go, float[4, 3] r, float[4, 3] v) {
        r = Loop <body: graph = inner (int64 j, bool on, float[4, 3] w) => (bool on, float[4, 3] next) {
          sum = Add (w, other)
          next = Sin (sum)
        }> (m, "", v)
      }> (n, "", x, x)
    }`);
    const graph = await expectUnfolded(model, feeds);
    expect(graph.nodes.filter(({ opType }) => opType === "Sin")).toHaveLength(6);
    expectGradient(graph, feeds, "x");
  });

  test("no turn at all: what is carried passes", async () => {
    const model = parse(`g (float[4, 3] x) => (float[4, 3] y) <int64 n = {0}> {
      v = Loop <body: graph = b (int64 i, bool go, float[4, 3] v) => (bool go, float[4, 3] next) { next = Sin (v) }> (n, "", x)
      y = Neg (v)
    }`);
    const graph = await expectUnfolded(model, feeds);
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(["Neg"]);
  });
});

test("a Loop whose condition depends on what is fed in stays as it is, without the turns that were looked at", () => {
  const model = parse(`g (float[4, 3] x) => (float[4, 3] y) <bool yes = {1}, float limit = {9}> {
    y = Loop <body: graph = b (int64 i, bool go, float[4, 3] v) => (bool more, float[4, 3] next) {
      next = Exp (v)
      sum = ReduceSum <keepdims = 0> (next)
      more = Less (sum, limit)
    }> ("", yes, x)
  }`);
  expect(unfoldedGraph(model, feeds).nodes.map(({ opType }) => opType)).toEqual(["Loop"]);
});

test.each([
  ["a count", "n, yes, x"],
  ["a condition that always holds", '"", yes, x'],
])("a Loop of too many turns by %s is refused in words, in bounded time", (_, inputs) => {
  const model = parse(`g (float[4, 3] x) => (float[4, 3] y) <int64 n = {1000000000000}, bool yes = {1}> {
    y = Loop <body: graph = b (int64 i, bool go, float[4, 3] v) => (bool go, float[4, 3] next) { next = Sin (v) }> (${inputs})
  }`);
  expect(() => unfoldedGraph(model, feeds)).toThrow(UnsupportedError);
  expect(() => unfoldedGraph(model, feeds)).toThrow(
    /written out, the model comes to too many operations, expected at most 20000/,
  );
});

describe("Scan: values agree with onnxruntime, and gradients with central differences", () => {
  const body = `graph = b (float[3] h, float[3] v) => (float[3] next, float[3] out) { sum = Add (h, v) next = Tanh (sum) out = Mul (next, v) }`;
  test.each([
    ["forward", ""],
    ["backward", ", scan_input_directions = [1]"],
    ["with outputs in the other order, along the last axis", ", scan_output_directions = [1], scan_output_axes = [-1]"],
  ])("%s", async (_, attributes) => {
    const model = parse(`g (float[4, 3] x) => (float[A, B] all, float[3] last) <float[3] h = {0.1, -0.2, 0.3}> {
      last, all = Scan <num_scan_inputs = 1, body: ${body}${attributes}> (h, x)
    }`);
    expectGradient(await expectUnfolded(model, feeds), feeds, "x");
  });

  test("along another axis of one input and the first of another, with an outer value", async () => {
    const model = parse(`g (float[4, 3] x) => (float[A, B] all) <float[3] w = {2, -1, 0.5}> {
      root = Tanh (x)
      all = Scan <num_scan_inputs = 2, scan_input_axes = [1, 0], body: graph = b (float[4] v, float f) => (float[4] out) {
        first = ReduceMax <keepdims = 0> (root)
        product = Mul (v, f)
        out = Add (product, first)
      }> (x, w)
    }`);
    expectGradient(await expectUnfolded(model, feeds), feeds, "x");
  });

  test("inputs that differ in length, and the form of opset 8, are refused", () => {
    const differing = parse(`g (float[4, 3] x) => (float[A] all) <float[3] w = {2, -1, 0.5}> {
      all = Scan <num_scan_inputs = 2, body: graph = b (float[3] v, float f) => (float[3] out) { out = Mul (v, f) }> (x, w)
    }`);
    expect(() => unfoldedGraph(differing, feeds)).toThrow(
      /the scanned inputs differ in length, expected one length, got 4 and 3/,
    );
    const old = parse(`g (float[4, 3] x) => (float[A] all) {
      all = Scan <num_scan_inputs = 1, directions = [0], body: graph = b (float[3] v) => (float[3] out) { out = Neg (v) }> ("", x)
    }`);
    expect(() => unfoldedGraph(old, feeds)).toThrow(
      /this form of Scan is not supported, expected that of opset 9 or later/,
    );
  });
});
