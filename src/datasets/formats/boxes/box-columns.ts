/**
 * @file Which columns of a CSV say what of a box, by their names: letter case, spaces, underscores and hyphens aside.
 *
 * A box is given by two corners (`x0,y0,x1,y1`, `xmin,ymin,xmax,ymax`, `left,top,right,bottom`, or `x1,y1,x2,y2` where there is an x2), by one column
 * `bbox` with COCO's [x, y, width, height], as in the CSV of Global Wheat Detection, by a corner and its size (`x,y,w,h`), or by
 * VIA's `region_shape_attributes`. `width` and `height` are the picture's, as TensorFlow's object detection writes them, unless there is
 * nothing else that can be the size of the box: `x,y,width,height`. What is found first, in this order, is taken.
 */
import type { Box } from "../../dataset.ts";
import { viaBox, viaLabel } from "./via-regions.ts";

const imageNames = [
  ...["image", "file", "filename", "path", "imageid", "imagename", "imagepath", "imagefile", "img", "imgname"],
  ...["imgpath", "filepath", "#filename"],
];
const labelNames = ["label", "class", "name", "classname", "labelname", "category", "categoryname"];
const groupNames = ["isgroupof"];
const pictureWidth = ["imagewidth", "imgwidth", "imgw", "picturewidth"];
const pictureHeight = ["imageheight", "imgheight", "imgh", "pictureheight"];
const corners: readonly (readonly string[])[] = [
  ["x0", "xmin", "left", "xtl"],
  ["y0", "ymin", "top", "ytl"],
  ["x1", "xmax", "right", "xbr"],
  ["y1", "ymax", "bottom", "ybr"],
];
const numberedCorners = [["x1"], ["y1"], ["x2"], ["y2"]] as const;
const inOne = ["bbox", "boundingbox"];
const origins = [
  ["x", "xmin", "x0", "left", "bboxx", "boxx", "bboxxmin"],
  ["y", "ymin", "y0", "top", "bboxy", "boxy", "bboxymin"],
] as const;
const boxSizes = [
  ["w", "bboxw", "bboxwidth", "boxw", "boxwidth"],
  ["h", "bboxh", "bboxheight", "boxh", "boxheight"],
] as const;
const sizes = [["width"], ["height"]] as const;

/** How the columns give a box. */
export type BoxForm = "corners" | "bbox" | "size" | "via";

export interface BoxColumns {
  readonly form: BoxForm;
  /** The positions of the columns that say the box. */
  readonly box: readonly number[];
  readonly image: number;
  /** The others; −1 where there is none. */
  readonly label: number;
  readonly group: number;
  readonly width: number;
  readonly height: number;
  /** What was concluded from the names and must be known: sentences. */
  readonly notes: readonly string[];
}

function folded(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, "");
}

/** The columns that a CSV of boxes must have and that the names in the first line are not, as they are mostly called. */
export function missingColumns(names: readonly string[]): readonly string[] {
  const all = names.map(folded);
  const lacks = (wanted: readonly string[]): boolean => !all.some((name) => wanted.includes(name));
  const image = lacks(imageNames) ? ["image"] : [];
  return formOf(all) === undefined ? [...image, ...corners.filter(lacks).map(([name]) => name)] : image;
}

/** Whether the names are those of a CSV of boxes, or one of them is a corner's, whatever else is missing. */
export function haveBoxColumn(names: readonly string[]): boolean {
  const all = names.map(folded);
  return (
    boxColumns(names) !== undefined || corners.some((wanted) => all.some((name) => wanted.slice(0, 2).includes(name)))
  );
}

/** What the columns of these names say; undefined if there is no picture's name or no box among them. */
export function boxColumns(names: readonly string[]): BoxColumns | undefined {
  const all = names.map(folded);
  const at = (wanted: readonly string[]): number => all.findIndex((name) => wanted.includes(name));
  const found = formOf(all);
  const image = at(imageNames);
  if (found === undefined || image < 0) return undefined;
  const isOwnSize = found.form === "size" && found.box.includes(at(sizes[0]));
  const notes: string[] = [];
  if (isOwnSize) notes.push("The columns width and height are taken as the sizes of the boxes: no others say these.");
  if (found.form === "bbox") {
    notes.push(`The column ${names[found.box[0]].trim()} is taken as [x, y, width, height], as COCO has it.`);
  }
  const sizeAt = (own: readonly string[], plain: readonly string[]): number => {
    const position = at(own);
    return position >= 0 || isOwnSize ? position : at(plain);
  };
  return {
    ...found,
    image,
    label: found.form === "via" ? all.indexOf("regionattributes") : at(labelNames),
    group: at(groupNames),
    width: sizeAt(pictureWidth, sizes[0]),
    height: sizeAt(pictureHeight, sizes[1]),
    notes,
  };
}

function formOf(all: readonly string[]): Pick<BoxColumns, "form" | "box"> | undefined {
  const at = (wanted: readonly string[]): number => all.findIndex((name) => wanted.includes(name));
  const positions = (wanted: readonly (readonly string[])[]): readonly number[] | undefined => {
    const found = wanted.map(at);
    return found.includes(-1) ? undefined : found;
  };
  const pair = positions(corners) ?? positions(numberedCorners);
  if (pair !== undefined) return { form: "corners", box: pair };
  if (at(inOne) >= 0) return { form: "bbox", box: [at(inOne)] };
  const size = positions([...origins, ...boxSizes]) ?? positions([...origins, ...sizes]);
  if (size !== undefined) return { form: "size", box: size };
  const via = all.indexOf("regionshapeattributes");
  return via < 0 ? undefined : { form: "via", box: [via] };
}

/**
 * The box that the `texts` of its columns say, [x0, y0, x1, y1), with NaN for what is no number; undefined if one column should hold all of it and
 * does not.
 */
export function boxOfTexts(form: BoxForm, texts: readonly string[]): Box | undefined {
  if (form === "via") return viaBox(texts[0]);
  const words = form === "bbox" ? wordsIn(texts[0]) : texts;
  if (words === undefined) return undefined;
  const [a, b, c, d] = words.map(numberOf);
  return form === "corners" ? [a, b, c, d] : [a, b, a + c, b + d];
}

/** The four words in "[1, 2, 3, 4]", "(1 2 3 4)" or "1;2;3;4". */
function wordsIn(text: string): readonly string[] | undefined {
  const words = text
    .replace(/^\s*[[({]/, "")
    .replace(/[\])}]\s*$/, "")
    .trim()
    .split(/\s*[,;]\s*|\s+/);
  return words.length === 4 && words.every((word) => Number.isFinite(numberOf(word))) ? words : undefined;
}

/** The number in `text`; NaN where there is none. */
export function numberOf(text: string): number {
  return text === "" ? Number.NaN : Number(text);
}

/** The class that the text of the label's column says; "" for none. */
export function labelOfText(form: BoxForm, text: string): string {
  return form === "via" ? viaLabel(text) : text;
}
