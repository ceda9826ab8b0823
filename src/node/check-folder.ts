/** @file Finding out early that a folder cannot be written. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { MisuseError } from "../errors.ts";

const reasons: Readonly<Record<string, string>> = {
  EACCES: "no permission to write here",
  EPERM: "no permission to write here",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ENAMETOOLONG: "name too long",
  ELOOP: "links in a circle",
};

/** What names of passing files and folders of this package begin with. */
export const passingPrefix = ".perceptual-ball-";

/**
 * Throws a {@link MisuseError} if files cannot be written into the folder at `path`, which need not exist yet. It is tried, not
 * guessed – permissions say little to the superuser and nothing of special file systems. The trial is a folder of its own, in `path` or in the nearest folder
 * above it that exists, in which the missing folders are made: a command that fails later for another reason leaves no trace, and nothing of what another
 * process makes at `path` meanwhile is touched.
 */
export function checkWritableFolder(path: string): void {
  const complain = (what: string, cause?: unknown): MisuseError =>
    new MisuseError({ where: path, what, advice: "Choose another place for the output." }, { cause });
  if (path === "") throw new MisuseError({ where: "--out", what: "there is no name", expected: "a folder", got: '""' });
  const folder = resolve(path);
  const file = fileInTheWay(folder);
  if (file !== undefined) throw complain(file === folder ? "is not a folder" : `${file} is a file, not a folder`);
  const missing = missingFolders(folder);
  const above = missing.length === 0 ? folder : dirname(missing[0]);
  let trial: string | undefined;
  try {
    trial = mkdtempSync(join(above, passingPrefix));
    let place = trial;
    // One by one: Node's recursive form never returns where a special file system says that the parent is missing.
    for (const each of missing) {
      place = join(place, basename(each));
      mkdirSync(place);
    }
    writeFileSync(join(place, "trial"), "");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw complain(reasons[code ?? ""] ?? `cannot be written (${message})`, error);
  } finally {
    if (trial !== undefined) rmSync(trial, { recursive: true, force: true });
  }
}

/** The nearest place at or above `path` that exists, if it is no folder. */
function fileInTheWay(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : path;
  } catch {
    // What cannot be looked at is no file in the way; making the folder says what is wrong with it.
    return dirname(path) === path ? undefined : fileInTheWay(dirname(path));
  }
}

/** `path` and those above it that do not exist, from the top. */
function missingFolders(path: string): string[] {
  if (existsSync(path) || dirname(path) === path) return [];
  return [...missingFolders(dirname(path)), path];
}
