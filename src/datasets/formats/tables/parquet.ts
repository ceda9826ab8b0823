/**
 * @file Parquet files of pictures and their classes, as data sets on the Hugging Face Hub are kept: `train-00000-of-00002.parquet` in the folder or in one in
 * it (`data`), a column of pictures as files ({bytes, path}, or the bytes alone) and one of classes (numbers with names in the metadata, or the names), or of boxes with their classes
 * (`objects`: see box-json.ts), or both.
 *
 * Classes and boxes are read at once; a picture's bytes when it is asked for, with those of its group of rows, which are kept until another is asked for.
 */
import type { AsyncBuffer, FileMetaData, SchemaElement, SchemaTree } from "hyparquet";
import { sizedPicture } from "../../../classifier/preprocessing/fit-picture.ts";
import { BadInputError, PerceptualBallError } from "../../../errors.ts";
import { type Dataset, type DatasetPart, type DatasetProblem, finishDataset } from "../../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../../dataset-format.ts";
import { type DatasetSource, openFile, type ReadPictureOptions } from "../../dataset-source.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { partOfName, wantedPart } from "../../parts.ts";
import { baseName, byCodeUnits, folderName, joinPath } from "../../paths.ts";
import type { ReaderContext } from "../../reader.ts";
import { type NumberedPart, numberedPictures } from "../arrays/numbered-pictures.ts";
import { boxEntries, type PictureRows, picturesOf, type RowsFile } from "../boxes/box-entries.ts";
import { boxNames, type HuggingFacePicture, huggingFaceTable } from "../boxes/box-json.ts";
import { type BoxesColumns, type PictureColumns, pictureColumns, type TableColumn } from "./table-columns.ts";

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
  const own = { path, name: baseName(path).replace(/\.parquet$/i, ""), ...(words && { classNames: words }) };
  const notes = [...new Set(opened.flatMap((one) => one.columns.notes))];
  if (columns.boxes !== undefined) return boxedPictures(own, opened, notes, context);
  const numberOf = new Map(words?.map((word, number) => [word, number]));
  const parts = counted(opened).map(({ table, labels, bytesOf, first }): NumberedPart => {
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

/** A table, as entries of boxes have files. */
interface TableOfBoxes extends RowsFile {
  readonly opened: OpenedTable;
  readonly indexOf: ReadonlyMap<string, number>;
}

/** The pictures with the boxes that the tables say, an entry for each class of a picture. */
async function boxedPictures(
  own: { readonly path: string; readonly name: string; readonly classNames?: readonly string[] },
  opened: readonly OpenedTable[],
  notes: readonly string[],
  context: ReaderContext,
): Promise<Dataset> {
  const { source, selection, classes } = context;
  const { path, classNames } = own;
  const problems: DatasetProblem[] = [];
  const rows: PictureRows<TableOfBoxes>[] = [];
  for (const { first, ...one } of counted(opened)) {
    const { table, columns, boxes } = one;
    const images = boxes.map((_, index) => `${table.part}/${first + index}`);
    const pictures = boxes.map((row, index) => ({ ...row, at: `row ${index}`, image: images[index] }));
    const indexOf = new Map(images.map((image, index) => [image, index]));
    const file = { path: table.path, prefix: "", split: table.split, opened: one, indexOf };
    const read = huggingFaceTable(pictures, nameOfBoxes(columns));
    rows.push(...picturesOf(file, read, problems));
  }
  const find = async ({ id, file: { path: where, opened: one, indexOf } }: PictureRows<TableOfBoxes>) => {
    const bytesOf = (): Promise<Uint8Array> => one.bytesOf(indexOf.get(id) ?? -1);
    const inTable = `${where}: ${id}`;
    return {
      where: inTable,
      size: async () =>
        source.decodePictureSize === undefined
          ? sizedPicture(await source.decodePicture(await bytesOf(), inTable))
          : source.decodePictureSize(await bytesOf(), inTable),
      picture: async (options?: ReadPictureOptions) => source.decodePicture(await bytesOf(), inTable, options),
      stored: async function* () {
        yield await bytesOf();
      },
    };
  };
  const chosen = selection.pictures(rows);
  const names = new Map(classNames?.map((name, number) => [String(number), name]));
  const found = await boxEntries(path, { rows, chosen, find, names, listedClasses: classNames }, context);
  return finishDataset(path, {
    name: own.name,
    classNames: classes?.names ?? classNames,
    listedClasses: classNames,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes: [...notes, ...rows.slice(0, 1).flatMap(({ table }) => table.notes), ...found.notes],
  });
}

function nameOfBoxes({ boxes }: PictureColumns): string {
  return boxes?.column.kind === "objects" ? `${boxes.column.name}.bbox` : (boxes?.column.name ?? "");
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
  /** What the rows say of boxes; none where no column does. */
  readonly boxes: readonly Omit<HuggingFacePicture, "at" | "image">[];
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
  const valuesOf = async (column: TableColumn | undefined): Promise<readonly unknown[]> =>
    column === undefined ? [] : (await rows(column, 0, count)).map(plain);
  const boxes = columns.boxes === undefined ? [] : await boxesIn(columns.boxes, valuesOf, labels);
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
  return { table, columns, labels, boxes, bytesOf };
}

/** What the columns say of each row's boxes. `labels` are the classes of the pictures, which boxes without classes of their own are of. */
async function boxesIn(
  { column, categories, width, height }: BoxesColumns,
  valuesOf: (column: TableColumn | undefined) => Promise<readonly unknown[]>,
  labels: readonly Label[],
): Promise<OpenedTable["boxes"]> {
  const objects = await valuesOf(column);
  const classes = categories === undefined ? labels : await valuesOf(categories);
  const [widths, heights] = [await valuesOf(width), await valuesOf(height)];
  return objects.map((value, index) => ({
    objects: column.kind === "objects" ? value : { bbox: value, category: classes[index] },
    width: Number(widths[index]),
    height: Number(heights[index]),
  }));
}

/** The value with numbers where 64 bits are, and lists where typed arrays are. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
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

function kindOf(column: SchemaTree): TableColumn["kind"] {
  const { element, children } = column;
  if (children.length > 0) {
    if (children.some((child) => child.element.name === "bytes" && isBytes(child.element))) return "file";
    const inner = itemOf(column);
    if (inner.children.length === 0) return "list";
    const boxes = inner.children.find((child) => boxNames.includes(child.element.name));
    return boxes !== undefined && kindOf(boxes) === "list" ? "objects" : "other";
  }
  if (element.repetition_type === "REPEATED") return "other";
  if (isBytes(element)) return "bytes";
  if (element.type === "BYTE_ARRAY") return "text";
  return element.type === "INT32" || element.type === "INT64" ? "integer" : "other";
}

/** What is in the lists, one in another, that the column holds; the column itself if it holds none. */
function itemOf(column: SchemaTree): SchemaTree {
  const { element, children } = column;
  const isList = element.converted_type === "LIST" || element.logical_type?.type === "LIST";
  return isList && children.length === 1 && children[0].children.length === 1
    ? itemOf(children[0].children[0])
    : column;
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
