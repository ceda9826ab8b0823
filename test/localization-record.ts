/** @file What tests of tables and figures need of a record of the localization benchmark: its boxes; the rest is made up. */
import type { GridBoxes, LocalizationRecord } from "../src/experiments/localization/record.ts";

/** A record of a picture that is predicted right, with the same boxes however components are formed; `rest` says otherwise. */
export function localizationRecord(
  boxes: GridBoxes,
  rest: Pick<LocalizationRecord, "size" | "truthBoxes"> & Partial<LocalizationRecord>,
): LocalizationRecord {
  return {
    predicted: { label: 1, confidence: 0.5 },
    explained: 1,
    truth: 1,
    boxes: { "8": boxes, "4": boxes, none: boxes },
    point: [1, 1],
    pointDistance: { picture: 0, input: 0 },
    energyInside: 0.5,
    averagePrecision: null,
    insertion: null,
    deletion: null,
    evaluations: { forward: 1, gradient: 1 },
    settings: {},
    details: null,
    ...rest,
  };
}
