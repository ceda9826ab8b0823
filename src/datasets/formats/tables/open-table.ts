/** @file One Parquet file: its columns, classes and boxes at once, and a picture's bytes when it is asked for. */
import type { AsyncBuffer, FileMetaData, SchemaElement, SchemaTree } from "hyparquet";
import { BadInputError, PerceptualBallError } from "../../../errors.ts";
import type { DatasetPart } from "../../dataset.ts";
import { type DatasetSource, openFile } from "../../dataset-source.ts";
import { boxNames, type HuggingFacePicture } from "../boxes/box-json.ts";
import { type BoxesColumns, type PictureColumns, pictureColumns, type TableColumn } from "./table-columns.ts";

/** A file of the data set, of which the rows before it are counted. */
export interface Table {
  readonly path: string;
  /** "test", "train-extra"; pictures are called by it. */
  readonly part: string;
  readonly split: DatasetPart | undefined;
}

/** A class as it stands in the table. */
export type Label = number | string | undefined;

/** A file with what its rows say. */
export interface OpenedTable {
  readonly table: Table;
  readonly columns: PictureColumns;
  readonly labels: readonly Label[];
  /** What the rows say of boxes; none where no column does. */
  readonly boxes: readonly Omit<HuggingFacePicture, "at" | "image">[];
  readonly bytesOf: (index: number) => Promise<Uint8Array>;
}

/** The pictures of the group of rows that was asked for last, in whichever file. */
export interface Kept {
  group?: Group;
  values?: Promise<readonly unknown[]>;
}

/** Opens the file; `kept` is for all files of a data set. Throws a BadInputError for what is damaged, and an UnsupportedError where no column holds pictures. */
export async function openTable(table: Table, source: DatasetSource, kept: Kept): Promise<OpenedTable> {
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
