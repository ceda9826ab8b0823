/**
 * @file Where pictures and labels in YOLO's form lie: `images/train/1.jpg` and `labels/train/1.txt` (Ultralytics), `train/images` and
 * `train/labels` (Roboflow), or the text beside its picture (Darknet, LabelImg), in one folder or in folders of parts.
 *
 * Ultralytics finds a picture's label by "labels" in place of the last "images" in its path and `.txt` in place of its extension, which all of
 * these follow but the last.
 */
import { BadInputError, PerceptualBallError } from "../../../errors.ts";
import type { DatasetPart } from "../../dataset.ts";
import { type DatasetSource, type FileEntry, textHead } from "../../dataset-source.ts";
import { fileTree, holdsPicture, passedOverNotes, picturesOf } from "../../files/picture-tree.ts";
import { partOfName } from "../../parts.ts";
import { baseName, byCodeUnits, isHiddenFolder, isPictureName, joinPath, withoutExtension } from "../../paths.ts";
import type { ReaderContext } from "../../reader.ts";
import { isConfigName, isNamesFile, readConfig } from "./yolo-config.ts";
import { looksLikeYolo } from "./yolo-labels.ts";

/** A folder of pictures and the one of their labels, which may be the same. */
export interface YoloPlace {
  readonly images: string;
  readonly labels: string;
  /** What stands in ids before the names of its pictures: "train/", or nothing. */
  readonly prefix: string;
  readonly part?: DatasetPart;
}

/** A picture, its label or both, by the path that they have in common. */
export interface YoloPicture {
  /** The picture's path in its folder of pictures, with the part's folder in front where that lies above; without an extension where there is no picture. */
  readonly id: string;
  /** Undefined for a label without a picture. */
  readonly path?: string;
  /** Undefined for a picture without a label. */
  readonly label?: string;
  readonly split?: DatasetPart;
  /** Where the label should be. */
  readonly labelFolder: string;
}

/** So many label files are looked at until one shows what they are. */
const mostLookedAt = 20;

/** So much of a file is looked at. */
const headLength = 2 ** 14;

/** What a folder of pictures, a list or a configuration says of a part by its name: "val2017", "obj_train_data", "valid". */
export function partOfFolder(name: string): DatasetPart | undefined {
  const [, inner] = /^(?:obj_)?([a-z]+?)(?:_data|\d{4})?$/i.exec(name) ?? [];
  return inner === undefined ? undefined : partOfName(inner);
}

/** The name among those of the folders that is `wanted` in some letter case. */
function folderCalled(entries: readonly FileEntry[], wanted: string): string | undefined {
  const names = entries.filter(({ name, kind }) => kind === "folder" && name.toLowerCase() === wanted);
  return (names.find(({ name }) => name === wanted) ?? names[0])?.name;
}

/** The folders in `folder` that hold images/ (and labels/), by name. */
async function placesWithin(
  source: DatasetSource,
  folder: string,
  entries: readonly FileEntry[],
): Promise<readonly YoloPlace[]> {
  const places: (YoloPlace & { readonly isWhole: boolean })[] = [];
  for (const { name, kind } of entries) {
    if (kind !== "folder" || isHiddenFolder(name)) continue;
    const path = joinPath(folder, name);
    const inside = await source.list(path);
    const images = folderCalled(inside, "images");
    const labels = folderCalled(inside, "labels");
    const part = partOfFolder(name);
    if (images === undefined || (labels === undefined && part === undefined)) continue;
    const place = { images: joinPath(path, images), labels: joinPath(path, labels ?? "labels") };
    places.push({ ...place, prefix: `${name}/`, part, isWhole: labels !== undefined });
  }
  if (!places.some(({ isWhole }) => isWhole)) return [];
  return places.sort((a, b) => byCodeUnits(a.prefix, b.prefix));
}

/** The places in the folder whose entries these are, by the names of folders alone; the folder itself where no name says anything. */
export async function placesIn(
  source: DatasetSource,
  folder: string,
  entries: readonly FileEntry[],
): Promise<readonly YoloPlace[]> {
  const images = folderCalled(entries, "images");
  const labels = folderCalled(entries, "labels");
  if (labels !== undefined) {
    const pictures = images === undefined ? folder : joinPath(folder, images);
    const isOne = images !== undefined || (await holdsPicture(source, folder, 0));
    if (isOne) return [{ images: pictures, labels: joinPath(folder, labels), prefix: "" }];
  }
  const inner = await placesWithin(source, folder, entries);
  return inner.length > 0 ? inner : [{ images: folder, labels: folder, prefix: "" }];
}

/** The files in `folder` and below that may be labels, or those of its folders alone. */
async function textsBelow(source: DatasetSource, folder: string, depth?: number): Promise<string[]> {
  const tree = await fileTree(source, folder, depth);
  return (tree?.files ?? []).filter(({ name }) => isTextName(name)).map(({ path }) => path);
}

function isTextName(path: string): boolean {
  const name = baseName(path);
  return /\.txt$/i.test(name) && !isNamesFile(name) && !/^(\.|readme|licen[cs]e)/i.test(name);
}

/** The beginning of the file; nothing of one that cannot be read, which is for the reader to say. */
async function headOf(source: DatasetSource, file: string): ReturnType<typeof textHead> {
  try {
    return await textHead(source, file, headLength);
  } catch (error) {
    if (error instanceof PerceptualBallError) return { text: "", isWhole: false };
    throw error;
  }
}

/** Whether one of the first few files that are not empty has YOLO's lines; in folders that nothing is known of, with numbers that are shares. */
async function holdYolo(source: DatasetSource, files: readonly string[], areShares: boolean): Promise<boolean> {
  let looked = 0;
  for (const file of files) {
    const { text, isWhole } = await headOf(source, file);
    if (text.trim() === "") continue;
    if (looksLikeYolo(text, isWhole, areShares)) return true;
    if (++looked >= mostLookedAt) return false;
  }
  return false;
}

/** Whether beside the pictures of these names in `folder` are texts of the same names with YOLO's lines. */
export async function haveYoloTexts(source: DatasetSource, folder: string, names: readonly string[]): Promise<boolean> {
  const stems = new Set(names.map(withoutExtension));
  const entries = await source.list(folder);
  const texts = entries.filter(({ name, kind }) => kind === "file" && isTextName(name));
  const own = texts.filter(({ name }) => stems.has(withoutExtension(name)));
  return holdYolo(
    source,
    own.map(({ name }) => joinPath(folder, name)),
    true,
  );
}

/** Whether the folder's pictures have texts beside them with YOLO's lines. */
async function hasTextsBeside(source: DatasetSource, folder: string, entries: readonly FileEntry[]): Promise<boolean> {
  const names = entries.filter(({ name, kind }) => kind === "file" && isPictureName(name)).map(({ name }) => name);
  return names.length > 0 && haveYoloTexts(source, folder, names);
}

/** Whether the folder at `path` holds pictures with labels in YOLO's form. */
export async function isYolo(path: string, entries: readonly FileEntry[], source: DatasetSource): Promise<boolean> {
  const places = await placesIn(source, path, entries);
  for (const { images, labels } of places) {
    if (images === labels || (await source.exists(labels)) !== "folder") continue;
    const texts = await textsBelow(source, labels);
    if (await holdYolo(source, texts, false)) return true;
    // Labels that are all empty are backgrounds; pictures among them are masks.
    if (texts.length > 0 && !(await holdsPicture(source, labels)) && !(await haveText(source, texts))) return true;
  }
  if (places.some(({ images, labels }) => images !== labels)) return false;
  if (await hasTextsBeside(source, path, entries)) return true;
  const folders = entries.filter(({ name, kind }) => kind === "folder" && !isHiddenFolder(name));
  // Folders of classes may have labels, too: only those that are called like parts, or a list of names, say that they are none.
  const isTold = entries.some(({ name, kind }) => kind === "file" && isNamesFile(name));
  const usual = folders.filter(({ name }) => name.toLowerCase() === "images" || partOfFolder(name) !== undefined);
  if (!isTold && usual.length < folders.length) {
    if (!(await hasConfig(source, path, entries))) return false;
  }
  for (const { name } of folders) {
    const inner = joinPath(path, name);
    if (await hasTextsBeside(source, inner, await source.list(inner))) return true;
  }
  return false;
}

/** Whether there is a configuration of YOLO; a damaged one is for the reader to refuse. */
async function hasConfig(source: DatasetSource, path: string, entries: readonly FileEntry[]): Promise<boolean> {
  for (const { name, kind } of entries) {
    if (kind !== "file" || !isConfigName(name)) continue;
    if ((await readConfig(source, joinPath(path, name), false)) !== undefined) return true;
  }
  return false;
}

async function haveText(source: DatasetSource, files: readonly string[]): Promise<boolean> {
  for (const file of files.slice(0, mostLookedAt)) {
    if ((await headOf(source, file)).text.trim() !== "") return true;
  }
  return false;
}

/** The places that the options name, or else those in the folder `root`. */
export async function chosenPlaces(
  root: string,
  entries: readonly FileEntry[],
  { source, images, annotations }: Pick<ReaderContext, "source" | "images" | "annotations">,
): Promise<readonly YoloPlace[]> {
  for (const given of [images, annotations]) {
    if (given === undefined || (await source.exists(given)) === "folder") continue;
    throw new BadInputError({ where: given, what: "is no folder", expected: "the folder of the pictures or labels" });
  }
  if (images === undefined) {
    const places = await placesIn(source, root, entries);
    return annotations === undefined ? places : places.map((place) => ({ ...place, labels: annotations }));
  }
  const within = images.replace(/\/+$/, "").split("/");
  const at = within.findLastIndex((word) => word.toLowerCase() === "images");
  const beside = at < 0 ? [] : [[...within.slice(0, at), "labels", ...within.slice(at + 1)].join("/")];
  for (const labels of [annotations ?? [], ...beside, joinPath(root, "labels")].flat()) {
    if ((await source.exists(labels)) !== "folder") continue;
    source.admit?.(labels);
    return [{ images, labels, prefix: "" }];
  }
  return [{ images, labels: images, prefix: "" }];
}

/** The pictures and labels of the places, in the order of their ids, and what is to be known of them. */
export async function picturesAt(
  places: readonly YoloPlace[],
  source: DatasetSource,
): Promise<{
  readonly pictures: readonly YoloPicture[];
  readonly foreign: readonly YoloPicture[];
  readonly notes: readonly string[];
}> {
  const pictures: YoloPicture[] = [];
  const foreign: YoloPicture[] = [];
  const notes: string[] = [];
  for (const { images, labels, prefix, part } of places) {
    const tree = await fileTree(source, images);
    if (tree === undefined) continue;
    const found = picturesOf(tree, source);
    notes.push(...passedOverNotes(found));
    const beside = tree.files.filter(({ name }) => isTextName(name));
    const own =
      images === labels ? [] : ((await fileTree(source, labels))?.files ?? []).filter(({ name }) => isTextName(name));
    const find = finderOf([...own, ...beside]);
    const splitOf = (name: string): DatasetPart | undefined =>
      part ??
      name
        .split("/")
        .slice(0, -1)
        .map(partOfFolder)
        .find((one) => one !== undefined);
    const used = new Set<string>();
    for (const { name, path } of found.pictures) {
      const label = find(withoutExtension(name));
      if (label !== undefined) used.add(label);
      pictures.push({ id: prefix + name, path, label, split: splitOf(name), labelFolder: labels });
    }
    for (const { name, path } of found.foreign) {
      const label = find(withoutExtension(name));
      if (label !== undefined) used.add(label);
      foreign.push({ id: prefix + name, path, split: splitOf(name), labelFolder: labels });
    }
    // Beside pictures lie other texts too; in a folder of labels all are.
    const alone = own.filter(({ path }) => !used.has(path));
    for (const file of beside)
      if (!used.has(file.path) && (await holdYolo(source, [file.path], true))) alone.push(file);
    for (const { name, path } of alone) {
      const id = prefix + withoutExtension(name);
      pictures.push({ id, label: path, split: splitOf(name), labelFolder: labels });
    }
  }
  const inOrder = (some: YoloPicture[]): readonly YoloPicture[] => some.sort((a, b) => byCodeUnits(a.id, b.id));
  return { pictures: inOrder(pictures), foreign: inOrder(foreign), notes };
}

/**
 * Finds a label by its picture's path without the extension; else by its name alone, where only one is called so and one of the two lies in no
 * folder: "images/1.jpg" and "labels/train/1.txt", or the other way round.
 */
function finderOf(
  files: readonly { readonly name: string; readonly path: string }[],
): (stem: string) => string | undefined {
  const whole = new Map<string, string>();
  const last = new Map<string, (typeof files)[number] | undefined>();
  for (const file of files) {
    const stem = withoutExtension(file.name);
    if (!whole.has(stem)) whole.set(stem, file.path);
    last.set(baseName(stem), last.has(baseName(stem)) ? undefined : file);
  }
  return (stem) => {
    const found = whole.get(stem);
    if (found !== undefined) return found;
    const other = last.get(baseName(stem));
    return other === undefined || (stem.includes("/") && other.name.includes("/")) ? undefined : other.path;
  };
}

/** The folder with the pictures where `path` holds only one that is no part, as an archive that was unpacked twice. */
export async function innermost(source: DatasetSource, path: string): Promise<string> {
  const [place, ...others] = await placesIn(source, path, await source.list(path));
  if (others.length > 0 || place.prefix === "" || place.part !== undefined) return path;
  return joinPath(path, place.prefix.slice(0, -1));
}
