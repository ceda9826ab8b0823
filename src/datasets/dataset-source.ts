/** @file Where data sets are read from: what a reader needs of a file system, a server or a list of dropped files. */
import type { ImageTensor, Picture } from "../image/picture.ts";

export interface FileEntry {
  readonly name: string;
  readonly kind: "file" | "folder";
}

/** Paths have forward slashes. Every function rejects with a PerceptualBallError that names the path. */
export interface DatasetSource {
  /**
   * Called by readers with a folder that belongs to the data set by the rules of its format, though it may lie beside the path that was
   * given. A source that refuses files elsewhere reads those in it.
   */
  readonly admit?: (folder: string) => void;
  /** What the folder holds, in any order. */
  readonly list: (folder: string) => Promise<readonly FileEntry[]>;
  /** What is at the path, or undefined. */
  readonly exists: (path: string) => Promise<FileEntry["kind"] | undefined>;
  /** What tells whether two paths are the same folder, links followed; a source without links needs none. */
  readonly realFolder?: (folder: string) => Promise<string>;
  readonly readText: (path: string) => Promise<string>;
  readonly readBytes: (path: string) => Promise<Uint8Array>;
  /** The bytes in pieces, for files that need not be in memory as a whole; `readBytes` serves where it is missing. */
  readonly readChunks?: (path: string) => AsyncIterable<Uint8Array>;
  /** The file, to be read in parts where it need not be in memory as a whole; `readBytes` serves where it is missing. */
  readonly openFile?: (path: string) => Promise<OpenFile>;
  /** The picture as stored, turned by no EXIF tag; an image tensor where bytes would not hold it. */
  readonly readPicture: (path: string, options?: ReadPictureOptions) => Promise<Picture | ImageTensor>;
  /** The same of the bytes of a picture's file that lie in another one, such as a table; `where` stands for them in messages. */
  readonly decodePicture: (
    bytes: Uint8Array,
    where: string,
    options?: ReadPictureOptions,
  ) => Promise<Picture | ImageTensor>;
  /** The size of such a picture, from its header; `decodePicture` serves where it is missing. */
  readonly decodePictureSize?: (bytes: Uint8Array, where: string) => Promise<PictureSize>;
  /** Whether `readPicture` reads NumPy's arrays: folders without pictures are then folders of these. */
  readonly readsArrays?: boolean;
  /** The size of the picture as stored, from its header. */
  readonly readPictureSize: (path: string) => Promise<PictureSize>;
}

/** A file of which parts are read. */
export interface OpenFile {
  /** In bytes. */
  readonly size: number;
  /** The bytes from `start` to before `end`. */
  readonly slice: (start: number, end: number) => Promise<Uint8Array>;
}

export interface ReadPictureOptions {
  /** Called with what was concluded of the picture and is not certain, such as how many bits its samples use: a sentence. */
  readonly onNote?: (text: string, code: string) => void;
}

/** Width and height in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** The bytes of the file at `path`, in pieces if the source gives them so. */
export async function* chunksOf(source: DatasetSource, path: string): AsyncGenerator<Uint8Array> {
  if (source.readChunks === undefined) yield await source.readBytes(path);
  else yield* source.readChunks(path);
}

/** The file at `path` to be read in parts, or what there is of it as a whole. */
export async function openFile(source: DatasetSource, path: string): Promise<OpenFile> {
  if (source.openFile !== undefined) return source.openFile(path);
  const bytes = await source.readBytes(path);
  return { size: bytes.length, slice: async (start, end) => bytes.slice(start, end) };
}

/** The text at the beginning of the file at `path`, of about `length` bytes, and whether that is all of it; without a byte order mark. */
export async function textHead(
  source: DatasetSource,
  path: string,
  length: number,
): Promise<{ readonly text: string; readonly isWhole: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  let left = length;
  for await (const bytes of chunksOf(source, path)) {
    const isCut = bytes.length > left;
    text += decoder.decode(bytes.subarray(0, left), { stream: true });
    left -= bytes.length;
    if (isCut) return { text, isWhole: false };
  }
  return { text, isWhole: true };
}
