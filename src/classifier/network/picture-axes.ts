/**
 * @file Inputs that take a picture without an axis for pictures or for channels: [3, H, W], [H, W, 3], [N, H, W], [H, W], or its pixels in
 * one row. They become [N, C, H, W] or [N, H, W, C], with a node behind them that takes the axes away again. Inputs without a declared shape get
 * the four open axes that a convolution reads.
 */
import { MisuseError } from "../../errors.ts";
import { attributesFrom } from "../../onnx/attributes.ts";
import { valuesReadBy } from "../../onnx/captures.ts";
import { freshNames } from "../../onnx/fresh-names.ts";
import { mapGraphs, renameOuterValues } from "../../onnx/inner-graphs.ts";
import {
  type Attributes,
  type Dimension,
  describeValueInfo,
  type Graph,
  initializerOf,
  type Node,
  type ValueInfo,
} from "../../onnx/model.ts";
import { intTensor } from "../../tensor/tensor.ts";
import { firstConvolution, reshapedPicture } from "./first-convolution.ts";
import type { FindImageInputOptions } from "./image-input.ts";

export interface PicturedGraph {
  readonly graph: Graph;
  /** What was added, a phrase each. */
  readonly notes: readonly string[];
}

/** A shape with the axes that pictures have, and what leads back from it. */
interface Pictured {
  readonly shape: readonly Dimension[];
  readonly back: { readonly opType: "Squeeze" | "Reshape"; readonly numbers: readonly number[] };
  readonly what: string;
}

const isColors = (extent: Dimension): boolean => extent === 3 || extent === 4;
/** Whether an extent can be a side of a picture: open, or larger than what counts channels. */
const isSide = (extent: Dimension): boolean => typeof extent !== "number" || extent <= 0 || extent > 4;
const isOpen = (extent: Dimension): boolean => typeof extent !== "number" || extent <= 0;

/** Nothing else has so many numbers: the pixels of MNIST's digits and of what has taken their form. */
const pixelsOfDigits = 784;

/** `graph` whose input is a picture in four axes, if it is one in fewer; as it is otherwise. Throws a MisuseError for a size that does not fit. */
export function withPictureAxes(graph: Graph, options: FindImageInputOptions): PicturedGraph {
  const read = new Set(graph.nodes.flatMap((node) => [...valuesReadBy(node)]));
  if (graph.inputs.some(({ shape }) => shape?.length === 4)) return { graph, notes: [] };
  const undeclared = graph.inputs.filter(({ shape, name }) => shape === undefined && read.has(name));
  if (undeclared.length > 0) return withOpenAxes(graph, undeclared, options);
  const [input, ...others] = graph.inputs.flatMap((one) => {
    const pictured = read.has(one.name) ? picturedShape(graph, one, options) : undefined;
    return pictured === undefined ? [] : [{ one, pictured }];
  });
  if (input === undefined || others.length > 0) return { graph, notes: [] };
  const { one, pictured } = input;
  const fresh = freshNames(graph);
  const inner = fresh(`${one.name}_as_declared`);
  const numbers = fresh(`${inner}_axes`);
  const { opType, numbers: values } = pictured.back;
  const now = (name: string): string => (name === one.name ? inner : name);
  const node: Node = {
    opType,
    domain: "",
    name: fresh(`${inner}_node`),
    inputs: [one.name, numbers],
    outputs: [inner],
    attributes: attributesFrom({}),
  };
  const renamed = renameOuterValues({ ...graph, inputs: [] }, now, renameInner);
  return {
    graph: {
      ...renamed,
      inputs: graph.inputs.map((info) =>
        info === one ? { ...info, shape: pictured.shape, axisDenotations: undefined } : info,
      ),
      nodes: [node, ...renamed.nodes],
      initializers: new Map([...graph.initializers, [numbers, initializerOf(intTensor([...values]))]]),
    },
    notes: [`input ${describeValueInfo(one)} is ${pictured.what}`],
  };
}

/** `graph` whose only input of unknown shape has four open axes, if a convolution reads it or a layout is given. */
function withOpenAxes(
  graph: Graph,
  [input, ...others]: readonly ValueInfo[],
  { layout }: FindImageInputOptions,
): PicturedGraph {
  const isPicture = others.length === 0 && (layout !== undefined || firstConvolution(graph, input.name) !== undefined);
  if (!isPicture) return { graph, notes: [] };
  const shape = [undefined, undefined, undefined, undefined];
  return {
    graph: { ...graph, inputs: graph.inputs.map((info) => (info === input ? { ...info, shape } : info)) },
    notes: [`input ${describeValueInfo(input)} takes pictures in four axes, as its layers read them`],
  };
}

/** The graphs among `attributes` with the outer values that they read renamed. */
function renameInner(attributes: Attributes, now: (name: string) => string): Attributes {
  return mapGraphs(attributes, (graph) => renameOuterValues(graph, now, renameInner));
}

function picturedShape(graph: Graph, input: ValueInfo, options: FindImageInputOptions): Pictured | undefined {
  const { shape = [] } = input;
  if (shape.length === 2) {
    const shown = shownSize(graph, input);
    const isOfDigits = options.inputSize === undefined && shown.inputSize === undefined && shape[1] === pixelsOfDigits;
    const { inputSize = isOfDigits ? [28, 28] : shown.inputSize, layout = shown.layout } = options;
    const row = inOneRow(input, { ...options, inputSize, layout });
    if (row !== undefined && isOfDigits) {
      return { ...row, what: `${row.what}, taken as 28x28, as MNIST's digits are (--input-size gives another)` };
    }
    return row ?? (shape.every(isSide) ? flat(shape, options) : undefined);
  }
  return shape.length === 3 ? ofThree(shape, options) : undefined;
}

/** [H, W]: a gray picture. Two open or unlike sides are more likely a row of numbers for each of several things. */
function flat([height, width]: readonly Dimension[], { inputSize }: FindImageInputOptions): Pictured | undefined {
  const isPicture = inputSize !== undefined || (!isOpen(height) && height === width);
  return isPicture
    ? {
        shape: [1, 1, height, width],
        back: { opType: "Squeeze", numbers: [0, 1] },
        what: "one gray picture, without an axis for pictures or channels",
      }
    : undefined;
}

function ofThree(shape: readonly Dimension[], { layout }: FindImageInputOptions): Pictured | undefined {
  const [first, second, third] = shape;
  const single = { opType: "Squeeze", numbers: [0] } as const;
  const isFirst = isColors(first) && isSide(second) && isSide(third);
  const isLast = (isColors(third) || third === 1) && isSide(first) && isSide(second);
  if (layout === "nhwc" || (layout === undefined && isLast && !isFirst)) {
    return { shape: [1, first, second, third], back: single, what: "one picture, its channels last" };
  }
  if (layout === "nchw" || (isFirst && !isLast)) {
    return { shape: [1, first, second, third], back: single, what: "one picture, its channels first" };
  }
  const isOfGray = (first === 1 || isOpen(first)) && isSide(second) && isSide(third);
  // Two open sides may be those of tokens.
  if (!isOfGray || (isOpen(second) && isOpen(third)) || second !== third) return undefined;
  return {
    shape: [first, 1, second, third],
    back: { opType: "Squeeze", numbers: [1] },
    what: "gray pictures, without an axis for channels",
  };
}

/** Size and layout of pictures in one row, where a Reshape behind the input shows both. */
function shownSize(
  graph: Graph,
  { name, shape: [, pixels] = [] }: ValueInfo,
): Pick<FindImageInputOptions, "inputSize" | "layout"> {
  const extents = typeof pixels === "number" && pixels > 0 ? reshapedPicture(graph, name, pixels) : undefined;
  if (extents === undefined) return {};
  const [first, second, third] = extents;
  if (extents.length === 2 && isSide(first) && isSide(second)) return { inputSize: [first, second] };
  if (extents.length !== 3) return {};
  const counts = [first, third].map((extent) => extent === 1 || isColors(extent));
  if (counts[0] === counts[1]) return {};
  return counts[0] ? { inputSize: [second, third], layout: "nchw" } : { inputSize: [first, second], layout: "nhwc" };
}

/** [N, C · H · W], where the size of the pictures is given. */
function inOneRow({ name, shape = [] }: ValueInfo, options: FindImageInputOptions): Pictured | undefined {
  const { where, inputSize, layout } = options;
  const [pictures, pixels] = shape;
  if (inputSize === undefined || typeof pixels !== "number" || pixels <= 0) return undefined;
  const [height, width] = inputSize;
  const channels = pixels / (height * width);
  if (pictures === height && pixels === width) return undefined;
  if (!Number.isInteger(channels)) {
    throw new MisuseError({
      where: `${where}: input ${name}`,
      what: "the pixels do not make a picture of this size",
      expected: `a size whose pixels, times 1, 3 or more channels, are ${pixels}`,
      got: `${height}x${width}`,
    });
  }
  if (channels > 1 && layout === undefined) {
    throw new MisuseError({
      where: `${where}: input ${name}`,
      what: `nothing says whether the ${pixels} numbers are ${channels} planes, or pixels of ${channels} numbers`,
      expected: "a layout",
      advice: "Say --layout nchw (planes) or --layout nhwc (pixels).",
    });
  }
  const isLast = layout === "nhwc";
  return {
    shape: isLast ? [pictures, height, width, channels] : [pictures, channels, height, width],
    back: { opType: "Reshape", numbers: [isOpen(pictures) ? -1 : Number(pictures), pixels] },
    what: `pictures with their pixels in one row, ${isLast ? "pixel by pixel" : "plane by plane"}`,
  };
}
