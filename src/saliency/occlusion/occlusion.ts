/**
 * @file Occlusion: a pixel matters as much as the score of the class drops while a square over it is hidden.
 *
 * Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
 */
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { MisuseError, numberIn, throwIfAborted } from "../../errors.ts";
import { countOption, derived } from "../../options/option.ts";
import type { ValuesOf } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { scoreOf, scoreOption } from "../class-score.ts";
import { defineMethod, type MethodResult, type MethodTask } from "../define-method.ts";
import { fillImage, fillOption } from "../fill.ts";

const settings = {
  patch: countOption("Height and width of the square, in pixels; at most the image's shorter side.", {
    fallback: derived("a seventh of the image's shorter side"),
  }),
  stride: countOption("Pixels from one position of the square to the next, at most `patch`.", {
    fallback: derived("a quarter of `patch`"),
  }),
  score: scoreOption,
  fill: fillOption("mean"),
};

type Given = ValuesOf<typeof settings>;
type Settings = Given & { readonly patch: number; readonly stride: number };

/** Throws a MisuseError for a square that does not fit into the image, or that leaves pixels out. */
export function completeOcclusion(
  given: Given,
  { input: { height, width } }: { readonly input: { height: number; width: number } },
): Settings {
  const side = Math.min(height, width);
  const { patch: wanted = Math.max(1, Math.round(side / 7)) } = given;
  const patch = numberIn("occlusion: patch", wanted, { min: 1, max: side, integer: true });
  const { stride = Math.max(1, Math.round(patch / 4)) } = given;
  if (stride <= patch) return { ...given, patch, stride };
  throw new MisuseError({
    where: "occlusion: stride",
    what: "squares that far apart leave pixels out",
    expected: `at most the patch, ${patch}`,
    got: String(stride),
  });
}

/** The part of one axis that a square hides: [from, to). */
interface Interval {
  readonly from: number;
  readonly to: number;
}

interface Square {
  readonly x: Interval;
  readonly y: Interval;
}

/** All positions of a square along an axis, those included where part of it is outside: pixels at the edge count as others do. */
export function occlusionIntervals(
  extent: number,
  { patch, stride }: { readonly patch: number; readonly stride: number },
): Interval[] {
  const intervals: Interval[] = [];
  for (let start = stride - patch; start < extent; start += stride) {
    intervals.push({ from: Math.max(0, start), to: Math.min(extent, start + patch) });
  }
  return intervals;
}

/** All positions of the square over an image. */
function squaresOver(
  { height, width }: { readonly height: number; readonly width: number },
  settings: Settings,
): Square[] {
  const columns = occlusionIntervals(width, settings);
  return occlusionIntervals(height, settings).flatMap((y) => columns.map((x) => ({ x, y })));
}

async function explain(
  task: MethodTask<Settings>,
): Promise<MethodResult<{ readonly cleanScore: number; readonly largestDrop: number }>> {
  const { classifier, image, label, target, settings, batch, signal, onProgress } = task;
  const { height, width } = classifier.input;
  const clean = await task.classify();
  const cleanScore = scoreOf(settings.score, clean.logits, label, target);
  const hidden = fillImage(classifier, image, settings.fill);
  const squares = squaresOver(classifier.input, settings);
  const most = Math.min(batch ?? defaultBatch(classifier), squares.length);
  const forward = await classifier.forward({ batch: classifier.prepared.batchFor(most) });

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
    onProgress({ done, of: squares.length, unit: "squares" });
  }
  const map = Float32Array.from(drops, (drop, i) => Math.max(0, drop / covers[i]));
  return {
    map: floatTensor(map, [height, width]),
    evaluations: { forward: squares.length, gradient: 0 },
    details: { cleanScore, largestDrop: largest },
  };
}

/** The image with `hidden` inside of the square. */
function withSquare(
  image: Float32Array,
  hidden: Float32Array,
  { x, y }: Square,
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

/**
 * The occlusion map of `image`, [H, W]: at each pixel, the mean over the squares that cover it of the drop in the score of the
 * class (with a target, of the score less the target's), and 0 where that is negative. Deterministic.
 *
 * Deviation: the paper plots the score over the position of the square; here the drop is handed to the pixels that were hidden.
 */
export const occlusion = defineMethod({
  name: "occlusion",
  title: "Occlusion",
  source: "Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014",
  summary: "How far the score of the class drops while a square over the pixel is hidden.",
  version: 1,
  sees: "scores",
  box: { kind: "percent", k: 30 },
  settings,
  complete: completeOcclusion,
  classifies: true,
  cost: (settings, { input }) => ({ forward: squaresOver(input, settings).length, gradient: 0 }),
  explain,
});
