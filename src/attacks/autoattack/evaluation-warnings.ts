/** @file When the verdict of AutoAttack is not to be trusted: what its authors' code checks, in sentences. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { euclideanNorm, indexOfLargest } from "../../tensor/vector.ts";
import type { AttackResult } from "../attack.ts";

/** By code, what may make an evaluation wrong. */
export const evaluationWarnings = {
  randomized:
    "The network answers differently when it is asked the same again, so that one run says little: use AutoAttack's preset rand, which averages gradients over 20 draws.",
  probabilities:
    "The outputs look like probabilities (from 0 to 1, with sum 1) rather than logits: gradients through a softmax vanish where it is sure. Give the layer before it.",
  "zero-gradient":
    "A gradient was 0 throughout at the start of a run, so that attacks that follow gradients say nothing: the network may round or saturate.",
  "masked-gradients":
    "Square, which sees no gradients, succeeded where the attacks that follow gradients had failed: gradients may be masked and the robust accuracy too high. Run Square with more queries and restarts, or an attack made for this network.",
  "no-ratio":
    "The network has two classes: the difference of logits ratio needs three, so that AutoAttack runs without it.",
  "no-targeted-ratio":
    "The network has three classes: the targeted difference of logits ratio needs four, so that AutoAttack takes the untargeted one.",
} as const satisfies Readonly<Record<string, string>>;

export type EvaluationWarning = keyof typeof evaluationWarnings;

/** What details say of warnings: their codes and sentences. */
export function describeWarnings(codes: readonly EvaluationWarning[]): readonly ModelWarning[] {
  return codes.map((code) => ({ code, message: evaluationWarnings[code] }));
}

/** The warnings in the details of a result; none of an attack that gives none. */
export function warningsIn({ warnings }: AttackResult["details"]): readonly ModelWarning[] {
  if (!Array.isArray(warnings)) return [];
  return warnings.flatMap((warning: Partial<ModelWarning> | null) => {
    const { code, message } = warning ?? {};
    return typeof code === "string" && typeof message === "string" ? [{ code, message }] : [];
  });
}

/** Whether `logits` are in [0, 1] and have the sum 1, up to 10⁻⁵. */
export function seemProbabilities(logits: Float32Array): boolean {
  const tolerance = 1e-5;
  const sum = logits.reduce((total, logit) => total + logit, 0);
  return Math.abs(sum - 1) < tolerance && logits.every((logit) => logit > -tolerance && logit < 1 + tolerance);
}

/**
 * For each image, whether two runs in the same session give different labels, or logits that differ by more than 10⁻⁴ in ℓ2 when each is scaled
 * to length 1. Two runs of each image.
 */
export async function areRandomized(
  images: readonly Float32Array[],
  {
    classifier,
    batch,
    signal,
  }: { readonly classifier: Classifier; readonly batch: number; readonly signal: AbortSignal | undefined },
): Promise<boolean[]> {
  const pass = await classifier.forward({ batch });
  const once = (await pass.run(images, { signal })).map((logits) => logits.slice());
  const again = await pass.run(images, { signal });
  return once.map((logits, n) => {
    if (indexOfLargest(logits) !== indexOfLargest(again[n])) return true;
    const [a, b] = [logits, again[n]].map((row) => euclideanNorm(row) + 1e-10);
    return euclideanNorm(logits.map((logit, k) => logit / a - again[n][k] / b)) > 1e-4;
  });
}
