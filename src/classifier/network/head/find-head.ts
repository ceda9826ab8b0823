/**
 * @file Which output of a model says what is on a picture, and what its numbers mean.
 *
 * All outputs are looked at. What is taken becomes logits: numbers whose softmax is what the model says of its classes. Probabilities are
 * taken back to the scores that they are made of, one number becomes two classes, and a decision for each label stays one for each.
 */
import { BadInputError, UnsupportedError } from "../../../errors.ts";
import { appendNodes, type NodeAppender } from "../../../onnx/append-nodes.ts";
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import { type Graph, producersOf } from "../../../onnx/model.ts";
import { intTensor } from "../../../tensor/tensor.ts";
import { type Candidate, describeCandidate, type FindHeadOptions } from "./candidates/candidate.ts";
import { candidateAt } from "./candidates/candidate-at.ts";
import { asKind, asStated, best, combined, undecided, unique, valuesBeforeOthers } from "./choose-head.ts";
import type { Head } from "./head.ts";
import { objectsAmong } from "./objects.ts";
import { unnamed } from "./output-words.ts";
import { classAxisOf } from "./score-axis.ts";
import { joinColumns } from "./several-outputs.ts";

export interface FoundHead {
  /** The graph, with nodes behind it where logits had to be computed. */
  readonly graph: Graph;
  /** The value [N, K] (or [N, K, 1, 1]). */
  readonly logits: string;
  /** How many columns the logits have. */
  readonly classCount: number;
  readonly head: Head;
  /** Whether nothing but the form of the output says that its numbers are scores of classes. */
  readonly isMeaningAssumed: boolean;
  /** What the outputs call the classes, where each class is an output of its own. */
  readonly classNames: readonly string[] | undefined;
  /** What a user should know of the classes. */
  readonly notes: readonly string[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/** How to say what the classification is, where `places` were taken for the scores of places. */
function adviceFor(places: readonly Candidate[]): string {
  const names = places.map(({ output }) => `--logits ${output}`);
  return names.length === 0
    ? "Name the value that holds the scores of the classes, if it is an inner one, with --logits (the option logits)."
    : `If one of them is a classification of the whole picture after all, name it: ${names.join(" or ")}.`;
}

/**
 * The scores of the output that is a classification, as logits. Throws an UnsupportedError that lists the outputs if none is or several
 * could be, and a MisuseError for a head that the value cannot be.
 */
export function findHead(typed: TypedGraph, options: FindHeadOptions): FoundHead {
  const { where, logits: wanted, head: asked, labelCount } = options;
  const { graph, types } = typed;
  const names = wanted === undefined ? (options.outputs ?? graph.outputs.map(({ name }) => name)) : [wanted];
  const describe = (name: string): string => `${name} [${types.get(name)?.shape.join(", ") ?? "?"}]`;
  const listed = names.map(describe).join(", ");
  const producers = producersOf(graph);
  const found = names.flatMap((name) => candidateAt(typed, name, options, producers) ?? []);
  const objects = wanted === undefined ? objectsAmong(typed, names, found, options) : undefined;
  const possible = objects?.others ?? found;
  const direct = possible.filter(({ isRanked }) => !isRanked);
  const choices = unique(direct.length > 0 ? direct : possible);
  const features = valuesBeforeOthers(graph, new Set(choices.map(({ scores, value }) => scores ?? value)));
  // From probabilities no other output takes its features.
  const free = choices.filter(({ tier, scores, value }) => tier === 4 || !features.has(scores ?? value));
  const left = wanted === undefined ? best(free, { labelCount, asked }) : choices.slice(0, 1);
  const isOneOfClasses = asked === undefined || asked === "softmax";
  const together = left.length > 1 && isOneOfClasses ? sideBySide(typed, left, options) : undefined;
  if (together !== undefined) return together;
  const chosen = left.length > 1 ? combined(graph, left) : left[0];
  if (chosen === undefined && left.length > 1) throw undecided(left, where);
  if (chosen === undefined) {
    const mapped = objects?.output ?? names.find((name) => isOfPlaces(types.get(name)?.shape ?? [], options.batch));
    throw new UnsupportedError({
      where,
      what:
        mapped === undefined
          ? "the model has no logits"
          : `the model has no logits: output ${JSON.stringify(mapped)} gives numbers for many places or objects, as segmentations, detectors and texts read letter by letter do, and is no classification of the picture`,
      expected: "a float32 output [N, classes]",
      got: listed || "no output",
      advice: adviceFor(objects === undefined ? [] : found),
    });
  }
  if (graph.initializers.has(chosen.scores ?? chosen.value)) {
    throw new BadInputError({ where, what: "the output does not depend on the input" });
  }
  const meant = asked === undefined ? asStated(chosen, options.statedHead) : asKind(typed, chosen, asked, where);
  if (meant.otherwise !== undefined && meant.kind !== "value" && asked === undefined && wanted === undefined) {
    throw new UnsupportedError({
      where,
      what: `output ${JSON.stringify(meant.output)} is no classification: ${meant.otherwise}`,
      expected: "scores of classes",
      got: listed,
      advice:
        "To see what moves the number, give --head value (the option head); if it is a classification, --head softmax, sigmoid or multi-label.",
    });
  }
  const byOutput = new Map(found.map((candidate) => [candidate.output, candidate]));
  const others = names
    .filter((name) => name !== meant.output)
    .map((name) => {
      const candidate = byOutput.get(name);
      return {
        value: name,
        description:
          candidate === undefined ? `[${types.get(name)?.shape.join(", ") ?? "?"}]` : describeCandidate(candidate),
      };
    });
  const isStated = asked !== undefined || options.statedHead?.kind === "multi-label";
  // What somebody named is what it is taken for, and so is what classes are chosen by.
  const isAssumed = meant.isAssumed === true && !isStated && wanted === undefined && !meant.isRanked;
  return emit(typed, { ...meant, isAssumed }, others, isStated);
}

/** The head of `candidates` that are the classes of one classification, each an output of its own: p and 1 − p; undefined if they are not. */
function sideBySide(
  typed: TypedGraph,
  candidates: readonly Candidate[],
  options: FindHeadOptions,
): FoundHead | undefined {
  if (candidates.some(({ count, otherwise }) => count !== 1 || otherwise !== undefined)) return undefined;
  const joined = joinColumns(
    typed,
    candidates.map(({ value }) => value),
  );
  const found = candidateAt(joined.typed, joined.value, options, producersOf(joined.typed.graph));
  if (found?.kind !== "softmax" || found.tier !== 4) return undefined;
  const outputs = candidates.map(({ output }) => output);
  const quoted = outputs.map((output) => JSON.stringify(output)).join(", ");
  const head = emit(joined.typed, { ...found, output: found.value }, []);
  return {
    ...head,
    head: { ...head.head, reason: `${found.what}, of outputs ${quoted} side by side` },
    classNames: outputs.some((output) => unnamed.test(output)) ? undefined : outputs,
    notes: [...head.notes, `each class is an output of its own: class 0 is ${outputs[0]}, and so on`],
  };
}

/** Whether a shape has more than one axis beside the batch along which something lies. Recurrent layers have their steps before the batch: [T, N, K]. */
function isOfPlaces(shape: readonly number[], batch: number): boolean {
  const isOfSteps = shape.length === 3 && shape[0] !== batch && shape[1] === batch;
  const beside = isOfSteps ? [shape[0], shape[2]] : shape.slice(1);
  return beside.filter((extent) => extent > 1).length >= 2;
}

/** The logits of `candidate`, appended to the graph where they are not there yet. */
function emit(
  typed: TypedGraph,
  candidate: Candidate,
  alternatives: Head["alternatives"],
  /** Whether somebody says that its labels are each by itself, or what else it is. */
  isStated = false,
): FoundHead {
  const to = appendNodes(typed.graph, "head");
  const { kind, reading, scores, count, what } = candidate;
  const raw = scores ?? reading?.append(to) ?? candidate.value;
  const shape = typed.types.get(scores ?? candidate.value)?.shape ?? [];
  const axis = classAxisOf(typed, scores ?? candidate.value);
  const isTwo = count === 1;
  const column = (): string =>
    shape.length === 1 || shape.length === 0
      ? to.op("Reshape", [raw, to.constant(intTensor([-1, 1]))])
      : shape.length === 2
        ? raw
        : to.op("Flatten", [raw], { axis: 1 });
  const flat = (): string =>
    axis === 1
      ? raw
      : shape.length === 1
        ? to.op("Reshape", [raw, to.constant(intTensor([1, -1]))])
        : to.op("Flatten", [raw], { axis: 1 });
  const logits = isTwo ? appendTwoClasses(to, column()) : flat();
  const graph = to.graph();
  const value = scores ?? candidate.value;
  const from = value === candidate.output ? "" : `, of output ${JSON.stringify(candidate.output)}`;
  return {
    graph,
    logits,
    classCount: isTwo ? 2 : count,
    isMeaningAssumed: candidate.isAssumed === true && kind === "softmax",
    head: { value, kind, count: isTwo && kind !== "value" ? 2 : count, reason: `${what}${from}`, alternatives },
    classNames: undefined,
    notes: notesOn(candidate),
    warnings: warningsOn(candidate, isStated),
  };
}

/** [N, 2] of a score z [N, 1]: the logits of what is absent and present. The softmax of (0, z) is (1 − σ(z), σ(z)). */
export function appendTwoClasses(to: NodeAppender, score: string): string {
  return to.op("Pad", [score, to.constant(intTensor([0, 1, 0, 0]))]);
}

function notesOn(candidate: Candidate): string[] {
  const { output, isRanked, falls } = candidate;
  const ranked = `output ${JSON.stringify(output)} only says which scores are the ${falls === "closeness" ? "smallest" : "largest, or large enough"}: the scores themselves are taken`;
  return [...(isRanked ? [ranked] : []), ...meaningOf(candidate)];
}

/** Where no class can have more than this share, percentages say less than people take them to say. */
const clearShare = 0.9;

function meaningOf({ kind, reading, scores, what, count, falls, limit }: Candidate): string[] {
  if (falls === "closeness" && kind === "softmax") {
    return [
      "the output is how far the picture is from each class: percentages are those of the softmax of its negative",
    ];
  }
  if (kind === "multi-label") {
    return [`each of the ${count} labels is present or absent by itself: percentages are those of its sigmoid`];
  }
  if (kind === "sigmoid") return [`${what}: two classes, and percentages are those of its sigmoid`];
  if (kind === "value") return ["the output is taken as a number, which has no classes: what moves it up is shown"];
  if (reading !== undefined && scores === undefined) {
    const shares =
      "isPart" in reading && reading.isPart === true
        ? ", and percentages are shares of the sum of those given out"
        : "";
    return [`the output is made of probabilities (${reading.what}): their logarithms are the logits${shares}`];
  }
  const share = limit === undefined ? 1 : 1 / (1 + (count - 1) * Math.exp(-2 * limit));
  if (limit !== undefined && share < clearShare) {
    const most = Number(limit.toPrecision(2));
    return [
      `the scores lie from -${most} to ${most}, so that no class can have more than ${Math.ceil(100 * share)} %: their order says which class is meant`,
    ];
  }
  return [];
}

function warningsOn(
  { kind, count, otherwise, reading, value, output, what, falls, isRanked, isOrdinal }: Candidate,
  isStated: boolean,
): FoundHead["warnings"] {
  const name = JSON.stringify(value);
  if (falls === "closeness" && kind === "softmax" && isRanked) {
    const taken = `${JSON.stringify(output)} says which of ${count} numbers is smallest: it is taken for the class`;
    const message = `${taken}. Where they are distances to stored pictures, as of nearest neighbors, these are what is called a class`;
    return [{ code: "doubtful-head", message }];
  }
  if (falls !== undefined && kind !== "value") {
    const why =
      falls === "probabilities" ? "falls as the probabilities rise that it is made of" : "is a distance to each class";
    const taken = `${JSON.stringify(output)} ${why}: its smallest number is taken for the class`;
    return [{ code: "doubtful-head", message: `${taken}. If its largest is meant, give --logits ${output}` }];
  }
  if (kind === "sigmoid" && count === 1 && (reading === undefined || reading.isGuess === true)) {
    const taken =
      reading === undefined
        ? `is one number without a sigmoid (${what}): it is taken as the logit of two classes`
        : `is one number that no sigmoid makes (${what}): it is taken as the probability of the second of two classes`;
    return [{ code: "one-value-head", message: `${name} ${taken}. If it is a quantity, give --head value` }];
  }
  if (otherwise !== undefined && kind !== "value") {
    return [{ code: "doubtful-head", message: `${name} may be no classification: ${otherwise}` }];
  }
  if (kind === "multi-label" && isOrdinal === true) {
    const taken = `the ${count} numbers of ${name} are one score with ${count} thresholds, as of ${count + 1} classes in an order`;
    return [
      {
        code: "doubtful-head",
        message: `${taken}: each of them says on which side of its threshold the class lies, and is no class by itself`,
      },
    ];
  }
  if (kind === "multi-label" && reading?.isGuess === true && !isStated) {
    const taken = `${name} is taken as ${count} labels, each present or absent, because its numbers lie between two limits, but no sigmoid makes them`;
    const advice = "If exactly one class is meant, give --head softmax; if not, --head multi-label";
    return [{ code: "doubtful-head", message: `${taken}. ${advice}` }];
  }
  return [];
}
