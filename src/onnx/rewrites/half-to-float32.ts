/**
 * @file Models in 16-bit floating point, computed in float32.
 *
 * The weights are converted, which is exact, and everything between them is declared and computed in float32: where
 * the original rounds each intermediate result to 11 (float16) or 8 (bfloat16) bits, this does not.
 */
import { fromBfloat16, fromFloat16 } from "../../tensor/half.ts";
import { type DataType, numbersOf } from "../../tensor/tensor.ts";
import { dataTypeOfNumber, numberOfDataType } from "../file/tensor-proto.ts";
import {
  type Attribute,
  type Attributes,
  type Graph,
  type Initializer,
  initializerOf,
  type Node,
  tensorOfInitializer,
  type ValueInfo,
} from "../model.ts";
import { filterMap } from "./extract-subgraph.ts";

/** Whether `dtype` is one of the 16-bit floating-point types. */
export function isHalf(dtype: DataType | undefined): dtype is "float16" | "bfloat16" {
  return dtype === "float16" || dtype === "bfloat16";
}

/** The attributes that name an element type by its number. */
const typeAttributes = ["to", "dtype", "output_dtype"];

/** The 16-bit types that `graph` has in inputs, initializers and conversions. */
export function halfTypesOf(graph: Graph): DataType[] {
  const found = new Set<DataType>();
  const note = (dtype: DataType | undefined): void => {
    if (isHalf(dtype)) found.add(dtype);
  };
  for (const { dtype } of graph.inputs) note(dtype);
  for (const { dtype } of graph.initializers.values()) note(dtype);
  for (const { attributes } of graph.nodes) {
    for (const [name, attribute] of Object.entries(attributes)) {
      if (attribute.kind === "tensor") note(attribute.value.dtype);
      if (attribute.kind === "int" && typeAttributes.includes(name)) note(dataTypeOfNumber(attribute.value));
      if (attribute.kind === "graph") halfTypesOf(attribute.value).forEach(note);
    }
  }
  return [...found].sort();
}

/** `graph` with float32 in place of float16 and bfloat16, in inner graphs too; itself if it has none. */
export function halfToFloat32(graph: Graph): Graph {
  return halfTypesOf(graph).length === 0 ? graph : convertGraph(graph, isHalf);
}

/** `graph` with float32 in place of float64, in inner graphs too: the numbers are rounded to 24 bits. */
export function doubleToFloat32(graph: Graph): Graph {
  return convertGraph(graph, (dtype) => dtype === "float64");
}

/** Which element types become float32. */
type Choice = (dtype: DataType | undefined) => boolean;

function convertGraph(graph: Graph, isOther: Choice): Graph {
  const declared = (info: ValueInfo): ValueInfo => (isOther(info.dtype) ? { ...info, dtype: "float32" } : info);
  return {
    ...graph,
    inputs: graph.inputs.map(declared),
    outputs: graph.outputs.map(declared),
    // Declarations of inner values are a hint only; none is better than a wrong one.
    valueInfo: filterMap(graph.valueInfo, (name) => !isOther(graph.valueInfo.get(name)?.dtype)),
    initializers: new Map(
      [...graph.initializers].map(([name, value]) => [name, converted(value, `initializer ${name}`, isOther)]),
    ),
    nodes: graph.nodes.map((node) => convertNode(node, isOther)),
  };
}

function convertNode(node: Node, isOther: Choice): Node {
  const changed = Object.entries(node.attributes).map(([name, attribute]): [string, Attribute] => {
    if (attribute.kind === "tensor") {
      return [
        name,
        { kind: "tensor", value: converted(attribute.value, `${node.name || node.opType}: ${name}`, isOther) },
      ];
    }
    if (attribute.kind === "graph") return [name, { kind: "graph", value: convertGraph(attribute.value, isOther) }];
    const isType = attribute.kind === "int" && typeAttributes.includes(name);
    if (isType && isOther(dataTypeOfNumber(attribute.value))) {
      return [name, { kind: "int", value: numberOfDataType("float32") }];
    }
    return [name, attribute];
  });
  const attributes: Attributes = Object.fromEntries(changed);
  return { ...node, attributes };
}

function converted(initializer: Initializer, where: string, isOther: Choice): Initializer {
  if (!isOther(initializer.dtype)) return initializer;
  if (initializer.dtype === "float64") {
    const numbers = numbersOf(tensorOfInitializer(initializer, where));
    return initializerOf({ dtype: "float32", shape: initializer.shape, data: Float32Array.from(numbers) });
  }
  const bits = tensorOfInitializer(initializer, where).data as Uint16Array;
  const data = initializer.dtype === "float16" ? fromFloat16(bits) : fromBfloat16(bits);
  return initializerOf({ dtype: "float32", shape: initializer.shape, data });
}
