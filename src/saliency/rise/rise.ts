/**
 * @file RISE: a pixel matters as much as the class scores on average where random masks leave it visible.
 *
 * Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018, equation 6;
 * presets after the authors' notebook, their paper and TorchRay.
 */
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { throwIfAborted } from "../../errors.ts";
import { countOption, numberOption } from "../../options/option.ts";
import { type ValuesOf, withPresets } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { scoreOf, scoreOption } from "../class-score.ts";
import { defineMethod, type MethodResult, type MethodTask } from "../define-method.ts";
import { fillColor, fillImage, fillOption } from "../fill.ts";
import { type RiseMask, riseMasks } from "./rise-masks.ts";

const settings = withPresets(
  {
    doc: "The numbers of the authors' notebook, of their paper for VGG-16 (for ResNet-50, 8000 masks), or of TorchRay.",
    fallback: "rise",
    presets: {
      rise: {},
      paper: { masks: 4000, cells: 7, probability: 0.5 },
      torchray: { masks: 8000, cells: 7, probability: 0.5, score: "sigmoid" },
    },
  },
  {
    masks: countOption("How many masks.", { fallback: 6000 }),
    cells: countOption("Cells along either axis of a mask's grid.", { min: 2, fallback: 8 }),
    probability: numberOption("The probability that a cell is kept.", { min: 1e-6, max: 1, fallback: 0.1 }),
    score: scoreOption,
    fill: fillOption("mean"),
  },
);

async function explain(
  task: MethodTask<ValuesOf<typeof settings>>,
): Promise<MethodResult<{ readonly meanScore: number; readonly subtracted: number }>> {
  const { classifier, image, label, target, settings, random, batch, signal, onProgress } = task;
  const { height, width } = classifier.input;
  const { masks: count, probability } = settings;
  const masks = riseMasks({ height, width, cells: settings.cells });
  const hidden = fillImage(classifier, image, settings.fill);
  const color = fillColor(classifier, settings.fill);
  const noColor = new Float32Array(classifier.input.channelCount);
  const difference = image.data.map((x, i) => x - hidden[i]);
  const most = Math.min(batch ?? defaultBatch(classifier), count);
  const forward = await classifier.forward({ batch: classifier.prepared.batchFor(most) });
  const inputs = new Float32Array(forward.batch * image.data.length);
  const rows = Array.from({ length: forward.batch }, (_, n) =>
    inputs.subarray(n * image.data.length, (n + 1) * image.data.length),
  );

  const sum = masks.createSum();
  let scores = 0;
  for (let done = 0; done < count; ) {
    throwIfAborted(signal, "rise");
    const drawn: RiseMask[] = [];
    for (let n = 0; n < Math.min(forward.batch, count - done); n++) {
      const mask = masks.draw(random, probability);
      masks.apply(mask, color ?? noColor, difference, rows[n]);
      if (color === undefined) for (let i = 0; i < hidden.length; i++) rows[n][i] += hidden[i];
      drawn.push(mask);
    }
    const logits = await forward.run(rows.slice(0, drawn.length), { signal });
    for (const [n, mask] of drawn.entries()) {
      const score = scoreOf(settings.score, logits[n], label, target);
      scores += score;
      sum.add(mask, score);
    }
    done += drawn.length;
    onProgress({ done, of: count, unit: "masks" });
  }

  const total = sum.total();
  let least = 0;
  for (const value of total) if (value < least) least = value;
  const map = Float32Array.from(total, (value) => (value - least) / (count * probability));
  return {
    map: floatTensor(map, [height, width]),
    evaluations: { forward: count, gradient: 0 },
    details: { meanScore: scores / count, subtracted: least / (count * probability) },
  };
}

/**
 * The RISE map of `image`, [H, W]: (1 / (N·p)) Σ_i f(x ⊙ m_i) m_i, where f is the score of the class (with a target, less the
 * target's). Where that is negative somewhere (logits, a target), the least value is subtracted, which no ranking notices.
 * Masks are drawn in order from `random`, so that the batch changes nothing but time and memory; never more
 * than a batch of them exist at once.
 *
 * Deviation: TorchRay does not divide by p, which is a constant factor, and rounds the sides of enlarged cells up to whole pixels (37 of 224 where
 * they are 36.57 here, as in the authors' code).
 */
export const rise = defineMethod({
  name: "rise",
  title: "RISE",
  source: "Petsiuk, Das and Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018",
  summary: "The average score of the class over random masks that leave a pixel visible.",
  version: 1,
  sees: "scores",
  box: { kind: "energy", alpha: 0.3 },
  settings,
  cost: ({ masks }) => ({ forward: masks, gradient: 0 }),
  explain,
});
