/**
 * @file Parquet files of pictures and their classes, as data sets on the Hugging Face Hub are kept: `train-00000-of-00002.parquet` in the folder or in one in
 * it (`data`), a column of pictures as files ({bytes, path}, or the bytes alone) and one of classes (numbers with names in the metadata, or the names).
 *
 * Classes are read at once; a picture's bytes when it is asked for, with those of its group of rows, which are kept until another is asked for.
 */
import type { AsyncBuffer, FileMetaData, SchemaElement, SchemaTree } from "hyparquet";
import { BadInputError, PerceptualBallError } from "../../../errors.ts";
import type { Dataset, DatasetPart } from "../../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../../dataset-format.ts";
import { type DatasetSource, openFile } from "../../dataset-source.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { partOfName, wantedPart } from "../../parts.ts";
import { baseName, byCodeUnits, folderName, joinPath } from "../../paths.ts";
import type { ReaderContext } from "../../reader.ts";
import { type NumberedPart, numberedPictures } from "../arrays/numbered-pictures.ts";
import { type PictureColumns, pictureColumns, type TableColumn } from "./table-columns.ts";

const isParquet = (name: string): boolean => /\.parquet$/i.test(name);

/** A file of the data set, of which the rows before it are counted. */
interface Table {
  readonly path: string;
  /** "test", "train-extra"; pictures are called by it. */
  readonly part: string;
  readonly split: DatasetPart | undefined;
}

/** A class as it stands in the table. */
type Label = number | string | undefined;

/** The files at `path`: a file, a folder with them, or one with a folder of them in it. Throws a BadInputError for what is damaged or holds no pictures. */
async function readParquet(path: string, context: ReaderContext): Promise<Dataset> {
  const { source, signal } = context;
  const tables = await tablesAt(path, source);
  const wanted = wantedPart(
    path,
    context.split,
    tables.map(({ split }) => split),
  );
  const chosen = tables.filter(({ split }) => wanted === undefined || split === wanted);
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
  const numberOf = new Map(words?.map((word, number) => [word, number]));
  const rowsOf = new Map<string, number>();
  const parts = opened.map(({ table, labels, bytesOf }): NumberedPart => {
    const first = rowsOf.get(table.part) ?? 0;
    rowsOf.set(table.part, first + labels.length);
    return {
      name: table.part,
      split: table.split,
      first,
      labels: labels.map((label) => (typeof label === "string" ? numberOf.get(label) : label)),
      bytesOf,
      pictureOf: (bytes, id, options) => source.decodePicture(bytes, `${table.path}: ${id}`, options),
    };
  });
  const own = { path, name: baseName(path).replace(/\.parquet$/i, ""), ...(words && { classNames: words }) };
  const dataset = numberedPictures(own, parts, context);
  const notes = [...new Set(opened.flatMap((one) => one.columns.notes))];
  return notes.length === 0 ? dataset : { ...dataset, notes: [...(dataset.notes ?? []), ...notes] };
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

interface OpenedTable {
  readonly table: Table;
  readonly columns: PictureColumns;
  readonly labels: readonly Label[];
  readonly bytesOf: (index: number) => Promise<Uint8Array>;
}

/** The pictures of the group of rows that was asked for last, in whichever file. */
interface Kept {
  group?: Group;
  values?: Promise<readonly unknown[]>;
}

async function openTable(table: Table, source: DatasetSource, kept: Kept): Promise<OpenedTable> {
  const { path } = table;
  const [{ parquetMetadataAsync, parquetReadObjects, parquetSchema }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  const { size, slice } = await openFile(source, path);
  const file: AsyncBuffer = {
    byteLength: size,
    slice: async (start, end = size) => {
      const bytes = await slice(start < 0 ? size + start : start, end);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    },
  };
  const metadata = await reading(path, () => parquetMetadataAsync(file));
  const said = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  const columns = pictureColumns(path, columnsOf(parquetSchema(metadata)), said);
  const rows = (column: TableColumn, rowStart: number, rowEnd: number): Promise<readonly unknown[]> =>
    reading(path, async () => {
      const read = { file, metadata, compressors, utf8: false, columns: [column.name], rowStart, rowEnd };
      return (await parquetReadObjects(read)).map((row): unknown => row[column.name]);
    });
  const { picture, label } = columns;
  const count = Number(metadata.num_rows);
  const labels =
    label === undefined ? new Array<Label>(count).fill(undefined) : (await rows(label, 0, count)).map(labelOf);
  const groups = groupsOf(metadata);
  const bytesOf = async (index: number): Promise<Uint8Array> => {
    const group = groups.find(({ end }) => index < end);
    if (group === undefined) throw new BadInputError({ where: path, what: `has no row ${index}` });
    if (kept.group !== group || kept.values === undefined) {
      kept.group = group;
      kept.values = rows(picture, group.start, group.end);
    }
    const value = (await kept.values)[index - group.start];
    const bytes = picture.kind === "file" ? (value as { readonly bytes?: unknown } | null)?.bytes : value;
    if (bytes instanceof Uint8Array) return bytes;
    const named = (value as { readonly path?: unknown } | null)?.path;
    const got = typeof named === "string" ? `only the name ${JSON.stringify(named)}` : "nothing";
    throw new BadInputError({ where: `${path}: row ${index}`, what: "holds no picture", expected: "its bytes", got });
  };
  return { table, columns, labels, bytesOf };
}

/** A group of rows, from `start` to before `end`, whose columns are each compressed together. */
interface Group {
  readonly start: number;
  readonly end: number;
}

function groupsOf({ row_groups: groups }: FileMetaData): readonly Group[] {
  let start = 0;
  return groups.map(({ num_rows: rows }) => {
    const group = { start, end: start + Number(rows) };
    start = group.end;
    return group;
  });
}

/** Numbers below 0 stand for classes that are kept secret, as those of ImageNet's test pictures. */
function labelOf(value: unknown): Label {
  if (typeof value === "string") return value;
  const number = typeof value === "bigint" || typeof value === "number" ? Number(value) : Number.NaN;
  return Number.isInteger(number) && number >= 0 ? number : undefined;
}

function columnsOf({ children }: SchemaTree): readonly TableColumn[] {
  return children.map((child) => ({ name: child.element.name, kind: kindOf(child) }));
}

function kindOf({ element, children }: SchemaTree): TableColumn["kind"] {
  if (children.length > 0) {
    return children.some((child) => child.element.name === "bytes" && isBytes(child.element)) ? "file" : "other";
  }
  if (element.repetition_type === "REPEATED") return "other";
  if (isBytes(element)) return "bytes";
  if (element.type === "BYTE_ARRAY") return "text";
  return element.type === "INT32" || element.type === "INT64" ? "integer" : "other";
}

/** Bytes that are no text: of text the table says that it is. */
function isBytes({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return type === "BYTE_ARRAY" && converted === undefined && logical === undefined;
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof PerceptualBallError) throw cause;
    const what = `cannot be read as Parquet (${(cause as Error).message})`;
    throw new BadInputError({ where: path, what, advice: "Copy or download the file again." }, { cause });
  }
}

export const parquetFormat = {
  name: "parquet",
  description: "Parquet files of pictures and classes, as on the Hugging Face Hub; an entry per row",
  recognition: {
    files: "test-00000-of-00001.parquet and the like, or in a folder such as data/",
    folder: hasFile(isParquet),
    inner: hasFile(isParquet),
    file: { named: "a .parquet", fits: isParquet },
  },
  options: ["split"],
  read: readParquet,
} as const satisfies DatasetFormatDefinition;
