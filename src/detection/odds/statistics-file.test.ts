import { expect, test } from "vitest";
import type { OddsStatistics } from "./odds-statistics.ts";
import { formatStatistics, ownerOf, parseStatistics } from "./statistics-file.ts";

const input = {
  ...{ channelCount: 3, height: 8, width: 8, mean: [0.5], std: [0.25], scale: 1, channels: "rgb" },
  geometry: { resize: { kind: "exact", width: 8, height: 8 } },
};
const ownerOfHead = (head: { readonly decision?: number }, given = {}) =>
  ownerOf({ input: input as never, prepared: { head, given } as never }, "ab12");
const owner = ownerOfHead({});
const statistics: OddsStatistics = {
  classCount: 2,
  kinds: [{ distribution: "n", magnitude: 0.003 }],
  samples: 4,
  antithetic: false,
  seed: 0,
  mode: "just-detect",
  images: { given: 9, used: 9 },
  cutoff: { value: 2.5, calibration: { falsePositiveRate: 0.1, images: 40 } },
  classes: [
    { count: 7, mean: [[0, 1 / 3]], std: [[0, 0.1]] },
    { count: 2, missing: "too few images" },
  ],
};
const text = formatStatistics(statistics, owner, "somewhere");

test("statistics survive the file to the last bit", () => {
  expect(parseStatistics(text, owner, "file")).toEqual(statistics);
});

test("another model, preprocessing, version or file is refused by name", () => {
  expect(() => parseStatistics(text, { ...owner, sha256: "cd34" }, "s.json")).toThrow(
    "s.json: belongs to another classifier: the model (SHA-256) differs, expected cd34, got ab12.",
  );
  expect(() => parseStatistics(text, { ...owner, channels: "bgr" }, "s.json")).toThrow(/channel order differs/);
  const other = { ...owner.normalization, mean: [0.4] };
  expect(() => parseStatistics(text, { ...owner, normalization: other }, "s.json")).toThrow(/normalization differs/);
  expect(() => parseStatistics(text.replace('"version":1', '"version":2'), owner, "s.json")).toThrow(
    "s.json: has another version, expected version 1, got 2.",
  );
  expect(() => parseStatistics("{", owner, "s.json")).toThrow("s.json: is not JSON");
  for (const other of ["null", "{}"]) {
    expect(() => parseStatistics(other, owner, "s.json")).toThrow("s.json: is not a file of statistics");
  }
  for (const damaged of [text.replace("[[0,0.1]]", "[[0]]"), text.replace('"value":2.5', '"value":"x"')]) {
    expect(() => parseStatistics(damaged, owner, "s.json")).toThrow("s.json: is damaged");
  }
  // A later version may hold other things: that it is another version comes first.
  const later = text.replace('"version":1', '"version":2').replace('"classes"', '"tables"');
  expect(() => parseStatistics(later, owner, "s.json")).toThrow("s.json: has another version");
});

test("statistics of one decision are those of no other", () => {
  const decided = ownerOfHead({ decision: 2 });
  const text = formatStatistics(statistics, decided, "data");
  expect(parseStatistics(text, decided, "s.json")).toEqual(statistics);
  for (const other of [owner, ownerOfHead({ decision: 1 })]) {
    expect(() => parseStatistics(text, other, "s.json")).toThrow("the decision differs");
  }
});

test("statistics of one output, or of one value of another input, are those of no other", () => {
  const first = ownerOfHead({}, { logits: "a", inputs: { t: 1, u: [2, 3] } });
  const text = formatStatistics(statistics, first, "data");
  const sameElsewhere = ownerOfHead({}, { inputs: { u: [2, 3], t: 1 }, logits: "a" });
  expect(parseStatistics(text, sameElsewhere, "s.json")).toEqual(statistics);
  expect(() => parseStatistics(text, owner, "s.json")).toThrow(
    'the choice of output, head or other inputs differs, expected nothing, got output "a", input t=1, input u=[2,3].',
  );
  for (const other of [
    { logits: "b", inputs: { t: 1, u: [2, 3] } },
    { logits: "a", inputs: { t: 2, u: [2, 3] } },
  ]) {
    expect(() => parseStatistics(text, ownerOfHead({}, other), "s.json")).toThrow("other inputs differs");
  }
  // The size of the input is there as it is, whoever said it.
  expect(ownerOfHead({}, { inputSize: [8, 8] })).toEqual(owner);
});
