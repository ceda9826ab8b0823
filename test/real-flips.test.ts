import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { perceptual } from "../src/attacks/perceptual/perceptual.ts";
import type { Classifier } from "../src/classifier/classifier.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { readImageFile } from "../src/node/pictures/read-image.ts";
import { type FloatTensor, floatTensor } from "../src/tensor/tensor.ts";
import { given } from "./given.ts";
import { realData, realDataTitle, realModels } from "./real-data.ts";

/** Pictures per network; a few for a quick run, PERCEPTUAL_BALL_PICTURES=100 for the measurement. */
const wanted = Number(process.env.PERCEPTUAL_BALL_PICTURES ?? 4);

async function* pictures(classifier: Classifier): AsyncGenerator<{ image: FloatTensor; label: number }> {
  if (classifier.classCount === 10) {
    const records = readFileSync(join(given(realData), "cifar10/test_batch.bin"));
    for (let start = 0; start < records.length; start += 3073) {
      const pixels = Float32Array.from(records.subarray(start + 1, start + 3073), (byte) => byte / 255);
      yield { image: floatTensor(pixels, [3, 32, 32]), label: records[start] };
    }
    return;
  }
  const lines = readFileSync(join(given(realData), "imagenet/val.txt"), "utf8")
    .trim()
    .split("\n");
  for (const [name, label] of lines.map((line) => line.split(" "))) {
    const picture = await readImageFile(join(given(realData), "imagenet/images", name));
    yield { image: classifier.fit(picture), label: Number(label) };
  }
}

describe.skipIf(realData === undefined)(`the automatic preset, ${realDataTitle}`, () => {
  test.each(realModels)(
    "$name: the label of correctly classified pictures flips within 52 evaluations, and stays flipped in 8 bits, with no option given",
    async ({ name, preprocessing }) => {
      const classifier = await loadClassifier(join(given(realData), "models", `${name}.onnx`), {
        runtime: ort,
        preprocessing,
      });
      let [tried, flipped, kept, most] = [0, 0, 0, 0];
      for await (const { image, label } of pictures(classifier)) {
        if (tried === wanted) break;
        if ((await classifier.classify(image)).label !== label) continue;
        const result = await perceptual.attack(classifier, image, { preset: "auto", distanceLayers: "search" });
        tried++;
        if (result.outcome === "flipped") {
          flipped++;
          expect(result.raw.label).not.toBe(label);
          expect((await classifier.classify(result.raw.image)).label).toBe(result.raw.label);
        }
        if (result.rounded.success) {
          kept++;
          const bytes = result.rounded.image.data.map((x) => Math.round(255 * x) / 255);
          expect((await classifier.classify(floatTensor(bytes, image.shape))).label).not.toBe(label);
        }
        most = Math.max(most, result.cost.forward + result.cost.gradient);
      }
      await classifier.dispose();
      process.stdout.write(`${name}: ${flipped} of ${tried} flipped, ${kept} in 8 bits, at most ${most} evaluations\n`);
      expect(flipped).toBeGreaterThanOrEqual(Math.ceil(0.95 * tried));
      expect(kept).toBeGreaterThanOrEqual(Math.ceil(0.95 * tried));
      expect(most).toBeLessThanOrEqual(52);
    },
    3_600_000,
  );
});
