/**
 * @file From a picture of any size to a network's input, and boxes between the two.
 *
 * Every rule is a resize followed by a window onto the resized picture; the window may reach beyond it, and what lies
 * outside is filled with one value. The window is given by its corner (x, y) in resized pixels, negative where padded.
 */
import { checkForm, checkKeys, MisuseError, numberIn, oneOf } from "../errors.ts";
import {
  checkImage,
  checkPicture,
  exactPicture,
  type ImageTensor,
  isPicture,
  type Picture,
  pictureToTensor,
} from "./picture.ts";
import { type Interpolation, interpolations, resizeBytes, resizeFloat } from "./resize.ts";

/** A rectangle [x0, y0, x1, y1): x0 and y0 are inside, x1 and y1 are not; pixel (x, y) covers [x, x + 1) × [y, y + 1). */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

/**
 * How large the picture becomes: its shorter side `size` with the aspect kept (torchvision's `Resize(size)`), exactly
 * `width` × `height` whatever its aspect, as large as fits into `width` × `height` with the rest filled (Pillow's
 * `ImageOps.pad`), or as it is.
 */
export type ResizeRule =
  | { readonly kind: "shorter"; readonly size: number }
  | { readonly kind: "exact"; readonly width: number; readonly height: number }
  | { readonly kind: "pad"; readonly width: number; readonly height: number }
  | { readonly kind: "none" };

/** A resize and, after it, an optional crop at the center. */
export interface GeometryRule {
  readonly resize: ResizeRule;
  /** Cut out of the middle as torchvision's `CenterCrop` does; a picture smaller than the crop is filled up. */
  readonly crop?: { readonly width: number; readonly height: number };
  /** Default `bicubic`. */
  readonly interpolation?: Interpolation;
  /** The value in [0, 1] of what the picture does not cover, in every channel; default 0 (black). */
  readonly fill?: number;
}

/** The rule in words, such as "shorter side 256, crop 224x224, bicubic". */
export function describeGeometry({ resize, crop, interpolation = "bicubic", fill = 0 }: GeometryRule): string {
  const parts: string[] = [];
  if (resize.kind === "none") parts.push("as it is");
  else if (resize.kind === "shorter") parts.push(`shorter side ${resize.size}`);
  else parts.push(`${resize.kind} ${resize.height}x${resize.width}`);
  if (crop !== undefined) parts.push(`crop ${crop.height}x${crop.width}`);
  if (resize.kind !== "none") parts.push(interpolation);
  if (fill !== 0) parts.push(`filled with ${fill}`);
  return parts.join(", ");
}

/** What a {@link GeometryRule} means for pictures of one size. */
export interface Geometry {
  /** Size of the picture after the resize, in pixels. */
  readonly resizedWidth: number;
  readonly resizedHeight: number;
  /** The network's input as a window onto the resized picture; x and y are negative where it is padded. */
  readonly crop: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** Whether the window reaches beyond the resized picture. */
  readonly isPadded: boolean;
  /**
   * A box in pixels of the picture, in pixels of the network's input: scaled, moved and clipped to the input, not rounded.
   * A box that lies outside the window becomes one of no area.
   */
  readonly toInput: (box: Box) => Box;
  /** A box in pixels of the network's input, in pixels of the picture: the inverse of `toInput`, clipped to the picture. */
  readonly toPicture: (box: Box) => Box;
}

/** `value` rounded to the nearest integer, halves to the even one, as Python's `round` does. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** Where along one axis a window of `window` pixels onto `extent` pixels begins, by torchvision's `CenterCrop`. */
function centerCropStart(extent: number, window: number): number {
  return window > extent ? -Math.floor((window - extent) / 2) : roundHalfEven((extent - window) / 2);
}

function resizedSize(rule: ResizeRule, width: number, height: number): [width: number, height: number] {
  switch (rule.kind) {
    case "none":
      return [width, height];
    case "exact":
      return [rule.width, rule.height];
    case "shorter":
      return width <= height
        ? [rule.size, Math.trunc((rule.size * height) / width)]
        : [Math.trunc((rule.size * width) / height), rule.size];
    case "pad": {
      const aspect = width / height;
      const wanted = rule.width / rule.height;
      if (aspect > wanted) return [rule.width, Math.max(1, roundHalfEven((height / width) * rule.width))];
      if (aspect < wanted) return [Math.max(1, roundHalfEven(aspect * rule.height)), rule.height];
      return [rule.width, rule.height];
    }
  }
}

const keysOfKind: Record<ResizeRule["kind"], readonly string[]> = {
  shorter: ["kind", "size"],
  exact: ["kind", "width", "height"],
  pad: ["kind", "width", "height"],
  none: ["kind"],
};

/** `rule`, if it is one; otherwise throws a {@link MisuseError} that says which part is wrong. */
export function checkGeometryRule(where: string, rule: GeometryRule): GeometryRule {
  checkKeys(where, rule, ["resize", "crop", "interpolation", "fill"]);
  if (typeof rule.resize !== "object" || rule.resize === null) {
    throw new MisuseError({ where, what: "no resize rule", expected: '"resize", such as { "kind": "none" }' });
  }
  const { resize, crop } = rule;
  oneOf(`${where}: resize.kind`, resize.kind, ["shorter", "exact", "pad", "none"]);
  checkKeys(`${where}: resize`, resize, keysOfKind[resize.kind]);
  if (resize.kind === "shorter") numberIn(`${where}: resize.size`, resize.size, { min: 1, integer: true });
  if (resize.kind === "exact" || resize.kind === "pad") {
    numberIn(`${where}: resize.width`, resize.width, { min: 1, integer: true });
    numberIn(`${where}: resize.height`, resize.height, { min: 1, integer: true });
  }
  if (crop !== undefined) {
    checkKeys(`${where}: crop`, crop, ["width", "height"]);
    numberIn(`${where}: crop.width`, crop.width, { min: 1, integer: true });
    numberIn(`${where}: crop.height`, crop.height, { min: 1, integer: true });
  }
  if (rule.interpolation !== undefined) oneOf(`${where}: interpolation`, rule.interpolation, interpolations);
  if (rule.fill !== undefined) numberIn(`${where}: fill`, rule.fill, { min: 0, max: 1 });
  return rule;
}

/**
 * What `rule` means for a picture of `width` × `height` pixels. Sizes and offsets round as torchvision 0.14 and Pillow 9.4
 * do: the longer side is cut down to an integer, offsets of a crop are rounded with halves to even.
 *
 * Throws a {@link MisuseError} for a rule that is not one.
 */
export function fitGeometry(rule: GeometryRule, width: number, height: number): Geometry {
  checkForm("fitGeometry: rule", rule, ["resize"]);
  checkForm("fitGeometry: width", width, "number");
  checkForm("fitGeometry: height", height, "number");
  const where = "fitGeometry";
  checkGeometryRule(where, rule);
  numberIn(`${where}: width`, width, { min: 1, integer: true });
  numberIn(`${where}: height`, height, { min: 1, integer: true });
  const [resizedWidth, resizedHeight] = resizedSize(rule.resize, width, height);
  let window = { x: 0, y: 0, width: resizedWidth, height: resizedHeight };
  if (rule.resize.kind === "pad") {
    window = {
      x: -roundHalfEven((rule.resize.width - resizedWidth) / 2),
      y: -roundHalfEven((rule.resize.height - resizedHeight) / 2),
      width: rule.resize.width,
      height: rule.resize.height,
    };
  }
  if (rule.crop !== undefined) {
    window = {
      x: window.x + centerCropStart(window.width, rule.crop.width),
      y: window.y + centerCropStart(window.height, rule.crop.height),
      width: rule.crop.width,
      height: rule.crop.height,
    };
  }
  // Adding 0 makes −0 into 0.
  const crop = { ...window, x: window.x + 0, y: window.y + 0 };
  const isPadded =
    crop.x < 0 || crop.y < 0 || crop.x + crop.width > resizedWidth || crop.y + crop.height > resizedHeight;
  const [scaleX, scaleY] = [resizedWidth / width, resizedHeight / height];
  const toInput = ([x0, y0, x1, y1]: Box): Box => [
    clip(x0 * scaleX - crop.x, crop.width),
    clip(y0 * scaleY - crop.y, crop.height),
    clip(x1 * scaleX - crop.x, crop.width),
    clip(y1 * scaleY - crop.y, crop.height),
  ];
  const toPicture = ([x0, y0, x1, y1]: Box): Box => [
    clip((x0 + crop.x) / scaleX, width),
    clip((y0 + crop.y) / scaleY, height),
    clip((x1 + crop.x) / scaleX, width),
    clip((y1 + crop.y) / scaleY, height),
  ];
  return { resizedWidth, resizedHeight, crop, isPadded, toInput, toPicture };
}

function clip(value: number, extent: number): number {
  return Math.min(extent, Math.max(0, value));
}

/**
 * The network's input for `image` under `rule`: an image tensor [C, H, W] of the size that {@link fitGeometry} says.
 *
 * A {@link Picture}, or a tensor all of whose values are bytes over 255, is resampled in bytes and so equals what a
 * Pillow pipeline feeds its network, bit for bit; any other tensor is resampled without rounding and clipped to [0, 1].
 */
export function applyGeometry(image: Picture | ImageTensor, rule: GeometryRule): ImageTensor {
  checkForm("applyGeometry: image", image, ["data"]);
  checkForm("applyGeometry: rule", rule, ["resize"]);
  const picture = isPicture(image)
    ? checkPicture("applyGeometry", image)
    : exactPicture(checkImage("applyGeometry", image));
  const [channels, height, width] = isPicture(image) ? [image.channels, image.height, image.width] : image.shape;
  const { resizedWidth, resizedHeight, crop } = fitGeometry(rule, width, height);
  const [x0, y0] = [Math.max(0, crop.x), Math.max(0, crop.y)];
  const [x1, y1] = [Math.min(resizedWidth, crop.x + crop.width), Math.min(resizedHeight, crop.y + crop.height)];
  // Only the window is computed: the shorter side of a 1 × 5000 picture at 256 would make it 256 × 1280000.
  const options = {
    width: resizedWidth,
    height: resizedHeight,
    interpolation: rule.interpolation,
    window: [x0, y0, x1, y1] as const,
  };
  const resized =
    picture === undefined
      ? clipped(resizeFloat(image as ImageTensor, options))
      : pictureToTensor(resizeBytes(picture, options));
  if (x1 - x0 === crop.width && y1 - y0 === crop.height) return resized;
  const data = new Float32Array(channels * crop.height * crop.width).fill(rule.fill ?? 0);
  const rowLength = x1 - x0;
  for (let row = 0; row < channels * (y1 - y0); row++) {
    const [c, y] = [Math.floor(row / (y1 - y0)), y0 + (row % (y1 - y0))];
    const to = (c * crop.height + y - crop.y) * crop.width + x0 - crop.x;
    data.set(resized.data.subarray(row * rowLength, (row + 1) * rowLength), to);
  }
  return { dtype: "float32", shape: [channels, crop.height, crop.width], data };
}

function clipped(image: ImageTensor): ImageTensor {
  return { ...image, data: image.data.map((value) => Math.min(1, Math.max(0, value))) };
}
