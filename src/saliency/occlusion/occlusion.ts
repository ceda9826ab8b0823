/**
 * @file Occlusion: a pixel matters as much as the score of the class drops while a square over it is hidden.
 *
 * Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { checkKeys, MisuseError, numberIn, oneOf, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type ClassScore, checkContrast, classScores, scoreOf } from "../class-score.ts";
import { type Fill, fillImage, fills } from "../fill.ts";
import type { Explanation, MethodOptions, SaliencyMethod } from "../method.ts";

export interface OcclusionSettings {
  /** Height and width of the square, in pixels. Default: a seventh of the image's shorter side (32 of 224). */
  readonly patch: number;
  /** Pixels from one position to the next, at most `patch`. Default: a quarter of it. */
  readonly stride: number;
  /** Default `probability`. */
  readonly score: ClassScore;
  /** What the square shows. Default `mean`. */
  readonly fill: Fill;
}

const settingKeys = ["patch", "stride", "score", "fill"] as const satisfies readonly (keyof OcclusionSettings)[];

/** The settings that `given` stand for on images of the given size; throws a MisuseError for settings that cannot be meant. */
export function occlusionSettings(
  given: Readonly<Record<string, unknown>> = {},
  { height, width }: { readonly height: number; readonly width: number },
): OcclusionSettings {
  checkKeys("occlusion", given, settingKeys);
  const side = Math.min(height, width);
  const patch = numberIn("occlusion: patch", given.patch ?? Math.max(1, Math.round(side / 7)), {
    min: 1,
    max: side,
    integer: true,
  });
  const stride = numberIn("occlusion: stride", given.stride ?? Math.max(1, Math.round(patch / 4)), {
    min: 1,
    integer: true,
  });
  if (stride > patch) {
    throw new MisuseError({
      where: "occlusion: stride",
      what: "squares that far apart leave pixels out",
      expected: `at most the patch, ${patch}`,
      got: String(stride),
    });
  }
  return {
    patch,
    stride,
    score: oneOf("occlusion: score", given.score ?? "probability", classScores),
    fill: oneOf("occlusion: fill", given.fill ?? "mean", fills),
  };
}

/** The part of one axis that a square hides: [from, to). */
interface Interval {
  readonly from: number;
  readonly to: number;
}

/** All positions of a square along an axis, those included where part of it is outside: pixels at the edge count as others do. */
export function occlusionIntervals(
  extent: number,
  { patch, stride }: Pick<OcclusionSettings, "patch" | "stride">,
): Interval[] {
  const intervals: Interval[] = [];
  for (let start = stride - patch; start < extent; start += stride) {
    intervals.push({ from: Math.max(0, start), to: Math.min(extent, start + patch) });
  }
  return intervals;
}

/**
 * The occlusion map of `image`, [H, W]: at each pixel, the mean over the squares that cover it of the drop in the score of the
 * class (with a target, of the score less the target's), and 0 where that is negative. Deterministic.
 *
 * Deviation: the paper plots the score over the position of the square; here the drop is handed to the pixels that were hidden.
 */
export async function occlusionSaliency(
  classifier: Classifier,
  image: ImageTensor,
  { label: given, target, batch, settings: options, signal, onProgress }: MethodOptions = {},
): Promise<Explanation> {
  const { height, width } = classifier.input;
  const settings = occlusionSettings(options, { height, width });
  checkContrast("occlusion", classifier, given, target);
  const clean = await classifier.classify(image, { signal });
  const label = given ?? clean.label;
  checkContrast("occlusion", classifier, label, target);
  const cleanScore = scoreOf(settings.score, clean.logits, label, target);
  const hidden = fillImage(classifier, image, settings.fill);
  const columns = occlusionIntervals(width, settings);
  const squares = occlusionIntervals(height, settings).flatMap((y) => columns.map((x) => ({ x, y })));
  const wanted = numberIn("occlusion: batch", batch ?? defaultBatch(classifier), { min: 1, integer: true });
  const forward = await classifier.forward({ batch: classifier.prepared.batchFor(Math.min(wanted, squares.length)) });

  const drops = new Float64Array(height * width);
  const covers = new Float64Array(height * width);
  let largest = -Infinity;
  for (let done = 0; done < squares.length; ) {
    throwIfAborted(signal, "occlusion");
    const some = squares.slice(done, done + forward.batch);
    const images = some.map((square) => withSquare(image.data, hidden, square, height, width));
    const logits = await forward.run(images, { signal });
    for (const [n, { x, y }] of some.entries()) {
      const drop = cleanScore - scoreOf(settings.score, logits[n], label, target);
      if (drop > largest) largest = drop;
      for (let i = y.from; i < y.to; i++) {
        for (let j = x.from; j < x.to; j++) {
          drops[i * width + j] += drop;
          covers[i * width + j]++;
        }
      }
    }
    done += some.length;
    onProgress?.({ done, of: squares.length });
  }
  const map = Float32Array.from(drops, (drop, i) => Math.max(0, drop / covers[i]));
  return {
    map: floatTensor(map, [height, width]),
    label,
    evaluations: { forward: squares.length + 1, gradient: 0 },
    settings: { ...settings },
    details: { cleanScore, largestDrop: largest },
  };
}

/** The image with `hidden` inside of the square. */
function withSquare(
  image: Float32Array,
  hidden: Float32Array,
  { x, y }: { readonly x: Interval; readonly y: Interval },
  height: number,
  width: number,
): Float32Array {
  const result = image.slice();
  for (let plane = 0; plane < image.length; plane += height * width) {
    for (let i = y.from; i < y.to; i++) {
      const row = plane + i * width;
      result.set(hidden.subarray(row + x.from, row + x.to), row + x.from);
    }
  }
  return result;
}

/** {@link occlusionSaliency} as a method of the registry. */
export const occlusionMethod: SaliencyMethod = {
  name: "occlusion",
  title: "Occlusion",
  source: "Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014",
  summary: "How far the score of the class drops while a square over the pixel is hidden.",
  version: 1,
  check(classifier, { target, settings }) {
    occlusionSettings(settings, classifier.input);
    checkContrast("occlusion", classifier, undefined, target);
  },
  explain: occlusionSaliency,
};
