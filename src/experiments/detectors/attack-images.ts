/** @file Images attacked for detectors to look at, each with a noisy version that went as far. */
import type { AnyAttackOptions, AttackResult } from "../../attacks/attack.ts";
import { roundToBytes } from "../../attacks/budget.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { normal } from "../../random/distributions.ts";
import { hashText } from "../../random/hash-text.ts";
import { createRandom } from "../../random/random.ts";
import { euclideanNorm } from "../../tensor/vector.ts";
import type { AttackRun } from "../attack/protocol.ts";

/** How attacked images are kept, and the seed of what is drawn. */
export interface AttackedPixels {
  /** What the attack computed (`float`), or what a PNG keeps of it (`bytes`). */
  readonly pixels: "float" | "bytes";
  readonly seed: number;
}

/** An attacked image, and its noisy version. */
export interface AttackedImage {
  readonly id: string;
  readonly pixels: Float32Array;
  /** The clean image with noise of the same ℓ2 norm. */
  readonly noisy: Float32Array;
  readonly result: {
    readonly outcome: AttackResult["outcome"];
    readonly cleanLabel: number;
    readonly seen: AttackResult["rounded"];
    readonly cost: AttackResult["cost"];
    readonly lostInRounding: boolean;
    readonly settings: AttackResult["settings"];
  };
}

/** What an attack makes of images, and the same images with noise of the same ℓ2 norm; `known` are options that it is given besides its settings. */
export async function attackImages(
  classifier: Classifier,
  inputs: readonly { readonly id: string; readonly input: ImageTensor }[],
  { attack, settings: own }: AttackRun,
  { pixels, seed }: AttackedPixels,
  known: object,
  signal: AbortSignal | undefined,
): Promise<AttackedImage[]> {
  const options: AnyAttackOptions = {
    ...own,
    ...known,
    signal,
    rounding: pixels === "bytes" ? "keep" : "none",
    // A stream of its own for each image, whichever others are in the batch.
    random: (n) => createRandom(seed, hashText(inputs[n].id), 1),
  };
  const results = await attack.run(
    classifier,
    inputs.map(({ input }) => input),
    options,
  );
  return results.map(({ outcome, clean, withinBudget, rounded, cost, lostInRounding, settings }, n) => {
    const seen = pixels === "bytes" ? rounded : withinBudget;
    const { id, input } = inputs[n];
    return {
      id,
      pixels: seen.image.data,
      noisy: withNoise(id, input.data, seen.distances.l2, pixels, seed),
      result: { outcome, cleanLabel: clean.label, seen, cost, lostInRounding, settings },
    };
  });
}

/** `pixels` with normal noise of the given ℓ2 norm, clipped to [0, 1], and as bytes where attacked images are. */
function withNoise(
  id: string,
  pixels: Float32Array,
  l2: number,
  kept: AttackedPixels["pixels"],
  seed: number,
): Float32Array {
  const random = createRandom(seed, hashText(id), 2);
  const direction = pixels.map(() => normal(random));
  const factor = l2 / euclideanNorm(direction);
  const noisy = pixels.map((value, i) => Math.min(1, Math.max(0, value + factor * direction[i])));
  return kept === "bytes" ? roundToBytes(noisy, pixels, undefined) : noisy;
}
