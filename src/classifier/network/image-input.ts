/** @file Which input of a model takes the images, and in which form. */
import { MisuseError, UnsupportedError } from "../../errors.ts";
import type { Graph, ValueInfo } from "../../onnx/model.ts";
import type { Shape } from "../../tensor/tensor.ts";

export interface FindImageInputOptions {
  /** How messages call the model, such as its path. */
  readonly where: string;
  /** Height and width where the model leaves them open. */
  readonly inputSize?: readonly [height: number, width: number];
  readonly layout?: "nchw" | "nhwc";
}

export interface ImageInput {
  readonly name: string;
  readonly layout: "nchw" | "nhwc";
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly fixedBatch: number | undefined;
  /** Whether the model declares it as uint8. */
  readonly isOfBytes: boolean;
}

/** The shape of `batch` images. */
export function imageShape({ layout, channels, height, width }: ImageInput, batch: number): Shape {
  return layout === "nchw" ? [batch, channels, height, width] : [batch, height, width, channels];
}

function describeInput({ name, dtype, shape }: ValueInfo): string {
  return `${name}: ${dtype ?? "?"}${shape === undefined ? "" : `[${shape.map((extent) => extent ?? "?").join(", ")}]`}`;
}

/** The only input of `graph`. Throws an UnsupportedError if it takes no images, a MisuseError for a size that it does not take. */
export function findImageInput(graph: Graph, { where, layout: wanted, inputSize }: FindImageInputOptions): ImageInput {
  const [input, ...others] = graph.inputs;
  const got = graph.inputs.map(describeInput).join("; ") || "none";
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
  if (dtype !== "float32" && dtype !== "uint8") {
    throw new UnsupportedError({
      where,
      what: "the input is neither float32 nor uint8",
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
    });
  }
  const isChannels = (axis: number): boolean => shape[axis] === 3 || shape[axis] === 1;
  const open = (axis: number): boolean => typeof shape[axis] !== "number";
  const layout = wanted ?? (isChannels(1) ? "nchw" : isChannels(3) ? "nhwc" : open(1) ? "nchw" : undefined);
  const axes = layout === "nhwc" ? { channels: 3, height: 1, width: 2 } : { channels: 1, height: 2, width: 3 };
  const channels = shape[axes.channels];
  if (layout === undefined || (typeof channels === "number" && channels !== 3 && channels !== 1)) {
    throw new UnsupportedError({
      where,
      what: "the input has neither 1 nor 3 channels",
      expected: "a batch of images [N, 3, H, W] or [N, H, W, 3]",
      got,
    });
  }
  const extent = (axis: number, given: number | undefined, name: string): number => {
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
    return given ?? 224;
  };
  const batch = shape[0];
  return {
    name: input.name,
    layout,
    channels: channels === 1 ? 1 : 3,
    height: extent(axes.height, inputSize?.[0], "height"),
    width: extent(axes.width, inputSize?.[1], "width"),
    fixedBatch: typeof batch === "number" && batch > 0 ? batch : undefined,
    isOfBytes: dtype === "uint8",
  };
}
