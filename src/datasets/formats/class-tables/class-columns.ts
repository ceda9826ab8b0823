/**
 * @file Which columns of a table say the pictures and their classes: by their names, letter case and what is no letter or number aside, and by what stands in
 * the first rows. The class is in one column, or there is a column of 0 and 1 for each class.
 */

import { partOfName } from "../../parts.ts";
import { baseName, isPictureName, withoutExtension } from "../../paths.ts";

/** What the picture's name may stand under, the surest first. */
const pictureColumns = [
  ...[
    "file_name",
    "filename",
    "image_path",
    "image_name",
    "img_path",
    "img_name",
    "file_path",
    "filepath",
    "filepaths",
  ],
  ...["image", "img", "file", "path", "image_id", "imageid", "image_index", "image_file", "picture", "id", "id_code"],
];

const labelColumns = [
  ...["label", "class", "category", "class_name", "labels", "target", "label_name", "classname", "category_name"],
  ...["diagnosis", "dx", "emotion", "breed", "species", "finding_labels", "class_id", "classid", "label_id"],
  ...["category_id", "choice"],
];

/** Those of them that hold names where another one holds their numbers. */
const nameColumns = ["class_name", "label_name", "classname", "category_name", "labels", "label", "class", "category"];

const partColumns = ["split", "set", "subset", "usage", "partition", "dataset_type", "data_set"];

/** With any of these a table is one of boxes. */
const boxColumns = [
  ...[
    "x0",
    "y0",
    "x1",
    "y1",
    "xmin",
    "ymin",
    "xmax",
    "ymax",
    "x_min",
    "y_min",
    "bbox",
    "boxes",
    "objects",
    "left",
    "top",
  ],
];

/** Columns beside the picture's name that are certainly no class. */
const otherColumns =
  /^(|id|index|prediction_?string|text|caption|description|url|score|rating|width|height|size|date|time|split|set|md5|sha256|hash|bbox.*|box.*)$/;

function folded(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "_");
}

/** Where the picture's name and its class are among the columns; −1 where there is none. */
export interface ClassColumns {
  readonly picture: number;
  readonly label: number;
  /** The columns of 0 and 1 where there is one for each class. */
  readonly each?: readonly number[];
  readonly part: number;
}

/**
 * What the columns of these names are, with the first rows below them; undefined where none is the picture's, or there are boxes. `label` is −1 where no
 * column is the class's.
 */
export function classColumns(
  names: readonly string[],
  rows: readonly (readonly string[])[] = [],
): ClassColumns | undefined {
  const all = names.map(folded);
  if (all.some((name) => boxColumns.includes(name))) return undefined;
  const full = rows.filter((row) => row.length === names.length);
  const valuesAt = (column: number): readonly string[] => full.map((row) => row[column].trim());
  const picture = pictureColumn(all, valuesAt);
  if (picture < 0) return undefined;
  const part = all.findIndex((name) => partColumns.includes(name));
  const label = labelColumn(all, valuesAt, picture);
  if (label >= 0) return { picture, label, part };
  const rest = all.flatMap((name, column) => (column === picture || column === part || name === "" ? [] : [column]));
  // "id,breed": of two columns the other one is the class.
  if (rest.length === 1 && !otherColumns.test(all[rest[0]])) return { picture, label: rest[0], part };
  const isEach = rest.length > 1 && full.length > 0 && rest.every((column) => valuesAt(column).every(isFlag));
  return { picture, label: -1, ...(isEach && { each: rest }), part };
}

function pictureColumn(all: readonly string[], valuesAt: (column: number) => readonly string[]): number {
  const named = pictureColumns.flatMap((wanted) => all.flatMap((name, column) => (name === wanted ? [column] : [])));
  const holding = all.flatMap((_, column) => (arePictures(valuesAt(column)) ? [column] : []));
  return named.find((column) => holding.includes(column)) ?? (holding.length === 1 ? holding[0] : (named[0] ?? -1));
}

function arePictures(values: readonly string[]): boolean {
  return values.length > 0 && values.every((value) => isPictureName(baseName(value.replaceAll("\\", "/"))));
}

function labelColumn(all: readonly string[], valuesAt: (column: number) => readonly string[], picture: number): number {
  const found = (wanted: readonly string[]): readonly number[] =>
    wanted.map((name) => all.indexOf(name)).filter((column) => column >= 0 && column !== picture);
  const [first = -1] = found(labelColumns);
  const areNumbers = (column: number): boolean => valuesAt(column).every((value) => /^\d+$/.test(value));
  if (first < 0 || valuesAt(first).length === 0 || !areNumbers(first)) return first;
  // Beside numbers, of which the first may be 0 or 1, names say more.
  return found(nameColumns).find((column) => !areNumbers(column)) ?? first;
}

/** Whether the value is one of a column that says of one class whether it is there. */
export function isFlag(value: string): boolean {
  return /^(-1|[01])(\.0*)?$/.test(value.trim());
}

/** The columns of rows without a first line of names: the only one of pictures, and the only other one that is not the same without its ending. */
export function columnsWithoutNames(rows: readonly (readonly string[])[]): ClassColumns | undefined {
  const [first] = rows;
  if (first === undefined || first.length < 2 || rows.some((row) => row.length !== first.length)) return undefined;
  const columns = [...first.keys()];
  const pictures = columns.filter((column) => arePictures(rows.map((row) => row[column].trim())));
  if (pictures.length !== 1) return undefined;
  const [picture] = pictures;
  const stem = (row: readonly string[]): string => withoutExtension(baseName(row[picture].trim()));
  const others = columns.filter(
    (column) => column !== picture && !rows.every((row) => row[column].trim() === stem(row)),
  );
  const part = others.find((column) => rows.every((row) => partOfValue(row[column].trim()) !== undefined)) ?? -1;
  const labels = others.filter((column) => column !== part);
  return labels.length === 1 ? { picture, label: labels[0], part } : undefined;
}

/** The part that a value says: "train", "TEST", or fer2013's "PublicTest" and "PrivateTest", of which the latter is what was judged. */
export function partOfValue(value: string): ReturnType<typeof partOfName> {
  if (/^public_?test$/i.test(value)) return "val";
  return /^private_?test$/i.test(value) ? "test" : partOfName(value);
}
