/** @file Results of one experiment that were computed in several folders, united in one. */
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { checkForm, MisuseError } from "../../errors.ts";
import { createRecordIndex } from "../../experiments/records/record-index.ts";
import type { FinishedRecord } from "../../experiments/records/record-store.ts";
import { makeFolder, writeFileAtomically } from "../write-file.ts";
import { listInManifest } from "./manifest.ts";
import { recordLine } from "./record-file.ts";
import {
  arrayFile,
  arrayFolder,
  checkSameIdentity,
  describeConflicts,
  distinctHeaders,
  hasIdentity,
  readExperimentFile,
  readFolderRecords,
  writeIdentity,
} from "./record-folder.ts";
import { describeMachineKinds } from "./record-status.ts";

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
  checkForm("mergeRecordFolders: folders", folders, "list");
  checkForm("mergeRecordFolders: destination", destination, "string");
  if (folders.length === 0) {
    throw new MisuseError({ where: "mergeRecordFolders", what: "nothing to merge", expected: "at least one folder" });
  }
  const isNew = !hasIdentity(destination);
  const paths = [...new Set([...folders, ...(isNew ? [] : [destination])].map((folder) => resolve(folder)))];
  // Checked records are not written among unchecked ones, which would be taken for damaged.
  if (!isNew) await readExperimentFile(destination);
  const described = [];
  for (const path of paths) described.push({ path, ...(await readExperimentFile(path, { takesUnchecked: true })) });
  const { identity } = described[0];
  for (const { path, identity: other } of described.slice(1)) {
    checkSameIdentity(path, other, identity, `Merge it with folders of its own experiment, not with ${paths[0]}.`);
  }
  const sources = [];
  for (const { path, isChecked } of described) {
    const contents = await readFolderRecords<unknown>(path, { takesUnchecked: !isChecked });
    sources.push({ path, isChecked, ...contents });
  }
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
  const lines = [
    ...distinctHeaders(headers).map(({ run, by }) => ({
      ...{ kind: "run" as const, identity, run },
      ...(by === undefined ? {} : { by }),
    })),
    ...finished,
    ...failed,
  ];
  const text = lines.map(recordLine).join("");
  await listInManifest(destination, [mergedFile]);
  await writeFileAtomically(join(destination, mergedFile), text);
  const conflicts = merged.conflicts();
  const kinds = describeMachineKinds(headers.flatMap(({ by }) => by ?? []));
  return {
    finished: finished.length,
    failed: failed.length,
    problems: [
      ...sources.flatMap(({ path, isChecked, problems }) => [
        ...(isChecked
          ? []
          : [`${path}: written by an earlier version without checksums; its records were taken over as they are.`]),
        ...problems,
      ]),
      ...(conflicts.length > 0 ? [describeConflicts(destination, conflicts)] : []),
      ...(kinds === undefined ? [] : [`${destination}: ${kinds}`]),
    ],
  };
}

/** Copies the arrays that belong to the records. */
async function copyArrays(
  source: string,
  destination: string,
  records: readonly FinishedRecord<unknown>[],
): Promise<void> {
  if (source === resolve(destination)) return;
  for (const { key, arrays = {} } of records) {
    for (const name of Object.keys(arrays)) {
      const path = arrayFile(destination, key, name);
      await listInManifest(destination, [`${arrayFolder}/${basename(path)}`]);
      await writeFileAtomically(path, await readFile(arrayFile(source, key, name)));
    }
  }
}
