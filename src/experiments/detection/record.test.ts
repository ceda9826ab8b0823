import { expect, test } from "vitest";
import { expectForm } from "../../../test/expect-form.ts";
import { type AlignmentRecord, type DetectionRecord, isDetectionRecord } from "./record.ts";

const alignments: AlignmentRecord = {
  kinds: ["normal:0.003", "signs:0.005"],
  samples: 4,
  antithetic: true,
  mean: [
    [0, -1.5, 2],
    [0, 0.25, -3],
  ],
  error: [
    [0, 0.5, 1],
    [0, 0.125, 0.5],
  ],
};

const record: DetectionRecord = {
  split: "test",
  truth: 1,
  cleanLabel: 0,
  label: 2,
  margin: 0.5,
  detection: alignments,
  correction: null,
  attack: {
    outcome: "flipped",
    distances: { l0: 1, l1: 2, l2: 3, linf: 4, perceptual: 5 },
    evaluations: { forward: 3, gradient: 20 },
    lostInRounding: false,
    settings: { epsilon: 0.03 },
  },
};

test("the form of a record: nothing may be missing, added, or of another type", () => {
  expectForm(isDetectionRecord, record, ["settings"]);
  expectForm(isDetectionRecord, { ...record, attack: null, detection: null, correction: alignments, split: "train" });
});

test("alignments have a row for each kind of noise, and all rows one length", () => {
  const withAlignments = (changes: Partial<AlignmentRecord>) => ({
    ...record,
    detection: { ...alignments, ...changes },
  });
  expect(isDetectionRecord(withAlignments({}))).toBe(true);
  expect(isDetectionRecord(withAlignments({ kinds: ["normal:0.003"] }))).toBe(false);
  expect(isDetectionRecord(withAlignments({ mean: [[0, 1, 2], [0, 1]] }))).toBe(false); // biome-ignore format: one line
  expect(isDetectionRecord(withAlignments({ error: [[0, 1], [0, 1]] }))).toBe(false); // biome-ignore format: one line
});
