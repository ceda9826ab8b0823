/** @file What a perturbation does, whoever found it: labels, margins, distances, and what is left of it in a PNG. */
import type { Classifier } from "../classifier/classifier.ts";
import { type Classification, classificationOf, marginOf } from "../classifier/logits.ts";
import type { ImageTensor } from "../image/picture.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { type Distances, distancesBetween } from "./distances.ts";
import type { AttackOutcome } from "./perceptual/perceptual.ts";

export interface PerturbationFacts {
  readonly outcome: AttackOutcome;
  /** The perturbed image, pixels [C, H, W], and its difference from the clean one. */
  readonly image: ImageTensor;
  readonly perturbation: ImageTensor;
  readonly adversarial: Classification;
  readonly margin: { readonly clean: number; readonly adversarial: number };
  /** In pixels, and the perceptual distance where it was measured. */
  readonly distances: Distances & { readonly perceptual: number | null };
  /** The label after the pixels are clipped to [0, 1] and rounded to 8 bits, as a PNG stores them. */
  readonly rounded: { readonly label: number; readonly flipped: boolean };
}

/** The facts of `perturbation` added to `image`, both [C, H, W]. Two runs of the network. */
export async function perturbationFacts(
  classifier: Classifier,
  image: ImageTensor,
  perturbation: ImageTensor,
  {
    clean,
    label,
    target,
    signal,
  }: {
    readonly clean: Classification;
    readonly label: number;
    readonly target?: number;
    readonly signal?: AbortSignal;
  },
): Promise<PerturbationFacts> {
  const perturbed = image.data.map((x, i) => x + perturbation.data[i]);
  const bytes = perturbed.map((x) => Math.round(255 * Math.min(Math.max(x, 0), 1)) / 255);
  const pass = await classifier.forward();
  const [adversarial] = (await pass.run([perturbed], { signal })).map(classificationOf);
  const [rounded] = (await pass.run([bytes], { signal })).map(classificationOf);
  const isReached = (found: number): boolean => (target === undefined ? found !== label : found === target);
  const [, height, width] = image.shape;
  const measured = target ?? label;
  const isTargeted = target !== undefined;
  return {
    outcome: isReached(clean.label) ? "already-flipped" : isReached(adversarial.label) ? "flipped" : "not-flipped",
    image: floatTensor(perturbed, image.shape),
    perturbation,
    adversarial,
    margin: {
      clean: marginOf(clean.logits, measured, isTargeted),
      adversarial: marginOf(adversarial.logits, measured, isTargeted),
    },
    distances: { ...distancesBetween(perturbed, image.data, height * width), perceptual: null },
    rounded: { label: rounded.label, flipped: isReached(rounded.label) },
  };
}
