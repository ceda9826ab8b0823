/** @file A folder of an experiment's results: what it is about, its records, and the arrays that belong to them. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { BadInputError, MisuseError } from "../../errors.ts";
import { canonicalJson, differences, stableHash } from "../../experiments/records/canonical-json.ts";
import { createRecordIndex, type RecordIndex } from "../../experiments/records/record-index.ts";
import type { ExperimentIdentity, RecordKey, RecordStore } from "../../experiments/records/record-store.ts";
import { readNpy, writeNpy } from "../npy.ts";
import { makeFolder, writeFileAtomically } from "../write-file.ts";
import { lockFile } from "./file-lock.ts";
import { deleteListed, listInManifest, readManifest, refuseForeignContent } from "./manifest.ts";
import { openRecordFile, type RecordFileWriter, type RunHeader, readRecordFile } from "./record-file.ts";

export interface RecordFolderOptions {
  readonly identity: ExperimentIdentity;
  /** Provenance that does not decide results: versions, runtime, machine, threads. Plain JSON; kept with the records. */
  readonly run: object;
  /** Name of this process's own file, `records-<writer>.jsonl`: no two processes at work on one folder share it. Default `1`. */
  readonly writer?: string;
  /** Throws away what an experiment has made in the folder, and nothing else. Default false. */
  readonly fresh?: boolean;
}

/** An experiment's records in a folder. */
export interface RecordFolder<T> extends RecordStore<T> {
  readonly folder: string;
  /** What has run for these records, each once, in order of their texts. */
  runs(): readonly object[];
  /** What was wrong with the files, one sentence each. */
  problems(): readonly string[];
  /** Reads again what other processes have written meanwhile. */
  reload(): Promise<void>;
  /** The file in which `writeArray` keeps an array. */
  arrayPath(key: RecordKey, name: string): string;
}

const identityFile = "experiment.json";
/** The folder, in an experiment's folder, of the arrays that belong to records. */
export const arrayFolder = "maps";
const format = 1;
const recordFilePattern = /^records-[^/\\]+\.jsonl$/;

/**
 * The folder's experiment, made if the folder has none. It consists of
 * - `experiment.json`: the identity;
 * - `records-<writer>.jsonl`: one record per line, each line written at once when its item is finished;
 * - `maps/*.npy`: arrays that belong to records, each complete before its record is written;
 * - `manifest.txt`: the names of these files. `fresh` deletes what is listed there and refuses a folder that has files and no such list.
 *
 * Throws a {@link MisuseError} that names the differences if the folder belongs to another experiment, model, version or settings, or
 * if it cannot be made; and a {@link BadInputError} if `experiment.json` cannot be read. Lines that are no records are problems, not
 * errors: they are left out and their items are computed again.
 */
export async function openRecordFolder<T>(folder: string, options: RecordFolderOptions): Promise<RecordFolder<T>> {
  const { run, writer = "1", fresh = false } = options;
  // What other folders are compared with is what a file would give back.
  const identity = JSON.parse(canonicalJson(options.identity, "identity")) as ExperimentIdentity;
  await makeFolder(folder);
  if (fresh) await removeExperiment(folder);
  if (hasIdentity(folder)) {
    checkSameIdentity(folder, await readIdentity(folder), identity);
    if ((await readManifest(folder)) === undefined) await listInManifest(folder, [identityFile]);
  } else await writeIdentity(folder, identity);

  const ownFile = join(folder, `records-${writer}.jsonl`);
  let contents = await readFolderRecords<T>(folder);
  for (const { identity: other } of contents.headers) checkSameIdentity(folder, other, identity);
  let file: RecordFileWriter | undefined;
  const arrayPath = (key: RecordKey, name: string): string =>
    join(folder, arrayFolder, `${arrayStem(key)}.${name}.npy`);

  return {
    folder,
    identity,
    finished: (key) => contents.index.finished(key),
    allRecords: () => contents.index.allRecords(),
    failures: () => contents.index.failures(),
    runs: () => distinctRuns(contents.headers),
    problems: () => contents.problems,
    arrayPath,
    async append(record) {
      if (record.kind === "finished" && contents.index.finished(record.key) !== undefined) return;
      if (file === undefined) {
        await listInManifest(folder, [basename(ownFile)]);
        file = await openRecordFile(ownFile);
        await file.append({ kind: "run", identity, run });
        contents.headers.push({ kind: "run", identity, run });
      }
      await file.append(record);
      contents.index.add(record);
    },
    async writeArray(key, name, tensor) {
      const path = arrayPath(key, name);
      await listInManifest(folder, [`${arrayFolder}/${basename(path)}`]);
      await writeNpy(path, tensor);
    },
    async readArray(key, name) {
      const path = arrayPath(key, name);
      return existsSync(path) ? await readNpy(path) : undefined;
    },
    async reload() {
      contents = await readFolderRecords<T>(folder);
    },
    async close() {
      await file?.close();
      file = undefined;
    },
  };
}

/** What the files of records in a folder hold together. */
export interface FolderRecords<T> {
  readonly index: RecordIndex<T>;
  readonly headers: RunHeader[];
  readonly problems: readonly string[];
}

/** The records in all `records-*.jsonl` of the folder. */
export async function readFolderRecords<T>(folder: string): Promise<FolderRecords<T>> {
  const index = createRecordIndex<T>();
  const headers: RunHeader[] = [];
  const problems: string[] = [];
  for (const name of (await readdir(folder)).filter((name) => recordFilePattern.test(name)).sort()) {
    const file = await readRecordFile<T>(join(folder, name));
    for (const record of file.records) index.add(record);
    headers.push(...file.headers);
    if (file.corruptLines.length > 0) {
      problems.push(
        `${join(folder, name)}: not a record in line ${file.corruptLines.join(", ")}; left out, the rest is kept, and what is missing is computed again.`,
      );
    }
    if (file.isCutOff) {
      problems.push(`${join(folder, name)}: the last line was cut off; left out, and its item is computed again.`);
    }
  }
  const conflicts = index.conflicts();
  if (conflicts.length > 0) {
    problems.push(describeConflicts(folder, conflicts));
  }
  return { index, headers, problems };
}

/** A sentence on items that were computed more than once with different results. */
export function describeConflicts(folder: string, conflicts: readonly RecordKey[]): string {
  const names = conflicts.slice(0, 3).map(({ image, method }) => `${method} of ${image}`);
  if (conflicts.length > names.length) names.push(`${conflicts.length - names.length} more`);
  return `${folder}: computed more than once with different results: ${names.join(", ")}; the earlier one is kept.`;
}

/** True if the folder holds an experiment. */
export function hasIdentity(folder: string): boolean {
  return existsSync(join(folder, identityFile));
}

/** The identity in a folder's `experiment.json`. Throws a {@link BadInputError} if there is none or it cannot be understood. */
export async function readIdentity(folder: string): Promise<ExperimentIdentity> {
  const path = join(folder, identityFile);
  const complain = (what: string, cause?: unknown): BadInputError =>
    new BadInputError(
      {
        where: path,
        what,
        expected: "what perceptual-ball wrote there",
        advice: "Choose another --out, or start anew with --fresh.",
      },
      { cause },
    );
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw complain((error as Error).message, error);
    throw new BadInputError({
      where: folder,
      what: `no ${identityFile} in it`,
      expected: "a folder of results that a benchmark wrote",
    });
  }
  let described: unknown;
  try {
    described = JSON.parse(text);
  } catch (error) {
    throw complain("not the description of an experiment", error);
  }
  const { format: found, ...identity } = (described ?? {}) as Record<string, unknown>;
  if (typeof found !== "number") throw complain("not the description of an experiment");
  if (found === format) return identity as unknown as ExperimentIdentity;
  throw new BadInputError({
    where: path,
    what: "results of another version of perceptual-ball",
    expected: `format ${format}`,
    got: `format ${found}`,
    advice: "Go on with that version, or choose another --out, or start anew with --fresh.",
  });
}

/** Writes a folder's `experiment.json`, and lists it. */
export async function writeIdentity(folder: string, identity: ExperimentIdentity): Promise<void> {
  await listInManifest(folder, [identityFile]);
  await writeFileAtomically(join(folder, identityFile), `${JSON.stringify({ format, ...identity }, null, 2)}\n`);
}

/** Throws a {@link MisuseError} that names every difference between the identity found in `folder` and the wanted one. */
export function checkSameIdentity(
  folder: string,
  found: ExperimentIdentity,
  wanted: ExperimentIdentity,
  advice = "Choose another --out, or throw those results away with --fresh.",
): void {
  const list = differences(found, wanted);
  if (list.length === 0) return;
  const show = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));
  const what = list.map(({ path, left, right }) => `${path} is ${show(left)} there and ${show(right)} here`).join("; ");
  throw new MisuseError({
    where: folder,
    what: `holds the results of another experiment: ${what}`,
    advice,
  });
}

/** The distinct provenances in order of their texts. */
export function distinctRuns(headers: readonly RunHeader[]): object[] {
  const texts = new Set(headers.map(({ run }) => canonicalJson(run)));
  return [...texts].sort().map((text) => JSON.parse(text));
}

/** What the names of a record's arrays begin with, up to the first point: readable, and no two keys share it. */
export function arrayStem(key: RecordKey): string {
  const word = (text: string): string =>
    text
      .replace(/[^A-Za-z0-9]+/g, "-")
      .slice(-40)
      .replace(/^-|-$/g, "");
  return `${word(key.image)}-${word(key.method)}-${stableHash(key)}`;
}

/** Whether an experiment gives a file such a name, in the folder or in that of its arrays. */
function isExperimentFile(file: string): boolean {
  return file === identityFile || recordFilePattern.test(file) || /^maps\/[^/\\]+\.npy$/.test(file);
}

/**
 * Removes what an experiment has listed as its own in the folder, and nothing else. Throws a MisuseError if another process is writing,
 * or if the folder has files and no list.
 */
async function removeExperiment(folder: string): Promise<void> {
  await refuseForeignContent(folder);
  const files = ((await readManifest(folder)) ?? []).filter((name) => recordFilePattern.test(name));
  const locks = [];
  try {
    for (const file of files) locks.push(lockFile(join(folder, file)));
    await deleteListed(folder, isExperimentFile);
  } finally {
    for (const lock of locks) lock.release();
  }
}
