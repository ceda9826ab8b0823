/** @file Results of one experiment that were computed in several folders, united in one. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MisuseError } from "../../errors.ts";
import { canonicalJson } from "../../experiments/records/canonical-json.ts";
import { createRecordIndex } from "../../experiments/records/record-index.ts";
import type { FinishedRecord } from "../../experiments/records/record-store.ts";
import { makeFolder, writeFileAtomically } from "../write-file.ts";
import { listInManifest } from "./manifest.ts";
import {
  arrayFolder,
  arrayStem,
  checkSameIdentity,
  describeConflicts,
  distinctRuns,
  hasIdentity,
  readFolderRecords,
  readIdentity,
  writeIdentity,
} from "./record-folder.ts";

const mergedFile = "records-merged.jsonl";

/** What a merge has brought together. */
export interface MergedRecords {
  readonly finished: number;
  /** Items that have failed and are not finished in any of the folders. */
  readonly failed: number;
  /** What was wrong with the files, one sentence each. */
  readonly problems: readonly string[];
}

/**
 * Unites the records of `folders`, and those that `destination` has already, in `destination`, which may be one of them: all are written into
 * its `records-merged.jsonl`, and the arrays that belong to them are copied. The bytes of that file do not depend on the order of
 * the folders; merging again changes nothing; the sources are left as they are.
 *
 * Throws a {@link MisuseError} that names the differences, before anything is written, if the folders belong to different
 * experiments, models, versions or settings, and a BadInputError if one of them holds no experiment.
 */
export async function mergeRecordFolders(folders: readonly string[], destination: string): Promise<MergedRecords> {
  if (folders.length === 0) {
    throw new MisuseError({ where: "mergeRecordFolders", what: "nothing to merge", expected: "at least one folder" });
  }
  const isNew = !hasIdentity(destination);
  const paths = [...new Set([...folders, ...(isNew ? [] : [destination])].map((folder) => resolve(folder)))];
  const identity = await readIdentity(paths[0]);
  for (const path of paths.slice(1)) {
    checkSameIdentity(
      path,
      await readIdentity(path),
      identity,
      `Merge it with folders of its own experiment, not with ${paths[0]}.`,
    );
  }
  const sources = [];
  for (const path of paths) sources.push({ path, ...(await readFolderRecords<unknown>(path)) });
  const headers = sources.flatMap((source) => source.headers);
  for (const { path, headers: inside } of sources) {
    for (const header of inside) {
      checkSameIdentity(path, header.identity, identity, "Take the file of records out that does not belong there.");
    }
  }
  const merged = createRecordIndex<unknown>();
  for (const { index } of sources)
    for (const record of [...index.allRecords(), ...index.failures()]) merged.add(record);
  const finished = merged.allRecords();
  const failed = merged.failures();

  await makeFolder(destination);
  if (isNew) await writeIdentity(destination, identity);
  const isKept = new Set<FinishedRecord<unknown>>(finished);
  for (const { path, index } of sources) {
    await copyArrays(
      path,
      destination,
      index.allRecords().filter((record) => isKept.has(record)),
    );
  }
  const lines = [...distinctRuns(headers).map((run) => ({ kind: "run", identity, run })), ...finished, ...failed];
  const text = lines.map((line) => `${canonicalJson(line)}\n`).join("");
  await listInManifest(destination, [mergedFile]);
  await writeFileAtomically(join(destination, mergedFile), text);
  const conflicts = merged.conflicts();
  return {
    finished: finished.length,
    failed: failed.length,
    problems: [
      ...sources.flatMap(({ problems }) => problems),
      ...(conflicts.length > 0 ? [describeConflicts(destination, conflicts)] : []),
    ],
  };
}

/** Copies the arrays that belong to the records. */
async function copyArrays(
  source: string,
  destination: string,
  records: readonly FinishedRecord<unknown>[],
): Promise<void> {
  const from = join(source, arrayFolder);
  if (source === resolve(destination) || !existsSync(from)) return;
  const stems = new Set(records.map(({ key }) => arrayStem(key)));
  for (const name of await readdir(from)) {
    if (!name.endsWith(".npy") || !stems.has(name.split(".", 1)[0])) continue;
    await listInManifest(destination, [`${arrayFolder}/${name}`]);
    await writeFileAtomically(join(destination, arrayFolder, name), await readFile(join(from, name)));
  }
}
