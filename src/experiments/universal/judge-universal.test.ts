import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { createClassifier } from "../../classifier/classifier.ts";
import { BadInputError } from "../../errors.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { judgeUniversal, type UniversalPicture } from "./judge-universal.ts";

/** Class 1 where the second pixel is brighter than the first by more than nothing, class 2 where it is by more than 0.5. */
const classifier = createClassifier(
  parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    linear (float[N, 1, 1, 2] x) => (float[N, 3] logits)
    <float[3, 2] W = {0, 0, -1, 1, -2, 2}, float[3] b = {0, 0, -0.5}> { f = Flatten (x)  logits = Gemm <transB = 1> (f, W, b) }`),
  { runtime: ort, preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" } },
);
afterAll(() => classifier.dispose());

const level = (first: number, second: number): UniversalPicture => ({
  image: `${first} ${second}`,
  input: async () => floatTensor([first / 255, second / 255], [1, 1, 2]),
});
const change = floatTensor([-4.4 / 255, 4.4 / 255], [1, 1, 2]);

test("pictures are counted in bytes, held beside noise, with the labels that they get and the first of them as examples", async () => {
  const pictures = [level(100, 99), level(100, 93), level(100, 92), level(100, 225), level(0, 250), level(1, 0)];
  const failures: string[] = [];
  const broken = {
    image: "broken",
    input: () => Promise.reject(new BadInputError({ where: "broken", what: "no picture" })),
  };
  const { counts, examples } = await judgeUniversal(classifier, change, [broken, ...pictures], {
    ...{ epsilon: 4.5 / 255, seed: 2, examples: 1 },
    onFailure: (image) => failures.push(image),
  });
  expect(failures).toEqual(["broken"]);
  expect(counts.pictures).toBe(6);
  // Four levels down and up: 99 and 93 pass 100 − 4 by 7 and 1, 92 does not; 225 − 100 + 8 is beyond 127.5; 250 was there already; and 1 becomes 0.
  expect(counts.fooled?.value).toBeCloseTo(4 / 6, 9);
  expect(counts.to).toEqual([
    { label: 1, count: 3 },
    { label: 2, count: 1 },
  ]);
  expect(counts.byNoise?.value).toBeLessThan(4 / 6);
  expect(examples).toHaveLength(1);
  expect([...(examples[0]?.changed.data ?? [])].map((x) => Math.round(255 * x))).toEqual([96, 103]);
  expect(examples[0]).toMatchObject({ image: "100 99", labels: [0, 1] });
});

test("random signs are held to the mask that the change was learned with", async () => {
  // The second pixel alone: four levels up or down, so that 100 and 97 can be turned by them, and 100 and 95 cannot.
  const options = { epsilon: 4.5 / 255, examples: 0, onFailure: () => {}, mask: floatTensor([0, 1], [1, 2]) };
  const shares: number[] = [];
  for (let seed = 0; seed < 8; seed++) {
    const near = await judgeUniversal(classifier, change, [level(100, 97)], { ...options, seed });
    shares.push(near.counts.byNoise?.value ?? Number.NaN);
    const far = await judgeUniversal(classifier, change, [level(100, 95)], { ...options, seed });
    expect(far.counts.byNoise?.value).toBe(0);
  }
  expect([...new Set(shares)].sort()).toEqual([0, 1]);
});

test("with a target, pictures that have it already do not count", async () => {
  const options = { epsilon: 4 / 255, target: 2, seed: 1, examples: 0, onFailure: () => {} };
  const pictures = [level(0, 250), level(100, 225), level(100, 50)];
  const { counts } = await judgeUniversal(classifier, change, pictures, options);
  expect(counts).toMatchObject({ pictures: 2, to: [{ label: 2, count: 1 }] });
  expect(counts.fooled?.value).toBe(0.5);
  const none = await judgeUniversal(classifier, change, [level(0, 250)], options);
  expect(none.counts).toMatchObject({ pictures: 0, fooled: null, byNoise: null });
});
