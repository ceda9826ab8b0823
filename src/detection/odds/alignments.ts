/**
 * @file How noise moves an image's logits: what the test of Roth, Kilcher & Hofmann, "The Odds are Odd" (ICML 2019), measures.
 *
 * With f the logits, y the predicted class of the image x and a another class, the alignment of noise η with class a is
 *
 *     g_a = [f_y − f_a](x) − [f_y − f_a](x + η),
 *
 * positive where noise moves the image toward a. It is the paper's product of a difference of features with a difference of
 * weight vectors of the last layer, for which logits suffice: the bias cancels.
 */

import { classificationOf } from "../../classifier/logits.ts";
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import { numberIn } from "../../errors.ts";
import { addNoise, type NoiseKind, noiseWords } from "./noise.ts";

/** An image with a name, which its noise is drawn for. */
export interface NamedImage {
  readonly id: string;
  /** Flat [C, H, W], pixels in [0, 1]. */
  readonly pixels: Float32Array;
}

/** Mean and spread of the alignments of one image over the noise seen so far; it grows by {@link extendAlignments}. */
export interface Alignments {
  readonly image: NamedImage;
  readonly kinds: readonly NoiseKind[];
  /** The predicted class; −1 before the first run. */
  label: number;
  /** The logits of the image itself; empty before the first run. */
  logits: Float32Array;
  /** Samples seen of each kind. */
  samples: number;
  /** [kinds, K]: the mean alignment; 0 at the predicted class. */
  mean: Float64Array;
  /** [kinds, K]: the sum of squared deviations from the mean, of the samples, or of the means of pairs of them. */
  squares: Float64Array;
  /** Whether samples come in pairs of opposite noise; then {@link squares} is a sum over pairs. */
  readonly antithetic: boolean;
}

/**
 * Alignments of `image` for which nothing has been run.
 *
 * With `antithetic`, samples come in pairs of opposite noise, η and −η. Each is distributed as if it were alone, so the mean
 * estimates the same; but what is linear in the noise cancels within a pair, which is most of the spread, so that far fewer samples do.
 * Deviation: the released code draws all samples independently, which is the default.
 */
export function emptyAlignments(image: NamedImage, kinds: readonly NoiseKind[], antithetic = false): Alignments {
  const none = new Float64Array(0);
  return { image, kinds, label: -1, logits: new Float32Array(0), samples: 0, mean: none, squares: none, antithetic };
}

/** How many independent units the squares are a sum over: samples, or pairs of them. */
export function unitsOf({ samples, antithetic }: Pick<Alignments, "samples" | "antithetic">): number {
  return antithetic ? samples / 2 : samples;
}

export interface ExtendOptions {
  /** Seed of the noise. */
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Called after each run with the number of images that it held. */
  readonly onRun?: (rows: number) => void;
}

/**
 * Runs the network on noisy copies of the images until each has seen `samples` of every kind, and adds what it says to
 * `alignments` (in place). The copies of all images share the batches, and only running sums are kept. An image that has not been
 * run before is run once without noise as well. The mean and the squares are Welford's, in the order of the samples.
 */
export async function extendAlignments(
  pass: ForwardPass,
  alignments: readonly Alignments[],
  samples: number,
  { seed, signal, onRun }: ExtendOptions,
): Promise<void> {
  if (alignments.length === 0) return;
  const size = alignments[0].image.pixels.length;
  const block = new Float32Array(pass.batch * size);
  const rows = Array.from({ length: pass.batch }, (_, n) => block.subarray(n * size, (n + 1) * size));
  const waiting: ((logits: Float32Array) => void)[] = [];
  const run = async (): Promise<void> => {
    const results = await pass.run(rows.slice(0, waiting.length), { signal });
    for (const [n, receive] of waiting.entries()) receive(results[n]);
    onRun?.(waiting.length);
    waiting.length = 0;
  };
  for (const entry of alignments) {
    const { image, kinds, antithetic } = entry;
    if (antithetic) numberIn("extendAlignments: half of the samples, in pairs", samples / 2, { min: 1, integer: true });
    if (entry.samples === 0) {
      rows[waiting.length].set(image.pixels);
      waiting.push((logits) => begin(entry, logits));
      if (waiting.length === pass.batch) await run();
    }
    for (const [k, kind] of kinds.entries()) {
      for (let sample = entry.samples; sample < samples; sample++) {
        const isOpposite = antithetic && sample % 2 === 1;
        const words = noiseWords(seed, image.id, kind, isOpposite ? sample - 1 : sample);
        addNoise(rows[waiting.length], image.pixels, kind, words, isOpposite ? -1 : 1);
        waiting.push((logits) => add(entry, k, sample, logits));
        if (waiting.length === pass.batch) await run();
      }
    }
  }
  if (waiting.length > 0) await run();
  for (const entry of alignments) entry.samples = Math.max(entry.samples, samples);
}

function begin(entry: Alignments, logits: Float32Array): void {
  entry.label = classificationOf(logits).label;
  entry.logits = logits.slice();
  entry.mean = new Float64Array(entry.kinds.length * logits.length);
  entry.squares = new Float64Array(entry.kinds.length * logits.length);
}

function add(entry: Alignments, kind: number, sample: number, noisy: Float32Array): void {
  const { label, logits, mean, squares, antithetic } = entry;
  const alignments = Float64Array.from(logits, (logit, a) => logits[label] - logit - (noisy[label] - noisy[a]));
  if (antithetic && sample % 2 === 0) {
    firstHalves.set(entry, alignments);
    return;
  }
  const firstHalf = antithetic ? firstHalves.get(entry) : undefined;
  const count = antithetic ? (sample + 1) / 2 : sample + 1;
  const offset = kind * logits.length;
  for (let a = 0; a < logits.length; a++) {
    const unit = firstHalf === undefined ? alignments[a] : (firstHalf[a] + alignments[a]) / 2;
    const deviation = unit - mean[offset + a];
    mean[offset + a] += deviation / count;
    squares[offset + a] += deviation * (unit - mean[offset + a]);
  }
}

/** The alignments of the first sample of the pair under way. */
const firstHalves = new WeakMap<Alignments, Float64Array>();
