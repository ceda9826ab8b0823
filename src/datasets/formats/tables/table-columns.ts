/**
 * @file Which columns of a table of pictures are the pictures and their classes: what Hugging Face's `datasets` writes into the file's metadata
 * (`{"info": {"features": {"label": {"names": [...], "_type": "ClassLabel"}}}}`), and otherwise the columns' names and types.
 */
import { UnsupportedError } from "../../../errors.ts";

/** A column of a table. */
export interface TableColumn {
  readonly name: string;
  /** `file` is a group of `bytes` and `path`, as Hugging Face has pictures; `bytes` the bytes alone. */
  readonly kind: "file" | "bytes" | "text" | "integer" | "other";
}

/** Where the pictures and the classes are. */
export interface PictureColumns {
  readonly picture: TableColumn;
  readonly label?: TableColumn;
  /** What the classes of whole numbers are called, where the table says so. */
  readonly classNames?: readonly string[];
  /** What was decided among several: sentences. */
  readonly notes: readonly string[];
}

interface Feature {
  readonly type: string;
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
  const classes = labels.filter((column) => typeOf(column) === "ClassLabel");
  const named = (among: readonly TableColumn[]): readonly TableColumn[] =>
    labelNames.flatMap((pattern) => among.filter(({ name }) => pattern.test(name)));
  const label = [...named(classes), ...classes, ...named(labels)][0];
  const others = classes.filter((column) => column !== label).map(({ name }) => name);
  const several =
    label === undefined || others.length === 0
      ? []
      : [`The table has several classes of each picture: ${label.name} is taken, and not ${others.join(", ")}.`];
  const boxes = columns.filter(({ kind, name }) => kind === "other" && /^(objects|bbox(es)?|boxes)$/i.test(name));
  const notes = [
    ...several,
    ...boxes.map(
      ({ name }) => `The boxes in ${name} are not read: those of a metadata.jsonl, a CSV or COCO's JSON are.`,
    ),
  ];
  const classNames = label === undefined ? undefined : features.get(label.name)?.names;
  return { picture, ...(label && { label }), ...(classNames && { classNames }), notes };
}

/** What the metadata says of the columns; nothing where it cannot be read. */
function featuresOf(metadata: string | undefined): ReadonlyMap<string, Feature> {
  const found = new Map<string, Feature>();
  const features = propertyOf(propertyOf(parsed(metadata), "info"), "features");
  if (typeof features !== "object" || features === null) return found;
  for (const [name, feature] of Object.entries(features)) {
    const type = propertyOf(feature, "_type");
    const names = propertyOf(feature, "names");
    const areNames = Array.isArray(names) && names.every((one) => typeof one === "string");
    if (typeof type === "string") found.set(name, { type, ...(areNames && { names }) });
  }
  return found;
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}

function propertyOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
