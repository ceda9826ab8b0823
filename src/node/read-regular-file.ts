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
 * The bytes of the file at `path`. Throws a {@link BadInputError} that names the path if there is none, it may not be read, is a folder,
 * pipe, socket or device, or is larger than allowed.
 */
export async function readRegularFile(path: string, options: ReadRegularFileOptions): Promise<Buffer> {
  const { expected, maxBytes = 2 ** 29 } = options;
  const complain = (what: string, cause?: unknown): BadInputError =>
    new BadInputError({ where: path, what, expected }, { cause });
  try {
    const info = await stat(pathBytes(path));
    if (info.isDirectory()) throw complain("is a folder");
    if (info.isFIFO()) throw complain("is a pipe");
    if (info.isSocket()) throw complain("is a socket");
    if (!info.isFile()) throw complain("is a device");
    if (info.size > maxBytes) throw complain(`is ${info.size} bytes long, and at most ${maxBytes} are read`);
    return await readFile(pathBytes(path));
  } catch (error) {
    if (error instanceof BadInputError) throw error;
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw complain(reasons[code] ?? `cannot be read (${message.trim().split("\n", 1)[0]})`, error);
  }
}
