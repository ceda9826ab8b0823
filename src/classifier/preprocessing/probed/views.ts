/** @file What a network is shown to tell its normalization: the pictures, variants of them, and what is no picture. */
import type { ImageTensor } from "../../../image/picture.ts";
import { resizeFloat } from "../../../image/resize.ts";
import { normal } from "../../../random/distributions.ts";
import { createRandom } from "../../../random/random.ts";
import { floatTensor } from "../../../tensor/tensor.ts";

/** A picture, or a variant of it, with its class where that is known; or a contrast, which is no picture. */
export interface View {
  readonly image: ImageTensor;
  readonly label: number | undefined;
  /** Which picture it is. */
  readonly picture: number | undefined;
}

/** The pictures as they are, then mirrored, then moved closer by an eighth, `most` in all. */
export function viewsOf(images: readonly ImageTensor[], labels: readonly (number | undefined)[], most: number): View[] {
  const variants = [(image: ImageTensor) => image, mirrored, closer];
  return variants
    .flatMap((variant) =>
      images.slice(0, most).map((image, picture) => ({ image: variant(image), label: labels[picture], picture })),
    )
    .slice(0, most);
}

/** Views of the pictures, and what a network that sees them says something else of: the negative of the first, and noise; `most` in all. */
export function withContrasts(images: readonly ImageTensor[], most: number): View[] {
  const contrasts = images.slice(0, 1).flatMap((image) => [negative(image), noiseLike(image)]);
  return [
    ...viewsOf(images, [], most - contrasts.length),
    ...contrasts.map((image) => ({ image, label: undefined, picture: undefined })),
  ];
}

/** The same views of the pictures' negatives. */
export function negativesOf(views: readonly View[]): View[] {
  return views.flatMap((view) => (view.picture === undefined ? [] : [{ ...view, image: negative(view.image) }]));
}

/** White for black, and so on. */
export function negative({ data, shape }: ImageTensor): ImageTensor {
  return floatTensor(
    data.map((value) => 1 - value),
    shape,
  );
}

/** Pixels at random, each channel by itself, around a gray that is on the other side of the middle than the picture. */
function noiseLike({ data, shape }: ImageTensor): ImageTensor {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const random = createRandom(23, 0);
  const middle = mean < 0.5 ? 0.75 : 0.25;
  return floatTensor(
    Float32Array.from(data, () => Math.min(1, Math.max(0, normal(random, middle, 0.2)))),
    shape,
  );
}

function mirrored(image: ImageTensor): ImageTensor {
  const [channels, height, width] = image.shape;
  const data = new Float32Array(image.data.length);
  for (let row = 0; row < channels * height; row++) {
    for (let x = 0; x < width; x++) data[row * width + x] = image.data[(row + 1) * width - 1 - x];
  }
  return floatTensor(data, image.shape);
}

function closer(image: ImageTensor): ImageTensor {
  const [, height, width] = image.shape;
  const margin = 0.06;
  return resizeFloat(image, {
    width,
    height,
    interpolation: "bilinear",
    box: [width * margin, height * margin, width * (1 - margin), height * (1 - margin)],
  });
}
