/** @file The score that extremal perturbations raise, with its gradient with respect to the image. */
import type { Classifier } from "../../classifier/classifier.ts";
import { inChunks } from "../../classifier/passes/in-chunks.ts";
import { type ClassScore, scoreOf } from "../class-score.ts";
import { logitSeed } from "../logit-seed.ts";
import type { ExtremalReward } from "./extremal-settings.ts";

/** Score and gradient [C · H · W] of each image [C · H · W]. The gradients are the caller's to change. */
export type RewardGradient = (
  images: readonly Float32Array[],
  signal: AbortSignal | undefined,
) => Promise<{ score: number; gradient: Float32Array }[]>;

export interface RewardOptions {
  readonly reward: ExtremalReward;
  readonly label: number;
  /** Whose score is subtracted. */
  readonly target: number | undefined;
  /** Images per run of the network. */
  readonly batch: number;
}

/** The score of class `label` (with a target, less the target's; of `margin`, the target takes the place of the best other class). */
export async function rewardGradient(
  classifier: Classifier,
  { reward, label, target, batch }: RewardOptions,
): Promise<RewardGradient> {
  if (reward === "margin" && target === undefined) {
    const pass = await classifier.marginGradients({ batch });
    return (all, signal) =>
      inChunks(all, batch, async (images) => {
        const inputs = images.map((image) => ({ image, classIndex: label }));
        const answers = await pass.run(inputs, { signal });
        return answers.map(({ margin, gradient }) => ({ score: margin, gradient }));
      });
  }
  const score: ClassScore = reward === "probability" ? "probability" : "logit";
  const pass = await classifier.backward({ of: score === "logit" ? "logits" : "probabilities", batch });
  const seed = logitSeed(classifier, label, target);
  return (all, signal) =>
    inChunks(all, batch, async (images) => {
      const inputs = images.map((image) => ({ image, seed }));
      const answers = await pass.run(inputs, { signal });
      return answers.map(({ logits, gradient }) => ({
        score: scoreOf(score, logits, label, target),
        gradient,
      }));
    });
}
