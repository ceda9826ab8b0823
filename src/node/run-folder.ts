/**
 * @file A folder of results that a run owns. Such a folder says in `run.json` which files are whose, so that a later run replaces the earlier
 * one's whole and nothing else: what it writes lies apart until it is finished, and files that no run has written are never touched.
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { MisuseError } from "../errors.ts";
import { isCount, isText, listOf, objectOf, orNull } from "../experiments/records/record-form.ts";
import { type FileLock, lockFile } from "./records/file-lock.ts";
import { makeFolder, writeFileAtomically } from "./write-file.ts";

/** What `run.json` says. */
export interface RunMark {
  /** The command that made the folder. */
  readonly command: string;
  /** ISO 8601. */
  readonly started: string;
  /** null as long as the run is under way, and where it was killed. */
  readonly finished: string | null;
  readonly pictures: number;
  /** The files and folders in the folder that are the run's. */
  readonly names: readonly string[];
  /** Its files, relative to the folder; empty until the run is finished. */
  readonly files: readonly string[];
}

export interface RunFolder {
  /** Where the run writes: the folder itself, or one in it as long as an earlier run's results lie there. */
  readonly path: string;
  /** Puts everything in its place. What was replaced comes back. */
  finish(pictures: number): Promise<RunMark | undefined>;
  /** Leaves the folder as it was before, if nothing was to be finished. */
  abandon(): Promise<void>;
}

const markName = "run.json";
/** What a run writes while the earlier one's results are still there. */
const stagingName = ".unfinished";

const isMark = objectOf<RunMark>({
  command: isText,
  started: isText,
  finished: orNull(isText),
  pictures: isCount,
  names: listOf(isText),
  files: listOf(isText),
});

/** What `run.json` in the folder says; undefined if there is none, or nothing that a run has written. */
export function readRunMark(folder: string): RunMark | undefined {
  try {
    const mark: unknown = JSON.parse(readFileSync(join(folder, markName), "utf8"));
    return isMark(mark) && [...mark.names, ...mark.files].every(isInside) ? mark : undefined;
  } catch {
    return undefined;
  }
}

/** A path that leads nowhere but into the folder. */
function isInside(path: string): boolean {
  return (
    path !== "" && path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !part.includes(sep))
  );
}

/**
 * Throws a {@link MisuseError} if the folder holds something by one of `names` (the run's files and folders) that no earlier run of
 * `command` has written.
 */
export function checkRunFolder(folder: string, command: string, names: readonly string[]): void {
  const mark = readRunMark(folder);
  const isOwn = (name: string): boolean => mark?.command === command && mark.names.includes(name);
  const foreign = [...names, markName].filter(
    (name) => existsSync(join(folder, name)) && !isOwn(name) && !(name === markName && mark?.command === command),
  );
  if (foreign.length === 0) return;
  const more = foreign.length > 1 ? ` and ${foreign.length - 1} more` : "";
  throw new MisuseError({
    where: folder,
    what: `${foreign[0]}${more} would be overwritten, and no earlier run of ${command} says that it is its own`,
    advice: "Choose another place for the output, or take these away.",
  });
}

/**
 * Takes the folder for a run of `command` that will write files and folders by these names, and makes it if need be. Throws as
 * {@link checkRunFolder} does, and a MisuseError while another run writes there.
 */
export async function openRunFolder(folder: string, command: string, names: readonly string[]): Promise<RunFolder> {
  checkRunFolder(folder, command, names);
  const isNew = !existsSync(folder);
  await makeFolder(folder);
  const lock = lockFile(join(folder, markName));
  try {
    const earlier = readRunMark(folder);
    const mark: RunMark = {
      ...{ command, started: new Date().toISOString(), finished: null },
      ...{ pictures: 0, names: [...names], files: [] },
    };
    const staging = join(folder, stagingName);
    await rm(staging, { recursive: true, force: true });
    if (earlier === undefined) {
      await writeMark(folder, mark);
      return ownFolder({ folder, mark, lock, isNew });
    }
    await makeFolder(staging);
    return stagedFolder({ folder, staging, mark, earlier, lock });
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Opened {
  readonly folder: string;
  readonly mark: RunMark;
  readonly lock: FileLock;
}

/** A folder without an earlier run: written to as it is, so that what is finished stays whatever happens. */
function ownFolder({ folder, mark, lock, isNew }: Opened & { readonly isNew: boolean }): RunFolder {
  return {
    path: folder,
    async finish(pictures) {
      try {
        const files = await filesOf(folder, mark.names);
        await writeMark(folder, { ...mark, finished: new Date().toISOString(), pictures, files });
      } finally {
        lock.release();
      }
      return undefined;
    },
    async abandon() {
      for (const name of mark.names) await rm(join(folder, name), { recursive: true, force: true });
      await rm(join(folder, markName), { force: true });
      lock.release();
      if (isNew) await removeIfEmpty(folder);
    },
  };
}

/** A folder with an earlier run, whose results stay until this one is finished. */
function stagedFolder({
  folder,
  staging,
  mark,
  earlier,
  lock,
}: Opened & { readonly staging: string; readonly earlier: RunMark }): RunFolder {
  return {
    path: staging,
    async finish(pictures) {
      try {
        lock.throwIfLost();
        const old = earlier.finished === null ? await filesOf(folder, earlier.names) : earlier.files;
        const files = await filesOf(staging, mark.names);
        // Should the machine stop from here on, the next run knows both runs' files for its own.
        const names = [...new Set([...earlier.names, ...mark.names])];
        await writeMark(folder, { ...mark, names });
        for (const file of old) await rm(join(folder, file), { force: true });
        await removeEmptyFolders(folder, old);
        for (const file of files) {
          await mkdir(dirname(join(folder, file)), { recursive: true });
          await rename(join(staging, file), join(folder, file));
        }
        await rm(staging, { recursive: true, force: true });
        await writeMark(folder, { ...mark, finished: new Date().toISOString(), pictures, files });
      } finally {
        lock.release();
      }
      return earlier;
    },
    async abandon() {
      await rm(staging, { recursive: true, force: true });
      lock.release();
    },
  };
}

async function writeMark(folder: string, mark: RunMark): Promise<void> {
  await writeFileAtomically(join(folder, markName), `${JSON.stringify(mark, null, 2)}\n`);
}

/** The files by these names, and those in the folders by these names, relative to `folder`, in order. */
async function filesOf(folder: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of [...names].sort()) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    const inside = await readdir(path, { withFileTypes: true }).catch(() => undefined);
    if (inside === undefined) found.push(name);
    else
      found.push(
        ...(
          await filesOf(
            path,
            inside.map((entry) => entry.name),
          )
        ).map((file) => `${name}/${file}`),
      );
  }
  return found;
}

/** Removes the folders of `files` below `folder` that are empty now, the innermost first. */
async function removeEmptyFolders(folder: string, files: readonly string[]): Promise<void> {
  const folders = new Set<string>();
  for (const file of files) {
    for (let path = dirname(file); path !== "."; path = dirname(path)) folders.add(path);
  }
  for (const path of [...folders].sort((a, b) => b.length - a.length)) await removeIfEmpty(join(folder, path));
}

async function removeIfEmpty(folder: string): Promise<void> {
  // A folder with something in it stays, as does one that is gone already.
  await rmdir(folder).catch(() => undefined);
}
