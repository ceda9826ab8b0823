import { expect, test } from "vitest";
import { BadInputError } from "../errors.ts";
import type { DetectorStatistics } from "./detector.ts";
import { formatDetectorStatistics, isDetectorFile, parseDetectorStatistics } from "./detector-file.ts";
import { formatStatistics, type StatisticsOwner } from "./odds/statistics-file.ts";

const owner: StatisticsOwner = {
  sha256: "ab",
  input: [3, 8, 8],
  normalization: { mean: [0], std: [1], scale: 1 },
  channels: "rgb",
};
const statistics: DetectorStatistics = {
  detector: "lid",
  version: 1,
  settings: { neighbors: 20, layers: ["a", "b"] },
  classCount: 3,
  parts: { "mean of a": 4 },
  images: { train: 10, held: 5, attacked: 0, noisy: 0 },
  arrays: {
    // Numbers whose text would lose them, and more of them than one call takes.
    odd: { shape: [2, 2], data: Float64Array.of(1 / 3, Number.MIN_VALUE, -0, 1e300) },
    many: { shape: [7001], data: Float64Array.from({ length: 7001 }, (_, i) => Math.sin(i)) },
  },
  notes: ["a note"],
  cutoff: { value: 1.5, calibration: { falsePositiveRate: 0.05, images: 5 } },
};
const text = formatDetectorStatistics(statistics, owner, "pictures");

test("what was written is read, bit by bit", () => {
  expect(parseDetectorStatistics(text, owner, "x.json")).toEqual(statistics);
  expect(isDetectorFile(text)).toBe(true);
  const odds = formatStatistics(
    {
      ...{ classCount: 0, kinds: [], samples: 1, antithetic: false, seed: 0, mode: "just-detect", classes: [] },
      ...{ images: { given: 0, used: 0 }, cutoff: { value: 3 } },
    },
    owner,
    "pictures",
  );
  expect(isDetectorFile(odds)).toBe(false);
});

test.each([
  ["not JSON", "{", /x\.json: is not JSON/],
  ["another file", '{"format":"something"}', /is not a file of a detector's statistics/],
  ["another version", text.replace('"version":1', '"version":9'), /has another version, expected version 1, got 9/],
  ["cut off", `${text.slice(0, text.length / 2)}`, /is not JSON/],
  ["a number too few", text.replace('"shape":[2,2]', '"shape":[2,3]'), /is damaged/],
  ["damaged numbers", text.replace(/"float64":"..../, '"float64":"?!?!'), /is damaged/],
  ["no cutoff", text.replace('"value":1.5', '"value":"high"'), /is damaged/],
])("%s is refused in words", (_, given, message) => {
  expect(() => parseDetectorStatistics(given, owner, "x.json")).toThrow(BadInputError);
  expect(() => parseDetectorStatistics(given, owner, "x.json")).toThrow(message);
});

test("statistics of another model say what differs", () => {
  expect(() => parseDetectorStatistics(text, { ...owner, sha256: "cd" }, "x.json")).toThrow(
    /belongs to another classifier: the model \(SHA-256\) differs, expected cd, got ab/,
  );
  expect(() => parseDetectorStatistics(text, { ...owner, channels: "bgr" }, "x.json")).toThrow(
    /the channel order differs/,
  );
});
