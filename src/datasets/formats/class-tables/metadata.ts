/**
 * @file Pictures beside a table of their classes: a `metadata.csv` or `metadata.jsonl`, as Hugging Face's `ImageFolder` has it, with `file_name`, the
 * picture's path in the folder of the file, and its class in `label` (or `class`, `category`, `class_name`): a name, WordNet number or index; or a
 * table of another name and form (see label-table.ts).
 *
 * Hugging Face's file may be in folders of parts (`train/metadata.csv`). Other columns are passed over. Boxes, in the column `objects` of a
 * file that says no class of the picture, are read as those of the format `boxes` (see box-json.ts).
 */
import { BadInputError } from "../../../errors.ts";
import { matchClassList } from "../../class-labels.ts";
import { type DatasetPart, type DatasetProblem, finishDataset } from "../../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../../dataset-format.ts";
import { type DatasetSource, textHead } from "../../dataset-source.ts";
import { nameIn, picturesAreMissing } from "../../files/find-folder.ts";
import { type FoundNames, findNamedPictures } from "../../files/find-pictures.ts";
import { type FoundPicture, pictureTree } from "../../files/picture-tree.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { partOfName, wantedPart } from "../../parts.ts";
import { baseName, byCodeUnits, folderName, joinPath, leavesFolder, plainName, withoutExtension } from "../../paths.ts";
import {
  type DatasetReader,
  entryOf,
  type Findings,
  joinFindings,
  leftOut,
  namedPicture,
  type ReaderContext,
  storedPicture,
} from "../../reader.ts";
import { objectsInLines } from "../../syntax/json-objects.ts";
import { parseCsv, separatorOf } from "../../syntax/parse-csv.ts";
import { jsonKind } from "../boxes/box-json.ts";
import { readBoxes } from "../boxes/boxes.ts";
import { pictureFolders } from "../folders/picture-folders.ts";
import { partOfValue } from "./class-columns.ts";
import { isTableName, type TableFindings, type TableLine, tableLines } from "./label-table.ts";
import {
  hasTable,
  isMetadataName,
  isRoboflowName,
  type MetadataFile,
  metadataFiles,
  namesNothing,
} from "./metadata-files.ts";

const labelColumns = ["label", "class", "category", "class_name"] as const;

interface Row {
  /** The picture's path in the data set's folder. */
  readonly id: string;
  /** Its path in `folder`. */
  readonly name: string;
  readonly folder: string;
  readonly split?: DatasetPart;
  readonly className?: string;
}

/** The pictures that the files name, called by their paths. Lines that are malformed or name no picture are problems. */
const readMetadata: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const files = await metadataFiles(source, path);
  for (const file of files) if (await saysBoxes(source, file)) return readBoxes(path, context);
  const wanted = context.split === undefined ? undefined : (partOfName(context.split) ?? context.split);
  const problems: DatasetProblem[] = [];
  const notes: string[] = [];
  // All parts say which classes there are, in one order.
  const rows: Row[] = [];
  const listed: (readonly string[] | undefined)[] = [];
  const folders = new Map<string, MetadataFile[]>();
  // Several tables lie in one folder, which may be large.
  const trees = new Map<string, readonly FoundPicture[]>();
  const picturesAt = async (folder: string): Promise<readonly FoundPicture[]> => {
    const found = trees.get(folder) ?? (await pictureTree(source, folder))?.pictures ?? [];
    trees.set(folder, found);
    return found;
  };
  for (const file of files) {
    const isWanted = wanted === undefined || file.split === undefined || file.split === wanted;
    const bad: DatasetProblem[] = [];
    const said: TableFindings = { notes: [] };
    const lines = await linesOf(source, file, bad, said);
    const place = await placeOf(path, file, lines, { ...context, picturesAt });
    listed.push(said.classNames);
    const own = await rowsOf(file, lines, place, source, bad);
    for (const row of own) rows.push(row);
    if (!isWanted) continue;
    for (const problem of bad) problems.push(problem);
    notes.push(...said.notes, ...place.notes);
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
    const folder = folderAt(place);
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  const named = new Set(rows.map(({ name, folder }) => joinPath(folder, name)));
  for (const [folder, own] of folders) {
    const others = (await picturesAt(folder)).filter((one) => !named.has(one.path));
    if (others.length > 0) {
      const some = others.map(({ name }) => name).sort(byCodeUnits);
      const files = own.map((file) => `${file.prefix}${baseName(file.path)}`);
      notes.push(
        `Pictures that ${files.join(" and ")} ${files.length === 1 ? "does" : "do"} not name are not taken: ${some.length}, such as ${some[0]}.`,
      );
    }
  }
  const split = wantedPart(path, context.split, [...new Set(rows.map((row) => row.split))]);
  const found = [...new Set(rows.flatMap(({ className }) => className ?? []))].sort(byCodeUnits);
  const [columns] = listed;
  const isListed = columns !== undefined && listed.every((one) => one?.join("\n") === columns.join("\n"));
  const classNames = isListed ? columns : found;
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
      const picture = await namedPicture(name, folder, context);
      if (!("path" in picture)) return picture;
      const lookup = className === undefined ? undefined : lookupOf.get(className);
      return entryOf({ id, className, lookup, split: part, ...storedPicture(source, picture.path) }, context);
    },
    { signal },
  );
  const { images, problems: inRows } = joinFindings(findings);
  return finishDataset(path, {
    name: baseName((await source.exists(path)) === "file" ? folderName(path) : path),
    classNames: classes === undefined && !areNumbers ? classNames : classes?.names,
    ...(areNumbers ? {} : { listedClasses: classNames }),
    isOrderOpen: match.isOpen,
    images,
    problems: [...selection.problems, ...problems, ...inRows],
    notes: [...new Set(notes)],
  });
};

/** So much of a file is looked at. */
const headLength = 2 ** 20;

/** Whether the file says boxes with classes of their own, in a column `objects`, and no class of the picture. */
async function saysBoxes(source: DatasetSource, { path }: MetadataFile): Promise<boolean> {
  if (!path.endsWith(".jsonl") || (await jsonKind(source, path)) !== "huggingface") return false;
  const values = objectsInLines((await textHead(source, path, headLength)).text)[0]?.object;
  return values !== undefined && labelColumns.every((column) => values[column] === undefined);
}

/** The rows of the file; lines without a file name, and those that name a picture again or say no class of it, are problems. */
async function rowsOf(
  { path, prefix, split }: MetadataFile,
  lines: readonly TableLine[],
  { root, idOf, nameOf }: Place,
  source: DatasetSource,
  problems: DatasetProblem[],
): Promise<readonly Row[]> {
  const seen = new Set<string>();
  const rows: Row[] = [];
  const parts = partsOf(lines);
  for (const [index, { number, values }] of lines.entries()) {
    const where = `${prefix}${baseName(path)}, line ${number}`;
    if (typeof values.file_name !== "string" || values.file_name === "") {
      problems.push({ kind: "bad-line", image: where, message: "has no file_name; left out" });
      continue;
    }
    const name = await nameIn(root, nameOf(values.file_name), source);
    const id = idOf(values.file_name, name);
    if (seen.has(name)) {
      problems.push({ kind: "duplicate", image: id, message: `line ${number} names it again; left out` });
      continue;
    }
    seen.add(name);
    if (typeof values.flaw === "string") {
      problems.push(...leftOut(id, "malformed-annotation", values.flaw).problems);
      continue;
    }
    const value = labelColumns
      .map((column) => values[column])
      .find((one) => one !== undefined && one !== null && one !== "");
    if (value !== undefined && typeof value !== "string" && typeof value !== "number") {
      const message = `its label is ${JSON.stringify(value)}, not a name or an index`;
      problems.push(...leftOut(id, "malformed-annotation", message).problems);
      continue;
    }
    // One file beside folders of parts says by its paths which part a picture is of.
    const part = parts?.[index] ?? split ?? (name.includes("/") ? partOfName(name.split("/")[0]) : undefined);
    rows.push({ id, name, folder: root, split: part, className: value === undefined ? undefined : String(value) });
  }
  return rows;
}

/** The parts that a column of the lines says, where all of its values are parts. */
function partsOf(lines: readonly TableLine[]): readonly (DatasetPart | undefined)[] | undefined {
  const parts = lines.map(({ values: { split } }) => (typeof split === "string" ? partOfValue(split) : undefined));
  return parts.includes(undefined) ? undefined : parts;
}

function folderAt({ root, prefix }: Pick<Place, "root" | "prefix">): string {
  return prefix === "" ? root : joinPath(root, prefix.slice(0, -1));
}

/** Where the pictures of a file are. */
interface Place extends Omit<FoundNames, "nameOf"> {
  /** The folder that was searched, in which `prefix` is. */
  readonly root: string;
  readonly nameOf: (name: string) => string;
  /** What the picture is called whose name in the file, and in `root`, is this. */
  readonly idOf: (written: string, name: string) => string;
}

/** Where the pictures that the file names are: beside it, or, of a table, in a folder there, without endings, or under other folders' names. */
async function placeOf(
  path: string,
  file: MetadataFile,
  lines: readonly TableLine[],
  {
    source,
    images,
    picturesAt,
  }: Pick<ReaderContext, "source" | "images"> & {
    readonly picturesAt: (folder: string) => Promise<readonly FoundPicture[]>;
  },
): Promise<Place> {
  const own = folderName(file.path);
  const root = images ?? own;
  const names = lines.flatMap(({ values }) => (typeof values.file_name === "string" ? values.file_name : []));
  const folders = images === undefined && file.isTable === true ? await foldersOf(file, source) : [""];
  const pictures = (await picturesAt(root)).map(({ name }) => name);
  const calledBy = baseName(file.path);
  const found = await findNamedPictures(source, { root, pictures, folders, names, calledBy });
  if (found === undefined && file.isTable === true) {
    const places = folders.map((name) => (name === "" ? root : joinPath(root, name)));
    throw picturesAreMissing(file.path, places, names);
  }
  const { prefix, notes } = found ?? { prefix: "", notes: [] };
  const nameOf = (name: string): string =>
    found?.nameOf(name) ?? (leavesFolder(name) ? name : prefix + plainName(name));
  const before = file.isTable === true ? prefixOf(path, folderAt({ root, prefix })) : file.prefix;
  const idOf = (written: string, name: string): string => {
    const inside = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    const isWithoutEnding = withoutExtension(inside) === plainName(written);
    return before + (isWithoutEnding ? withoutExtension(inside) : inside);
  };
  return { root, prefix, nameOf, idOf, notes };
}

/** The folders in that of a table where its pictures may be. */
async function foldersOf(file: MetadataFile, source: DatasetSource): Promise<readonly string[]> {
  const root = folderName(file.path);
  const stem = withoutExtension(baseName(file.path));
  const only = await pictureFolders(root, await source.list(root), source);
  const parts = [file.split, "train"].flatMap((part) => (part === undefined ? [] : [part, `${part}_images`]));
  return [...new Set(["", "images", stem, `${stem}_images`, ...(only.length === 1 ? only : []), ...parts])];
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
  findings: TableFindings,
): Promise<readonly TableLine[]> {
  const text = await source.readText(file);
  if (isTable === true) return tableLines(text, file, problems, findings);
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
  const lines = objectsInLines(text).flatMap(({ line, object }): TableLine[] => {
    if (object !== undefined) return [{ number: line, values: object }];
    bad(line, "is no object in JSON");
    return [];
  });
  if (lines.length > 0 && lines.every(({ values }) => values.file_name === undefined)) {
    throw withoutNames(file, Object.keys(lines[0].values).join(","));
  }
  return lines;
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
    inner: hasFile((name) => isMetadataName(name) || isRoboflowName(name)),
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
