import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { smallImages, smallNetwork, smallTasks, watched } from "../../../test/small-network.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { dot, largestDifference } from "../../tensor/vector.ts";
import { drawPlacement, place, placeBack } from "./diverse-input.ts";
import { miFgsm, miFgsmSearch } from "./mi-fgsm.ts";

// Written by test/fixtures/attacks/transfer.py.
const golden = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../test/fixtures/attacks/transfer.json"), "utf8"),
) as {
  readonly runs: Readonly<
    Record<string, readonly { readonly draws: readonly number[]; readonly point: readonly number[] }[]>
  >;
};
const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => classifier.dispose());

test.each(Object.keys(golden.runs))("torchattacks finds the same, diversity and kernel %s", async (name) => {
  const [diversity, kernel] = name.split(" ").map(Number);
  const theirs = golden.runs[name];
  const settings = { epsilon: 8 / 255, steps: 6, stepSize: 2 / 255, momentum: 1, diversity, leastSize: 0.5, kernel };
  const all = await smallTasks(classifier, 5, (n) => {
    let next = 0;
    const { draws } = theirs[[1, 2, 4].indexOf(n)] ?? { draws: [] };
    return () => draws[next++];
  });
  const tasks = [1, 2, 4].map((n) => all[n]);
  const runs = await watched(
    classifier,
    tasks.map((task) => miFgsmSearch(task, settings, 4)),
  );
  for (const [n, { seen, found }] of runs.entries()) {
    expect(seen.length).toBe(6);
    expect(largestDifference(found.point, Float32Array.from(theirs[n].point))).toBeLessThan(1e-6);
  }
});

test("placing back is the adjoint of placing, and places are inside the image", () => {
  const random = createRandom(3);
  const shape = [2, 9, 7] as const;
  const noise = () => Float32Array.from({ length: 2 * 9 * 7 }, () => random() - 0.5);
  for (let n = 0; n < 50; n++) {
    const placement = drawPlacement(shape, 0.4, 1, random);
    if (placement === undefined) throw new Error("a place was asked for");
    const { height, width, top, left } = placement;
    expect(top + height).toBeLessThanOrEqual(9);
    expect(left + width).toBeLessThanOrEqual(7);
    expect(Math.min(height, width, top + 1, left + 1)).toBeGreaterThan(0);
    const [image, cotangent] = [noise(), noise()];
    const [placed, back] = [noise(), noise()];
    place(image, shape, placement, placed);
    placeBack(cotangent, shape, placement, back);
    expect(dot(placed, cotangent)).toBeCloseTo(dot(image, back), 5);
  }
  expect(drawPlacement(shape, 0.4, 0, random)).toBeUndefined();
});

test("it stays in the ball and inside of a mask, and refuses diverse inputs there", async () => {
  const mask = floatTensor(
    Float32Array.from({ length: 64 }, (_, i) => Number(i % 8 < 5)),
    [8, 8],
  );
  const { raw } = await miFgsm.attack(classifier, smallImages[2], { mask, kernel: 3, epsilon: 0.05 });
  expect(raw.distances.linf).toBeLessThan(0.05 + 1e-6);
  const changed = [...raw.image.data].flatMap((x, i) => (x === smallImages[2].data[i] ? [] : [i % 8]));
  expect(changed.length).toBeGreaterThan(50);
  expect(Math.max(...changed)).toBeLessThan(5);
  await expect(miFgsm.attack(classifier, smallImages[2], { mask, diversity: 0.5 })).rejects.toThrow(
    "mi-fgsm: diversity: inputs that are moved have pixels outside of the mask",
  );
  await expect(miFgsm.attack(classifier, smallImages[2], { leastSize: 1 })).rejects.toThrow("mi-fgsm: leastSize");
});
