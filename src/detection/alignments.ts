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
import { classificationOf } from "../classifier/classifier.ts";
import { addNoise, type NoiseKind, noiseWords } from "./noise.ts";

/** What the test needs of a classifier: logits of up to `batch` images (flat [C, H, W], pixels in [0, 1]) per call. */
export interface LogitsPass {
  readonly batch: number;
  logits(images: readonly Float32Array[], options?: { readonly signal?: AbortSignal }): Promise<Float32Array[]>;
}

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
  /** [kinds, K]: the sum of squared deviations from the mean. */
  squares: Float64Array;
}

/** Alignments of `image` for which nothing has been run. */
export function emptyAlignments(image: NamedImage, kinds: readonly NoiseKind[]): Alignments {
  const none = new Float64Array(0);
  return { image, kinds, label: -1, logits: new Float32Array(0), samples: 0, mean: none, squares: none };
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
  pass: LogitsPass,
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
    const results = await pass.logits(rows.slice(0, waiting.length), { signal });
    for (const [n, receive] of waiting.entries()) receive(results[n]);
    onRun?.(waiting.length);
    waiting.length = 0;
  };
  for (const entry of alignments) {
    const { image, kinds } = entry;
    if (entry.samples === 0) {
      rows[waiting.length].set(image.pixels);
      waiting.push((logits) => begin(entry, logits));
      if (waiting.length === pass.batch) await run();
    }
    for (const [k, kind] of kinds.entries()) {
      for (let sample = entry.samples; sample < samples; sample++) {
        addNoise(rows[waiting.length], image.pixels, kind, noiseWords(seed, image.id, kind, sample));
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

function add({ label, logits, mean, squares }: Alignments, kind: number, sample: number, noisy: Float32Array): void {
  const offset = kind * logits.length;
  for (let a = 0; a < logits.length; a++) {
    const alignment = logits[label] - logits[a] - (noisy[label] - noisy[a]);
    const deviation = alignment - mean[offset + a];
    mean[offset + a] += deviation / (sample + 1);
    squares[offset + a] += deviation * (alignment - mean[offset + a]);
  }
}
