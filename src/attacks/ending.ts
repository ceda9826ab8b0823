/** @file How an attack ended, in words: what happened, what stood in the way, and what may help of what the attack has. */

import { checkForm } from "../errors.ts";
import type { AttackEnding, AttackResult } from "./attack.ts";

/** How an attack ended, a sentence each, whatever the attack. */
export const attackEndings = {
  flipped: "The label is flipped.",
  "over-budget": "The label is flipped, but no longer when the image is clipped.",
  "not-flipped": "The label is not flipped.",
  "already-flipped": "The clean image does not have this label (or has the target already), so nothing had to change.",
} as const satisfies Readonly<Record<AttackEnding, string>>;

/**
 * The sentence of {@link attackEndings} with what can be said of this result: the budget that it kept to, what stood in the way, and advice on
 * settings that the attack has. A search that looked for the strength of its perceptual term by itself has no strength to lower.
 */
export function describeEnding(given: Pick<AttackResult, "outcome" | "settings" | "details">): string {
  checkForm("describeEnding: given", given, ["outcome", "settings", "details"]);
  const { outcome, settings, details } = given;
  const { epsilon, steps, iterations, evaluations, perceptualWeight } = settings;
  const hasBudget = typeof epsilon === "number";
  if (outcome === "flipped") return hasBudget ? "The label is flipped within the budget." : attackEndings.flipped;
  if (outcome === "over-budget") {
    return hasBudget
      ? "The label is flipped, but no longer when the image is clipped to the budget and to [0, 1]. Allow a larger epsilon."
      : "The label is flipped, but no longer when the image is clipped to [0, 1].";
  }
  if (outcome !== "not-flipped") return attackEndings[outcome];
  const { hindrance } = details;
  if (typeof hindrance === "string") return `${attackEndings[outcome]} ${hindrance}`;
  const isSearched = perceptualWeight === null;
  const most = isSearched ? evaluations : (steps ?? iterations);
  const advice = [
    ...(hasBudget ? ["allow a larger epsilon"] : []),
    ...(typeof most === "number"
      ? [`allow more ${isSearched ? "evaluations" : steps === undefined ? "iterations" : "steps"}`]
      : []),
    ...(typeof perceptualWeight === "number" && perceptualWeight > 0 ? ["lower the perceptual weight"] : []),
    "try another attack",
  ];
  const [first, ...rest] = advice;
  const last = rest.pop();
  const list = [first, ...rest].join(", ");
  const sentence = last === undefined ? list : `${list}${rest.length > 0 ? "," : ""} or ${last}`;
  return `${attackEndings[outcome]} ${sentence[0].toUpperCase()}${sentence.slice(1)}.`;
}
