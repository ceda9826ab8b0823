/** @file Where, of the usual places, the pictures of a data set are. */
import { BadInputError } from "../errors.ts";
import type { DatasetSource } from "./dataset-source.ts";
import { baseName, joinPath, leavesFolder, pictureNames } from "./paths.ts";

/** A picture file, by its path in the folder that was searched. */
export interface FoundPicture {
  /** Such as "dog/17.png". */
  readonly name: string;
  readonly path: string;
}

/** The pictures in `folder` and in the folders in it, in no order, or arrays where there are no pictures; undefined if there is no such folder. */
export async function picturesIn(source: DatasetSource, folder: string): Promise<FoundPicture[] | undefined> {
  if ((await source.exists(folder)) !== "folder") return undefined;
  const entries = await source.list(folder);
  const found: FoundPicture[] = [];
  for (const { name, kind } of entries) {
    const path = joinPath(folder, name);
    if (kind === "file") {
      found.push({ name, path });
      continue;
    }
    for (const inner of await source.list(path)) {
      if (inner.kind === "file") {
        found.push({ name: `${name}/${inner.name}`, path: joinPath(path, inner.name) });
      }
    }
  }
  return pictureNames(found, ({ name }) => baseName(name), source.readsArrays ?? false);
}

/**
 * The first of `folders` that has one of the first few files of `names`. Throws a BadInputError on behalf of `where` that says where they
 * were looked for.
 */
export async function folderOfFiles(
  source: DatasetSource,
  where: string,
  folders: readonly string[],
  names: readonly string[],
): Promise<string> {
  for (const folder of folders) {
    for (const name of names.slice(0, 20)) {
      if (leavesFolder(name) || (await source.exists(joinPath(folder, name))) !== "file") continue;
      source.admit?.(folder);
      return folder;
    }
  }
  throw new BadInputError({
    where,
    what: `the pictures are not there, such as ${names[0]}`,
    expected: `them in ${folders.join(" or ")}`,
    advice: "Say where they are with --images (the option `images`).",
  });
}
