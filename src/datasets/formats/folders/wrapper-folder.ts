/** @file Folders that only wrap a data set: "archive/PetImages/cat/1.jpg" has the classes of "archive/PetImages". */
import { type ClassifierClasses, classLabels, matchClassList } from "../../class-labels.ts";
import type { DatasetSource } from "../../dataset-source.ts";
import { holdsPicture } from "../../files/picture-tree.ts";
import { isHiddenFolder, joinPath } from "../../paths.ts";
import { foldersIn, partFolders, partInName } from "./part-folders.ts";

/**
 * The folder in `root` whose folders are those of the classes or of the parts, where each folder on the way holds nothing else, and then the folders around it
 * up to `root`; `root` alone where that folder is one of several, or may be a class or a part itself, or holds no classes of the classifier's.
 */
export async function wrappingFolders(
  source: DatasetSource,
  root: string,
  classes: ClassifierClasses | undefined,
): Promise<readonly [string, ...string[]]> {
  const only = (await holdsPicture(source, root, 0)) ? undefined : await onlyFolder(source, root);
  if (only === undefined) return [root];
  const folder = joinPath(root, only);
  const isClass = classes !== undefined && "label" in classLabels(classes).ofText(only);
  if (isClass || partInName(only) !== undefined || (await holdsPicture(source, folder, 0))) return [root];
  const inner = await wrappingFolders(source, folder, classes);
  if (inner.length > 1) return [...inner, root];
  const names = await classFolders(source, folder, classes);
  return names.length > 1 && areClasses(names, classes) ? [folder, root] : [root];
}

/** The name of the only folder that holds pictures; undefined if none or several do. */
async function onlyFolder(source: DatasetSource, root: string): Promise<string | undefined> {
  let only: string | undefined;
  for (const { name, kind } of await source.list(root)) {
    if (kind !== "folder" || isHiddenFolder(name) || !(await holdsPicture(source, joinPath(root, name)))) continue;
    if (only !== undefined) return undefined;
    only = name;
  }
  return only;
}

async function classFolders(
  source: DatasetSource,
  folder: string,
  classes: ClassifierClasses | undefined,
): Promise<readonly string[]> {
  const divided = await partFolders(source, folder, await source.list(folder), classes);
  if (divided === undefined) return foldersIn(source, folder);
  const found = await Promise.all(divided.parts.map(({ name }) => foldersIn(source, joinPath(folder, name))));
  return [...new Set(found.flat())];
}

/** Whether the classifier knows some of the folders, or has no names to know them by and as many classes. */
function areClasses(names: readonly string[], classes: ClassifierClasses | undefined): boolean {
  const { lookups, isByOrder } = matchClassList(names, classes);
  if (isByOrder) return classes?.names === undefined && names.length === classes?.count;
  return lookups.some((lookup) => "label" in lookup);
}
