/** @file Whether a model whose operators are written out computes what onnxruntime computes with it, and has the gradient of that. */
import { expect } from "vitest";
import { differentiate } from "../src/autodiff/differentiate.ts";
import { evaluate } from "../src/onnx/evaluate.ts";
import type { Graph, Model } from "../src/onnx/model.ts";
import { type NumericTensor, numeric } from "../src/onnx/numeric-tensor.ts";
import { canonicalForm } from "../src/onnx/rewrites/canonical-form.ts";
import { unfoldOperators } from "../src/onnx/rewrites/unfold-operators.ts";
import { sizeOf, type Tensor } from "../src/tensor/tensor.ts";
import { runModel, wave } from "./run-model.ts";

/** `model` in canonical form and written out for inputs of the shapes of `feeds`. */
export function unfoldedGraph(model: Model, feeds: Readonly<Record<string, Tensor>>): Graph {
  const inputShapes = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
  return unfoldOperators(canonicalForm(model).model.graph, { inputShapes });
}

/** Expects the outputs of `reference`, by default those of onnxruntime with `model`, to 1e-5. */
export async function expectUnfolded(
  model: Model,
  feeds: Readonly<Record<string, Tensor>>,
  reference?: Readonly<Record<string, Tensor>>,
): Promise<Graph> {
  const graph = unfoldedGraph(model, feeds);
  const expected = reference ?? (await runModel(model, feeds));
  const found = evaluate(graph, numbers(feeds));
  for (const { name } of graph.outputs) {
    const [own, theirs] = [found[name], numeric(expected[name])];
    expect([name, own.shape, own.dtype]).toEqual([name, [...theirs.shape], theirs.dtype]);
    const largest = own.data.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs.data[i])), 0);
    expect(largest).toBeLessThan(1e-5);
    expect(new Set(theirs.data).size).toBeGreaterThan(1);
  }
  return graph;
}

/** Expects vᵀ · ∂y/∂x · u to be the central difference along u in float64, to 1e-7, for the first output y. */
export function expectGradient(graph: Graph, feeds: Readonly<Record<string, Tensor>>, wrt: string): void {
  const real = numbers(feeds);
  const [{ name: y }] = graph.outputs;
  const u = numeric(wave(real[wrt].shape, 0.3));
  const at = (step: number): NumericTensor => {
    const moved = { ...real[wrt], data: real[wrt].data.map((value, i) => value + step * u.data[i]) };
    return evaluate(graph, { ...real, [wrt]: moved }, [y])[y];
  };
  const step = 1e-5;
  const [above, below] = [at(step), at(-step)];
  const v = numeric(wave(above.shape, 1.1));
  const expected = dot(
    v,
    above.data.map((value, i) => (value - below.data[i]) / (2 * step)),
  );
  const derivative = differentiate(graph, { of: y, wrt: [wrt], inputShapes: shapesOf(feeds) });
  const name = `${wrt}_gradient`;
  const gradient = evaluate(derivative, { ...real, cotangent: v }, [name])[name];
  expect(sizeOf(gradient.shape)).toBe(sizeOf(real[wrt].shape));
  expect(Math.abs(dot(u, gradient.data) - expected)).toBeLessThan(1e-7 * Math.max(1, Math.abs(expected)));
  expect(Math.abs(expected)).toBeGreaterThan(1e-3);
}

function numbers(feeds: Readonly<Record<string, Tensor>>): Record<string, NumericTensor> {
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, numeric(tensor)]));
}

function shapesOf(feeds: Readonly<Record<string, Tensor>>): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
}

function dot(a: NumericTensor, b: ArrayLike<number>): number {
  return a.data.reduce((sum, value, i) => sum + value * b[i], 0);
}
