/**
 * @file Images of bytes as images of real numbers, so that there are derivatives.
 *
 * A model with its own preprocessing begins with a Cast of the bytes, and one that was quantized as a whole with DequantizeLinear, which is
 * (x − zero point) · scale; what comes after them is the same for numbers between the bytes.
 */
import { UnsupportedError } from "../../errors.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { attributesFrom } from "../attributes.ts";
import { valuesReadBy } from "../captures.ts";
import { freshNames } from "../fresh-names.ts";
import { describeNode, type Graph, type Node, type ValueInfo } from "../model.ts";
import { hasTrait } from "../operators/table.ts";

/** Whether an operator makes something else of bytes: real numbers, or a shape. */
function endsBytes(node: Node): boolean {
  return node.opType === "Cast" || hasTrait(node, "describesShape");
}

/** Whether an operator treats bytes and real numbers alike. */
function isIndifferent(node: Node): boolean {
  return endsBytes(node) || hasTrait(node, "moves") || node.opType === "Resize";
}

/** What users should know of a model whose input was made real. */
export const realInputNote = "the whole numbers of the input are computed as real ones";

/**
 * `graph` with the input called `input`, whole numbers, declared as float32. Throws an UnsupportedError that starts with `where` if
 * the graph does more with them than to move them about before it makes them real numbers.
 */
export function castByteInput(graph: Graph, input: string, where: string): Graph {
  const bytes = new Set([input]);
  const fresh = freshNames(graph);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const isRead = [...valuesReadBy(node)].some((name) => bytes.has(name));
    const scaled = isRead && node.opType === "DequantizeLinear" ? asArithmetic(graph, node, fresh) : undefined;
    nodes.push(...(scaled ?? [node]));
    if (!isRead || scaled !== undefined) continue;
    if (!isIndifferent(node)) {
      throw new UnsupportedError({
        where: `${where}: ${describeNode(node)}`,
        what: "computes with the bytes of the image, which have no derivative",
        expected: "a Cast to float before it",
        advice: "Export the model with a float32 input.",
      });
    }
    if (!endsBytes(node)) for (const output of node.outputs) bytes.add(output);
  }
  const declare = (info: ValueInfo): ValueInfo => (info.name === input ? { ...info, dtype: "float32" } : info);
  return { ...graph, nodes, inputs: graph.inputs.map(declare) };
}

/** A DequantizeLinear with one scale for all of its numbers in operators that take real ones; undefined for one with several. */
function asArithmetic(
  { initializers }: Graph,
  node: Node,
  fresh: (wish: string) => string,
): readonly Node[] | undefined {
  const [data, scale, zero = ""] = node.inputs;
  const known = initializers.get(scale);
  if (known === undefined || sizeOf(known.shape) !== 1) return undefined;
  const [output] = node.outputs;
  const plain = { domain: "", attributes: {} };
  const product = (from: string): Node => ({
    ...plain,
    opType: "Mul",
    name: node.name,
    inputs: [from, scale],
    outputs: [output],
  });
  if (zero === "") return [product(data)];
  const [point, shifted] = [fresh(`${output}_zero_point`), fresh(`${output}_shifted`)];
  return [
    {
      ...plain,
      opType: "Cast",
      name: point,
      inputs: [zero],
      outputs: [point],
      attributes: attributesFrom({ to: onnxFloat }),
    },
    { ...plain, opType: "Sub", name: shifted, inputs: [data, point], outputs: [shifted] },
    product(shifted),
  ];
}

/** TensorProto.FLOAT. */
const onnxFloat = 1;
