/** @file The records of `explain` as CSV: one row for each picture and method. */
import { type ExplanationRecord, isPerturbation } from "../../experiments/explanation/record.ts";
import { type CsvCell, csvOf } from "../tables/csv.ts";

/** A column's value of a record; null where the record has none. */
type Column = (record: ExplanationRecord) => CsvCell;

const ofChange =
  (cell: (record: Extract<ExplanationRecord, { kind: "perturbation" }>) => CsvCell): Column =>
  (record) =>
    isPerturbation(record) ? cell(record) : null;

/** The columns by name, in order; names are the paths of the record's fields as far as there is one. */
const columns: Readonly<Record<string, Column>> = {
  image: ({ image }) => image,
  method: ({ method }) => method,
  "label.index": ({ label }) => label.index,
  "label.name": ({ label }) => label.name,
  "label.confidence": ({ label }) => label.confidence,
  "target.name": ({ target }) => target?.name ?? null,
  outcome: ({ outcome }) => outcome,
  "adversarialLabel.index": ofChange(({ adversarialLabel }) => adversarialLabel.index),
  "adversarialLabel.name": ofChange(({ adversarialLabel }) => adversarialLabel.name),
  "adversarialLabel.confidence": ofChange(({ adversarialLabel }) => adversarialLabel.confidence),
  "rounded.name": ofChange(({ rounded }) => rounded.name),
  "rounded.flipped": ofChange(({ rounded }) => rounded.flipped),
  "margin.clean": ({ margin }) => margin.clean,
  "margin.adversarial": ({ margin }) => margin.adversarial,
  "distances.l0": ofChange(({ distances }) => distances.l0),
  "distances.l1": ofChange(({ distances }) => distances.l1),
  "distances.l2": ofChange(({ distances }) => distances.l2),
  "distances.linf": ofChange(({ distances }) => distances.linf),
  "distances.perceptual": ofChange(({ distances }) => distances.perceptual),
  "box.x0": ({ box }) => box?.[0] ?? null,
  "box.y0": ({ box }) => box?.[1] ?? null,
  "box.x1": ({ box }) => box?.[2] ?? null,
  "box.y1": ({ box }) => box?.[3] ?? null,
  "boxShare.area": ({ boxShare }) => boxShare?.area ?? null,
  "boxShare.change": ({ boxShare }) => boxShare?.change ?? null,
  "groundTruth.iou": ({ groundTruth }) => groundTruth?.iou ?? null,
  evaluations: ({ evaluations }) => evaluations,
  forwardEvaluations: ({ forwardEvaluations }) => forwardEvaluations,
  seconds: ({ seconds }) => seconds,
  warnings: ({ warnings }) => warnings.map(({ code }) => code).join(" "),
  result: ({ files }) => files.result,
};

/** A heading and a row for each record, in order; cells that a record has no value for are empty. */
export function explanationCsv(records: readonly ExplanationRecord[]): string {
  return csvOf([Object.keys(columns), ...records.map((record) => Object.values(columns).map((cell) => cell(record)))]);
}
