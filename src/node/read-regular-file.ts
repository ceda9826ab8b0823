/** @file Files from disk, whole, and only files: pipes and devices have no end that could be known before. */
import { readFile, stat } from "node:fs/promises";
import { BadInputError } from "../errors.ts";
import { pathBytes } from "./path-bytes.ts";

export interface ReadRegularFileOptions {
  /** What the file should be, for messages: "a picture (JPEG, PNG …)". */
  readonly expected: string;
  /** Larger files are refused before they are read; default 512 MiB. */
  readonly maxBytes?: number;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EACCES: "no permission to read",
  EPERM: "no permission to read",
  EISDIR: "is a folder",
  ENAMETOOLONG: "name too long",
  ELOOP: "links in a circle",
};

/**
 * The size of the file in bytes. Throws a {@link BadInputError} that names the path if there is no file, it is a folder, pipe, socket or
 * device, or larger than allowed.
 */
export async function checkRegularFile(
  path: string,
  { expected, maxBytes = 2 ** 29 }: ReadRegularFileOptions,
): Promise<number> {
  const complain = (what: string): BadInputError => new BadInputError({ where: path, what, expected });
  const info = await stat(pathBytes(path)).catch((error: unknown) => {
    throw unreadable(path, expected, error);
  });
  if (info.isDirectory()) throw complain("is a folder");
  if (info.isFIFO()) throw complain("is a pipe");
  if (info.isSocket()) throw complain("is a socket");
  if (!info.isFile()) throw complain("is a device");
  if (info.size > maxBytes) throw complain(`is ${info.size} bytes long, and at most ${maxBytes} are read`);
  return info.size;
}

function unreadable(path: string, expected: string, cause: unknown): BadInputError {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const what = reasons[code] ?? `cannot be read (${message.trim().split("\n", 1)[0]})`;
  return new BadInputError({ where: path, what, expected }, { cause });
}

/** The bytes of the file at `path`. Throws a {@link BadInputError} as {@link checkRegularFile} does, and if it may not be read. */
export async function readRegularFile(path: string, options: ReadRegularFileOptions): Promise<Buffer> {
  await checkRegularFile(path, options);
  return readFile(pathBytes(path)).catch((error: unknown) => {
    throw unreadable(path, options.expected, error);
  });
}
