/** @file Which folders are parts of a data set, and which only wrap others: "seg_train/seg_train/forest/1.jpg" is a forest for training. */
import { BadInputError } from "../../../errors.ts";
import { type ClassifierClasses, classLabels } from "../../class-labels.ts";
import { foldedName } from "../../class-names/match-names.ts";
import type { DatasetPart } from "../../dataset.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { holdsPicture } from "../../files/picture-tree.ts";
import { partOfName } from "../../parts.ts";
import { byCodeUnits, isHiddenFolder, joinPath } from "../../paths.ts";

/** A folder of a part. */
export interface PartFolder {
  /** Its path in the data set's folder: "train", or "seg_train/seg_train". */
  readonly name: string;
  /** Undefined where its pictures are of no part, such as those that are to be predicted. */
  readonly split?: DatasetPart;
}

/** Names of folders of pictures, whatever is on them. */
const kinds =
  /^(images?|imgs?|pictures?|photos?|jpe?g(images)?|png|masks?|labels?|annotations?|segmentations?|trimaps?|ground[\s_-]?truth|gt|data|dataset)([\s_-]?\d+)?$/i;

/** Words in the names of folders that are no classes, though no part for training or testing either. */
const others = /^(pred|preds|predictions?|raw|processed|holdout)$/i;

/** The part that a word in the folder's name says ("seg_train", "Final_Training"), where only one does; "none" for what is none of these, and no class. */
export function partInName(name: string): DatasetPart | "none" | undefined {
  const found = new Set(
    name.split(/[\s_-]+/).flatMap((word) => partOfName(word) ?? (others.test(word) ? ("none" as const) : [])),
  );
  return found.size === 1 ? [...found][0] : found.size > 1 ? "none" : undefined;
}

/** Whether a folder of this name is mostly none of a class: it is called as a part or a kind of file, and says nothing else ("train", "test_images"). */
export function isNoClassName(name: string): boolean {
  if (kinds.test(name)) return true;
  const [only, ...more] = name.split(/[\s_-]+/).filter((word) => !kinds.test(word) && !/^(set|zip)$/i.test(word));
  return only !== undefined && more.length === 0 && (partOfName(only) !== undefined || /^holdout$/i.test(only));
}

/** Whether a word in the folder's name may say that it is none of a class, as it may of a class ("train_station"): of all folders, it does. */
export function mayBeNoClass(name: string): boolean {
  return isNoClassName(name) || partInName(name) !== undefined;
}

/**
 * The folders of parts in `root`, with what must be known of them; undefined where its folders are those of classes. A class may be called "train" (as one of
 * COCO's is): folders of parts have folders in them, and no other folder of pictures beside them.
 */
export async function partFolders(
  source: DatasetSource,
  root: string,
  entries: readonly FileEntry[],
  classes: ClassifierClasses | undefined,
): Promise<{ readonly parts: readonly PartFolder[]; readonly notes: readonly string[] } | undefined> {
  const folders = entries
    .filter(({ name, kind }) => kind === "folder" && !isHiddenFolder(name))
    .map(({ name }) => name)
    .sort(byCodeUnits);
  const worded = await partsByWords(source, root, folders, classes);
  if (worded !== undefined) return worded;
  const named = folders.filter((name) => partOfName(name) !== undefined);
  const parts: string[] = [];
  for (const name of named) {
    const inside = await source.list(joinPath(root, name));
    if (inside.some((inner) => inner.kind === "folder" && !isHiddenFolder(inner.name))) parts.push(name);
  }
  if (parts.length === 0) return undefined;
  const beside: string[] = [];
  const notes: string[] = [];
  let isFlat = false;
  for (const name of folders) {
    if (partOfName(name) !== undefined || !(await holdsPicture(source, joinPath(root, name)))) continue;
    // As the archive of "chest_xray", which holds everything twice, is unpacked.
    if (parts.length > 1 && (await foldersIn(source, joinPath(root, name))).join("/") === named.join("/")) {
      notes.push(`${name}/ is passed over: it holds folders of the same parts as those beside it.`);
      continue;
    }
    beside.push(name);
    isFlat ||= await holdsPicture(source, joinPath(root, name), 0);
  }
  if (beside.length === 0) {
    const own = named.map(async (name) => ({ name: await unwrapped(source, root, name), split: partOfName(name) }));
    return { parts: await Promise.all(own), notes };
  }
  const nested: string[] = [];
  for (const name of parts) if (!(await holdsPicture(source, joinPath(root, name), 0))) nested.push(name);
  if (nested.length < 2 && !(nested.length === 1 && isFlat)) return undefined;
  throw new BadInputError({
    where: root,
    what: `${nested.join(" and ")} ${nested.length === 1 ? "is a folder of a part" : "are folders of parts"}, and ${beside.slice(0, 3).join(", ")} beside ${nested.length === 1 ? "it is" : "them are"} not`,
    expected: "folders of parts only, or of classes only",
    advice: `Say which folder is meant: --data ${joinPath(root, nested[0])}.`,
  });
}

/** The folders of parts where words in all of their names say that they are some, the same folders are in each, and the classifier knows none of them. */
async function partsByWords(
  source: DatasetSource,
  root: string,
  folders: readonly string[],
  classes: ClassifierClasses | undefined,
): ReturnType<typeof partFolders> {
  if (folders.every((name) => partOfName(name) !== undefined)) return undefined;
  const { ofName } = classLabels(classes ?? { count: 0 });
  const parts: PartFolder[] = [];
  let shared: ReadonlySet<string> | undefined;
  for (const name of folders) {
    if (!(await holdsPicture(source, joinPath(root, name)))) continue;
    const part = partInName(name);
    if (part === undefined || "label" in ofName(name)) return undefined;
    const own = await unwrapped(source, root, name);
    const inside = await foldersIn(source, joinPath(root, own));
    if (inside.length > 0) {
      if (part === "none" || (await holdsPicture(source, joinPath(root, own), 0))) return undefined;
      shared = new Set(inside.filter((inner) => shared === undefined || shared.has(inner)));
    }
    parts.push({ name: own, split: part === "none" ? undefined : part });
  }
  if (shared === undefined || shared.size === 0) return undefined;
  const said = parts.map(({ name, split }) => `${name}/ is ${split ?? "none of these"}`);
  return { parts, notes: [`Folders are taken for parts by the words in their names: ${said.join(", ")}.`] };
}

/** The folder in `root` that holds the same folders as lie beside it, as archives have that were packed twice: "flowers/flowers"; undefined if there is none. */
export async function copyOfOthers(source: DatasetSource, root: string): Promise<string | undefined> {
  const entries = await source.list(root);
  const names = entries.flatMap(({ name, kind }) => (kind === "folder" && !isHiddenFolder(name) ? [name] : []));
  if (names.length < 3) return undefined;
  for (const name of names) {
    // Most have none of the others in them: folders of classes may be many, and large.
    const other = names[0] === name ? names[1] : names[0];
    if ((await source.exists(joinPath(joinPath(root, name), other))) !== "folder") continue;
    const others = (await foldersIn(source, root)).filter((one) => one !== name);
    if ((await foldersIn(source, joinPath(root, name))).join("/") === others.join("/")) return name;
  }
  return undefined;
}

/** The names of the folders in `folder` that hold pictures, in order. */
export async function foldersIn(source: DatasetSource, folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, kind } of await source.list(folder)) {
    if (kind !== "folder" || isHiddenFolder(name)) continue;
    if (await holdsPicture(source, joinPath(folder, name))) found.push(name);
  }
  return found.sort(byCodeUnits);
}

/** The path of the folder `name` of `root`, or of the folder in it that is all that it holds and only called as it, a part or a kind of file. */
async function unwrapped(source: DatasetSource, root: string, name: string): Promise<string> {
  const inside = await foldersIn(source, joinPath(root, name));
  const [only] = inside;
  if (inside.length !== 1 || (await holdsPicture(source, joinPath(root, name), 0))) return name;
  const isWrapper =
    kinds.test(only) ||
    partOfName(only) !== undefined ||
    name.split("/").some((one) => foldedName(one) === foldedName(only));
  return isWrapper ? unwrapped(source, root, `${name}/${only}`) : name;
}
