/** @file Data sets from disk. */

import { createReadStream } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { DatasetSource, ReadPictureOptions } from "../../datasets/dataset-source.ts";
import { isArrayName } from "../../datasets/paths.ts";
import { BadInputError, checkKeys } from "../../errors.ts";
import { type ImageTensor, isPicture, type Picture, tensorToPicture } from "../../image/picture.ts";
import type { OnPictureNote } from "../../image/picture-note.ts";
import { entryKindOf, folderEntries } from "../folder-entries.ts";
import { pathBytes } from "../path-bytes.ts";
import { decodeImageSize, type ReadImageOptions, readImageFile } from "../pictures/read-image.ts";
import { pictureOfFileBytes, readPictureFile } from "../pictures/read-picture-file.ts";
import { checkRegularFile, readRegularFile } from "../read-regular-file.ts";

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

export interface FileSourceOptions extends Pick<ReadImageOptions, "maxPixels" | "bitDepth" | "onNote"> {
  /**
   * The folders that files may be read from, links followed; files elsewhere are refused. Undefined (default): any. What a data set
   * *names* (a picture in a CSV, a file in a JSON) is not the user's choice, unlike the paths on the command line.
   */
  readonly roots?: readonly string[];
  /**
   * How many channels the network takes, as of `readPictureFile`: of pictures for other numbers than 1 and 3 all stored channels are read,
   * as of a TIFF or an NPY array of so many bands, and must be as many. Numbers of arrays are rounded to bytes, as 16 bits are, unless there is a `fullScale`.
   */
  readonly channelCount?: number;
  /** As of `readPictureFile`: the largest sample that the network takes, if that is above 255. */
  readonly fullScale?: number;
}

/** Larger files of annotations are refused; COCO's largest is 450 MB. */
const maxAnnotationBytes = 2 ** 31;

/**
 * Files on disk. Pictures are read as stored, whatever their EXIF tag says, since boxes refer to that.
 *
 * Its functions throw a {@link BadInputError} for a path that leads out of `roots`.
 */
export function createFileSource(options: FileSourceOptions = {}): DatasetSource {
  checkKeys("createFileSource", options, ["roots", "channelCount", "fullScale", "maxPixels", "bitDepth", "onNote"]);
  const { roots, channelCount = 3, fullScale, ...reading } = options;
  const { inside, admit } = guard(roots);
  const bytesAt = async (path: string): Promise<Buffer> => {
    await inside(path);
    return readRegularFile(path, { expected: "a file of the data set", maxBytes: maxAnnotationBytes });
  };
  const isColor = channelCount === 1 || channelCount === 3;
  const readingWith = (options?: ReadPictureOptions) => {
    const onNote: OnPictureNote = (text, code) => {
      reading.onNote?.(text, code);
      options?.onNote?.(text, code);
    };
    return { ...reading, orientation: "ignore", onNote } as const;
  };
  const asAsked = (picture: Picture | ImageTensor): Picture | ImageTensor =>
    isPicture(picture) || fullScale !== undefined ? picture : tensorToPicture(picture);
  return {
    admit,
    list: async (folder) => {
      await inside(folder);
      return naming(folder, () => folderEntries(folder));
    },
    exists: entryKindOf,
    realFolder: (folder) => realpath(pathBytes(folder)).then(String, () => resolve(folder)),
    readText: async (path) => (await bytesAt(path)).toString("utf8"),
    readBytes: bytesAt,
    async *readChunks(path) {
      await inside(path);
      await checkRegularFile(path, { expected: "a file of the data set", maxBytes: Infinity });
      const stream = createReadStream(pathBytes(path), { highWaterMark: 2 ** 20 });
      try {
        for await (const bytes of stream) yield bytes as Buffer;
      } catch (error) {
        await naming(path, () => Promise.reject(error));
      }
    },
    readsArrays: true,
    openFile: async (path) => {
      await inside(path);
      const size = await checkRegularFile(path, { expected: "a file of the data set", maxBytes: Infinity });
      const slice = (start: number, end: number): Promise<Uint8Array> =>
        naming(path, () => bytesBetween(path, start, end));
      return { size, slice };
    },
    readPicture: async (path, options) => {
      checkKeys("readPicture", options, ["onNote"]);
      await inside(path);
      const asStored = readingWith(options);
      if (isColor && fullScale === undefined && !isArrayName(path)) return readImageFile(path, asStored);
      return asAsked(await readPictureFile(path, { ...asStored, channelCount, fullScale }));
    },
    decodePicture: async (bytes, where, options) => {
      checkKeys("decodePicture", options, ["onNote"]);
      return asAsked(await pictureOfFileBytes(bytes, where, { ...readingWith(options), channelCount, fullScale }));
    },
    decodePictureSize: (bytes, where) => decodeImageSize(bytes, where, reading),
    readPictureSize: async (path) => {
      const bytes = await bytesAt(path);
      if (!isArrayName(path)) return decodeImageSize(bytes, path, reading);
      const picture = await readPictureFile(path, { channelCount, fullScale });
      if (isPicture(picture)) return picture;
      const [, height, width] = picture.shape;
      return { width, height };
    },
  };
}

/** The bytes from `start` to before `end`, fewer where the file ends. */
async function bytesBetween(path: string, start: number, end: number): Promise<Uint8Array> {
  const file = await open(pathBytes(path));
  try {
    const bytes = new Uint8Array(end - start);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, start + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** Files anywhere on disk. */
export const nodeFileSource: DatasetSource = createFileSource();

interface Guard {
  /** Throws if the path, links followed, does not lie in one of the folders. */
  readonly inside: (path: string) => Promise<void>;
  /** Adds a folder. */
  readonly admit: (folder: string) => void;
}

function guard(given: readonly string[] | undefined): Guard {
  if (given === undefined) return { inside: async () => {}, admit: () => {} };
  const roots = [...given];
  const realRoot = (root: string): Promise<string> => realpath(pathBytes(root)).then(String, () => resolve(root));
  const real = roots.map(realRoot);
  const known = new Map<string, Promise<void>>();
  const check = async (path: string): Promise<void> => {
    // What does not exist is found out by whoever reads it.
    const target = await realpath(pathBytes(path)).then(String, () => resolve(path));
    const isInside = (await Promise.all(real)).some(
      (root) => target === root || target.startsWith(root.endsWith(sep) ? root : root + sep),
    );
    if (isInside) return;
    throw new BadInputError({
      where: path,
      what: `leads out of the data set, to ${target}`,
      expected: `a file in ${roots.join(" or ")}`,
      advice: "If that is meant, allow it with --follow (the option `follow`).",
    });
  };
  const inside = (path: string): Promise<void> => {
    // Of many files in one folder each is looked at once, however often it is read.
    const found = known.get(path) ?? check(path);
    if (known.size < 100_000) known.set(path, found);
    return found;
  };
  const admit = (folder: string): void => {
    roots.push(folder);
    real.push(realRoot(folder));
  };
  return { inside, admit };
}
