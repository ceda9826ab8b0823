/** @file A folder of an experiment's results: what it is about, its records, and the arrays that belong to them. */
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { BadInputError, checkKeys, MisuseError } from "../../errors.ts";
import { canonicalJson, differences, stableHash } from "../../experiments/records/canonical-json.ts";
import { type Form, isJsonObject } from "../../experiments/records/record-form.ts";
import { comesFirst, createRecordIndex, keyText, type RecordIndex } from "../../experiments/records/record-index.ts";
import type {
  ExperimentIdentity,
  ExperimentRecord,
  FinishedRecord,
  RecordKey,
  RecordStore,
} from "../../experiments/records/record-store.ts";
import { encodeNpy } from "../../tensor/npy.ts";
import { readNpy } from "../npy.ts";
import { makeFolder, writeFileAtomically } from "../write-file.ts";
import { lockFile } from "./file-lock.ts";
import { deleteListed, listInManifest, readManifest, refuseForeignContent } from "./manifest.ts";
import {
  checksumOf,
  openRecordFile,
  type RecordFileWriter,
  type RecordWriter,
  type RunHeader,
  readRecordFile,
} from "./record-file.ts";

export interface RecordFolderOptions<T = unknown> {
  readonly identity: ExperimentIdentity;
  /** Provenance that does not decide results: versions, runtime, machine, threads. Plain JSON; kept with the records. */
  readonly run: object;
  /** The process that writes, for `recordStatus`; kept with the records. */
  readonly by?: RecordWriter;
  /** Name of this process's own file, `records-<writer>.jsonl`: no two processes at work on one folder share it. Default `1`. */
  readonly writer?: string;
  /** The form of the experiment's results: what has another is not used, and computed again. Default: anything. */
  readonly isResult?: Form<T>;
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
/** 2: records carry checksums, their own and those of their arrays. */
const format = 2;
/** The format without checksums, which only a merge reads. */
const uncheckedFormat = 1;
/** The names of files of records. */
const recordFilePattern = /^records-[^/\\]+\.jsonl$/;

/**
 * The folder's experiment, made if the folder has none. It consists of
 * - `experiment.json`: the identity;
 * - `records-<writer>.jsonl`: one record per line with its checksum, each line written at once when its item is finished;
 * - `maps/*.npy`: arrays that belong to records, each on the disk before its record is written, which holds its checksum;
 * - `manifest.txt`: the names of these files. `fresh` deletes what is listed there and refuses a folder that has files and no such list.
 *
 * Throws a {@link MisuseError} that names the differences if the folder belongs to another experiment, model, version or settings, or
 * if it cannot be made; and a {@link BadInputError} if `experiment.json` cannot be read. Records that are damaged, or whose arrays
 * are, are problems, not errors: they are not used, and their items are computed again.
 */
export async function openRecordFolder<T>(folder: string, options: RecordFolderOptions<T>): Promise<RecordFolder<T>> {
  checkKeys("openRecordFolder", options, ["identity", "run", "by", "writer", "isResult", "fresh"]);
  const { run, by, writer = "1", fresh = false, isResult } = options;
  // What other folders are compared with is what a file would give back.
  const identity = JSON.parse(canonicalJson(options.identity, "identity")) as ExperimentIdentity;
  await makeFolder(folder);
  if (fresh) await removeExperiment(folder);
  if (hasIdentity(folder)) {
    // Of an earlier version's folder that has no records any more nothing is taken for checked that is not.
    const found = await readExperimentFile(folder, { takesUnchecked: (await recordFilesIn(folder)).length === 0 });
    checkSameIdentity(folder, found.identity, identity);
    if (!found.isChecked) await writeIdentity(folder, identity);
    else if ((await readManifest(folder)) === undefined) await listInManifest(folder, [identityFile]);
  } else await writeIdentity(folder, identity);

  const ownFile = join(folder, `records-${writer}.jsonl`);
  const intact: IntactArrays = new Map();
  const read = (): Promise<FolderRecords<T>> => readFolderRecords<T>(folder, { isResult, intact });
  let contents = await read();
  // Of arrays whose records are still to come.
  const sums = new Map<string, Record<string, string>>();
  for (const { identity: other } of contents.headers) checkSameIdentity(folder, other, identity);
  let file: RecordFileWriter | undefined;
  const arrayPath = (key: RecordKey, name: string): string => arrayFile(folder, key, name);

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
        const header: RunHeader = { kind: "run", identity, run, ...(by === undefined ? {} : { by }) };
        await file.append(header);
        contents.headers.push(header);
      }
      const arrays = record.kind === "finished" ? sums.get(keyText(record.key)) : undefined;
      const kept = arrays === undefined ? record : { ...record, arrays };
      await file.append(kept);
      sums.delete(keyText(record.key));
      contents.index.add(kept);
    },
    async writeArray(key, name, tensor) {
      const path = arrayPath(key, name);
      const bytes = encodeNpy(tensor);
      await listInManifest(folder, [`${arrayFolder}/${basename(path)}`]);
      await writeFileAtomically(path, bytes);
      sums.set(keyText(key), { ...sums.get(keyText(key)), [name]: checksumOf(bytes) });
    },
    async readArray(key, name) {
      const path = arrayPath(key, name);
      return existsSync(path) ? await readNpy(path) : undefined;
    },
    async reload() {
      contents = await read();
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

/** Arrays whose checksums were right, with their size and time of change then: what has not changed is not read again. */
type IntactArrays = Map<string, string>;

export interface ReadFolderOptions<T> {
  readonly isResult?: Form<T>;
  /** The folder's records have no checksums: they are taken as they are, and checksums of their arrays are added. */
  readonly takesUnchecked?: boolean;
  readonly intact?: IntactArrays;
}

/** The records in all `records-*.jsonl` of the folder, without those that are damaged or whose arrays are. */
export async function readFolderRecords<T>(
  folder: string,
  { isResult, takesUnchecked = false, intact = new Map() }: ReadFolderOptions<T> = {},
): Promise<FolderRecords<T>> {
  const index = createRecordIndex<T>();
  const headers: RunHeader[] = [];
  const problems: string[] = [];
  const withArrays = new Map<string, FinishedRecord<T>[]>();
  const addArrays = takesUnchecked ? await arrayFinder(folder) : undefined;
  const take = async (read: ExperimentRecord<T>): Promise<void> => {
    const record = addArrays === undefined || read.kind === "failed" ? read : await addArrays(read);
    if (record.kind === "failed" || record.arrays === undefined) index.add(record);
    else {
      const text = keyText(record.key);
      withArrays.set(text, [...(withArrays.get(text) ?? []), record]);
    }
  };
  for (const path of await recordFilesIn(folder)) {
    const file = await readRecordFile<T>(path, { isResult, takesUnchecked });
    for (const record of file.records) await take(record);
    headers.push(...file.headers);
    if (file.damagedLines.length > 0) problems.push(`${path}: ${describeDamage(file.damagedLines)}`);
    if (file.isCutOff) {
      problems.push(`${path}: the last line was cut off; left out, and its item is computed again.`);
    }
  }
  const lost: RecordKey[] = [];
  for (const candidates of withArrays.values()) {
    // Of records of one key the first counts whose arrays are what the folder holds now: a later one may have replaced them.
    candidates.sort((a, b) => (comesFirst(a, b) ? -1 : 1));
    let isKept = false;
    for (const record of candidates) {
      if (!(await hasIntactArrays(folder, record, intact))) continue;
      index.add(record);
      isKept = true;
    }
    if (!isKept && index.finished(candidates[0].key) === undefined) lost.push(candidates[0].key);
  }
  if (lost.length > 0) {
    problems.push(
      `${join(folder, arrayFolder)}: missing or damaged: what belongs to ${someOf(lost)}; the ${lost.length === 1 ? "item is" : `${lost.length} items are`} computed again.`,
    );
  }
  const conflicts = index.conflicts();
  if (conflicts.length > 0) {
    problems.push(describeConflicts(folder, conflicts));
  }
  return { index, headers, problems };
}

/** Whether every array of the record is there with its checksum. */
async function hasIntactArrays(
  folder: string,
  { key, arrays = {} }: FinishedRecord<unknown>,
  intact: IntactArrays,
): Promise<boolean> {
  for (const [name, sum] of Object.entries(arrays)) {
    const path = arrayFile(folder, key, name);
    try {
      const { size, mtimeMs } = await stat(path);
      const state = `${sum} ${size} ${mtimeMs}`;
      if (intact.get(path) === state) continue;
      if (checksumOf(await readFile(path)) !== sum) return false;
      intact.set(path, state);
    } catch {
      // Missing, or not to be read: made again either way.
      return false;
    }
  }
  return true;
}

/** Adds the checksums of the arrays that lie in the folder of an earlier version. */
async function arrayFinder(folder: string): Promise<<R extends FinishedRecord<unknown>>(record: R) => Promise<R>> {
  const names = new Map<string, string[]>();
  const path = join(folder, arrayFolder);
  for (const name of existsSync(path) ? await readdir(path) : []) {
    const [stem, array, ending] = name.split(".");
    if (ending === "npy") names.set(stem, [...(names.get(stem) ?? []), array]);
  }
  return async (record) => {
    const own = names.get(arrayStem(record.key));
    if (own === undefined) return record;
    const arrays: Record<string, string> = {};
    for (const name of own) arrays[name] = checksumOf(await readFile(arrayFile(folder, record.key, name)));
    return { ...record, arrays };
  };
}

/** At most so many of a long list are named. */
const mostNamed = 10;

/** A sentence on lines that are no records. */
function describeDamage(lines: readonly number[]): string {
  const more = lines.length > mostNamed ? ` and ${lines.length - mostNamed} more` : "";
  const count = lines.length === 1 ? "1 record is" : `${lines.length} records are`;
  return `${count} damaged (line ${lines.slice(0, mostNamed).join(", ")}${more}): not used, and what they held is computed again.`;
}

/** The first few of the keys. */
function someOf(keys: readonly RecordKey[]): string {
  const names = keys.slice(0, 3).map(({ image, method }) => `${method} of ${image}`);
  if (keys.length > names.length) names.push(`${keys.length - names.length} more`);
  return names.join(", ");
}

/** A sentence on items that were computed more than once with different results. */
export function describeConflicts(folder: string, conflicts: readonly RecordKey[]): string {
  return `${folder}: computed more than once with different results: ${someOf(conflicts)}; the earlier one is kept.`;
}

/** The paths of the files of records in the folder, in order of their names. */
export async function recordFilesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => recordFilePattern.test(name));
  return names.sort().map((name) => join(folder, name));
}

/** True if the folder holds an experiment. */
export function hasIdentity(folder: string): boolean {
  return existsSync(join(folder, identityFile));
}

/** What a folder's `experiment.json` says. */
export interface ExperimentFile {
  readonly identity: ExperimentIdentity;
  /** False for results of an earlier version, whose records have no checksums. */
  readonly isChecked: boolean;
}

/** The folders in `folder` that hold an experiment. */
async function experimentsIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const inner = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  return inner.filter((path) => existsSync(join(path, identityFile)));
}

/**
 * What the folder's `experiment.json` says. Throws a {@link BadInputError} if there is none, if it cannot be understood, or if it
 * is of another version; results without checksums are given to those who take them.
 */
export async function readExperimentFile(
  folder: string,
  { takesUnchecked = false }: { readonly takesUnchecked?: boolean } = {},
): Promise<ExperimentFile> {
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
    const inner = await experimentsIn(folder);
    throw new BadInputError({
      where: folder,
      what: `no ${identityFile} in it`,
      expected: "a folder of results that a benchmark wrote",
      // As of `cone`, whose attacks come first.
      advice: inner.length === 0 ? undefined : `There is one in ${inner.join(" and ")}.`,
    });
  }
  let described: unknown;
  try {
    described = JSON.parse(text);
  } catch (error) {
    throw complain("not the description of an experiment", error);
  }
  if (!isJsonObject(described)) throw complain("not the description of an experiment");
  const { format: found, ...identity } = described;
  if (typeof found !== "number") throw complain("not the description of an experiment");
  if (found === format || (takesUnchecked && found === uncheckedFormat)) {
    if (!isIdentity(identity)) throw complain("not the description of an experiment");
    return { identity, isChecked: found === format };
  }
  throw new BadInputError({
    where: path,
    what:
      found === uncheckedFormat
        ? "results of an earlier version of perceptual-ball, whose records have no checksums"
        : "results of another version of perceptual-ball",
    expected: `format ${format}`,
    got: `format ${found}`,
    advice:
      found === uncheckedFormat
        ? `\`perceptual-ball merge ${folder} -o <new folder>\` takes them over as they are; or choose another --out, or start anew with --fresh.`
        : "Go on with that version, or choose another --out, or start anew with --fresh.",
  });
}

function isIdentity(value: unknown): value is ExperimentIdentity {
  return (
    isJsonObject(value) &&
    [value.experiment, value.version, value.model].every((text) => typeof text === "string") &&
    (typeof value.data === "string" || isJsonObject(value.data)) &&
    isJsonObject(value.settings)
  );
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

/** The distinct provenances, each with the processes that they are of, in order of their texts. */
export function distinctHeaders(headers: readonly RunHeader[]): RunHeader[] {
  const known = new Map(headers.map((header) => [canonicalJson({ run: header.run, by: header.by ?? null }), header]));
  return [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, header]) => header);
}

/** The file of a record's array. */
export function arrayFile(folder: string, key: RecordKey, name: string): string {
  return join(folder, arrayFolder, `${arrayStem(key)}.${name}.npy`);
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
