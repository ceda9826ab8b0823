/** @file Files that are either written whole or not at all. */
import { randomBytes } from "node:crypto";
import { lstat, mkdir, open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MisuseError, PerceptualBallError } from "../errors.ts";
import { passingPrefix } from "./check-folder.ts";

const reasons: Record<string, string> = {
  EACCES: "no permission to write here",
  EPERM: "no permission to write here",
  EROFS: "the file system is read-only",
  EISDIR: "is a folder",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "a part of the path is a file, not a folder",
  ENOENT: "the folder cannot be made",
  ENAMETOOLONG: "name too long",
  ELOOP: "links in a circle",
};

/** Whether an operation on files failed for want of space, or of the user's share of it. */
export function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}

function complaintOf(path: string, error: unknown): PerceptualBallError {
  const { code = "", message } = error as NodeJS.ErrnoException;
  const reason = reasons[code];
  if (reason !== undefined) {
    return new MisuseError(
      { where: path, what: reason, advice: "Choose another place for the output." },
      { cause: error },
    );
  }
  const isFull = isDiskFull(error);
  return new PerceptualBallError(
    {
      where: path,
      what: isFull ? "no space left on the disk" : `cannot be written (${message})`,
      advice: isFull ? "What is written so far stays: make room and start the same command again." : undefined,
    },
    { cause: error },
  );
}

/** The folder at `path`, made with its parents if it does not exist. Throws a {@link MisuseError} if that cannot be. */
export async function makeFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true });
    return path;
  } catch (error) {
    throw complaintOf(path, error);
  }
}

/** The file that `path` means once links are followed, and whether it is something other than a file, such as a pipe. */
async function destinationOf(path: string): Promise<{ readonly target: string; readonly isStream: boolean }> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
    const isLink = (await lstat(path)).isSymbolicLink();
    return info.isFile()
      ? { target: isLink ? await realpath(path) : path, isStream: false }
      : { target: path, isStream: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { target: path, isStream: false };
    throw error;
  }
}

/**
 * Writes `contents` to the file at `path`, making its folder if need be. The bytes go to a new file in the same folder, which
 * then takes the name: whoever reads `path` sees the old contents or all of the new, also if this process is killed, and once the
 * promise has resolved also if the machine loses its power. A pipe or device is written to as it is.
 *
 * Throws a {@link MisuseError} that names the path if it cannot be written there, and a {@link PerceptualBallError} if the
 * disk fails; either way nothing is left behind.
 */
export async function writeFileAtomically(path: string, contents: Uint8Array | string): Promise<void> {
  let temporary: string | undefined;
  try {
    const { target, isStream } = await destinationOf(path);
    if (isStream) {
      await writeFile(path, contents);
      return;
    }
    await mkdir(dirname(target), { recursive: true });
    temporary = join(dirname(target), `${passingPrefix}${randomBytes(6).toString("hex")}.partial`);
    await writeAndSync(temporary, contents);
    await rename(temporary, target);
    await syncFolder(dirname(target));
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true });
    throw complaintOf(path, error);
  }
}

/** A new file with these contents, on the disk and not only in the system's memory. */
async function writeAndSync(path: string, contents: Uint8Array | string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(contents);
    await file.datasync().catch(ignoreUnsupported);
  } finally {
    await file.close();
  }
}

/** Asks the disk to keep the names of a folder's files. Some systems do so by themselves and cannot be asked. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (isDiskFull(error)) throw error;
  }
}

/** Not every file system can be asked to keep things. */
export function ignoreUnsupported(error: NodeJS.ErrnoException): void {
  if (error.code !== "EINVAL" && error.code !== "ENOTSUP") throw error;
}
