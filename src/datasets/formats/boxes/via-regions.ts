/**
 * @file Regions as the VGG Image Annotator writes them (https://www.robots.ox.ac.uk/~vgg/software/via/): into JSON, or into a CSV with JSON in the columns
 * `region_shape_attributes` ({"name":"rect","x":1,"y":2,"width":3,"height":4}) and `region_attributes` ({"class":"cat"}).
 *
 * Of polygons, circles and ellipses the bounds are taken. What the attribute of the class is called, annotators choose: it is the only
 * one, or one called class, label, name, category or type.
 */
import type { Box } from "../../dataset.ts";
import { type JsonObject, objectOf } from "../../syntax/json-objects.ts";

const labelKeys = ["class", "label", "name", "category", "type"];

/** The box around the region, [x0, y0, x1, y1) in pixels; undefined where the shape is none, or is one without an area, such as a point. */
export function viaBox(shape: JsonObject): Box | undefined {
  const numbers = (...keys: readonly string[]): readonly number[] | undefined => {
    const found = keys.map((key) => shape[key]);
    return found.every((value): value is number => typeof value === "number") ? found : undefined;
  };
  const rect = numbers("x", "y", "width", "height");
  if (rect !== undefined) return [rect[0], rect[1], rect[0] + rect[2], rect[1] + rect[3]];
  const center = numbers("cx", "cy");
  const radii = numbers("rx", "ry") ?? numbers("r", "r");
  if (center !== undefined && radii !== undefined) {
    return ellipseBounds(
      [center[0], center[1]],
      [radii[0], radii[1]],
      typeof shape.theta === "number" ? shape.theta : 0,
    );
  }
  const [xs, ys] = [pointsIn(shape.all_points_x), pointsIn(shape.all_points_y)];
  if (xs === undefined || ys === undefined || xs.length !== ys.length) return undefined;
  return boundsOf(xs, ys);
}

/** The box around an ellipse that is turned by the angle: the projections of both axes add up as squares. */
export function ellipseBounds(
  [cx, cy]: readonly [number, number],
  [rx, ry]: readonly [number, number],
  angle: number,
): Box {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const [dx, dy] = [Math.hypot(rx * c, ry * s), Math.hypot(rx * s, ry * c)];
  return [cx - dx, cy - dy, cx + dx, cy + dy];
}

/** The box around the points. */
export function boundsOf(xs: readonly number[], ys: readonly number[]): Box {
  const least = (values: readonly number[]): number =>
    values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return [least(xs), least(ys), most(xs), most(ys)];
}

function pointsIn(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.every((one): one is number => typeof one === "number") ? value : undefined;
}

/** Whether the text is that of a picture without a region. */
export function isNoRegion(text: string): boolean {
  return text.trim() === "" || /^\s*\{\s*\}\s*$/.test(text);
}

/** The class that the region's attributes say; "" where none is said, or several attributes may say it. */
export function viaLabel(attributes: JsonObject): string {
  const all = Object.entries(attributes);
  const [, value] = all.find(([key]) => labelKeys.includes(key.toLowerCase())) ?? (all.length === 1 ? all[0] : []);
  // Boxes to tick are an object: {"cat": true, "dog": false}.
  const ticked = Object.entries(objectOf(value)).flatMap(([key, is]) => (is === true ? [key] : []));
  if (ticked.length === 1) return ticked[0];
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
}
