/** @file The pictures in a folder and in the folders in it. */
import { PerceptualBallError } from "../../errors.ts";
import type { DatasetSource } from "../dataset-source.ts";
import {
  baseName,
  byCodeUnits,
  isArrayName,
  isForeignPictureName,
  isHiddenFolder,
  isPictureName,
  joinPath,
  pictureNames,
} from "../paths.ts";

/** A picture file, by its path in the folder that was searched. */
export interface FoundPicture {
  /** Such as "dog/17.png". */
  readonly name: string;
  readonly path: string;
}

/** What a walk through a folder finds. */
export interface PictureTree {
  /** In no order. */
  readonly pictures: readonly FoundPicture[];
  /** Pictures of formats that are not read, by their names. */
  readonly foreign: readonly FoundPicture[];
  /** Folders that were passed over although they hold pictures, by their paths in the folder: hidden ones, and links that lead in a circle. */
  readonly passedOver: readonly string[];
}

/** All files of a folder, whatever they are. */
export interface FileTree extends Pick<PictureTree, "passedOver"> {
  /** In no order. */
  readonly files: readonly FoundPicture[];
}

/**
 * The files in `folder` and in the folders in it, `depth` levels deep (all, unless said otherwise); undefined if there is no such folder.
 * Hidden folders are passed over.
 */
export async function fileTree(
  source: DatasetSource,
  folder: string,
  depth = Number.POSITIVE_INFINITY,
): Promise<FileTree | undefined> {
  if ((await source.exists(folder)) !== "folder") return undefined;
  const files: FoundPicture[] = [];
  const passedOver: string[] = [];
  const walk = async (path: string, prefix: string, left: number, above: readonly string[]): Promise<void> => {
    const real = (await source.realFolder?.(path)) ?? path;
    if (above.includes(real)) {
      passedOver.push(prefix.slice(0, -1));
      return;
    }
    for (const { name, kind } of await source.list(path)) {
      const inner = joinPath(path, name);
      if (kind === "file") files.push({ name: prefix + name, path: inner });
      else if (isHiddenFolder(name)) {
        if (await isWorthAWord(source, inner)) passedOver.push(prefix + name);
      } else if (left > 0) await walk(inner, `${prefix}${name}/`, left - 1, [...above, real]);
    }
  };
  await walk(folder, "", depth, []);
  return { files, passedOver: passedOver.sort(byCodeUnits) };
}

/**
 * The pictures in `folder` and in the folders in it, `depth` levels deep (all, unless said otherwise), or arrays where there are no
 * pictures at all; undefined if there is no such folder.
 */
export async function pictureTree(
  source: DatasetSource,
  folder: string,
  depth = Number.POSITIVE_INFINITY,
): Promise<PictureTree | undefined> {
  const tree = await fileTree(source, folder, depth);
  return tree === undefined ? undefined : picturesOf(tree, source);
}

/** Those of the files that are pictures, or arrays where there are no pictures at all. */
export function picturesOf({ files, passedOver }: FileTree, source: Pick<DatasetSource, "readsArrays">): PictureTree {
  return {
    pictures: pictureNames(files, ({ name }) => baseName(name), source.readsArrays ?? false),
    foreign: files.filter(({ name }) => isForeignPictureName(baseName(name))),
    passedOver,
  };
}

/** Whether there are pictures in the hidden folder. It is looked into but one level deep: those of version control are large. */
async function isWorthAWord(source: DatasetSource, folder: string): Promise<boolean> {
  try {
    return await holdsPicture(source, folder, 1);
  } catch (error) {
    // What may not be looked into is none of the data set's.
    if (error instanceof PerceptualBallError) return false;
    throw error;
  }
}

/** Whether there is a picture, or something called like one, in the folder or in those in it, `depth` levels deep. */
export async function holdsPicture(
  source: DatasetSource,
  folder: string,
  depth = Number.POSITIVE_INFINITY,
  seen: Set<string> = new Set(),
): Promise<boolean> {
  const real = (await source.realFolder?.(folder)) ?? folder;
  if (seen.has(real)) return false;
  seen.add(real);
  const entries = await source.list(folder);
  const isOne = (name: string): boolean =>
    isPictureName(name) || isForeignPictureName(name) || (source.readsArrays === true && isArrayName(name));
  if (entries.some(({ name, kind }) => kind === "file" && isOne(name))) return true;
  if (depth === 0) return false;
  for (const { name, kind } of entries) {
    if (kind !== "folder" || isHiddenFolder(name)) continue;
    if (await holdsPicture(source, joinPath(folder, name), depth - 1, seen)) return true;
  }
  return false;
}

/** What is to be known of the folders that a walk has passed over: a sentence for a data set's notes. */
export function passedOverNotes({ passedOver }: Pick<PictureTree, "passedOver">): string[] {
  if (passedOver.length === 0) return [];
  const some = passedOver.slice(0, 4).join(", ") + (passedOver.length > 4 ? ", …" : "");
  return [`Pictures in hidden folders, or in links that lead in a circle, are passed over: ${some}.`];
}

/** The pictures in `folder` and in the folders in it, but no deeper, in no order, or arrays where there are no pictures; undefined if there is no such folder. */
export async function picturesIn(source: DatasetSource, folder: string): Promise<readonly FoundPicture[] | undefined> {
  return (await pictureTree(source, folder, 1))?.pictures;
}
