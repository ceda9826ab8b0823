/**
 * @file Which files of a folder say the boxes: the only CSV or JSON of boxes, or one of each part, beside the folders of pictures (`train_labels.csv`,
 * `test_labels.csv`, as in TensorFlow's tutorial) or in them (`train/_annotations.csv`, as Roboflow exports it); or labelme's JSON beside each picture.
 */
import { MisuseError } from "../../../errors.ts";
import type { DatasetPart } from "../../dataset.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { areOnePerPart, partOfName, partOfWord, partWordIn, unclearParts } from "../../parts.ts";
import { baseName, byCodeUnits, folderName, isPictureName, joinPath, withoutExtension } from "../../paths.ts";
import { boxColumns } from "./box-columns.ts";
import { type JsonKind, jsonKind, jsonLinesTable, jsonTable, labelmeTable } from "./box-json.ts";
import { type BoxTable, csvTable, firstLine } from "./box-table.ts";
import { cvatTable, isCvatXml } from "./cvat-xml.ts";

export interface BoxFile {
  readonly path: string;
  /** The names of all files in its folder that say the boxes together, one for each picture. */
  readonly members?: readonly string[];
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

/** Whether the name may be that of a labelling tool's file: any JSON, or CVAT's annotations.xml. */
export function isToolName(name: string): boolean {
  return isJson(name) || /annotations[^/]*\.xml$/i.test(name);
}

function isJson(name: string): boolean {
  return /\.json$/i.test(name) && !name.startsWith(".");
}

/** Whether the name is that of Hugging Face's lines of JSON. */
function isJsonLines(name: string): boolean {
  return name === "metadata.jsonl";
}

/** Which tool's the file is, as far as its beginning tells; undefined if of none that is known. */
export async function toolOf(source: DatasetSource, file: string): Promise<JsonKind | "cvat" | undefined> {
  if (isJson(baseName(file)) || isJsonLines(baseName(file))) return jsonKind(source, file);
  return (await isCvatXml(source, file)) ? "cvat" : undefined;
}

/** The names of the CSVs among the entries. */
export function csvsIn(entries: readonly FileEntry[]): readonly string[] {
  return namesOf(entries, isCsv);
}

function namesOf(entries: readonly FileEntry[], fits: (name: string) => boolean): readonly string[] {
  const names = entries.filter(({ name, kind }) => kind === "file" && fits(name)).map(({ name }) => name);
  return names.sort(byCodeUnits);
}

/** The file at `path`, or those in that folder. Throws a MisuseError if it is not clear which. */
export async function boxFiles(source: DatasetSource, path: string): Promise<BoxFiles> {
  if ((await source.exists(path)) === "file") {
    const isLabelme = isToolName(path) && (await toolOf(source, path)) === "labelme";
    return { files: [{ path, prefix: "", ...(isLabelme && { members: [baseName(path)] }) }], others: [] };
  }
  const names = csvsIn(await source.list(path));
  if (names.length === 1) return { files: [{ path: joinPath(path, names[0]), prefix: "" }], others: [] };
  const found = names.length === 0 ? await innerBoxFiles(source, path) : oneOfEach(await fittingIn(source, path));
  if (found !== undefined) return found;
  if (names.length > 0) throw unclearParts(path, "CSVs", names);
  throw new MisuseError({ where: path, what: "there is no CSV", expected: "one of boxes, or the path of one" });
}

/** Those of a folder without a CSV: its JSON, or the files in its folders of parts, or in `images`, `data` or `annotations` in it; undefined if there are none. */
export async function innerBoxFiles(source: DatasetSource, path: string): Promise<BoxFiles | undefined> {
  const own = oneOfEach(await fittingIn(source, path));
  if (own !== undefined) return own;
  const files: BoxFile[] = [];
  const inner = (await source.list(path)).filter(({ kind }) => kind === "folder");
  const folders = inner.map(({ name }) => name).sort(byCodeUnits);
  for (const name of folders) {
    const split = partOfName(name);
    if (split === undefined) continue;
    const { fitting } = await fittingIn(source, joinPath(path, name));
    if (fitting.length === 1) files.push({ ...fitting[0], prefix: `${name}/`, split });
  }
  if (files.length > 0) return { files, others: [] };
  for (const name of ["images", "data", "annotations"]) {
    const found = folders.includes(name) ? oneOfEach(await fittingIn(source, joinPath(path, name))) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Fitting {
  readonly fitting: readonly Pick<BoxFile, "path" | "members">[];
  readonly others: readonly string[];
}

/** The only file, or the one of each part; undefined if there is none, or it is not clear which. */
function oneOfEach({ fitting, others }: Fitting): BoxFiles | undefined {
  if (fitting.length === 1) return { files: [{ ...fitting[0], prefix: "" }], others };
  const files = fitting.map((file): BoxFile => {
    const word = partWordIn(withoutExtension(baseName(file.path)));
    return { ...file, prefix: `${word}/`, split: word === undefined ? undefined : partOfWord(word) };
  });
  return files.length > 0 && areOnePerPart(files) ? { files, others } : undefined;
}

/** So many files of tools are looked at: more of them are one for each picture. */
const mostFiles = 8;

/** The CSVs in the folder that have boxes, or else the JSON. */
async function fittingIn(source: DatasetSource, folder: string): Promise<Fitting> {
  const entries = await source.list(folder);
  const csvs = csvsIn(entries);
  const withBoxes: string[] = [];
  for (const name of csvs) {
    const first = await firstLine(source, joinPath(folder, name));
    if (first !== undefined && boxColumns(first) !== undefined) withBoxes.push(name);
  }
  if (withBoxes.length > 0) {
    const others = csvs.filter((name) => !withBoxes.includes(name));
    return { fitting: withBoxes.map((name) => ({ path: joinPath(folder, name) })), others };
  }
  const names = namesOf(entries, (name) => isToolName(name) || isJsonLines(name));
  const fitting: Pick<BoxFile, "path">[] = [];
  for (const name of names.slice(0, mostFiles)) {
    const path = joinPath(folder, name);
    const tool = await toolOf(source, path);
    if (tool === "labelme") return { fitting: [{ path, members: names.filter(isJson) }], others: [] };
    if (tool !== undefined) fitting.push({ path });
  }
  return { fitting: names.length > mostFiles ? [] : fitting, others: [] };
}

/** What the file says, or all of its members. */
export async function boxTable(source: DatasetSource, { path, members }: BoxFile): Promise<BoxTable> {
  if (members !== undefined) {
    const folder = folderName(path);
    return labelmeTable(source, folder, members, namesOf(await source.list(folder), isPictureName));
  }
  const text = await source.readText(path);
  if (isJsonLines(baseName(path))) return jsonLinesTable(text, baseName(path));
  if (isJson(baseName(path))) return jsonTable(text, path);
  return /\.xml$/i.test(path) ? cvatTable(text, path) : csvTable(text, path);
}
