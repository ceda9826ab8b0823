/** @file What the repository keeps of a long run's records, from which its tables are made again. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { addJudgedRecords, readJudgedRecords, writeJudgedRecords } from "../scripts/reproduce/judged-records.ts";
import { boxesAsText } from "../src/experiments/localization/record.ts";
import { summarizeMethods } from "../src/experiments/localization/summary.ts";
import { defaultSummaryOptions } from "../src/experiments/localization/summary-options.ts";
import type { LocalizationFinished } from "../src/experiments/localization/threshold-errors.ts";
import { gridKinds, thresholdGrids } from "../src/localization/threshold-grids.ts";
import { methods } from "../src/saliency/methods.ts";
import { localizationRecord } from "./localization-record.ts";

const folder = mkdtempSync(join(tmpdir(), "judged-"));
afterAll(() => rmSync(folder, { recursive: true }));

const runs = [methods.perceptual, methods.gradient].map((method) => ({ name: method.name, method }));

/** Boxes that are right from threshold `first` on; what they found is wider in each picture. */
function recordOf(picture: number, method: string, first: number): LocalizationFinished {
  const grids = { value: "", percent: "", mean: "", energy: "" };
  for (const kind of gridKinds) {
    grids[kind] = boxesAsText(
      thresholdGrids[kind].map((_, t) => (t < first ? [0, 0, 2, 2] : [10, 10, 40 + picture, 40])),
    );
  }
  return {
    kind: "finished",
    key: { image: `picture-${picture}`, method, options: { method, version: 2 } },
    at: "2026-01-01T00:00:00.000Z",
    seconds: 1 / (3 + picture),
    result: localizationRecord(grids, {
      ...{ size: { width: 60, height: 60 }, truthBoxes: [[10, 10, 40, 40]], energyInside: 1 / (2 + picture) },
      ...{ insertion: [0.1, 0.7, 1 / 3], deletion: [1 / 3, 0.2, 0], settings: { samples: 50 } },
      ...{ details: { outcome: "flipped", flipped: 3 } },
    }),
  };
}

const records = Array.from({ length: 40 }, (_, picture) =>
  runs.map(({ name }, m) => recordOf(picture, name, (picture * (m + 3)) % 17)),
).flat();

test("what is kept of the records makes their tables, to six digits, in a hundredth of the room", () => {
  const file = join(folder, "judged.jsonl.gz");
  writeJudgedRecords(file, records, defaultSummaryOptions);
  const kept = readJudgedRecords(file, defaultSummaryOptions);
  const whole = summarizeMethods(records, runs);
  const [first, ...more] = summarizeMethods(kept, runs);
  // Counts are exact; settings and mean curves are not kept.
  expect(first.kinds).toEqual(whole[0].kinds);
  expect(more.map(({ kinds }) => kinds)).toEqual(whole.slice(1).map(({ kinds }) => kinds));
  expect(first).toMatchObject({ outcomes: { flipped: 40 }, settings: {}, curves: null });
  for (const measure of ["pointing", "energyInside", "insertion", "deletion"] as const) {
    expect(first[measure]?.value).toBeCloseTo(whole[0][measure]?.value ?? Number.NaN, 5);
  }
  expect(first.cost?.seconds).toBeCloseTo(whole[0].cost?.seconds ?? Number.NaN, 5);
  expect(statSync(file).size).toBeLessThan(JSON.stringify(records).length / 50);
});

test("boxes that were judged under other options are not taken for these", () => {
  const file = join(folder, "above.jsonl.gz");
  writeJudgedRecords(file, records, { match: "above", object: "any" });
  expect(() => readJudgedRecords(file, defaultSummaryOptions)).toThrow(/judged as .*above.*run the part again/);
  const text = gunzipSync(readFileSync(file)).toString().replace('"format":1', '"format":2');
  writeFileSync(file, gzipSync(text));
  expect(() => readJudgedRecords(file, { match: "above", object: "any" })).toThrow(/"format":2/);
});

test("what one machine has left another goes on with: records are added, and those made anew take the place of the others", () => {
  const file = join(folder, "shared.jsonl.gz");
  const [first, second] = [records.slice(0, 50), records.slice(44)];
  expect(addJudgedRecords(file, first, defaultSummaryOptions)).toHaveLength(50);
  const anew = second.map((record) => ({ ...record, seconds: 7 }));
  const all = addJudgedRecords(file, anew, defaultSummaryOptions);
  expect(all).toHaveLength(80);
  expect(all.filter(({ seconds }) => seconds === 7)).toHaveLength(36);
  expect(summarizeMethods(all, runs).map(({ kinds }) => kinds)).toEqual(
    summarizeMethods(records, runs).map(({ kinds }) => kinds),
  );
  // Nothing new leaves the file as it is.
  const before = readFileSync(file);
  expect(addJudgedRecords(file, [], defaultSummaryOptions)).toEqual(all);
  expect(readFileSync(file).equals(before)).toBe(true);
});
