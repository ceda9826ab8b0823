/** @file What an attack did to one picture: the numbers that the experiment keeps, and the record that is shown. */
import { type Adversarial, type AttackEnding, type AttackResult, attackOutcomes } from "../../attacks/attack.ts";
import { warningsIn } from "../../attacks/autoattack/evaluation-warnings.ts";
import { describeEnding } from "../../attacks/ending.ts";
import { goalOf } from "../../attacks/goal.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { softmaxAt } from "../../classifier/logits.ts";
import type { Head } from "../../classifier/network/head/head.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { checkForm } from "../../errors.ts";
import type { LabelRecord } from "../records/label-record.ts";
import {
  type Form,
  isCost,
  isCount,
  isJsonObject,
  isNumber,
  isShare,
  isTruth,
  objectOf,
  orNull,
  wordOf,
} from "../records/record-form.ts";

/** An image that the attack found, as numbers. */
export interface AdversarialFinding {
  /** The class predicted for it, and its softmax. */
  readonly label: number;
  readonly confidence: number;
  readonly success: boolean;
  /** Of the class attacked. */
  readonly margin: number;
  /** From the clean picture, in pixels of [0, 1]; `perceptual` without unit. */
  readonly distances: Adversarial["distances"];
}

/** What the experiment keeps of one picture under one attack: plain JSON. */
export interface AttackFinding {
  readonly outcome: AttackEnding;
  /** The class attacked, with its softmax on the clean picture. */
  readonly label: number;
  readonly confidence: number;
  readonly target: number | null;
  readonly cleanMargin: number;
  /** As the search left it, clipped to the budget, and in 8 bits per channel as the PNG has it. */
  readonly raw: AdversarialFinding;
  readonly withinBudget: AdversarialFinding;
  readonly rounded: AdversarialFinding;
  /** Whether the PNG has lost a success. */
  readonly lostInRounding: boolean;
  readonly evaluations: AttackResult["cost"];
  /** The settings in force, and what only this attack knows. */
  readonly settings: AttackResult["settings"];
  readonly details: AttackResult["details"];
}

/** What is kept of an attack's result: everything but the images. */
export function findingOf(result: AttackResult): AttackFinding {
  checkForm("findingOf: result", result, ["attack", "outcome", "label", "clean"]);
  const { outcome, label, target, clean, lostInRounding, cost, settings, details } = result;
  const numbersOf = (found: Adversarial): AdversarialFinding => ({
    label: found.label,
    confidence: found.confidence,
    success: found.success,
    margin: found.margin,
    distances: found.distances,
  });
  return {
    outcome,
    label,
    confidence: softmaxAt(clean.logits, label),
    target: target ?? null,
    cleanMargin: goalOf({ label, target }).margin(clean.logits),
    raw: numbersOf(result.raw),
    withinBudget: numbersOf(result.withinBudget),
    rounded: numbersOf(result.rounded),
    lostInRounding,
    evaluations: cost,
    settings,
    details,
  };
}

type SaidDistances = AdversarialFinding["distances"];
const distances = { l0: isCount, l1: isNumber, l2: isNumber, linf: isNumber, perceptual: isNumber };
const isWithoutLpips = objectOf<Omit<SaidDistances, "lpips">>(distances);
const isWithLpips = objectOf<Required<SaidDistances>>({ ...distances, lpips: isNumber });

const isAdversarialFinding = objectOf<AdversarialFinding>({
  label: isCount,
  confidence: isShare,
  success: isTruth,
  margin: isNumber,
  // The LPIPS distance is there where it was asked for.
  distances: (value): value is SaidDistances => isWithoutLpips(value) || isWithLpips(value),
});

/** Whether a value that was read is an {@link AttackFinding}. */
export const isAttackFinding: Form<AttackFinding> = objectOf<AttackFinding>({
  outcome: wordOf(attackOutcomes),
  label: isCount,
  confidence: isShare,
  target: orNull(isCount),
  cleanMargin: isNumber,
  raw: isAdversarialFinding,
  withinBudget: isAdversarialFinding,
  rounded: isAdversarialFinding,
  lostInRounding: isTruth,
  evaluations: isCost,
  settings: isJsonObject,
  details: isJsonObject,
});

/** An image that the attack found, as numbers and names. */
export interface AdversarialRecord extends Omit<AdversarialFinding, "label" | "confidence"> {
  readonly label: LabelRecord;
}

/** A finding with the names of everything in it, as `result.json` and `attack --json` show it. */
export interface AttackRecord {
  readonly image: string;
  readonly attack: string;
  readonly attackTitle: string;
  readonly model: { readonly path: string; readonly sha256: string };
  readonly outcome: AttackEnding;
  readonly outcomeDescription: string;
  /** The class attacked, with its confidence on the clean picture. */
  readonly label: LabelRecord;
  readonly target: { readonly index: number; readonly name: string } | null;
  readonly cleanMargin: number;
  /** As the search left it, clipped to the budget, and in 8 bits per channel as the PNG has it. */
  readonly raw: AdversarialRecord;
  readonly withinBudget: AdversarialRecord;
  readonly rounded: AdversarialRecord;
  /** Whether the PNG has lost a success. */
  readonly lostInRounding: boolean;
  readonly evaluations: AttackResult["cost"];
  readonly settings: AttackResult["settings"];
  readonly details: AttackResult["details"];
  /** Relative to the folder of the results; empty where no files were asked for. */
  readonly files: Readonly<Partial<Record<"adversarial" | "adversarialNpy" | "difference" | "result", string>>>;
  /** Which output of the model was taken for the classes, what its numbers mean, and why. */
  readonly head: Omit<Head, "alternatives">;
  /** What must be known before the result is trusted. */
  readonly warnings: readonly ModelWarning[];
  readonly versions: Readonly<Record<"perceptualBall" | "runtime" | "platform", string>>;
}

export interface AttackRecordInput
  extends Pick<
    AttackRecord,
    "image" | "attack" | "attackTitle" | "model" | "files" | "versions" | "head" | "warnings"
  > {
  readonly classifier: Pick<Classifier, "labelName">;
  readonly finding: AttackFinding;
}

/** The record, all JSON, its names always in the same order. */
export function attackRecord(input: AttackRecordInput): AttackRecord {
  checkForm("attackRecord: input", input, ["classifier", "finding", "image", "attack"]);
  const { classifier, finding, ...given } = input;
  const { outcome, label, confidence, target, cleanMargin, lostInRounding, evaluations, settings, details } = finding;
  const { image, attack, attackTitle, model, files, versions, head, warnings } = given;
  const name = (index: number): string => classifier.labelName(index);
  const recordOf = (found: AdversarialFinding): AdversarialRecord => {
    const { l0, l1, l2, linf, perceptual, lpips } = found.distances;
    return {
      label: { index: found.label, name: name(found.label), confidence: found.confidence },
      success: found.success,
      margin: found.margin,
      distances: { l0, l1, l2, linf, perceptual, ...(lpips === undefined ? {} : { lpips }) },
    };
  };
  return {
    ...{ image, attack, attackTitle, model, files, versions },
    outcome,
    outcomeDescription: describeEnding(finding),
    label: { index: label, name: name(label), confidence },
    target: target === null ? null : { index: target, name: name(target) },
    cleanMargin,
    raw: recordOf(finding.raw),
    withinBudget: recordOf(finding.withinBudget),
    rounded: recordOf(finding.rounded),
    lostInRounding,
    evaluations: { forward: evaluations.forward, gradient: evaluations.gradient },
    settings,
    details,
    head,
    warnings: [...warnings, ...warningsIn(details)],
  };
}
