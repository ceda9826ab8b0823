/**
 * @file Tables whose rows are pictures: a class and the pixels, as MNIST and Sign Language MNIST go around as CSV (`label,pixel0,pixel1,…`, with a first
 * line of names or without), or the pixels in one column (`emotion,pixels,Usage`, as FER2013 has them).
 *
 * Pixels are whole numbers from 0 to 255, row by row, of a square: n² gray ones, or 3 n² with red, green and blue of each pixel in turn. Files are read line by
 * line, and only bytes stay in memory.
 */
import { BadInputError } from "../../../errors.ts";
import type { Dataset, DatasetPart, DatasetProblem } from "../../dataset.ts";
import type { DatasetFormatDefinition } from "../../dataset-format.ts";
import { chunksOf, type DatasetSource, type FileEntry, textHead } from "../../dataset-source.ts";
import { holdsPicture } from "../../files/picture-tree.ts";
import { areOnePerPart, partInFileName, unclearParts, wantedPart } from "../../parts.ts";
import { baseName, byCodeUnits, joinPath, withoutExtension } from "../../paths.ts";
import type { ReaderContext } from "../../reader.ts";
import { partOfValue } from "../class-tables/class-columns.ts";
import { type NumberedPart, numberedPictures } from "./numbered-pictures.ts";

/** How the rows of a table are pictures. */
interface PixelForm {
  readonly side: number;
  readonly channels: number;
  /** Where the class is; −1 where it is not known. */
  readonly label: number;
  readonly part: number;
  /** Where all pixels are, parted by spaces; −1 where each has a column of its own. */
  readonly pixels: number;
  readonly columns: number;
  readonly hasNames: boolean;
}

const labelNames = /^(label|class|emotion|target|y|digit)$/i;
const partNames = /^(usage|split|set|subset)$/i;

/** A smaller square is mostly something else. */
const leastSide = 8;

function isPixel(text: string): boolean {
  return /^\s*\d{1,3}(\.0*)?\s*$/.test(text) && Number(text) <= 255;
}

function fieldsOf(line: string): string[] {
  return line.split(",").map((field) => field.trim().replace(/^"(.*)"$/, "$1"));
}

function squareOf(count: number): Pick<PixelForm, "side" | "channels"> | undefined {
  for (const channels of [1, 3]) {
    const side = Math.sqrt(count / channels);
    if (Number.isInteger(side) && side >= leastSide) return { side, channels };
  }
  return undefined;
}

/** How the table in `text`, the beginning of a file, holds pictures; undefined if it does not. */
function formOf(text: string, isWhole: boolean): PixelForm | undefined {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const whole = (isWhole ? lines : lines.slice(0, -1)).filter((line) => line.trim() !== "");
  const [first, ...others] = whole.slice(0, 20).map(fieldsOf);
  if (first === undefined) return undefined;
  const named = first.findIndex((name) => labelNames.test(name));
  const pixels = first.findIndex((name) => /^pixels?$/i.test(name));
  const part = first.findIndex((name) => partNames.test(name));
  const [row] = others;
  if (pixels >= 0 && row !== undefined) {
    const words = (row[pixels] ?? "").split(/\s+/);
    const square = words.every(isPixel) ? squareOf(words.length) : undefined;
    return square && { ...square, label: named, part, pixels, columns: first.length, hasNames: true };
  }
  const hasNames = first.some((name) => name !== "" && Number.isNaN(Number(name)));
  const rows = hasNames ? others : [first, ...others];
  // A first line of names may leave the class out, as of those that are to be predicted; without one the class comes first.
  const label = hasNames ? named : 0;
  const square = squareOf(first.length - (label < 0 ? 0 : 1));
  if (square === undefined || rows.length === 0) return undefined;
  const arePixels = rows.every(
    (fields) => fields.length === first.length && fields.every((field, column) => column === label || isPixel(field)),
  );
  return arePixels ? { ...square, label, part: -1, pixels: -1, columns: first.length, hasNames } : undefined;
}

/** So much of a file is looked at: some rows, also of large pictures. */
const headLength = 2 ** 18;

async function formAt(source: DatasetSource, file: string): Promise<PixelForm | undefined> {
  const { text, isWhole } = await textHead(source, file, headLength);
  return formOf(text, isWhole);
}

/** Whether the rows of the file are pictures. */
export async function isPixelTable(source: DatasetSource, file: string): Promise<boolean> {
  return isCsv(file) && (await formAt(source, file)) !== undefined;
}

function isCsv(name: string): boolean {
  return /\.csv$/i.test(name);
}

/** A row, read. */
interface PixelRow {
  readonly label: string | undefined;
  readonly split: DatasetPart | undefined;
  readonly bytes: Uint8Array;
}

/** The pictures of the tables at `path`: a file, or the CSVs in a folder; called by the file and the number of the row in it, such as "mnist_test/42". */
async function readPixelTables(path: string, context: ReaderContext): Promise<Dataset> {
  const { source, split } = context;
  const files = (await source.exists(path)) === "file" ? [path] : await tablesIn(path, await source.list(path), source);
  const problems: DatasetProblem[] = [];
  const notes: string[] = [];
  const tables: { readonly file: string; readonly form: PixelForm; readonly rows: readonly PixelRow[] }[] = [];
  for (const file of files) {
    const form = await formAt(source, file);
    if (form === undefined) throw withoutPixels(file);
    if (form.channels === 3)
      notes.push(`Each three numbers in ${baseName(file)} are taken as red, green and blue of a pixel.`);
    tables.push({ file, form, rows: await rowsOf(file, form, source, problems) });
  }
  const texts = [...new Set(tables.flatMap(({ rows }) => rows.flatMap(({ label }) => label ?? [])))];
  const areNumbers = texts.every((text) => /^\d+$/.test(text));
  const names = areNumbers ? undefined : texts.sort(byCodeUnits);
  const parts = tables.flatMap(({ file, form, rows }) => partsOf(withoutExtension(baseName(file)), form, rows, names));
  const wanted = wantedPart(
    path,
    split,
    parts.map((part) => part.split),
  );
  return numberedPictures(
    { path, name: withoutExtension(baseName(path)), ...(names && { classNames: names }), problems, notes },
    parts.filter((part) => wanted === undefined || part.split === wanted),
    context,
  );
}

/** Rows after each other that are of one part. */
function partsOf(
  name: string,
  { side, channels }: PixelForm,
  rows: readonly PixelRow[],
  names: readonly string[] | undefined,
): readonly NumberedPart[] {
  const parts: NumberedPart[] = [];
  for (let first = 0, end = 0; first < rows.length; first = end) {
    while (end < rows.length && rows[end].split === rows[first].split) end++;
    const own = rows.slice(first, end);
    parts.push({
      ...{ name, first, split: own[0].split },
      labels: own.map(({ label }) =>
        label === undefined ? undefined : names === undefined ? Number(label) : names.indexOf(label),
      ),
      bytesOf: (index) => own[index].bytes,
      pictureOf: (bytes) => ({ width: side, height: side, channels: channels === 3 ? 3 : 1, data: bytes.slice() }),
    });
  }
  return parts;
}

async function rowsOf(
  file: string,
  form: PixelForm,
  source: DatasetSource,
  problems: DatasetProblem[],
): Promise<readonly PixelRow[]> {
  const rows: PixelRow[] = [];
  const part = partInFileName(file);
  let number = 0;
  for await (const line of linesOf(source, file)) {
    number++;
    if (line.trim() === "" || (form.hasNames && number === 1)) continue;
    const fields = fieldsOf(line);
    const texts =
      form.pixels >= 0 ? (fields[form.pixels] ?? "").split(/\s+/) : fields.filter((_, column) => column !== form.label);
    const isRow = fields.length === form.columns && texts.length === form.side ** 2 * form.channels;
    if (!isRow || !texts.every(isPixel)) {
      const what = isRow
        ? "has pixels that are no whole numbers from 0 to 255"
        : "has other numbers of pixels or columns";
      problems.push({ kind: "bad-line", image: `${baseName(file)}, line ${number}`, message: `${what}; left out` });
      continue;
    }
    rows.push({
      label: form.label < 0 ? undefined : fields[form.label],
      split: form.part < 0 ? part : (partOfValue(fields[form.part]) ?? part),
      bytes: Uint8Array.from(texts, Number),
    });
  }
  return rows;
}

async function* linesOf(source: DatasetSource, file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of chunksOf(source, file)) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  yield rest;
}

/** The tables of pictures in the folder: one, or one of each part. */
async function tablesIn(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const { name, kind } of entries) {
    if (kind === "file" && (await isPixelTable(source, joinPath(path, name)))) names.push(name);
  }
  names.sort(byCodeUnits);
  if (names.length === 0) throw withoutPixels(path);
  const isClear = areOnePerPart(names.map((name) => ({ split: partInFileName(name) })));
  if (!isClear) throw unclearParts(path, "tables of pictures", names);
  return names.map((name) => joinPath(path, name));
}

function withoutPixels(where: string): BadInputError {
  return new BadInputError({
    where,
    what: "there are no rows of pixels",
    expected: "a CSV with a class and the pixels of a square picture in each row, whole numbers from 0 to 255",
  });
}

export const pixelsFormat = {
  name: "pixels",
  description: "CSVs whose rows are pictures: a class and the pixels; an entry per row",
  recognition: {
    files: "mnist_test.csv, fer2013.csv or the like, of pixels",
    otherwise: async (path, entries, source) => {
      if (await holdsPicture(source, path)) return false;
      for (const { name, kind } of entries) {
        if (kind === "file" && (await isPixelTable(source, joinPath(path, name)))) return true;
      }
      return false;
    },
    isDenied: async (path, [entry], source) => !(await isPixelTable(source, joinPath(path, entry.name))),
    file: { named: "a CSV of pixels", fits: () => false, mayFit: isCsv },
  },
  options: ["split"],
  read: readPixelTables,
} as const satisfies DatasetFormatDefinition;
