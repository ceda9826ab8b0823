/** @file What `attack` says of one picture by one attack, as a plain record: `result.json`, and a line of `attack --json`. */
import { type Adversarial, type AttackEnding, type AttackResult, attackEndings } from "../../attacks/attack.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { marginOf, softmaxAt } from "../../classifier/logits.ts";
import type { LabelRecord } from "../records/label-record.ts";

/** An image that the attack found, as numbers. */
export interface AdversarialRecord {
  readonly label: LabelRecord;
  readonly success: boolean;
  /** Of the class attacked. */
  readonly margin: number;
  /** From the clean picture, in pixels of [0, 1]; `perceptual` without unit. */
  readonly distances: Adversarial["distances"];
}

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
  readonly evaluations: AttackResult["evaluations"];
  readonly settings: AttackResult["settings"];
  readonly details: AttackResult["details"];
  /** Relative to the folder of the results; empty where no files were asked for. */
  readonly files: Readonly<Partial<Record<"adversarial" | "adversarialNpy" | "difference" | "result", string>>>;
  readonly versions: Readonly<Record<"perceptualBall" | "runtime" | "platform", string>>;
}

export interface AttackRecordInput
  extends Pick<AttackRecord, "image" | "attack" | "attackTitle" | "model" | "files" | "versions"> {
  readonly classifier: Pick<Classifier, "labelName">;
  readonly result: AttackResult;
}

/** The record, all JSON. */
export function attackRecord({ classifier, result, ...given }: AttackRecordInput): AttackRecord {
  const { outcome, label, target, clean, lostInRounding, evaluations, settings, details } = result;
  const name = (index: number): string => classifier.labelName(index);
  const numbersOf = (found: Adversarial): AdversarialRecord => ({
    label: { index: found.label, name: name(found.label), confidence: found.confidence },
    success: found.success,
    margin: found.margin,
    distances: found.distances,
  });
  return {
    ...given,
    outcome,
    outcomeDescription: attackEndings[outcome],
    label: { index: label, name: name(label), confidence: softmaxAt(clean.logits, label) },
    target: target === undefined ? null : { index: target, name: name(target) },
    cleanMargin: marginOf(clean.logits, target ?? label, target !== undefined),
    raw: numbersOf(result.raw),
    withinBudget: numbersOf(result.withinBudget),
    rounded: numbersOf(result.rounded),
    lostInRounding,
    evaluations,
    settings,
    details,
  };
}
