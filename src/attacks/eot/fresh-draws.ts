/** @file How often an image fools the classifier when it is transformed by draws that no search has seen. */
import type { Classifier } from "../../classifier/classifier.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { throwIfAborted } from "../../errors.ts";
import { totalCost } from "../../options/cost.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import type { AttackResult, AttackTask } from "../attack.ts";
import { goalOf } from "../goal.ts";
import { drawsFor, type Transformation } from "./transformation.ts";

/** What fresh draws say of a result; shares of `trials`. */
export interface FreshDraws {
  readonly transformations: readonly string[];
  readonly trials: number;
  /** Of the image within its budget, of the image in 8 bits, and, for comparison, of the clean image: how often the goal is reached. */
  readonly withinBudget: number;
  readonly rounded: number;
  readonly clean: number;
}

/** The results with what fresh draws say of them as `eot` of their details; where nothing was to be done, nothing is judged. Three runs forward for each trial. */
export async function withFreshDraws<F>(
  classifier: Classifier,
  results: readonly AttackResult<F>[],
  images: readonly Pick<AttackTask, "image" | "shape">[],
  given: {
    readonly transformations: readonly Transformation[];
    readonly trials: number;
    readonly batch: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<AttackResult<F>[]> {
  const { transformations, trials, signal } = given;
  // A picture alone is judged many draws at a time as well.
  const batch = Math.max(given.batch, Math.min(trials, defaultBatch(classifier)));
  const pass = await classifier.forward({ batch });
  const judged: AttackResult<F>[] = [];
  for (const [n, result] of results.entries()) {
    if (result.outcome === "already-flipped") {
      judged.push(result);
      continue;
    }
    const { label, target, withinBudget, rounded } = result;
    const { image: clean, shape } = images[n];
    const goal = goalOf({ label, target });
    const shareOf = async (image: Float32Array): Promise<number> => {
      const draws = drawsFor(transformations, image, shape, trials, "judgement");
      let reached = 0;
      for (let from = 0; from < draws.length; from += batch) {
        throwIfAborted(signal, "eot");
        const some = draws.slice(from, from + batch).map((draw) => draw.apply(image));
        const seen = await pass.run(some, { signal });
        reached += seen.filter((logits) => goal.isReached(indexOfLargest(logits))).length;
      }
      return reached / trials;
    };
    const eot: FreshDraws = {
      transformations: transformations.map(({ text }) => text),
      trials,
      withinBudget: await shareOf(withinBudget.image.data),
      rounded: await shareOf(rounded.image.data),
      clean: await shareOf(clean),
    };
    const cost = totalCost(result.cost, { forward: 3 * trials, gradient: 0 });
    judged.push({ ...result, cost, details: { ...result.details, eot } });
  }
  return judged;
}

/** The share of fresh draws that details tell of; undefined where there are none. */
export function freshDrawsIn({ eot }: AttackResult["details"]): FreshDraws | undefined {
  if (typeof eot !== "object" || eot === null) return undefined;
  const { transformations, trials, withinBudget, rounded, clean } = eot as Partial<FreshDraws>;
  const numbers = [trials, withinBudget, rounded, clean];
  if (!Array.isArray(transformations) || numbers.some((value) => typeof value !== "number")) return undefined;
  return eot as FreshDraws;
}
