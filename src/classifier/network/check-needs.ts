/**
 * @file Whether a model takes more memory or time than the machine should give: decided from its shapes, before anything runs.
 *
 * A file of a few hundred bytes can ask for any amount of both. What no image classifier needs is refused whatever the machine.
 */
import { UnsupportedError } from "../../errors.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { describeNode, type Node } from "../../onnx/model.ts";
import { type ResourceNeeds, resourceNeeds } from "../../onnx/resource-needs.ts";

export interface NeedsLimits {
  /** Bytes that a model may need for a run forward, its weights included; the limits on what is usual then do not hold. */
  readonly allowMemory?: number;
  /** The machine's memory in bytes, where it is known: a quarter of it may be needed. */
  readonly machineMemory?: number;
}

export interface CheckNeedsOptions extends NeedsLimits {
  /** How messages call the model, such as its path. */
  readonly where: string;
  /** Pixels of one picture. */
  readonly area: number;
  /** How many pictures the shapes are for. */
  readonly batch: number;
}

/** Values of so many bytes (a run back keeps them) are nothing to any machine. */
const smallValues = 2 ** 27;
/**
 * Numbers for each pixel, over all values of the network. ResNet-50 has about 500, EfficientNet-B7 2,500, ViT-H/14 on 518 x 518 pixels up to
 * 20,000; those that have many have weights to make them with.
 */
const valuesPerPixel = { least: 64, most: 2 ** 16, parametersForOne: 32 };
/** Pixels beyond these add nothing to what is usual: larger inputs come with weights that allow for much more. */
const largestArea = 2 ** 20;
/** So many operations take a second or two. */
const smallWork = 5e9;
/** Each weight is used once for each pixel in a convolution at full resolution, and less often everywhere else. */
const usesPerPixel = 4;
/** Ten times the work of ViT-H/14 on 518 x 518 pixels, which is the largest of the usual networks. */
const mostWork = 1e13;
/** What one node reads. DenseNets join 50 values; the time that runtimes take for this grows with its square. */
const mostInputs = 4096;
/** What all nodes together read, for each of them: 2 in chains, 4 in DenseNets. Where each reads all that came before, runtimes take minutes. */
const mostInputsPerNode = 32;
/** Twice what the largest of the usual networks has. Opening a gradient takes onnxruntime time by the square: 5 s for 2,500 nodes, half an hour for 50,000. */
const mostNodes = 10_000;

/**
 * What one run of `typed` takes. Throws an UnsupportedError that says how much, and how to allow it, where that is more than the limits:
 * a quarter of the machine's memory, and what an image classifier of as many weights and pixels could need.
 */
export function checkNeeds(
  typed: TypedGraph,
  { where, area, batch, allowMemory, machineMemory = Number.POSITIVE_INFINITY }: CheckNeedsOptions,
): ResourceNeeds {
  const needs = resourceNeeds(typed);
  const memory = needs.weightBytes + needs.peakBytes;
  const refuse = (what: string, expected: string, got: string): never => {
    const wanted = Math.max(1, Math.ceil((1.1 * memory) / 1e9));
    throw new UnsupportedError({
      where,
      what,
      expected,
      got,
      advice: `To run it all the same, allow it memory: --allow-memory ${wanted}GB (the option allowMemory).`,
    });
  };
  if (allowMemory !== undefined) {
    if (memory <= allowMemory) return needs;
    return refuse(
      "the model needs too much memory",
      `at most ${sizeInWords(allowMemory)}, as allowed`,
      sizeInWords(memory),
    );
  }
  if (memory > machineMemory / 4) {
    const most = `at most ${sizeInWords(machineMemory / 4)}, a quarter of this machine's memory`;
    return refuse("the model needs too much memory", most, sizeInWords(memory));
  }
  const pixels = batch * Math.min(area, largestArea);
  const { least, most, parametersForOne } = valuesPerPixel;
  const perPixel = Math.min(most, least + needs.parameters / parametersForOne);
  const mostBytes = Math.max(smallValues, 4 * pixels * perPixel);
  // Only where it is said: the first number in words loads the rules of all languages, some 7 MB.
  const ofItsSize = (): string =>
    `for an image classifier of ${count(needs.parameters)} weights on ${count(batch * area)} pixels`;
  if (needs.valueBytes > mostBytes) {
    const expected = `at most ${sizeInWords(mostBytes)} ${ofItsSize()}`;
    return refuse("the model's values take far more memory than usual", expected, sizeInWords(needs.valueBytes));
  }
  const mostOperations = Math.min(mostWork, smallWork + usesPerPixel * needs.parameters * pixels);
  if (needs.operations > mostOperations) {
    const expected = `at most ${workInWords(mostOperations)} ${ofItsSize()}`;
    return refuse("the model takes far more work than usual", expected, workInWords(needs.operations));
  }
  const widest = typed.graph.nodes.reduce<Node | undefined>(
    (found, node) => (node.inputs.length > Math.max(mostInputs, found?.inputs.length ?? 0) ? node : found),
    undefined,
  );
  if (widest !== undefined) {
    const got = `${widest.inputs.length} for ${describeNode(widest)}`;
    return refuse("one node reads far more values than usual", `at most ${mostInputs}`, got);
  }
  const { nodes } = typed.graph;
  if (nodes.length > mostNodes) {
    return refuse("the network has far more nodes than usual", `at most ${count(mostNodes)}`, count(nodes.length));
  }
  const reads = nodes.reduce((sum, { inputs }) => sum + inputs.length, 0);
  const mostReads = mostInputs + mostInputsPerNode * nodes.length;
  if (reads <= mostReads) return needs;
  const expected = `at most ${count(mostReads)} for ${count(nodes.length)} nodes`;
  return refuse("the nodes read far more values than usual", expected, count(reads));
}

/** "about 0.3 GB and 0.8 G operations per picture". */
export function describeNeeds({ weightBytes, peakBytes, operations }: ResourceNeeds): string {
  return `about ${sizeInWords(weightBytes + peakBytes)} and ${workInWords(operations)} per picture`;
}

/** "4.3 GB", "25 kB". */
function sizeInWords(bytes: number): string {
  return `${withPrefix(bytes)}B`;
}

/** "0.8 G operations", "310 operations". */
function workInWords(operations: number): string {
  return `${withPrefix(operations).trimEnd()} operations`;
}

const prefixes = [
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
] as const;

/** Two digits that count, or all before the point, and the prefix of the largest unit of which there is a tenth: "0.8 G", "4,300 G", "12 ". */
function withPrefix(value: number): string {
  const [prefix, unit] = prefixes.find(([, size]) => value >= 0.1 * size) ?? ["", 1];
  const amount = value / unit;
  const text = amount >= 9.95 ? Math.round(amount).toLocaleString("en-US") : String(Number(amount.toPrecision(2)));
  return `${text} ${prefix}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
