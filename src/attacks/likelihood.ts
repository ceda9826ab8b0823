/** @file What gradient attacks descend: the logarithm of the softmax at the class attacked, for many images in one run. */
import { crossEntropyAt, logOddsAt, logSumExp } from "../classifier/logits.ts";
import { checkForm } from "../errors.ts";
import type { Evaluation } from "../optimize/solver.ts";
import { largestMagnitude } from "../tensor/vector.ts";
import type { AttackTask, SearchContext } from "./attack.ts";
import type { Evaluator } from "./lockstep.ts";

export interface LikelihoodEvaluation extends Evaluation {
  /** log p_y, to be lowered, of the label to leave (cross-entropy is −log p_y); with a target, −log p_t. */
  readonly value: number;
  readonly logits: Float32Array;
  /** Of the network, for this answer; default 1. */
  readonly runs?: number;
}

/**
 * The evaluator of the tasks' log-likelihoods: for one point per task, value and gradient in one run of the network. Lowering
 * the value is raising the cross-entropy of the label, or lowering that of the target.
 *
 * Where the label is so far ahead that its probability is 1 in float32, and the gradient 0, a second run gives that of z_y − log Σ_{k≠y} exp z_k, of which the
 * true one is 1 − p_y times as much: the same direction, at another length. Steps along signs or units are what they would be without rounding.
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
    const vanished = [...evaluations.entries()].flatMap(([n, { gradient, logits }]) => {
      if (terms[n].sign < 0 || largestMagnitude(gradient) > 0) return [];
      const seed = logOddsSeed(logits, terms[n].classIndex);
      return seed === undefined ? [] : [{ n, input: { image: points[n], seed } }];
    });
    const again = new Map<number, Float32Array>();
    if (vanished.length > 0) {
      const logOdds = await classifier.backward({ of: "logits", batch });
      const found = await logOdds.run(
        vanished.map(({ input }) => input),
        { signal },
      );
      for (const [i, { n }] of vanished.entries()) again.set(n, found[i].gradient);
    }
    return evaluations.map(({ logits, gradient }, n) => {
      const { classIndex, sign } = terms[n];
      return {
        value: -sign * crossEntropyAt(logits, classIndex),
        gradient: again.get(n) ?? gradient,
        logits,
        runs: again.has(n) ? 2 : 1,
      };
    });
  };
}

/** Below these log odds the softmax of a class is not 1 in float32 (1 − p is above 2⁻²⁵ from 17.3 on), and a gradient that is 0 has another reason. */
const roundedOdds = 15;

/**
 * Where the class to leave is so far ahead that float32 rounds its softmax to 1, and the gradient of its logarithm to 0: the cotangent [K] of the logits that
 * gives the gradient of log(p / (1 − p)) instead, which is 1 / (1 − p) times as long and points the same way. undefined where the softmax is not 1.
 */
export function logOddsSeed(logits: Float32Array, classIndex: number): Float32Array | undefined {
  if (logOddsAt(logits, classIndex) < roundedOdds) return undefined;
  // 1 at the class, less the softmax of the others.
  const others = Float64Array.from(logits);
  others[classIndex] = Number.NEGATIVE_INFINITY;
  const total = logSumExp(others);
  return Float32Array.from(others, (z, k) => (k === classIndex ? 1 : -Math.exp(z - total)));
}
