/** @file Which of several candidates is the classification, and as what it is taken. */
import { MisuseError, UnsupportedError } from "../../../errors.ts";
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import type { Graph } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { rangeOf } from "../../../tensor/vector.ts";
import { type Candidate, describeCandidate, type FindHeadOptions } from "./candidates/candidate.ts";
import type { HeadKind, StatedHead } from "./head.ts";
import { auxiliary, classifying, words } from "./output-words.ts";
import { probabilityReader } from "./probabilities/probability-reader.ts";
import { plainLogarithm, plainOdds } from "./probabilities/readings.ts";
import { combinationAmong } from "./several-outputs.ts";

/** The one of `candidates` that is made of all the others, as the mean of a distilled network's heads; undefined if there is none. */
export function combined(graph: Graph, candidates: readonly Candidate[]): Candidate | undefined {
  const [{ count }] = candidates;
  if (count === 1 || candidates.some((one) => one.count !== count)) return undefined;
  const index = combinationAmong(
    graph,
    candidates.map(({ scores, value }) => scores ?? value),
  );
  const found = index === undefined ? undefined : candidates[index];
  return found && { ...found, what: `${found.what}, made of the other outputs` };
}

/** Candidates without those that are the same scores given out twice. */
export function unique(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return candidates.filter(({ scores, value }) => {
    const key = scores ?? value;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Those candidates that are a classification as much as any other. */
export function best(
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
    const [, most] = rangeOf(left.map(criterion));
    left = left.filter((candidate) => criterion(candidate) === most);
  }
  return left;
}

export function undecided(candidates: readonly Candidate[], where: string): UnsupportedError {
  return new UnsupportedError({
    where,
    what: `${candidates.length} outputs could be the classification`,
    expected: "one of them, named",
    got: candidates.map((one) => `${one.output} (${describeCandidate(one)})`).join("; "),
    advice: `Choose with ${candidates.map(({ output }) => `--logits ${output}`).join(" or ")}.`,
  });
}

/** `candidate` as what a file says that it is, where the graph shows nothing else: plain scores may be of labels each by itself, or quantities. */
export function asStated(candidate: Candidate, stated: StatedHead | undefined): Candidate {
  if (stated === undefined || candidate.reading !== undefined || candidate.tier === 4) return candidate;
  if (stated.kind === "value") return { ...candidate, otherwise: `${stated.reason} says that it is a regression` };
  return candidate.count > 1
    ? { ...candidate, kind: "multi-label", what: `one decision for each label: ${stated.reason} says so` }
    : candidate;
}

/** `candidate` as a head of the kind that was asked for; throws a MisuseError where its numbers cannot be that. */
export function asKind(typed: TypedGraph, candidate: Candidate, kind: HeadKind, where: string): Candidate {
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
    const isGuess = candidate.reading?.isGuess === true;
    const reading =
      probabilityReader(typed).logarithm(candidate.value) ?? (isGuess ? plainLogarithm(candidate.value) : undefined);
    return {
      ...candidate,
      kind,
      reading: candidate.scores === undefined ? reading : candidate.reading,
      what,
    };
  }
  return { ...candidate, kind, otherwise: undefined, what };
}

/** The values from which a way leads through a layer with weights to one of `ends`. */
export function valuesBeforeOthers(graph: Graph, ends: ReadonlySet<string>): ReadonlySet<string> {
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
