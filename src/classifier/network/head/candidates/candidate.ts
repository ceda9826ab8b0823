/** @file What an output of a model could be as a classification. */
import type { TypedGraph } from "../../../../onnx/infer-shapes.ts";
import type { Node } from "../../../../onnx/model.ts";
import type { HeadKind, StatedHead } from "../head.ts";
import type { ProbabilityReader } from "../probabilities/reader.ts";
import type { LogReading, OddsReading } from "../probabilities/readings.ts";

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
  /** Whether its labels are thresholds of one score. */
  readonly isOrdinal?: boolean;
  /** The larger, the more it is a classification: 4 for probabilities, 2 for what may be one, 1.5 for what may be a box, 1 for one score. */
  readonly tier: number;
}

export function describeCandidate({ count, kind, what, otherwise }: Candidate): string {
  const many = kind === "multi-label" ? `${count} labels` : count === 1 ? "1 number" : `${count} numbers`;
  return `${many}: ${otherwise ?? what}`;
}

/** What is known of a candidate before its numbers have been looked at. */
export type Named = Pick<Candidate, "output" | "value" | "count" | "isRanked">;

/** The graph that an output is looked for in, and what is asked of it. */
export interface HeadGraph {
  readonly typed: TypedGraph;
  readonly producers: ReadonlyMap<string, Node>;
  readonly reader: ProbabilityReader;
  /** How many classes a value has scores of, if its form is that of scores. */
  readonly countOf: (value: string) => number | undefined;
  /** The node that makes a value, behind what only passes it on. */
  readonly makerOf: (value: string) => Node | undefined;
}
