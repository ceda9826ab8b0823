import { expect, test } from "vitest";
import { expectForm } from "../../../test/expect-form.ts";
import { gridKinds, thresholdGrids } from "../../localization/threshold-grids.ts";
import { boxesAsText, boxesOfText, type GridBoxes, isLocalizationRecord, type LocalizationRecord } from "./record.ts";

const grids = Object.fromEntries(
  gridKinds.map((kind) => [kind, boxesAsText(thresholdGrids[kind].map((_, t) => (t === 1 ? null : [0, 1, 20, 30])))]),
) as Record<(typeof gridKinds)[number], string> satisfies GridBoxes;

const record: LocalizationRecord = {
  predicted: { label: 3, confidence: 0.5 },
  explained: 3,
  truth: null,
  size: { width: 40, height: 40 },
  truthBoxes: [[0, 0, 4.5, 4]],
  boxes: { "8": grids, "4": grids, none: grids },
  point: [1.5, 1.5],
  pointDistance: { picture: 0, input: 3.25 },
  energyInside: 0.5,
  averagePrecision: null,
  insertion: [0, 1],
  deletion: null,
  evaluations: { forward: 1, gradient: 4 },
  settings: { samples: 7 },
  details: null,
};

test("the form of a record: nothing may be missing, added, or of another type", () => {
  expectForm(isLocalizationRecord, record, ["settings", "details"]);
});

test("a grid has a box for each threshold", () => {
  const withValue = (value: string) => ({ ...record, boxes: { ...record.boxes, "8": { ...grids, value } } });
  expect(isLocalizationRecord(withValue(grids.value))).toBe(true);
  for (const value of ["", "-", `${grids.value} -`, grids.value.replace("30", "3x"), grids.value.replace(" ", "  ")]) {
    expect(isLocalizationRecord(withValue(value))).toBe(false);
  }
  expect(isLocalizationRecord({ ...record, truthBoxes: [] })).toBe(false);
  expect(isLocalizationRecord({ ...record, insertion: [1] })).toBe(false);
});

test("boxes survive being written as text", () => {
  const boxes = [[0, 1, 20, 30], null, [5, 6, 7, 8]] as const;
  expect(boxesAsText(boxes)).toBe("0,1,20,30 - 5,6,7,8");
  expect(boxesOfText(boxesAsText(boxes))).toEqual(boxes);
  expect(boxesOfText(boxesAsText([null]))).toEqual([null]);
});
