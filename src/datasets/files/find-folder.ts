/** @file Where, of the usual places, the pictures of a data set are. */
import { BadInputError } from "../../errors.ts";
import type { DatasetSource } from "../dataset-source.ts";
import { joinPath, leavesFolder, plainName } from "../paths.ts";
import { fileTree } from "./picture-tree.ts";

/**
 * The name in `folder` of the file that annotations call `name`: as it is, but for a "./" in front; below the folder if it is absolute and leads into it;
 * with slashes where it has Windows' backslashes and no file is called so.
 */
export async function nameIn(folder: string, name: string, source: DatasetSource): Promise<string> {
  let own = plainName(name);
  if (/^([/\\]|[A-Za-z]:)/.test(own)) {
    const inside = [folder, await source.realFolder?.(folder)]
      .filter((root) => root !== undefined)
      .map((root) => root.replace(/[/\\]+$/, ""))
      .find((root) => root !== "" && own.startsWith(root) && /^[/\\]/.test(own.slice(root.length)));
    if (inside === undefined || leavesFolder(own.slice(inside.length).replace(/^[/\\]+/, ""))) return own;
    own = own.slice(inside.length).replace(/^[/\\]+/, "");
  }
  if (!own.includes("\\") || leavesFolder(own) || (await source.exists(joinPath(folder, own))) === "file") return own;
  return plainName(own.replaceAll("\\", "/"));
}

/** So many names are looked for. */
const mostNames = 20;

/** The first of `folders` that has one of the first few files of `names`; undefined if none has. */
export async function firstFolderOf(
  source: DatasetSource,
  folders: readonly string[],
  names: readonly string[],
): Promise<string | undefined> {
  for (const folder of folders) {
    for (const name of names.slice(0, mostNames)) {
      const own = await nameIn(folder, name, source);
      if (leavesFolder(own) || (await source.exists(joinPath(folder, own))) !== "file") continue;
      source.admit?.(folder);
      return folder;
    }
  }
  return undefined;
}

/** The only folder in `root`, three levels deep, that has one of the first few files of `names`; undefined if none has, or several have. */
export async function onlyFolderOf(
  source: DatasetSource,
  root: string,
  names: readonly string[],
): Promise<string | undefined> {
  const files = (await fileTree(source, root, 3))?.files ?? [];
  const folders = new Set<string>();
  for (const name of names.slice(0, mostNames).map(plainName)) {
    if (leavesFolder(name)) continue;
    for (const file of files) {
      if (file.name === name) folders.add(root);
      else if (file.name.endsWith(`/${name}`)) folders.add(file.path.slice(0, -name.length - 1));
    }
  }
  return folders.size === 1 ? [...folders][0] : undefined;
}

/** The same as `firstFolderOf`; throws a BadInputError on behalf of `where` that says where the pictures were looked for. */
export async function folderOfFiles(
  source: DatasetSource,
  where: string,
  folders: readonly string[],
  names: readonly string[],
): Promise<string> {
  const found = await firstFolderOf(source, folders, names);
  if (found === undefined) throw picturesAreMissing(where, folders, names);
  return found;
}

/** None of the pictures `names` is in one of `folders`. */
export function picturesAreMissing(where: string, folders: readonly string[], names: readonly string[]): BadInputError {
  return new BadInputError({
    where,
    what: `the pictures are not there, such as ${names[0]}`,
    expected: `them in ${folders.join(" or ")}`,
    advice: "Say where they are with --images (the option `images`).",
  });
}
