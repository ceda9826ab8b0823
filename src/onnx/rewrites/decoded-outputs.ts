/**
 * @file Outputs that only put results into words: names of classes, maps from names to probabilities, sequences.
 *
 * scikit-learn's and Custom Vision's exporters end a model in ZipMap and in look-ups of strings. What enters these is the tensor that the
 * network computed; the strings themselves are names of the classes.
 */
import { valuesReadBy } from "../captures.ts";
import { type Graph, type Node, producersOf } from "../model.ts";
import { hasTrait, isOperator } from "../operators/table.ts";

/** Operators that decode results, by domain and name. */
const decoding: ReadonlySet<string> = new Set([
  ...["ai.onnx.ml.ZipMap", "ai.onnx.ml.LabelEncoder", "ai.onnx.ml.ArrayFeatureExtractor", "ai.onnx.ml.CategoryMapper"],
  ...["SequenceConstruct", "SequenceInsert", "SequenceAt", "SequenceEmpty", "ConcatFromSequence", "SplitToSequence"],
  ...["Optional", "OptionalGetElement", "OptionalHasElement", "StringConcat", "StringNormalizer"],
]);

/** The operators that look up an element of their first input. */
const lookups: ReadonlySet<string> = new Set([
  "Gather",
  "GatherElements",
  "GatherND",
  "ai.onnx.ml.ArrayFeatureExtractor",
]);

const nameOf = ({ domain, opType }: Node): string => (domain === "" ? opType : `${domain}.${opType}`);

/** The strings that `node` looks up results in; undefined if it does something else. */
function tableOf(node: Node, graph: Graph, producers: ReadonlyMap<string, Node>): readonly string[] | undefined {
  if (!lookups.has(nameOf(node))) return undefined;
  const [table = ""] = node.inputs;
  const attributes = producers.get(table)?.attributes ?? {};
  const stored =
    graph.initializers.get(table) ?? (attributes.value?.kind === "tensor" ? attributes.value.value : undefined);
  if (stored?.storage.kind === "strings") return stored.storage.values;
  const { value_strings: strings } = attributes;
  return strings?.kind === "strings" ? strings.value : undefined;
}

/**
 * The values that the outputs of `graph` are made of: an output itself, or what decoding operators before it read. Outputs in whose way
 * other unknown operators stand are left out.
 */
export function decodedOutputs(graph: Graph): readonly string[] {
  const producers = producersOf(graph);
  /** Values in whose way an unknown operator stands, and those where it is none that decodes. */
  const [undecoded, blocked] = [new Set<string>(), new Set<string>()];
  for (const node of graph.nodes) {
    const read = [...valuesReadBy(node)];
    const isLookup = tableOf(node, graph, producers) !== undefined;
    const isKnown = isOperator(node) && !isLookup;
    const isUndecoded = !isKnown || read.some((name) => undecoded.has(name));
    // What a layer computes is no result put into words, whatever its input is made of.
    const isLayer = isKnown && hasTrait(node, "weighted") && isUndecoded;
    const isBlocked =
      isLayer || !(isKnown || isLookup || decoding.has(nameOf(node))) || read.some((name) => blocked.has(name));
    for (const name of node.outputs) {
      if (isUndecoded) undecoded.add(name);
      if (isBlocked) blocked.add(name);
    }
  }
  const sources = new Set<string>();
  const seen = new Set<string>();
  /** What is still to be looked at, the next one last. */
  const waiting = graph.outputs.map(({ name }) => name).reverse();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (name === "" || seen.has(name) || graph.initializers.has(name)) continue;
    seen.add(name);
    if (!undecoded.has(name)) {
      sources.add(name);
      continue;
    }
    const node = producers.get(name);
    if (node === undefined || blocked.has(name)) continue;
    for (const read of [...valuesReadBy(node)].reverse()) waiting.push(read);
  }
  return [...sources];
}

/** The names of classes that decoding operators hold; undefined if there are none. */
export function decodedNames(graph: Graph): readonly string[] | undefined {
  const producers = producersOf(graph);
  for (const node of graph.nodes) {
    const table = tableOf(node, graph, producers);
    if (table !== undefined) return table;
    if (!decoding.has(nameOf(node))) continue;
    for (const key of ["classlabels_strings", "values_strings", "cats_strings"]) {
      const attribute = node.attributes[key];
      if (attribute?.kind === "strings" && attribute.value.length > 0) return attribute.value;
    }
  }
  return undefined;
}
