/** @file How the first layer reads the picture: for inputs that leave their axes open, or lay all pixels in one row. */
import { attributesOf } from "../../onnx/attributes.ts";
import { type Graph, type Node, tensorOfInitializer, usesOf } from "../../onnx/model.ts";
import { numeric } from "../../onnx/numeric-tensor.ts";
import { hasTrait } from "../../onnx/operators/table.ts";

/** Where a picture's channels are, and how many. */
export interface ReadPicture {
  readonly layout: "nchw" | "nhwc";
  readonly channels: number;
}

/** Longer ways from the input to the first layer are no preprocessing. */
const mostSteps = 32;

/**
 * What the first convolution behind `input` reads, where only arithmetic with constants and one change of axes to channels first come between; undefined where something else does, or no
 * convolution comes.
 */
export function firstConvolution(graph: Graph, input: string): ReadPicture | undefined {
  let isTransposed = false;
  for (const { node, value } of onlyReaders(graph, input)) {
    if (node.opType === "Conv") {
      const channels = channelsOf(node, graph);
      return channels === undefined ? undefined : { layout: isTransposed ? "nhwc" : "nchw", channels };
    }
    if (node.opType === "Transpose") {
      if (isTransposed || attributesOf(node).ints("perm", []).join() !== "0,3,1,2") return undefined;
      isTransposed = true;
    } else if (!isArithmetic(node, value, graph)) return undefined;
  }
  return undefined;
}

/**
 * The picture's extents [C, H, W] or [H, W, C], or [H, W] of a gray one, in which a Reshape lays out the `count` numbers that `input` has for each picture; undefined
 * where something other than arithmetic with constants comes before it.
 */
export function reshapedPicture(graph: Graph, input: string, count: number): readonly number[] | undefined {
  for (const { node, value } of onlyReaders(graph, input)) {
    if (node.opType === "Reshape") {
      const shape = graph.initializers.get(node.inputs[1]);
      if (shape === undefined) return undefined;
      const [, ...extents] = numeric(tensorOfInitializer(shape, node.inputs[1])).data;
      const rest = extents.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
      const known = extents.map((extent) => (extent === -1 ? count / rest : extent));
      return known.reduce((product, extent) => product * extent, 1) === count ? known : undefined;
    }
    if (!isArithmetic(node, value, graph)) return undefined;
  }
  return undefined;
}

/** The nodes behind `input`, one after the other, each with the value of which it is the only reader. */
function* onlyReaders(graph: Graph, input: string): Generator<{ readonly node: Node; readonly value: string }> {
  const uses = usesOf(graph);
  let value = input;
  for (let step = 0; step < mostSteps; step++) {
    const [node, ...others] = uses.get(value) ?? [];
    if (node === undefined || others.length > 0) return;
    yield { node, value };
    [value] = node.outputs;
  }
}

/** Whether `node` makes each element of its output of one element of `value`. */
function isArithmetic(node: Node, value: string, graph: Graph): boolean {
  if (node.opType === "Cast" || node.opType === "Identity" || node.opType === "BatchNormalization") return true;
  const rest = node.inputs.filter((name) => name !== value && name !== "");
  const isOfConstants = rest.every((name) => graph.initializers.has(name));
  return isOfConstants && (hasTrait(node, "affine") || hasTrait(node, "elementwise"));
}

/** The channels that a convolution's weights [M, C / group, …] are for. */
function channelsOf(node: Node, { initializers }: Graph): number | undefined {
  const extent = initializers.get(node.inputs[1])?.shape[1];
  return extent === undefined ? undefined : extent * attributesOf(node).int("group", 1);
}
