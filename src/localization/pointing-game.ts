/** @file The pointing game: whether a map's maximum lies on the object. */
import { checkForm, MisuseError } from "../errors.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import type { Box } from "./box.ts";

/** A position in pixels; the middle of the pixel in column x and row y is (x + ½, y + ½). */
export type MapPoint = readonly [x: number, y: number];

/** The middle of the pixel with the greatest value of `map` [H, W]; of equal ones the first in raster order, as numpy's argmax. */
export function greatestPoint(floatTensor: FloatTensor): MapPoint {
  checkForm("greatestPoint: floatTensor", floatTensor, ["dtype", "data", "shape"]);
  const { shape, data } = floatTensor;
  if (shape.length !== 2 || data.length === 0) {
    throw new MisuseError({
      where: "greatestPoint",
      what: "not a map",
      expected: "[H, W] with at least one pixel",
      got: `[${shape.join(", ")}]`,
    });
  }
  let at = 0;
  for (let i = 1; i < data.length; i++) if (data[i] > data[at]) at = i;
  return [(at % shape[1]) + 0.5, Math.floor(at / shape[1]) + 0.5];
}

/** The Euclidean distance from `point` to the nearest of `boxes`, in their pixels: 0 inside or on the edge; Infinity without boxes. */
export function distanceToBoxes(point: MapPoint, boxes: readonly Box[]): number {
  checkForm("distanceToBoxes: point", point, "list");
  checkForm("distanceToBoxes: boxes", boxes, "list");
  const [x, y] = point;
  const distances = boxes.map(([x0, y0, x1, y1]) =>
    Math.hypot(Math.max(x0 - x, 0, x - x1), Math.max(y0 - y, 0, y - y1)),
  );
  return Math.min(Infinity, ...distances);
}
