/** @file How far an experiment has come, read from its records while any number of processes and machines write them. */
import { resolve } from "node:path";
import { checkForm, checkKeys, MisuseError } from "../../errors.ts";
import { createRecordIndex, keyText } from "../../experiments/records/record-index.ts";
import type { FailedRecord } from "../../experiments/records/record-store.ts";
import { type RecordWriter, readRecordFile } from "./record-file.ts";
import { checkSameIdentity, describeConflicts, readExperimentFile, recordFilesIn } from "./record-folder.ts";

/** What one machine has done. */
export interface MachineStatus {
  readonly host: string;
  /** Processor and system. */
  readonly machine: string;
  readonly done: number;
  /** Of the items that are finished nowhere. */
  readonly failed: number;
  /** When it wrote a record last, as an ISO 8601 date. */
  readonly last: string;
  /** Items that were finished or have failed, over the last ten minutes. */
  readonly perMinute: number;
}

export interface RecordStatus {
  readonly experiment: string;
  /** The items of the whole experiment, all shares together, of the run that has most; undefined where no process said it. */
  readonly expected: number | undefined;
  readonly done: number;
  /** Items that have failed and are finished nowhere, in order of their keys. */
  readonly failures: readonly FailedRecord[];
  /** Shares of which there are records, by how many there are: "1/4", "3/4"; empty where the work is not divided. */
  readonly shares: readonly string[];
  /** The same, of all machines. */
  readonly perMinute: number;
  /** At that rate; undefined where nothing was finished in the last ten minutes, or the number of items is not known. */
  readonly secondsLeft: number | undefined;
  readonly machines: readonly MachineStatus[];
  /** What was wrong with the files, one sentence each. */
  readonly problems: readonly string[];
}

export interface RecordStatusOptions {
  /** Milliseconds since 1970; the clock's by default. */
  readonly now?: number;
}

/** Rates are over the last ten minutes. */
const windowMs = 600_000;
const unknownWriter = { host: "unknown", machine: "unknown" };

/**
 * How far the experiment in `folders` has come. They may be written to meanwhile: a line that is not there whole yet is not counted. Items
 * that several folders have count once. Arrays are not checked.
 *
 * Throws a {@link MisuseError} that names the differences if the folders belong to different experiments, and a BadInputError if one of
 * them holds none.
 */
export async function recordStatus(
  folders: readonly string[],
  options: RecordStatusOptions = {},
): Promise<RecordStatus> {
  checkKeys("recordStatus", options, ["now"]);
  checkForm("recordStatus: folders", folders, "list");
  checkForm("recordStatus: options", options, []);
  const { now = Date.now() } = options;
  const [first, ...others] = [...new Set(folders.map((folder) => resolve(folder)))];
  if (first === undefined) {
    throw new MisuseError({ where: "recordStatus", what: "no folder is given", expected: "at least one" });
  }
  const { identity } = await readExperimentFile(first);
  for (const folder of others) {
    const other = await readExperimentFile(folder);
    checkSameIdentity(
      folder,
      other.identity,
      identity,
      `Ask for folders of one experiment at a time, not with ${first}.`,
    );
  }
  const index = createRecordIndex<unknown>();
  const problems: string[] = [];
  const writers: RecordWriter[] = [];
  const machines = new Map<
    string,
    { host: string; machine: string; times: number[]; finished: Set<string>; failed: Set<string> }
  >();
  for (const folder of [first, ...others]) {
    for (const path of await recordFilesIn(folder)) {
      const { records, headers, origins, damagedLines } = await readRecordFile<unknown>(path);
      if (damagedLines.length > 0) problems.push(`${path}: ${damagedLines.length} lines are damaged and not counted.`);
      for (const { by } of headers) if (by !== undefined) writers.push(by);
      for (const [n, record] of records.entries()) {
        index.add(record);
        const { host, machine } = origins[n]?.by ?? unknownWriter;
        const known = machines.get(`${host} ${machine}`);
        const own = known ?? { host, machine, times: [], finished: new Set(), failed: new Set() };
        machines.set(`${host} ${machine}`, own);
        // A clock that is ahead does not make a machine fast.
        own.times.push(Math.min(Date.parse(record.at), now));
        (record.kind === "finished" ? own.finished : own.failed).add(keyText(record.key));
      }
    }
  }
  const done = index.allRecords().length;
  const failures = index.failures();
  const open = new Set(failures.map(({ key }) => keyText(key)));
  const byMachine = [...machines.values()]
    .map(({ host, machine, times, finished, failed }): MachineStatus => {
      const last = times.reduce((a, b) => Math.max(a, b), 0);
      return {
        ...{ host, machine, done: finished.size, last: new Date(last).toISOString() },
        failed: [...failed].filter((key) => open.has(key)).length,
        perMinute: ratePerMinute(times, now),
      };
    })
    .sort((a, b) => (`${a.host} ${a.machine}` < `${b.host} ${b.machine}` ? -1 : 1));
  const perMinute = byMachine.reduce((sum, machine) => sum + machine.perMinute, 0);
  const expected =
    writers.length === 0 ? undefined : Math.max(done + failures.length, ...writers.map(({ items }) => items));
  const left = expected === undefined ? undefined : expected - done - failures.length;
  const conflicts = index.conflicts();
  if (conflicts.length > 0) problems.push(describeConflicts(first, conflicts));
  const kinds = describeMachineKinds(writers);
  if (kinds !== undefined) problems.push(kinds);
  return {
    experiment: identity.experiment,
    ...{ expected, done, failures, perMinute, machines: byMachine, problems },
    shares: [...new Set(writers.flatMap(({ shard }) => shard ?? []))].sort(byNumbers),
    secondsLeft: left === 0 ? 0 : left === undefined || perMinute === 0 ? undefined : (60 * left) / perMinute,
  };
}

/** Records of the last ten minutes before `now`, by the minute; of a run that began within them, since its first record. */
function ratePerMinute(times: readonly number[], now: number): number {
  const recent = times.filter((time) => time > now - windowMs);
  const begun = times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  // Of what has just begun one record says nothing of the time between two.
  const span = Math.min(windowMs, Math.max(now - begun, 1000));
  return (60_000 * recent.length) / span;
}

/** A sentence where machines of different kinds have computed what is compared; undefined where they have not. */
export function describeMachineKinds(writers: readonly RecordWriter[]): string | undefined {
  const kinds = [...new Set(writers.map(({ machine }) => machine))].sort();
  if (kinds.length < 2) return undefined;
  return `machines of different kinds computed what is compared (${kinds.join("; ")}): last digits may depend on which did.`;
}

/** "2/4" before "10/40". */
function byNumbers(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
