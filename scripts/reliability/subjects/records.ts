/** @file Damaged folders of results: whatever happens to their files, no record is used that is not one of those that were written. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { canonicalJson } from "../../../src/experiments/records/canonical-json.ts";
import { openRecordFolder } from "../../../src/node/records/record-folder.ts";
import { floatTensor } from "../../../src/tensor/tensor.ts";
import { integer, mutateBytes, mutateText, pick } from "../mutate.ts";
import { type Input, outcomeOf, type Subject } from "../subject.ts";

const identity = { experiment: "test", version: "1", model: "0".repeat(64), data: "d", settings: { seed: 1 } };
const keys = ["a", "b", "c"].map((image) => ({ image, method: "m", options: { version: 1 } }));
const at = "2026-01-01T00:00:00.000Z";
const isResult = (value: unknown): value is { readonly score: number } =>
  typeof value === "object" && value !== null && "score" in value && typeof value.score === "number";

export async function recordSubject(): Promise<Subject> {
  // In memory where there is such a folder: it is written to thousands of times.
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "reliability-records-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const whole = join(folder, "whole");
  const store = await openRecordFolder(whole, { identity, run: { version: "1" }, isResult });
  const written = new Map<string, string>();
  for (const [index, key] of keys.entries()) {
    await store.writeArray(key, "map", floatTensor(Float32Array.of(index, 2, 3), [3]));
    await store.append({ kind: "finished", key, result: { score: index }, seconds: 0.5, at });
    written.set(key.image, canonicalJson(store.finished(key), "record"));
  }
  await store.close();
  const files = readdirSync(whole, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(whole.length + 1))
    .sort();
  const contents = files.map((name) => [name, new Uint8Array(readFileSync(join(whole, name)))] as const);
  const place = join(folder, "mutant");
  return {
    name: "records",
    make(random): Input {
      const hit = pick(random, files) ?? "";
      return new Map(
        contents.flatMap(([name, bytes]): [string, Uint8Array][] => {
          if (name !== hit) return [[name, bytes]];
          if (integer(random, 12) === 0) return [];
          if (integer(random, 2) === 0 || name.endsWith(".npy")) return [[name, mutateBytes(bytes, random)]];
          return [[name, new TextEncoder().encode(mutateText(new TextDecoder().decode(bytes), random))]];
        }),
      );
    },
    use: (input) =>
      outcomeOf(async () => {
        rmSync(place, { recursive: true, force: true });
        for (const [name, bytes] of input) {
          mkdirSync(dirname(join(place, name)), { recursive: true });
          writeFileSync(join(place, name), bytes);
        }
        const found = await openRecordFolder(place, { identity, run: {}, isResult });
        try {
          for (const record of found.allRecords()) {
            if (canonicalJson(record, "record") !== written.get(record.key.image)) {
              throw new Error(`a changed record was used: ${JSON.stringify(record)}`);
            }
            const map = await found.readArray(record.key, "map");
            if (map === undefined || map.data[0] !== keys.findIndex(({ image }) => image === record.key.image)) {
              throw new Error(`a changed array was used: ${JSON.stringify(record.key)}`);
            }
          }
        } finally {
          await found.close();
        }
      }),
  };
}
