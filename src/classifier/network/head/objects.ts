/** @file Outputs of an object detector: numbers for each of many places or objects, and beside them scores of the same places. */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import { producersOf } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import type { Candidate, FindHeadOptions } from "./candidates/candidate.ts";
import { embedding, mapping, regressing, words } from "./output-words.ts";

export interface Objects {
  /** The output that has numbers for each of them. */
  readonly output: string;
  /** What could be a classification of the picture beside them. */
  readonly others: readonly Candidate[];
}

/** A box is this many numbers. */
const boxNumbers = 4;

/**
 * What `candidates` of the outputs `names` are of, where one output has numbers for as many places as a candidate has columns: boxes [N, P, 4]
 * and scores [N, P], say. Undefined where no output has.
 */
export function objectsAmong(
  typed: TypedGraph,
  names: readonly string[],
  candidates: readonly Candidate[],
  { batch, labelCount }: FindHeadOptions,
): Objects | undefined {
  const { types, constants, graph } = typed;
  for (const output of names) {
    const count = placeCountOf(types.get(output)?.shape ?? [], batch, words(output));
    // A prototype for each class is no place on a picture, and neither is a feature of each class.
    if (count === undefined || constants.has(output) || graph.initializers.has(output)) continue;
    if (embedding.test(words(output)) || mapping.test(words(output))) continue;
    const later = valuesBehind(typed, output);
    // A softmax over the columns chooses one of them, and names for them say what they are. Numbers made of those for each place are
    // of what these are of, such as the lengths of the vectors of a network of capsules, with one for each class.
    const isOfPlaces = (candidate: Candidate): boolean =>
      candidate.count === count &&
      candidate.tier !== 4 &&
      candidate.count !== labelCount &&
      candidate.output !== output &&
      !later.has(candidate.value);
    if (!candidates.some(isOfPlaces)) continue;
    /** Labels that were chosen for each place, whatever they were chosen from. */
    const isForEach = (name: string): boolean => {
      const own = (types.get(name)?.shape ?? []).filter(
        (extent, axis) => extent !== 1 && (axis > 0 || extent !== batch),
      );
      return own.length === 1 && own[0] === count;
    };
    // One number beside them says how many they are, or how sure the best is.
    const others = candidates.filter(
      (one) => one.output !== output && one.count > 1 && !isOfPlaces(one) && !(one.tier !== 4 && isForEach(one.output)),
    );
    return { output, others };
  }
  return undefined;
}

/**
 * For how many places a value has numbers: P of [N, P, 4] or, of a single picture, [P, 4], or with more numbers for each; of [N, 4, P] where `called`, the
 * value's name as words, says that these are quantities, since 4 may count heads of P classes as well. undefined for other shapes.
 */
function placeCountOf(shape: readonly number[], batch: number, called: string): number | undefined {
  const isOfPicture = shape.length === 3 && shape[0] === batch;
  const isAlone = shape.length === 2 && shape[0] !== batch;
  const [places, numbers] = isOfPicture ? shape.slice(1) : isAlone ? shape : [0, 0];
  if (isOfPicture && places === boxNumbers && numbers > boxNumbers && regressing.test(called)) return numbers;
  return places > 1 && numbers >= boxNumbers ? places : undefined;
}

/** `output`, what it only passes on, and what is computed from these, but for what integers choose, such as the boxes that are kept. */
function valuesBehind({ graph, types }: TypedGraph, output: string): ReadonlySet<string> {
  const producers = producersOf(graph);
  const found = new Set([output]);
  for (let node = producers.get(output); node !== undefined && hasTrait(node, "view"); ) {
    const [before] = node.inputs;
    found.add(before);
    node = producers.get(before);
  }
  for (const { inputs, outputs } of graph.nodes) {
    if (!inputs.some((name) => found.has(name))) continue;
    for (const name of outputs) if (types.get(name)?.dtype === "float32") found.add(name);
  }
  return found;
}
