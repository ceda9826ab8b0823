/**
 * @file Which output of a model says what is on a picture, and what its numbers mean.
 *
 * All outputs are looked at. What is taken becomes logits: numbers whose softmax is what the model says of its classes. Probabilities are
 * taken back to the scores that they are made of, one number becomes two classes, and a decision for each label stays one for each.
 */
import { BadInputError, checkForm, MisuseError, UnsupportedError } from "../../errors.ts";
import { appendNodes, type NodeAppender } from "../../onnx/append-nodes.ts";
import { attributesOf } from "../../onnx/attributes.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { type Graph, type Node, producersOf } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { intTensor, sizeOf } from "../../tensor/tensor.ts";
import {
  type LogReading,
  type OddsReading,
  plainLogarithm,
  plainOdds,
  probabilityReader,
} from "./read-probabilities.ts";
import { classAxisOf, classCountOf, isRowOfOne } from "./score-axis.ts";
import { combinationAmong, joinColumns } from "./several-outputs.ts";
import { tailValues } from "./tail-values.ts";

/**
 * `softmax`: of several classes, one is meant. `sigmoid`: one number decides between two classes. `multi-label`: each label is present
 * or absent by itself. `value`: a number, such as an age, that is no class; only where it is asked for.
 */
export const headKinds = ["softmax", "sigmoid", "multi-label", "value"] as const;
export type HeadKind = (typeof headKinds)[number];

/** What a model says of a picture, and where. */
export interface Head {
  /** The value that was taken, as the model names it. */
  readonly value: string;
  readonly kind: HeadKind;
  /** Labels, classes or values. */
  readonly count: number;
  /** Why this value and this meaning, a phrase. */
  readonly reason: string;
  /** What else the model gives out, with what it seems to be. */
  readonly alternatives: readonly { readonly value: string; readonly description: string }[];
  /** Of one decision of a multi-label head: its number. */
  readonly decision?: number;
}

/** What a file beside the model says of its outputs, where the graph does not show it. */
export interface StatedHead {
  readonly kind: "multi-label" | "value";
  readonly reason: string;
}

export interface FindHeadOptions {
  /** How messages call the model, such as its path. */
  readonly where: string;
  /** The value that holds the scores, an output or an inner one. */
  readonly logits?: string;
  /** What its numbers are, where that is not found by itself. */
  readonly head?: HeadKind;
  readonly statedHead?: StatedHead;
  /** How many names of classes are known. */
  readonly labelCount?: number;
  /** Values that are looked at; the graph's outputs by default. */
  readonly outputs?: readonly string[];
  /** The batch that the graph's types are for. */
  readonly batch: number;
}

export interface FoundHead {
  /** The graph, with nodes behind it where logits had to be computed. */
  readonly graph: Graph;
  /** The value [N, K] (or [N, K, 1, 1]). */
  readonly logits: string;
  /** How many columns the logits have. */
  readonly classCount: number;
  readonly head: Head;
  /** What the outputs call the classes, where each class is an output of its own. */
  readonly classNames: readonly string[] | undefined;
  /** What a user should know of the classes. */
  readonly notes: readonly string[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/** How an output's numbers become logits. */
interface Candidate {
  /** As the user knows it: the output. */
  readonly output: string;
  /** The value that holds the scores or the probabilities. */
  readonly value: string;
  readonly count: number;
  readonly kind: HeadKind;
  /** Scores that are used as they are, if any. */
  readonly scores: string | undefined;
  readonly reading: LogReading | OddsReading | undefined;
  /** What it is, a phrase. */
  readonly what: string;
  /** Whether the model gives out only which scores are the largest. */
  readonly isRanked: boolean;
  /** Whether it seems to be something else than classes, and what. */
  readonly otherwise: string | undefined;
  /** The larger, the more it is a classification: 4 for probabilities, 2 for what may be one, 1.5 for what may be a box, 1 for one score. */
  readonly tier: number;
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
  const direct = found.filter(({ isRanked }) => !isRanked);
  const choices = unique(direct.length > 0 ? direct : found);
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
    const mapped = names.find((name) => isOfPlaces(types.get(name)?.shape ?? []));
    throw new UnsupportedError({
      where,
      what:
        mapped === undefined
          ? "the model has no logits"
          : `the model has no logits: output ${JSON.stringify(mapped)} gives numbers for many places or objects, as segmentations and detectors do, and is no classification of the picture`,
      expected: "a float32 output [N, classes]",
      got: listed || "no output",
      advice:
        "Name the value that holds the scores of the classes, if it is an inner one, with --logits (the option logits).",
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
  return emit(typed, meant, others);
}

/** The one of `candidates` that is made of all the others, as the mean of a distilled network's heads; undefined if there is none. */
function combined(graph: Graph, candidates: readonly Candidate[]): Candidate | undefined {
  const [{ count }] = candidates;
  if (count === 1 || candidates.some((one) => one.count !== count)) return undefined;
  const index = combinationAmong(
    graph,
    candidates.map(({ scores, value }) => scores ?? value),
  );
  const found = index === undefined ? undefined : candidates[index];
  return found && { ...found, what: `${found.what}, made of the other outputs` };
}

/** Names of outputs that say nothing of what is given out. */
const unnamed = /^(outputs?|out|y|results?|value|var|statefulpartitionedcall)?[-_.:\s]*\d*$/i;

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

/** Whether a shape has more than one axis beside the batch along which something lies. */
function isOfPlaces(shape: readonly number[]): boolean {
  return shape.slice(1).filter((extent) => extent > 1).length >= 2;
}

/** The logits of `candidate`, appended to the graph where they are not there yet. */
function emit(typed: TypedGraph, candidate: Candidate, alternatives: Head["alternatives"]): FoundHead {
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
    head: { value, kind, count: isTwo && kind !== "value" ? 2 : count, reason: `${what}${from}`, alternatives },
    classNames: undefined,
    notes: notesOn(candidate),
    warnings: warningsOn(candidate),
  };
}

/** [N, 2] of a score z [N, 1]: the logits of what is absent and present. The softmax of (0, z) is (1 − σ(z), σ(z)). */
export function appendTwoClasses(to: NodeAppender, score: string): string {
  return to.op("Pad", [score, to.constant(intTensor([0, 1, 0, 0]))]);
}

function notesOn(candidate: Candidate): string[] {
  const { output, isRanked } = candidate;
  const ranked = `output ${JSON.stringify(output)} only says which scores are the largest, or large enough: the scores themselves are taken`;
  return [...(isRanked ? [ranked] : []), ...meaningOf(candidate)];
}

function meaningOf({ kind, reading, scores, what, count }: Candidate): string[] {
  if (kind === "multi-label") {
    return [`each of the ${count} labels is present or absent by itself: percentages are those of its sigmoid`];
  }
  if (kind === "sigmoid") return [`${what}: two classes, and percentages are those of its sigmoid`];
  if (kind === "value") return ["the output is taken as a number, which has no classes: what moves it up is shown"];
  if (reading !== undefined && scores === undefined) {
    return [`the output is made of probabilities (${reading.what}): their logarithms are the logits`];
  }
  return [];
}

function warningsOn({ kind, count, otherwise, reading, value, what }: Candidate): FoundHead["warnings"] {
  const name = JSON.stringify(value);
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
  return [];
}

function describeCandidate({ count, kind, what, otherwise }: Candidate): string {
  const many = kind === "multi-label" ? `${count} labels` : count === 1 ? "1 number" : `${count} numbers`;
  return `${many}: ${otherwise ?? what}`;
}

/** Candidates without those that are the same scores given out twice. */
function unique(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return candidates.filter(({ scores, value }) => {
    const key = scores ?? value;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

const words = (name: string): string =>
  name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/[\d_/.:-]+/g, " ")
    .toLowerCase();
const regressing =
  /\b(age|ages|price|depth|regression|regressor|reg|bbox|bboxes|box|boxes|landmark|landmarks|keypoint|keypoints|coord|coords|coordinates|offset|offsets|loc|locations|yaw|pitch|roll|pose|gaze|temperature|weight|height|bmi|angle|distance|counts?|rating|quality|area|volume|mask|masks|heatmap)\b/;
const embedding =
  /\b(embed|embeds|embedding|embeddings|emb|feat|feats|feature|features|hidden|descriptor|latent|pooler|pooled|repr|representation|state)\b/;
const classifying =
  /\b(class|classes|cls|clas|logit|logits|prob|probs|probability|probabilities|softmax|label|labels|category|categories|classification|classifier)\b/;
const auxiliary = /\baux\w*\b/;

/** Those candidates that are a classification as much as any other. */
function best(
  candidates: readonly Candidate[],
  { labelCount, asked }: Pick<FindHeadOptions, "labelCount"> & { readonly asked: HeadKind | undefined },
): readonly Candidate[] {
  const fits = ({ count, kind }: Candidate): boolean =>
    labelCount !== undefined && (count === labelCount || (count === 1 && kind === "sigmoid" && labelCount <= 2));
  const criteria: readonly ((candidate: Candidate) => number)[] = [
    ({ kind }) => (kind === asked ? 1 : 0),
    (candidate) => (fits(candidate) ? 1 : 0),
    ({ otherwise }) => (otherwise === undefined ? 1 : 0),
    ({ output, value }) => (auxiliary.test(words(output)) || auxiliary.test(words(value)) ? 0 : 1),
    ({ tier }) => tier,
    ({ output }) => (classifying.test(words(output)) ? 1 : 0),
  ];
  let left = candidates;
  for (const criterion of criteria) {
    const most = Math.max(...left.map(criterion));
    left = left.filter((candidate) => criterion(candidate) === most);
  }
  return left;
}

function undecided(candidates: readonly Candidate[], where: string): UnsupportedError {
  return new UnsupportedError({
    where,
    what: `${candidates.length} outputs could be the classification`,
    expected: "one of them, named",
    got: candidates.map((one) => `${one.output} (${describeCandidate(one)})`).join("; "),
    advice: `Choose with ${candidates.map(({ output }) => `--logits ${output}`).join(" or ")}.`,
  });
}

/** `candidate` as what a file says that it is, where the graph shows nothing else: plain scores may be of labels each by itself, or quantities. */
function asStated(candidate: Candidate, stated: StatedHead | undefined): Candidate {
  if (stated === undefined || candidate.reading !== undefined || candidate.tier === 4) return candidate;
  if (stated.kind === "value") return { ...candidate, otherwise: `${stated.reason} says that it is a regression` };
  return candidate.count > 1
    ? { ...candidate, kind: "multi-label", what: `one decision for each label: ${stated.reason} says so` }
    : candidate;
}

/** `candidate` as a head of the kind that was asked for; throws a MisuseError where its numbers cannot be that. */
function asKind(typed: TypedGraph, candidate: Candidate, kind: HeadKind, where: string): Candidate {
  const refused = (what: string, expected: string): MisuseError =>
    new MisuseError({ where, what: `${JSON.stringify(candidate.value)} ${what}`, expected, got: `--head ${kind}` });
  if (kind === "value") {
    return { ...candidate, kind, scores: candidate.value, reading: undefined, what: "taken as a number, as asked" };
  }
  if (candidate.kind === kind) return { ...candidate, otherwise: undefined };
  if (kind === "sigmoid") {
    if (candidate.count !== 1) throw refused(`has ${candidate.count} numbers`, "one number for --head sigmoid");
    return { ...candidate, kind, otherwise: undefined, what: "two classes, as asked" };
  }
  if (candidate.count === 1) throw refused("is one number", "--head sigmoid or --head value");
  const what = kind === "multi-label" ? "one decision for each label, as asked" : "one of several classes, as asked";
  if (kind === "multi-label" && candidate.tier === 4) {
    // What a softmax gives each label is its probability, whatever the others are.
    return { ...candidate, kind, scores: undefined, reading: plainOdds(candidate.value), otherwise: undefined, what };
  }
  if (kind === "softmax" && candidate.kind === "multi-label") {
    const reading = probabilityReader(typed).logarithm(candidate.value);
    return {
      ...candidate,
      kind,
      reading: candidate.scores === undefined ? reading : candidate.reading,
      what,
    };
  }
  return { ...candidate, kind, otherwise: undefined, what };
}

/** What `output` scores; undefined if it is nothing of the kind. */
function candidateAt(
  typed: TypedGraph,
  output: string,
  options: FindHeadOptions,
  producers: ReadonlyMap<string, Node>,
): Candidate | undefined {
  const { types } = typed;
  const { batch, logits: wanted } = options;
  const countOf = (name: string): number | undefined => classCountOf(typed, name, batch);
  /** The value that a node only passes on as `name`, or gives out in integers; not one that was laid out in several rows. */
  const passed = (name: string): string | undefined => {
    const producer = producers.get(name);
    const isPassing = producer !== undefined && (hasTrait(producer, "view") || producer.opType === "QuantizeLinear");
    const rows = (types.get(name)?.shape ?? []).slice(1).filter((extent) => extent !== 1).length;
    return isPassing && rows < 2 ? producer.inputs[0] : undefined;
  };
  /** The value behind nodes that only pass it on. */
  const behind = (name: string): string => {
    let last = name;
    for (let next = passed(last); next !== undefined; next = passed(last)) last = next;
    return last;
  };
  /** `name`, or the next value behind it that has the form of scores. */
  const asScores = (name: string): string | undefined => {
    const origin = countOf(behind(name));
    let row: string | undefined;
    for (let one: string | undefined = name; one !== undefined; one = passed(one)) {
      const own = countOf(one);
      if (own === undefined || (own === 1 && origin !== undefined && origin > 1)) continue;
      if (!isRowOfOne(typed, one)) return one;
      row ??= one;
    }
    return row;
  };
  let given = output;
  let isRanked = false;
  for (
    let before = decidedFrom(typed, behind(given), producers);
    wanted === undefined && before !== undefined;
    before = decidedFrom(typed, behind(given), producers)
  ) {
    isRanked = true;
    given = before;
  }
  const name = asScores(given);
  const count = name === undefined ? undefined : countOf(name);
  if (name === undefined || count === undefined || count < 1 || types.get(name)?.dtype !== "float32") return undefined;
  const common = { output, value: name, count, isRanked };
  const otherwise = otherwiseOf(output, name, count);
  return count === 1
    ? oneNumber(typed, common, otherwise, producers.get(behind(name)))
    : severalNumbers(typed, common, otherwise, { producers, last: producers.get(behind(name)) }, countOf);
}

/**
 * The value that `name` only decides on: which of its elements are the largest, or how large the largest is, or whether they are above a
 * limit. Undefined for anything else.
 */
function decidedFrom(typed: TypedGraph, name: string, producers: ReadonlyMap<string, Node>): string | undefined {
  const node = producers.get(name);
  if (node === undefined) return undefined;
  const { constants, types } = typed;
  const [first, second] = node.inputs;
  const isKnown = (input: string | undefined): boolean => input !== undefined && constants.has(input);
  const isOf = (input: string | undefined, ...operators: readonly string[]): boolean =>
    operators.includes(producers.get(input ?? "")?.opType ?? "");
  if (hasTrait(node, "ranking")) return first;
  switch (node.opType) {
    case "Hardmax":
      return first;
    case "ReduceMax": {
      // The largest of several probabilities is no probability of one thing.
      const isOverAll = sizeOf(types.get(name)?.shape ?? []) * (types.get(first)?.shape.at(-1) ?? 1);
      const isRow = (types.get(first)?.shape.length ?? 0) === 2 && isOverAll === sizeOf(types.get(first)?.shape ?? []);
      return isRow ? first : undefined;
    }
    case "GatherElements":
    case "GatherND":
      return isOf(second, "ArgMax", "TopK") ? first : undefined;
    case "Equal": {
      if (isOf(second, "ReduceMax", "Max")) return first;
      return isOf(first, "ReduceMax", "Max") ? second : undefined;
    }
    case "Greater":
    case "GreaterOrEqual":
      return isKnown(second) && !isKnown(first) ? first : undefined;
    case "Less":
    case "LessOrEqual":
      return isKnown(first) && !isKnown(second) ? second : undefined;
    case "Where": {
      const [yes, no] = [second, node.inputs[2]].map((input) => constants.get(input)?.data);
      const isYes = yes !== undefined && no !== undefined && Math.min(...yes) > Math.max(...no);
      return isYes ? decidedFrom(typed, first, producers) : undefined;
    }
    case "Round":
      return tailValues(typed, name)?.kind === "decisions" ? first : undefined;
    default:
      return undefined;
  }
}

type Common = Pick<Candidate, "output" | "value" | "count" | "isRanked">;

/**
 * The ReLU of which `name` is what it lets pass, or means of that, as of SqueezeNet: nothing bounds such scores, so that those of small weights
 * lie from 0 to 1 by chance. Undefined for any other value.
 */
function rectifierOf(name: string, producers: ReadonlyMap<string, Node>): Node | undefined {
  let node = producers.get(name);
  while (
    node !== undefined &&
    (hasTrait(node, "view") || hasTrait(node, "globalPool") || hasTrait(node, "reduction"))
  ) {
    node = producers.get(node.inputs[0]);
  }
  return node?.opType === "Relu" ? node : undefined;
}

/** What the names say that a value is, other than classes. */
function otherwiseOf(output: string, value: string, count: number): string | undefined {
  const text = `${words(output)} ${words(value)}`;
  if (classifying.test(words(output))) return undefined;
  if (regressing.test(words(output))) return `its name says that it is ${count === 1 ? "a quantity" : "quantities"}`;
  if (embedding.test(text) && count >= 16) return "its name says that it is an embedding";
  return undefined;
}

function severalNumbers(
  typed: TypedGraph,
  common: Common,
  otherwise: string | undefined,
  { producers, last }: { readonly producers: ReadonlyMap<string, Node>; readonly last: Node | undefined },
  countOf: (name: string) => number | undefined,
): Candidate {
  const { value, count } = common;
  const before = last?.inputs[0] ?? "";
  const isOwn = last !== undefined && countOf(before) === count;
  if (isOwn && (last.opType === "Softmax" || last.opType === "LogSoftmax") && isOverClasses(typed, last)) {
    const of = last.opType === "Softmax" ? "the scores before a Softmax" : "the scores before a LogSoftmax";
    return { ...common, kind: "softmax", scores: before, reading: undefined, what: of, otherwise: undefined, tier: 4 };
  }
  const reader = probabilityReader(typed);
  /** `scores`, if they are as many as the classes. */
  const ofClasses = (scores: string | undefined): string | undefined =>
    scores !== undefined && countOf(scores) === count ? scores : undefined;
  const rectifier = rectifierOf(value, producers);
  // A layer's values behind a ReLU are scores for certain. They are whole planes, so that numbers for them are many.
  const isLayer = rectifier !== undefined && isWeighted(producers.get(rectifier.inputs[0]));
  const values = isLayer ? undefined : tailValues(typed, value);
  if (values?.kind === "distribution") {
    const reading = reader.logarithm(value) ?? plainLogarithm(value);
    const scores = ofClasses(reading.scores);
    const what = scores === undefined ? `the logarithm of ${reading.what}` : `the scores before ${reading.what}`;
    return { ...common, kind: "softmax", scores, reading, what, otherwise: undefined, tier: 4 };
  }
  if (values?.kind === "log-distribution") {
    return {
      ...common,
      kind: "softmax",
      scores: ofClasses(reader.logSoftmaxOf(value)) ?? value,
      reading: undefined,
      what: "logarithms of probabilities",
      otherwise: undefined,
      tier: 4,
    };
  }
  if (last?.opType === "Log" && isOwn && reader.odds(before) !== undefined && values?.kind !== "unit") {
    const reading = reader.odds(before);
    const what = `the logarithm of ${reading?.what} for each label`;
    return { ...common, kind: "multi-label", scores: ofClasses(reading?.scores), reading, what, otherwise, tier: 2 };
  }
  const odds = values?.kind === "unit" ? reader.odds(value) : undefined;
  if (values?.kind === "unit" && (odds !== undefined || rectifier === undefined)) {
    const reading = odds ?? plainOdds(value, values.most);
    const scores = ofClasses(reading.scores);
    return {
      ...common,
      kind: "multi-label",
      scores,
      reading,
      what: `${reading.what} for each label`,
      otherwise,
      tier: severalTier(count),
    };
  }
  const instead =
    otherwise ??
    (values?.kind === "normalized"
      ? "its numbers are a vector of one length, as embeddings are"
      : values?.kind === "constant"
        ? "its numbers are always the same"
        : values?.kind === "decisions"
          ? "its numbers are nothing but 0 and 1, decisions from which no gradient leads back"
          : undefined);
  return {
    ...common,
    kind: "softmax",
    scores: value,
    reading: undefined,
    what: "scores as they are given out",
    otherwise: instead,
    tier: severalTier(count),
  };
}

/** Four numbers that are no softmax may be a box: a classification beside them comes first. */
function severalTier(count: number): number {
  return count === 4 ? 1.5 : 2;
}

function oneNumber(
  typed: TypedGraph,
  common: Common,
  otherwise: string | undefined,
  last: Node | undefined,
): Candidate {
  const { value } = common;
  const values = tailValues(typed, value);
  const reader = probabilityReader(typed);
  const reading = reader.odds(value);
  const sigmoid = (of: OddsReading): Candidate => ({
    ...common,
    kind: "sigmoid",
    scores: of.scores,
    reading: of,
    what: `${of.what} of one number`,
    otherwise: undefined,
    tier: 2,
  });
  const isUnit = values === undefined ? last?.opType === "Sigmoid" : values.kind === "unit";
  if (isUnit) return { ...sigmoid(reading ?? plainOdds(value, values?.most)), otherwise };
  const plain = {
    ...common,
    kind: "sigmoid",
    scores: value,
    reading: undefined,
    what: "one score as it is given out",
    tier: 1,
  } as const;
  switch (values?.kind) {
    case "constant":
      return { ...plain, otherwise: "it is always the same number" };
    case "decisions":
      return { ...plain, otherwise: "it is 0 or 1, a decision from which no gradient leads back" };
    case "positive":
      return { ...plain, otherwise: otherwise ?? "its number is never negative and may exceed 1, as quantities do" };
    case "bounded": {
      const tangent = last?.opType === "Tanh" ? last.inputs[0] : undefined;
      if (tangent === undefined) return { ...plain, otherwise };
      const of: OddsReading = {
        append: (to) => to.op("Add", [tangent, tangent]),
        scores: undefined,
        what: "a hyperbolic tangent",
        isGuess: true,
      };
      return { ...sigmoid(of), otherwise };
    }
    default:
      return {
        ...plain,
        otherwise:
          otherwise ?? (reading === undefined ? undefined : "it is a sigmoid on another scale, as quantities are"),
      };
  }
}

function isWeighted(node: Node | undefined): boolean {
  return node !== undefined && hasTrait(node, "weighted");
}

/** Whether a Softmax is taken over the classes. */
function isOverClasses(typed: TypedGraph, node: Node): boolean {
  const [name] = node.inputs;
  const rank = typed.types.get(name)?.shape.length ?? 0;
  const axis = attributesOf(node).int("axis", -1);
  return (axis < 0 ? axis + rank : axis) === classAxisOf(typed, name);
}

/** The values from which a way leads through a layer with weights to one of `ends`. */
function valuesBeforeOthers(graph: Graph, ends: ReadonlySet<string>): ReadonlySet<string> {
  const before = new Set(ends);
  const weighted = new Set<string>();
  for (const node of graph.nodes.toReversed()) {
    const { inputs, outputs } = node;
    if (!outputs.some((name) => before.has(name))) continue;
    const isWeighted = hasTrait(node, "weighted") || outputs.some((name) => weighted.has(name));
    for (const name of inputs) {
      before.add(name);
      if (isWeighted) weighted.add(name);
    }
  }
  return weighted;
}

/** Whether the head decides each of its labels by itself, so that one of them has to be meant before there is a margin. */
export function decidesEachLabel({ kind, count, decision }: Head): boolean {
  return decision === undefined && (kind === "multi-label" || (kind === "value" && count > 1));
}

/** "value "cls", 3 classes", as lines, pages and records say it. */
export function describeHead(head: Head): string {
  checkForm("describeHead: head", head, ["value", "kind", "count", "reason"]);
  const { value, kind, count, decision, reason } = head;
  const name = JSON.stringify(value);
  if (decision !== undefined) return `value ${name}, the decision on label ${decision} of ${count} (${reason})`;
  const what =
    kind === "multi-label"
      ? `${count} labels, each present or absent`
      : kind === "value"
        ? count === 1
          ? "1 number"
          : `${count} numbers`
        : `${count} classes`;
  return `value ${name}, ${what} (${reason})`;
}
