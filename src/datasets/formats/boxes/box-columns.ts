/**
 * @file Which columns of a CSV say what of a box, by their names: letter case, spaces, underscores and hyphens aside, and the "Roi." of GTSRB.
 *
 * A box is given by two corners (`x0,y0,x1,y1`, `xmin,ymin,xmax,ymax`, `left,top,right,bottom`, or `x1,y1,x2,y2` where there is an x2), by one column
 * `bbox` with COCO's [x, y, width, height], as in the CSV of Global Wheat Detection, by a corner and its size (`x,y,w,h`), or by
 * VIA's `region_shape_attributes`. `width` and `height` are the picture's, as TensorFlow's object detection writes them, unless there is
 * nothing else that can be the size of the box: `x,y,width,height`. What is found first, in this order, is taken.
 */
import { halfOpen } from "../../box-annotation.ts";
import type { Box } from "../../dataset.ts";
import { baseName, isPictureName } from "../../paths.ts";
import { objectIn } from "../../syntax/json-objects.ts";
import { viaBox, viaLabel } from "./via-regions.ts";

const imageNames = [
  ...["image", "file", "filename", "path", "imageid", "imagename", "imagepath", "imagefile", "img", "imgname"],
  ...["imgpath", "filepath", "#filename", "imageindex"],
];
/** Taken where none of the others is there. */
const otherImageNames = ["frame"];
/** What the class's column is called: what says a class and nothing else, then what mostly does, then numbers of classes. */
const labelNames: readonly (readonly string[])[] = [
  ["label", "class", "name", "classname", "labelname", "category", "categoryname"],
  [
    "classlabel",
    "objectclass",
    "objectname",
    "objectlabel",
    "object",
    "target",
    "celltype",
    "species",
    "breed",
    "type",
    "findinglabel",
    "annotationtag",
  ],
  ["classid", "labelid", "categoryid", "classidx", "classindex", "labelidx", "classnumber", "targetid"],
];
/** What is certainly no class, though it may repeat itself. */
const notClasses =
  /^(source|database|dataset|usage|split|set|subset|fold|part|phase|is.*|.*id|index|confidence|conf|score|prob.*|area|depth|difficult|truncated|occluded|occlusion|pose|view|rotation|angle|annotator|worker.*|user|date|time.*|frame|folder|comment|remark|url|md5|hash|.*name|.*path)$/;
const groupNames = ["isgroupof"];
const pictureWidth = ["imagewidth", "imgwidth", "imgw", "picturewidth"];
const pictureHeight = ["imageheight", "imgheight", "imgh", "pictureheight"];
const corners: readonly (readonly string[])[] = [
  ["x0", "xmin", "left", "xtl", "upperleftcornerx"],
  ["y0", "ymin", "top", "ytl", "upperleftcornery"],
  ["x1", "xmax", "right", "xbr", "lowerrightcornerx"],
  ["y1", "ymax", "bottom", "ybr", "lowerrightcornery"],
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
  /** Whether the first line names the columns, and is no box. */
  readonly hasHeader: boolean;
  /** Whether the last pixel is x1, y1 and not one before. */
  readonly hasLast: boolean;
  /** What was concluded from the names and must be known: sentences. */
  readonly notes: readonly string[];
}

function folded(name: string): string {
  return (
    name
      .trim()
      .toLowerCase()
      // "Bbox [x", "y", "w", "h]" are four columns.
      .replace(/[\s_[\]-]+/g, "")
      .replace(/^roi\./, "")
  );
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

/**
 * What the columns say whose names are in the first line of a CSV, or what the line itself says if it is a box already; undefined if there is no picture's
 * name or no box among them.
 */
export function boxColumns(names: readonly string[]): BoxColumns | undefined {
  if (isPlainRow(names)) return plainColumns;
  const all = names.map(folded);
  const at = (wanted: readonly string[]): number => all.findIndex((name) => wanted.includes(name));
  const found = formOf(all);
  const image = [imageNames, otherImageNames].map(at).find((position) => position >= 0) ?? -1;
  if (found === undefined || image < 0) return undefined;
  const isOwnSize = found.form === "size" && found.box.includes(at(sizes[0]));
  const notes: string[] = [];
  const hasLast = found.form === "corners" && found.box.every((position) => /^roi\./i.test(names[position].trim()));
  if (hasLast) notes.push("The columns Roi.X2 and Roi.Y2 are the last pixels of the boxes, as GTSRB has them.");
  if (isOwnSize) notes.push("The columns width and height are taken as the sizes of the boxes: no others say these.");
  const sizeAt = (own: readonly string[], plain: readonly string[]): number => {
    const position = at(own);
    return position >= 0 || isOwnSize ? position : at(plain);
  };
  return {
    ...found,
    image,
    label: found.form === "via" ? all.indexOf("regionattributes") : (labelNames.map(at).find((one) => one >= 0) ?? -1),
    group: at(groupNames),
    width: sizeAt(pictureWidth, sizes[0]),
    height: sizeAt(pictureHeight, sizes[1]),
    hasHeader: true,
    hasLast,
    notes,
  };
}

/** The columns of RetinaNet's implementations, whose CSV has no first line with names: path,x1,y1,x2,y2,class. */
const plainColumns: BoxColumns = {
  ...{ form: "corners", image: 0, box: [1, 2, 3, 4], label: 5, group: -1, width: -1, height: -1 },
  ...{ hasHeader: false, hasLast: false },
  notes: ["The first line does not name the columns: they are taken as image, x0, y0, x1, y1 and the class."],
};

/** Whether the fields are a picture's name, four numbers (or nothing, for a picture without boxes) and a class. */
export function isPlainRow(fields: readonly string[]): boolean {
  if (fields.length !== 6 || !isPictureName(baseName(fields[0].trim()))) return false;
  const box = fields.slice(1, 5).map((field) => field.trim());
  return box.every((field) => field === "") || box.every((field) => Number.isFinite(numberOf(field)));
}

/**
 * The columns with that of the class found by what it holds, where no name says it: the only one left over that is words and repeats itself. A note
 * says so, or which columns are not read while none says the class.
 */
export function withLabel(
  columns: BoxColumns,
  names: readonly string[],
  rows: readonly (readonly string[])[],
): BoxColumns {
  if (columns.label >= 0) return columns;
  const { box, image, group, width, height } = columns;
  const read = new Set([...box, image, group, width, height]);
  const others = names.flatMap((_, position) => (read.has(position) ? [] : [position]));
  const called = (position: number): string => JSON.stringify(names[position].trim());
  const fitting = others.filter((position) => {
    const values = rows.map((fields) => fields[position]?.trim() ?? "");
    const areWords = values.every((value) => /\p{L}/u.test(value));
    return areWords && !notClasses.test(folded(names[position])) && new Set(values).size < values.length / 2;
  });
  const notes = [...columns.notes];
  if (fitting.length === 1 && columns.form !== "via") {
    notes.push(`The column ${called(fitting[0])} is taken as the class: no other says it.`);
    return { ...columns, label: fitting[0], notes };
  }
  if (others.length > 0) {
    notes.push(
      `No column is known to say the class (label, class or the like): ${others.map(called).join(", ")} ${others.length > 1 ? "are" : "is"} not read.`,
    );
  }
  return { ...columns, notes };
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
export function boxOfTexts(
  { form, hasLast }: Pick<BoxColumns, "form" | "hasLast">,
  texts: readonly string[],
): Box | undefined {
  if (form === "via") return viaBox(objectIn(texts[0]) ?? {});
  const words = form === "bbox" ? wordsIn(texts[0]) : texts;
  if (words === undefined) return undefined;
  const [a, b, c, d] = words.map(numberOf);
  if (form !== "corners") return [a, b, a + c, b + d];
  return hasLast ? halfOpen([a, b, c, d], 0) : [a, b, c, d];
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
  return form === "via" ? viaLabel(objectIn(text) ?? {}) : text;
}
