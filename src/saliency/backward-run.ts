/** @file One run back from the classes for any number of images: what methods of one pass have in common. */
import { outputs } from "../classifier/passes/network-graphs.ts";
import type { BackwardOptions } from "../classifier/passes/passes.ts";
import { wordOption } from "../options/option.ts";
import type { MethodTask } from "./define-method.ts";

/** The setting `of` of methods that differentiate. */
export const outputOption = wordOption("What is differentiated: the score of the class.", outputs, {
  fallback: "logits",
});

/** What a backward run needs to know of a task. */
export type BackwardTask = Pick<MethodTask<unknown>, "classifier" | "image" | "seed" | "batch" | "signal">;

/** The images that a run for so many tasks holds. */
export function batchOf([{ batch = 1 }, ...others]: readonly BackwardTask[]): number {
  return others.length === 0 ? 1 : batch;
}

/** What a pass takes for each task. */
export function inputsOf(
  tasks: readonly BackwardTask[],
): { readonly image: Float32Array; readonly seed: Float32Array }[] {
  return tasks.map(({ image, seed }) => ({ image: image.data, seed }));
}

/** The gradient with respect to pixels (flat [C, H, W]) for each task, all of one classifier, under the given backward rules. */
export async function imageGradients(
  tasks: readonly BackwardTask[],
  { of, rules }: Pick<BackwardOptions, "of" | "rules">,
): Promise<Float32Array[]> {
  const [{ classifier, signal }] = tasks;
  const pass = await classifier.backward({ of, rules, batch: batchOf(tasks) });
  const evaluations = await pass.run(inputsOf(tasks), { signal });
  return evaluations.map(({ gradient }) => gradient);
}
