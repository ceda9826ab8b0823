import { expect, test } from "vitest";
import { localizationRecord } from "../../../test/localization-record.ts";
import type { Box } from "../../image/geometry.ts";
import { gridKinds, thresholdGrids } from "../../localization/threshold-grids.ts";
import { perceptual } from "../../saliency/perturbations/perceptual.ts";
import { mcnemarTest } from "../statistics/statistics.ts";
import { compareMethods, paperMethods } from "./comparisons.ts";
import { judgeRecord } from "./judged-record.ts";
import { summarizeGroups } from "./picture-groups.ts";
import { boxesAsText, type GridBoxes, type LocalizationRecord } from "./record.ts";
import { summarizeMethods } from "./summary.ts";
import { defaultSummaryOptions } from "./summary-options.ts";
import type { LocalizationFinished } from "./threshold-errors.ts";

const size = { width: 10, height: 10 };
const right: Box = [0, 0, 4, 4];
const wrong: Box = [6, 6, 10, 10];

/** A record whose box is right, or wrong, at every threshold. */
function record(
  image: string,
  method: string,
  isRight: boolean,
  rest: Partial<LocalizationRecord> = {},
): LocalizationFinished {
  const box = isRight ? right : wrong;
  const boxes = Object.fromEntries(
    gridKinds.map((kind) => [kind, boxesAsText(thresholdGrids[kind].map(() => box))]),
  ) as Record<(typeof gridKinds)[number], string> satisfies GridBoxes;
  return {
    kind: "finished",
    key: { image, method, options: {} },
    at: "2026-01-01T00:00:00.000Z",
    seconds: 1,
    result: localizationRecord(boxes, {
      ...{ size, truthBoxes: [right], point: [1.5, 1.5], pointDistance: { picture: 3, input: 3 } },
      ...{ energyInside: isRight ? 0.75 : 0.25, evaluations: { forward: 1, gradient: 4 } },
      ...rest,
    }),
  };
}

const run = (name: string) => ({ name, method: { ...perceptual, name, title: name } });
const images = Array.from({ length: 12 }, (_, i) => `image-${String(i).padStart(2, "0")}`);

test("a method beside another: the other's error less its own, and McNemar's test, corrected for the number of others", () => {
  // a errs on 2 of 12, b on 9; both on none.
  const records = images.flatMap((image, i) => [record(image, "a", i >= 2), record(image, "b", i < 3 && i >= 2)]);
  const found = compareMethods(records, [run("a"), run("b")], ["a"]);
  expect(found).toHaveLength(4 * 3);
  const [first] = found;
  expect(first).toMatchObject({ method: "a", other: "b", kind: "value" });
  expect(first.gain.value).toBeCloseTo((11 - 2) / 12);
  // Of b's 11 errors 9 are on pictures on which a is right, of the boxes' 12 errors 10: these differ more surely, so that Holm multiplies theirs
  // by three and b's by one.
  expect(found.slice(1, 3).map(({ pValue }) => pValue)).toEqual([3 * mcnemarTest(10, 0), 3 * mcnemarTest(10, 0)]);
  expect(first.pValue).toBe(3 * mcnemarTest(10, 0));
  // The normal interval of twelve differences of which nine are 1: sd² = 9/12 · 3/12.
  const half = 1.959964 * Math.sqrt((0.75 * 0.25) / 12);
  expect(first.gain.interval).toEqual([expect.closeTo(0.75 - half, 5), expect.closeTo(0.75 + half, 5)]);
});

test("equal methods cannot be told apart, and unknown ones are refused", () => {
  const records = images.flatMap((image, i) => [record(image, "a", i > 5), record(image, "b", i > 5)]);
  const [first] = compareMethods(records, [run("a"), run("b")], ["a"]);
  expect(first.gain).toEqual({ value: 0, interval: [0, 0], count: 12 });
  expect(first.pValue).toBe(1);
  expect(() => compareMethods(records, [run("a")], ["c"])).toThrow(/no method is called "c"/);
});

test("records of one picture with several networks are no independent trials", () => {
  // Three networks that agree on every picture.
  const networks = ["x", "y", "z"];
  const records = networks.flatMap((network) =>
    images.flatMap((image, i) => [
      record(`${network}/${image}`, "a", i > 0),
      record(`${network}/${image}`, "b", i < 7),
    ]),
  );
  const runs = [run("a"), run("b")];
  const clusterOf = (image: string): string => image.slice(2);
  const pooled = compareMethods(records, runs, ["a"], defaultSummaryOptions, { clusterOf })[0];
  const apart = compareMethods(records, runs, ["a"])[0];
  const single = compareMethods(
    records.filter(({ key }) => key.image.startsWith("x")),
    runs,
    ["a"],
  )[0];
  expect(pooled.gain.value).toBeCloseTo(single.gain.value);
  expect(pooled.gain.interval[0]).toBeCloseTo(single.gain.interval[0]);
  // Twelve pictures do not become thirty-six.
  expect(pooled.pValue).toBeCloseTo(single.pValue);
  expect(apart.pValue).toBeLessThan(single.pValue / 2);
  const [method] = summarizeMethods(records, runs, defaultSummaryOptions, { clusterOf });
  const [alone] = summarizeMethods(
    records.filter(({ key }) => key.image.startsWith("x")),
    runs,
    defaultSummaryOptions,
    { clusterOf },
  );
  expect(method.kinds.value.error.interval).toEqual(alone.kinds.value.error.interval);
  expect(method.kinds.value.heldOut.value).toBeCloseTo(alone.kinds.value.heldOut.value);
});

test("the paper's methods are those that a perceptual search makes the map of", () => {
  const other = { ...perceptual, perturbing: undefined };
  expect(paperMethods([run("strong"), { name: "else", method: other }])).toEqual(["strong"]);
});

test("groups of pictures: by the number and size of objects, and by what the network predicts", () => {
  const large: Box = [0, 0, 8, 8];
  const records = [
    record("a", "m", true),
    record("b", "m", false),
    record("c", "m", false, { truthBoxes: [large] }),
    record("d", "m", true, { truthBoxes: [right, wrong], predicted: { label: 2, confidence: 0.5 } }),
    // Whose class is not stated is neither right nor wrong.
    record("e", "m", true, { truth: null }),
  ];
  const groups = summarizeGroups(records, [run("m")]);
  expect(groups.map(({ name, images: count }) => [name, count])).toEqual([
    ["one-small", 3],
    ["one-large", 1],
    ["several", 1],
    ["right", 3],
    ["wrong", 1],
  ]);
  const errorOf = (name: string): number | undefined =>
    groups.find((group) => group.name === name)?.methods[0].errors.value.value;
  expect(errorOf("one-small")).toBeCloseTo(1 / 3);
  expect(errorOf("one-large")).toBe(1);
  expect(errorOf("several")).toBe(0);
  expect(errorOf("right")).toBeCloseTo(2 / 3);
  // A quarter of the picture is large.
  const quarter = record("f", "m", true, { truthBoxes: [[0, 0, 5, 5]] });
  expect(summarizeGroups([quarter, ...records], [run("m")]).map(({ images: count }) => count)).toEqual([3, 2, 1, 4, 1]);
  // Where all are alike there is nothing to divide.
  expect(summarizeGroups([record("a", "m", true), record("b", "m", true)], [run("m")])).toEqual([]);
});

test("judged records, which hold no boxes and no curves, make the same tables", () => {
  const records = images.flatMap((image, i) => [
    record(image, "a", i >= 2, { insertion: [0, 0.5, 1], deletion: [1, 0.25, 0] }),
    record(image, "b", i === 2, { truthBoxes: i % 2 === 0 ? [right] : [right, wrong] }),
  ]);
  const judged = records.map((full) => ({ ...full, result: judgeRecord(full.result, defaultSummaryOptions) }));
  const runs = [run("a"), run("b")];
  expect(judged[0].result).not.toHaveProperty("boxes");
  expect(judged[0].result.wrong["8"].percent).toBe("1".repeat(23));
  expect(judged[4].result.insertion).toBeCloseTo(0.5);
  expect(compareMethods(judged, runs, ["a"])).toEqual(compareMethods(records, runs, ["a"]));
  expect(summarizeGroups(judged, runs)).toEqual(summarizeGroups(records, runs));
  // The mean curves are all that is gone.
  const withoutCurves = summarizeMethods(records, runs).map((method) => ({ ...method, curves: null }));
  expect(summarizeMethods(judged, runs)).toEqual(withoutCurves);
  // Judged before, they stay what they were judged to be.
  const again = judged.map((full) => ({ ...full, result: { ...full.result, truthBoxes: [wrong] } }));
  expect(compareMethods(again, runs, ["a"])[0]).toEqual(compareMethods(records, runs, ["a"])[0]);
});
