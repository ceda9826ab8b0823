/** @file Data sets from files that are in memory, such as those dropped on a page or unpacked from an archive. */
import { BadInputError, checkForm } from "../errors.ts";
import type { Picture } from "../image/picture.ts";
import type { DatasetSource, FileEntry } from "./dataset-source.ts";

/** The picture in the bytes of a file as stored, turned by no EXIF tag, as boxes refer to that; `path` stands for it in messages. */
export type PictureDecoder = (bytes: Uint8Array, path: string) => Promise<Picture>;

/**
 * The files as a source of data sets, by their paths, which have forward slashes. Folders are what paths have in them; "." and ""
 * stand for the topmost one. Sizes of pictures are found by decoding them.
 */
export function memoryFileSource(
  files: ReadonlyMap<string, Uint8Array | string>,
  decode: PictureDecoder,
): DatasetSource {
  checkForm("memoryFileSource: files", files, ["get", "size"]);
  checkForm("memoryFileSource: decode", decode, "function");
  const folders = new Map<string, Map<string, FileEntry["kind"]>>([["", new Map()]]);
  for (const path of files.keys()) {
    const parts = path.split("/");
    for (let i = 0; i < parts.length; i++) {
      const parent = parts.slice(0, i).join("/");
      const entries = folders.get(parent) ?? new Map<string, FileEntry["kind"]>();
      entries.set(parts[i], i === parts.length - 1 ? "file" : "folder");
      folders.set(parent, entries);
    }
  }
  const normal = (path: string): string => (path === "." ? "" : path.replace(/^\.\//, "").replace(/\/+$/, ""));
  const contents = (path: string): Uint8Array | string => {
    const found = files.get(normal(path));
    if (found !== undefined) return found;
    throw new BadInputError({
      where: path,
      what: folders.has(normal(path)) ? "is a folder, not a file" : "no such file",
    });
  };
  const readBytes = async (path: string): Promise<Uint8Array> => {
    const found = contents(path);
    return typeof found === "string" ? new TextEncoder().encode(found) : found;
  };
  const readPicture = async (path: string): Promise<Picture> => decode(await readBytes(path), path);
  return {
    list: async (path) => {
      const entries = folders.get(normal(path));
      if (entries === undefined) throw new BadInputError({ where: path, what: "no such folder" });
      return [...entries].map(([name, kind]) => ({ name, kind }));
    },
    exists: async (path) => (folders.has(normal(path)) ? "folder" : files.has(normal(path)) ? "file" : undefined),
    readText: async (path) => {
      const found = contents(path);
      return typeof found === "string" ? found : new TextDecoder().decode(found);
    },
    readBytes,
    readPicture,
    decodePicture: (bytes, where) => decode(bytes, where),
    readPictureSize: readPicture,
  };
}
