/** @file What gradient attacks descend: the logarithm of the softmax at the class attacked, for many images in one run. */
import { logSoftmaxAt } from "../classifier/logits.ts";
import { checkForm } from "../errors.ts";
import type { Evaluation } from "../optimize/solver.ts";
import type { AttackTask, SearchContext } from "./attack.ts";
import type { Evaluator } from "./lockstep.ts";

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
  given: Pick<SearchContext, "classifier" | "batch" | "signal">,
): Promise<Evaluator<LikelihoodEvaluation>> {
  checkForm("likelihoodOf: tasks", tasks, "list");
  checkForm("likelihoodOf: given", given, ["classifier", "batch"]);
  const { classifier, batch, signal } = given;
  const pass = await classifier.backward({ of: "log-probabilities", batch });
  const terms = tasks.map(({ goal: { classIndex, targeted } }) => ({ classIndex, sign: targeted ? -1 : 1 }));
  const seeds = terms.map(({ classIndex, sign }) => {
    const seed = new Float32Array(classifier.classCount);
    seed[classIndex] = sign;
    return seed;
  });
  return async (points) => {
    const evaluations = await pass.run(
      points.map((image, n) => ({ image, seed: seeds[n] })),
      { signal },
    );
    return evaluations.map(({ logits, gradient }, n) => {
      const { classIndex, sign } = terms[n];
      return { value: sign * logSoftmaxAt(logits, classIndex), gradient, logits };
    });
  };
}
