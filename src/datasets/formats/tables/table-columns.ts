/**
 * @file Which columns of a table of pictures are the pictures, their classes and their boxes: what Hugging Face's `datasets` writes into the file's
 * metadata (`{"info": {"features": {"label": {"names": [...], "_type": "ClassLabel"}}}}`), and otherwise the columns' names and types.
 */
import { UnsupportedError } from "../../../errors.ts";
import { objectIn, objectOf } from "../../syntax/json-objects.ts";
import { categoryNames } from "../boxes/box-json.ts";

/** A column of a table. */
export interface TableColumn {
  readonly name: string;
  /**
   * `file` is a group of `bytes` and `path`, as Hugging Face has pictures; `bytes` the bytes alone; `objects` a group, or a list of groups, with boxes in it;
   * `list` a list of values, or of lists of them.
   */
  readonly kind: "file" | "bytes" | "text" | "integer" | "objects" | "list" | "other";
}

/** Where the pictures and the classes are. */
export interface PictureColumns {
  readonly picture: TableColumn;
  readonly label?: TableColumn;
  /** What the classes of whole numbers are called, where the table says so. */
  readonly classNames?: readonly string[];
  /** Where the boxes are, which say their own classes unless there is a `label`. */
  readonly boxes?: BoxesColumns;
  /** What was decided among several: sentences. */
  readonly notes: readonly string[];
}

/** Boxes in columns of their own, or with their classes in one. */
export interface BoxesColumns {
  readonly column: TableColumn;
  /** The column of lists of classes, as long as those of boxes; undefined where `column` has them, or there are none. */
  readonly categories?: TableColumn;
  readonly width?: TableColumn;
  readonly height?: TableColumn;
}

interface Feature {
  readonly type: string;
  /** Of the class in it, however deep. */
  readonly names?: readonly string[];
}

const pictureName = /^(image|img|picture|photo|pixel_values|jpe?g|png|webp|image[_-]?bytes|bytes|content)s?$/i;
/** In this order: the finest classes where there are several. */
const labelNames = [
  /^labels?$/i,
  /^fine_?labels?$/i,
  /^(class|target|category|answer)(_?(id|name|label))?$/i,
  /label|class/i,
];

/**
 * The columns that are meant. Throws an UnsupportedError that lists the columns where none holds pictures. `where` is the file, for messages, and
 * `metadata` what it says under "huggingface".
 */
export function pictureColumns(
  where: string,
  columns: readonly TableColumn[],
  metadata: string | undefined,
): PictureColumns {
  const features = featuresOf(metadata);
  const typeOf = ({ name }: TableColumn): string | undefined => features.get(name)?.type;
  const holding = columns.filter(({ kind }) => kind === "file" || kind === "bytes");
  const pictures = [
    ...holding.filter((column) => typeOf(column) === "Image"),
    ...holding.filter(({ kind, name }) => kind === "file" && pictureName.test(name)),
    ...holding.filter(({ name }) => pictureName.test(name)),
    ...holding.filter(({ kind }) => kind === "file"),
  ];
  const picture = pictures[0] ?? (holding.length === 1 ? holding[0] : undefined);
  if (picture === undefined) {
    throw new UnsupportedError({
      where,
      what: "no column of the table holds pictures",
      expected: "a column such as image, of the bytes of JPEG or PNG files",
      got: columns.map(({ name }) => name).join(", ") || "no columns",
    });
  }
  const labels = columns.filter(({ kind }) => kind === "integer" || kind === "text");
  const classLabels = labels.filter((column) => typeOf(column) === "ClassLabel");
  const named = (among: readonly TableColumn[], patterns = labelNames): readonly TableColumn[] =>
    patterns.flatMap((pattern) => among.filter(({ name }) => pattern.test(name)));
  const boxes = boxesColumns(columns);
  const surest = [...named(classLabels), ...classLabels, ...named(labels, labelNames.slice(0, -1))][0];
  // What a column is called in passing says less than boxes that have classes of their own.
  const label = surest ?? (boxes?.column.kind === "objects" ? undefined : named(labels)[0]);
  const others = classLabels.filter((column) => column !== label).map(({ name }) => name);
  const several =
    label === undefined || others.length === 0
      ? []
      : [`The table has several classes of each picture: ${label.name} is taken, and not ${others.join(", ")}.`];
  const isSaid = label !== undefined && boxes?.column.kind === "objects";
  const unread = columns.filter(({ name, kind }) => isBoxesName(name) && kind === "other");
  const notes = [
    ...several,
    ...unread.map(({ name }) => `The boxes in ${name} are not read: they are no lists of four numbers.`),
    ...(isSaid
      ? [`The boxes in ${boxes.column.name} are not read: ${label.name} says the class of each picture.`]
      : []),
  ];
  const kept = isSaid ? undefined : boxes;
  const classes = label ?? kept?.categories ?? kept?.column;
  const classNames = classes === undefined ? undefined : features.get(classes.name)?.names;
  return { picture, ...(label && { label }), ...(classNames && { classNames }), ...(kept && { boxes: kept }), notes };
}

function isBoxesName(name: string): boolean {
  return /^(objects|annotations|bbox(es)?|boxes)$/i.test(name);
}

function boxesColumns(columns: readonly TableColumn[]): BoxesColumns | undefined {
  const fitting = columns.filter(({ name, kind }) => isBoxesName(name) && (kind === "objects" || kind === "list"));
  const column = fitting.find(({ kind }) => kind === "objects") ?? fitting[0];
  if (column === undefined) return undefined;
  const called = (kind: TableColumn["kind"], ...names: readonly string[]): TableColumn | undefined =>
    columns.find((one) => one.kind === kind && names.includes(one.name.toLowerCase()));
  const categories = column.kind === "list" ? called("list", ...categoryNames) : undefined;
  const [width, height] = [called("integer", "width"), called("integer", "height")];
  return { column, ...(categories && { categories }), ...(width && height && { width, height }) };
}

/** What the metadata says of the columns; nothing where it cannot be read. */
function featuresOf(metadata: string | undefined): ReadonlyMap<string, Feature> {
  const found = new Map<string, Feature>();
  const features = objectOf(objectOf(objectOf(objectIn(metadata ?? "")).info).features);
  for (const [name, feature] of Object.entries(features)) {
    const names = namesIn(feature);
    found.set(name, { type: String(objectOf(feature)._type), ...(names && { names }) });
  }
  return found;
}

/** The names of the first class in the feature, which may be one of several in a sequence or group. */
function namesIn(feature: unknown): readonly string[] | undefined {
  if (typeof feature !== "object" || feature === null) return undefined;
  const { names } = objectOf(feature);
  if (Array.isArray(names) && names.length > 0 && names.every((one) => typeof one === "string")) return names;
  for (const inner of Object.values(feature)) {
    const found = namesIn(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}
