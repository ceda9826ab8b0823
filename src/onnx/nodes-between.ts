/** @file Which nodes of a graph lie on the way from some values to others. */
import type { Node } from "./model.ts";

/**
 * The nodes on a path from a value in `from` to one in `to`, in the order of `nodes`, which is topological. `carries` says whether a path
 * may go through a node to one of its outputs.
 */
export function nodesBetween(
  nodes: readonly Node[],
  from: Iterable<string>,
  to: Iterable<string>,
  carries: (node: Node, output: string) => boolean,
): Node[] {
  const downstream = new Set(from);
  const reached = nodes.filter((node) => {
    if (!node.inputs.some((input) => downstream.has(input))) return false;
    const carried = node.outputs.filter((output) => output !== "" && carries(node, output));
    for (const output of carried) downstream.add(output);
    return carried.length > 0;
  });
  const upstream = new Set(to);
  const path = reached.toReversed().filter((node) => {
    if (!node.outputs.some((output) => upstream.has(output))) return false;
    for (const input of node.inputs) upstream.add(input);
    return true;
  });
  return path.toReversed();
}
