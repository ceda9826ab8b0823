/** @file Loop and Scan, turn by turn: what the body reads in each, and what becomes of its results. */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { tensorOf } from "../../tensor/tensor.ts";
import { attributesOf } from "../attributes.ts";
import { int64Tensor } from "../int64.ts";
import { describeNode, type Graph, type Node, type ValueType } from "../model.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { decomposeFusedOperators } from "./decompose-fused-operators.ts";
import type { Rewrite } from "./rewrite.ts";

/** A loop that has made some of its turns. */
export interface LoopTurns {
  readonly body: Graph;
  /**
   * Appends what comes before the next turn, and says what that turn is; "done" after the last one, when the node's outputs have been
   * appended, and "unknown" where it depends on what is fed in whether there is another turn.
   */
  next(rewrite: Rewrite, known: (name: string) => NumericTensor | undefined): Turn | "done" | "unknown";
}

export interface Turn {
  /** What the body's inputs are in this turn, by name. */
  readonly bound: ReadonlyMap<string, string>;
  /** What the names of the body's own values begin with. */
  readonly prefix: string;
  /** The loop after this turn; `named` is what a value of the body is called in it. */
  after(named: (name: string) => string): LoopTurns;
}

/** The results of a loop: what it hands from turn to turn, and what it collects. */
interface Progress {
  readonly turn: number;
  readonly carried: readonly string[];
  /** For each collected output the values of the turns so far; each turn adds to them. */
  readonly collected: readonly string[][];
}

/** Before the first turn, for a body that collects `count` outputs. */
function start(carried: readonly string[], count: number): Progress {
  return { turn: 0, carried, collected: Array.from({ length: Math.max(0, count) }, () => []) };
}

/** After a turn whose body gives `results`: first those that are carried, then those that are collected. */
function advance({ turn, carried, collected }: Progress, results: readonly string[]): Progress {
  for (const [i, values] of collected.entries()) values.push(results[carried.length + i]);
  return { turn: turn + 1, carried: results.slice(0, carried.length), collected };
}

function bodyOf(node: Node, inputs: number, outputs: number): Graph {
  const { body } = node.attributes;
  const where = describeNode(node);
  if (body?.kind !== "graph")
    throw new BadInputError({ where, what: "attribute body is missing", expected: "a graph" });
  const graph = decomposeFusedOperators(body.value);
  if (graph.inputs.length === inputs && graph.outputs.length >= outputs) return graph;
  throw new BadInputError({
    where,
    what: "the body does not fit the node",
    expected: `${inputs} inputs and at least ${outputs} outputs`,
    got: `${graph.inputs.length} inputs and ${graph.outputs.length} outputs`,
  });
}

function prefixOf(node: Node, turn: number): string {
  return `${node.name || node.outputs.find((name) => name !== "") || node.opType}/${turn}`;
}

/** Appends the outputs of `rewrite.node`: what was carried, and what was collected, along axis `axes[i]` (backwards where `isReversed[i]`). */
function finish(
  { node, op, into, constant }: Rewrite,
  { carried, collected }: Progress,
  axes: readonly number[],
  isReversed: readonly boolean[],
): void {
  node.outputs.forEach((output, i) => {
    if (output === "") return;
    if (i < carried.length) {
      into([output], "Identity", [carried[i]]);
      return;
    }
    const index = i - carried.length;
    const axis = axes[index] ?? 0;
    const values = collected[index] ?? [];
    if (values.length === 0) {
      throw new UnsupportedError({
        where: describeNode(node),
        what: "a loop without turns collects values",
        expected: "at least one turn",
      });
    }
    const at = constant(int64Tensor([axis]));
    const parts = values.map((value) => op("Unsqueeze", [value, at]));
    into([output], "Concat", isReversed[index] ? parts.toReversed() : parts, { axis });
  });
}

/** The turns of a Loop: as many as its first input says, as long as the condition holds that each turn computes. */
export function loopTurns(node: Node): LoopTurns {
  const carriedCount = Math.max(0, node.inputs.length - 2);
  const body = bodyOf(node, carriedCount + 2, carriedCount + 1);
  const after = (progress: Progress, condition: string): LoopTurns => ({
    body,
    next(rewrite, known) {
      const count = rewrite.input(0) === "" ? Infinity : known(rewrite.input(0))?.data[0];
      const holds = condition === "" ? 1 : known(condition)?.data[0];
      if (count === undefined || holds === undefined) return "unknown";
      const { turn, carried } = progress;
      if (turn >= count || holds === 0) {
        finish(rewrite, progress, [], []);
        return "done";
      }
      const { constant } = rewrite;
      const values = [constant(int64Tensor([turn], [])), constant(tensorOf("bool", [1], [])), ...carried];
      return {
        bound: new Map(body.inputs.map(({ name }, i) => [name, values[i]])),
        prefix: prefixOf(node, turn),
        after(named) {
          const [next, ...results] = body.outputs.map(({ name }) => named(name));
          return after(advance(progress, results), next);
        },
      };
    },
  });
  const collectedCount = body.outputs.length - 1 - carriedCount;
  return after(start(node.inputs.slice(2), collectedCount), node.inputs[1] ?? "");
}

/**
 * The turns of a Scan: one for each slice of the inputs that it goes through. Undefined where their shape is not known. Throws an
 * UnsupportedError for the form of opset 8, which had a batch axis.
 */
export function scanTurns(node: Node, typeOf: (name: string) => ValueType | undefined): LoopTurns | undefined {
  const where = describeNode(node);
  const attributes = attributesOf(node);
  const scanned = attributes.int("num_scan_inputs");
  const carriedCount = node.inputs.length - scanned;
  if (node.inputs[0] === "" || attributes.has("directions") || scanned < 1 || carriedCount < 0) {
    throw new UnsupportedError({
      where,
      what: "this form of Scan is not supported",
      expected: "that of opset 9 or later",
      advice: "Export the model again, with opset 13 or later.",
    });
  }
  const body = bodyOf(node, node.inputs.length, carriedCount);
  const sources = node.inputs.slice(carriedCount);
  const shapes = sources.map((name) => typeOf(name)?.shape);
  const inputAxes = attributes.ints("scan_input_axes", new Array<number>(scanned).fill(0));
  const axes = shapes.map((shape, i) => shape && normalizeAxis(where, inputAxes[i] ?? 0, shape.length));
  const counts = shapes.map((shape, i) => shape?.[axes[i] ?? 0]);
  const [count] = counts;
  if (count === undefined || counts.includes(undefined)) return undefined;
  if (counts.some((other) => other !== count)) {
    throw new BadInputError({
      where,
      what: "the scanned inputs differ in length",
      expected: "one length",
      got: counts.join(" and "),
    });
  }
  const collectedCount = body.outputs.length - carriedCount;
  const flags = (name: string, size: number): boolean[] =>
    Array.from({ length: size }, (_, i) => (attributes.ints(name, [])[i] ?? 0) !== 0);
  const isBackward = flags("scan_input_directions", scanned);
  const isReversed = flags("scan_output_directions", collectedCount);
  // The rank of a collected output is that of the body's, which need not be declared: a negative axis counts from behind as it is.
  const outputAxes = attributes.ints("scan_output_axes", new Array<number>(collectedCount).fill(0));
  const after = (progress: Progress): LoopTurns => ({
    body,
    next(rewrite) {
      const { turn, carried } = progress;
      if (turn >= count) {
        finish(rewrite, progress, outputAxes, isReversed);
        return "done";
      }
      const slices = sources.map((source, i) => {
        const index = rewrite.constant(int64Tensor([isBackward[i] ? count - 1 - turn : turn], []));
        return rewrite.op("Gather", [source, index], { axis: axes[i] });
      });
      const values = [...carried, ...slices];
      return {
        bound: new Map(body.inputs.map(({ name }, i) => [name, values[i]])),
        prefix: prefixOf(node, turn),
        after(named) {
          const results = body.outputs.map(({ name }) => named(name));
          return after(advance(progress, results));
        },
      };
    },
  });
  return after(start(node.inputs.slice(0, carriedCount), collectedCount));
}
