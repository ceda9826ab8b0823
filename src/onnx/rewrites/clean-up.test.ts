import { expect, test } from "vitest";
import { runModel, wave } from "../../../test/run-model.ts";
import { tensorOfInitializer } from "../model.ts";
import { parseGraph, parseModel } from "../text/parse.ts";
import { printGraph } from "../text/print.ts";
import { cleanUp } from "./clean-up.ts";

function expectCleaned(before: string, after: string, keep: readonly string[] = []): void {
  expect(printGraph(cleanUp(parseGraph(before), { keep }))).toBe(printGraph(parseGraph(after)));
}

test("Constant nodes in all their forms become initializers", () => {
  const graph = cleanUp(
    parseGraph(`g () => (float[] y) {
      a = Constant <value = int64[2] {1, 2}> ()
      b = Constant <value_float = 0.5> ()
      c = Constant <value_floats = [0.5, 2.0]> ()
      d = Constant <value_int = 3> ()
      e = Constant <value_ints = [3, 9223372036854775807]> ()
      f = Constant <value_string = "s"> ()
      h = Constant <value_strings = ["s", "t"]> ()
      y = Op (a, b, c, d, e, f, h)
    }`),
  );
  expect(graph.nodes.map(({ opType }) => opType)).toEqual(["Op"]);
  expect([...graph.initializers.values()].map((initializer) => tensorOfInitializer(initializer))).toEqual([
    { dtype: "int64", shape: [2], data: BigInt64Array.of(1n, 2n) },
    { dtype: "float32", shape: [], data: Float32Array.of(0.5) },
    { dtype: "float32", shape: [2], data: Float32Array.of(0.5, 2) },
    { dtype: "int64", shape: [], data: BigInt64Array.of(3n) },
    { dtype: "int64", shape: [2], data: BigInt64Array.of(3n, 2n ** 63n - 1n) },
    { dtype: "string", shape: [], data: ["s"] },
    { dtype: "string", shape: [2], data: ["s", "t"] },
  ]);
});

test("Identity and Dropout are bypassed, of weights too", () => {
  expectCleaned(
    `g (float[2] x) => (float[2] y) <float[2] w = {1, 2}, float[2] i> {
      w2 = Identity (w)
      i = Identity (x)
      d, mask = Dropout (i)
      s = Add (d, w2)
      t = Identity (s)
      y = Mul (t, w2)
    }`,
    "g (float[2] x) => (float[2] y) <float[2] w = {1, 2}> { s = Add (x, w)  y = Mul (s, w) }",
  );
});

test("outputs keep their names", () => {
  expectCleaned(
    `g (float x, float u) => (float y, float z, float v, float w2, float c) <float w = {1}> {
      a = Relu (x)
      b = Neg (a)
      y = Dropout (a)
      z = Identity (a)
      v = Identity (x)
      w2 = Identity (w)
      c = Constant <value_float = 2.0> ()
      e = Exp (b)
    }`,
    `g (float x, float u) => (float y, float z, float v, float w2, float c) <float w = {1}, float c_constant = {2}> {
      y = Relu (x)
      z = Identity (y)
      v = Identity (x)
      w2 = Identity (w)
      c = Identity (c_constant)
    }`,
  );
});

test("a Dropout stays where its mask is used or it drops something", () => {
  const training = `g (float[2] x) => (float[2] y) <bool t = {1}, float r = {0.5}> { d = Dropout (x, r, t)  y = Neg (d) }`;
  expectCleaned(training, training);
  expectCleaned(training.replace("{1}", "{0}"), "g (float[2] x) => (float[2] y) { y = Neg (x) }");
  expectCleaned(training.replace("{0.5}", "{0}"), "g (float[2] x) => (float[2] y) { y = Neg (x) }");
  const masked = `g (float[2] x) => (bool[2] n) { d, m = Dropout (x)  n = Not (m) }`;
  expectCleaned(masked, masked);
});

test("values that are asked for, or that inner graphs read, keep their names", () => {
  const text = `g (float x) => (float y) {
    a = Relu (x)
    i = Identity (a)
    y = If <then_branch = t () => (float u) { u = Neg (i) }> (x)
    dead = Exp (x)
  }`;
  expectCleaned(
    text,
    `g (float x) => (float y) {
      i = Relu (x)
      y = If <then_branch = t () => (float u) { u = Neg (i) }> (x)
    }`,
  );
  expect(cleanUp(parseGraph(text), { keep: ["a", "dead"] }).nodes.map(({ outputs }) => outputs[0])).toEqual([
    "a",
    "i",
    "y",
    "dead",
  ]);
});

test("the result computes the same", async () => {
  const model = parseModel(`g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z) {
    one = Constant <value_float = 1.5> ()
    i = Identity (x)
    d = Dropout (i)
    a = Add (d, one)
    z = Identity (a)
    y = Mul (a, a)
  }`);
  const cleaned = { ...model, graph: cleanUp(model.graph) };
  expect(cleaned.graph.nodes.length).toBe(2);
  const feeds = { x: wave([2, 3]) };
  expect(await runModel(cleaned, feeds)).toEqual(await runModel(model, feeds));
});
