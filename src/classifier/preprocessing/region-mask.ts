/** @file The part of a network's input that may change, from a region of the picture. */
import { BadInputError, checkForm, MisuseError } from "../../errors.ts";
import { applyGeometry, type Box, fitGeometry, type GeometryRule } from "../../image/geometry.ts";
import { grayOf } from "../../image/luma.ts";
import { type Picture, pictureToTensor } from "../../image/picture.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import { rangeOf } from "../../tensor/vector.ts";
import { geometryFor, type SizedPicture } from "./fit-picture.ts";

/** A box [x0, y0, x1, y1) in pixels of the picture, or a mask of the picture's size, or of the network's input: light where it may change. */
export type Region = { readonly box: Box } | { readonly mask: Picture };

/** What of a classifier's input matters here; `classifier.input` is one. */
export interface RegionInput {
  readonly geometry: GeometryRule;
  readonly width: number;
  readonly height: number;
}

/**
 * The region as a mask [H, W] of the network's input: 1 where it may change, otherwise 0. It goes through the picture's resize and crop: a
 * pixel of the input counts as inside if its middle does, and what the picture does not cover is outside. Of a mask picture, a luma of at least ½
 * is inside.
 *
 * Throws a {@link MisuseError} for a box without area, and a {@link BadInputError} on behalf of `where` if a mask has another size
 * than the picture and the input, if nothing of it is light, or if no pixel of the input is inside.
 */
export function regionMask(where: string, region: Region, picture: SizedPicture, input: RegionInput): FloatTensor {
  checkForm("regionMask: where", where, "string");
  checkForm("regionMask: picture", picture, ["width", "height"]);
  checkForm("regionMask: input", input, ["geometry", "width", "height"]);
  const { width, height } = input;
  const geometry = geometryFor(picture, input.geometry);
  const inside =
    "box" in region
      ? insideBox(where, region.box, fitGeometry(geometry, picture.width, picture.height).toInput, width, height)
      : insideMask(where, region.mask, picture, geometry, input);
  if (inside.includes(1)) return floatTensor(inside, [height, width]);
  const lightest = "mask" in region ? 255 * rangeOf(grayOf(pictureToTensor(region.mask)).data)[1] : 255;
  if (lightest < 127.5) {
    throw new BadInputError({
      where,
      what: "no pixel of the mask is light",
      expected: "levels of at least 128 of 255 where pixels may change",
      got: `${Math.round(lightest)} at most`,
      advice: Math.round(lightest) === 1 ? "Where its levels are 0 and 1, multiply them by 255." : undefined,
    });
  }
  throw new BadInputError({
    where,
    what: "no pixel of what the network sees is in the region",
    expected: `a region that the resize and crop to ${height} × ${width} leave something of`,
    advice: "Give coordinates in pixels of the picture, as it is shown upright.",
  });
}

function insideBox(
  where: string,
  box: Box,
  toInput: (box: Box) => Box,
  width: number,
  height: number,
): Float32Array<ArrayBuffer> {
  const [left, top, right, bottom] = box;
  if (!box.every(Number.isFinite) || right <= left || bottom <= top) {
    throw new MisuseError({
      where,
      what: "the box has no area",
      expected: "x0 < x1 and y0 < y1",
      got: `[${box.join(", ")}]`,
    });
  }
  const [x0, y0, x1, y1] = toInput(box);
  const inside = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    if (y + 0.5 < y0 || y + 0.5 >= y1) continue;
    for (let x = 0; x < width; x++) if (x + 0.5 >= x0 && x + 0.5 < x1) inside[y * width + x] = 1;
  }
  return inside;
}

function insideMask(
  where: string,
  mask: Picture,
  picture: SizedPicture,
  geometry: GeometryRule,
  { width, height }: RegionInput,
): Float32Array<ArrayBuffer> {
  const isPicture = mask.width === picture.width && mask.height === picture.height;
  if (!isPicture && (mask.width !== width || mask.height !== height)) {
    throw new BadInputError({
      where,
      what: "the mask has another size than the picture",
      expected: `${picture.width} × ${picture.height} (the picture), or ${width} × ${height} (the network's input)`,
      got: `${mask.width} × ${mask.height}`,
    });
  }
  const rule: GeometryRule = isPicture
    ? { ...geometry, interpolation: "nearest", fill: 0 }
    : { resize: { kind: "none" } };
  const { data } = grayOf(applyGeometry(pictureToTensor(mask), rule));
  return Float32Array.from(data, (value) => (value >= 0.5 ? 1 : 0));
}
