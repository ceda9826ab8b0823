/**
 * @file Any folder of pictures with a CSV of boxes.
 *
 * The first line names the columns, in any order and any letter case: `image` (or file, filename, path: the picture's path in its
 * folder), `x0`, `y0`, `x1`, `y1` (or xmin, ymin, xmax, ymax) and, if wanted, `label` (or class, name: a name, WordNet number or
 * index of the classifier's classes), `width` and `height` of the picture; others are passed over. There is one row per box. Boxes
 * are [x0, y0, x1, y1) in pixels: pixel (x, y) covers [x, x + 1) × [y, y + 1), so a box around the first pixel is 0, 0, 1, 1. Values
 * are separated by commas as RFC 4180 says, or by semicolons or tabs. Boxes that are shares of the picture's size are taken as such: see box-shares.ts. OpenImages'
 * columns (ImageID, LabelName, XMin, XMax, YMin, YMax) are, by definition.
 */

import { BadInputError, MisuseError, PerceptualBallError } from "../../errors.ts";
import { areShares, sharesNote } from "../box-shares.ts";
import { classLabels, numbersFromOne } from "../class-labels.ts";
import { type Box, type DatasetProblem, finishDataset } from "../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../dataset-source.ts";
import { fileNameOf, fileNames, folderOfFiles } from "../find-folder.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { baseName, byCodeUnits, folderName, joinPath, plainName } from "../paths.ts";
import { type DatasetReader, entriesOf, type Findings, joinFindings, namedPicture } from "../reader.ts";
import { type CsvRow, parseCsv, type Separator, separatorOf } from "../syntax/parse-csv.ts";
import { isImagenetMark } from "./imagenet.ts";
import { isLabelTable, isTableName } from "./label-table.ts";
import { isMetadataName } from "./metadata-files.ts";
import { pictureFolders } from "./picture-folders.ts";
import { isYolo } from "./yolo/yolo-layout.ts";

const columns = {
  image: ["image", "file", "filename", "path", "file_name", "imageid"],
  x0: ["x0", "xmin"],
  y0: ["y0", "ymin"],
  x1: ["x1", "xmax"],
  y1: ["y1", "ymax"],
  label: ["label", "class", "name", "class_name", "labelname"],
  width: ["width"],
  height: ["height"],
  group: ["isgroupof"],
} as const;

type Column = keyof typeof columns;

/** One row, not yet checked. */
interface Row {
  readonly line: number;
  readonly get: (column: Column) => string | undefined;
}

/**
 * The pictures that the CSV names: the file at `path`, or the only CSV in that folder. Ids are the names in it, with "#<class>"
 * behind them for pictures with boxes of several classes. Rows that are malformed or name no picture are problems.
 */
const readBoxesCsv: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const { file, others } =
    context.annotations === undefined ? await csvFile(source, path) : { file: context.annotations };
  const problems: DatasetProblem[] = [];
  const rows = new Map<string, Row[]>();
  const seen = new Set<string>();
  let groups = 0;
  const text = await source.readText(file);
  const separator = separatorOf(text);
  const table = parseCsv(text, file, separator);
  for (const row of tableOf(table, separator, file, problems)) {
    const image = plainName(row.get("image") ?? "");
    const where = `${baseName(file)}, line ${row.line}`;
    const key = JSON.stringify([image, ...(["x0", "y0", "x1", "y1", "label"] as const).map(row.get)]);
    // Many objects of a kind in one box, as COCO's iscrowd.
    if (row.get("group") === "1") {
      groups++;
      continue;
    }
    if (image === "") problems.push({ kind: "bad-line", image: where, message: "names no picture; left out" });
    else if (seen.has(key))
      problems.push({ kind: "duplicate", image, message: `line ${row.line} repeats a box; left out` });
    else {
      const known = rows.get(image);
      if (known === undefined) rows.set(image, [row]);
      else known.push(row);
    }
    seen.add(key);
  }
  const candidates = [...rows].map(([id, own]) => ({ id, own })).sort((a, b) => byCodeUnits(a.id, b.id));
  const chosen = selection.pictures(candidates);
  const root = folderName(file);
  const folders = context.images === undefined ? [root, joinPath(root, "images")] : [context.images];
  const names = chosen.slice(0, 20).flatMap(({ id }) => fileNames(id));
  const folder = names.length === 0 ? root : await folderOfFiles(source, file, folders, names);
  const labels = classes === undefined ? undefined : classLabels(classes);
  const classTexts = [...new Set([...rows.values()].flat().map((row) => row.get("label") ?? ""))];
  const shifted = classes === undefined ? undefined : numbersFromOne(classTexts, classes);
  const hasShares = await areShares(boxesOf(chosen), { areMeant: isOpenImages(table) });
  const findings = await mapConcurrently(
    chosen,
    async ({ id, own }): Promise<Findings> => {
      const picture = await namedPicture(await fileNameOf(id, folder, source), folder, context);
      if (!("path" in picture)) return picture;
      const objects = own.map((row) => {
        const className = row.get("label") ?? "";
        const found = className === "" ? undefined : labels?.ofText(className);
        const lookup = found === undefined || shifted === undefined ? found : { reason: shifted };
        return { className, lookup, box: boxOf(row) };
      });
      const [width, height] = (["width", "height"] as const).map((column) => numberOf(own[0].get(column)));
      const size = width > 0 && height > 0 ? { width, height } : undefined;
      const isMixed = new Set(objects.map(({ className }) => className)).size > 1;
      const found = await entriesOf({ id, path: picture.path, size, hasShares, objects }, isMixed, context);
      return { ...found, images: found.images.map((image) => ({ ...image, className: image.className || undefined })) };
    },
    { signal },
  );
  const found = joinFindings(findings);
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes?.names,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes: [
      ...(hasShares ? [sharesNote] : []),
      ...(others ?? []).map((name) => `${name} is not read: it has no boxes.`),
      ...(groups === 0 ? [] : [`Boxes of groups (IsGroupOf) are left out: ${groups}.`]),
    ],
  });
};

function boxOf(row: Row): Box {
  return [numberOf(row.get("x0")), numberOf(row.get("y0")), numberOf(row.get("x1")), numberOf(row.get("y1"))];
}

function* boxesOf(pictures: readonly { readonly own: readonly Row[] }[]): Generator<Box> {
  for (const { own } of pictures) for (const row of own) yield boxOf(row);
}

/** Whether the columns are those of OpenImages, whose boxes are shares of the picture's size by definition. */
function isOpenImages([header]: readonly CsvRow[]): boolean {
  const names = new Set(header?.fields.map((field) => field.trim()));
  return ["XMin", "XMax", "YMin", "YMax"].every((name) => names.has(name));
}

function numberOf(text: string | undefined): number {
  return text === undefined || text === "" ? Number.NaN : Number(text);
}

/** Those of the columns that a CSV of boxes must have which the names in the first line are not. */
function missingColumns(names: readonly string[]): readonly Column[] {
  const has = (column: Column): boolean => names.some((name) => (columns[column] as readonly string[]).includes(name));
  return (["image", "x0", "y0", "x1", "y1"] as const).filter((column) => !has(column));
}

/** The columns that the file's first line lacks; undefined if it is no CSV. */
async function missingIn(source: DatasetSource, file: string): Promise<readonly Column[] | undefined> {
  try {
    const head = /^[^\r\n]*/.exec((await source.readText(file)).replace(/^\uFEFF/, ""))?.[0] ?? "";
    const [header] = parseCsv(head, file, separatorOf(head));
    return missingColumns(header?.fields.map((field) => field.trim().toLowerCase()) ?? []);
  } catch (error) {
    if (error instanceof PerceptualBallError) return undefined;
    throw error;
  }
}

const numeric: readonly Column[] = ["x0", "y0", "x1", "y1", "width", "height"];

function tableOf(
  [header, ...rows]: readonly CsvRow[],
  separator: Separator,
  where: string,
  problems: DatasetProblem[],
): readonly Row[] {
  const names = header?.fields.map((field) => field.trim().toLowerCase()) ?? [];
  const position = (column: Column): number =>
    names.findIndex((name) => (columns[column] as readonly string[]).includes(name));
  const missing = missingColumns(names);
  if (missing.length > 0) {
    throw new BadInputError({
      where,
      what: `the first line does not name the column${missing.length > 1 ? "s" : ""} ${missing.join(", ")}`,
      expected: "image,x0,y0,x1,y1 and, if wanted, label, width, height",
      got: names.length === 0 ? "an empty file" : names.join(","),
    });
  }
  const get = (fields: readonly string[], column: Column): string | undefined => {
    const field = fields[position(column)]?.trim();
    // Where semicolons part the fields, the decimal point may be a comma.
    return separator === ";" && numeric.includes(column) ? field?.replace(/^(-?\d*),(\d+)$/, "$1.$2") : field;
  };
  return rows.flatMap(({ line, fields }) => {
    if (fields.length === names.length) return [{ line, get: (column) => get(fields, column) }];
    const message = `${fields.length} fields where the first line has ${names.length}; left out`;
    problems.push({ kind: "bad-line", image: `${baseName(where)}, line ${line}`, message });
    return [];
  });
}

/** The file at `path`, or the only CSV in that folder, or of several the only one with boxes. */
async function csvFile(
  source: DatasetSource,
  path: string,
): Promise<{ readonly file: string; readonly others?: readonly string[] }> {
  if ((await source.exists(path)) === "file") return { file: path };
  const files = csvsIn(await source.list(path)).map(({ name }) => name);
  if (files.length === 1) return { file: joinPath(path, files[0]) };
  const fitting: string[] = [];
  for (const name of files) if ((await missingIn(source, joinPath(path, name)))?.length === 0) fitting.push(name);
  if (fitting.length === 1) {
    return { file: joinPath(path, fitting[0]), others: files.filter((name) => name !== fitting[0]).sort(byCodeUnits) };
  }
  throw new MisuseError({
    where: path,
    what: files.length === 0 ? "there is no CSV" : "there are several CSVs",
    expected: "one, or the path of the one that is meant",
    got: files.length === 0 ? undefined : files.join(", "),
  });
}

function csvsIn(entries: readonly FileEntry[]): readonly FileEntry[] {
  return entries.filter(({ name, kind }) => kind === "file" && isCsv(name));
}

/**
 * Whether no CSV has a corner of a box among its columns, where something else says the classes: its other columns, a metadata.csv, YOLO's labels, or several
 * folders of pictures. (One folder is that of the pictures, and the CSV's columns are called otherwise: that is for the reader to say.)
 */
async function areStray(path: string, entries: readonly FileEntry[], source: DatasetSource): Promise<boolean> {
  for (const { name } of csvsIn(entries)) {
    const missing = await missingIn(source, joinPath(path, name));
    if (missing !== undefined && missing.filter((column) => column !== "image").length < 4) return false;
  }
  for (const { name } of csvsIn(entries)) {
    if (isTableName(name) && (await isLabelTable(source, joinPath(path, name)))) return true;
  }
  if (await isYolo(path, entries, source)) return true;
  const hasMetadata = entries.some(({ name, kind }) => kind === "file" && isMetadataName(name));
  return hasMetadata || (await pictureFolders(path, entries, source)).length > 1;
}

export const boxesFormat = {
  name: "boxes",
  description: "pictures with boxes in a CSV; an entry per picture, or per picture and class where these differ",
  recognition: {
    files: "a CSV",
    folder: hasFile((name) => isCsv(name) && !isImagenetMark(name)),
    isDenied: areStray,
    file: { named: "a CSV of boxes", fits: isCsv },
  },
  options: ["images", "annotations"],
  read: readBoxesCsv,
} as const satisfies DatasetFormatDefinition;

function isCsv(name: string): boolean {
  return /\.[ct]sv$/i.test(name);
}
