/** @file Explanations in plain English, as plain text. */

import { checkForm, checkKeys } from "../../errors.ts";
import {
  type ExplanationRecord,
  isPerturbation,
  type PerturbationRecord,
} from "../../experiments/explanation/record.ts";
import { inLevels, percent, shortName } from "../style/wording.ts";

/** What was found, in one or two sentences for someone who has not read the paper. */
export function explanationSentence(record: ExplanationRecord): string {
  checkForm("explanationSentence: record", record, ["kind", "outcome", "adversarialLabel"]);
  const sentence = inWords(record);
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Where the map lies. For all maps but that of the change itself, what lies there is not the change. */
function placeInWords(
  { area, change }: NonNullable<ExplanationRecord["boxShare"]>,
  shows: ExplanationRecord["mapShows"],
): string {
  const what = shows === "change" ? "change" : "map";
  if (area > 0.95) return `The ${what} is spread over all that the network sees.`;
  return `${percent(change)} of the ${what} lies in the box, which covers ${percent(area)} of what the network sees.`;
}

/** Where the map lies, in a sentence. */
export function placeSentence({ boxShare, mapShows }: ExplanationRecord): string {
  return boxShare === null ? "The map is empty." : placeInWords(boxShare, mapShows);
}

/** "tabby 87 %"; of a number, which has no percentage, "45.1 (higher)": what it is, and which way is explained. Names as of `shortName`. */
export function labelInWords({ label, number }: Pick<ExplanationRecord, "label" | "number">, longest?: number): string {
  const { name, confidence } = label;
  if (confidence !== null) return `${shortName(name, longest)} ${percent(confidence)}`;
  return number === null ? shortName(name, longest) : `${Number(number.toPrecision(4))} (${shortName(name, longest)})`;
}

function inWords(record: ExplanationRecord): string {
  const { label, target, boxShare } = record;
  const before =
    label.confidence === null ? labelInWords(record) : `${shortName(label.name)} (${percent(label.confidence)})`;
  if (isPerturbation(record)) {
    return changeInWords(record, before, boxShare === null ? "" : ` ${placeInWords(boxShare, record.mapShows)}`);
  }
  const question = target === null ? before : `${before} rather than ${shortName(target.name)}`;
  return `${question}. ${placeSentence(record)}`;
}

function changeInWords(record: PerturbationRecord, before: string, where: string): string {
  const { label, adversarialLabel, confidences, distances, outcome, settings } = record;
  if (outcome === "already-flipped") {
    return record.target === null
      ? `The network does not say ${shortName(label.name)} here (${percent(confidences.label.clean)}), so there is nothing to change. With ${shortName(label.name)} as the target, what leads to it is shown.`
      : `The network says ${shortName(record.target.name)} already, so there is nothing to change.`;
  }
  if (outcome === "not-flipped") {
    const { hindrance } = record.details;
    const weight = settings.perceptualWeight;
    // A weight that was looked for is no reason.
    const isGiven = typeof weight === "number" && typeof settings.iterations === "number";
    const strength = isGiven ? ` with a perceptual weight of ${Number(weight.toPrecision(3))}` : "";
    if (typeof hindrance === "string") {
      return `${before} stays ${shortName(adversarialLabel.name)} (${percent(adversarialLabel.confidence)}). ${hindrance}${where}`;
    }
    return `${before} stays ${shortName(adversarialLabel.name)} (${percent(adversarialLabel.confidence)})${strength}.${where}`;
  }
  const after = `${shortName(adversarialLabel.name)} (${percent(confidences.adversarialLabel.adversarial)})`;
  return `${before} becomes ${after} by a change of at most ${inLevels(distances.linf)} per pixel${outcome === "over-budget" ? ", but no longer when the pixels are clipped" : ""}.${where}`;
}

/** One line for a terminal. The method is named unless it goes without saying (`isNamed` false). */
export function summaryLine(record: ExplanationRecord, options: { readonly isNamed?: boolean } = {}): string {
  checkKeys("summaryLine", options, ["isNamed"]);
  checkForm("summaryLine: record", record, ["kind", "outcome", "adversarialLabel"]);
  checkForm("summaryLine: options", options, []);
  const { isNamed = true } = options;
  const { box, seconds } = record;
  const side = (name: string, confidence: number): string => `${shortName(name)} ${percent(confidence)}`;
  const { layer, grid } = record.details;
  const read = typeof layer !== "string" ? "" : `  layer ${layer}${Array.isArray(grid) ? ` (${grid.join("x")})` : ""}`;
  const place = box === null ? "" : `  box [${box.join(", ")}]`;
  const truth = record.groundTruth === null ? "" : `  IoU ${record.groundTruth.iou.toFixed(2)}`;
  const end = `${read}${place}${truth}  ${seconds.toFixed(1)} s`;
  const start = `${record.image}: ${isNamed ? `${record.method}  ` : ""}`;
  const before = labelInWords(record);
  if (!isPerturbation(record)) return `${start}${before}${end}`;
  const { adversarialLabel, outcome } = record;
  const arrow = outcome === "flipped" || outcome === "over-budget" ? "→" : "·";
  const state = {
    flipped: "",
    "over-budget": "  LOST BY CLIPPING",
    "not-flipped": `  NOT FLIPPED${typeof record.details.hindrance === "string" ? ` (${record.details.hindrance})` : ""}`,
    "already-flipped": "  nothing to change",
  }[outcome];
  return `${start}${before} ${arrow} ${side(adversarialLabel.name, adversarialLabel.confidence)}${state}${end}`;
}

/**
 * A run in one line: "6 pictures: 6 of 6 flipped, 5 survive 8 bits, 6 boxes (4 of 6 at an IoU of ½ or more); 12 s". Counts what applies:
 * methods that change nothing flip nothing, and an IoU is known where the right box is. What methods share is counted once, boxes are
 * those of each method. `took` is the time in words, `failed` how many pictures could not be explained.
 */
export function runSummary(
  records: readonly ExplanationRecord[],
  { took, failed = 0 }: { readonly took: string; readonly failed?: number },
): string {
  const images = new Set(records.map(({ image }) => image)).size;
  const changed = [
    ...new Map(
      records.filter(isPerturbation).map((record) => [JSON.stringify([record.image, record.files.perturbed]), record]),
    ).values(),
  ];
  const flipped = changed.filter(({ outcome }) => outcome === "flipped");
  const surviving = changed.filter(({ outcome, rounded }) => outcome === "flipped" && rounded.flipped).length;
  const methods = [...new Set(records.map(({ method }) => method))];
  const countOf = (own: readonly ExplanationRecord[]): string => {
    const boxes = own.filter(({ box }) => box !== null).length;
    return `${boxes} ${boxes === 1 ? "box" : "boxes"}`;
  };
  const rightOf = (own: readonly ExplanationRecord[]): string | undefined => {
    const known = own.flatMap(({ groundTruth }) => groundTruth ?? []);
    return known.length === 0 ? undefined : `${known.filter(({ iou }) => iou >= 0.5).length} of ${known.length}`;
  };
  const boxesOf = (method: string): string => {
    const own = records.filter((record) => record.method === method);
    const right = rightOf(own);
    const by = methods.length === 1 ? "" : ` by ${method}`;
    return `${countOf(own)}${by}${right === undefined ? "" : ` (${right} at an IoU of ½ or more)`}`;
  };
  const boxesOfMany = (): string => {
    const right = methods.flatMap((method) => {
      const share = rightOf(records.filter((record) => record.method === method));
      return share === undefined ? [] : [`${method} ${share}`];
    });
    return `${countOf(records)} by ${methods.length} methods${right.length === 0 ? "" : ` (at an IoU of ½ or more: ${right.join(", ")})`}`;
  };
  const parts = [
    ...(changed.length === 0
      ? []
      : [
          `${flipped.length} of ${changed.length} flipped`,
          ...(flipped.length === 0 ? [] : [`${surviving} survive${surviving === 1 ? "s" : ""} 8 bits`]),
        ]),
    ...(methods.length > 2 ? [boxesOfMany()] : methods.map(boxesOf)),
    ...(failed === 0 ? [] : [`${failed} could not be explained`]),
  ];
  return `${images} picture${images === 1 ? "" : "s"}: ${parts.join(", ")}; ${took}`;
}
