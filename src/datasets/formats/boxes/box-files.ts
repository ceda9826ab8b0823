/**
 * @file Which files of a folder say the boxes: the only CSV of boxes, or one of each part, beside the folders of pictures (`train_labels.csv`,
 * `test_labels.csv`, as in TensorFlow's tutorial) or in them (`train/_annotations.csv`, as Roboflow exports it).
 */
import { MisuseError } from "../../../errors.ts";
import type { DatasetPart } from "../../dataset.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { byCodeUnits, joinPath, withoutExtension } from "../../paths.ts";
import { partOfName, partOfWord, partWordIn } from "../../reader.ts";
import { boxColumns } from "./box-columns.ts";
import { firstLine } from "./box-table.ts";

export interface BoxFile {
  readonly path: string;
  /** What stands before the names of its pictures in ids: "", or "train/". */
  readonly prefix: string;
  readonly split?: DatasetPart;
}

export interface BoxFiles {
  readonly files: readonly BoxFile[];
  /** The names of other CSVs beside them, which have no boxes. */
  readonly others: readonly string[];
}

/** Whether the name is that of a CSV. */
export function isCsv(name: string): boolean {
  return /\.[ct]sv$/i.test(name) && !name.startsWith(".");
}

/** The names of the CSVs among the entries. */
export function csvsIn(entries: readonly FileEntry[]): readonly string[] {
  const names = entries.filter(({ name, kind }) => kind === "file" && isCsv(name)).map(({ name }) => name);
  return names.sort(byCodeUnits);
}

/** The file at `path`, or those in that folder. Throws a MisuseError if it is not clear which. */
export async function boxFiles(source: DatasetSource, path: string): Promise<BoxFiles> {
  if ((await source.exists(path)) === "file") return { files: [{ path, prefix: "" }], others: [] };
  const names = csvsIn(await source.list(path));
  if (names.length === 1) return { files: [{ path: joinPath(path, names[0]), prefix: "" }], others: [] };
  const found = names.length === 0 ? await filesOfParts(source, path) : await filesAmong(source, path, names);
  if (found !== undefined) return found;
  throw new MisuseError({
    where: path,
    what: names.length === 0 ? "there is no CSV" : "there are several CSVs",
    expected: "one, one of each part (train.csv, test.csv), or the path of the one that is meant",
    got: names.length === 0 ? undefined : names.join(", "),
  });
}

/** The only file of boxes among those of these names in `path`, or one of each part. */
async function filesAmong(
  source: DatasetSource,
  path: string,
  names: readonly string[],
): Promise<BoxFiles | undefined> {
  const fitting = await withBoxes(source, path, names);
  const others = names.filter((name) => !fitting.includes(name));
  if (fitting.length === 1) return { files: [{ path: joinPath(path, fitting[0]), prefix: "" }], others };
  const files = fitting.map((name): BoxFile => {
    const word = partWordIn(withoutExtension(name));
    const split = word === undefined ? undefined : partOfWord(word);
    return { path: joinPath(path, name), prefix: `${word}/`, split };
  });
  const parts = new Set(files.flatMap(({ split }) => split ?? []));
  return files.length > 0 && parts.size === files.length ? { files, others } : undefined;
}

/** The only file of boxes in each folder of a part in `path`, or in the folder `images` or `data` there; undefined if there is none. */
export async function filesOfParts(source: DatasetSource, path: string): Promise<BoxFiles | undefined> {
  const files: BoxFile[] = [];
  const entries = (await source.list(path)).filter(({ kind }) => kind === "folder");
  for (const { name } of entries.sort((a, b) => byCodeUnits(a.name, b.name))) {
    const split = partOfName(name);
    if (split === undefined) continue;
    const folder = joinPath(path, name);
    const fitting = await withBoxes(source, folder, csvsIn(await source.list(folder)));
    if (fitting.length === 1) files.push({ path: joinPath(folder, fitting[0]), prefix: `${name}/`, split });
  }
  if (files.length > 0) return { files, others: [] };
  for (const name of ["images", "data"]) {
    if (!entries.some((entry) => entry.name === name)) continue;
    const folder = joinPath(path, name);
    const found = await filesAmong(source, folder, csvsIn(await source.list(folder)));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Those of the CSVs in the folder that have boxes. */
async function withBoxes(source: DatasetSource, folder: string, names: readonly string[]): Promise<readonly string[]> {
  const fitting: string[] = [];
  for (const name of names) {
    const first = await firstLine(source, joinPath(folder, name));
    if (first !== undefined && boxColumns(first) !== undefined) fitting.push(name);
  }
  return fitting;
}
