import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { tinyClassifier } from "../../test/tiny-classifier.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { createClassifier } from "./classifier.ts";
import { type Look, watchClassifier } from "./watch-classifier.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort });
const image = floatTensor(
  Float32Array.from({ length: 1728 }, (_, i) => ((i * 37) % 101) / 101),
  [3, 24, 24],
);
afterAll(() => classifier.dispose());

test("every pass shows its images, in pixels, and says what it says without being watched", async () => {
  const seen: Look[] = [];
  const watched = watchClassifier(classifier, (looks) => {
    seen.push(...looks);
  });
  const seed = new Float32Array(classifier.classCount).fill(1);
  const run = async (from: typeof classifier) => {
    const forward = await (await from.forward()).run([image.data]);
    const back = await (await from.backward({ of: "logits" })).run([{ image: image.data, seed }]);
    const margin = await (await from.marginGradients()).run([{ image: image.data, classIndex: 1 }]);
    const options = { layers: from.layers.slice(0, 1), space: "network" } as const;
    const [reference] = await (await from.references(options)).run([image.data]);
    const problem = {
      ...{ reference, classIndex: 1, marginTarget: -1, marginWeight: 1 },
      ...{ layerWeights: [1], distanceWeight: 1 },
    };
    const objective = await (await from.objective(options)).run([{ image: image.data, problem }]);
    return { forward, back, margin, objective };
  };
  const plain = await run(classifier);
  expect(seen).toEqual([]);
  expect(await run(watched)).toEqual(plain);
  expect(seen.map(({ pass }) => pass)).toEqual(["forward", "backward", "margin", "objective"]);
  expect(seen.slice(0, 3).every((look) => look.image === image.data)).toBe(true);
  expect(seen[0].logits).toEqual(plain.forward[0]);
  const { mean, std, scale } = classifier.input;
  // Whatever the normalization is, the pixels that were seen are those that it makes the given numbers of.
  const [first] = seen[3].image;
  expect((first * Number(scale) - mean[0]) / std[0]).toBeCloseTo(image.data[0], 4);
});

test("a search waits for whoever watches, and ends with their error", async () => {
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const held = watchClassifier(classifier, () => gate);
  let isDone = false;
  const run = (await held.forward()).run([image.data]).then(() => {
    isDone = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isDone).toBe(false);
  open();
  await run;
  expect(isDone).toBe(true);
  const refused = watchClassifier(classifier, () => Promise.reject(new Error("enough")));
  await expect((await refused.forward()).run([image.data])).rejects.toThrow("enough");
});
