/**
 * @file Element-wise work between convolutions, written such that onnxruntime's CPU provider keeps its fast layout.
 *
 * On x86 processors onnxruntime runs convolutions and pools on tensors whose channels are stored in blocks of 8 or 16, and a
 * few element-wise operators too: Add, Mul, Relu, Sigmoid, Tanh and HardSigmoid. Any other takes its operands out of that
 * layout and its result back in, and Where, Cast, Pad and Slice run on one thread only. A gradient graph is full of these: the
 * masks of ReLUs and max pools, the padding and cropping around strides. Here they become
 *
 * - [x > c]: a HardSigmoid so steep that it is a step;
 * - [a < b]: the same of a − b, falling;
 * - a − b: a plus a depthwise 1 × 1 convolution of b by −1, which onnxruntime fuses into one operator;
 * - 1 − s, where s is a Sigmoid or HardSigmoid and thus in [0, 1]: the HardSigmoid of s with the slope −1;
 * - a product with one number: a depthwise 1 × 1 convolution by it;
 * - zeros added or elements removed around height and width: a depthwise convolution by a single 1;
 * - elements removed elsewhere, where they are few: a Split, which runs on all threads.
 *
 * What a Pad filled with −∞, as before a max pool, is left alone, and so is what is made of it up to the next
 * convolution: 0 · ∞ and ∞ − ∞ are NaN.
 *
 * The values are the same but in two cases. A mask multiplies where it was chosen, so a cotangent that is infinite or NaN
 * gives NaN where it gave 0. And a step is a step for differences of at least 2⁻¹²⁷, below the least normal float32.
 */

import { checkForm } from "../../errors.ts";
import { type AttributeValue, attributesFrom, attributesOf, float } from "../../onnx/attributes.ts";
import { GraphBuilder, type Value } from "../../onnx/builder.ts";
import { freshNames } from "../../onnx/fresh-names.ts";
import type { TypedGraph } from "../../onnx/infer-shapes.ts";
import { type Graph, initializerOf, type Node, producersOf, usesOf } from "../../onnx/model.ts";
import { sliceRanges } from "../../onnx/operators/arithmetic/slice-bounds.ts";
import { hasTrait, type Operator } from "../../onnx/operators/table.ts";
import { filterMap, neededFor } from "../../onnx/rewrites/extract-subgraph.ts";
import { sameShape } from "../../tensor/shape.ts";
import { type Shape, tensorOf } from "../../tensor/tensor.ts";
import { channelAlignment, staysInBlocks } from "./blocked-values.ts";

/** A product with it is exact, or infinite. */
const steepest = 2 ** 127;
/** The slope around bounds other than 0, where nothing may overflow. */
const steep = 2 ** 64;
/** A depthwise convolution with more taps than this costs more than it saves. */
const mostTaps = 4;

/** An operator with its inputs, to take a node's place. */
interface Replacement {
  readonly opType: string;
  readonly inputs: readonly Value[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** From this version of the standard operators on, Split takes its lengths as an input. */
const splitByInput = 13;

/** `graph` in the form that onnxruntime's CPU provider runs fastest, with the same inputs and outputs; its operators are of the standard's version `opset`. */
export function blockedLayout(typedGraph: TypedGraph, opset = splitByInput): Graph {
  checkForm("blockedLayout: typedGraph", typedGraph, ["graph", "types", "constants"]);
  const { graph, types, constants } = typedGraph;
  const g = GraphBuilder.from({ graph: { ...graph, nodes: [] }, types, constants });
  const producers = producersOf(graph);
  const readers = usesOf(graph);
  const isWanted = wantedInBlocks(graph, readers);
  const constant = new Set(graph.initializers.keys());
  const blocked = new Set<string>();
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const context = {
    type: (name: string) => g.value(name),
    isConstant: (name: string) => constant.has(name),
    isBlocked: (name: string) => blocked.has(name),
  };
  const note = (node: Node): void => {
    if (node.inputs.every((name) => name === "" || constant.has(name)))
      for (const name of node.outputs) constant.add(name);
    else if (staysInBlocks(node, context)) blocked.add(node.outputs[0]);
  };
  const op = ({ opType, inputs, attributes }: Replacement): Value => {
    const before = g.nodes.length;
    // In a scope of their own: they must not be called like nodes that are still to come.
    const value = g.scope("blocked", () => g.op(opType, inputs, attributes));
    for (const node of g.nodes.slice(before)) note(node);
    return value;
  };
  const number = (name: string | undefined): number | undefined => {
    const tensor = name === undefined ? undefined : constants.get(name);
    return tensor?.data.length === 1 ? tensor.data[0] : undefined;
  };

  /** Of each channel of `x`, the convolution by one kernel. Equal weights are not shared: equal nodes would be merged, and not fused. */
  const depthwise = (x: Value, kernel: Shape, taps: readonly number[], pads?: readonly number[]): Replacement => {
    const group = x.shape[1];
    const weights = Array.from({ length: group }, () => taps).flat();
    const tensor = tensorOf("float32", weights, [group, 1, ...kernel]);
    const weight = g.addInitializer("depthwise", initializerOf(tensor));
    constant.add(weight.name);
    return { opType: "Conv", inputs: [x, weight], attributes: { kernel_shape: kernel, pads, group } };
  };
  const minus = (x: Value): Value => op(depthwise(x, [1, 1], [-1]));

  /** Where(x > c, value, 0) and Where(x < c, value, 0), and Where(x > 0, 1, α) with α in [0, 1]. */
  const chosen = ([condition, yes, no]: readonly string[]): Replacement | undefined => {
    const comparison = producers.get(condition);
    if (comparison?.opType !== "Greater" && comparison?.opType !== "Less") return undefined;
    const [x, bound, rest] = [g.value(comparison.inputs[0]), number(comparison.inputs[1]), number(no)];
    if (bound === undefined || rest === undefined || !blocked.has(x.name)) return undefined;
    const isGreater = comparison.opType === "Greater";
    const slope = (bound === 0 ? steepest : steep) * (isGreater ? 1 : -1);
    if (rest === 0 && sameShape(g.value(yes).shape, x.shape) && isOrdinary(bound)) {
      // An output leaves the layout anyway. Where the cotangent is not in it either, the mask is made out there, and need not leave it, too.
      const seen =
        outputs.has(x.name) && !blocked.has(yes) ? op({ opType: "Reshape", inputs: [x, g.ints(x.shape)] }) : x;
      return { opType: "Mul", inputs: [g.value(yes), op(step(seen, slope, -slope * bound))] };
    }
    if (isGreater && bound === 0 && number(yes) === 1 && rest >= 0 && rest <= 1) {
      return step(op({ opType: "Relu", inputs: [x] }), slope, rest);
    }
    return undefined;
  };

  /** a + b of one shape where only one is in blocks and the sum is wanted there: the other is moved in. */
  const joined = (node: Node): Replacement | undefined => {
    const [a, b] = node.inputs.map((name) => g.value(name));
    const [inside, outside] = blocked.has(a.name) ? [a, b] : [b, a];
    if (!blocked.has(inside.name) || blocked.has(outside.name) || !isWanted(node.outputs[0])) return undefined;
    const isAligned = outside.shape.length === 4 && outside.shape[1] % channelAlignment === 0;
    if (!isAligned || !sameShape(a.shape, b.shape)) return undefined;
    return { opType: "Add", inputs: [op(depthwise(outside, [1, 1], [1])), inside] };
  };

  /** A product with one number, wanted in blocks. */
  const scaled = ({ inputs, outputs: [output] }: Node): Replacement | undefined => {
    const [a, b] = inputs.map(number);
    const [x, factor] = a === undefined ? [inputs[0], b] : [inputs[1], a];
    const isScaled = factor !== undefined && blocked.has(x) && isWanted(output);
    if (!isScaled || g.value(x).shape[1] % channelAlignment !== 0) return undefined;
    return depthwise(g.value(x), [1, 1], [factor]);
  };

  /** 1 − s of a gate. */
  const oneMinus = ([one, gate]: readonly string[]): Replacement | undefined => {
    const maker = producers.get(gate);
    const isGate = maker !== undefined && hasTrait(maker, "gate");
    return isGate && blocked.has(gate) && number(one) === 1 ? step(g.value(gate), -1, 1) : undefined;
  };

  /** Values with elements that a Pad filled with −∞. */
  const boundless = new Set<string>();
  const noteBoundless = (node: Node): void => {
    const filling = node.opType === "Pad" ? constants.get(node.inputs[2] ?? "")?.data[0] : undefined;
    const isFilled = filling !== undefined && !Number.isFinite(filling);
    // A pool has no finite element to choose where its whole window is padding, as in parts of its own gradient.
    const passes = hasTrait(node, "moves") || hasTrait(node, "elementwise") || node.opType === "MaxPool";
    if (isFilled || (passes && node.inputs.some((name) => boundless.has(name)))) {
      for (const name of node.outputs) boundless.add(name);
    }
  };

  const replacementOf = (node: Node): Replacement | undefined => {
    // Of a Cast or Where, also what was compared.
    const read = node.inputs.flatMap((name) => [name, ...(producers.get(name)?.inputs ?? [])]);
    if (read.some((name) => boundless.has(name))) return undefined;
    if (node.domain !== "" || types.get(node.outputs[0])?.dtype !== "float32") return undefined;
    if (node.opType === "Where") return chosen(node.inputs);
    if (node.opType === "Mul") return scaled(node);
    if (node.opType === "Add") return joined(node);
    if (node.opType === "Sub" || node.opType === "Cast") {
      const mirrored = node.opType === "Sub" ? oneMinus(node.inputs) : undefined;
      if (mirrored !== undefined) return mirrored;
      const source = node.opType === "Sub" ? node : producers.get(node.inputs[0]);
      if (source === undefined || (node.opType === "Cast" && source.opType !== "Less")) return undefined;
      const [a, b] = source.inputs.map((name) => g.value(name));
      if (!blocked.has(a.name) || !blocked.has(b.name) || !sameShape(a.shape, b.shape)) return undefined;
      const difference: Replacement = { opType: "Add", inputs: [minus(b), a] };
      return node.opType === "Sub" ? difference : step(op(difference), -steepest, 0);
    }
    const margins =
      node.opType === "Pad" || node.opType === "Slice" ? marginsOf(node, { graph, types, constants }) : undefined;
    const x = g.value(node.inputs[0]);
    if (margins === undefined || !(blocked.has(x.name) || isWanted(node.outputs[0]))) return undefined;
    const { begin, end } = margins;
    // Such padding the runtime takes into the convolutions themselves.
    const isPadding = [...begin, ...end].every((count) => count >= 0);
    if (isPadding && readers.get(node.outputs[0])?.every(({ opType }) => opType === "Conv")) return undefined;
    const removed = begin.map((count) => Math.max(0, -count));
    const kernel = end.map((count, axis) => 1 + removed[axis] + Math.max(0, -count));
    const size = kernel[0] * kernel[1];
    if (size > mostTaps || x.shape[1] % channelAlignment !== 0) return undefined;
    const taps = new Array<number>(size).fill(0).with(removed[0] * kernel[1] + removed[1], 1);
    return depthwise(
      x,
      kernel,
      taps,
      [...begin, ...end].map((count) => Math.max(0, count)),
    );
  };

  const fresh = freshNames(graph);
  /** A Slice that cuts off little along one axis: Split copies on all threads, Slice on one. */
  const asSplit = (node: Node): Node | undefined => {
    if (
      opset < splitByInput ||
      node.opType !== "Slice" ||
      node.domain !== "" ||
      types.get(node.inputs[0])?.dtype !== "float32"
    )
      return undefined;
    const cut = cutOf(node, { graph, types, constants });
    if (cut === undefined) return undefined;
    const { axis, lengths, kept } = cut;
    return {
      ...node,
      opType: "Split",
      inputs: [node.inputs[0], g.ints(lengths).name],
      outputs: lengths.map((_, n) => (n === kept ? node.outputs[0] : fresh(`${node.outputs[0]}/cut`))),
      attributes: attributesFrom({ axis }),
    };
  };

  for (const node of graph.nodes) {
    const replacement = replacementOf(node);
    const next: Node =
      replacement === undefined
        ? (asSplit(node) ?? node)
        : {
            ...node,
            opType: replacement.opType,
            inputs: replacement.inputs.map(({ name }) => name),
            attributes: attributesFrom(replacement.attributes ?? {}),
          };
    g.append(next);
    note(next);
    noteBoundless(node);
  }
  const { nodes, initializers } = g.toGraph();
  const whole: Graph = { ...graph, nodes, initializers };
  const needed = neededFor(
    whole,
    graph.outputs.map(({ name }) => name),
  );
  return { ...whole, nodes: needed.nodes, initializers: filterMap(initializers, (name) => needed.values.has(name)) };
}

/** Which values all readers take in blocks: convolutions and pools, directly or through operators that pass them on. */
function wantedInBlocks(graph: Graph, readers: ReturnType<typeof usesOf>): (name: string) => boolean {
  const unwanted = new Set(graph.outputs.map(({ name }) => name));
  const takes = (node: Node, name: string): boolean => {
    switch (node.opType as Operator) {
      case "Conv":
        return node.inputs[0] === name;
      case "MaxPool":
      case "AveragePool":
        return true;
      // They pass blocks on, the first three as they are, the others as they are rewritten above.
      case "Add":
      case "Mul":
      case "Relu":
      case "Sub":
      case "Where":
      case "Pad":
      case "Slice":
        return !unwanted.has(node.outputs[0]);
      default:
        return false;
    }
  };
  for (const { outputs } of graph.nodes.toReversed()) {
    for (const name of outputs) {
      const users = readers.get(name) ?? [];
      if (users.length === 0 || !users.every((user) => takes(user, name))) unwanted.add(name);
    }
  }
  return (name) => !unwanted.has(name);
}

/** min(max(slope · x + offset, 0), 1) */
function step(x: Value, slope: number, offset: number): Replacement {
  return { opType: "HardSigmoid", inputs: [x], attributes: { alpha: float(slope), beta: float(offset) } };
}

/** Whether around `bound` neighboring numbers differ by more than 1 / {@link steep}, and nothing overflows. */
function isOrdinary(bound: number): boolean {
  return bound === 0 || (Math.abs(bound) > 2 ** -32 && Math.abs(bound) < 2 ** 32);
}

/** A tensor cut along one axis. */
interface Cut {
  readonly axis: number;
  readonly lengths: readonly number[];
  /** Which of the parts is wanted. */
  readonly kept: number;
}

/** The inputs behind the first, which are bounds of a Pad or Slice; undefined unless all of them are constant. */
function boundsOf(node: Node, { constants }: TypedGraph): (number[] | undefined)[] | undefined {
  const names = node.inputs.slice(1);
  const values = names.map((name) => constants.get(name)?.data);
  if (names.some((name, i) => name !== "" && values[i] === undefined)) return undefined;
  return values.map((data) => data && Array.from(data));
}

/** What a Slice takes along each axis; undefined where its bounds are not constant. */
function rangesOf(node: Node, shape: Shape, typed: TypedGraph): ReturnType<typeof sliceRanges> | undefined {
  const [starts, ends, axes, steps] = boundsOf(node, typed) ?? [];
  if (starts === undefined || ends === undefined) return undefined;
  return sliceRanges(node.name, shape, { starts, ends, axes, steps });
}

/** What a Slice does that keeps at least three quarters of a tensor, all of it along all axes but one; undefined of any other. */
function cutOf(node: Node, typed: TypedGraph): Cut | undefined {
  const shape = typed.types.get(node.inputs[0])?.shape ?? [];
  const ranges = rangesOf(node, shape, typed);
  if (ranges === undefined) return undefined;
  const cuts = ranges.flatMap(({ start, step, count }, axis) =>
    step === 1 && start === 0 && count === shape[axis] ? [] : [axis],
  );
  const [axis] = cuts;
  if (cuts.length !== 1) return undefined;
  const { start, step, count } = ranges[axis];
  if (step !== 1 || 4 * count < 3 * shape[axis]) return undefined;
  const parts = [start, count, shape[axis] - start - count];
  return { axis, lengths: parts.filter((length) => length > 0), kept: start > 0 ? 1 : 0 };
}

interface Margins {
  /** Of height and width: how many zeros are added before, or, negative, elements removed. */
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

/** What a Pad with zeros or a Slice does around height and width of an image tensor; undefined if it does anything else. */
function marginsOf(node: Node, typed: TypedGraph): Margins | undefined {
  const shape = typed.types.get(node.inputs[0])?.shape ?? [];
  if (shape.length !== 4) return undefined;
  if (node.opType === "Pad") {
    const [pads, filling, axes] = boundsOf(node, typed) ?? [];
    const isZero = attributesOf(node).string("mode", "constant") === "constant" && (filling?.[0] ?? 0) === 0;
    if (pads === undefined || axes !== undefined || !isZero) return undefined;
    return [0, 1, 4, 5].every((i) => pads[i] === 0) ? { begin: pads.slice(2, 4), end: pads.slice(6) } : undefined;
  }
  const ranges = rangesOf(node, shape, typed);
  if (ranges === undefined) return undefined;
  const isCrop = ranges.every(
    ({ start, step, count }, axis) => step === 1 && count > 0 && (axis > 1 || (start === 0 && count === shape[axis])),
  );
  if (!isCrop) return undefined;
  const spatial = ranges.slice(2);
  return {
    begin: spatial.map(({ start }) => -start),
    end: spatial.map(({ start, count }, i) => start + count - shape[i + 2]),
  };
}
