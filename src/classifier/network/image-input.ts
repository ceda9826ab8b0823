/** @file Which input of a model takes the images, and in which form. */
import { MisuseError, UnsupportedError } from "../../errors.ts";
import { type Dimension, describeValueInfo, type Graph, type ValueInfo } from "../../onnx/model.ts";
import type { DataType, Shape } from "../../tensor/tensor.ts";
import { firstConvolution } from "./first-convolution.ts";
import type { OpenSides } from "./solve-input-size.ts";

export interface FindImageInputOptions {
  /** How messages call the model, such as its path. */
  readonly where: string;
  /** Height and width where the model leaves them open. */
  readonly inputSize?: readonly [height: number, width: number];
  readonly layout?: "nchw" | "nhwc";
  /** Height and width to take where the model leaves them open and none are given; default 224. */
  readonly usualSize?: readonly [height: number, width: number];
}

export interface ImageInput {
  readonly name: string;
  readonly layout: "nchw" | "nhwc";
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly fixedBatch: number | undefined;
  /** Height and width as declared or given; undefined where they are left open. */
  readonly sides: OpenSides;
  /** Whether the model declares whole numbers, such as uint8. */
  readonly isOfIntegers: boolean;
}

/** The shape of `batch` images. */
export function imageShape({ layout, channels, height, width }: ImageInput, batch: number): Shape {
  return layout === "nchw" ? [batch, channels, height, width] : [batch, height, width, channels];
}

/** Types of whole numbers that pictures are declared as. */
const integers: ReadonlySet<DataType> = new Set<DataType>([
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "uint32",
  "int64",
  "uint64",
]);

/** More channels than this are no picture: a transposed one, or features. */
const mostChannels = 512;

/** Up to so many are channels, where the other axis has more. */
const few = 16;

/**
 * Where the channels of a declared shape are: the axis with 1 or 3, the first of two; else, of the axes whose extent is known, that with
 * the smaller one, as pictures have fewer channels than rows.
 */
function layoutOf(shape: readonly Dimension[]): "nchw" | "nhwc" | undefined {
  const isUsual = (axis: number): boolean => shape[axis] === 3 || shape[axis] === 1;
  if (isUsual(1)) return "nchw";
  if (isUsual(3)) return "nhwc";
  const [first, last] = [shape[1], shape[3]].map((extent) =>
    typeof extent === "number" && extent > 0 ? extent : undefined,
  );
  if (first === undefined && last === undefined) return "nchw";
  // The other of the two is a side of the picture, whose other side has about its length.
  if (first !== undefined && first <= few && (last === undefined || last > few)) return "nchw";
  if (last !== undefined && last <= few && (first === undefined || first > few)) return "nhwc";
  const side = typeof shape[2] === "number" ? shape[2] : undefined;
  if (first !== undefined && last === side && first !== side) return "nchw";
  return last !== undefined && first === side && last !== side ? "nhwc" : undefined;
}

/** Whether the axis that `layout` takes for the channels is a side's while the other one has the 3 or 1 of colors. */
function isManyBesideColors(shape: readonly Dimension[], layout: "nchw" | "nhwc"): boolean {
  const [own, other] = layout === "nchw" ? [shape[1], shape[3]] : [shape[3], shape[1]];
  return typeof own === "number" && own > few && (other === 3 || other === 1);
}

/** The smallest side of a picture in one row: four numbers or nine are more likely columns of a table. */
const leastSide = 5;

/** The side of the square pictures, gray or of three colors, that so many numbers make; undefined if they make none. */
function sideOf(count: Dimension): number | undefined {
  const sides = [1, 3].map((channels) => Math.sqrt(Number(count) / channels));
  return sides.find((side) => Number.isInteger(side) && side >= leastSide);
}

/** What to say of a shape of fewer axes that may yet be a picture's. */
function adviceFor(shape: readonly Dimension[] | undefined): string | undefined {
  if (shape?.length === 2) {
    const count = shape[1];
    const side = sideOf(count);
    if (side === undefined && typeof count === "number" && count > 0) {
      const numbers = count === 1 ? "single numbers" : `rows of ${count} numbers`;
      return `It takes ${numbers}, as of a table or of vectors, not pictures: only classifiers of pictures are supported.`;
    }
    const example = side === undefined ? "" : `, as --input-size ${side}x${side}`;
    return `If these are the pixels of pictures in one row, say their size: --input-size HEIGHTxWIDTH (the option inputSize), with --layout nchw or nhwc where they have colors${example}.`;
  }
  if (shape === undefined) {
    return "If it takes pictures, say where their channels are: --layout nchw or --layout nhwc (preprocessing.layout).";
  }
  return shape.length === 3
    ? "If it is one picture, say where its channels are: --layout nchw or --layout nhwc (preprocessing.layout)."
    : undefined;
}

/** Where the model itself says that the channels are. */
function denotedLayout({ axisDenotations = [] }: ValueInfo): "nchw" | "nhwc" | undefined {
  const axis = axisDenotations.indexOf("DATA_CHANNEL");
  return axis === 1 ? "nchw" : axis === 3 ? "nhwc" : undefined;
}

/** The only input of `graph`, which takes the pictures. Throws an UnsupportedError if it takes no images, a MisuseError for a size that it does not take. */
export function findImageInput(
  graph: Graph,
  { where, layout: wanted, inputSize, usualSize }: FindImageInputOptions,
): ImageInput {
  const [input, ...others] = graph.inputs;
  const got = graph.inputs.map(describeValueInfo).join("; ") || "none";
  if (input === undefined || others.length > 0) {
    throw new UnsupportedError({
      where,
      what: input === undefined ? "the model has no input" : `the model has ${graph.inputs.length} inputs`,
      expected: "one input, a batch of images",
      got,
      advice: "Only classifiers of single images are supported.",
    });
  }
  const { shape, dtype } = input;
  if (dtype === undefined || (dtype !== "float32" && !integers.has(dtype))) {
    throw new UnsupportedError({
      where,
      what: "the input is made of neither floating-point numbers nor integers",
      expected: "a batch of images [N, 3, H, W]",
      got,
      advice: "Export the model in float32.",
    });
  }
  if (shape === undefined || shape.length !== 4) {
    throw new UnsupportedError({
      where,
      what: "the model has no image input",
      expected: "a batch of images [N, 3, H, W] or [N, H, W, 3]",
      got,
      advice: adviceFor(shape),
    });
  }
  const open = (axis: number): boolean => typeof shape[axis] !== "number" || shape[axis] <= 0;
  const shown = open(1) && open(3) ? firstConvolution(graph, input.name) : undefined;
  const layout = wanted ?? denotedLayout(input) ?? shown?.layout ?? layoutOf(shape);
  const axes = layout === "nhwc" ? { channels: 3, height: 1, width: 2 } : { channels: 1, height: 2, width: 3 };
  const channels = shape[axes.channels];
  if (layout === undefined || (typeof channels === "number" && channels > mostChannels)) {
    throw new UnsupportedError({
      where,
      what: "which axis holds the channels is open",
      expected: `a batch of images [N, C, H, W] or [N, H, W, C] with C up to ${mostChannels}, such as [N, 3, H, W]`,
      got,
      advice: "Say --layout nchw or --layout nhwc (preprocessing.layout).",
    });
  }
  const other = layoutOf(shape);
  if (wanted !== undefined && other !== undefined && other !== wanted && isManyBesideColors(shape, wanted)) {
    throw new MisuseError({
      where,
      what: `the layout ${wanted} makes ${channels} channels of a side of the picture`,
      expected: `${other} for a model that takes ${got}`,
      got: wanted,
      advice: "Leave the layout out.",
    });
  }
  const extent = (axis: number, side: 0 | 1, name: string): number => {
    const given = inputSize?.[side];
    const declared = shape[axis];
    if (typeof declared === "number" && declared > 0) {
      if (given === undefined || given === declared) return declared;
      throw new MisuseError({
        where,
        what: `the model's input ${name} is fixed`,
        expected: String(declared),
        got: String(given),
        advice: "Leave the input size out.",
      });
    }
    // The size that nearly every ImageNet network was trained at.
    return given ?? usualSize?.[side] ?? 224;
  };
  const height = extent(axes.height, 0, "height");
  const width = extent(axes.width, 1, "width");
  const batch = shape[0];
  return {
    name: input.name,
    layout,
    // Open channels are what the first layer reads, or those of colors.
    channels: typeof channels === "number" && channels > 0 ? channels : shown?.layout === layout ? shown.channels : 3,
    height,
    width,
    fixedBatch: typeof batch === "number" && batch > 0 ? batch : undefined,
    sides: {
      height: open(axes.height) ? inputSize?.[0] : height,
      width: open(axes.width) ? inputSize?.[1] : width,
    },
    isOfIntegers: dtype !== "float32",
  };
}
