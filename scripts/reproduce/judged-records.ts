/**
 * @file What the repository keeps of a long run's records: of each picture and method whether the box is wrong at each threshold, and the measures. A
 * hundredth of the records' size, and enough to make every table again, also of several networks as one, on a machine that has not run them.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { type JudgedRecord, judgeRecord, type TabledRecord } from "../../src/experiments/localization/judged-record.ts";
import type { SummaryOptions } from "../../src/experiments/localization/summary-options.ts";
import type { LocalizationFinished } from "../../src/experiments/localization/threshold-errors.ts";
import type { FinishedRecord } from "../../src/experiments/records/record-store.ts";

/** The file's name in a folder of results. */
export const judgedFile = "judged.jsonl.gz";

type Judgement = Pick<SummaryOptions, "match" | "object">;

/** The first line: under which options boxes were judged. */
interface Head {
  readonly format: 1;
  readonly judgement: Judgement;
}

/** Without what the tables do not say: settings are in provenance.json. */
function condense(
  { key, seconds, at, result }: LocalizationFinished,
  judgement: Judgement,
): FinishedRecord<JudgedRecord> {
  const { details, ...judged } = judgeRecord(result, judgement);
  const outcome = typeof details?.outcome === "string" ? { outcome: details.outcome } : null;
  return {
    kind: "finished",
    key: { image: key.image, method: key.method, options: {} },
    at: at.slice(0, 10),
    seconds,
    result: { ...judged, settings: {}, details: outcome },
  };
}

/** Writes the judged records, in the order given; numbers to six digits, as tables have them. */
export function writeJudgedRecords(file: string, records: readonly LocalizationFinished[], options: Judgement): void {
  writeLines(
    file,
    records.map((record) => condense(record, options)),
    options,
  );
}

/**
 * Adds records to a file of judged ones, where there is one, and gives them all, so that one machine goes on with what another has left. A picture's record
 * of a method that was there before is replaced. In the order of pictures, then methods.
 */
export function addJudgedRecords(
  file: string,
  records: readonly LocalizationFinished[],
  options: Judgement,
): TabledRecord[] {
  const kept = existsSync(file) ? readJudgedRecords(file, options) : [];
  if (records.length === 0) return kept;
  const judged = [...kept, ...records.map((record) => condense(record, options))];
  const byName = new Map(judged.map((record) => [JSON.stringify([record.key.image, record.key.method]), record]));
  writeLines(
    file,
    [...byName.keys()].sort().flatMap((name) => byName.get(name) ?? []),
    options,
  );
  return readJudgedRecords(file, options);
}

function writeLines(file: string, records: readonly FinishedRecord<JudgedRecord>[], options: Judgement): void {
  const head: Head = { format: 1, judgement: { match: options.match, object: options.object } };
  const lines = [head, ...records].map((line) =>
    JSON.stringify(line, (_, value) => (typeof value === "number" ? Number(value.toPrecision(6)) : value)),
  );
  writeFileSync(file, gzipSync(`${lines.join("\n")}\n`, { level: 9 }));
}

/** The records of a file that {@link writeJudgedRecords} wrote. Throws an Error if they were judged under other options. */
export function readJudgedRecords(file: string, options: Judgement): FinishedRecord<JudgedRecord>[] {
  const [first, ...lines] = gunzipSync(readFileSync(file)).toString("utf8").trimEnd().split("\n");
  const { format, judgement }: Head = JSON.parse(first);
  if (format !== 1 || judgement.match !== options.match || judgement.object !== options.object) {
    throw new Error(`${file}: judged as ${first}, but ${JSON.stringify(options)} is asked for: run the part again`);
  }
  return lines.map((line): FinishedRecord<JudgedRecord> => JSON.parse(line));
}
