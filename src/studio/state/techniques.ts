/** @file Methods and attacks: what they cost on this machine, in which group they are shown, and how their maps become boxes. */
import { signal } from "@preact/signals";
import { usualBox } from "../../localization/localize-map.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import type { ExplanationView, NetworkView, TechniqueView } from "../protocol.ts";
import { address } from "./address.ts";
import { network } from "./signals.ts";

/** Seconds per forward run, of which a gradient is three; undefined before the first run has ended. */
export const pace = signal<number | undefined>(undefined);

/** How many runs of the network `pace` was measured with. */
let runsOfPace = 0;

/** What a cheap method takes at most, in forward runs. */
const cheapRuns = 40;

/** The method that the address names, or the network's usual one where it names none. */
export function chosenMethod({ methods, usualMethod }: Pick<NetworkView, "methods" | "usualMethod">): TechniqueView {
  return named(methods, address.value.method) ?? named(methods, usualMethod) ?? methods[0];
}

/** The attack that the address names, or the network's usual one where it names none. */
export function chosenAttack({ attacks, usualAttack }: Pick<NetworkView, "attacks" | "usualAttack">): TechniqueView {
  return named(attacks, address.value.attack) ?? named(attacks, usualAttack) ?? attacks[0];
}

function named(techniques: readonly TechniqueView[], name: string | undefined): TechniqueView | undefined {
  return techniques.find((one) => one.name === name);
}

/** How the map of a method becomes a box as long as no slider is moved. */
export function boxRuleOf(method: string): ThresholdRule {
  return network.value?.methods.find(({ name }) => name === method)?.box ?? usualBox;
}

/** A method of few runs opens its sessions first and says little of the pace: the longest one that was measured counts. */
export function notePace({ record }: ExplanationView): void {
  const runs = record.forwardEvaluations + 3 * record.evaluations;
  if (runs < 3 || (pace.value !== undefined && runs < runsOfPace)) return;
  runsOfPace = runs;
  pace.value = record.seconds / runs;
}

/** Seconds that a technique takes, as far as can be told. */
export function secondsOf({ cost }: TechniqueView): number | undefined {
  if (cost === undefined || pace.value === undefined) return undefined;
  return pace.value * (cost.forward + 3 * cost.gradient);
}

/** Whether a method takes a few runs of the network only. */
export function isCheap({ cost }: TechniqueView): boolean {
  return cost !== undefined && cost.forward + 3 * cost.gradient <= cheapRuns;
}

/** Of methods and attacks: by what they cost, and those apart that do not work on the network. */
export const techniqueGroups = ["quick", "slow", "all", "refused"] as const;

export type TechniqueGroup = (typeof techniqueGroups)[number];

/** `techniques` by group, in their order; empty groups are left out. What attacks cost depends on their settings: they are one group. */
export function groupsOf(
  techniques: readonly TechniqueView[],
): readonly (readonly [TechniqueGroup, readonly TechniqueView[]])[] {
  const groupOf = (technique: TechniqueView): TechniqueGroup => {
    if (technique.refusal !== undefined) return "refused";
    return technique.cost === undefined ? "all" : isCheap(technique) ? "quick" : "slow";
  };
  return techniqueGroups
    .map((group) => [group, techniques.filter((technique) => groupOf(technique) === group)] as const)
    .filter(([, some]) => some.length > 0);
}
