/** @file What `explain` says of one picture by one method, as a plain record: `result.json`, and a line of `explain --json`. */

import type { AttackEnding } from "../../attacks/attack.ts";
import type { Distances } from "../../attacks/distances.ts";
import { describeEnding } from "../../attacks/ending.ts";
import { goalOf } from "../../attacks/goal.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { type Classification, softmaxAt } from "../../classifier/logits.ts";
import type { Head } from "../../classifier/network/head/head.ts";
import { describeLayer } from "../../classifier/network/layers.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { geometryFor, type SizedPicture } from "../../classifier/preprocessing/fit-picture.ts";
import type { Preprocessing } from "../../classifier/preprocessing/preprocessing.ts";
import { checkForm } from "../../errors.ts";
import { type Box, fitGeometry } from "../../image/geometry.ts";
import { areaOf, iou, roundedOutward } from "../../localization/box.ts";
import { squaresInside } from "../../localization/energy-inside.ts";
import type { LocalizationRule, LocalizedMap } from "../../localization/localize-map.ts";
import type { Cost } from "../../options/cost.ts";
import type { PerturbationFacts, SaliencyMethod } from "../../saliency/method.ts";
import type { FloatTensor } from "../../tensor/tensor.ts";
import { type LabelRecord, topLabels } from "../records/label-record.ts";

/** What the records of all methods have. */
interface CommonRecord {
  /** The picture as it was given. */
  readonly image: string;
  /** The method's name, its title, what its map shows (a sentence), and where it comes from. */
  readonly method: string;
  readonly methodTitle: string;
  readonly methodSummary: string;
  readonly methodSource: string;
  /** Whether the map is the magnitude of a change of the picture, or interest in it. */
  readonly mapShows: SaliencyMethod["shows"];
  readonly model: { readonly path: string; readonly sha256: string };
  /** The class that is explained, with its confidence on the clean picture. */
  readonly label: Omit<LabelRecord, "confidence"> & {
    /** Null where the output is taken as a number, which has none. */
    readonly confidence: number | null;
  };
  /** What the output is on the clean picture, where it is taken as a number; otherwise null. */
  readonly number: number | null;
  /** The most probable classes of the clean picture and of the perturbed one (null of a method that changes nothing): at most five, the first first. */
  readonly top: { readonly clean: readonly LabelRecord[]; readonly adversarial: readonly LabelRecord[] | null };
  /** The class that was asked for instead; null if none was. */
  readonly target: { readonly index: number; readonly name: string } | null;
  /** Runs of the network with gradient, and without. */
  readonly evaluations: number;
  readonly forwardEvaluations: number;
  readonly outcomeDescription: string;
  readonly seconds: number;
  /** Around the dominant component, [x0, y0, x1, y1) in pixels of the picture as given; null if there is none. */
  readonly box: Box | null;
  /** The same in pixels of the network's input. */
  readonly inputBox: Box | null;
  /** The box's share of the input's area, and of the sum of the squared map; both in [0, 1]. */
  readonly boxShare: { readonly area: number; readonly change: number } | null;
  /** Where the right box is known: that box in pixels of the picture, and how well `box` agrees with it. */
  readonly groundTruth: { readonly box: Box; readonly iou: number } | null;
  /** The method's own, and those that made the box of its map. */
  readonly settings: LocalizationRule & Readonly<Record<string, unknown>>;
  /** What the method found out besides the map. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly preprocessing: Preprocessing & { readonly name: string | null; readonly reason: string };
  /** Which output of the model was taken for the classes, what its numbers mean, and why. */
  readonly head: Omit<Head, "alternatives">;
  /** Where the names of the classes come from. */
  readonly labelsReason: string;
  /** What must be known before the result is trusted. */
  readonly warnings: readonly ModelWarning[];
  readonly versions: Readonly<Record<"perceptualBall" | "runtime" | "platform", string>>;
}

/** Files, relative to the report's folder. */
export type ExplanationFiles<Name extends string> = Readonly<Record<Name, string>>;

/** The record of a method that changes the picture. */
export interface PerturbationRecord extends CommonRecord {
  readonly kind: "perturbation";
  readonly outcome: AttackEnding;
  readonly solverOutcome: string | null;
  /** The predicted class of the perturbed picture, with its confidence there. */
  readonly adversarialLabel: LabelRecord;
  /** Confidences of both classes on both pictures. */
  readonly confidences: Readonly<
    Record<"label" | "adversarialLabel", { readonly clean: number; readonly adversarial: number }>
  >;
  readonly margin: { readonly clean: number; readonly adversarial: number };
  /** Over the pixels in [0, 1]; l0 counts positions. `perceptual` is null where it was not measured. */
  readonly distances: Distances & { readonly perceptual: number | null };
  /** Whether the perturbed picture keeps its label when its pixels are stored as bytes, as perturbed.png stores them. */
  readonly rounded: { readonly index: number; readonly name: string; readonly flipped: boolean };
  /** The layers that were compared. */
  readonly layers: readonly string[];
  readonly files: ExplanationFiles<
    "input" | "overlay" | "panel" | "map" | "mapNpy" | "perturbed" | "perturbation" | "result"
  >;
}

/** The record of a method that makes a map of the picture as it is. */
export interface MapRecord extends CommonRecord {
  readonly kind: "map";
  readonly outcome: "explained";
  readonly adversarialLabel: null;
  readonly margin: { readonly clean: number; readonly adversarial: null };
  readonly distances: null;
  readonly files: ExplanationFiles<"input" | "overlay" | "panel" | "map" | "mapNpy" | "result">;
}

export type ExplanationRecord = PerturbationRecord | MapRecord;

/** Where the files lie that methods of a picture have in common. */
export interface SharedFiles {
  /** The folder's parts; default that of the explanation. */
  readonly pictureFolder?: readonly string[];
  /** Whether what was changed is the same for several methods. Default false. */
  readonly sharesPerturbation?: boolean;
}

/**
 * The files of an explanation in a folder, given by its parts, all but the network's input, which is the same for all methods of a picture
 * and lies in `pictureFolder`, and the perturbed picture, where `sharesPerturbation`, which then lies there too.
 */
export function explanationFiles(
  folder: readonly string[],
  isPerturbation: boolean,
  { pictureFolder = folder, sharesPerturbation = false }: SharedFiles = {},
): ExplanationRecord["files"] {
  const file = (name: string): string => [...folder, name].join("/");
  const change = (name: string): string => (sharesPerturbation ? [...pictureFolder, name].join("/") : file(name));
  const maps = {
    input: [...pictureFolder, "input.png"].join("/"),
    overlay: file("overlay.png"),
    ...{ panel: file("panel.png"), map: file("map.png"), mapNpy: file("map.npy") },
  };
  const result = file("result.json");
  if (!isPerturbation) return { ...maps, result };
  return { ...maps, perturbed: change("perturbed.png"), perturbation: change("perturbation.png"), result };
}

/** Whether a record is that of a method that changes the picture. */
export function isPerturbation(record: ExplanationRecord): record is PerturbationRecord {
  checkForm("isPerturbation: record", record, []);
  return record.kind === "perturbation";
}

export interface ExplanationInput {
  readonly image: string;
  readonly method: Pick<SaliencyMethod, "name" | "title" | "summary" | "source" | "shows">;
  readonly model: ExplanationRecord["model"];
  readonly classifier: Classifier;
  readonly pictureSize: SizedPicture;
  /** Of the clean picture. */
  readonly clean: Classification;
  readonly label: number;
  readonly target?: number;
  readonly evaluations: Cost;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Of a method that changes the picture. */
  readonly perturbation?: PerturbationFacts;
  /** Not blurred, [H, W]. */
  readonly map: FloatTensor;
  readonly localized: LocalizedMap;
  readonly localizationRule: LocalizationRule;
  /** In pixels of the picture. */
  readonly groundTruth?: Box;
  readonly seconds: number;
  readonly versions: ExplanationRecord["versions"];
  readonly files: PerturbationRecord["files"] | MapRecord["files"];
  /** What must be known of the picture itself, beside the classifier's warnings. */
  readonly warnings?: readonly ModelWarning[];
}

/** The record of one explanation. Boxes of the picture are rounded outward to whole pixels. */
export function explanationRecord(input: ExplanationInput): ExplanationRecord {
  checkForm("explanationRecord: input", input, ["image", "method", "model", "classifier"]);
  const { classifier, localized, pictureSize, groundTruth, clean, label, target, method, perturbation } = input;
  const named = (index: number) => ({ index, name: classifier.labelName(index) });
  const { preprocessing, name, reason } = classifier.guess;
  const { alternatives: _, ...head } = classifier.prepared.head;
  const geometry = fitGeometry(
    geometryFor(pictureSize, classifier.input.geometry),
    pictureSize.width,
    pictureSize.height,
  );
  const box = localized.box === undefined ? undefined : roundedOutward(geometry.toPicture(localized.box));
  const isNumber = head.kind === "value";
  const identity = {
    image: input.image,
    method: method.name,
    methodTitle: method.title,
    methodSummary: method.summary,
    methodSource: method.source,
    mapShows: method.shows,
    model: input.model,
    label: { ...named(label), confidence: isNumber ? null : softmaxAt(clean.logits, label) },
    // The logits of a number are 0 and the number.
    number: isNumber ? clean.logits[1] : null,
  };
  const common = {
    top: {
      clean: isNumber ? [] : topLabels(clean.logits, classifier),
      adversarial: perturbation === undefined ? null : topLabels(perturbation.result.raw.logits, classifier),
    },
    target: target === undefined ? null : named(target),
    evaluations: input.evaluations.gradient,
    forwardEvaluations: input.evaluations.forward,
    seconds: input.seconds,
    box: box ?? null,
    inputBox: localized.box ?? null,
    boxShare: localized.box === undefined ? null : shareOf(input.map, localized.box),
    groundTruth:
      groundTruth === undefined ? null : { box: groundTruth, iou: box === undefined ? 0 : iou(box, groundTruth) },
    settings: { ...input.settings, ...input.localizationRule },
    details: input.details ?? {},
    preprocessing: { ...preprocessing, name: name ?? null, reason },
    head,
    labelsReason: classifier.labelsReason,
    warnings: [...classifier.warnings, ...(input.warnings ?? [])],
    versions: input.versions,
  };
  const cleanMargin = goalOf({ label, target }).margin(clean.logits);
  if (perturbation === undefined) {
    return {
      kind: "map",
      ...identity,
      adversarialLabel: null,
      margin: { clean: cleanMargin, adversarial: null },
      distances: null,
      outcome: "explained",
      outcomeDescription: "The picture was explained as it is; nothing was changed.",
      ...common,
      files: input.files,
    };
  }
  const { result, solverOutcome = null, layers = [] } = perturbation;
  const { raw: adversarial, rounded, outcome } = result;
  const confidences = (index: number) => ({
    clean: softmaxAt(clean.logits, index),
    adversarial: softmaxAt(adversarial.logits, index),
  });
  const compared = new Set(layers);
  return {
    kind: "perturbation",
    ...identity,
    adversarialLabel: { ...named(adversarial.label), confidence: adversarial.confidence },
    confidences: { label: confidences(label), adversarialLabel: confidences(adversarial.label) },
    margin: { clean: cleanMargin, adversarial: adversarial.margin },
    distances: { ...adversarial.distances, ...(perturbation.layers === undefined ? { perceptual: null } : {}) },
    outcome,
    outcomeDescription: describeEnding({ ...result, settings: { ...input.settings, ...result.settings } }),
    solverOutcome,
    rounded: { ...named(rounded.label), flipped: rounded.success },
    ...common,
    layers: classifier.layers.filter((layer) => compared.has(layer.name)).map(describeLayer),
    files: input.files as PerturbationRecord["files"],
  };
}

/** What part of the map's area, and of its squares, lies in `box`. */
function shareOf(map: FloatTensor, box: Box): { area: number; change: number } {
  const [height, width] = map.shape;
  return { area: areaOf(box) / (width * height), change: squaresInside(map, box) };
}
