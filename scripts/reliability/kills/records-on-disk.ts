/** @file What a folder of results has, without times: read by the library as the command reads it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../../../src/experiments/records/canonical-json.ts";
import { readFolderRecords } from "../../../src/node/records/record-folder.ts";
import type { Program } from "./programs.ts";

/** The finished records by their keys. Which arrays a record has is part of it, by their checksums. */
export async function recordsOnDisk(program: Program, out: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const inner of program.folders) {
    const folder = join(out, inner);
    if (!existsSync(join(folder, "experiment.json"))) continue;
    const { index } = await readFolderRecords<unknown>(folder);
    for (const { key, result, arrays } of index.allRecords()) {
      found.set(
        `${inner} ${canonicalJson(key, "key")}`,
        canonicalJson({ result: withoutTimes(result), arrays }, "result"),
      );
    }
  }
  return found;
}

/** Seconds differ from run to run. */
function withoutTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTimes);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => !/seconds/i.test(name));
  return Object.fromEntries(entries.map(([name, inner]) => [name, withoutTimes(inner)]));
}
