/**
 * @file Pictures beside a `metadata.csv` or `metadata.jsonl`, as Hugging Face's `ImageFolder` has it: `file_name`, the picture's path in the
 * folder of the file, and its class in `label` (or `class`, `category`, `class_name`): a name, WordNet number or index.
 *
 * The file may be in folders of parts (`train/metadata.csv`). Other columns are passed over; boxes, in the column `objects`, are not read.
 */
import { BadInputError, MisuseError, oneOf } from "../../errors.ts";
import { type LabelLookup, labelsOfClassList } from "../class-labels.ts";
import { type DatasetImage, type DatasetPart, type DatasetProblem, finishDataset } from "../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../dataset-source.ts";
import { nameIn, pictureTree } from "../find-folder.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { baseName, byCodeUnits, folderName, isHiddenFolder, joinPath } from "../paths.ts";
import {
  type DatasetReader,
  type Findings,
  joinFindings,
  leftOut,
  namedPicture,
  partOfName,
  type ReaderContext,
  storedPicture,
} from "../reader.ts";
import { parseCsv, separatorOf } from "../syntax/parse-csv.ts";

/** Whether the name is that of such a file. */
export function isMetadataName(name: string): boolean {
  return /^metadata\.(csv|jsonl)$/.test(name);
}

const labelColumns = ["label", "class", "category", "class_name"] as const;

interface MetadataFile {
  readonly path: string;
  /** The folder that the file is in, as ids have it: "" or "train/". */
  readonly prefix: string;
  readonly split?: DatasetPart;
}

/** A line of a file, not yet checked. */
interface Line {
  readonly number: number;
  readonly values: Readonly<Record<string, unknown>>;
}

interface Row {
  /** The picture's path in the data set's folder. */
  readonly id: string;
  readonly name: string;
  readonly folder: string;
  readonly split?: DatasetPart;
  readonly className?: string;
}

/** The pictures that the files name, called by their paths. Lines that are malformed or name no picture are problems. */
const readMetadata: DatasetReader = async (path, context) => {
  const { source, selection, classes, labels, signal } = context;
  const files = await metadataFiles(source, path);
  const wanted = context.split === undefined ? undefined : (partOfName(context.split) ?? context.split);
  const problems: DatasetProblem[] = [];
  const notes: string[] = [];
  // All parts say which classes there are, in one order.
  const rows: Row[] = [];
  for (const file of files) {
    const isWanted = wanted === undefined || file.split === undefined || file.split === wanted;
    const bad: DatasetProblem[] = [];
    const lines = await linesOf(source, file.path, bad);
    const own = await rowsOf(file, lines, context, bad);
    rows.push(...own);
    if (!isWanted) continue;
    problems.push(...bad);
    const has = (column: string): boolean => lines.some(({ values }) => values[column] !== undefined);
    if (!labelColumns.some(has)) {
      notes.push(
        `${file.prefix}${baseName(file.path)} has none of the columns ${labelColumns.join(", ")}: its pictures have no classes.`,
      );
    }
    if (has("objects")) {
      notes.push(
        `The boxes in ${file.prefix}${baseName(file.path)} (objects) are not read: a CSV of boxes or COCO's JSON is.`,
      );
    }
    const folder = context.images ?? folderName(file.path);
    const named = new Set(own.map(({ name }) => name));
    const others = ((await pictureTree(source, folder))?.pictures ?? []).filter(({ name }) => !named.has(name));
    if (others.length > 0) {
      const some = others.map(({ name }) => name).sort(byCodeUnits);
      notes.push(
        `Pictures that ${file.prefix}${baseName(file.path)} does not name are not taken: ${some.length}, such as ${some[0]}.`,
      );
    }
  }
  const parts = [...new Set(rows.flatMap((row) => row.split ?? []))].sort(byCodeUnits);
  const split = wanted === undefined ? undefined : oneOf("metadata: split", wanted, parts);
  const classNames = [...new Set(rows.flatMap(({ className }) => className ?? []))].sort(byCodeUnits);
  const areNumbers = classNames.every((name) => /^\d+$/.test(name));
  const lookups: readonly LabelLookup[] =
    classes === undefined
      ? classNames.map((name, index) => ({ label: areNumbers ? Number(name) : index }))
      : labelsOfClassList(classNames, classes);
  const lookupOf = new Map(classNames.map((name, index) => [name, lookups[index]]));
  const findings = await mapConcurrently(
    selection.pictures(
      rows.filter((row) => split === undefined || row.split === split).sort((a, b) => byCodeUnits(a.id, b.id)),
    ),
    async ({ id, name, folder, split: part, className }): Promise<Findings> => {
      const picture = await namedPicture(name, folder, context);
      if (!("path" in picture)) return picture;
      const lookup = labels === "predicted" || className === undefined ? undefined : lookupOf.get(className);
      if (lookup !== undefined && "reason" in lookup) return leftOut(id, "unknown-class", lookup.reason);
      const image: DatasetImage = {
        ...{ id, label: lookup?.label, className, split: part },
        ...storedPicture(source, picture.path),
      };
      return { images: [image], problems: [] };
    },
    { signal },
  );
  const found = joinFindings(findings);
  return finishDataset(path, {
    name: baseName((await source.exists(path)) === "file" ? folderName(path) : path),
    classNames: classes === undefined && !areNumbers ? classNames : classes?.names,
    ...(areNumbers ? {} : { listedClasses: classNames }),
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes,
  });
};

/** The rows of the file; lines without a file name, and those that name a picture again, are problems. */
async function rowsOf(
  { path, prefix, split }: MetadataFile,
  lines: readonly Line[],
  { source, images }: Pick<ReaderContext, "source" | "images">,
  problems: DatasetProblem[],
): Promise<readonly Row[]> {
  const folder = images ?? folderName(path);
  const seen = new Set<string>();
  const rows: Row[] = [];
  for (const { number, values } of lines) {
    const where = `${prefix}${baseName(path)}, line ${number}`;
    if (typeof values.file_name !== "string" || values.file_name === "") {
      problems.push({ kind: "bad-line", image: where, message: "has no file_name; left out" });
      continue;
    }
    const name = await nameIn(folder, values.file_name, source);
    const id = prefix + name;
    if (seen.has(name)) {
      problems.push({ kind: "duplicate", image: id, message: `line ${number} names it again; left out` });
      continue;
    }
    seen.add(name);
    const value = labelColumns
      .map((column) => values[column])
      .find((one) => one !== undefined && one !== null && one !== "");
    if (value !== undefined && typeof value !== "string" && typeof value !== "number") {
      const message = `its label is ${JSON.stringify(value)}, not a name or an index`;
      problems.push(...leftOut(id, "malformed-annotation", message).problems);
      continue;
    }
    // One file beside folders of parts says by its paths which part a picture is of.
    const part = split ?? (name.includes("/") ? partOfName(name.split("/")[0]) : undefined);
    rows.push({ id, name, folder, split: part, className: value === undefined ? undefined : String(value) });
  }
  return rows;
}

/** The file's lines, with the columns of the first line of a CSV in lower case. */
async function linesOf(source: DatasetSource, file: string, problems: DatasetProblem[]): Promise<readonly Line[]> {
  const text = await source.readText(file);
  const bad = (number: number, message: string): void => {
    problems.push({ kind: "bad-line", image: `${baseName(file)}, line ${number}`, message: `${message}; left out` });
  };
  if (/\.csv$/.test(file)) {
    const [header, ...rows] = parseCsv(text, file, separatorOf(text));
    const names = header?.fields.map((field) => field.trim().toLowerCase()) ?? [];
    if (!names.includes("file_name")) throw withoutNames(file, names.join(","));
    return rows.flatMap(({ line, fields }) => {
      if (fields.length === names.length) {
        return [{ number: line, values: Object.fromEntries(names.map((name, index) => [name, fields[index].trim()])) }];
      }
      bad(line, `${fields.length} fields where the first line has ${names.length}`);
      return [];
    });
  }
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .flatMap((line, index): Line[] => {
      if (line.trim() === "") return [];
      const values = recordIn(line);
      if (values !== undefined) return [{ number: index + 1, values }];
      bad(index + 1, "is no object in JSON");
      return [];
    });
  if (lines.length > 0 && lines.every(({ values }) => values.file_name === undefined)) {
    throw withoutNames(file, Object.keys(lines[0].values).join(","));
  }
  return lines;
}

function recordIn(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function withoutNames(where: string, got: string): BadInputError {
  return new BadInputError({
    where,
    what: "there is no column file_name",
    expected: "file_name and, if wanted, label",
    got: got === "" ? "an empty file" : got,
  });
}

/** The file at `path`, or the one in that folder, or those in the folders in it. */
async function metadataFiles(source: DatasetSource, path: string): Promise<readonly MetadataFile[]> {
  if ((await source.exists(path)) === "file") return [{ path, prefix: "" }];
  const entries = await source.list(path);
  const own = oneIn(path, entries);
  if (own !== undefined) return [{ path: joinPath(path, own), prefix: "" }];
  const files: MetadataFile[] = [];
  for (const { name, kind } of entries) {
    if (kind !== "folder" || isHiddenFolder(name)) continue;
    const folder = joinPath(path, name);
    const inner = oneIn(folder, await source.list(folder));
    if (inner !== undefined) files.push({ path: joinPath(folder, inner), prefix: `${name}/`, split: partOfName(name) });
  }
  if (files.length > 0) return files.sort((a, b) => byCodeUnits(a.prefix, b.prefix));
  throw new BadInputError({
    where: path,
    what: "there is no metadata.csv or metadata.jsonl",
    expected: "one beside the pictures",
  });
}

function oneIn(folder: string, entries: readonly FileEntry[]): string | undefined {
  const names = entries.filter(({ name, kind }) => kind === "file" && isMetadataName(name)).map(({ name }) => name);
  if (names.length < 2) return names[0];
  throw new MisuseError({
    where: folder,
    what: "there are metadata.csv and metadata.jsonl",
    expected: "one of them",
    advice: `Say which: --data ${joinPath(folder, "metadata.csv")}.`,
  });
}

/** Whether no file says which pictures it is about: it is somebody else's. */
async function namesNothing(path: string, entries: readonly FileEntry[], source: DatasetSource): Promise<boolean> {
  for (const { name, kind } of entries) {
    if (kind !== "file" || !isMetadataName(name)) continue;
    const text = await source.readText(joinPath(path, name));
    if (/\bfile_name\b/i.test(text.slice(0, 2 ** 16))) return false;
  }
  return true;
}

export const metadataFormat = {
  name: "metadata",
  description: "pictures with classes in Hugging Face's metadata file; an entry per picture",
  recognition: {
    files: "metadata.csv or metadata.jsonl",
    folder: hasFile(isMetadataName),
    isDenied: namesNothing,
    inner: hasFile(isMetadataName),
    file: { named: "metadata.jsonl", fits: isMetadataName },
  },
  options: ["images", "split"],
  read: readMetadata,
} as const satisfies DatasetFormatDefinition;
