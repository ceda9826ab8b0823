/**
 * @file Outputs that only put results into words: names of classes, maps from names to probabilities, sequences.
 *
 * scikit-learn's and Custom Vision's exporters end a model in ZipMap and in look-ups of strings. What enters these is the tensor that the
 * network computed; the strings themselves are names of the classes.
 */
import { valuesReadBy } from "../captures.ts";
import { type Graph, type Node, producersOf } from "../model.ts";
import { isOperator } from "../operators/table.ts";
import { neededFor } from "./extract-subgraph.ts";

/** Operators that decode results, by domain and name. */
const decoding: ReadonlySet<string> = new Set([
  ...["ai.onnx.ml.ZipMap", "ai.onnx.ml.LabelEncoder", "ai.onnx.ml.ArrayFeatureExtractor", "ai.onnx.ml.CategoryMapper"],
  ...["SequenceConstruct", "SequenceInsert", "SequenceAt", "SequenceEmpty", "ConcatFromSequence", "SplitToSequence"],
  ...["Optional", "OptionalGetElement", "OptionalHasElement", "StringConcat", "StringNormalizer"],
]);

function isDecoding({ domain, opType }: Node): boolean {
  return decoding.has(domain === "" ? opType : `${domain}.${opType}`);
}

/**
 * The values that the outputs of `graph` are made of: an output itself, or what decoding operators before it read. Outputs in whose way
 * other unknown operators stand are left out.
 */
export function decodedOutputs(graph: Graph): readonly string[] {
  const producers = producersOf(graph);
  const sources = new Set<string>();
  const isSupported = (name: string): boolean => neededFor(graph, [name]).nodes.every(isOperator);
  const visit = (name: string): void => {
    if (graph.initializers.has(name)) return;
    if (isSupported(name)) {
      sources.add(name);
      return;
    }
    const node = producers.get(name);
    if (node === undefined || !neededFor(graph, [name]).nodes.every((one) => isOperator(one) || isDecoding(one)))
      return;
    for (const input of valuesReadBy(node)) if (input !== "") visit(input);
  };
  for (const { name } of graph.outputs) visit(name);
  return [...sources];
}

/** The names of classes that decoding operators hold; undefined if there are none. */
export function decodedNames(graph: Graph): readonly string[] | undefined {
  for (const node of graph.nodes) {
    if (!isDecoding(node)) continue;
    for (const key of ["classlabels_strings", "values_strings", "cats_strings"]) {
      const attribute = node.attributes[key];
      if (attribute?.kind === "strings" && attribute.value.length > 0) return attribute.value;
    }
    const storage = graph.initializers.get(node.inputs[0] ?? "")?.storage;
    if (node.opType === "ArrayFeatureExtractor" && storage?.kind === "strings") return storage.values;
  }
  return undefined;
}
