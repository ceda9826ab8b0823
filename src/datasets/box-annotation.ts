/**
 * @file One picture's boxes in the XML that Pascal VOC introduced and ILSVRC took over.
 *
 * `<annotation>` has `<size>` (width, height) and any number of `<object>`s with `<name>`, `<difficult>` and `<bndbox>`
 * (xmin, ymin, xmax, ymax). Both ends of a box are pixels that belong to it; the first pixel is 1 in Pascal VOC (development kit,
 * section 3.3) and in what LabelImg writes, and 0 in ILSVRC, whose boxes begin at 0 and end at width − 1 or at width. Which it is the file
 * says itself mostly: `<source><database>` names ILSVRC or ImageNet, or VOC, or is LabelImg's "Unknown"; LabelImg also writes `<path>`.
 * ILSVRC's objects are called by WordNet numbers. Where a file says nothing of that, its layout decides.
 *
 * Other tools write the edges of boxes instead, [xmin, ymin, xmax, ymax) from 0 and mostly with fractions, under the same names: see `areEdges`.
 */
import { BadInputError, PerceptualBallError } from "../errors.ts";
import type { Box } from "./dataset.ts";
import type { DatasetSource, PictureSize } from "./dataset-source.ts";
import { childOf, parseXml, type XmlElement } from "./syntax/parse-xml.ts";

export interface BoxAnnotation {
  /** Undefined where the file has none, or zeros. */
  readonly size?: PictureSize;
  readonly objects: readonly {
    readonly name: string;
    readonly isDifficult: boolean;
    /** [x0, y0, x1, y1) in pixels, from 0. */
    readonly box: Box;
    /** [xmin, ymin, xmax, ymax] as they are written. */
    readonly written: Box;
  }[];
  /** Whether the file says that it is Pascal VOC's or ILSVRC's, whose pixels are counted as their documentation has it. */
  readonly isOfficial: boolean;
  /** Whether a coordinate has a decimal point, or a box begins before 1: pixels that are counted from 1 have neither. */
  readonly hasEdges: boolean;
}

/** `box` with both ends included and pixels counted from `firstPixel`, as [x0, y0, x1, y1) counted from 0. */
export function halfOpen([x0, y0, x1, y1]: Box, firstPixel: 0 | 1): Box {
  return [x0 - firstPixel, y0 - firstPixel, x1 - firstPixel + 1, y1 - firstPixel + 1];
}

/**
 * What the annotation in `text` says, pixels counted as it says, or else from `firstPixel`; undefined is for layouts that both have: 0 where
 * all objects are called by WordNet numbers, otherwise 1. Boxes are not checked against the size. Parts of objects
 * (VOC's `<part>`, such as heads and hands) are passed over.
 *
 * Throws a BadInputError on behalf of `where` if it is no such annotation.
 */
export function parseBoxAnnotation(text: string, where: string, firstPixel?: 0 | 1): BoxAnnotation {
  const root = parseXml(text, where);
  const complain = (what: string): BadInputError =>
    new BadInputError({ where, what, expected: "an annotation of ILSVRC or Pascal VOC" });
  if (root.name !== "annotation") throw complain(`the root element is <${root.name}>`);
  const elements = root.children.filter(({ name }) => name === "object");
  const names = elements.map((object) => childOf(object, "name")?.text ?? "");
  const areSynsets = names.every((name) => /^n\d{8}$/.test(name));
  const first = saidFirstPixel(root) ?? firstPixel ?? (areSynsets ? 0 : 1);
  let hasEdges = false;
  const objects = elements.map((object, index) => {
    const name = names[index];
    if (name === "") throw complain(`object ${index + 1} has no name`);
    const bounds = childOf(object, "bndbox");
    if (bounds === undefined) throw complain(`object ${index + 1} has no bndbox`);
    const box = (["xmin", "ymin", "xmax", "ymax"] as const).map((side) => {
      const value = numberIn(bounds, side);
      if (value === undefined) throw complain(`${side} of object ${index + 1} is no number`);
      hasEdges ||= childOf(bounds, side)?.text.includes(".") === true || (side.endsWith("min") && value < 1);
      return value;
    }) as [number, number, number, number];
    return { name, isDifficult: childOf(object, "difficult")?.text === "1", box: halfOpen(box, first), written: box };
  });
  const size = childOf(root, "size");
  const [width, height] = ["width", "height"].map(
    (side) => (size === undefined ? undefined : numberIn(size, side)) ?? 0,
  );
  const isOfficial = /ILSVRC|ImageNet|VOC/i.test(databaseOf(root)) || (names.length > 0 && areSynsets);
  return { size: width > 0 && height > 0 ? { width, height } : undefined, objects, isOfficial, hasEdges };
}

/** The number of the first pixel by what the file says of where it comes from, if it says that. */
function saidFirstPixel(root: XmlElement): 0 | 1 | undefined {
  const database = databaseOf(root);
  if (/ILSVRC|ImageNet/i.test(database)) return 0;
  return /VOC|^Unknown$/i.test(database) || childOf(root, "path") !== undefined ? 1 : undefined;
}

function databaseOf(root: XmlElement): string {
  const source = childOf(root, "source");
  return (source === undefined ? undefined : childOf(source, "database"))?.text ?? "";
}

/** What is to be known of a data set whose boxes are taken as edges: a sentence for its notes. */
export const edgesNote =
  "The XML has coordinates with decimal points, or boxes that begin at 0: boxes are taken as they are written, [xmin, ymin, xmax, ymax), not as pixels that are counted from 1.";

/**
 * Whether the boxes of a set of files are edges, as labelme, VoTT and others export them: a coordinate has a decimal point, or a box begins at 0.
 * Looked at only until one file shows it, or says that it is Pascal VOC's (which has a few fractions) or ILSVRC's.
 */
export async function areEdges(source: DatasetSource, files: Iterable<string>): Promise<boolean> {
  for await (const { isOfficial, hasEdges } of readable(source, files)) if (isOfficial || hasEdges) return !isOfficial;
  return false;
}

/** The boxes of the files as they are written. */
export async function* writtenBoxes(source: DatasetSource, files: Iterable<string>): AsyncGenerator<Box> {
  for await (const { objects } of readable(source, files)) for (const { written } of objects) yield written;
}

/** What the files say, those passed over that cannot be read: what is wrong with them is said by who needs them. */
async function* readable(source: DatasetSource, files: Iterable<string>): AsyncGenerator<BoxAnnotation> {
  for (const file of files) {
    try {
      if ((await source.exists(file)) === "file") yield parseBoxAnnotation(await source.readText(file), file);
    } catch (error) {
      if (!(error instanceof PerceptualBallError)) throw error;
    }
  }
}

function numberIn(element: XmlElement, name: string): number | undefined {
  const text = childOf(element, name)?.text ?? "";
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}
