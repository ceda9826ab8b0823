import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { smallImages, smallNetwork } from "../../../test/small-network.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { AbortedError } from "../../errors.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { changeInBytes, mostLevels, type UniversalState, universalPerturbation } from "./universal-perturbation.ts";

/** logits = (x₀ − x₁, x₁ − x₀): all pictures agree on the direction that takes them over. */
const linear = createClassifier(
  parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    linear (float[N, 1, 1, 3] x) => (float[N, 2] logits)
    <float[2, 3] W = {1, -1, 0, -1, 1, 0}> { f = Flatten (x)  logits = Gemm <transB = 1> (f, W) }`),
  { runtime: ort, preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" } },
);
const small = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => Promise.all([linear.dispose(), small.dispose()]));

const pixels = (...values: number[]) => floatTensor(values, [1, 1, 3]);
const given = (...images: ReturnType<typeof pixels>[]) => images.map((image) => async () => image);

describe("on a linear classifier", () => {
  const pictures = given(pixels(0.6, 0.5, 0.1), pixels(0.55, 0.5, 0.9), pixels(0.7, 0.62, 0.5));

  test("the change is the corner of the box that takes all over, and the element that decides nothing stays", async () => {
    const { perturbation, fooled } = await universalPerturbation(linear, pictures, {
      epsilon: 0.1,
      epochs: 12,
      batch: 2,
    });
    expect(perturbation.data[0]).toBeCloseTo(-0.1, 6);
    expect(perturbation.data[1]).toBeCloseTo(0.1, 6);
    expect(perturbation.data[2]).toBe(0);
    expect(fooled).toHaveLength(12);
    expect(fooled.at(-1)).toBe(1);
  });

  test("a target is reached from either side, and what is black already is not pushed further", async () => {
    const both = given(pixels(0.5, 0.45, 0.3), pixels(0.4, 0.5, 0.3));
    const zero = await universalPerturbation(linear, both, { epsilon: 0.2, epochs: 10, target: 0 });
    expect([...zero.perturbation.data].map(Math.sign)).toEqual([1, -1, 0]);
    expect(zero.fooled.at(-1)).toBe(1);
    // The first pixel cannot get any darker: after the first step its gradient counts no more.
    const black = given(pixels(0, 0.3, 0.5));
    const dark = await universalPerturbation(linear, black, { epsilon: 0.2, epochs: 4, target: 1, stepSize: 0.01 });
    expect(dark.perturbation.data[0]).toBeCloseTo(-0.01, 6);
    expect(dark.perturbation.data[1]).toBeGreaterThan(0.02);
  });

  test("inside of a mask only, and a mask that is none is refused", async () => {
    const options = { epsilon: 0.1, epochs: 6, batch: 2 };
    const held = await universalPerturbation(linear, pictures, {
      ...options,
      mask: floatTensor([0, 1, 1], [1, 3]),
    });
    expect([...held.perturbation.data].map((x) => Math.abs(x) < 1e-12)).toEqual([true, false, true]);
    for (const mask of [floatTensor([0, 0, 0], [1, 3]), floatTensor([0, 0.5, 1], [1, 3]), floatTensor([1, 1], [1, 2])])
      await expect(universalPerturbation(linear, pictures, { ...options, mask })).rejects.toThrow(
        "universalPerturbation: mask",
      );
  });

  test("a picture whose loss is beyond the clamp counts no further", async () => {
    const lost = given(pixels(1, 0.9, 0.5), pixels(0, 0.05, 0.5));
    // At the clamp of almost 0 every picture is beyond it: nothing moves.
    const none = await universalPerturbation(linear, lost, { epochs: 3, clamp: 1e-9 });
    expect([...none.perturbation.data]).toEqual([0, 0, 0]);
  });
});

test("going on after an epoch gives what one run gives", async () => {
  const images = smallImages.map((image) => async () => image);
  const options = { epsilon: 0.08, epochs: 4, batch: 3, seed: 5 };
  const states: UniversalState[] = [];
  const whole = await universalPerturbation(small, images, { ...options, onEpoch: (state) => void states.push(state) });
  expect(states.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
  const resumed = await universalPerturbation(small, images, { ...options, from: states[1] });
  expect(resumed.perturbation.data).toEqual(whole.perturbation.data);
  expect(resumed.fooled).toEqual(whole.fooled);
  const finished = await universalPerturbation(small, images, { ...options, from: states[3] });
  expect(finished.perturbation.data).toEqual(whole.perturbation.data);
  const other = await universalPerturbation(small, images, { ...options, seed: 6 });
  expect(other.perturbation.data).not.toEqual(whole.perturbation.data);
  const controller = new AbortController();
  const aborted = universalPerturbation(small, images, {
    ...options,
    signal: controller.signal,
    onProgress: ({ done }) => done === 2 && controller.abort(),
  });
  await expect(aborted).rejects.toThrow(AbortedError);
});

test("in bytes a change stays within its radius", () => {
  const change = floatTensor([0.04, -0.04, 0.0199, -0.002, 0], [1, 1, 5]);
  const levels = [...changeInBytes(change, 10 / 255).data].map((x) => Math.round(255 * x));
  expect(levels).toEqual([10, -10, 5, -1, 0]);
  expect([...changeInBytes(change, 0.038).data].map((x) => 255 * x)[0]).toBeCloseTo(9, 5);
  expect([mostLevels(8 / 255), mostLevels(8.99 / 255), mostLevels(1 / 255)]).toEqual([8, 8, 1]);
});

test("what cannot be meant is refused", async () => {
  const images = smallImages.map((image) => async () => image);
  const attempt = (options: object) => universalPerturbation(small, images, options);
  await expect(attempt({ epsilon: 0 })).rejects.toThrow("universalPerturbation: epsilon");
  await expect(attempt({ epochs: 0 })).rejects.toThrow("epochs");
  await expect(attempt({ target: 4 })).rejects.toThrow("target");
  await expect(attempt({ clamp: 0 })).rejects.toThrow("clamp");
  await expect(attempt({ epoch: 3 })).rejects.toThrow('Did you mean "epochs"?');
  await expect(universalPerturbation(small, [])).rejects.toThrow("there are no pictures to learn from");
});
