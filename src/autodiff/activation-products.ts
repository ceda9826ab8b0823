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

export interface ActivationProduct {
  /** Which input of the product is x, or a positive multiple of it; the other one is the function of x. */
  readonly input: 0 | 1;
  /** What the function tends to. */
  readonly slope: number;
}

/** How `node`, a Mul, is an activation of a value; undefined if it is none. */
export function activationProductOf(g: GraphBuilder, node: Node): ActivationProduct | undefined {
  return node.opType === "Mul" ? surveyOf(g, node).products.get(node) : undefined;
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
  const producers = new Map(g.nodes.flatMap((one) => one.outputs.map((output) => [output, one] as const)));
  const products = new Map<Node, ActivationProduct>();
  const inside = new Set<Node>();
  for (const one of g.nodes) {
    const product = one.opType === "Mul" ? productOf(g, producers, one) : undefined;
    if (product === undefined) continue;
    products.set(one, product);
    const x = unscaled(g, producers, g.value(one.inputs[product.input]));
    const pending = [one.inputs[1 - product.input]];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const part = name === x ? undefined : producers.get(name);
      if (part === undefined || inside.has(part)) continue;
      inside.add(part);
      pending.push(...part.inputs.filter((input) => input !== ""));
    }
  }
  const survey = { nodes: new Set(g.nodes), products, inside };
  surveys.set(g, survey);
  return survey;
}

function productOf(g: GraphBuilder, producers: Producers, node: Node): ActivationProduct | undefined {
  for (const input of [0, 1] as const) {
    const x = unscaled(g, producers, g.value(node.inputs[input]));
    const gate = g.value(node.inputs[1 - input]);
    const limit = (at: number): number => limitOf(g, producers, gate, { x, at, depth: 0 });
    const slope = limit(Infinity);
    if (slope > 0 && slope < Infinity && limit(-Infinity) === 0) return { input, slope };
  }
  return undefined;
}

type Producers = ReadonlyMap<string, Node>;

/** What `value` is a positive multiple of. */
function unscaled(g: GraphBuilder, producers: Producers, value: Value): string {
  const node = producers.get(value.name);
  if (node?.opType !== "Mul" && node?.opType !== "Div") return value.name;
  const [a, b] = node.inputs.map((name) => g.value(name));
  if ((numberOf(g, b) ?? 0) > 0) return unscaled(g, producers, a);
  return node.opType === "Mul" && (numberOf(g, a) ?? 0) > 0 ? unscaled(g, producers, b) : value.name;
}

/** The one number that a constant holds, in whatever shape. */
function numberOf(g: GraphBuilder, value: Value): number | undefined {
  const data = g.known(value)?.data;
  return data !== undefined && data.length > 0 && data.every((element) => element === data[0]) ? data[0] : undefined;
}

type Limit = (inputs: readonly number[], node: Node) => number;

/** Functions of real numbers and of ±∞; NaN where there is no limit. */
const limits: Readonly<Record<string, Limit>> = {
  Add: ([a, b]) => a + b,
  Sub: ([a, b]) => a - b,
  Mul: ([a, b]) => a * b,
  Div: ([a, b]) => a / b,
  Pow: ([a, b]) => a ** b,
  Neg: ([a]) => -a,
  Exp: ([a]) => Math.exp(a),
  Log: ([a]) => Math.log(a),
  Tanh: ([a]) => Math.tanh(a),
  /** Only its limits are known here. */
  Erf: ([a]) => (Math.abs(a) === Infinity ? Math.sign(a) : Number.NaN),
  Sigmoid: ([a]) => 1 / (1 + Math.exp(-a)),
  Softplus: ([a]) => Math.log1p(Math.exp(a)),
  Relu: ([a]) => Math.max(a, 0),
  Reciprocal: ([a]) => 1 / a,
  HardSigmoid: ([a], node) => {
    const attributes = attributesOf(node);
    return Math.min(Math.max(attributes.float("alpha", 0.2) * a + attributes.float("beta", 0.5), 0), 1);
  },
  Clip: ([a, least = -Infinity, largest = Infinity]) => Math.min(Math.max(a, least), largest),
};

/** More operators than any activation is made of. */
const deepest = 12;

/** What `value` is where the value called `x` is ±∞, if it depends on nothing else; NaN otherwise. */
function limitOf(
  g: GraphBuilder,
  producers: Producers,
  value: Value,
  place: { readonly x: string; readonly at: number; readonly depth: number },
): number {
  const { x, at, depth } = place;
  if (value.name === x) return at;
  const constant = numberOf(g, value);
  if (constant !== undefined) return constant;
  const node = producers.get(value.name);
  if (node === undefined || depth === deepest || !Object.hasOwn(limits, node.opType)) return Number.NaN;
  // A bound that is left out is none.
  const inputs = node.inputs.map((name, i) =>
    name === "" ? [0, -Infinity, Infinity][i] : limitOf(g, producers, g.value(name), { x, at, depth: depth + 1 }),
  );
  return limits[node.opType](inputs, node);
}
