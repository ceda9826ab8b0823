/**
 * @file What the end of a network gives out, whatever enters it.
 *
 * Whether numbers are probabilities cannot always be read off a graph. But what comes after the last layer with weights is small: it is
 * computed here for random values of that layer, and what holds for all of them holds for pictures.
 */
import { PerceptualBallError } from "../../../errors.ts";
import { evaluate } from "../../../onnx/evaluate.ts";
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import { type Graph, initializerOf, type Node, producersOf } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { normal } from "../../../random/distributions.ts";
import { createRandom } from "../../../random/random.ts";
import { sizeOf, tensorOf } from "../../../tensor/tensor.ts";
import { rangeOf } from "../../../tensor/vector.ts";
import { isGiven } from "./given-values.ts";
import { isQuantization, scalesIntegers } from "./quantization.ts";
import { classAxisOf } from "./score-axis.ts";

/**
 * `decisions`: nothing but 0 and 1; `distribution`: not negative, and the same sum over the classes, `most`, always (but where all of them
 * are 0); `log-distribution`: the exponentials are so; `negated-log-distribution`: those of the numbers with the other sign are; `unit`: from 0 to `most` (1, 100 or 255) each by itself; `normalized`: vectors of one
 * length, `most`; `constant`: always the same; `positive`: never negative, and larger than 1; `bounded`: from −1 to 1 each; `free`: none of these.
 */
export interface TailValues {
  readonly kind:
    | "decisions"
    | "distribution"
    | "log-distribution"
    | "negated-log-distribution"
    | "unit"
    | "normalized"
    | "constant"
    | "positive"
    | "bounded"
    | "free";
  readonly most: number;
}

/**
 * Whether a node only adds, weighs by constants, arranges and rounds: its results are as free as what enters. What integers can hold is the range that somebody has
 * measured, and says nothing of what the numbers mean.
 */
function isLinear(node: Node, isKnown: (value: string) => boolean): boolean {
  if (hasTrait(node, "view") || hasTrait(node, "moves") || hasTrait(node, "globalPool")) return true;
  return isQuantization(node) || (hasTrait(node, "affine") && node.inputs.some(isKnown));
}

/** A mean of an ensemble, or an expected value, has no more weights than this. */
const mostShares = 2 ** 12;

/**
 * Whether a node with constant weights only weighs probabilities, as the mean of an ensemble or the expected value of bins of ages: its
 * weights are not negative, as those of no layer that was trained, and what enters it lies from 0 to 1.
 */
function mixesShares(typed: TypedGraph, { inputs }: Node): boolean {
  const known = inputs.map((name) => typed.constants.get(name));
  const data = inputs.filter((_, index) => known[index] === undefined);
  const weights = known.filter((one) => one !== undefined);
  const isMixing = weights.every(
    (one) => one.data.length <= mostShares && Array.from(one.data).every((value) => value >= 0),
  );
  const [source, ...others] = data;
  if (!isMixing || source === undefined || others.length > 0 || isGiven(typed, source)) return false;
  // Of one mixture, not of a mixture of mixtures: a chain of layers must not be walked from each of its ends.
  const kind = valuesBehind(typed, source, () => false)?.kind;
  return kind === "distribution" || kind === "unit";
}

/** More values than this are not drawn, nor computed. */
const mostValues = 2 ** 20;

/** What `name` [N, K] (or [N], [N, 1]) is for random values of the last layers; undefined where that would take long. */
export function tailValues(typed: TypedGraph, name: string): TailValues | undefined {
  return valuesBehind(typed, name, (node) => mixesShares(typed, node));
}

function valuesBehind(
  typed: TypedGraph,
  name: string,
  /** Whether the tail goes on behind a layer with weights. */
  goesThrough: (layer: Node) => boolean,
): TailValues | undefined {
  const { graph, types, constants } = typed;
  const producers = producersOf(graph);
  const starts = new Set<string>();
  const nodes = new Set<Node>();
  const isKnown = (value: string): boolean => isGiven(typed, value);
  const hasWeights = (node: Node): boolean => hasTrait(node, "weighted") && node.inputs.some(isKnown);
  const ways = { isLayer: hasWeights, isGiven: isKnown };
  /** What is still to be looked at, the next one last: the order is that of going down each input before the next. */
  const waiting = [name];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (value === "" || constants.has(value) || graph.initializers.has(value) || starts.has(value)) continue;
    const node = producers.get(value);
    const isLayer = node !== undefined && (hasWeights(node) || scalesIntegers(typed, producers, node, ways));
    if (node === undefined || (isLayer && !goesThrough(node))) {
      starts.add(value);
      continue;
    }
    if (nodes.has(node)) continue;
    nodes.add(node);
    for (const input of node.inputs.toReversed()) waiting.push(input);
  }
  if (nodes.size === 0) return { kind: "free", most: Number.POSITIVE_INFINITY };
  const tail = graph.nodes.filter((node) => nodes.has(node));
  if (tail.every((node) => node.outputs.every(isKnown) || isLinear(node, isKnown)))
    return { kind: "free", most: Number.POSITIVE_INFINITY };
  const sizes = [...starts, ...tail.flatMap(({ outputs }) => outputs)].map((value) =>
    sizeOf(types.get(value)?.shape ?? []),
  );
  if (sizes.reduce((sum, size) => sum + size, 0) > mostValues) return undefined;
  const part = { name, tail, starts };
  const values = drawn(typed, part, scales);
  return values && describe(values, countOf(typed, name), () => drawn(typed, part, largeScales) ?? []);
}

function countOf(typed: TypedGraph, name: string): number {
  const shape = typed.types.get(name)?.shape ?? [];
  const axis = classAxisOf(typed, name) ?? (shape.length < 2 ? undefined : 1);
  return axis === undefined ? 1 : (shape[axis] ?? 1);
}

/** Scales of the random values: small ones tell functions apart, large ones show limits. */
const scales = [0.3, 1, 2, 10, 30];
/** So many of them are usual for scores. */
const usual = 3;
/** Scales at which functions with a limit of a hundred have reached it, and those without one exceed it. */
const largeScales = [60, 100];
/** Each scale has draws of its own. */
const seeds = [...scales, ...largeScales];

/** The values of `name` for draws at each of some scales, one list for each; undefined if they cannot be computed. */
function drawn(
  { graph, types, constants }: TypedGraph,
  {
    name,
    tail,
    starts,
  }: { readonly name: string; readonly tail: readonly Node[]; readonly starts: ReadonlySet<string> },
  from: readonly number[],
): readonly (readonly number[])[] | undefined {
  const read = new Set(tail.flatMap(({ inputs }) => inputs));
  const produced = new Set(tail.flatMap(({ outputs }) => outputs));
  // Constants stay constants: axes and shapes must be known before anything is computed.
  const known = [...constants].filter(([value]) => read.has(value) && !produced.has(value));
  const inputs = [...starts].map((value) => ({
    name: value,
    dtype: types.get(value)?.dtype,
    shape: types.get(value)?.shape,
  }));
  const part: Graph = {
    ...graph,
    inputs,
    outputs: [{ name, dtype: undefined, shape: undefined }],
    nodes: tail,
    initializers: new Map([
      ...[...graph.initializers].filter(([value]) => read.has(value)),
      ...known.map(([value, { dtype, data, shape }]) => [value, initializerOf(tensorOf(dtype, data, shape))] as const),
    ]),
    valueInfo: new Map(),
  };
  try {
    return from.map((scale) => {
      const random = createRandom(5, seeds.indexOf(scale));
      // All values of a layer moved together: a softmax does not notice, separate functions do.
      const shift = normal(random, 0, scale);
      const feeds = inputs.map(({ name: value, dtype = "float32", shape = [] }) => {
        const extents = shape.map((extent) => (typeof extent === "number" ? extent : 1));
        const data = Float64Array.from({ length: sizeOf(extents) }, () => shift + normal(random, 0, scale));
        return [value, { dtype, shape: extents, data }] as const;
      });
      const { [name]: result } = evaluate(part, Object.fromEntries(feeds), [name]);
      return Array.from(result.data);
    });
  } catch (error) {
    // What cannot be computed alone is not judged.
    if (error instanceof PerceptualBallError) return undefined;
    throw error;
  }
}

/** What shares may be given out as parts of: one, per cent, what a byte holds, per mille, what two bytes hold. */
const wholes = [1, 100, 255, 256, 1000, 32767, 65535];

/** Limits hold but for the rounding of a scale: 255 steps of 1/255 in float32 are a little more than 1. */
const nearlyNothing = 1e-6;

function describe(
  draws: readonly (readonly number[])[],
  count: number,
  /** More draws, at large scales. */
  atLargeScales: () => readonly (readonly number[])[],
): TailValues {
  const all = draws.flat();
  const [least, most] = rangeOf(all);
  if (!all.every(Number.isFinite)) return { kind: "free", most: Number.POSITIVE_INFINITY };
  // Constants against a division by 0 count where all numbers are tiny: sums are compared for values of usual size.
  const rows = draws
    .slice(0, usual)
    .flatMap((draw) =>
      Array.from({ length: Math.floor(draw.length / count) }, (_, row) => draw.slice(row * count, (row + 1) * count)),
    );
  const sums = (of: (value: number) => number): number[] =>
    rows.map((row) => row.reduce((sum, value) => sum + of(value), 0));
  const agree = (values: readonly number[], share: number): boolean => {
    const [lowest, highest] = rangeOf(values);
    return highest - lowest <= share * Math.abs(highest);
  };
  if (most - least <= 1e-9 * Math.max(1, Math.abs(most))) return { kind: "constant", most };
  if (all.every((value) => value === 0 || value === 1)) return { kind: "decisions", most: 1 };
  if (count > 1) {
    const plain = sums((value) => value);
    // Limits and constants against a division by 0 move sums a little; large constants must not look like probabilities. Shares of what
    // a ReLU let pass are all 0 where it let nothing pass.
    const shares = plain.filter((sum) => sum !== 0);
    const isWhole = wholes.some((whole) => shares.every((sum) => Math.abs(sum - whole) <= 0.05 * whole));
    if (least >= 0 && 2 * shares.length >= plain.length && (isWhole || agree(plain, 1e-5)))
      return { kind: "distribution", most: rangeOf(plain)[1] };
    // Differences of neighbouring sigmoids, as of ordered classes: of scores that nothing has sorted some are negative, and they add up to 1 all the same.
    const isBounded = least >= -1 - 1e-9 && most <= 1 + 1e-9;
    if (isBounded && plain.every((sum) => Math.abs(sum - 1) < 1e-5)) return { kind: "distribution", most: 1 };
    const exponentials = sums(Math.exp);
    if (most <= 1e-6 && exponentials.every((sum) => Math.abs(sum - 1) < 0.05))
      return { kind: "log-distribution", most: 0 };
    const negated = sums((value) => Math.exp(-value));
    if (least >= -1e-6 && negated.every((sum) => Math.abs(sum - 1) < 0.05))
      return { kind: "negated-log-distribution", most };
    const squares = sums((value) => value * value);
    if (agree(squares, 1e-5)) return { kind: "normalized", most: Math.sqrt(rangeOf(squares)[1]) };
  }
  if (least >= 0 && most <= 1 + nearlyNothing) return { kind: "unit", most: 1 };
  if (least >= 0 && most > 50 && most <= 100 + 1e-6 && isPerCent([...all, ...atLargeScales().flat()]))
    return { kind: "unit", most: 100 };
  if (count > 1 && least >= 0 && most === 255 && all.every(Number.isInteger)) return { kind: "unit", most: 255 };
  if (least >= -1 - nearlyNothing && most <= 1 + nearlyNothing) return { kind: "bounded", most };
  return { kind: least >= 0 ? "positive" : "free", most };
}

/**
 * Whether numbers that are not negative are per cent: they come close to a hundred, as sigmoids of large values do, and do not exceed it. The
 * largest of a few draws of numbers without a limit, such as distances, lies a little below it by chance.
 */
function isPerCent(values: readonly number[]): boolean {
  // A quotient of exponentials is no number where both are too large.
  const [, most] = rangeOf(values.filter(Number.isFinite));
  return most >= 99 && most <= 100 + 1e-6;
}
