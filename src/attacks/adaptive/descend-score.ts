/** @file Descends a score of the network's own values in a ball, many images at once, with gradients averaged over noise where that is wanted. */
import type { Extension, ExtensionInput } from "../../classifier/passes/extension.ts";
import { throwIfAborted } from "../../errors.ts";
import { signStep, unitStep } from "../../optimize/update-rules.ts";
import { normal } from "../../random/distributions.ts";
import type { AttackTask, SearchContext, SearchResult } from "../attack.ts";
import { type Budget, projectOnBudget } from "../budget.ts";

export interface ScoreDescent {
  /** What is descended: its result `score`. */
  readonly extension: Extension;
  /** What the extension takes beside the image of each task. */
  readonly beside: readonly Readonly<Record<string, ArrayLike<number>>>[];
  readonly budget: Budget;
  readonly steps: number;
  /** In the budget's norm. */
  readonly stepSize: number;
  /** Noisy copies that the gradient is averaged over beside the point itself; 0: none. */
  readonly copies: number;
  /** Standard deviation of the copies' noise, in pixels of [0, 1]; copies are clipped to [0, 1]. */
  readonly noise: number;
}

/**
 * The last point of x ← P(x − stepSize · d) from each image, without a random start: d is the sign of the gradient in ℓ∞, the unit vector along it in ℓ2. Each
 * step takes a gradient of the point and one of each copy.
 */
export async function descendScore(
  tasks: readonly AttackTask[],
  descent: ScoreDescent,
  { classifier, batch, signal, onGradients }: SearchContext,
): Promise<SearchResult<undefined>[]> {
  const { extension, beside, budget, steps, stepSize, copies, noise } = descent;
  const pass = await classifier.extended({ extension, batch, gradientOf: "score" });
  const rule = budget.norm === "linf" ? signStep(stepSize) : unitStep(stepSize);
  const states = tasks.map(({ image }) => {
    const point = image.slice();
    const project = projectOnBudget(image, budget);
    project(point);
    return { point, update: rule<Float32Array>(point, project), sum: new Float32Array(point.length) };
  });
  for (let step = 0; step < steps; step++) {
    throwIfAborted(signal, "attack");
    const rows: { readonly task: number; readonly input: ExtensionInput }[] = [];
    for (const [task, { point, sum }] of states.entries()) {
      sum.fill(0);
      rows.push({ task, input: { image: point, beside: beside[task] } });
      const { random } = tasks[task];
      for (let copy = 0; copy < copies; copy++) {
        const image = point.map((value) => Math.min(1, Math.max(0, value + noise * normal(random))));
        rows.push({ task, input: { image, beside: beside[task] } });
      }
    }
    for (let from = 0; from < rows.length; from += batch) {
      const some = rows.slice(from, from + batch);
      const evaluations = await pass.run(
        some.map(({ input }) => input),
        { signal },
      );
      throwIfAborted(signal, "attack");
      for (const [n, { gradient }] of evaluations.entries()) {
        const { sum } = states[some[n].task];
        for (let i = 0; i < sum.length; i++) sum[i] += gradient[i];
      }
      onGradients(some.length);
    }
    for (const { point, update, sum } of states) update(sum, point, point);
  }
  const gradient = steps * (1 + copies);
  return states.map(({ point }) => ({ point, cost: { forward: 0, gradient } }));
}
