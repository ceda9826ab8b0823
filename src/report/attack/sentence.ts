/** @file What became of one picture, in words. */

import { warningsIn } from "../../attacks/autoattack/evaluation-warnings.ts";
import { freshDrawsIn } from "../../attacks/eot/fresh-draws.ts";
import { checkForm } from "../../errors.ts";
import type { AttackRecord } from "../../experiments/attack/record.ts";
import { shortName } from "../style/wording.ts";

/**
 * One sentence on how the attack ended, with what the PNG is called where that is not the same; one more where saving as a PNG undoes it, and one
 * on fresh draws of transformations.
 */
export function attackSentence(record: AttackRecord): string {
  checkForm("attackSentence: record", record, ["image", "attack", "attackTitle", "model"]);
  const {
    outcome,
    label,
    target,
    withinBudget,
    rounded,
    lostInRounding,
    details: { hindrance },
  } = record;
  const percent = (share: number): string => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;
  const found = withinBudget.label;
  const stored = rounded.label;
  const isSame = stored.index === found.index;
  // The page shows the PNG, whose percentage may be far from that of the picture that was found.
  const isSaid = !lostInRounding && !(isSame && percent(stored.confidence) === percent(found.confidence));
  const distances = distancesOf(withinBudget);
  // Levels farther out may be needed to keep what was found.
  const farther = distancesOf(rounded) === distances ? "" : `, ${distancesOf(rounded)}`;
  const inBytes = isSaid
    ? `; in 8 bits ${isSame ? "" : `${shortName(stored.name)} `}${percent(stored.confidence)}${farther}`
    : "";
  const after = `${shortName(found.name)} (${percent(found.confidence)}${inBytes})`;
  const goal = target === null ? "" : `; wanted was ${shortName(target.name)}`;
  const sentences = {
    flipped: `${shortName(label.name)} (${percent(label.confidence)}) becomes ${after} at ${distances}.`,
    "over-budget": `${shortName(label.name)} stays ${shortName(found.name)} within the budget; the search succeeded only outside of it${goal}.`,
    "not-flipped": `${shortName(label.name)} (${percent(label.confidence)}) is still called ${after} at ${distances}${goal}.${typeof hindrance === "string" ? ` ${hindrance}` : ""}`,
    "already-flipped":
      target === null
        ? `The picture is called ${shortName(found.name)}, not ${shortName(label.name)}, as it is.`
        : `The picture is called ${shortName(target.name)} as it is.`,
  };
  const lost = lostInRounding
    ? ` Saved with 8 bits per channel it is ${shortName(stored.name)}${stored.index === label.index ? " again" : ""}: the PNG does not ${target === null ? "fool the network" : `reach ${shortName(target.name)}`}.`
    : "";
  const warnings = warningsIn(record.details).map(({ message }) => ` ${message}`);
  return sentences[outcome] + lost + freshDrawsSentence(record) + warnings.join("");
}

function distancesOf({ distances: { l2, linf } }: AttackRecord["rounded"]): string {
  return `ℓ∞ ${fixed(255 * linf, 1)}/255, ℓ2 ${fixed(l2, 3)}`;
}

/** `value` with so many digits after the point, or one that counts where these are all 0. */
function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 && value > 0 ? String(Number(value.toPrecision(1))) : text;
}

/** On draws of transformations that the attack has not seen; nothing where there were none. */
function freshDrawsSentence({ details, target }: AttackRecord): string {
  const drawn = freshDrawsIn(details);
  if (drawn === undefined) return "";
  const { transformations, trials, withinBudget, rounded, clean } = drawn;
  const count = (share: number): string => String(Math.round(share * trials));
  const what = target === null ? "another label" : shortName(target.name);
  return ` Under ${trials} fresh draws of ${transformations.join(", ")} it gets ${what} ${count(withinBudget)} times (in 8 bits ${count(rounded)}, the clean picture ${count(clean)}).`;
}
