/** @file Data sets from disk. */
import { readdir, readFile, stat } from "node:fs/promises";
import sharp from "sharp";
import type { DatasetSource } from "../../datasets/dataset-source.ts";
import { BadInputError } from "../../errors.ts";
import { readImageFile } from "../pictures/read-image.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  ENOTDIR: "is not a folder",
  EISDIR: "is a folder, not a file",
  EACCES: "no permission to read",
  EPERM: "no permission to read",
  ENAMETOOLONG: "name too long",
  ELOOP: "links in a circle",
};

async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new BadInputError({ where: path, what: reasons[code] ?? `cannot be read (${message})` }, { cause: error });
  }
}

/** Files on disk; links are followed. Pictures are read as stored, whatever their EXIF tag says, since boxes refer to that. */
export const nodeFileSource: DatasetSource = {
  list: (folder) =>
    naming(folder, async () => {
      const entries = await readdir(folder, { withFileTypes: true });
      return Promise.all(
        entries.map(async (entry) => {
          const isFolder = entry.isSymbolicLink()
            ? (await stat(`${folder}/${entry.name}`).catch(() => undefined))?.isDirectory()
            : entry.isDirectory();
          return { name: entry.name, kind: isFolder ? "folder" : "file" } as const;
        }),
      );
    }),
  exists: async (path) => {
    const info = await stat(path).catch(() => undefined);
    return info === undefined ? undefined : info.isDirectory() ? "folder" : "file";
  },
  readText: (path) => naming(path, () => readFile(path, "utf8")),
  readBytes: (path) => naming(path, () => readFile(path)),
  readPicture: (path) => readImageFile(path, { orientation: "ignore" }),
  readPictureSize: async (path) => {
    const { width, height } = await naming(path, () => sharp(path).metadata());
    return { width, height };
  },
};
