/** @file Comparing a runtime with the float64 reference evaluator, on a whole graph or on one operator. */

import { checkForm, checkKeys } from "../errors.ts";
import type { AttributeValue } from "../onnx/attributes.ts";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { evaluate } from "../onnx/evaluate.ts";
import type { Graph } from "../onnx/model.ts";
import { type NumericTensor, numeric } from "../onnx/numeric-tensor.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { createSession, modelOf } from "../runtime/session.ts";
import { sameShape } from "../tensor/shape.ts";
import { isFloating, tensorOf } from "../tensor/tensor.ts";

export interface OneNodeOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Which inputs are constants of the graph (axes, shapes); the others are graph inputs. */
  readonly constants?: readonly number[];
  readonly outputCount?: number;
}

/** A graph of one node, whose inputs are called x0, x1, … and outputs y0, y1, …, with values to feed it. */
export function oneNodeGraph(
  opType: string,
  inputs: readonly (NumericTensor | undefined)[],
  options: OneNodeOptions = {},
): { readonly graph: Graph; readonly feeds: Readonly<Record<string, NumericTensor>> } {
  checkKeys("oneNodeGraph", options, ["attributes", "constants", "outputCount"]);
  const { attributes = {}, constants = [], outputCount = 1 } = options;
  checkForm("oneNodeGraph: opType", opType, "string");
  checkForm("oneNodeGraph: inputs", inputs, "list");
  const g = new GraphBuilder();
  const feeds: Record<string, NumericTensor> = {};
  const values = inputs.map((input, i): Value | undefined => {
    if (input === undefined) return undefined;
    if (constants.includes(i)) return g.constant(tensorOf(input.dtype, input.data, input.shape));
    feeds[`x${i}`] = input;
    return g.input(`x${i}`, input.dtype, input.shape);
  });
  g.ops(opType, values, attributes, outputCount).forEach((result, i) => {
    g.output(result, `y${i}`);
  });
  return { graph: g.toGraph(opType), feeds };
}

/**
 * The largest difference between what `runtime` and the float64 evaluator make of `graph`, relative to the largest magnitude
 * in the same output, or to 0.1 if that is smaller: sums of feeds of order one may cancel. Infinite if an output differs in type or shape, in an element that is not finite, or in any element
 * that is not a float.
 */
export async function runtimeError(
  runtime: Runtime,
  graph: Graph,
  feeds: Readonly<Record<string, NumericTensor>>,
  options: { readonly opset?: number } = {},
): Promise<number> {
  checkKeys("runtimeError", options, ["opset"]);
  const { opset = 18 } = options;
  checkForm("runtimeError: runtime", runtime, ["InferenceSession", "Tensor"]);
  checkForm("runtimeError: graph", graph, ["nodes", "initializers"]);
  // Both see the same inputs: rounded to the precision that the runtime takes.
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, data, shape }]) => [name, tensorOf(dtype, data, shape)]),
  );
  const rounded = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, numeric(tensor)]));
  const expected = evaluate(graph, rounded);
  const session = await createSession(modelOf(graph, { opsets: new Map([["", opset]]), irVersion: 10 }), {
    runtime,
    threads: 1,
  });
  try {
    const actual = await session.run(tensors);
    const errors = Object.entries(expected).map(([name, tensor]) => tensorError(tensor, numeric(actual[name])));
    return Math.max(0, ...errors);
  } finally {
    await session.dispose();
  }
}

/** The largest difference between two tensors as {@link runtimeError} measures it. */
function tensorError(expected: NumericTensor, actual: NumericTensor): number {
  if (expected.dtype !== actual.dtype || !sameShape(expected.shape, actual.shape)) return Infinity;
  let [difference, magnitude] = [0, 0.1];
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [expected.data[i], actual.data[i]];
    if (Object.is(a, b) || a === b) {
      if (Number.isFinite(a)) magnitude = Math.max(magnitude, Math.abs(a));
      continue;
    }
    if (!isFloating(expected.dtype) || !Number.isFinite(a) || !Number.isFinite(b)) return Infinity;
    difference = Math.max(difference, Math.abs(a - b));
    magnitude = Math.max(magnitude, Math.abs(a));
  }
  return difference / magnitude;
}
