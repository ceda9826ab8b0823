/**
 * @file The list of the files that an experiment has made in its folder: only these are ever deleted again.
 *
 * `manifest.txt` has a path per line, relative to the folder, with forward slashes. A file is listed before it is made, so that there
 * is none that is not listed, however a process ends; one that is listed may not exist, and one that is made again is listed again.
 */
import { appendFile, readdir, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { MisuseError } from "../../errors.ts";
import { passingPrefix } from "../check-folder.ts";

export const manifestFile = "manifest.txt";

/** Adds the files, by their paths relative to the folder, to the folder's list. */
export async function listInManifest(folder: string, files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  // One write at the end of the file, so that lines of several processes do not mix.
  await appendFile(join(folder, manifestFile), files.map((file) => `${file}\n`).join(""));
}

/** The files on the folder's list, each once; undefined if the folder has none. */
export async function readManifest(folder: string): Promise<readonly string[] | undefined> {
  try {
    const text = await readFile(join(folder, manifestFile), "utf8");
    return [...new Set(text.split("\n").filter((line) => line !== ""))];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Throws a {@link MisuseError} if the folder has content and no list of an experiment's own files: then nothing says what in it may be
 * deleted.
 */
export async function refuseForeignContent(folder: string): Promise<void> {
  if ((await readManifest(folder)) !== undefined) return;
  // What a process that was killed left of its own, or another one is trying just now, is nobody's content.
  const names = (await readdir(folder)).filter((name) => !name.startsWith(passingPrefix));
  if (names.length === 0) return;
  const shown = names.sort().slice(0, 4);
  throw new MisuseError({
    where: folder,
    what: `there are files in it that no experiment's ${manifestFile} lists, so nothing may be deleted`,
    expected: "an empty folder, or one that an experiment was begun in",
    got: `${shown.join(", ")}${names.length > shown.length ? `, and ${names.length - shown.length} more` : ""}`,
    advice: "Choose another --out, or empty the folder yourself.",
  });
}

/**
 * Deletes the files that the folder's list names, the list itself, and folders that are empty then. `isOurs` says which names an
 * experiment can have given: a list that was tampered with deletes nothing else, and nothing outside the folder.
 */
export async function deleteListed(folder: string, isOurs: (file: string) => boolean): Promise<void> {
  const folders = new Set<string>();
  for (const file of ((await readManifest(folder)) ?? []).filter(isOurs)) {
    await rm(join(folder, file), { force: true });
    const end = file.lastIndexOf("/");
    if (end > 0) folders.add(file.slice(0, end));
  }
  for (const inner of folders) await rmdir(join(folder, inner)).catch(ignoreContent);
  await rm(join(folder, manifestFile), { force: true });
}

/** A folder that has other files in it stays. */
function ignoreContent(error: NodeJS.ErrnoException): void {
  if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(error.code ?? "")) throw error;
}
