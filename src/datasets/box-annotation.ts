/**
 * @file One picture's boxes in the XML that Pascal VOC introduced and ILSVRC took over.
 *
 * `<annotation>` has `<size>` (width, height) and any number of `<object>`s with `<name>`, `<difficult>` and `<bndbox>`
 * (xmin, ymin, xmax, ymax). Both ends of a box are pixels that belong to it; the first pixel is 1 in Pascal VOC (development kit,
 * section 3.3) and 0 in ILSVRC, whose boxes begin at 0 and end at width − 1 or at width.
 */
import { BadInputError } from "../errors.ts";
import type { Box } from "./dataset.ts";
import type { PictureSize } from "./dataset-source.ts";
import { childOf, parseXml, type XmlElement } from "./syntax/parse-xml.ts";

export interface BoxAnnotation {
  /** Undefined where the file has none, or zeros. */
  readonly size?: PictureSize;
  readonly objects: readonly {
    readonly name: string;
    readonly isDifficult: boolean;
    /** [x0, y0, x1, y1) in pixels, from 0. */
    readonly box: Box;
  }[];
}

/** `box` with both ends included and pixels counted from `firstPixel`, as [x0, y0, x1, y1) counted from 0. */
export function halfOpen([x0, y0, x1, y1]: Box, firstPixel: 0 | 1): Box {
  return [x0 - firstPixel, y0 - firstPixel, x1 - firstPixel + 1, y1 - firstPixel + 1];
}

/**
 * What the annotation in `text` says, pixels counted from `firstPixel`. Boxes are not checked against the size. Parts of objects
 * (VOC's `<part>`, such as heads and hands) are passed over.
 *
 * Throws a BadInputError on behalf of `where` if it is no such annotation.
 */
export function parseBoxAnnotation(text: string, where: string, firstPixel: 0 | 1): BoxAnnotation {
  const root = parseXml(text, where);
  const complain = (what: string): BadInputError =>
    new BadInputError({ where, what, expected: "an annotation of ILSVRC or Pascal VOC" });
  if (root.name !== "annotation") throw complain(`the root element is <${root.name}>`);
  const objects = root.children
    .filter(({ name }) => name === "object")
    .map((object, index) => {
      const name = childOf(object, "name")?.text ?? "";
      if (name === "") throw complain(`object ${index + 1} has no name`);
      const bounds = childOf(object, "bndbox");
      if (bounds === undefined) throw complain(`object ${index + 1} has no bndbox`);
      const box = (["xmin", "ymin", "xmax", "ymax"] as const).map((side) => {
        const value = numberIn(bounds, side);
        if (value === undefined) throw complain(`${side} of object ${index + 1} is no number`);
        return value;
      }) as [number, number, number, number];
      return { name, isDifficult: childOf(object, "difficult")?.text === "1", box: halfOpen(box, firstPixel) };
    });
  const size = childOf(root, "size");
  const [width, height] = ["width", "height"].map(
    (side) => (size === undefined ? undefined : numberIn(size, side)) ?? 0,
  );
  return { size: width > 0 && height > 0 ? { width, height } : undefined, objects };
}

function numberIn(element: XmlElement, name: string): number | undefined {
  const text = childOf(element, name)?.text ?? "";
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}
