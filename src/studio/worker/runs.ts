/** @file Explanations and attacks of one picture, watched. */
import type { AttackResult } from "../../attacks/attack.ts";
import { describeEnding } from "../../attacks/ending.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { classificationOf, softmaxAt } from "../../classifier/logits.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import type { ExplanationRecord } from "../../experiments/explanation/record.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import type { LocalizationRule } from "../../localization/localize-map.ts";
import { parseOptions } from "../../options/parse.ts";
import { explainPicture, type PictureExplanation } from "../../report/explanation/explain-picture.ts";
import { explanationSentence } from "../../report/explanation/sentences.ts";
import { rootMeanSquare } from "../../saliency/perturbations/root-mean-square.ts";
import type { AdversarialView, AttackView, ExplanationView, Frame, ProgressView, RunQuestion } from "../protocol.ts";
import { type Sliders, sliderRule } from "../slider-rule.ts";
import { pixelsOfImage } from "./pixels.ts";
import { rememberedMethod } from "./remembered-method.ts";
import type { Gate } from "./turns.ts";
import { watchedSearch } from "./watch-search.ts";

/** What a run is about. */
export interface Subject {
  readonly classifier: Classifier;
  readonly name: string;
  readonly picture: Picture | ImageTensor;
  readonly input: ImageTensor;
  readonly model: ExplanationRecord["model"];
  readonly versions: ExplanationRecord["versions"];
  /** What must be known of the picture itself before its results are trusted. */
  readonly warnings: readonly ModelWarning[];
  /** The class asked about; undefined: the predicted one. */
  readonly label: number | undefined;
  readonly target: number | undefined;
  /** Of the picture as it is. */
  readonly predicted: number;
}

export interface Watching {
  readonly signal: AbortSignal;
  readonly gate: Gate;
  readonly onFrame?: (frame: Frame) => void;
  readonly onProgress: (progress: ProgressView) => void;
}

/** An explanation that can be written down again as the sliders now say. */
export interface KeptExplanation {
  readonly latest: PictureExplanation;
  again(sliders: Sliders): Promise<PictureExplanation>;
}

/** The explanation of the subject by the method called `name`, with settings as texts. */
export async function runExplanation(
  subject: Subject,
  name: string,
  settings: RunQuestion["settings"],
  rule: LocalizationRule,
  { signal, gate, onFrame, onProgress }: Watching,
): Promise<KeptExplanation> {
  const { methodNamed } = await import("./techniques.ts");
  const method = methodNamed(name);
  const parsed = parseOptions(name, method.settings, Object.entries(settings));
  const { classifier, input, label, target, predicted } = subject;
  const watched = watchedSearch(classifier, {
    ...{ image: input, label: label ?? predicted, target, gate },
    ...(method.perturbing === undefined ? {} : { onFrame }),
  });
  const remembered = rememberedMethod(method);
  const explained = async (how: LocalizationRule, by: Classifier, seconds?: number): Promise<PictureExplanation> => {
    const { name: image, picture, model, versions, warnings } = subject;
    const options = { image, model, versions, warnings, label, target, localizationRule: how, signal, onProgress };
    const runs = [{ method: remembered, settings: parsed }];
    for await (const found of explainPicture(by, picture, runs, seconds === undefined ? options : quietly(options))) {
      // A search that stood still for an hour has not worked for an hour.
      return { ...found, record: { ...found.record, seconds: seconds ?? found.record.seconds - gate.heldFor / 1000 } };
    }
    throw new Error("explainPicture ended without an explanation");
  };
  const latest = await explained(rule, watched);
  const again = (sliders: Sliders) => explained(sliderRule(sliders, method.box), classifier, latest.record.seconds);
  return { latest, again };
}

/** Without what ended with the run: its signal and whoever listened. */
function quietly<O extends { readonly signal: AbortSignal; readonly onProgress: unknown }>(
  options: O,
): Omit<O, "signal" | "onProgress"> {
  const { signal: _, onProgress: __, ...rest } = options;
  return rest;
}

export function explanationView(key: string, { record, arrays, pictures }: PictureExplanation): ExplanationView {
  return {
    key,
    record,
    sentence: explanationSentence(record),
    map: arrays.map.data.slice() as Float32Array<ArrayBuffer>,
    ...(pictures.perturbed === undefined || arrays.perturbed === undefined
      ? {}
      : { perturbed: pixelsOfImage(arrays.perturbed) }),
  };
}

/** What the attack called `name` makes of the subject, with how long it took. */
export async function runAttack(
  { classifier, input, label, target, predicted }: Subject,
  name: string,
  settings: RunQuestion["settings"],
  { signal, gate, onFrame, onProgress }: Watching,
): Promise<{ readonly result: AttackResult; readonly seconds: number }> {
  const { attackNamed } = await import("./techniques.ts");
  const attack = attackNamed(name);
  const parsed = parseOptions(name, attack.options, Object.entries(settings));
  const watched = watchedSearch(classifier, { image: input, label: label ?? predicted, target, gate, onFrame });
  const started = performance.now();
  const [result] = await attack.run(watched, [input], { ...parsed, label, target, signal, onProgress });
  return { result, seconds: (performance.now() - started - gate.heldFor) / 1000 };
}

export function attackView(
  key: string,
  classifier: Classifier,
  { result, seconds }: { readonly result: AttackResult; readonly seconds: number },
): AttackView {
  const { outcome, label, clean, raw, rounded, lostInRounding, cost, perturbation, settings } = result;
  const named = (logits: Float32Array, index: number) => ({
    index,
    name: classifier.labelName(index),
    confidence: softmaxAt(logits, index),
  });
  const viewOf = (found: AttackResult["raw"]): AdversarialView => ({
    label: named(found.logits, classificationOf(found.logits).label),
    success: found.success,
    margin: found.margin,
    distances: found.distances,
  });
  return {
    ...{ key, outcome, outcomeText: describeEnding(result), lostInRounding, cost, seconds, settings },
    label: named(clean.logits, label),
    raw: viewOf(raw),
    rounded: viewOf(rounded),
    map: rootMeanSquare(perturbation).data.slice() as Float32Array<ArrayBuffer>,
    perturbed: pixelsOfImage(rounded.image),
  };
}
