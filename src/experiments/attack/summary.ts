/** @file What attacks did to many pictures: how often they succeed, what PNGs keep, and how far they go. */

import { freshDrawsIn } from "../../attacks/eot/fresh-draws.ts";
import { checkForm } from "../../errors.ts";
import type { AttackRecord } from "./record.ts";

/** One attack over all pictures; means are over the successes within budget, null where there are none. */
export interface AttackSummary {
  readonly attack: string;
  readonly pictures: number;
  /** Pictures whose label the attack was to change: those that had it. */
  readonly attacked: number;
  /** Shares of `attacked`. */
  readonly success: number;
  readonly roundedSuccess: number;
  /** The share of successes that 8 bits keep. */
  readonly survival: number | null;
  readonly l0: number | null;
  readonly l1: number | null;
  readonly l2: number | null;
  readonly linf: number | null;
  readonly perceptual: number | null;
  /** Null where no record says it. */
  readonly lpips: number | null;
  /** Of transformations that were drawn afresh, over all pictures attacked: the share of draws under which the image within its budget reaches the goal. */
  readonly freshDraws: number | null;
  /** Gradients per picture attacked. */
  readonly gradients: number;
}

/** One summary per attack, in the order in which the records name them. */
export function attackSummaries(records: readonly AttackRecord[]): AttackSummary[] {
  checkForm("attackSummaries: records", records, "list");
  const names = [...new Set(records.map(({ attack }) => attack))];
  return names.map((attack) => {
    const own = records.filter((record) => record.attack === attack);
    const attacked = own.filter(({ outcome }) => outcome !== "already-flipped");
    const won = attacked.filter(({ withinBudget }) => withinBudget.success);
    const count = Math.max(1, attacked.length);
    const mean = (value: (record: AttackRecord) => number): number | null =>
      won.length === 0 ? null : won.reduce((sum, record) => sum + value(record), 0) / won.length;
    const drawn = attacked.flatMap(({ details }) => freshDrawsIn(details) ?? []);
    const lpips = mean(({ withinBudget }) => withinBudget.distances.lpips ?? Number.NaN);
    return {
      attack,
      pictures: own.length,
      attacked: attacked.length,
      success: won.length / count,
      roundedSuccess: attacked.filter(({ rounded }) => rounded.success).length / count,
      survival: mean(({ rounded }) => Number(rounded.success)),
      l0: mean(({ withinBudget }) => withinBudget.distances.l0),
      l1: mean(({ withinBudget }) => withinBudget.distances.l1),
      l2: mean(({ withinBudget }) => withinBudget.distances.l2),
      linf: mean(({ withinBudget }) => withinBudget.distances.linf),
      perceptual: mean(({ withinBudget }) => withinBudget.distances.perceptual),
      lpips: Number.isNaN(lpips) ? null : lpips,
      freshDraws:
        drawn.length === 0 ? null : drawn.reduce((sum, { withinBudget }) => sum + withinBudget, 0) / drawn.length,
      gradients: attacked.reduce((sum, { evaluations }) => sum + evaluations.gradient, 0) / count,
    };
  });
}
