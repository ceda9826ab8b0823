/**
 * @file Any folder of pictures with a CSV of boxes.
 *
 * The first line names the columns, in any order: a picture's path in its folder, a box (see box-columns.ts) and, if wanted, its class (a name,
 * WordNet number or index of the classifier's classes) and the width and height of the picture; others are passed over. There is one row per box. Boxes
 * are [x0, y0, x1, y1) in pixels: pixel (x, y) covers [x, x + 1) × [y, y + 1), so a box around the first pixel is 0, 0, 1, 1. Values
 * are separated by commas as RFC 4180 says, or by semicolons or tabs. Boxes that are shares of the picture's size are taken as such: see box-shares.ts. OpenImages'
 * columns (ImageID, LabelName, XMin, XMax, YMin, YMax) are, by definition.
 */

import { BadInputError, MisuseError, PerceptualBallError } from "../../../errors.ts";
import { areShares, sharesNote } from "../../box-shares.ts";
import { classLabels, numbersFromOne } from "../../class-labels.ts";
import { type Box, type DatasetProblem, finishDataset } from "../../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { fileNameOf, fileNames, folderOfFiles } from "../../find-folder.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { baseName, byCodeUnits, folderName, joinPath, plainName, withoutExtension } from "../../paths.ts";
import { type DatasetReader, entriesOf, type Findings, joinFindings, namedPicture, partOfName } from "../../reader.ts";
import { type CsvRow, parseCsv, type Separator, separatorOf } from "../../syntax/parse-csv.ts";
import { isPixelTable } from "../arrays/pixel-tables.ts";
import { isImagenetMark } from "../imagenet.ts";
import { isLabelTable, isTableName } from "../label-table.ts";
import { isMetadataName } from "../metadata-files.ts";
import { pictureFolders } from "../picture-folders.ts";
import { isYolo } from "../yolo/yolo-layout.ts";
import {
  type BoxColumns,
  boxColumns,
  boxOfTexts,
  haveBoxColumn,
  labelOfText,
  missingColumns,
  numberOf,
} from "./box-columns.ts";
import { isNoRegion } from "./via-regions.ts";

/** One row, not yet checked. */
interface Row {
  readonly line: number;
  readonly image: string;
  readonly label: string;
  readonly isGroup: boolean;
  /** What the columns of the box hold. */
  readonly texts: readonly string[];
  /** Undefined where one column should hold a box and does not. */
  readonly box: Box | undefined;
  /** As they are written, of the picture; NaN where nothing says them. */
  readonly width: number;
  readonly height: number;
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
  const { columns, rows: all } = tableOf(table, separator, file, problems);
  for (const row of all) {
    const image = plainName(row.image);
    const where = `${baseName(file)}, line ${row.line}`;
    const key = JSON.stringify([image, ...row.texts, row.label]);
    // Many objects of a kind in one box, as COCO's iscrowd.
    if (row.isGroup) {
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
  const folders = context.images === undefined ? await placesOf(file, source) : [context.images];
  const names = chosen.slice(0, 20).flatMap(({ id }) => fileNames(id));
  const folder = names.length === 0 ? root : await folderOfFiles(source, file, folders, names);
  const labels = classes === undefined ? undefined : classLabels(classes);
  const classTexts = [...new Set([...rows.values()].flat().map(({ label }) => label))];
  const shifted = classes === undefined ? undefined : numbersFromOne(classTexts, classes);
  const hasShares = await areShares(boxesOf(chosen), { areMeant: isOpenImages(table) });
  const findings = await mapConcurrently(
    chosen,
    async ({ id, own }): Promise<Findings> => {
      const picture = await namedPicture(await fileNameOf(id, folder, source), folder, context);
      if (!("path" in picture)) return picture;
      const bad: DatasetProblem[] = [];
      const objects = own.flatMap(({ line, label: className, box, texts }) => {
        if (box === undefined) {
          if (columns.form === "via" && isNoRegion(texts[0])) return [];
          const shown = JSON.stringify(texts[0].slice(0, 40));
          const message = `line ${line}: ${shown} is no ${columns.form === "via" ? "region with an area" : "box of four numbers"}; left out`;
          bad.push({ kind: "malformed-annotation", image: id, message });
          return [];
        }
        const found = className === "" ? undefined : labels?.ofText(className);
        const lookup = found === undefined || shifted === undefined ? found : { reason: shifted };
        return [{ className, lookup, box }];
      });
      const { width, height } = own[0];
      const size = width > 0 && height > 0 ? { width, height } : undefined;
      const isMixed = new Set(objects.map(({ className }) => className)).size > 1;
      const found = await entriesOf({ id, path: picture.path, size, hasShares, objects }, isMixed, context);
      const images = found.images.map((image) => ({ ...image, className: image.className || undefined }));
      return { images, problems: [...bad, ...found.problems] };
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
      ...columns.notes,
      ...(hasShares ? [sharesNote] : []),
      ...(others ?? []).map((name) => `${name} is not read: it has no boxes.`),
      ...(groups === 0 ? [] : [`Boxes of groups (IsGroupOf) are left out: ${groups}.`]),
    ],
  });
};

function* boxesOf(pictures: readonly { readonly own: readonly Row[] }[]): Generator<Box> {
  for (const { own } of pictures) for (const { box } of own) if (box !== undefined) yield box;
}

/** Where the pictures may be: beside the CSV, in `images`, or in a folder of the CSV's name or of the part that this says ("train_labels.csv"). */
async function placesOf(file: string, source: DatasetSource): Promise<readonly string[]> {
  const root = folderName(file);
  const stem = withoutExtension(baseName(file));
  const part = stem.split(/[\s_.-]+/).find((word) => partOfName(word) !== undefined);
  const places = [root, joinPath(root, "images")];
  for (const name of new Set([stem, ...(part === undefined ? [] : [part])])) {
    for (const place of [joinPath(root, name), joinPath(root, `images/${name}`)]) {
      if ((await source.exists(place)) === "folder") places.push(place);
    }
  }
  return places;
}

/** Whether the columns are those of OpenImages, whose boxes are shares of the picture's size by definition. */
function isOpenImages([header]: readonly CsvRow[]): boolean {
  const names = new Set(header?.fields.map((field) => field.trim()));
  return ["XMin", "XMax", "YMin", "YMax"].every((name) => names.has(name));
}

/** The names of the columns in the file's first line; undefined if it is no CSV. */
async function headerOf(source: DatasetSource, file: string): Promise<readonly string[] | undefined> {
  try {
    const head = /^[^\r\n]*/.exec((await source.readText(file)).replace(/^\uFEFF/, ""))?.[0] ?? "";
    return parseCsv(head, file, separatorOf(head))[0]?.fields ?? [];
  } catch (error) {
    if (error instanceof PerceptualBallError) return undefined;
    throw error;
  }
}

function tableOf(
  [header, ...rows]: readonly CsvRow[],
  separator: Separator,
  where: string,
  problems: DatasetProblem[],
): { readonly columns: BoxColumns; readonly rows: readonly Row[] } {
  const names = header?.fields ?? [];
  const columns = boxColumns(names);
  if (columns === undefined) {
    const missing = missingColumns(names);
    throw new BadInputError({
      where,
      what: `the first line does not name the column${missing.length > 1 ? "s" : ""} ${missing.join(", ")}`,
      expected: "image,x0,y0,x1,y1 (or x,y,w,h or bbox) and, if wanted, label, width, height",
      got: names.length === 0 ? "an empty file" : names.map((name) => name.trim().toLowerCase()).join(","),
    });
  }
  const { form } = columns;
  // Where semicolons part the fields, the decimal point may be a comma.
  const pointed = (text: string): string =>
    separator === ";" && (form === "corners" || form === "size") ? text.replace(/^(-?\d*),(\d+)$/, "$1.$2") : text;
  const found = rows.flatMap(({ line, fields }): Row[] => {
    if (fields.length !== names.length) {
      const message = `${fields.length} fields where the first line has ${names.length}; left out`;
      problems.push({ kind: "bad-line", image: `${baseName(where)}, line ${line}`, message });
      return [];
    }
    const textAt = (position: number): string => fields[position]?.trim() ?? "";
    const texts = columns.box.map((position) => pointed(textAt(position)));
    return [
      {
        line,
        image: textAt(columns.image),
        label: labelOfText(form, textAt(columns.label)),
        isGroup: textAt(columns.group) === "1",
        texts,
        box: boxOfTexts(form, texts),
        width: numberOf(pointed(textAt(columns.width))),
        height: numberOf(pointed(textAt(columns.height))),
      },
    ];
  });
  return { columns, rows: found };
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
  for (const name of files) {
    const names = await headerOf(source, joinPath(path, name));
    if (names !== undefined && boxColumns(names) !== undefined) fitting.push(name);
  }
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
    const names = await headerOf(source, joinPath(path, name));
    if (names !== undefined && haveBoxColumn(names)) return false;
  }
  for (const { name } of csvsIn(entries)) {
    if (isTableName(name) && (await isLabelTable(source, joinPath(path, name)))) return true;
    if (await isPixelTable(source, joinPath(path, name))) return true;
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
