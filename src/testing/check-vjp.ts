/** @file Checks of an operator's shape rule, kernel and VJP rule, for people who add operators. */

import type { RuleTable } from "../autodiff/rules/index.ts";
import { appendVjp } from "../autodiff/sweep.ts";
import { checkForm, checkKeys, MisuseError } from "../errors.ts";
import type { AttributeValue } from "../onnx/attributes.ts";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { evaluate } from "../onnx/evaluate.ts";
import type { Graph } from "../onnx/model.ts";
import type { NumericTensor } from "../onnx/numeric-tensor.ts";
import { type DataType, type Shape, sizeOf } from "../tensor/tensor.ts";

/** A tensor for tests: `values` cycle to fill the shape. */
export function testTensor(shape: Shape, values: ArrayLike<number>, dtype: DataType = "float32"): NumericTensor {
  checkForm("testTensor: shape", shape, "list");
  checkForm("testTensor: values", values, "numbers");
  return { dtype, shape, data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => values[i % values.length]) };
}

/** A repeatable float tensor with elements in (-`scale`, `scale`), far from each other and from 0 (no kinks, no ties). */
export function spreadTensor(shape: Shape, seed = 1, scale = 1): NumericTensor {
  checkForm("spreadTensor: shape", shape, "list");
  const size = sizeOf(shape);
  const order = Array.from({ length: size }, (_, i) => i);
  let state = (seed * 2654435761) >>> 0;
  for (let i = size - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  // Odd numerators over an even denominator: the elements are distinct and none is 0.
  return {
    dtype: "float32",
    shape,
    data: Float64Array.from(order, (k) => (scale * (2 * k + 1 - size - (size % 2 ? 0.5 : 0))) / (size + 1)),
  };
}

export interface CheckVjpOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Which inputs are constants of the graph (weights, axes, shapes); the others are graph inputs. */
  readonly constants?: readonly number[];
  /** Which inputs to differentiate with respect to; by default every float input that is not a constant. */
  readonly wrt?: readonly number[];
  readonly outputCount?: number;
  /** Which outputs get a cotangent; by default all of float type. */
  readonly outputs?: readonly number[];
  readonly rules?: RuleTable;
  /** Step of the central difference. */
  readonly step?: number;
}

export interface VjpCheck {
  /** Of the central difference, ⟨v, J u⟩. */
  readonly expected: number;
  /** Of the rule, ⟨Jᵀ v, u⟩. */
  readonly actual: number;
  /** |expected − actual| relative to ‖v‖‖Ju‖ + ‖Jᵀv‖‖u‖, the scale at which rounding acts. */
  readonly relativeError: number;
  /** The graph that was evaluated, for running it elsewhere. */
  readonly graph: Graph;
  readonly feeds: Readonly<Record<string, NumericTensor>>;
}

/**
 * Compares an operator's VJP rule with a central difference of its float64 kernel, for one direction u and cotangent v:
 * ⟨v, J u⟩ = ⟨Jᵀ v, u⟩ checks the whole Jacobian. Half of u is random, half points along the rule's own result (or against it), so that the
 * two numbers are as large as they can be and a wrong factor shows. Inputs must stay clear of kinks by more than `step`.
 */
export function checkVjp(
  opType: string,
  inputs: readonly (NumericTensor | undefined)[],
  options: CheckVjpOptions = {},
): VjpCheck {
  checkKeys("checkVjp", options, ["attributes", "constants", "wrt", "outputCount", "outputs", "rules", "step"]);
  const { attributes = {}, constants = [], wrt, outputCount = 1, outputs, rules, step = 1e-5 } = options;
  checkForm("checkVjp: opType", opType, "string");
  checkForm("checkVjp: inputs", inputs, "list");
  const g = new GraphBuilder();
  const values = inputs.map((input, i): Value | undefined => {
    if (input === undefined) return undefined;
    if (constants.includes(i)) {
      return g.constant({
        ...input,
        data: input.dtype === "int64" ? BigInt64Array.from(input.data, BigInt) : asDtype(input),
      } as never);
    }
    return g.input(`x${i}`, input.dtype, input.shape);
  });
  const free = inputs.flatMap((input, i) => (input?.dtype === "float32" && !constants.includes(i) ? [i] : []));
  const asked = (wrt ?? free).map((index) => {
    const [input, value] = [inputs[index], values[index]];
    if (input && value) return { index, shape: input.shape, value };
    throw new MisuseError({
      where: "checkVjp",
      what: "an input in wrt that is left out",
      expected: "indices of inputs",
      got: String(index),
    });
  });
  const chosen = asked.map(({ index }) => index);
  const results = g.ops(opType, values, attributes, outputCount);
  const seeded = outputs ?? results.flatMap((result, i) => (result.dtype === "float32" ? [i] : []));
  const seeds = seeded.map((i) => ({ value: results[i], cotangent: g.input(`v${i}`, "float32", results[i].shape) }));
  const gradients = appendVjp(g, { seeds, wrt: asked.map(({ value }) => value), rules });
  for (const i of seeded) g.output(results[i], `y${i}`);
  gradients.forEach((gradient, k) => {
    g.output(gradient, `gradient${chosen[k]}`);
  });
  const graph = g.toGraph("check");

  const feeds: Record<string, NumericTensor> = {};
  inputs.forEach((input, i) => {
    if (input !== undefined && !constants.includes(i)) feeds[`x${i}`] = input;
  });
  for (const i of seeded) feeds[`v${i}`] = spreadTensor(results[i].shape, 71 + i);
  const here = evaluate(graph, feeds);
  const directions = asked.map(({ index, shape }) =>
    towards(here[`gradient${index}`], spreadTensor(shape, 37 + index)),
  );

  const moved = (sign: number): Record<string, NumericTensor> => {
    const point = { ...feeds };
    chosen.forEach((i, k) => {
      const data = feeds[`x${i}`].data.map((x, n) => x + sign * step * directions[k].data[n]);
      point[`x${i}`] = { ...feeds[`x${i}`], data };
    });
    return evaluate(graph, point);
  };
  const [plus, minus] = [moved(1), moved(-1)];
  let [expected, tangentNorm, cotangentNorm] = [0, 0, 0];
  for (const i of seeded) {
    const [a, b, v] = [plus[`y${i}`].data, minus[`y${i}`].data, feeds[`v${i}`].data];
    for (let n = 0; n < v.length; n++) {
      const tangent = (a[n] - b[n]) / (2 * step);
      expected += v[n] * tangent;
      tangentNorm += tangent ** 2;
      cotangentNorm += v[n] ** 2;
    }
  }
  let [actual, gradientNorm, directionNorm] = [0, 0, 0];
  chosen.forEach((i, k) => {
    const [gradient, u] = [here[`gradient${i}`].data, directions[k].data];
    for (let n = 0; n < u.length; n++) {
      actual += gradient[n] * u[n];
      gradientNorm += gradient[n] ** 2;
      directionNorm += u[n] ** 2;
    }
  });
  const scale = Math.sqrt(cotangentNorm * tangentNorm) + Math.sqrt(gradientNorm * directionNorm);
  return { expected, actual, relativeError: scale === 0 ? 0 : Math.abs(expected - actual) / scale, graph, feeds };
}

/**
 * `random` plus or minus `gradient` scaled to the same length, whichever is longer. It is scaled by 1000 at most: a gradient
 * of rounding errors has no direction.
 */
function towards(gradient: NumericTensor, random: NumericTensor): NumericTensor {
  const product = (a: NumericTensor, b: NumericTensor): number => a.data.reduce((sum, x, n) => sum + x * b.data[n], 0);
  const ratio = Math.sqrt(product(random, random) / product(gradient, gradient));
  if (!Number.isFinite(ratio)) return random;
  const factor = Math.min(ratio, 1000) * (product(random, gradient) < 0 ? -1 : 1);
  return { ...random, data: random.data.map((x, n) => x + factor * gradient.data[n]) };
}

function asDtype(tensor: NumericTensor): Float32Array | Uint8Array | Int32Array {
  if (tensor.dtype === "bool" || tensor.dtype === "uint8") return Uint8Array.from(tensor.data);
  if (tensor.dtype === "int32") return Int32Array.from(tensor.data);
  return Float32Array.from(tensor.data);
}
