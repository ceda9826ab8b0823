import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { watchClassifier } from "../../classifier/watch-classifier.ts";
import { deepFool } from "../../saliency/perturbations/deepfool.ts";
import { perceptual } from "../../saliency/perturbations/perceptual.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { ExplanationRun } from "./explain-picture.ts";
import { searchFrames, searchRecorder } from "./search-frames.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());
const image = tinyImage(6);

test("what a search evaluates is seen in order, and the map is the same as without", async () => {
  const runs: readonly ExplanationRun[] = [{ method: perceptual, settings: { evaluations: 14 } }, { method: deepFool }];
  for (const { method, settings = {} } of runs) {
    const recorder = searchRecorder();
    const watched = watchClassifier(classifier, recorder.see);
    const explanation = await method.explain(watched, image, settings);
    expect(explanation.map).toEqual((await method.explain(classifier, image, settings)).map);
    const { steps, evaluations } = recorder.take();
    expect(evaluations).toBeGreaterThan(1);
    expect(evaluations).toBeLessThanOrEqual(explanation.evaluations.gradient);
    expect(steps.map(({ evaluation }) => evaluation)).toEqual(steps.map((_, n) => n + 1));
    const { label, confidence } = await classifier.classify(floatTensor(steps[1].image, image.shape));
    expect(steps[1].label).toBe(label);
    expect(steps[1].confidence).toBeCloseTo(confidence, 4);
    // It begins anew.
    expect(recorder.take()).toEqual({ steps: [], evaluations: 0 });
  }
});

test("of a long search at most so many steps are kept, at equal distances", () => {
  const recorder = searchRecorder({ most: 8 });
  const logits = Float32Array.of(1, 0);
  for (let n = 0; n < 100; n++) {
    recorder.see([
      { pass: "objective", image: Float32Array.of(n), logits },
      // What came out is looked at as well, which is no step.
      { pass: "forward", image: Float32Array.of(-1), logits },
    ]);
  }
  const { steps, evaluations } = recorder.take();
  expect(evaluations).toBe(100);
  expect(steps.map(({ evaluation }) => evaluation)).toEqual([1, 17, 33, 49, 65, 81, 97]);
  expect(steps.map((step) => step.image[0])).toEqual([0, 16, 32, 48, 64, 80, 96]);
});

test("frames: the picture and its change by one factor, what the network says, and last what was found", () => {
  const clean = floatTensor(new Float32Array(3 * 4 * 4).fill(0.5), [3, 4, 4]);
  const moved = (by: number): Float32Array => clean.data.map((x) => x + by);
  const steps = [0, 0.024, 0.04].map((by, n) => ({ evaluation: n + 1, image: moved(by), label: n, confidence: 0.5 }));
  const frames = searchFrames({
    search: { steps, evaluations: 3 },
    clean,
    found: floatTensor(moved(0.05), clean.shape),
    foundLabel: { index: 2, name: "lynx, catamount", confidence: 0.75 },
    labelName: (index) => ["<a>", "b", "c"][index] ?? "",
  });
  expect(frames).toHaveLength(4);
  // 320 / 4 is 80: whole pixels, 320 wide, with 8 between.
  const [{ picture }] = frames;
  expect([picture.width, picture.height]).toEqual([648, 320]);
  const at = (n: number, x: number): number => frames[n].picture.data[3 * (10 * 648 + x)];
  expect([0, 1, 2, 3].map((n) => at(n, 10))).toEqual([0.5, 0.524, 0.54, 0.55].map((x) => Math.round(255 * x)));
  // 10 times 0.05 is a half.
  expect([0, 1, 2, 3].map((n) => at(n, 400))).toEqual([0.5, 0.74, 0.9, 1].map((x) => Math.round(255 * x)));
  const words = frames.map(({ caption }) => Array.from(caption.matchAll(/<text[^>]*>([^<]*)</g), ([, text]) => text));
  expect(words[0]).toEqual(["&lt;a&gt; 50 %", "evaluation 1 of 3", "change × 10"]);
  expect(words[3]).toEqual(["lynx 75 %", "found", "change × 10"]);
  // The map of another method's perturbation has no search of its own.
  const none = { search: { steps: steps.slice(1, 2), evaluations: 1 }, clean, found: clean };
  expect(searchFrames({ ...none, foundLabel: { index: 0, name: "", confidence: 1 }, labelName: String })).toEqual([]);
});
