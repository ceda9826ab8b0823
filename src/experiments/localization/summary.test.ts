import fc from "fast-check";
import { expect, test } from "vitest";
import type { Box } from "../../image/geometry.ts";
import { gridKinds, thresholdGrids } from "../../localization/threshold-grids.ts";
import { localizationCsv, localizationMarkdown, measuresCsv } from "../../report/localization/tables.ts";
import type { SaliencyMethod } from "../../saliency/method.ts";
import { agreementOf, isLocalized } from "./agreement.ts";
import { compareMethods } from "./comparisons.ts";
import { summarizeGroups } from "./picture-groups.ts";
import { boxesAsText, type GridBoxes, type LocalizationRecord } from "./record.ts";
import { accuracyOf, summarizeMethods } from "./summary.ts";
import { defaultSummaryOptions } from "./summary-options.ts";
import type { LocalizationFinished } from "./threshold-errors.ts";

const size = { width: 10, height: 10 };
const right: Box = [0, 0, 4, 4];
const wrong: Box = [6, 6, 10, 10];

/** A grid whose boxes are right where `isRight` says so of the place in the grid. */
function boxesWhere(isRight: (t: number) => boolean): GridBoxes {
  return Object.fromEntries(
    gridKinds.map((kind) => [kind, boxesAsText(thresholdGrids[kind].map((_, t) => (isRight(t) ? right : wrong)))]),
  ) as Record<(typeof gridKinds)[number], string>;
}

function record(
  image: string,
  method: string,
  isRight: (t: number) => boolean,
  rest: Partial<LocalizationRecord> = {},
): LocalizationFinished {
  const boxes = boxesWhere(isRight);
  return {
    kind: "finished",
    key: { image, method, options: {} },
    at: "2026-01-01T00:00:00.000Z",
    seconds: 2,
    result: {
      predicted: { label: 1, confidence: 0.5 },
      explained: 1,
      truth: 1,
      size,
      truthBoxes: [right],
      boxes: { "8": boxes, "4": boxesWhere(() => false), none: boxesWhere(() => true) },
      point: [1.5, 1.5],
      pointDistance: { picture: 16, input: 3 },
      energyInside: 0.5,
      averagePrecision: null,
      insertion: [0, 1],
      deletion: [1, 0, 0],
      evaluations: { forward: 1, gradient: 4 },
      settings: { samples: 7 },
      details: { outcome: "flipped" },
      ...rest,
    },
  };
}

function run(name: string) {
  return { name, method: { name, title: name.toUpperCase() } as SaliencyMethod };
}

const images = Array.from({ length: 8 }, (_, i) => `image-${i}`);

test("a box is right at an IoU of one half, or only above it", () => {
  // 4 × 4 of 8 × 4: exactly one half.
  const found: Box = [0, 0, 8, 4];
  const truth = { size, truthBoxes: [right] };
  expect(agreementOf(found, truth, "any")).toBe(0.5);
  expect(isLocalized(found, truth, { match: "at-least", object: "any" })).toBe(true);
  expect(isLocalized(found, truth, { match: "above", object: "any" })).toBe(false);
});

test("the best of several boxes counts, or the largest", () => {
  const truth = { size, truthBoxes: [[0, 0, 2, 2], right, wrong] as const };
  expect(agreementOf([0, 0, 2, 2], truth, "any")).toBe(1);
  expect(agreementOf([0, 0, 2, 2], truth, "dominant")).toBe(0.25);
});

test("where nothing is kept the box is the whole picture", () => {
  expect(agreementOf(null, { size, truthBoxes: [[0, 0, 10, 9]] }, "any")).toBe(0.9);
});

test("the best threshold on the pictures, the first of equal ones", () => {
  // a: right from the third threshold on, on 6 of 8 pictures; b: right on 2 of 8 at the fifth only.
  const records = images.flatMap((image, i) => [
    record(image, "a", (t) => i < 6 && t >= 2),
    record(image, "b", (t) => i < 2 && t === 4),
  ]);
  const [a, b, whole, centered] = summarizeMethods(records, [run("a"), run("b"), run("absent")]);
  expect([a.name, b.name, whole.name, centered.name]).toEqual(["a", "b", "whole picture", "centered box"]);
  expect(a.kinds.value).toMatchObject({ parameter: 0.01, isBest: true, pValue: null });
  expect(a.kinds.value.error).toMatchObject({ value: 0.25, count: 8 });
  expect(a.kinds.percent.parameter).toBe(3);
  expect(b.kinds.mean).toMatchObject({ parameter: 2, isBest: false });
  expect(b.kinds.mean.error.value).toBe(0.75);
  // Wilson's interval of 2 in 8.
  expect(a.kinds.value.error.interval[0]).toBeCloseTo(0.0715, 4);
  expect(a.kinds.value.error.interval[1]).toBeCloseTo(0.5907, 4);
  // Four pictures only a has, none only b: 2 · (1/2)⁴.
  expect(b.kinds.value.pValue).toBeCloseTo(0.125, 12);
  expect(a.kinds.value.curve[1]).toEqual({ parameter: 0.0025, error: 1 });
  expect(a.kinds.value.curve).toHaveLength(21);
  expect(a.kinds.value.byConnectivity).toEqual({ "8": 0.25, "4": 1, none: 0 });
  // 16 of 100 and 16 of 50 - both below one half.
  expect(whole.kinds.value).toMatchObject({ parameter: null, pValue: null, isBest: false, curve: [] });
  expect(whole.kinds.value.error.value).toBe(1);
  expect(centered.isBaseline).toBe(true);
});

test("held out, a threshold that is chosen on one half is judged on the other", () => {
  // Every picture is right at one threshold of its own: the best one fits one picture, and none of the other half.
  const records = images.map((image, i) => record(image, "a", (t) => t === i + 3));
  const [a] = summarizeMethods(records, [run("a")]);
  expect(a.kinds.value.error.value).toBe(7 / 8);
  expect(a.kinds.value.heldOut.value).toBe(1);
  expect(a.kinds.value.heldOutParameters[0]).not.toBe(a.kinds.value.heldOutParameters[1]);
});

test("measures are means over the pictures that have them", () => {
  const records = [
    record("x", "a", () => true, {
      pointDistance: { picture: 15, input: 15.1 },
      energyInside: 0.25,
      averagePrecision: 0.5,
    }),
    record("y", "a", () => true, { energyInside: null }),
  ];
  const [a] = summarizeMethods(records, [run("a")]);
  expect(a.pointing).toMatchObject({ value: 0.5, count: 2 });
  expect(a.energyInside).toMatchObject({ value: 0.25, count: 1 });
  expect(a.averagePrecision).toMatchObject({ value: 0.5, count: 1 });
  expect(a.insertion?.value).toBe(0.5);
  expect(a.deletion?.value).toBe(0.25);
  expect(a.curves).toEqual({ insertion: [0, 1], deletion: [1, 0, 0] });
  expect(a.cost).toEqual({ seconds: 2, medianSeconds: 2, forward: 1, gradient: 4 });
  expect(a.outcomes).toEqual({ flipped: 2 });
  const [byInput] = summarizeMethods(records, [run("a")], {
    ...defaultSummaryOptions,
    toleranceOf: "input",
    tolerance: 15.1,
  });
  expect(byInput.pointing?.value).toBe(1);
});

test("accuracy is over pictures whose class is stated", () => {
  const records = [
    record("x", "a", () => true),
    record("x", "b", () => true),
    record("y", "a", () => true, { truth: 2 }),
    record("z", "a", () => true, { truth: null }),
  ];
  expect(accuracyOf(records)).toMatchObject({ value: 0.5, count: 2 });
  expect(accuracyOf([record("z", "a", () => true, { truth: null })])).toBeNull();
});

test("the order of records does not matter", () => {
  const records = images.flatMap((image, i) => [
    record(image, "a", (t) => (t * 7 + i) % 3 === 0),
    record(image, "b", (t) => (t + i) % 5 === 0),
  ]);
  const expected = JSON.stringify(summarizeMethods(records, [run("a"), run("b")]));
  fc.assert(
    fc.property(fc.shuffledSubarray(records, { minLength: records.length }), (shuffled) => {
      expect(JSON.stringify(summarizeMethods(shuffled, [run("a"), run("b")]))).toBe(expected);
    }),
    { numRuns: 4 },
  );
});

test("nothing to summarize and options that cannot be meant are refused", () => {
  expect(() => summarizeMethods([], [run("a")])).toThrow(/no records/);
  const options = { ...defaultSummaryOptions, match: "over" as "above" };
  expect(() => summarizeMethods([record("x", "a", () => true)], [run("a")], options)).toThrow(/match.*at-least, above/);
});

test("tables say what the summary says", () => {
  const records = images.flatMap((image, i) => [
    record(image, "a", () => i < 7),
    record(image, "b", () => false, { insertion: null, deletion: null }),
  ]);
  const summary = {
    model: { name: "m.onnx", sha256: "ab".repeat(32), classCount: 3 },
    data: { name: "set", images: 8 },
    options: defaultSummaryOptions,
    settings: { sigmaPixels: 2 },
    accuracy: accuracyOf(records),
    methods: summarizeMethods(records, [run("a"), run("b")]),
    comparisons: compareMethods(records, [run("a"), run("b")], ["a"]),
    groups: summarizeGroups(records, [run("a"), run("b")]),
    sanity: [
      { method: "b", layers: 1, layer: "fc", rankCorrelation: 0.75, structuralSimilarity: 1, images: 2 },
      { method: "a", layers: 1, layer: "fc", rankCorrelation: 0.5, structuralSimilarity: 0.25, images: 2 },
      { method: "a", layers: 3, layer: "conv", rankCorrelation: -0.125, structuralSimilarity: 0, images: 2 },
    ],
    warnings: [],
    problems: [{ image: "bad|one", message: "damaged" }],
    versions: { node: "v20" },
  };
  const markdown = localizationMarkdown(summary);
  expect(markdown).toContain("| a | **0.13 [0.02, 0.47]** @ 0 |");
  // 7 pictures only a has: 2 · (1/2)⁷ = 0.016.
  expect(markdown).toContain("| b | 1.00 [0.68, 1.00] † @ 0 |");
  // In the order of the methods.
  expect(markdown).toMatch(/\| a \| 0\.50 \| -0\.13 \|\n\| b \| 0\.75 \|/);
  expect(markdown).toContain("- bad\\|one: damaged");
  expect(markdown).not.toMatch(/undefined|NaN|\[object/);
  // Of 8 pictures, 7 that only a has: the same test, times three: the boxes that look at nothing are wrong on as many.
  expect(markdown).toContain("### a beside");
  expect(markdown).toMatch(/\| b \| \*\*\+0\.88 \(p = 0\.047\)\*\*/);
  const lines = localizationCsv(summary).split("\r\n");
  expect(lines).toHaveLength(1 + 4 * 4 + 1);
  expect(lines[1]).toBe("a,value,8,0,0.125,0.0224175,0.470888,0.125,0.0224175,0.470888,0 0,,true,0.125,1,0");
  expect(lines[5].split(",")[11]).toBe("0.015625");
  const measured = measuresCsv(summary).split("\r\n");
  expect(measured[2]).toMatch(/^b,8,/);
  expect(measured[2]).toContain(",,,,,");
});
