/** @file What gradient attacks descend: the logarithm of the softmax at the class attacked, for many images in one run. */
import { logSoftmaxAt } from "../classifier/logits.ts";
import type { Evaluation } from "../optimize/solver.ts";
import type { AttackTask, SearchContext } from "./attack.ts";

export interface LikelihoodEvaluation extends Evaluation {
  /** log p_y, to be lowered, of the label to leave (cross-entropy is −log p_y); with a target, −log p_t. */
  readonly value: number;
  readonly logits: Float32Array;
}

/**
 * The evaluator of the tasks' log-likelihoods: for one point per task, value and gradient in one run of the network. Lowering
 * the value is raising the cross-entropy of the label, or lowering that of the target.
 */
export async function likelihoodOf(
  tasks: readonly AttackTask[],
  { classifier, batch, signal, onGradients }: SearchContext,
): Promise<(points: readonly Float32Array[], active?: readonly boolean[]) => Promise<LikelihoodEvaluation[]>> {
  const pass = await classifier.backward({ of: "log-probabilities", batch });
  const classes = tasks.map(({ label, target }) => target ?? label);
  const signs = tasks.map(({ target }) => (target === undefined ? 1 : -1));
  const seeds = tasks.map((_, n) => {
    const seed = new Float32Array(classifier.classCount);
    seed[classes[n]] = signs[n];
    return seed;
  });
  return async (points, active) => {
    const evaluations = await pass.run(
      points.map((image, n) => ({ image, seed: seeds[n] })),
      { signal },
    );
    onGradients(active === undefined ? points.length : active.filter(Boolean).length);
    return evaluations.map(({ logits, gradient }, n) => ({
      value: signs[n] * logSoftmaxAt(logits, classes[n]),
      gradient,
      logits,
    }));
  };
}
