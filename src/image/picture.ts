/** @file The two forms of a picture: bytes, as files hold it, and a tensor of numbers in [0, 1], as classifiers take it. */
import { BadInputError, checkForm, MisuseError } from "../errors.ts";
import type { FloatTensor } from "../tensor/tensor.ts";

/** Shape [C, H, W], pixels in [0, 1], C = 3 (red, green, blue) unless said otherwise. */
export type ImageTensor = FloatTensor;

/** Pixels as bytes, interleaved and row by row: channel c of pixel (x, y) is `data[(y * width + x) * channels + c]`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 3 (red, green, blue) or 1 (gray); others only for networks of as many: 2 (gray, alpha), 4 (with alpha), or any number of bands. */
  readonly channels: number;
  readonly data: Uint8Array;
  /** True of a picture that was written at the size of a network's input: one of that size takes it without resizing or cropping. */
  readonly isNetworkInput?: boolean;
}

/** `image`, if its shape is [C, H, W] with no empty axis; otherwise throws a {@link MisuseError} on behalf of `where`. */
export function checkImage(where: string, image: FloatTensor): ImageTensor {
  if (image.shape.length === 3 && image.shape.every((extent) => extent > 0)) return image;
  throw new MisuseError({
    where,
    what: "not an image",
    expected: "a tensor of shape [C, H, W]",
    got: `[${image.shape.join(", ")}]`,
  });
}

/** `picture`, if its sizes are positive integers and its bytes are as many as they say; otherwise throws a {@link MisuseError}. */
export function checkPicture(where: string, picture: Picture): Picture {
  const { width, height, channels, data } = picture;
  const sizes = [width, height, channels].every((extent) => Number.isInteger(extent) && extent > 0);
  if (sizes && data.length === width * height * channels) return picture;
  throw new MisuseError({
    where,
    what: "not a picture",
    expected: "positive sizes and width × height × channels bytes",
    got: `${width} × ${height} × ${channels} and ${data.length} bytes`,
  });
}

/** Whether `image` is a {@link Picture} rather than a tensor. */
export function isPicture(image: Picture | FloatTensor): image is Picture {
  return "channels" in image;
}

/** The picture as an image tensor [C, H, W]: byte k becomes the float32 nearest to k/255. */
export function pictureToTensor(picture: Picture): ImageTensor {
  checkForm("pictureToTensor: picture", picture, ["width", "height", "channels", "data"]);
  const { width, height, channels, data } = checkPicture("pictureToTensor", picture);
  const size = width * height;
  const out = new Float32Array(channels * size);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < size; i++) out[c * size + i] = data[i * channels + c] / 255;
  }
  return { dtype: "float32", shape: [channels, height, width], data: out };
}

/**
 * The image tensor ([C, H, W], or a map [H, W]) as bytes: 255·v, clipped to [0, 255] and rounded to the
 * nearest integer, halves upwards. Throws a {@link BadInputError} if a value is NaN.
 *
 * Perturbations smaller than 1/510 do not survive this rounding; keep the tensor where they matter.
 */
export function tensorToPicture(image: FloatTensor): Picture {
  checkForm("tensorToPicture: image", image, ["dtype", "data", "shape"]);
  const { shape, data } = image;
  const [channels, height, width] = shape.length === 2 ? [1, ...shape] : checkImage("tensorToPicture", image).shape;
  if (width === 0 || height === 0) {
    throw new MisuseError({
      where: "tensorToPicture",
      what: "not the shape of a picture",
      expected: "[C, H, W] or [H, W]",
      got: `[${shape.join(", ")}]`,
    });
  }
  const size = width * height;
  const bytes = new Uint8Array(channels * size);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < size; i++) {
      const value = data[c * size + i];
      if (Number.isNaN(value)) {
        throw new BadInputError({
          where: "tensorToPicture",
          what: `pixel (${i % width}, ${Math.floor(i / width)}) is not a number`,
          expected: "values in [0, 1]",
          got: "NaN",
        });
      }
      bytes[i * channels + c] = Math.floor(Math.min(1, Math.max(0, value)) * 255 + 0.5);
    }
  }
  return { width, height, channels, data: bytes };
}

const byteLevels = Float32Array.from({ length: 256 }, (_, k) => k / 255);

/**
 * The picture whose tensor `image` is, or undefined if there is none: if some value is not the float32 nearest to k/255 for
 * any byte k.
 */
export function exactPicture({ dtype, shape, data }: ImageTensor): Picture | undefined {
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (!(value >= 0 && value <= 1) || byteLevels[Math.round(value * 255)] !== value) return undefined;
  }
  return tensorToPicture({ dtype, shape, data });
}
