/**
 * @file The ONNX vocabulary as plain records: model, graph, node, value, attribute, initializer, opset import.
 *
 * A graph's nodes are in topological order. A value is known by its name, which is unique within the graph; the empty name
 * stands for an optional input or output that is left out. Records are treated as immutable: passes return new ones and
 * share what did not change, so weights are never copied by a rewrite.
 */
import { BadInputError, checkForm, MisuseError } from "../errors.ts";
import { arrayTypeOf, bytesPerElement, type DataType, type Shape, sizeOf, type Tensor } from "../tensor/tensor.ts";

/** The extent of one axis: a number, the name of a symbolic extent such as "batch", or undefined where nothing is known. */
export type Dimension = number | string | undefined;

/** A value's name with what the model declares of its element type and shape. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DataType | undefined;
  readonly shape: readonly Dimension[] | undefined;
  /** What the model says of this value alone, by key. */
  readonly metadata?: ReadonlyMap<string, string>;
  /** What the model says that the value is, such as IMAGE (onnx/docs/TypeDenotation.md), where it does. */
  readonly denotation?: string;
  /** What it says of each axis, such as DATA_CHANNEL (onnx/docs/DimensionDenotation.md), "" where nothing; left out if of none. */
  readonly axisDenotations?: readonly string[];
}

/** Element type and static shape: what shape inference knows of every value. */
export interface ValueType {
  readonly dtype: DataType;
  readonly shape: Shape;
}

/** A node's attribute. Integers are numbers: beyond 2^53 they lose digits, which only the "to the end" bounds of Slice use. */
export type Attribute =
  | { readonly kind: "float" | "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "floats" | "ints"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: Initializer }
  | { readonly kind: "graph"; readonly value: Graph }
  /** Inside a function's body: the value of the call's attribute of this name; `type` is its kind, which a file must state. */
  | { readonly kind: "reference"; readonly value: string; readonly type?: Exclude<Attribute["kind"], "reference"> }
  /** Kinds that no supported operator has (sparse tensors, types, lists of tensors or graphs), kept for a round trip. */
  | { readonly kind: "opaque"; readonly value: unknown };

export type Attributes = Readonly<Record<string, Attribute>>;

/** One operation: an operator applied to named values. */
export interface Node {
  readonly opType: string;
  /** "" is the standard domain, ai.onnx. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  /** The protobuf message that it was read from: its documentation and unknown fields are written back. */
  readonly origin?: unknown;
}

/** Where a constant tensor's bytes are: little-endian, row-major. */
export type Storage =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  /** A part of a file beside the model (or of the model file itself); `read` fetches it, anew at each call. */
  | {
      readonly kind: "external";
      readonly location: string;
      readonly offset: number;
      readonly length: number;
      readonly read: () => Uint8Array;
    }
  | { readonly kind: "strings"; readonly values: readonly string[] };

/** A constant tensor: a weight, or the value of a Constant node. */
export interface Initializer {
  readonly dtype: DataType;
  readonly shape: Shape;
  readonly storage: Storage;
  /** How many bits of each element the file has, where it has fewer than the element type. */
  readonly bits?: number;
  readonly origin?: unknown;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Initializer>;
  /** What the model declares of inner values; a hint only, shape inference does without. */
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
  readonly origin?: unknown;
}

/** A model-local function: a subgraph that nodes call by (domain, name). */
export interface FunctionDefinition {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributeNames: readonly string[];
  readonly attributeDefaults: Attributes;
  readonly nodes: readonly Node[];
  readonly opsets: ReadonlyMap<string, number>;
  readonly origin?: unknown;
}

export interface Model {
  readonly irVersion: number;
  /** Version of each operator set, by domain ("" for ai.onnx). */
  readonly opsets: ReadonlyMap<string, number>;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: Graph;
  readonly functions: readonly FunctionDefinition[];
  readonly origin?: unknown;
}

/** An initializer that holds `tensor`'s elements; its memory is shared, not copied. */
export function initializerOf(tensor: Tensor): Initializer {
  checkForm("initializerOf: tensor", tensor, ["dtype", "shape", "data"]);
  const { dtype, shape, data } = tensor;
  if (dtype === "string") return { dtype, shape, storage: { kind: "strings", values: data as readonly string[] } };
  const array = data as Float32Array;
  const bytes = new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
  return { dtype, shape, storage: { kind: "inline", bytes } };
}

/**
 * The tensor that an initializer stands for; inline bytes are shared where their alignment allows it. Throws a
 * BadInputError if the number of bytes does not match the shape.
 */
export function tensorOfInitializer(initializer: Initializer, where = "initializer"): Tensor {
  checkForm("tensorOfInitializer: initializer", initializer, ["dtype", "shape", "storage"]);
  const { dtype, shape, storage } = initializer;
  if (storage.kind === "strings") return { dtype, shape, data: storage.values };
  const bytes = storage.kind === "inline" ? storage.bytes : storage.read();
  const wanted = sizeOf(shape) * bytesPerElement(dtype);
  if (bytes.byteLength !== wanted) {
    throw new BadInputError({
      where,
      what: "the data does not fill the shape",
      expected: `${wanted} bytes for ${dtype} [${shape.join(", ")}]`,
      got: `${bytes.byteLength} bytes`,
      advice: "The file is damaged or was cut off; export or download it again.",
    });
  }
  const ArrayType = arrayTypeOf(dtype);
  // A copy by `new`, for the slice of a Node Buffer is no copy.
  const aligned = bytes.byteOffset % ArrayType.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return { dtype, shape, data: new ArrayType(aligned.buffer as ArrayBuffer, aligned.byteOffset, sizeOf(shape)) };
}

/** The initializer called `name`. Throws a MisuseError if the graph has none. */
export function initializerNamed({ initializers }: Pick<Graph, "initializers">, name: string): Initializer {
  const initializer = initializers.get(name);
  if (initializer !== undefined) return initializer;
  throw new MisuseError({ where: "initializerNamed", what: `the graph has no initializer ${JSON.stringify(name)}` });
}

/** Graphs do not change, and many ask. */
const knownProducers = new WeakMap<Graph, ReadonlyMap<string, Node>>();

/** The node that produces each value, by the value's name. */
export function producersOf(graph: Graph): ReadonlyMap<string, Node> {
  const known = knownProducers.get(graph);
  if (known !== undefined) return known;
  const producers = new Map<string, Node>();
  knownProducers.set(graph, producers);
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output !== "") producers.set(output, node);
  }
  return producers;
}

/** The nodes that read each value, by the value's name, in graph order; a node that reads it twice is listed once. */
export function usesOf(graph: Graph): Map<string, Node[]> {
  const uses = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      if (input === "") continue;
      const readers = uses.get(input);
      if (readers === undefined) uses.set(input, [node]);
      else readers.push(node);
    }
  }
  return uses;
}

/** "input: float32[N, 3, 224, 224]". */
export function describeValueInfo({ name, dtype, shape }: ValueInfo): string {
  return `${name}: ${dtype ?? "?"}${shape === undefined ? "" : `[${shape.map((extent) => extent ?? "?").join(", ")}]`}`;
}

/** How messages name a node: its operator and its name, or its first output where it has none. */
export function describeNode(node: Pick<Node, "opType" | "name" | "outputs">): string {
  return `${node.opType} (${node.name || node.outputs.find((output) => output !== "") || "unnamed"})`;
}

/** One phrase per operator, "Conv (conv1, conv2, … 7 in all)", for messages that name all offenders at once. */
export function groupByOperator(nodes: readonly Node[]): string[] {
  const groups = new Map<string, string[]>();
  for (const node of nodes) {
    const operator = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
    const names = groups.get(operator) ?? [];
    names.push(node.name || node.outputs[0]);
    groups.set(operator, names);
  }
  return [...groups].map(([operator, names]) => {
    const shown = names.slice(0, 3).join(", ");
    return `${operator} (${shown}${names.length > 3 ? `, … ${names.length} in all` : ""})`;
  });
}
