/** @file What a network says of an image of which only some superpixels are shown. */
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { throwIfAborted } from "../../errors.ts";
import { countOption, numberOption, wordOption } from "../../options/option.ts";
import type { ValuesOf } from "../../options/schema.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import { scoreOf, scoreOption } from "../class-score.ts";
import type { MethodTask } from "../define-method.ts";
import { fillImage, fills } from "../fill.ts";
import type { SaliencyMap } from "../saliency-map.ts";
import { gridSuperpixels, type Superpixels, slic } from "./slic.ts";

const hiddenFills = ["superpixel", ...fills] as const;

/** The settings of methods that hide superpixels. */
export function superpixelSettings<const F extends (typeof hiddenFills)[number]>(fill: F) {
  return {
    segments: countOption("At most how many superpixels.", { min: 2, fallback: 50 }),
    shape: wordOption(
      "What the superpixels are: parts of similar color by SLIC, or cells of a grid.",
      ["slic", "grid"],
      {
        fallback: "slic",
      },
    ),
    compactness: numberOption("How much SLIC's superpixels are squares.", { above: 0, fallback: 10 }),
    score: scoreOption,
    fill: wordOption(
      "What hidden superpixels show: their own mean color, the color that the network sees as zero, gray, black, or the image itself, blurred.",
      hiddenFills,
      { fallback: fill },
    ),
  };
}

type Settings = ValuesOf<ReturnType<typeof superpixelSettings<"mean">>>;

/** An image whose superpixels can be hidden. */
export interface HiddenSuperpixels {
  readonly superpixels: Superpixels;
  /**
   * Calls `take` with the score for each of `count` choices of superpixels, in order; `choose` writes a choice: 1 for those that are shown, 0
   * for those that are hidden. The scores do not depend on the batch, up to rounding.
   */
  scores(
    count: number,
    choose: (index: number, shown: Uint8Array) => void,
    take: (index: number, score: number, shown: Uint8Array) => void,
  ): Promise<void>;
  /** The map that has the positive part of a superpixel's value at each of its pixels. */
  paint(values: ArrayLike<number>): SaliencyMap;
}

/** The task's image with its superpixels. */
export function hideSuperpixels(task: MethodTask<Settings>): HiddenSuperpixels {
  const { classifier, image, label, target, settings, batch, signal, onProgress } = task;
  const [channels, height, width] = image.shape;
  const plane = height * width;
  const superpixels =
    settings.shape === "grid" ? gridSuperpixels(image.shape, settings.segments) : slic(image, settings);
  const { labels, count: parts } = superpixels;
  const hidden =
    settings.fill === "superpixel" ? meanColors(image, superpixels) : fillImage(classifier, image, settings.fill);
  return {
    superpixels,
    async scores(count, choose, take) {
      const most = Math.min(batch ?? defaultBatch(classifier), count);
      const forward = await classifier.forward({ batch: classifier.prepared.batchFor(most) });
      const rows = Array.from({ length: forward.batch }, () => new Float32Array(image.data.length));
      const choices = rows.map(() => new Uint8Array(parts));
      for (let done = 0; done < count; ) {
        throwIfAborted(signal, "explain");
        const some = Math.min(forward.batch, count - done);
        for (let n = 0; n < some; n++) {
          choose(done + n, choices[n]);
          for (let c = 0; c < channels; c++) {
            for (let i = 0; i < plane; i++) {
              const k = c * plane + i;
              rows[n][k] = choices[n][labels[i]] === 1 ? image.data[k] : hidden[k];
            }
          }
        }
        const logits = await forward.run(rows.slice(0, some), { signal });
        for (const [n, one] of logits.entries()) {
          take(done + n, scoreOf(settings.score, one, label, target), choices[n]);
        }
        done += some;
        onProgress({ done, of: count, unit: "images" });
      }
    },
    paint: (values) =>
      floatTensor(
        Float32Array.from(labels, (k) => Math.max(0, values[k])),
        [height, width],
      ),
  };
}

/** An image [C, H, W], flat, in which each superpixel has its mean color. */
function meanColors(
  { data, shape: [channels, height, width] }: FloatTensor,
  { labels, count }: Superpixels,
): Float32Array {
  const plane = height * width;
  const sizes = new Float64Array(count);
  for (const k of labels) sizes[k]++;
  const result = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) {
    const sums = new Float64Array(count);
    for (const [i, k] of labels.entries()) sums[k] += data[c * plane + i];
    for (const [i, k] of labels.entries()) result[c * plane + i] = sums[k] / sizes[k];
  }
  return result;
}
