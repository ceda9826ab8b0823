/** @file Classes of pictures in lines and as CSV. */

import { checkForm } from "../../errors.ts";
import type {
  ClassificationAccuracy,
  ClassificationRecord,
} from "../../experiments/classification/classify-pictures.ts";
import { percent, shortName } from "../style/wording.ts";
import { type CsvCell, csvOf } from "../tables/csv.ts";

/** "dog.jpg: tabby cat 62 %, tiger cat 20 %; right is tiger cat". */
export function classificationLine(record: ClassificationRecord): string {
  checkForm("classificationLine: record", record, ["image", "top", "truth", "isRight"]);
  const { image, top, truth, isRight } = record;
  const classes = top.map(({ name, confidence }) => `${shortName(name)} ${percent(confidence)}`).join(", ");
  const end = truth === null ? "" : isRight ? "; right" : `; right is ${shortName(truth.name)}`;
  return `${image}: ${classes}${end}`;
}

/** "Accuracy: 183 of 200 (91.5 %, 86.8 to 94.6 %); among the first 5: 199 (99.5 %)". */
export function accuracyLine(accuracy: ClassificationAccuracy): string {
  checkForm("accuracyLine: accuracy", accuracy, ["of", "right", "amongTop", "top"]);
  const {
    of,
    right,
    amongTop,
    top,
    interval: [low, high],
  } = accuracy;
  const share = (value: number): string => (100 * value).toFixed(1);
  const among = top > 1 ? `; among the first ${top}: ${amongTop} (${share(amongTop / of)} %)` : "";
  return `Accuracy: ${right} of ${of} (${share(right / of)} %, ${share(low)} to ${share(high)} %)${among}`;
}

/** The heading of the CSV for `top` classes. */
export function classificationHeading(top: number): string {
  const classes = Array.from({ length: top }, (_, n) => [`class${n + 1}`, `name${n + 1}`, `confidence${n + 1}`]);
  return csvOf([["image", ...classes.flat(), "truth", "truthName", "right"]]);
}

/** A record as a row under {@link classificationHeading}. */
export function classificationRow(record: ClassificationRecord, count: number): string {
  checkForm("classificationRow: record", record, ["image", "top", "truth", "isRight"]);
  checkForm("classificationRow: count", count, "number");
  const { image, top, truth, isRight } = record;
  const classes = Array.from({ length: count }, (_, n): CsvCell[] => {
    const label = top[n];
    return label === undefined ? [null, null, null] : [label.index, label.name, label.confidence];
  });
  return csvOf([[image, ...classes.flat(), truth?.index ?? null, truth?.name ?? null, isRight]]);
}
