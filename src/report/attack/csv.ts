/** @file The records of `attack` as CSV: one row for each picture and attack. */
import { freshDrawsIn } from "../../attacks/eot/fresh-draws.ts";
import type { AttackRecord } from "../../experiments/attack/record.ts";
import { type CsvCell, csvOf } from "../tables/csv.ts";

const stages = ["raw", "withinBudget", "rounded"] as const;

/** What is said of each of the three images of an attack. */
const ofImage: Readonly<Record<string, (found: AttackRecord["raw"]) => CsvCell>> = {
  "label.index": ({ label }) => label.index,
  "label.name": ({ label }) => label.name,
  "label.confidence": ({ label }) => label.confidence,
  success: ({ success }) => success,
  margin: ({ margin }) => margin,
  "distances.l0": ({ distances }) => distances.l0,
  "distances.l1": ({ distances }) => distances.l1,
  "distances.l2": ({ distances }) => distances.l2,
  "distances.linf": ({ distances }) => distances.linf,
  "distances.perceptual": ({ distances }) => distances.perceptual,
  "distances.lpips": ({ distances }) => distances.lpips ?? null,
};

/** The columns by name, in order; names are the paths of the record's fields. */
const columns: readonly (readonly [string, (record: AttackRecord) => CsvCell])[] = [
  ["image", ({ image }) => image],
  ["attack", ({ attack }) => attack],
  ["outcome", ({ outcome }) => outcome],
  ["label.index", ({ label }) => label.index],
  ["label.name", ({ label }) => label.name],
  ["label.confidence", ({ label }) => label.confidence],
  ["target.name", ({ target }) => target?.name ?? null],
  ["cleanMargin", ({ cleanMargin }) => cleanMargin],
  ...stages.flatMap((stage) =>
    Object.entries(ofImage).map(
      ([name, cell]) => [`${stage}.${name}`, (record: AttackRecord) => cell(record[stage])] as const,
    ),
  ),
  ["lostInRounding", ({ lostInRounding }) => lostInRounding],
  ["eot.withinBudget", ({ details }) => freshDrawsIn(details)?.withinBudget ?? null],
  ["eot.rounded", ({ details }) => freshDrawsIn(details)?.rounded ?? null],
  ["eot.clean", ({ details }) => freshDrawsIn(details)?.clean ?? null],
  ["evaluations.gradient", ({ evaluations }) => evaluations.gradient],
  ["evaluations.forward", ({ evaluations }) => evaluations.forward],
  ["warnings", ({ warnings }) => warnings.map(({ code }) => code).join(" ")],
  ["result", ({ files }) => files.result ?? null],
];

/** A heading and a row for each record, in order; cells that a record has no value for are empty. */
export function attackCsv(records: readonly AttackRecord[]): string {
  return csvOf([columns.map(([name]) => name), ...records.map((record) => columns.map(([, cell]) => cell(record)))]);
}
