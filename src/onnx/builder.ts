/**
 * @file Building graphs: each call appends a node, infers the types of its outputs and returns them.
 *
 * Everything has a static shape. Rewrites, VJP rules and objectives are all written with this builder.
 */
import { MisuseError } from "../errors.ts";
import { type DataType, intTensor, type Shape, type Tensor, tensorOf } from "../tensor/tensor.ts";
import { type AttributeValue, attributesFrom } from "./attributes.ts";
import { budgetPerNode, foldingBudget, inferNode, type TypedGraph, typeOf } from "./infer-shapes.ts";
import { type Graph, type Initializer, initializerOf, type Node, type ValueInfo, type ValueType } from "./model.ts";
import type { NumericTensor } from "./numeric-tensor.ts";
import { numeric } from "./numeric-tensor.ts";

/** A value of a graph that is being built: its name, element type and static shape. */
export interface Value extends ValueType {
  readonly name: string;
}

export class GraphBuilder {
  readonly #nodes: Node[] = [];
  readonly #producers = new Map<string, Node>();
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #initializers = new Map<string, Initializer>();
  readonly #values = new Map<string, Value>();
  readonly #known = new Map<string, NumericTensor>();
  readonly #constants = new Map<string, Value>();
  readonly #names = new Set<string>();
  readonly #counters = new Map<string, number>();
  readonly #budget = foldingBudget(0);
  #scope = "";

  /** A builder that goes on from a graph whose shapes are known; its inputs, nodes and weights are taken over, its outputs are not. */
  static from(typed: TypedGraph): GraphBuilder {
    const { graph, types, constants } = typed;
    const builder = new GraphBuilder();
    for (const name of types.keys()) builder.#names.add(name);
    for (const input of graph.inputs) {
      builder.#inputs.push({ name: input.name, ...typeOf(typed, input.name) });
    }
    for (const [name, initializer] of graph.initializers) builder.#initializers.set(name, initializer);
    for (const node of graph.nodes) {
      builder.#add(node);
      builder.#names.add(node.name);
    }
    for (const [name, type] of types) builder.#values.set(name, { name, ...type });
    for (const [name, tensor] of constants) builder.#known.set(name, tensor);
    return builder;
  }

  /** The nodes appended so far, in topological order. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** The value called `name`; throws if the graph has none. */
  value(name: string): Value {
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    throw new MisuseError({ where: "GraphBuilder", what: `the graph has no value ${JSON.stringify(name)}` });
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The node that computes `value`; undefined for inputs and initializers. */
  producer(value: Value): Node | undefined {
    return this.#producers.get(value.name);
  }

  /** What `value` is, where that is known before the graph runs. */
  known(value: Value): NumericTensor | undefined {
    return this.#known.get(value.name);
  }

  /** Whether `value` is an initializer: a weight or a constant. */
  isInitializer(value: Value): boolean {
    return this.#initializers.has(value.name);
  }

  /** The initializer behind `value`, if it is one. */
  initializer(value: Value): Initializer | undefined {
    return this.#initializers.get(value.name);
  }

  /** A new graph input. */
  input(name: string, dtype: DataType, shape: Shape): Value {
    this.#claim(name);
    this.#inputs.push({ name, dtype, shape });
    return this.#define({ name, dtype, shape });
  }

  /** A constant; equal small ones of one builder are one initializer. `name` is a wish. */
  constant(tensor: Tensor, name?: string): Value {
    const numbers = tensor.dtype === "string" ? undefined : numeric(tensor);
    const key =
      numbers !== undefined && numbers.data.length <= 64
        ? `${tensor.dtype}[${tensor.shape}]${Array.from(numbers.data, (x) => (Object.is(x, -0) ? "-0" : String(x)))}`
        : undefined;
    const existing = key === undefined ? undefined : this.#constants.get(key);
    if (existing !== undefined) return existing;
    const value = this.addInitializer(name ?? "constant", initializerOf(tensor));
    if (numbers !== undefined) this.#known.set(value.name, numbers);
    if (key !== undefined) this.#constants.set(key, value);
    return value;
  }

  /** A weight whose bytes need not be in memory; `name` is a wish. */
  addInitializer(name: string, initializer: Initializer): Value {
    const unique = this.#unique(name);
    this.#initializers.set(unique, initializer);
    return this.#define({ name: unique, dtype: initializer.dtype, shape: initializer.shape });
  }

  /** A scalar constant, float32 unless said otherwise. */
  scalar(value: number, dtype: DataType = "float32"): Value {
    return this.constant(tensorOf(dtype, [value], []));
  }

  /** A 1-D int64 constant: axes, shapes, pads. */
  ints(values: readonly number[]): Value {
    return this.constant(intTensor(values));
  }

  /** Appends a node and returns its first output. `undefined` inputs are optional ones that are left out. */
  op(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): Value {
    return this.ops(opType, inputs, attributes, 1)[0];
  }

  /** Appends a node with `outputCount` outputs and returns them. */
  ops(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue>>,
    outputCount: number,
  ): Value[] {
    const name = this.#unique(opType);
    const outputs = Array.from({ length: outputCount }, (_, i) => (i === 0 ? name : `${name}_${i}`));
    const node: Node = {
      opType,
      domain: "",
      name,
      inputs: namesOf(inputs),
      outputs,
      attributes: attributesFrom(attributes),
    };
    return this.append(node);
  }

  /** Appends a ready-made node, whose outputs must be new names, and returns its outputs. */
  append(node: Node): Value[] {
    this.#budget.left += budgetPerNode;
    const { types, constants } = inferNode(node, {
      type: (name) => this.#values.get(name),
      constant: (name) => this.#known.get(name),
      budget: this.#budget,
    });
    this.#add(node);
    return node.outputs.map((name, i) => {
      const value = { name, ...types[i] };
      if (name === "") return value;
      this.#names.add(name);
      if (constants?.[i] !== undefined) this.#known.set(name, constants[i]);
      return this.#define(value);
    });
  }

  /** Appends `node` once more, on other inputs and under new names, and returns its outputs; those it leaves out stay left out. */
  again(node: Node, inputs: readonly (Value | undefined)[]): Value[] {
    const name = this.#unique(node.opType);
    const outputs = node.outputs.map((output, i) => (output === "" ? "" : i === 0 ? name : `${name}_${i}`));
    return this.append({ ...node, name, inputs: namesOf(inputs), outputs });
  }

  /** Runs `body`; nodes appended meanwhile are called `<scope>/…`, so that a profile tells where each came from. */
  scope<T>(scope: string, body: () => T): T {
    const outer = this.#scope;
    this.#scope = `${outer}${scope}/`;
    try {
      return body();
    } finally {
      this.#scope = outer;
    }
  }

  /** Makes `value` a graph output called `name` (through an Identity where the value has another name). */
  output(value: Value, name: string = value.name): Value {
    let result = value;
    const isNodeOutput =
      !this.#initializers.has(value.name) && !this.#inputs.some((input) => input.name === value.name);
    if (name !== value.name || !isNodeOutput) {
      this.#claim(name);
      [result] = this.append({
        opType: "Identity",
        domain: "",
        name,
        inputs: [value.name],
        outputs: [name],
        attributes: {},
      });
    }
    this.#outputs.push({ name, dtype: result.dtype, shape: result.shape });
    return result;
  }

  /** The finished graph. Initializers that no node reads are left out. */
  toGraph(name = "graph"): Graph {
    const read = new Set(this.#nodes.flatMap((node) => node.inputs));
    const initializers = new Map([...this.#initializers].filter(([key]) => read.has(key)));
    return {
      name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      nodes: this.#nodes,
      initializers,
      valueInfo: new Map(),
    };
  }

  #add(node: Node): void {
    this.#nodes.push(node);
    for (const output of node.outputs) if (output !== "") this.#producers.set(output, node);
  }

  #define(value: Value): Value {
    this.#values.set(value.name, value);
    return value;
  }

  #claim(name: string): void {
    if (this.#names.has(name)) {
      throw new MisuseError({ where: "GraphBuilder", what: `the name ${JSON.stringify(name)} is taken` });
    }
    this.#names.add(name);
  }

  #unique(wish: string): string {
    const base = this.#scope + wish;
    let name = base;
    let count = this.#counters.get(base) ?? 0;
    while (this.#names.has(name)) name = `${base}_${++count}`;
    this.#counters.set(base, count);
    this.#names.add(name);
    return name;
  }
}

/** The inputs as a node names them: "" for one that is left out, and nothing for those that are left out at the end. */
function namesOf(inputs: readonly (Value | undefined)[]): string[] {
  const names = inputs.map((input) => input?.name ?? "");
  while (names.at(-1) === "") names.pop();
  return names;
}
