/**
 * @file Any folder of pictures with a CSV of boxes.
 *
 * The first line names the columns, in any order and any letter case: `image` (or file, filename, path: the picture's path in its
 * folder), `x0`, `y0`, `x1`, `y1` (or xmin, ymin, xmax, ymax) and, if wanted, `label` (or class, name: a name, WordNet number or
 * index of the classifier's classes), `width` and `height` of the picture; others are passed over. There is one row per box. Boxes
 * are [x0, y0, x1, y1) in pixels: pixel (x, y) covers [x, x + 1) × [y, y + 1), so a box around the first pixel is 0, 0, 1, 1. Values
 * are separated by commas as RFC 4180 says.
 */

import { BadInputError, MisuseError } from "../../errors.ts";
import { classLabels } from "../class-labels.ts";
import { type Box, type DatasetProblem, finishDataset } from "../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../dataset-format.ts";
import type { DatasetSource } from "../dataset-source.ts";
import { folderOfFiles } from "../find-folder.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { baseName, byCodeUnits, folderName, joinPath } from "../paths.ts";
import { type DatasetReader, entriesOf, type Findings, joinFindings, namedPicture } from "../reader.ts";
import { type CsvRow, parseCsv } from "../syntax/parse-csv.ts";
import { isImagenetMark } from "./imagenet.ts";

const columns = {
  image: ["image", "file", "filename", "path"],
  x0: ["x0", "xmin"],
  y0: ["y0", "ymin"],
  x1: ["x1", "xmax"],
  y1: ["y1", "ymax"],
  label: ["label", "class", "name"],
  width: ["width"],
  height: ["height"],
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
  const file = context.annotations ?? (await csvFile(source, path));
  const problems: DatasetProblem[] = [];
  const rows = new Map<string, Row[]>();
  const seen = new Set<string>();
  for (const row of tableOf(parseCsv(await source.readText(file), file), file, problems)) {
    const image = row.get("image") ?? "";
    const where = `${baseName(file)}, line ${row.line}`;
    const key = JSON.stringify((["image", "x0", "y0", "x1", "y1", "label"] as const).map(row.get));
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
  const names = chosen.map(({ id }) => id);
  const folder = names.length === 0 ? root : await folderOfFiles(source, file, folders, names);
  const labels = classes === undefined ? undefined : classLabels(classes);
  const findings = await mapConcurrently(
    chosen,
    async ({ id, own }): Promise<Findings> => {
      const picture = await namedPicture(id, folder, context);
      if (!("path" in picture)) return picture;
      const objects = own.map((row) => {
        const className = row.get("label") ?? "";
        const corner = (column: "x0" | "y0" | "x1" | "y1"): number => numberOf(row.get(column));
        const box: Box = [corner("x0"), corner("y0"), corner("x1"), corner("y1")];
        const lookup = className === "" ? undefined : labels?.ofText(className);
        return { className, lookup, box };
      });
      const [width, height] = (["width", "height"] as const).map((column) => numberOf(own[0].get(column)));
      const size = width > 0 && height > 0 ? { width, height } : undefined;
      const isMixed = new Set(objects.map(({ className }) => className)).size > 1;
      const found = await entriesOf({ id, path: picture.path, size, objects }, isMixed, context);
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
  });
};

function numberOf(text: string | undefined): number {
  return text === undefined || text === "" ? Number.NaN : Number(text);
}

function tableOf([header, ...rows]: readonly CsvRow[], where: string, problems: DatasetProblem[]): readonly Row[] {
  const names = header?.fields.map((field) => field.trim().toLowerCase()) ?? [];
  const position = (column: Column): number =>
    names.findIndex((name) => (columns[column] as readonly string[]).includes(name));
  const missing = (["image", "x0", "y0", "x1", "y1"] as const).filter((column) => position(column) < 0);
  if (missing.length > 0) {
    throw new BadInputError({
      where,
      what: `the first line does not name the column${missing.length > 1 ? "s" : ""} ${missing.join(", ")}`,
      expected: "image,x0,y0,x1,y1 and, if wanted, label, width, height",
      got: names.length === 0 ? "an empty file" : names.join(","),
    });
  }
  return rows.flatMap(({ line, fields }) => {
    if (fields.length === names.length) return [{ line, get: (column) => fields[position(column)]?.trim() }];
    const message = `${fields.length} fields where the first line has ${names.length}; left out`;
    problems.push({ kind: "bad-line", image: `${baseName(where)}, line ${line}`, message });
    return [];
  });
}

async function csvFile(source: DatasetSource, path: string): Promise<string> {
  if ((await source.exists(path)) === "file") return path;
  const files = (await source.list(path)).filter(({ name, kind }) => kind === "file" && isCsv(name));
  if (files.length === 1) return joinPath(path, files[0].name);
  throw new MisuseError({
    where: path,
    what: files.length === 0 ? "there is no CSV" : "there are several CSVs",
    expected: "one, or the path of the one that is meant",
    got: files.length === 0 ? undefined : files.map(({ name }) => name).join(", "),
  });
}

export const boxesFormat = {
  name: "boxes",
  description: "pictures with boxes in a CSV; an entry per picture, or per picture and class where these differ",
  recognition: {
    files: "a CSV",
    folder: hasFile((name) => isCsv(name) && !isImagenetMark(name)),
    file: { named: "a CSV of boxes", fits: isCsv },
  },
  options: ["images", "annotations"],
  read: readBoxesCsv,
} as const satisfies DatasetFormatDefinition;

function isCsv(name: string): boolean {
  return /\.csv$/i.test(name);
}
