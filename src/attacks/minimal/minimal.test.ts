import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { smallImages, smallNetwork } from "../../../test/small-network.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { AnyAttack } from "../attack.ts";
import { ead } from "./ead.ts";
import { fmn } from "./fmn.ts";
import { hopskipjump } from "./hopskipjump.ts";
import { sparsefool } from "./sparsefool.ts";

/** Two classes, the margin being x·m with m = (3, 1, 0, 0) and an offset. */
const linearNetwork = (offset: number) =>
  createClassifier(
    parseModel(`
      <ir_version: 8, opset_import: ["" : 18]>
      net (float[N, 1, 2, 2] x) => (float[N, 2] logits)
      <float[2, 4] W = {3, 1, 0, 0,  0, 0, 0, 0}, float[2] b = {${offset}, 0}>
      { f = Flatten (x)  logits = Gemm <transB = 1> (f, W, b) }`),
    { runtime: ort, preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" } },
  );
const linear = linearNetwork(-1.4);
const stubborn = linearNetwork(10);
const small = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => Promise.all([linear, stubborn, small].map((classifier) => classifier.dispose())));

/** The margin is 0.6: 0.2 of the first element, 0.15 of two, 0.6 / √10 in ℓ2. */
const gray = floatTensor([0.5, 0.5, 0.5, 0.5], [1, 2, 2]);

test.each([
  ["l1", 0.2],
  ["l2", 0.6 / Math.sqrt(10)],
  ["linf", 0.15],
  ["l0", 1],
] as const)("FMN comes near to the least change in %s, and not below it", async (norm, least) => {
  const { raw, details } = await fmn.attack(linear, gray, { norm, steps: 300, stepSize: 0.3, rounding: "none" });
  expect(raw.success).toBe(true);
  expect(raw.distances[norm]).toBeCloseTo(Number(details.distance), 5);
  expect(raw.distances[norm]).toBeGreaterThan(least - 1e-6);
  expect(raw.distances[norm]).toBeLessThan(1.02 * least);
});

test.each(["l2", "l1"] as const)(
  "FMN in %s leaves a picture at the bounds, which cut half of each step off",
  async (norm) => {
    // On black the odd elements cannot go where the gradient leads: only the even ones can, and the least change is 0.2 of them in all.
    const weights = Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? -1 : 1));
    const bounded = createClassifier(
      parseModel(`
      <ir_version: 8, opset_import: ["" : 18]>
      net (float[N, 1, 8, 8] x) => (float[N, 2] logits)
      <float[2, 64] W = {${[...weights, ...weights.map(() => 0)].join(", ")}}, float[2] b = {0.2, 0}>
      { f = Flatten (x)  logits = Gemm <transB = 1> (f, W, b) }`),
      { runtime: ort, preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" } },
    );
    const { raw } = await fmn.attack(bounded, floatTensor(new Float32Array(64), [1, 8, 8]), { norm, rounding: "none" });
    expect(raw.success).toBe(true);
    const least = norm === "l2" ? 0.2 / Math.sqrt(32) : 0.2;
    expect(raw.distances[norm]).toBeGreaterThan(least - 1e-6);
    expect(raw.distances[norm]).toBeLessThan(1.05 * least);
    await bounded.dispose();
  },
);

test("EAD changes the element that counts and leaves the others, with a weight on ℓ1 that is large enough", async () => {
  const options = { steps: 200, constant: 0.1, rounding: "none", abort: false } as const;
  const sparse = await ead.attack(linear, gray, { ...options, beta: 0.02, rule: "l1" });
  expect(sparse.raw).toMatchObject({ success: true, distances: { l0: 1 } });
  expect(sparse.raw.distances.l1).toBeGreaterThan(0.2 - 1e-6);
  expect(sparse.raw.distances.l1).toBeLessThan(0.21);
  const plain = await ead.attack(linear, gray, { ...options, beta: 0 });
  expect(plain.raw.distances.l2).toBeCloseTo(0.6 / Math.sqrt(10), 2);
  expect(plain.raw.distances.l0).toBe(2);
});

test("SparseFool changes as few elements as the range allows", async () => {
  const one = await sparsefool.attack(linear, gray, { lambda: 1.5, rounding: "none" });
  expect(one.raw).toMatchObject({ success: true, distances: { l0: 1 } });
  const two = await sparsefool.attack(linear, gray, { range: 0.18, rounding: "none" });
  expect(two.raw).toMatchObject({ success: true, distances: { l0: 2 } });
  expect(two.raw.distances.linf).toBeLessThan(0.18 + 1e-6);
});

test("HopSkipJump comes near to the least change by labels alone, within the queries that it is given", async () => {
  const { raw, cost, details } = await hopskipjump.attack(linear, gray, { steps: 12, rounding: "none" });
  expect(raw.success).toBe(true);
  expect(raw.distances.l2).toBeLessThan(1.15 * (0.6 / Math.sqrt(10)));
  expect(cost.gradient).toBe(0);
  expect(details.queries).toBeLessThanOrEqual(cost.forward);
  const brief = await hopskipjump.attack(small, smallImages[1], { queries: 300 });
  expect(brief.raw.success).toBe(true);
  expect(Number(brief.details.queries)).toBeLessThanOrEqual(330);
  // No image at all is of class 1 here.
  const none = await hopskipjump.attack(stubborn, gray, { queries: 5 });
  expect(none).toMatchObject({ outcome: "not-flipped", details: { queries: 5, distance: null } });
  expect(none.details.hindrance).toContain("None of 5 noise and plain images reached the goal");
});

test.each<[string, AnyAttack, Readonly<Record<string, unknown>>]>([
  ["fmn", fmn, { norm: "l1", steps: 60 }],
  ["ead", ead, { steps: 60, constant: 1, searchSteps: 3, stepSize: 0.05 }],
  ["sparsefool", sparsefool, {}],
  ["hopskipjump", hopskipjump, { queries: 400 }],
])("%s keeps to a mask, and refuses what cannot be meant", async (name, attack, options) => {
  const mask = floatTensor(
    Float32Array.from({ length: 64 }, (_, i) => Number(i % 8 < 5)),
    [8, 8],
  );
  const [held] = await attack.run(small, [smallImages[2]], { ...options, mask });
  const changed = [...held.raw.image.data].flatMap((x, i) => (x === smallImages[2].data[i] ? [] : [i % 8]));
  expect(Math.max(...changed)).toBeLessThan(5);
  expect(() => attack.check(small, { norm: "l3" })).toThrow(name);
  expect(() => attack.check(small, { steps: 0 })).toThrow(`${name}: steps: value out of range`);
});
