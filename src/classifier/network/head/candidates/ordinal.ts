/**
 * @file Classes in an order, told apart by one score and a threshold between each two of them: the numbers say whether the class is beyond the first, the
 * second and so on (Cao, Mirjalili and Raschka, Rank consistent ordinal regression for neural networks, 2020, section 3).
 */
import { sizeOf } from "../../../../tensor/tensor.ts";
import { isGiven } from "../given-values.ts";
import type { HeadGraph } from "./candidate.ts";

/** Whether the several `scores` are one number per picture, less or plus a constant for each of them. */
export function isOrdinal({ typed, producers, makerOf }: HeadGraph, scores: string): boolean {
  const node = makerOf(scores);
  if (node?.opType !== "Add" && node?.opType !== "Sub") return false;
  const elements = (name: string): number => sizeOf(typed.types.get(name)?.shape ?? []);
  const [batch = 1] = typed.types.get(scores)?.shape ?? [];
  const free = node.inputs.filter((name) => !isGiven(typed, name));
  return free.length === 1 && producers.has(free[0]) && elements(free[0]) === batch && elements(scores) > batch;
}
