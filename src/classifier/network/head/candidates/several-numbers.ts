/** @file An output of several numbers: readers in order, each of which knows one form that scores and probabilities of classes come in. */
import { attributesOf } from "../../../../onnx/attributes.ts";
import type { TypedGraph } from "../../../../onnx/infer-shapes.ts";
import type { Node } from "../../../../onnx/model.ts";
import { hasTrait } from "../../../../onnx/operators/table.ts";
import { type ClassGroup, describeGroups, groupsOf } from "../groups.ts";
import { featuresInstead, isMeaningOpen } from "../meaning.ts";
import { type LogReading, type OddsReading, plainLogarithm, plainOdds } from "../probabilities/readings.ts";
import { unquantized } from "../quantization.ts";
import { classAxisOf } from "../score-axis.ts";
import { limitOf } from "../score-limits.ts";
import { type TailValues, tailValues } from "../tail-values.ts";
import type { Candidate, FindHeadOptions, HeadGraph, Named } from "./candidate.ts";
import { isOrdinal } from "./ordinal.ts";
import { partOf, productOf } from "./shares.ts";

export interface SeveralNumbersOptions extends Pick<FindHeadOptions, "batch" | "labelCount"> {
  /** What the names say that they are, other than classes. */
  readonly otherwise: string | undefined;
  /** Whether the user named the value: its numbers are taken as they are then. */
  readonly isNamed: boolean;
}

/** What the several numbers of `named` seem to be. */
export function severalNumbers(graph: HeadGraph, named: Named, options: SeveralNumbersOptions): Candidate {
  const numbers = numbersOf(graph, named, options);
  for (const read of readers) {
    const found = read(numbers);
    if (found !== undefined) return { ...named, scores: undefined, reading: undefined, ...found };
  }
  return { ...named, ...plainScores(numbers) };
}

/** What every reader looks at. */
interface Numbers extends SeveralNumbersOptions, Named {
  readonly graph: HeadGraph;
  /** The node that makes the numbers, behind what only passes them on. */
  readonly last: Node | undefined;
  /** What enters `last`, if that is a number for each class as well. */
  readonly before: string | undefined;
  /** Whether they are means of what a ReLU lets pass. */
  readonly isRectified: boolean;
  /** What the end of the network lets them be, where that is not known without computing it. */
  readonly values: TailValues | undefined;
  /** The classifications that they are side by side, if they are several. */
  readonly groups: readonly ClassGroup[] | undefined;
}

function numbersOf(graph: HeadGraph, named: Named, options: SeveralNumbersOptions): Numbers {
  const { typed, producers, countOf, makerOf } = graph;
  const { value, count } = named;
  const last = makerOf(value);
  const first = last?.inputs[0] ?? "";
  const rectifier = rectifierOf(value, producers);
  // A layer's values behind a ReLU are scores for certain. They are whole planes, so that numbers for them are many.
  const isLayer = rectifier !== undefined && isWeighted(producers.get(rectifier.inputs[0]));
  // Small probabilities are rounded to 0 by steps, so that those of many classes no longer add up to 1.
  const real = unquantized(typed, producers, value);
  const values = isLayer ? undefined : tailValues(typed, real);
  return {
    ...{ ...options, ...named, graph, last, values },
    before: countOf(first) === count ? first : undefined,
    isRectified: rectifier !== undefined,
    groups: values?.kind === "distribution" ? groupsOf(typed, producers, real, options.batch) : undefined,
  };
}

/** What a reader found; without `scores` and `reading` there are none. */
type Found = Omit<Candidate, keyof Named | "scores" | "reading"> & Partial<Pick<Candidate, "scores" | "reading">>;

/** In this order, since what an operator says comes before what the values let suppose. */
const readers: readonly ((numbers: Numbers) => Found | undefined)[] = [
  softmaxAtTheEnd,
  sigmoidAtTheEnd,
  distribution,
  logarithms,
  negatedLogarithms,
  someShares,
  logarithmsOfLabels,
  productsOfShares,
  exponentials,
  thresholds,
  labels,
];

function softmaxAtTheEnd({ graph: { typed }, last, before }: Numbers): Found | undefined {
  const isSoftmax = last?.opType === "Softmax" || last?.opType === "LogSoftmax";
  if (before === undefined || !isSoftmax || softmaxAxis(typed, last) !== classAxisOf(typed, before)) return undefined;
  const what = last.opType === "Softmax" ? "the scores before a Softmax" : "the scores before a LogSoftmax";
  return { kind: "softmax", scores: before, what, otherwise: undefined, tier: 4 };
}

/** Sigmoids of opposite numbers add up to 1 as nearly as this, also where they are rounded to 256 steps. */
const nearlyOne = 0.01;

/** A sigmoid for each label, whatever it reads: where that is far behind the last layer, its values need not be computed to see it. */
function sigmoidAtTheEnd(numbers: Numbers): Found | undefined {
  const { last, before, values } = numbers;
  if (last?.opType !== "Sigmoid" || before === undefined || values?.kind === "constant") return undefined;
  // Of a score and its opposite they are two classes that exclude each other.
  if (values?.kind === "distribution" && Math.abs(values.most - 1) < nearlyOne) return undefined;
  return ofLabels(numbers, { append: () => before, scores: before, what: "a Sigmoid" });
}

function distribution(numbers: Numbers): Found | undefined {
  const { graph, value, values, groups } = numbers;
  const read = graph.reader.logarithm(value);
  // Where it would take long to see that their sum is always the same, a softmax that is written out says it.
  const isDistribution = values === undefined ? read?.scores !== undefined : values.kind === "distribution";
  if (!isDistribution || groups !== undefined) return undefined;
  const reading = read ?? plainLogarithm(value);
  const scores = ofClasses(numbers, reading.scores);
  const what = scores === undefined ? `the logarithm of ${reading.what}` : `the scores before ${reading.what}`;
  return { kind: "softmax", scores, reading, what, otherwise: undefined, tier: 4 };
}

function logarithms(numbers: Numbers): Found | undefined {
  const { graph, value, values } = numbers;
  if (values?.kind !== "log-distribution") return undefined;
  const scores = ofClasses(numbers, graph.reader.logSoftmaxOf(value)) ?? value;
  return { kind: "softmax", scores, what: "logarithms of probabilities", otherwise: undefined, tier: 4 };
}

function negatedLogarithms(numbers: Numbers): Found | undefined {
  const { graph, value, values, last, otherwise } = numbers;
  if (values?.kind !== "negated-log-distribution") return undefined;
  const [negated] = last?.opType === "Neg" ? last.inputs : [];
  const reading: LogReading = {
    append: (to) => to.op("Neg", [value]),
    scores: undefined,
    what: "logarithms with the other sign",
  };
  return {
    kind: "softmax",
    scores: negated && ofClasses(numbers, graph.reader.logSoftmaxOf(negated) ?? negated),
    reading,
    what: "logarithms of probabilities with the other sign",
    otherwise,
    tier: 4,
  };
}

function someShares({ graph, value, values }: Numbers): Found | undefined {
  const reading = values === undefined ? undefined : partOf(graph, value);
  return reading && ofShares(reading, undefined);
}

function logarithmsOfLabels(numbers: Numbers): Found | undefined {
  const { graph, last, before, values, otherwise } = numbers;
  if (last?.opType !== "Log" || before === undefined || values?.kind === "unit") return undefined;
  const reading = graph.reader.odds(before);
  if (reading === undefined) return undefined;
  const scores = ofClasses(numbers, reading.scores);
  const what = `the logarithm of ${reading.what} for each label`;
  return { kind: "multi-label", scores, reading, what, otherwise, tier: 2 };
}

function productsOfShares({ graph, value, values, otherwise }: Numbers): Found | undefined {
  if (values?.kind !== "unit" || graph.reader.odds(value) !== undefined) return undefined;
  const reading = productOf(graph, value);
  return reading && ofShares(reading, otherwise);
}

/** Of an exponential the scores are what is raised: softmax makes its shares of them. */
function exponentials({ count, last, before, values, otherwise, isNamed }: Numbers): Found | undefined {
  if (last?.opType !== "Exp" || before === undefined || isNamed || values?.kind !== "positive") return undefined;
  return { kind: "softmax", scores: before, what: "the scores before an Exp", otherwise, tier: tierOf(count) };
}

/** Scores of thresholds, before their sigmoids: a softmax of them would be the same whatever the picture. */
function thresholds({ graph, value, count, otherwise }: Numbers): Found | undefined {
  if (!isOrdinal(graph, value)) return undefined;
  const what = "one score at each of several thresholds";
  return { kind: "multi-label", scores: value, what, otherwise, tier: tierOf(count), isOrdinal: true };
}

function labels(numbers: Numbers): Found | undefined {
  const { graph, value, values, isRectified } = numbers;
  const odds = graph.reader.odds(value);
  // Where it would take long to see that they lie between two limits, a sigmoid that is written out says it.
  if (values === undefined ? odds?.scores === undefined : values.kind !== "unit") return undefined;
  if (odds === undefined && isRectified) return undefined;
  return ofLabels(numbers, odds ?? plainOdds(value, values?.most));
}

/** A label for each of the numbers, of which `reading` gives the log odds. */
function ofLabels(numbers: Numbers, reading: OddsReading): Found {
  const { graph, count, otherwise } = numbers;
  const scores = ofClasses(numbers, reading.scores);
  return {
    ...{ kind: "multi-label", scores, reading, otherwise, tier: tierOf(count) },
    what: `${reading.what} for each label`,
    isOrdinal: scores !== undefined && isOrdinal(graph, scores),
  };
}

/** What is left: numbers that are taken as they are, if nothing speaks against it. */
function plainScores(numbers: Numbers): Omit<Candidate, keyof Named> {
  const { graph, value, count, last, values, labelCount } = numbers;
  const { typed, producers } = graph;
  const isAssumed = isMeaningOpen(typed, producers, numbers, labelCount);
  const instead =
    numbers.otherwise ??
    (numbers.groups && describeGroups(numbers.groups)) ??
    (isAssumed ? featuresInstead(count, last) : undefined) ??
    (values && noScores(numbers, values));
  return {
    kind: "softmax",
    scores: value,
    reading: undefined,
    what: "scores as they are given out",
    otherwise: instead,
    limit: limitOf(typed, producers, value),
    tier: tierOf(count),
    isAssumed,
  };
}

/** Why numbers that can only be `values` are no scores, a phrase; undefined if they may be. */
function noScores({ graph: { typed }, last, before }: Numbers, values: TailValues): string | undefined {
  switch (values.kind) {
    case "normalized":
      return "its numbers are a vector of one length, as embeddings are";
    case "constant": {
      if (before === undefined || last?.opType !== "Softmax") return "its numbers are always the same";
      const axis = softmaxAxis(typed, last) === 0 ? "the pictures of a batch" : "an axis of one element";
      return `its Softmax goes over ${axis} and not over the classes (the scores before it are ${JSON.stringify(before)}, which --logits takes)`;
    }
    case "decisions":
      return "its numbers are nothing but 0 and 1, decisions from which no gradient leads back";
    default:
      return undefined;
  }
}

/** Of classes that exclude each other, by the logarithms of what is no distribution itself. */
function ofShares(reading: LogReading, otherwise: string | undefined): Found {
  return { kind: "softmax", reading, what: `the logarithm of ${reading.what}`, otherwise, tier: 4 };
}

/** `scores`, if they are as many as the classes. */
function ofClasses({ graph, count }: Numbers, scores: string | undefined): string | undefined {
  return scores !== undefined && graph.countOf(scores) === count ? scores : undefined;
}

/** Four numbers that are no softmax may be a box: a classification beside them comes first. */
function tierOf(count: number): number {
  return count === 4 ? 1.5 : 2;
}

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

function isWeighted(node: Node | undefined): boolean {
  return node !== undefined && hasTrait(node, "weighted");
}

function softmaxAxis(typed: TypedGraph, node: Node): number {
  const rank = typed.types.get(node.inputs[0])?.shape.length ?? 0;
  const axis = attributesOf(node).int("axis", -1);
  return axis < 0 ? axis + rank : axis;
}
