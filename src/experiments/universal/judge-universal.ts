/** @file On how many pictures a universal change turns the label, in 8 bits, and for comparison random signs of the same size. */
import { keepOutside } from "../../attacks/hold-to-mask.ts";
import { changeInBytes, mostLevels } from "../../attacks/universal/universal-perturbation.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { checkForm, checkKeys, PerceptualBallError, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import type { OnProgress } from "../../options/progress.ts";
import { sign } from "../../random/distributions.ts";
import { createRandom } from "../../random/random.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import { type Estimate, wilsonInterval } from "../statistics/statistics.ts";

/** A picture by name, opened when it is its turn. */
export interface UniversalPicture {
  readonly image: string;
  readonly input: () => Promise<ImageTensor>;
}

/** What became of some pictures. */
export interface UniversalCounts {
  readonly pictures: number;
  /** Those whose label is another (or, with a target, is the target), with Wilson's 95 % interval; null without pictures. */
  readonly fooled: Estimate | null;
  /** The same of random signs. */
  readonly byNoise: Estimate | null;
  /** The labels that fooled pictures get, the most frequent first. */
  readonly to: readonly { readonly label: number; readonly count: number }[];
}

/** A picture with what the network calls it before and after. */
export interface UniversalExample {
  readonly image: string;
  readonly clean: ImageTensor;
  readonly changed: ImageTensor;
  readonly labels: readonly [before: number, after: number];
}

export interface JudgeUniversalOptions {
  readonly epsilon: number;
  readonly target?: number | undefined;
  /** [H, W], 1 where random signs change pixels, otherwise 0: the mask that the change was learned with. Default: everywhere. */
  readonly mask?: FloatTensor | undefined;
  readonly seed: number;
  /** The first so many pictures that are fooled come back as examples. */
  readonly examples: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Hears of pictures that cannot be opened; they are left out. */
  readonly onFailure: (image: string, error: PerceptualBallError) => void;
}

/**
 * What the change, in bytes, does to the pictures, which are in bytes as well, at the size of the network's input. With a target, pictures that have it already do not
 * count. Three runs forward for each picture.
 */
export async function judgeUniversal(
  classifier: Classifier,
  perturbation: FloatTensor,
  pictures: readonly UniversalPicture[],
  options: JudgeUniversalOptions,
): Promise<{ readonly counts: UniversalCounts; readonly examples: readonly UniversalExample[] }> {
  checkKeys("judgeUniversal", options, [
    "epsilon",
    "target",
    "mask",
    "seed",
    "examples",
    "signal",
    "onProgress",
    "onFailure",
  ]);
  checkForm("judgeUniversal: perturbation", perturbation, ["data", "shape"]);
  checkForm("judgeUniversal: pictures", pictures, "list");
  checkForm("judgeUniversal: options", options, ["epsilon", "seed", "examples", "onFailure"]);
  const { epsilon, target, mask, seed, signal, onProgress, onFailure } = options;
  const change = changeInBytes(perturbation, epsilon).data;
  const random = createRandom(seed, 1);
  const noise = change.map(() => (mostLevels(epsilon) * sign(random)) / 255);
  if (mask !== undefined) keepOutside(noise, mask);
  const size = Math.max(1, Math.floor(defaultBatch(classifier) / 3));
  const pass = await classifier.forward({ batch: 3 * size });
  const examples: UniversalExample[] = [];
  const to = new Map<number, number>();
  let [count, fooled, byNoise] = [0, 0, 0];
  for (let first = 0; first < pictures.length; first += size) {
    throwIfAborted(signal, "universal");
    const opened: { readonly image: string; readonly clean: ImageTensor }[] = [];
    for (const { image, input } of pictures.slice(first, first + size)) {
      try {
        opened.push({ image, clean: inBytes(await input()) });
      } catch (error) {
        if (!(error instanceof PerceptualBallError)) throw error;
        onFailure(image, error);
      }
    }
    if (opened.length === 0) continue;
    const all = opened.flatMap(({ clean: { data } }) => [data, added(data, change), added(data, noise)]);
    const seen = (await pass.run(all, { signal })).map(indexOfLargest);
    for (const [n, { image, clean }] of opened.entries()) {
      const [before, after, withNoise] = seen.slice(3 * n, 3 * n + 3);
      if (before === target) continue;
      count++;
      const isFooled = (label: number): boolean => (target === undefined ? label !== before : label === target);
      if (isFooled(withNoise)) byNoise++;
      if (!isFooled(after)) continue;
      fooled++;
      to.set(after, (to.get(after) ?? 0) + 1);
      if (examples.length < options.examples) {
        const changed = floatTensor(added(clean.data, change), clean.shape);
        examples.push({ image, clean, changed, labels: [before, after] });
      }
    }
    onProgress?.({ done: Math.min(first + size, pictures.length), of: pictures.length, unit: "pictures" });
  }
  const labels = [...to].map(([label, times]) => ({ label, count: times }));
  const counts: UniversalCounts = {
    pictures: count,
    fooled: wilsonInterval(fooled, count) ?? null,
    byNoise: wilsonInterval(byNoise, count) ?? null,
    to: labels.sort((a, b) => b.count - a.count || a.label - b.label),
  };
  return { counts, examples };
}

function inBytes({ data, shape }: ImageTensor): ImageTensor {
  return floatTensor(
    data.map((x) => Math.round(255 * x) / 255),
    shape,
  );
}

/** In bytes, as saving the sum would have it. */
function added(data: Float32Array, change: Float32Array): Float32Array {
  return data.map((x, i) => Math.min(Math.max(Math.round(255 * (x + change[i])), 0), 255) / 255);
}
