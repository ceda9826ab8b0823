/**
 * @file Images of bytes as images of real numbers, so that there are derivatives.
 *
 * A model with its own preprocessing begins with a Cast of the bytes; what comes after it is the same for numbers between them.
 */
import { UnsupportedError } from "../../errors.ts";
import { valuesReadBy } from "../captures.ts";
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
  for (const node of graph.nodes) {
    if (![...valuesReadBy(node)].some((name) => bytes.has(name))) continue;
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
  return { ...graph, inputs: graph.inputs.map(declare) };
}
