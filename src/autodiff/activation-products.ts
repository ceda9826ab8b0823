/**
 * @file Activation functions that exporters write as several operators, recognized where they end: SiLU as x · Sigmoid(x), GELU
 * as x · (1 + Erf(x / √2)) with a half before or behind, HardSwish, Mish and GELU's approximation in the same way.
 *
 * What they have in common is a product of x with a function of x that vanishes for very negative x and tends to a positive
 * number for large x: a smooth rectifier of slope 1 times that number. That is what is looked for, by following ±∞ through the graph.
 */
import { attributesOf } from "../onnx/attributes.ts";
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import type { Node } from "../onnx/model.ts";
import { ruleOf } from "./rules/index.ts";

export interface ActivationProduct {
  /** Which input of the product is x, or a positive multiple of it; the other one is the function of x. */
  readonly input: 0 | 1;
  /** What the function tends to. */
  readonly slope: number;
}

/** How `node`, a product, is an activation of a value; undefined if it is none. */
export function activationProductOf(g: GraphBuilder, node: Node): ActivationProduct | undefined {
  return mayEndActivation(node) ? surveyOf(g, node).products.get(node) : undefined;
}

function mayEndActivation({ opType }: Node): boolean {
  return ruleOf(opType)?.guided === "gated if it ends an activation";
}

/** Whether `node` is a part of such an activation other than its product: then it is no activation of its own. */
export function isInsideActivation(g: GraphBuilder, node: Node): boolean {
  return surveyOf(g, node).inside.has(node);
}

interface Survey {
  readonly nodes: ReadonlySet<Node>;
  readonly products: ReadonlyMap<Node, ActivationProduct>;
  readonly inside: ReadonlySet<Node>;
}

/** The last survey of each graph; it holds for the nodes that there were. */
const surveys = new WeakMap<GraphBuilder, Survey>();

function surveyOf(g: GraphBuilder, node: Node): Survey {
  const known = surveys.get(g);
  if (known?.nodes.has(node)) return known;
  const products = new Map<Node, ActivationProduct>();
  const inside = new Set<Node>();
  for (const one of g.nodes) {
    const product = mayEndActivation(one) ? productOf(g, one) : undefined;
    if (product === undefined) continue;
    products.set(one, product);
    const x = unscaled(g, g.value(one.inputs[product.input]));
    const pending = [one.inputs[1 - product.input]];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const part = name === x ? undefined : g.producer(g.value(name));
      if (part === undefined || inside.has(part)) continue;
      inside.add(part);
      pending.push(...part.inputs.filter((input) => input !== ""));
    }
  }
  const survey = { nodes: new Set(g.nodes), products, inside };
  surveys.set(g, survey);
  return survey;
}

function productOf(g: GraphBuilder, node: Node): ActivationProduct | undefined {
  for (const input of [0, 1] as const) {
    const x = unscaled(g, g.value(node.inputs[input]));
    const gate = g.value(node.inputs[1 - input]);
    const limit = (at: number): number => limitOf(g, gate, { x, at, depth: 0 });
    const slope = limit(Infinity);
    if (slope > 0 && slope < Infinity && limit(-Infinity) === 0) return { input, slope };
  }
  return undefined;
}

/** What `value` is a positive multiple of. */
function unscaled(g: GraphBuilder, value: Value): string {
  const node = g.producer(value);
  if (node?.opType !== "Mul" && node?.opType !== "Div") return value.name;
  const [a, b] = node.inputs.map((name) => g.value(name));
  if ((numberOf(g, b) ?? 0) > 0) return unscaled(g, a);
  return node.opType === "Mul" && (numberOf(g, a) ?? 0) > 0 ? unscaled(g, b) : value.name;
}

/** The one number that a constant holds, in whatever shape. */
function numberOf(g: GraphBuilder, value: Value): number | undefined {
  const data = g.known(value)?.data;
  return data !== undefined && data.length > 0 && data.every((element) => element === data[0]) ? data[0] : undefined;
}

/** More operators than any activation is made of. */
const deepest = 12;

/** What `value` is where the value called `x` is ±∞, if it depends on nothing else; NaN otherwise. */
function limitOf(
  g: GraphBuilder,
  value: Value,
  place: { readonly x: string; readonly at: number; readonly depth: number },
): number {
  const { x, at, depth } = place;
  if (value.name === x) return at;
  const constant = numberOf(g, value);
  if (constant !== undefined) return constant;
  const node = g.producer(value);
  if (node === undefined || depth === deepest) return Number.NaN;
  const limit = ruleOf(node.opType)?.limit;
  if (limit === undefined) return Number.NaN;
  // What is left out stays missing: a bound that is left out is none.
  const inputs: number[] = [];
  for (const [i, name] of node.inputs.entries()) {
    if (name !== "") inputs[i] = limitOf(g, g.value(name), { x, at, depth: depth + 1 });
  }
  return limit(inputs, attributesOf(node));
}
