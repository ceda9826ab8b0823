/** @file An output as a classification: which of the values behind it holds scores, and what these seem to be. */
import type { TypedGraph } from "../../../../onnx/infer-shapes.ts";
import type { Node } from "../../../../onnx/model.ts";
import { hasTrait } from "../../../../onnx/operators/table.ts";
import { isCosine, isDistance } from "../distances.ts";
import { monotoneFunction } from "../monotone-function.ts";
import { classifying, embedding, regressing, words } from "../output-words.ts";
import { probabilityReader } from "../probabilities/probability-reader.ts";
import type { LogReading } from "../probabilities/readings.ts";
import { isQuantization } from "../quantization.ts";
import { classCountOf, isRowOfOne } from "../score-axis.ts";
import { tailValues } from "../tail-values.ts";
import type { Candidate, FindHeadOptions, HeadGraph } from "./candidate.ts";
import { choosesSmallest, decidedFrom } from "./decided-from.ts";
import { oneNumber } from "./one-number.ts";
import { severalNumbers } from "./several-numbers.ts";

/** What `output` scores; undefined if it is nothing of the kind. */
export function candidateAt(
  typed: TypedGraph,
  output: string,
  options: FindHeadOptions,
  producers: ReadonlyMap<string, Node>,
): Candidate | undefined {
  const { batch, labelCount } = options;
  const isNamed = options.logits !== undefined;
  const graph: HeadGraph = {
    ...{ typed, producers, reader: probabilityReader(typed) },
    countOf: (name) => classCountOf(typed, name, batch),
    makerOf: (name) => producers.get(behind(typed, producers, name)),
  };
  const { given, isRanked, isBySmallest } = isNamed
    ? { given: output, isRanked: false, isBySmallest: false }
    : decidedOn(graph, output);
  const value = asScores(graph, given);
  const count = value === undefined ? undefined : graph.countOf(value);
  if (value === undefined || count === undefined || count < 1) return undefined;
  const named = { output, value, count, isRanked };
  const otherwise = otherwiseOf(output, value, count);
  if (count === 1) return oneNumber(graph, named, otherwise);
  const several = (of: string): Candidate =>
    severalNumbers(graph, { ...named, value: of }, { otherwise, batch, labelCount, isNamed });
  const candidate = several(value);
  if (isBySmallest) return bySmallest(candidate);
  // Named by the user, the numbers are taken as they are.
  if (isNamed || isRead(candidate)) return candidate;
  return byCloseness(graph, candidate) ?? byFunction(graph, candidate, several) ?? candidate;
}

/** The value that a node only passes on as `name`, or gives out in integers or in steps; not one that was laid out in several rows. */
function passed(typed: TypedGraph, producers: ReadonlyMap<string, Node>, name: string): string | undefined {
  const producer = producers.get(name);
  const isPassing = producer !== undefined && (hasTrait(producer, "view") || isQuantization(producer));
  const rows = (typed.types.get(name)?.shape ?? []).slice(1).filter((extent) => extent !== 1).length;
  return isPassing && rows < 2 ? producer.inputs[0] : undefined;
}

/** The value behind nodes that only pass it on. */
function behind(typed: TypedGraph, producers: ReadonlyMap<string, Node>, name: string): string {
  const before = passed(typed, producers, name);
  return before === undefined ? name : behind(typed, producers, before);
}

/** What `output` only decides on, as which of its elements are the largest; `output` itself if it is no decision. */
function decidedOn(
  graph: HeadGraph,
  output: string,
): { readonly given: string; readonly isRanked: boolean; readonly isBySmallest: boolean } {
  const { typed, producers, makerOf } = graph;
  const before = decidedFrom(typed, behind(typed, producers, output), producers);
  if (before === undefined) return { given: output, isRanked: false, isBySmallest: false };
  const { given, isBySmallest } = decidedOn(graph, before);
  return { given, isRanked: true, isBySmallest: isBySmallest || choosesSmallest(makerOf(output)) };
}

/** `name`, or the next value behind it that has the form of scores. */
function asScores({ typed, producers, countOf }: HeadGraph, name: string): string | undefined {
  const origin = countOf(behind(typed, producers, name));
  let row: string | undefined;
  for (let one: string | undefined = name; one !== undefined; one = passed(typed, producers, one)) {
    const own = countOf(one);
    if (own === undefined || (own === 1 && origin !== undefined && origin > 1)) continue;
    if (!isRowOfOne(typed, one)) return one;
    row ??= one;
  }
  return row;
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

/** `candidate` as distances, or what rises or falls with them; undefined if it is none. */
function byCloseness({ typed, producers, makerOf }: HeadGraph, candidate: Candidate): Candidate | undefined {
  const { value, count } = candidate;
  const isFar = (name: string): boolean => isDistance(typed, producers, name, count);
  const isSimilar = (name: string): boolean => isCosine(typed, producers, name);
  const isNegative = canBeNegative(typed);
  const distance = isFar(value)
    ? { falls: false }
    : monotoneFunction(typed, producers, value, { isFound: isFar, isNegative });
  const cosine = distance ?? monotoneFunction(typed, producers, value, { isFound: isSimilar, isNegative });
  if (distance?.falls === false || (distance === undefined && cosine?.falls === true)) {
    const reading: LogReading = {
      append: (to) => to.op("Neg", [value]),
      scores: undefined,
      what: "distances with the other sign",
    };
    const nearest = { reading, scores: undefined, what: reading.what, falls: "closeness" } as const;
    return { ...candidate, kind: "softmax", ...nearest, otherwise: undefined };
  }
  // What falls with distances, such as exp(−d²), is no label for each class.
  if (distance?.falls === true && candidate.kind === "multi-label") {
    const last = makerOf(value);
    const scores = last?.opType === "Exp" ? last.inputs[0] : value;
    return { ...candidate, kind: "softmax", scores, reading: undefined, what: "scores that fall with distances" };
  }
  return undefined;
}

/** What `candidate` is a rising or falling function of, where that is read; undefined otherwise. */
function byFunction(
  { typed, producers, countOf }: HeadGraph,
  { value, count, tier }: Candidate,
  several: (value: string) => Candidate,
): Candidate | undefined {
  const found = monotoneFunction(typed, producers, value, {
    isFound: (name) => countOf(name) === count && isRead(several(name)),
    isNegative: canBeNegative(typed),
  });
  if (found === undefined) return undefined;
  const { of, falls } = found;
  const made = several(of);
  // Sigmoids on another scale may be quantities, such as boxes.
  if (made.tier < 4 && !falls) return undefined;
  // What is a distribution by itself, as 1 − p of two classes, is taken at its word.
  const isWhole = tier === 4 && (count === 2 || Math.abs((tailValues(typed, value)?.most ?? 0) - 1) < 0.05);
  if (falls && isWhole) return undefined;
  const what = `${made.what}, of which it is a ${falls ? "falling" : "rising"} function`;
  return { ...made, what, ...(falls ? { falls: "probabilities" } : {}) };
}

function canBeNegative(typed: TypedGraph): (value: string) => boolean {
  return (value) => !["distribution", "unit", "positive"].includes(tailValues(typed, value)?.kind ?? "");
}

/** Whether what a candidate's numbers are made of was found in the graph. */
function isRead({ tier, kind, reading, otherwise }: Candidate): boolean {
  return (
    otherwise === undefined &&
    reading?.isGuess !== true &&
    (tier === 4 || (kind === "multi-label" && reading !== undefined))
  );
}

/** What the names say that a value is, other than classes. */
function otherwiseOf(output: string, value: string, count: number): string | undefined {
  const text = `${words(output)} ${words(value)}`;
  if (classifying.test(words(output))) return undefined;
  if (regressing.test(words(output))) return `its name says that it is ${count === 1 ? "a quantity" : "quantities"}`;
  if (embedding.test(text) && count >= 16) return "its name says that it is an embedding";
  return undefined;
}
