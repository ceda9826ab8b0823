/**
 * @file Tables that say the classes of pictures, as people write them: a CSV whose columns are called one way or another, lists of a name and a
 * class per line (Caffe's), lines of JSON, or JSON with a picture's class under its name (also FiftyOne's, `{"classes": […], "labels": {name: number}}`).
 */
import { BadInputError, UnsupportedError } from "../../../errors.ts";
import type { DatasetProblem } from "../../dataset.ts";
import { type DatasetSource, textHead } from "../../dataset-source.ts";
import { baseName, isPictureName } from "../../paths.ts";
import { isObject, type JsonObject, objectIn, objectOf, objectsInLines, parseJson } from "../../syntax/json-objects.ts";
import { type CsvRow, parseCsv, rowsIfCsv, separatorOf } from "../../syntax/parse-csv.ts";
import { type ClassColumns, classColumns, columnsWithoutNames, isFlag } from "./class-columns.ts";

/** A line of a table, not yet checked. Its values may be `file_name`, `label`, `split`, and `flaw`: why it says no class. */
export interface TableLine {
  readonly number: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What other formats have: Hugging Face's metadata, ImageNet's boxes, and the lists of Choe et al. */
const others = /^(metadata\.(csv|jsonl)|LOC_\w+_solution\.csv|(image_ids|class_labels|localization|image_sizes)\.txt)$/;

/** Whether a table of classes may be called so. */
export function isTableName(name: string): boolean {
  return /\.(csv|tsv|txt|jsonl?)$/i.test(name) && !others.test(name) && !name.startsWith(".");
}

const listLine =
  /^"?(.+?\.(?:jpe?g|jpe|jf?if|png|webp|gif|tiff?|avif|bmp|p[bgpn]m|npy))"?(?:\s*[,;]\s*|\s+)("[^"]+"|[^",;\t\s][^",;\t]*)$/i;

/** A line of Tiny ImageNet's val_annotations.txt: the name, the WordNet number and a box. */
const tinyLine = /^(\S+\.JPEG)\t(n\d{8})((?:\t\d+){4})$/;

/** The name and the class in a line such as "a.png 3" or "a.png,cat". Several numbers are a box, or several classes, and no class. */
function listed(line: string): readonly [string, string] | undefined {
  const [, name, label] = listLine.exec(line.trim()) ?? [];
  if (name === undefined || label === undefined || name.includes("\t") || /^[-\d.]+(\s+[-\d.]+)+$/.test(label))
    return undefined;
  return [name, unquoted(label)];
}

/** Whether the first line is one of a list, and no row of more than two fields. */
function beginsList(file: string, first: string): boolean {
  if (tinyLine.test(first.trim())) return true;
  const hasMore = /\.[ct]sv$/i.test(file) && (rowsIfCsv(first, file)[0]?.fields.length ?? 0) > 2;
  return !hasMore && listed(first) !== undefined;
}

function isComment(line: string): boolean {
  return line.trim() === "" || line.startsWith("#");
}

/** So much of a file is looked at. */
const headLength = 2 ** 16;

/** What is said of a table as a whole. */
export interface TableFindings {
  /** Sentences. */
  readonly notes: string[];
  /** Its classes in its own order, where there is a column for each. */
  classNames?: readonly string[];
}

/** What a file is: a table of pictures and classes, one that names pictures without classes, or what Git leaves where its large files were not fetched. */
export type TableKind = "classes" | "pictures" | "pointer";

/** What the file is, as far as its beginning tells; undefined where it names no pictures. */
export async function tableKind(source: DatasetSource, file: string): Promise<TableKind | undefined> {
  const { text, isWhole } = await textHead(source, file, headLength);
  const head = text.replace(/^\uFEFF/, "");
  if (isPointer(head)) return "pointer";
  if (/\.json$/i.test(file)) return looksLikeJson(head) ? "classes" : undefined;
  const lines = head.split(/\r?\n/).filter((line) => !isComment(line));
  const [line = ""] = lines;
  if (/\.jsonl$/i.test(file)) return keysIn(objectIn(line)) === undefined ? undefined : "classes";
  if (beginsList(file, line)) return "classes";
  const rows = lines.slice(0, isWhole ? mostRows : Math.min(mostRows, lines.length - 1)).join("\n");
  const found = columnsOfRows(file, rowsIfCsv(rows, file));
  if (found === undefined) return undefined;
  if (found.columns.label >= 0 || found.columns.each !== undefined) return "classes";
  // An "id" alone names nothing that is certainly a picture.
  return /\.[ct]sv$/i.test(file) && found.names !== undefined && found.namesPictures ? "pictures" : undefined;
}

/** Whether the file names pictures, or should. */
export async function isLabelTable(source: DatasetSource, file: string): Promise<boolean> {
  return (await tableKind(source, file)) !== undefined;
}

/** So many rows are looked at to see what is in which column. */
const mostRows = 50;

function isPointer(head: string): boolean {
  return head.startsWith("version https://git-lfs.github.com/spec/");
}

interface FoundColumns {
  readonly columns: ClassColumns;
  /** Undefined where the first row names no columns. */
  readonly names?: readonly string[];
  readonly namesPictures: boolean;
}

/** What the columns of the rows are, with the names in the first row or without; a text has to name both. */
function columnsOfRows(file: string, rows: readonly CsvRow[]): FoundColumns | undefined {
  const [header, ...below] = rows.map(({ fields }) => fields);
  if (header === undefined || header.length < 2) return undefined;
  const some = below.slice(0, mostRows);
  const unnamed = columnsWithoutNames([header, ...some]);
  if (unnamed !== undefined) return { columns: unnamed, namesPictures: true };
  // Rows of something else, such as boxes, without a first line of names.
  if (header.some((name) => isPictureName(baseName(name.trim())))) return undefined;
  const columns = classColumns(header, some);
  if (columns === undefined) return undefined;
  const isText = !/\.[ct]sv$/i.test(file);
  if (isText && (columns.label < 0 || some.length === 0)) return undefined;
  const namesPictures =
    some.length > 0 && some.every((row) => isPictureName(baseName((row[columns.picture] ?? "").trim())));
  return { columns, names: header, namesPictures };
}

function unquoted(field: string): string {
  return field.trim().replace(/^"(.*)"$/, "$1");
}

function looksLikeJson(head: string): boolean {
  const [, key] = /^\s*\{\s*"([^"]+)"\s*:\s*(?:"|\d)/.exec(head) ?? [];
  if (key !== undefined) return isPictureName(baseName(key));
  // Pairs, by themselves or as StyleGAN's dataset.json has them.
  if (/^\s*(?:\{\s*"labels"\s*:\s*)?\[\s*\[\s*"[^"]+\.\w+"\s*,\s*(?:"|\d)/.test(head)) return true;
  if (/"classes"\s*:\s*\[/.test(head) && /"labels"\s*:\s*\{\s*"[^"]+"\s*:\s*(?:"|\d|null)/.test(head)) return true;
  const first = /^\s*(?:\{\s*"images"\s*:\s*)?\[\s*(\{[^{}]*\})/.exec(head)?.[1];
  return first !== undefined && keysIn(objectIn(first)) !== undefined;
}

/** Under which keys of the record the picture and its class are. */
function keysIn(record: JsonObject | undefined): readonly [string, string] | undefined {
  const keys = Object.keys(record ?? {});
  const found = classColumns(keys, [Object.values(record ?? {}).map(String)]);
  return found === undefined || found.label < 0 ? undefined : [keys[found.picture], keys[found.label]];
}

/** The lines of the table in `text`; those that are none are problems. Throws where it says no classes. */
export function tableLines(
  text: string,
  file: string,
  problems: DatasetProblem[],
  findings: TableFindings,
): readonly TableLine[] {
  if (isPointer(text)) {
    throw new BadInputError({
      where: file,
      what: "is a pointer of Git LFS, not the table itself",
      advice: "Fetch the file with `git lfs pull`, or download it.",
    });
  }
  const bad = (number: number, what: string): void => {
    problems.push({ kind: "bad-line", image: `${baseName(file)}, line ${number}`, message: `${what}; left out` });
  };
  const row = (number: number, name: unknown, label: unknown): TableLine => ({
    number,
    values: { file_name: typeof name === "number" ? String(name) : name, label },
  });
  const ofRecord = (value: unknown, number: number): TableLine[] => {
    const record = objectOf(value);
    const keys = keysIn(record);
    if (keys !== undefined) return [row(number, record[keys[0]], record[keys[1]])];
    bad(number, "names no picture and class");
    return [];
  };
  const plain = text.replace(/^\uFEFF/, "");
  if (/\.json$/i.test(file)) return ofJson(parseJson(plain, file), ofRecord, row, findings);
  const lines = plain.split(/\r?\n/);
  const first = lines.find((line) => !isComment(line)) ?? "";
  if (/\.jsonl$/i.test(file)) {
    return objectsInLines(text).flatMap(({ line, object }) => ofRecord(object, line));
  }
  if (beginsList(file, first)) {
    return lines.flatMap((line, index) => {
      if (isComment(line)) return [];
      const [, name, synset, box] = tinyLine.exec(line.trim()) ?? [];
      if (name !== undefined) {
        return [{ number: index + 1, values: { file_name: name, label: synset, objects: box.trim() } }];
      }
      const found = listed(line);
      if (found !== undefined) return [row(index + 1, ...found)];
      bad(index + 1, `${JSON.stringify(line)} is no picture's name and class`);
      return [];
    });
  }
  return ofRows(parseCsv(plain, file, separatorOf(plain)), file, bad, findings);
}

/** The lines of a CSV whose first row may name the columns. */
function ofRows(
  all: readonly CsvRow[],
  file: string,
  bad: (number: number, what: string) => void,
  findings: TableFindings,
): readonly TableLine[] {
  const found = columnsOfRows(file, all);
  const names = found?.names;
  if (found === undefined || (found.columns.label < 0 && found.columns.each === undefined)) {
    throw new BadInputError({
      where: file,
      what:
        found === undefined || names === undefined
          ? "does not say which pictures are of which class"
          : `names pictures (${names[found.columns.picture].trim()}) and not their classes`,
      expected: "a column such as label or class, or a column of 0 and 1 for each class",
      got: all[0]?.fields.slice(0, 12).join(",") ?? "an empty file",
      advice: "Call the column of the classes label, or leave only it beside that of the pictures.",
    });
  }
  const { picture, label, each, part } = found.columns;
  const width = all[0].fields.length;
  const rows = names === undefined ? all : all.slice(1);
  const lines = rows.flatMap(({ line, fields }): TableLine[] => {
    if (fields.length !== width) {
      bad(line, `${fields.length} fields where the first line has ${width}`);
      return [];
    }
    const said =
      each === undefined
        ? oneOf(fields[label].trim())
        : flagged(each.map((column) => [names?.[column] ?? "", fields[column]]));
    const own = part < 0 ? {} : { split: fields[part].trim() };
    return [{ number: line, values: { file_name: fields[picture].trim(), ...said, ...own } }];
  });
  if (each !== undefined) {
    const several = lines.filter(({ values }) => values.isSeveral === true).length;
    if (2 * several > lines.length) {
      throw new UnsupportedError({
        where: file,
        what: `${several} of ${lines.length} pictures are of several classes at once: it is a set of many labels`,
        expected: "one class for each picture",
        advice: "Write a CSV (image,label) with the one that is meant.",
      });
    }
    const own = each.map((column) => names?.[column].trim() ?? "");
    const some = own.slice(0, 4).join(", ") + (own.length > 4 ? ", …" : "");
    findings.classNames = own;
    findings.notes.push(`Each column of 0 and 1 in ${baseName(file)} is a class: ${some}.`);
  }
  return lines;
}

/** The class in a field that may list several, as "Mass|Nodule". */
function oneOf(text: string): Readonly<Record<string, unknown>> {
  return /[^|]\|[^|]/.test(text) ? { flaw: `is of several classes (${text})`, isSeveral: true } : { label: text };
}

/** The class whose column has a 1. */
function flagged(columns: readonly (readonly [name: string, value: string])[]): Readonly<Record<string, unknown>> {
  const wrong = columns.find(([, value]) => !isFlag(value));
  if (wrong !== undefined) return { flaw: `has ${JSON.stringify(wrong[1].trim())} for ${wrong[0].trim()}, not 0 or 1` };
  const found = columns.filter(([, value]) => Number(value) === 1).map(([name]) => name.trim());
  if (found.length === 1) return { label: found[0] };
  if (found.length === 0) return { flaw: "is of none of the classes" };
  return { flaw: `is of several classes (${found.join(", ")})`, isSeveral: true };
}

function ofJson(
  value: unknown,
  ofRecord: (value: unknown, number: number) => TableLine[],
  row: (number: number, name: unknown, label: unknown) => TableLine,
  findings: TableFindings,
): readonly TableLine[] {
  if (isObject(value) && isObject(value.labels) && Array.isArray(value.classes)) {
    const names: readonly string[] = value.classes.map(String);
    findings.classNames = names;
    return Object.entries(value.labels).map(([name, label], index) =>
      typeof label === "number" || typeof label === "string"
        ? row(index + 1, name, names[Number(label)] ?? label)
        : { number: index + 1, values: { file_name: name, flaw: "has no class" } },
    );
  }
  const inside = isObject(value) ? [value.labels, value.images].find(Array.isArray) : undefined;
  const list = inside ?? value;
  if (Array.isArray(list)) {
    return list.flatMap((one: unknown, index) =>
      Array.isArray(one) ? [row(index + 1, one[0], one[1])] : ofRecord(one, index + 1),
    );
  }
  return isObject(list) ? Object.entries(list).map(([name, label], index) => row(index + 1, name, label)) : [];
}
