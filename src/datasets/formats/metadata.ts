/**
 * @file Pictures beside a table of their classes: a `metadata.csv` or `metadata.jsonl`, as Hugging Face's `ImageFolder` has it, with `file_name`, the
 * picture's path in the folder of the file, and its class in `label` (or `class`, `category`, `class_name`): a name, WordNet number or index; or a
 * table of another name and form (see label-table.ts).
 *
 * Hugging Face's file may be in folders of parts (`train/metadata.csv`). Other columns are passed over; boxes, in the column `objects`, are not read.
 */
import { BadInputError, oneOf } from "../../errors.ts";
import { matchClassList } from "../class-labels.ts";
import { type DatasetImage, type DatasetPart, type DatasetProblem, finishDataset } from "../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../dataset-format.ts";
import type { DatasetSource } from "../dataset-source.ts";
import { fileNameOf, fileNames, folderOfFiles, nameIn, pictureTree } from "../find-folder.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { baseName, byCodeUnits, folderName, joinPath, withoutExtension } from "../paths.ts";
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
import { isLabelTable, isTableName, type TableLine, tableLines } from "./label-table.ts";
import { hasTable, isMetadataName, type MetadataFile, metadataFiles, namesNothing } from "./metadata-files.ts";
import { pictureFolders } from "./picture-folders.ts";

const labelColumns = ["label", "class", "category", "class_name"] as const;

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
  const folders = new Map<string, MetadataFile[]>();
  for (const file of files) {
    const isWanted = wanted === undefined || file.split === undefined || file.split === wanted;
    const bad: DatasetProblem[] = [];
    const lines = await linesOf(source, file, bad);
    const folder = await pictureFolder(path, file, lines, context);
    const prefix = file.isTable === true ? prefixOf(path, folder) : file.prefix;
    const own = await rowsOf({ ...file, prefix }, lines, folder, source, bad);
    for (const row of own) rows.push(row);
    if (!isWanted) continue;
    for (const problem of bad) problems.push(problem);
    const has = (column: string): boolean => lines.some(({ values }) => values[column] !== undefined);
    if (file.isTable !== true && !labelColumns.some(has)) {
      notes.push(
        `${file.prefix}${baseName(file.path)} has none of the columns ${labelColumns.join(", ")}: its pictures have no classes.`,
      );
    }
    if (has("objects")) {
      notes.push(
        `The boxes in ${file.prefix}${baseName(file.path)}${file.isTable === true ? "" : " (objects)"} are not read: a CSV of boxes or COCO's JSON is.`,
      );
    }
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  for (const [folder, own] of folders) {
    const named = new Set(rows.filter((row) => row.folder === folder).map(({ name }) => name));
    const isNamed = (name: string): boolean => named.has(name) || named.has(withoutExtension(name));
    const others = ((await pictureTree(source, folder))?.pictures ?? []).filter(({ name }) => !isNamed(name));
    if (others.length > 0) {
      const some = others.map(({ name }) => name).sort(byCodeUnits);
      const files = own.map((file) => `${file.prefix}${baseName(file.path)}`);
      notes.push(
        `Pictures that ${files.join(" and ")} ${files.length === 1 ? "does" : "do"} not name are not taken: ${some.length}, such as ${some[0]}.`,
      );
    }
  }
  const parts = [...new Set(rows.flatMap((row) => row.split ?? []))].sort(byCodeUnits);
  const split = wanted === undefined ? undefined : oneOf("metadata: split", wanted, parts);
  const classNames = [...new Set(rows.flatMap(({ className }) => className ?? []))].sort(byCodeUnits);
  const areNumbers = classNames.every((name) => /^\d+$/.test(name));
  const match = matchClassList(classNames, classes);
  const lookups =
    classes === undefined && areNumbers ? classNames.map((name) => ({ label: Number(name) })) : match.lookups;
  notes.push(...match.notes);
  const lookupOf = new Map(classNames.map((name, index) => [name, lookups[index]]));
  const findings = await mapConcurrently(
    selection.pictures(
      rows.filter((row) => split === undefined || row.split === split).sort((a, b) => byCodeUnits(a.id, b.id)),
    ),
    async ({ id, name, folder, split: part, className }): Promise<Findings> => {
      const picture = await namedPicture(await fileNameOf(name, folder, source), folder, context);
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
    isOrderOpen: match.isOpen,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes,
  });
};

/** The rows of the file; lines without a file name, and those that name a picture again, are problems. */
async function rowsOf(
  { path, prefix, split }: MetadataFile,
  lines: readonly TableLine[],
  folder: string,
  source: DatasetSource,
  problems: DatasetProblem[],
): Promise<readonly Row[]> {
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

/** The folder that the names in the file are of: its own, but that a table's pictures may be in one beside it. */
async function pictureFolder(
  path: string,
  file: MetadataFile,
  lines: readonly TableLine[],
  { source, images }: Pick<ReaderContext, "source" | "images">,
): Promise<string> {
  const root = folderName(file.path);
  if (images !== undefined || file.isTable !== true) return images ?? root;
  const stem = withoutExtension(baseName(file.path));
  const entries = (await source.exists(path)) === "folder" ? await source.list(path) : await source.list(root);
  const only = await pictureFolders(root, entries, source);
  const folders = [...new Set(["", "images", stem, ...(only.length === 1 ? only : []), file.split ?? "", "train"])];
  const names = lines.slice(0, 20).flatMap(({ values }) => fileNames(String(values.file_name)));
  const places = folders.map((name) => (name === "" ? root : joinPath(root, name)));
  return folderOfFiles(source, file.path, places, names.length === 0 ? [""] : names);
}

/** What stands before a picture's name in `folder` for its path in `root`, the data set's folder or a file in it. */
function prefixOf(root: string, folder: string): string {
  return folder.startsWith(`${root}/`) ? `${folder.slice(root.length + 1)}/` : "";
}

/** The file's lines, with the columns of the first line of a CSV in lower case. */
async function linesOf(
  source: DatasetSource,
  { path: file, isTable }: MetadataFile,
  problems: DatasetProblem[],
): Promise<readonly TableLine[]> {
  const text = await source.readText(file);
  if (isTable === true) {
    if (await isLabelTable(source, file)) return tableLines(text, file, problems);
    throw new BadInputError({
      where: file,
      what: "does not say which pictures are of which class",
      expected: "a first line with image,label or the like, or lines such as a.png 3",
    });
  }
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
    .flatMap((line, index): TableLine[] => {
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

export const metadataFormat = {
  name: "metadata",
  description: "pictures with classes in a table, such as Hugging Face's metadata file; an entry per picture",
  recognition: {
    files: "metadata.csv or metadata.jsonl, or another table of pictures and classes",
    folder: hasFile(isMetadataName),
    isDenied: namesNothing,
    inner: hasFile(isMetadataName),
    otherwise: hasTable,
    file: {
      named: "metadata.jsonl or another table of pictures and classes",
      fits: isMetadataName,
      mayFit: isTableName,
    },
  },
  options: ["images", "split"],
  read: readMetadata,
} as const satisfies DatasetFormatDefinition;
