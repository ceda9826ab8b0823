/** @file An output as a classification: which of the values behind it holds scores, and what these seem to be. */
import { attributesOf } from "../../../onnx/attributes.ts";
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import type { Node } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { sizeOf } from "../../../tensor/tensor.ts";
import { isCosine, isDistance } from "./distances.ts";
import { describeGroups, groupsOf } from "./groups.ts";
import type { HeadKind, StatedHead } from "./head.ts";
import { featuresInstead, isMeaningOpen } from "./meaning.ts";
import { monotoneFunction } from "./monotone-function.ts";
import { classifying, embedding, regressing, words } from "./output-words.ts";
import { probabilityReader } from "./probabilities/probability-reader.ts";
import type { ProbabilityReader } from "./probabilities/reader.ts";
import { type LogReading, type OddsReading, plainLogarithm, plainOdds } from "./probabilities/readings.ts";
import { classAxisOf, classCountOf, isRowOfOne } from "./score-axis.ts";
import { limitOf } from "./score-limits.ts";
import { tailValues } from "./tail-values.ts";

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

/** How an output's numbers become logits. */
export interface Candidate {
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
  /** Of what it is that falls as the class becomes more probable, if it does: its smallest number is taken for the class. */
  readonly falls?: "probabilities" | "closeness";
  /** How far from 0 its scores can be, whatever the picture, where they have a limit. */
  readonly limit?: number;
  /** Whether nothing but its form says that its numbers are scores of classes. */
  readonly isAssumed?: boolean;
  /** The larger, the more it is a classification: 4 for probabilities, 2 for what may be one, 1.5 for what may be a box, 1 for one score. */
  readonly tier: number;
}

export function describeCandidate({ count, kind, what, otherwise }: Candidate): string {
  const many = kind === "multi-label" ? `${count} labels` : count === 1 ? "1 number" : `${count} numbers`;
  return `${many}: ${otherwise ?? what}`;
}

/** What `output` scores; undefined if it is nothing of the kind. */
export function candidateAt(
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
  let isBySmallest = false;
  for (
    let before = decidedFrom(typed, behind(given), producers);
    wanted === undefined && before !== undefined;
    before = decidedFrom(typed, behind(given), producers)
  ) {
    isRanked = true;
    isBySmallest ||= choosesSmallest(producers.get(behind(given)));
    given = before;
  }
  const name = asScores(given);
  const count = name === undefined ? undefined : countOf(name);
  if (name === undefined || count === undefined || count < 1 || types.get(name)?.dtype !== "float32") return undefined;
  const common = { output, value: name, count, isRanked };
  const otherwise = otherwiseOf(output, name, count);
  const several = (value: string): Candidate =>
    severalNumbers(typed, { ...common, value }, otherwise, {
      ...{ producers, last: producers.get(behind(value)), countOf },
      ...{ batch, labelCount: options.labelCount, isNamed: wanted !== undefined },
    });
  if (count === 1) return oneNumber(typed, common, otherwise, producers.get(behind(name)));
  if (isBySmallest) return bySmallest(several(name));
  const candidate = several(name);
  // Named by the user, the numbers are taken as they are.
  if (wanted !== undefined || isRead(candidate)) return candidate;
  const isNegative = (value: string): boolean =>
    !["distribution", "unit", "positive"].includes(tailValues(typed, value)?.kind ?? "");
  const isFar = (value: string): boolean => isDistance(typed, producers, value, count);
  const isSimilar = (value: string): boolean => isCosine(typed, producers, value);
  const distance = isFar(name)
    ? { falls: false }
    : monotoneFunction(typed, producers, name, { isFound: isFar, isNegative });
  const cosine = distance ?? monotoneFunction(typed, producers, name, { isFound: isSimilar, isNegative });
  if (distance?.falls === false || (distance === undefined && cosine?.falls === true)) {
    const reading: LogReading = {
      append: (to) => to.op("Neg", [name]),
      scores: undefined,
      what: "distances with the other sign",
    };
    const nearest = { reading, scores: undefined, what: reading.what, falls: "closeness" } as const;
    return { ...candidate, kind: "softmax", ...nearest, otherwise: undefined };
  }
  // What falls with distances, such as exp(−d²), is no label for each class.
  if (distance?.falls === true && candidate.kind === "multi-label") {
    const last = producers.get(behind(name));
    const scores = last?.opType === "Exp" ? last.inputs[0] : name;
    return { ...candidate, kind: "softmax", scores, reading: undefined, what: "scores that fall with distances" };
  }
  const found = monotoneFunction(typed, producers, name, {
    isFound: (value) => countOf(value) === count && isRead(several(value)),
    isNegative,
  });
  if (found === undefined) return candidate;
  const { of, falls } = found;
  const made = several(of);
  // Sigmoids on another scale may be quantities, such as boxes.
  if (made.tier < 4 && !falls) return candidate;
  // What is a distribution by itself, as 1 − p of two classes, is taken at its word.
  const isWhole = candidate.tier === 4 && (count === 2 || Math.abs((tailValues(typed, name)?.most ?? 0) - 1) < 0.05);
  if (falls && isWhole) return candidate;
  const what = `${made.what}, of which it is a ${falls ? "falling" : "rising"} function`;
  return { ...made, what, ...(falls ? { falls: "probabilities" } : {}) };
}

/** Whether a ranking puts the smallest number first. */
function choosesSmallest(node: Node | undefined): boolean {
  return node?.opType === "ArgMin" || (node?.opType === "TopK" && attributesOf(node).int("largest", 1) === 0);
}

/** A candidate whose class is the smallest of its numbers, as the model itself chooses it. */
function bySmallest(candidate: Candidate): Candidate {
  const { value, scores, reading } = candidate;
  const what = "numbers of which the model chooses the smallest, with the other sign";
  const negated: LogReading = {
    append: (to) => to.op("Neg", [scores ?? reading?.append(to) ?? value]),
    scores: undefined,
    what,
  };
  return { ...candidate, kind: "softmax", scores: undefined, reading: negated, what, falls: "closeness" };
}

/** Whether what a candidate's numbers are made of was found in the graph. */
function isRead({ tier, kind, reading, otherwise }: Candidate): boolean {
  return (
    otherwise === undefined &&
    reading?.isGuess !== true &&
    (tier === 4 || (kind === "multi-label" && reading !== undefined))
  );
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
    case "ArgMin":
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

interface NumbersOptions extends Pick<FindHeadOptions, "batch" | "labelCount"> {
  readonly producers: ReadonlyMap<string, Node>;
  /** The node that makes the numbers, behind what only passes them on. */
  readonly last: Node | undefined;
  readonly countOf: (name: string) => number | undefined;
  /** Whether the user named the value: its numbers are taken as they are then. */
  readonly isNamed: boolean;
}

function severalNumbers(
  typed: TypedGraph,
  common: Common,
  otherwise: string | undefined,
  { producers, last, countOf, batch, labelCount, isNamed }: NumbersOptions,
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
  const groups = values?.kind === "distribution" ? groupsOf(typed, producers, value, batch) : undefined;
  if (values?.kind === "distribution" && groups === undefined) {
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
  if (values?.kind === "negated-log-distribution") {
    const scores = last?.opType === "Neg" ? ofClasses(reader.logSoftmaxOf(before) ?? before) : undefined;
    const reading: LogReading = {
      append: (to) => to.op("Neg", [value]),
      scores: undefined,
      what: "logarithms with the other sign",
    };
    const what = "logarithms of probabilities with the other sign";
    return { ...common, kind: "softmax", scores, reading, what, otherwise, tier: 4 };
  }
  const part = values === undefined ? undefined : partOf(typed, value, { reader, producers, countOf });
  if (part !== undefined) {
    const what = `the logarithm of ${part.what}`;
    return { ...common, kind: "softmax", scores: undefined, reading: part, what, otherwise: undefined, tier: 4 };
  }
  if (last?.opType === "Log" && isOwn && reader.odds(before) !== undefined && values?.kind !== "unit") {
    const reading = reader.odds(before);
    const what = `the logarithm of ${reading?.what} for each label`;
    return { ...common, kind: "multi-label", scores: ofClasses(reading?.scores), reading, what, otherwise, tier: 2 };
  }
  const odds = values?.kind === "unit" ? reader.odds(value) : undefined;
  const product =
    values?.kind === "unit" && odds === undefined ? productOf(typed, value, { reader, producers, countOf }) : undefined;
  if (product !== undefined) {
    const what = `the logarithm of ${product.what}`;
    return { ...common, kind: "softmax", scores: undefined, reading: product, what, otherwise, tier: 4 };
  }
  // Of an exponential the scores are what is raised: softmax makes its shares of them.
  if (last?.opType === "Exp" && isOwn && !isNamed && values?.kind === "positive") {
    const what = "the scores before an Exp";
    return {
      ...common,
      kind: "softmax",
      scores: before,
      reading: undefined,
      what,
      otherwise,
      tier: severalTier(count),
    };
  }
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
  const isOpen = isMeaningOpen(typed, producers, common, labelCount);
  const instead =
    otherwise ??
    (groups === undefined ? undefined : describeGroups(groups)) ??
    (isOpen ? featuresInstead(count, last) : undefined) ??
    (values?.kind === "normalized"
      ? "its numbers are a vector of one length, as embeddings are"
      : values?.kind === "constant"
        ? isOwn && last.opType === "Softmax"
          ? `its Softmax goes over ${softmaxAxis(typed, last) === 0 ? "the pictures of a batch" : "an axis of one element"} and not over the classes (the scores before it are ${JSON.stringify(before)}, which --logits takes)`
          : "its numbers are always the same"
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
    limit: limitOf(typed, producers, value),
    tier: severalTier(count),
    isAssumed: isOpen,
  };
}

/**
 * The reading of some probabilities of classes, as where the one of a background is cut off, or of probabilities times a positive weight for each
 * class; undefined for anything else. They do not add up to 1, and are of classes that exclude each other nevertheless.
 */
function partOf(
  typed: TypedGraph,
  value: string,
  {
    reader,
    producers,
    countOf,
  }: {
    readonly reader: ProbabilityReader;
    readonly producers: ReadonlyMap<string, Node>;
    readonly countOf: (name: string) => number | undefined;
  },
): LogReading | undefined {
  const count = countOf(value);
  let all = value;
  let isWeighed = false;
  for (let node = producers.get(all); node !== undefined; node = producers.get(all)) {
    const [first, second] = node.inputs;
    const known = typed.constants.get(second ?? "");
    const isScaled = (node.opType === "Mul" || node.opType === "Div") && known !== undefined;
    const isTaken = node.opType === "Slice" || node.opType === "Gather" || node.opType === "Split";
    if (!isScaled && !isTaken && !hasTrait(node, "view")) break;
    isWeighed ||= isScaled && known.data.length > 1;
    all = first;
  }
  const total = countOf(all);
  if (all === value || count === undefined || total === undefined || (total <= count && !isWeighed)) return undefined;
  if (tailValues(typed, all)?.kind !== "distribution" || reader.logarithm(all) === undefined) return undefined;
  // Where a weight is not positive the logarithm is not read.
  const reading = reader.logarithm(value);
  const taken = total > count ? `, ${count} of its ${total} classes` : "";
  return reading && { ...reading, what: `${reading.what}${taken}${isWeighed ? ", weighted" : ""}`, isPart: true };
}

/** How far a product is followed. */
const mostFactors = 8;

/**
 * The reading of what is no distribution itself and a product of one, as the geometric mean of an ensemble or classes times how sure it is that there is
 * an object: of its classes one is meant. Undefined for anything else.
 */
function productOf(
  typed: TypedGraph,
  value: string,
  {
    reader,
    producers,
    countOf,
  }: Pick<NumbersOptions, "producers" | "countOf"> & { readonly reader: ProbabilityReader },
): LogReading | undefined {
  const count = countOf(value);
  /** Whether `name` is made of probabilities of the classes, more than one value having been put together on the way, `isJoined` from here on. */
  const isOfShares = (name: string, isJoined: boolean, depth = 0): boolean => {
    const node = producers.get(name);
    if (node === undefined || depth > mostFactors || hasTrait(node, "weighted")) return false;
    const kind = countOf(name) === count ? tailValues(typed, name)?.kind : undefined;
    if (kind === "distribution" || kind === "log-distribution") return isJoined;
    const { inputs } = node;
    const [first] = inputs;
    switch (node.opType) {
      case "Sqrt":
      case "Pow":
      case "Exp":
        return isOfShares(first, isJoined, depth + 1);
      case "ReduceMean":
        return isOfShares(first, true, depth + 1);
      case "Mul":
      case "Add":
      case "Sum":
      case "Mean": {
        // A square is a function of one value.
        const isOfSeveral = new Set(inputs.filter((input) => !typed.constants.has(input))).size > 1;
        return inputs.some((input) => isOfShares(input, isJoined || isOfSeveral, depth + 1));
      }
      default:
        return hasTrait(node, "view") && isOfShares(first, isJoined, depth + 1);
    }
  };
  const node = producers.get(value);
  const reading = isProduct(node) && isOfShares(value, false) ? reader.logarithm(value) : undefined;
  return reading && { ...reading, isPart: true };
}

/** Whether a node multiplies, or takes a root, a power or the exponential of what may be a product. */
function isProduct(node: Node | undefined): boolean {
  switch (node?.opType) {
    case "Sqrt":
    case "Pow":
    case "Exp":
    case "Mul":
      return true;
    default:
      return false;
  }
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
  return softmaxAxis(typed, node) === classAxisOf(typed, node.inputs[0]);
}

function softmaxAxis(typed: TypedGraph, node: Node): number {
  const rank = typed.types.get(node.inputs[0])?.shape.length ?? 0;
  const axis = attributesOf(node).int("axis", -1);
  return axis < 0 ? axis + rank : axis;
}
