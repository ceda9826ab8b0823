/**
 * @file Which files of a folder say the classes of pictures: Hugging Face's metadata files, there or in folders of parts, or tables of other names.
 */
import { BadInputError, MisuseError } from "../../../errors.ts";
import type { DatasetPart } from "../../dataset.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { holdsPicture } from "../../files/picture-tree.ts";
import { areOnePerPart, partInFileName, partOfName, unclearParts } from "../../parts.ts";
import { baseName, byCodeUnits, isHiddenFolder, joinPath } from "../../paths.ts";
import { isNoClassName, mayBeNoClass } from "../folders/part-folders.ts";
import { pictureFolders } from "../folders/picture-folders.ts";
import { isTableName, type TableKind, tableKind } from "./label-table.ts";

/** Whether the name is that of one of Hugging Face's files. */
export function isMetadataName(name: string): boolean {
  return /^metadata\.(csv|jsonl)$/.test(name);
}

const roboflowName = "_classes.csv";

/** Whether the name is that of Roboflow's table of classes, which is in each folder of a part. */
export function isRoboflowName(name: string): boolean {
  return name === roboflowName;
}

/** Whether the name is that of an answer that somebody is to send in: what it says is no truth. */
function isSubmission(name: string): boolean {
  return /submission/i.test(name);
}

export interface MetadataFile {
  readonly path: string;
  /** The folder that the file is in, as ids have it: "" or "train/". */
  readonly prefix: string;
  readonly split?: DatasetPart;
  /** Whether it is none of Hugging Face's: its pictures may lie in a folder beside it, and be named without extensions. */
  readonly isTable?: boolean;
}

/** The file at `path`, or the one in that folder, or those in the folders in it. */
export async function metadataFiles(source: DatasetSource, path: string): Promise<readonly MetadataFile[]> {
  if ((await source.exists(path)) === "file") {
    return [{ path, prefix: "", isTable: !isMetadataName(baseName(path)) }];
  }
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
  const tables = await tablesIn(path, entries, source);
  if (tables.length > 0) return tables;
  for (const { name, kind } of entries) {
    const split = kind === "folder" ? partOfName(name) : undefined;
    const folder = joinPath(path, name);
    if (split === undefined || !(await source.list(folder)).some((inner) => isRoboflowName(inner.name))) continue;
    files.push({ path: joinPath(folder, roboflowName), prefix: `${name}/`, split, isTable: true });
  }
  if (files.length > 0) return files.sort((a, b) => byCodeUnits(a.prefix, b.prefix));
  throw new BadInputError({
    where: path,
    what: "there is no metadata.csv or metadata.jsonl",
    expected: "one beside the pictures, or another table of their classes",
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

/** The tables of classes in the folder: one, or one of each part, as "train.txt" and "val.txt". */
async function tablesIn(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<readonly MetadataFile[]> {
  const found: { readonly name: string; readonly kind: TableKind }[] = [];
  for (const name of tableNames(entries)) {
    const kind = await tableKind(source, joinPath(path, name));
    if (kind !== undefined) found.push({ name, kind });
  }
  const own = found.filter(({ kind }) => kind === "classes");
  // Where none says classes, the reader says of one what it lacks.
  const names = (own.length > 0 ? own : found.slice(0, 1)).map(({ name }) => name);
  const files = names.map((name) => ({
    path: joinPath(path, name),
    prefix: "",
    isTable: true,
    split: partInFileName(name),
  }));
  if (files.length === 1) return [{ ...files[0], split: undefined }];
  if (files.length === 0 || areOnePerPart(files)) return files;
  throw unclearParts(path, "tables of classes", names);
}

/** The names of files that may be tables of classes, in order. */
function tableNames(entries: readonly FileEntry[]): readonly string[] {
  return entries
    .filter(({ name, kind }) => kind === "file" && isTableName(name) && !isSubmission(name))
    .map(({ name }) => name)
    .sort(byCodeUnits);
}

/** Whether the folders of pictures beside a table are those of classes, which say more: several that are not only parts. */
async function haveClassFolders(path: string, entries: readonly FileEntry[], source: DatasetSource): Promise<boolean> {
  const folders = await pictureFolders(path, entries, source);
  if (folders.length < 2) return false;
  for (const name of folders) {
    if (!isOfPictures(name) || !(await holdsPicture(source, joinPath(path, name), 0))) return true;
  }
  return false;
}

/** Whether a folder of this name beside a table is that of its pictures: of a part, or with a word such as "images" in it. */
function isOfPictures(name: string): boolean {
  return mayBeNoClass(name) || name.split(/[\s_-]+/).some(isNoClassName);
}

/** Whether there is a table of classes among the entries of the folder at `path`, whose folders are not those of classes. */
export async function hasTable(path: string, entries: readonly FileEntry[], source: DatasetSource): Promise<boolean> {
  const tables = tableNames(entries);
  if (tables.length === 0 || (await haveClassFolders(path, entries, source))) return false;
  for (const name of tables) if ((await tableKind(source, joinPath(path, name))) !== undefined) return true;
  return false;
}

/** Whether no file says which pictures it is about: it is somebody else's. */
export async function namesNothing(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<boolean> {
  for (const { name, kind } of entries) {
    if (kind !== "file" || !isMetadataName(name)) continue;
    const text = await source.readText(joinPath(path, name));
    if (/\bfile_name\b/i.test(text.slice(0, 2 ** 16))) return false;
  }
  const [only, ...others] = entries;
  if (others.length === 0 && only !== undefined && isTableName(only.name)) {
    return (await tableKind(source, joinPath(path, only.name))) === undefined;
  }
  return !(await hasTable(path, entries, source));
}
