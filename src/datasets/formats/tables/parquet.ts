/**
 * @file Parquet files of pictures and their classes, as data sets on the Hugging Face Hub are kept: `train-00000-of-00002.parquet` in the folder or in one in
 * it (`data`), a column of pictures as files ({bytes, path}, or the bytes alone) and one of classes (numbers with names in the metadata, or the names), or of boxes with their classes
 * (`objects`: see box-json.ts), or both.
 *
 * Classes and boxes are read at once; a picture's bytes when it is asked for, with those of its group of rows, which are kept until another is asked for.
 */
import { BadInputError } from "../../../errors.ts";
import type { Dataset } from "../../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../../dataset-format.ts";
import type { DatasetSource } from "../../dataset-source.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { partOfName, wantedPart } from "../../parts.ts";
import { baseName, byCodeUnits, folderName, joinPath } from "../../paths.ts";
import type { ReaderContext } from "../../reader.ts";
import { type NumberedPart, numberedPictures } from "../arrays/numbered-pictures.ts";
import { boxedPictures } from "./boxed-pictures.ts";
import { type Kept, type Label, type OpenedTable, openTable, type Table } from "./open-table.ts";

const isParquet = (name: string): boolean => /\.parquet$/i.test(name);

/** The files at `path`: a file, a folder with them, or one with a folder of them in it. Throws a BadInputError for what is damaged or holds no pictures. */
async function readParquet(path: string, context: ReaderContext): Promise<Dataset> {
  const { source, signal } = context;
  const files = await tablesAt(path, source);
  const wanted = wantedPart(
    path,
    context.split,
    files.map(({ split }) => split),
  );
  const chosen = files.filter(({ split }) => wanted === undefined || split === wanted);
  if (chosen.length === 0) {
    throw new BadInputError({
      where: path,
      what: "there are no Parquet files",
      expected: "such as test-00000-of-00001.parquet",
    });
  }
  const kept: Kept = {};
  const opened = await mapConcurrently(chosen, (table) => openTable(table, source, kept), { limit: 2, signal });
  const [{ columns }] = opened;
  const words = columns.classNames ?? wordsOf(opened.flatMap(({ labels }) => labels));
  const own = { path, name: baseName(path).replace(/\.parquet$/i, ""), ...(words && { classNames: words }) };
  const notes = [...new Set(opened.flatMap((one) => one.columns.notes))];
  const tables = counted(opened);
  if (columns.boxes !== undefined) return boxedPictures(own, tables, notes, context);
  const numberOf = new Map(words?.map((word, number) => [word, number]));
  const parts = tables.map(({ table, labels, bytesOf, first }): NumberedPart => {
    return {
      name: table.part,
      split: table.split,
      first,
      labels: labels.map((label) => (typeof label === "string" ? numberOf.get(label) : label)),
      bytesOf,
      pictureOf: (bytes, id, options) => source.decodePicture(bytes, `${table.path}: ${id}`, options),
    };
  });
  const dataset = numberedPictures(own, parts, context);
  return notes.length === 0 ? dataset : { ...dataset, notes: [...(dataset.notes ?? []), ...notes] };
}

/** The tables with the number of the first picture of each in its part, of which other tables may come before. */
function counted(opened: readonly OpenedTable[]): readonly (OpenedTable & { readonly first: number })[] {
  const rowsOf = new Map<string, number>();
  return opened.map((one) => {
    const first = rowsOf.get(one.table.part) ?? 0;
    rowsOf.set(one.table.part, first + one.labels.length);
    return { ...one, first };
  });
}

/** The classes that are words, in the order of the words; undefined where they are numbers. */
function wordsOf(labels: readonly Label[]): readonly string[] | undefined {
  const words = labels.filter((label) => typeof label === "string");
  return words.length === 0 ? undefined : [...new Set(words)].sort(byCodeUnits);
}

async function tablesAt(path: string, source: DatasetSource): Promise<readonly Table[]> {
  if ((await source.exists(path)) === "file") return [tableAt(path)];
  const entries = await source.list(path);
  const own = entries
    .filter(({ name, kind }) => kind === "file" && isParquet(name))
    .map(({ name }) => joinPath(path, name));
  const inner = entries
    .filter(({ kind }) => kind === "folder")
    .map(async ({ name }) => {
      const folder = joinPath(path, name);
      return (await source.list(folder)).flatMap((entry) =>
        entry.kind === "file" && isParquet(entry.name) ? [joinPath(folder, entry.name)] : [],
      );
    });
  const found = own.length > 0 ? own : (await Promise.all(inner)).flat();
  return found.sort(byCodeUnits).map(tableAt);
}

/** "data/validation-00003-of-00014.parquet" is of the part "val"; so is "validation/0003.parquet". */
function tableAt(path: string): Table {
  const stem = baseName(path)
    .replace(/\.parquet$/i, "")
    .replace(/[-_.]?\d+-of-\d+(-[0-9a-f]{8,})?$/i, "");
  const isNumber = /^\d*$/.test(stem);
  const name = isNumber ? baseName(folderName(path)) : stem;
  const split = partOfName(name) ?? partOfName(name.split(/[-_.]/)[0]);
  return { path, part: name === "" || name === "." ? "row" : name, split };
}

export const parquetFormat = {
  name: "parquet",
  description:
    "Parquet files of pictures and classes or boxes, as on the Hugging Face Hub; an entry per row, or per class of its boxes",
  recognition: {
    files: "test-00000-of-00001.parquet and the like, or in a folder such as data/",
    folder: hasFile(isParquet),
    inner: hasFile(isParquet),
    file: { named: "a .parquet", fits: isParquet },
  },
  options: ["split"],
  read: readParquet,
} as const satisfies DatasetFormatDefinition;
