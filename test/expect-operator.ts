/** @file What every operator's tests assert, in one call each. */
import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { expect } from "vitest";
import { evaluate } from "../src/onnx/evaluate.ts";
import type { NumericTensor } from "../src/onnx/numeric-tensor.ts";
import type { Shape } from "../src/tensor/tensor.ts";
import { type CheckVjpOptions, checkVjp, spreadTensor, testTensor } from "../src/testing/check-vjp.ts";
import { type OneNodeOptions, oneNodeGraph, runtimeError } from "../src/testing/compare-runtime.ts";

type Inputs = readonly (NumericTensor | undefined)[];

/** The opset of the graphs that are run; operators that came later need theirs. */
interface Opset {
  readonly opset?: number;
}

/** How many cases of each operator run in onnxruntime-web's WASM build too: it has the same kernels, compiled differently. */
const webCases = 2;
const casesSoFar = new Map<string, number>();

async function expectAgreement(
  opType: string,
  { graph, feeds }: Pick<ReturnType<typeof oneNodeGraph>, "graph" | "feeds">,
  options: Opset,
): Promise<void> {
  const count = casesSoFar.get(opType) ?? 0;
  casesSoFar.set(opType, count + 1);
  for (const runtime of count < webCases ? [node, web] : [node]) {
    expect(await runtimeError(runtime, graph, feeds, options)).toBeLessThan(1e-5);
  }
}

/** Elements spread evenly over (low, high). */
export function over(low: number, high: number, seed = 1, extents: Shape = [2, 3, 4]): NumericTensor {
  const tensor = spreadTensor(extents, seed);
  return { ...tensor, data: tensor.data.map((x) => (low + high) / 2 + (x * (high - low)) / 2) };
}

/** The kernel agrees with onnxruntime to float32 precision. */
export async function expectKernel(
  opType: string,
  inputs: Inputs,
  options: OneNodeOptions & Opset = {},
): Promise<void> {
  const { opset, ...own } = options;
  await expectAgreement(opType, oneNodeGraph(opType, inputs, own), { opset });
}

/** The VJP rule agrees with a central difference of the kernel, and onnxruntime computes the same from the rule's graph. */
export async function expectRule(opType: string, inputs: Inputs, options: CheckVjpOptions & Opset = {}): Promise<void> {
  const { opset, ...own } = options;
  const check = checkVjp(opType, inputs, own);
  expect(check.relativeError).toBeLessThan(1e-7);
  await expectAgreement(opType, check, { opset });
}

/** As {@link expectRule} for a linear operator, whose central difference is exact for any step: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ to 1e-12. */
export async function expectAdjoint(
  opType: string,
  inputs: Inputs,
  options: CheckVjpOptions & Opset = {},
): Promise<void> {
  const { opset, ...own } = options;
  const check = checkVjp(opType, inputs, { step: 1, ...own });
  expect(check.relativeError).toBeLessThan(1e-12);
  await expectAgreement(opType, check, { opset });
}

/** The gradients at one point for a cotangent of ones, one list per input that is differentiated. */
export function gradientsAt(opType: string, inputs: Inputs, options: CheckVjpOptions = {}): number[][] {
  const { graph, feeds } = checkVjp(opType, inputs, options);
  const ones = Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [
      name,
      name.startsWith("v") ? { ...tensor, data: tensor.data.map(() => 1) } : tensor,
    ]),
  );
  const results = evaluate(graph, ones);
  return Object.entries(results).flatMap(([name, { data }]) => (name.startsWith("gradient") ? [Array.from(data)] : []));
}

/** The outputs of one node, as plain numbers. */
export function outputsOf(opType: string, inputs: Inputs, options: OneNodeOptions = {}): number[][] {
  const { graph, feeds } = oneNodeGraph(opType, inputs, options);
  return Object.values(evaluate(graph, feeds)).map(({ data }) => Array.from(data));
}

/** A 1-D (unless `shape` is given) int64 tensor. */
export function int64(values: readonly number[], shape: Shape = [values.length]): NumericTensor {
  return testTensor(shape, values, "int64");
}

/** A 1-D (unless `shape` is given) float32 tensor. */
export function float32(values: readonly number[], shape: Shape = [values.length]): NumericTensor {
  return testTensor(shape, values, "float32");
}
