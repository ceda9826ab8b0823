/** @file Boxes between pictures and the input that a classifier cuts out of them. */

import { sizedPicture } from "../classifier/preprocessing/fit-picture.ts";
import { checkForm } from "../errors.ts";
import { fitGeometry, type GeometryRule } from "../image/geometry.ts";
import type { ImageTensor } from "../image/picture.ts";
import type { Box } from "./dataset.ts";
import type { PictureSize } from "./dataset-source.ts";

/** What of a classifier's input matters to boxes; `classifier.input` is one. */
export interface BoxInput {
  readonly geometry: GeometryRule;
}

export interface BoxesInInput {
  /** Those of the boxes that are in the input, at least in part, in pixels of it: scaled, moved and clipped, not rounded. */
  readonly boxes: readonly Box[];
  /** Those that the crop cuts off altogether, in pixels of the picture. */
  readonly vanished: readonly Box[];
}

/** `boxes` of a picture (or of one of the given size), [x0, y0, x1, y1) in its pixels, as the classifier's resize and crop leave them. */
export function boxesInInput(boxes: readonly Box[], picture: PictureSize | ImageTensor, input: BoxInput): BoxesInInput {
  checkForm("boxesInInput: boxes", boxes, "list");
  checkForm("boxesInInput: input", input, ["geometry"]);
  const { width, height } = sizeOf("boxesInInput", picture);
  const { geometry } = input;
  const { toInput } = fitGeometry(geometry, width, height);
  const moved = boxes.map((box) => ({ box, inside: toInput(box) }));
  const isThere = ([x0, y0, x1, y1]: Box): boolean => x1 > x0 && y1 > y0;
  return {
    boxes: moved.filter(({ inside }) => isThere(inside)).map(({ inside }) => inside),
    vanished: moved.filter(({ inside }) => !isThere(inside)).map(({ box }) => box),
  };
}

/** `boxes` in pixels of the classifier's input, in pixels of the picture (or of one of the given size): the inverse of {@link boxesInInput}. */
export function boxesInPicture(boxes: readonly Box[], picture: PictureSize | ImageTensor, input: BoxInput): Box[] {
  checkForm("boxesInPicture: boxes", boxes, "list");
  checkForm("boxesInPicture: input", input, ["geometry"]);
  const { width, height } = sizeOf("boxesInPicture", picture);
  const { geometry } = input;
  return boxes.map(fitGeometry(geometry, width, height).toPicture);
}

function sizeOf(where: string, picture: PictureSize | ImageTensor): PictureSize {
  checkForm(`${where}: picture`, picture, "shape" in Object(picture) ? ["data"] : ["width", "height"]);
  return "shape" in picture ? sizedPicture(picture) : picture;
}
