import { describe, expect, test } from "vitest";
import { BadInputError } from "../errors.ts";
import { attributesOf } from "../onnx/attributes.ts";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { evaluate } from "../onnx/evaluate.ts";
import type { Node } from "../onnx/model.ts";
import type { Shape } from "../tensor/tensor.ts";
import { testTensor } from "../testing/check-vjp.ts";
import { broadcasting, minus, pullbacks, unary, variadic } from "./pullbacks.ts";
import type { VjpCall, VjpRule } from "./rule.ts";

const node: Node = { opType: "Test", domain: "", name: "", inputs: [], outputs: [], attributes: {} };

/** What `rule` gives for inputs of the given shapes (undefined: left out), an output of shape [2, 3], and what is wanted. */
function call(
  rule: VjpRule,
  shapes: readonly (Shape | undefined)[],
  options: { readonly wanted?: readonly number[]; readonly dy?: boolean; readonly y?: boolean } = {},
): { readonly g: GraphBuilder; readonly results: readonly (Value | undefined)[]; readonly dy: Value } {
  const { wanted = shapes.map((_, i) => i) } = options;
  const g = new GraphBuilder();
  const inputs = shapes.map((shape, i) => shape && g.input(`x${i}`, "float32", shape));
  const y = g.input("y", "float32", [2, 3]);
  const dy = g.input("dy", "float32", [2, 3]);
  const made: VjpCall = {
    g,
    node,
    path: [node],
    where: "Test (test)",
    attributes: attributesOf(node),
    inputs,
    outputs: [options.y === false ? undefined : y],
    cotangents: [options.dy === false ? undefined : dy],
    wants: (i) => wanted.includes(i),
  };
  return { g, results: rule(made), dy };
}

describe("pullbacks", () => {
  const three = pullbacks(["x", "w", "b?"], ({ mul, neg, x, w, b, dy }) => {
    const shared = mul(dy, 2);
    return {
      x: (input) => mul(shared, input),
      w: () => (b === undefined ? neg(w) : mul(w, b)),
      b: (input) => mul(input, x),
    };
  });
  const full = [
    [2, 3],
    [2, 3],
    [2, 3],
  ];

  test("computes only what is wanted, in the order of the inputs, after what is shared", () => {
    const all = call(three, full);
    expect(all.g.nodes.map(({ opType, inputs }) => [opType, inputs[0]])).toEqual([
      ["Mul", "dy"],
      ["Mul", "Mul"],
      ["Mul", "x1"],
      ["Mul", "x2"],
    ]);
    expect(all.results.map((result) => result?.name)).toEqual(["Mul_1", "Mul_2", "Mul_3"]);
    const some = call(three, full, { wanted: [2] });
    expect(some.results.map((result) => result?.name)).toEqual([undefined, undefined, "Mul_1"]);
    expect(some.g.nodes).toHaveLength(2);
  });

  test("an optional input that is left out is undefined, and gets nothing", () => {
    const { g, results } = call(three, [[2, 3], [2, 3], undefined]);
    expect(results.map((result) => result !== undefined)).toEqual([true, true, false]);
    expect(g.nodes.at(-1)?.opType).toBe("Neg");
  });

  test("an input that must be there and is not is bad input", () => {
    expect(() => call(three, [[2, 3], undefined])).toThrow(BadInputError);
    expect(() => call(three, [[2, 3], undefined])).toThrow("Test (test): input 1 is left out");
    expect(() =>
      call(
        variadic(() => (input) => input),
        [[2], undefined],
      ),
    ).toThrow("Test (test): input 1 is left out");
  });

  test("nothing happens where the first output has no cotangent", () => {
    for (const rule of [
      three,
      variadic(
        ({ neg, dy }) =>
          () =>
            neg(dy),
      ),
      unary(({ neg, dy }) => neg(dy)),
    ]) {
      for (const options of [{ dy: false }, { y: false }]) {
        const { g, results } = call(rule, full, options);
        expect(results).toEqual([]);
        expect(g.nodes).toEqual([]);
      }
    }
  });

  test("misspelt names do not compile", () => {
    // @ts-expect-error there is no input "weight"
    const misspelt = pullbacks(["x", "w"], ({ dy }) => ({ weight: () => dy }));
    // @ts-expect-error an optional input may be undefined
    const unchecked = pullbacks(["x", "b?"], ({ mul, dy, b }) => ({ x: () => mul(dy, b) }));
    expect([misspelt, unchecked].map((rule) => typeof rule)).toEqual(["function", "function"]);
  });
});

test("broadcasting sums over repetitions, and negates the sum rather than what is summed", () => {
  const rule = broadcasting(
    ({ mul, dy, b }) => mul(dy, b),
    minus(({ mul, dy, a }) => mul(dy, a)),
  );
  const { g, results } = call(rule, [
    [2, 1],
    [1, 3],
  ]);
  expect(g.nodes.map(({ opType }) => opType)).toEqual(["Mul", "ReduceSum", "Mul", "ReduceSum", "Neg"]);
  for (const [i, result] of results.entries()) if (result !== undefined) g.output(result, `r${i}`);
  const { r0, r1 } = evaluate(g.toGraph(), {
    x0: testTensor([2, 1], [2, 3]),
    x1: testTensor([1, 3], [5, 7, 11]),
    y: testTensor([2, 3], [0]),
    dy: testTensor([2, 3], [1, 1, 1, 1, 1, 10]),
  });
  expect([r0, r1].map(({ data, shape }) => [[...data], shape])).toEqual([
    [
      [23, 122],
      [2, 1],
    ],
    [
      [-5, -5, -32],
      [1, 3],
    ],
  ]);
});

test("variadic gives each wanted input by its index", () => {
  const seen: number[] = [];
  const rule = variadic(({ inputs, dy }) => (input, i) => {
    seen.push(i);
    expect(input).toBe(inputs[i]);
    return dy;
  });
  const { results, dy } = call(
    rule,
    [
      [2, 3],
      [2, 3],
      [2, 3],
    ],
    { wanted: [0, 2] },
  );
  expect(seen).toEqual([0, 2]);
  expect(results).toEqual([dy, undefined, dy]);
});
