/** @file A record of the localization benchmark after its boxes were judged: a tenth of the size, and enough for every table. */
import { checkForm, checkKeys } from "../../errors.ts";
import { gridKinds, type ThresholdKind } from "../../localization/threshold-grids.ts";
import type { FinishedRecord } from "../records/record-store.ts";
import { isLocalized } from "./agreement.ts";
import { areaUnderSteps } from "./insertion-deletion.ts";
import { boxesOfText, type ConnectivityKey, type LocalizationRecord } from "./record.ts";
import { connectivityKeys, type SummaryOptions, summaryOptionKeys } from "./summary-options.ts";

/** For each threshold of a kind's grid "1" where the box is wrong and "0" where it is right: "1100111". */
export type GridErrors = Readonly<Record<ThresholdKind, string>>;

/** What `match` and `object` of the summary's options decide is decided; the boxes and the curves themselves are left out. */
export interface JudgedRecord extends Omit<LocalizationRecord, "boxes" | "point" | "insertion" | "deletion"> {
  readonly wrong: Readonly<Record<ConnectivityKey, GridErrors>>;
  /** The areas under the curves; null where the benchmark leaves them out. */
  readonly insertion: number | null;
  readonly deletion: number | null;
}

/** A record with the boxes that were found, or judged before. */
export type TabledRecord = FinishedRecord<LocalizationRecord | JudgedRecord>;

/** `record` with its boxes judged under `options`; {@link summarizeMethods} makes the same tables of both. */
export function judgeRecord(
  record: LocalizationRecord,
  options: Pick<SummaryOptions, "match" | "object">,
): JudgedRecord {
  checkKeys("judgeRecord", options, summaryOptionKeys);
  checkForm("judgeRecord: record", record, ["boxes", "size", "truthBoxes"]);
  const { boxes, point: _, insertion, deletion, ...rest } = record;
  return {
    ...rest,
    wrong: mapKeys(connectivityKeys, (connectivity) =>
      mapKeys(gridKinds, (kind) => errorsAsText(record, boxes[connectivity][kind], options)),
    ),
    insertion: areaOfCurve(insertion),
    deletion: areaOfCurve(deletion),
  };
}

/** Of each of the boxes that a text names "1" where it is wrong under `options` and "0" where it is right. */
export function errorsAsText(
  given: Pick<LocalizationRecord, "size" | "truthBoxes">,
  boxes: string,
  options: Pick<SummaryOptions, "match" | "object">,
): string {
  return boxesOfText(boxes)
    .map((found) => (isLocalized(found, given, options) ? "0" : "1"))
    .join("");
}

/** The area under a curve of equal steps, or the area itself where a judged record holds nothing else. */
export function areaOfCurve(curve: readonly number[] | number | null): number | null {
  return curve === null || typeof curve === "number" ? curve : areaUnderSteps(curve);
}

function mapKeys<K extends string, T>(keys: readonly K[], of: (key: K) => T): Record<K, T> {
  return Object.fromEntries(keys.map((key) => [key, of(key)])) as Record<K, T>;
}
