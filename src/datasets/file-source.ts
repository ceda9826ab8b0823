/** @file Where data sets are read from: what a reader needs of a file system, a server or a list of dropped files. */
import { throwIfAborted } from "../errors.ts";
import type { Picture } from "../image/picture.ts";

export interface FileEntry {
  readonly name: string;
  readonly kind: "file" | "folder";
}

/** Paths have forward slashes. Every function rejects with a PerceptualBallError that names the path. */
export interface FileSource {
  /** What the folder holds, in any order. */
  readonly list: (folder: string) => Promise<readonly FileEntry[]>;
  /** What is at the path, or undefined. */
  readonly exists: (path: string) => Promise<FileEntry["kind"] | undefined>;
  readonly readText: (path: string) => Promise<string>;
  readonly readBytes: (path: string) => Promise<Uint8Array>;
  /** The picture as stored, turned by no EXIF tag. */
  readonly readPicture: (path: string) => Promise<Picture>;
  /** The size of the picture as stored, from its header. */
  readonly readPictureSize: (path: string) => Promise<PictureSize>;
}

/** Width and height in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** The path of `name`, which may have folders of its own, in `folder`. */
export function joinPath(folder: string, name: string): string {
  if (folder === "" || folder === ".") return name;
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** The last part of the path. */
export function baseName(path: string): string {
  const trimmed = path.replace(/(?<=.)\/+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** The path of the folder that holds what `path` names. */
export function folderName(path: string): string {
  const end = path.replace(/\/+$/, "").lastIndexOf("/");
  return end < 0 ? "." : end === 0 ? "/" : path.slice(0, end);
}

/** The name without its extension: "a/b.c.jpg" gives "a/b.c". */
export function withoutExtension(name: string): string {
  return name.replace(/(?<=[^/])\.[^./]*$/, "");
}

const pictureExtensions = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;

/** Whether the name is one of a picture that can be decoded. */
export function isPictureName(name: string): boolean {
  return pictureExtensions.test(name) && !name.startsWith(".");
}

/** `a` and `b` compared by code units, for an order that is the same on every machine and in every language. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The results of `work` for each item, in order, with at most `limit` under way at a time. Stops at the first error, and when
 * `signal` is aborted.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  { limit = 16, signal }: { readonly limit?: number; readonly signal?: AbortSignal } = {},
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      throwIfAborted(signal, "reading the data set");
      const index = next++;
      try {
        results[index] = await work(items[index], index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
