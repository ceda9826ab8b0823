/** @file A pass: a graph of the network, open in a session, run on as many inputs as one has. */
import { checkKeys, kindOf, MisuseError } from "../../errors.ts";
import type { Graph } from "../../onnx/model.ts";
import type { Session } from "../../runtime/session.ts";
import { type FloatTensor, floatTensor, type Shape, sizeOf, type Tensor } from "../../tensor/tensor.ts";
import { inChunks } from "./in-chunks.ts";

/** Gives an `Out` for each `In`, such as logits for images. */
export interface Pass<In, Out> {
  /** The most inputs that one call takes. */
  readonly batch: number;
  /**
   * What comes out for each input, in order; an output does not depend on the other inputs. The arrays of an output may share their
   * memory with those of the other outputs. Throws a MisuseError for no inputs, for more than `batch`, and for arrays of the wrong
   * size; a BadInputError for logits that are not finite; an AbortedError when `signal` aborts.
   */
  run(inputs: readonly In[], options?: { readonly signal?: AbortSignal }): Promise<Out[]>;
}

/** A graph that is ready to run. Its inputs and outputs have as many rows as the model takes images at a time. */
export interface OpenGraph {
  readonly graph: Graph;
  readonly run: Session["run"];
  /** How messages call the model. */
  readonly where: string;
}

/** How an input of the graph is made of those of the pass. */
export interface Feed<In> {
  /** The numbers of one row. */
  readonly row: (input: In) => ArrayLike<number>;
  /**
   * What the row is made of, where that often stays from run to run: if it is the same (===) for all rows as in the run before, they are
   * not made again. By default they always are, as an array may have new contents.
   */
  readonly per?: (input: In) => unknown;
}

export interface PassPlan<In, Out> {
  /** The most inputs that one call takes; where the session takes fewer at a time, it is run several times. */
  readonly most: number;
  /** One for each input of the graph, by its name. */
  readonly feeds: Readonly<Record<string, Feed<In>>>;
  /** The outputs of the graph that are wanted. */
  readonly fetches: readonly string[];
  /** What the pass says of an input; `row` gives its row of an output, flat, and shares its memory. */
  readonly read: (row: (output: string) => Float32Array, input: In) => Out;
}

/** The pass that runs the graph as planned. */
export function openPass<In, Out>({ graph, run: runGraph }: OpenGraph, plan: PassPlan<In, Out>): Pass<In, Out> {
  const { most, feeds, fetches, read } = plan;
  const makers = graph.inputs.map(({ name, shape }) => ({
    name,
    make: tensorMaker(name, shape as Shape, feeds[name]),
  }));
  const perRun = (graph.inputs[0].shape as Shape)[0];
  return {
    batch: most,
    async run(inputs, options) {
      checkKeys("run", options, ["signal"]);
      checkCount(inputs, most);
      return inChunks(inputs, perRun, async (some) => {
        const made = makers.map(({ name, make }) => ({ name, ...make(some) }));
        const tensors = Object.fromEntries(made.map(({ name, tensor }) => [name, tensor]));
        const results = await runGraph(tensors, fetches, options);
        // Not after a run that was aborted or failed: it may be reading still.
        for (const { release } of made) release?.();
        return some.map((input, n) => read((output) => rowOf(results[output], n, perRun), input));
      });
    },
  };
}

function checkCount(inputs: unknown, most: number): void {
  if (Array.isArray(inputs) && inputs.length >= 1 && inputs.length <= most) return;
  throw new MisuseError({
    where: "classifier",
    what: Array.isArray(inputs) ? "wrong number of images" : "the images are no list",
    expected: Array.isArray(inputs) ? `1 to ${most}` : `an array of 1 to ${most}`,
    got: Array.isArray(inputs) ? String(inputs.length) : kindOf(inputs),
  });
}

/** The tensor of an input; once the run has ended, `release` says that its memory may be used again. */
interface MadeTensor {
  readonly tensor: Tensor;
  readonly release?: () => void;
}

/** Makes the tensor of an input of the graph; what {@link Feed.per} says is the same is not made again. */
function tensorMaker<In>(name: string, shape: Shape, { row, per }: Feed<In>): (inputs: readonly In[]) => MadeTensor {
  const [batch] = shape;
  const size = sizeOf(shape) / batch;
  let last: { readonly keys: readonly unknown[]; readonly tensor: Tensor } | undefined;
  // Several runs may be under way; each takes one.
  const free: FloatTensor[] = [];
  return (inputs) => {
    const keys = per === undefined ? undefined : inputs.map(per);
    if (keys !== undefined && last !== undefined && isSame(keys, last.keys)) return last;
    const rows = inputs.map(row);
    for (const each of rows) checkSize(name, each, size, shape);
    const adjacent = adjacentRows(rows, batch, size);
    if (adjacent !== undefined || keys !== undefined) {
      const tensor = floatTensor(adjacent ?? stacked(rows, new Float32Array(batch * size), size), shape);
      last = keys === undefined ? undefined : { keys, tensor };
      return { tensor };
    }
    const tensor = free.pop() ?? floatTensor(new Float32Array(batch * size), shape);
    stacked(rows, tensor.data, size);
    return { tensor, release: () => free.push(tensor) };
  };
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((element, i) => element === b[i]);
}

function checkSize(name: string, row: ArrayLike<number> | undefined, size: number, shape: Shape): void {
  if (row?.length === size) return;
  throw new MisuseError({
    where: "classifier",
    what: `${name} has the wrong size`,
    expected: `${size} numbers ([${shape.slice(1).join(", ")}])`,
    got: row?.length === undefined ? kindOf(row) : String(row.length),
    advice: "classifier.fit() resizes and crops a picture.",
  });
}

/** The rows as one array, without a copy, if they lie one after the other in memory. */
function adjacentRows(rows: readonly ArrayLike<number>[], batch: number, size: number): Float32Array | undefined {
  const [first] = rows;
  if (!(first instanceof Float32Array) || rows.length !== batch) return undefined;
  if (batch === 1) return first;
  const { buffer, byteOffset, byteLength } = first;
  const isNext = (row: ArrayLike<number>, n: number): boolean =>
    row instanceof Float32Array && row.buffer === buffer && row.byteOffset === byteOffset + n * byteLength;
  return rows.every(isNext) ? new Float32Array(buffer, byteOffset, batch * size) : undefined;
}

/**
 * Writes the rows one after the other to `data`, which is returned. Rows that nobody asks for repeat the last one, so that they are as
 * well-behaved as the others.
 */
function stacked(rows: readonly ArrayLike<number>[], data: Float32Array, size: number): Float32Array {
  for (let n = 0; n * size < data.length; n++) data.set(rows[Math.min(n, rows.length - 1)], n * size);
  return data;
}

/** Row `n` of `count` of a tensor that begins with the images, or with what each of them has several of; sharing its memory. */
function rowOf({ data }: Tensor, n: number, count: number): Float32Array {
  const values = data as Float32Array;
  const size = values.length / count;
  return count === 1 ? values : values.subarray(n * size, (n + 1) * size);
}
