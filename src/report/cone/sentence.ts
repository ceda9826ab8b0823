/** @file What `cone` says of an attack's cone. */
import type { AttackCone } from "../../experiments/cone/attack-cones.ts";
import type { Cone } from "../../experiments/cone/summary.ts";

/** "3.1 ± 0.22". */
export function estimateText({ mean, standardError }: Cone["curvature"]["adversarial"]): string {
  return `${mean.toPrecision(3)}${standardError === null ? "" : ` ± ${standardError.toPrecision(2)}`}`;
}

/** One line for a terminal: how the classifier bends around what the attack found, and what the attack did. */
export function coneSentence({ run, cone: { curvature }, means }: AttackCone): string {
  const bends = `curvature ${estimateText(curvature.adversarial)} (at the picture ${estimateText(curvature.clean)}) nats per squared length`;
  const noise = `noise as long as the perturbation brings the label back in ${Math.round(100 * curvature.returned.mean)} %`;
  const did = `${Math.round(100 * means.flipped)} % flipped, mean ℓ2 ${means.l2.toFixed(3)}, margin ${means.margin.toFixed(2)}`;
  return `${run.name}: ${bends}; ${noise}; ${did}`;
}
