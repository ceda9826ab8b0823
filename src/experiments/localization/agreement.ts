/** @file Whether a box that was found is right: its intersection over union with the boxes that the data set states. */
import { checkForm } from "../../errors.ts";
import type { Box } from "../../image/geometry.ts";
import { areaOf, iou, wholeBox } from "../../localization/box.ts";
import type { LocalizationRecord } from "./record.ts";
import type { SummaryOptions } from "./summary-options.ts";

/** Whether `found` (null: nothing was kept, which means the whole picture) is right. */
export function isLocalized(
  found: Box | null,
  given: Pick<LocalizationRecord, "size" | "truthBoxes">,
  all: Pick<SummaryOptions, "match" | "object">,
): boolean {
  checkForm("isLocalized: given", given, ["size", "truthBoxes"]);
  checkForm("isLocalized: all", all, ["object", "match"]);
  const { size, truthBoxes } = given;
  const { match, object } = all;
  const agreement = agreementOf(found, { size, truthBoxes }, object);
  return match === "at-least" ? agreement >= 0.5 : agreement > 0.5;
}

/** The intersection over union of `found` (null: the whole picture) with the best, or the largest, of the right boxes. */
export function agreementOf(
  found: Box | null,
  given: Pick<LocalizationRecord, "size" | "truthBoxes">,
  object: SummaryOptions["object"],
): number {
  checkForm("agreementOf: given", given, ["size", "truthBoxes"]);
  checkForm("agreementOf: object", object, "string");
  const { size, truthBoxes } = given;
  const box = found ?? wholeBox(size.width, size.height);
  const right =
    object === "any"
      ? truthBoxes
      : [truthBoxes.reduce((largest, other) => (areaOf(other) > areaOf(largest) ? other : largest))];
  return Math.max(...right.map((truth) => iou(box, truth)));
}
