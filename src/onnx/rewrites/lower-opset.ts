/**
 * @file Models of versions newer than runtimes run, where the version is all that is new.
 *
 * Tools write the newest version that they know into every file, whatever it holds. Operator sets 27 and 28 brought new operators (they have no rule, and are
 * refused by name), types that no classifier computes with, and for the operators that were there before nothing but these: Range's precision in half types, which
 * are widened here anyway, and an order of SpaceToDepth (onnx/docs/Changelog.md). IR version 14 brought 6-bit floats.
 */

import { mapGraphs } from "../inner-graphs.ts";
import type { Attributes, FunctionDefinition, Graph, Model, Node } from "../model.ts";
import { newestRunnableIrVersion, newestRunnableOpset } from "../validate.ts";

/** `model` as a model of versions that runtimes run; itself where it is one. */
export function lowerOpset(model: Model): Model {
  const version = model.opsets.get("") ?? 0;
  const irVersion = Math.min(model.irVersion, newestRunnableIrVersion);
  if (version <= newestRunnableOpset) return irVersion === model.irVersion ? model : { ...model, irVersion };
  return {
    ...model,
    irVersion,
    opsets: lowered(model.opsets),
    graph: lowerGraph(model.graph),
    functions: model.functions.map(
      (definition): FunctionDefinition => ({
        ...definition,
        opsets: lowered(definition.opsets),
        nodes: definition.nodes.map(lowerNode),
      }),
    ),
  };
}

function lowered(opsets: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map(
    [...opsets].map(([domain, version]) => [domain, domain === "" ? Math.min(version, newestRunnableOpset) : version]),
  );
}

function lowerGraph(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.map(lowerNode) };
}

function lowerNode(node: Node): Node {
  const attributes = mapGraphs(node.attributes, lowerGraph);
  return { ...node, attributes: node.domain === "" ? withoutNew(node.opType, attributes) : attributes };
}

/** Without attributes that say what holds anyway. */
function withoutNew(opType: string, attributes: Attributes): Attributes {
  const { mode } = attributes;
  const isUsual = opType === "SpaceToDepth" && mode?.kind === "string" && mode.value === "DCR";
  const gone = opType === "Range" ? "stash_type" : isUsual ? "mode" : undefined;
  return gone === undefined
    ? attributes
    : Object.fromEntries(Object.entries(attributes).filter(([name]) => name !== gone));
}
