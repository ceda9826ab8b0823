/** @file What `explain` says of one picture, as a plain record: `result.json`, and a line of `explain --json`. */
import {
  type AttackOutcome,
  attackOutcomeDescriptions,
  type PerceptualResult,
  type PerceptualSettings,
} from "../attacks/perceptual.ts";
import { type Classifier, softmaxAt } from "../classifier/classifier.ts";
import { describeLayer } from "../classifier/layers.ts";
import type { Preprocessing } from "../classifier/preprocessing.ts";
import { type Box, fitGeometry } from "../image/geometry.ts";
import { areaOf, iou, roundedOutward } from "../localization/box.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import type { Interest, InterestRule } from "./interest.ts";

/** The ways of `explain` to make a map. */
export const explanationMethods = ["perceptual", "guided-perceptual"] as const;
export type ExplanationMethod = (typeof explanationMethods)[number];

/** A class with the softmax of its logit, in [0, 1]. */
export interface LabelRecord {
  readonly index: number;
  readonly name: string;
  readonly confidence: number;
}

export interface ExplanationRecord {
  /** The picture as it was given. */
  readonly image: string;
  readonly method: ExplanationMethod;
  readonly model: { readonly path: string; readonly sha256: string };
  /** The class that is explained, with its confidence on the clean picture. */
  readonly label: LabelRecord;
  /** The predicted class of the perturbed picture, with its confidence there. */
  readonly adversarialLabel: LabelRecord;
  /** The class that was to be reached; null if any other class would do. */
  readonly target: { readonly index: number; readonly name: string } | null;
  /** Confidences of both classes on both pictures. */
  readonly confidences: Readonly<
    Record<"label" | "adversarialLabel", { readonly clean: number; readonly adversarial: number }>
  >;
  readonly margin: { readonly clean: number; readonly adversarial: number };
  /** Over the pixels in [0, 1]; l0 counts positions. */
  readonly distances: PerceptualResult["distances"];
  readonly evaluations: number;
  readonly outcome: AttackOutcome;
  readonly outcomeDescription: string;
  readonly solverOutcome: string;
  /** Whether the perturbed picture keeps its label when its pixels are stored as bytes, as perturbed.png stores them. */
  readonly rounded: { readonly index: number; readonly name: string; readonly flipped: boolean };
  readonly seconds: number;
  /** Around the dominant component, [x0, y0, x1, y1) in pixels of the picture as given; null if there is none. */
  readonly box: Box | null;
  /** The same in pixels of the network's input. */
  readonly inputBox: Box | null;
  /** The box's share of the input's area, and of the sum of the squared map; both in [0, 1]. */
  readonly boxShare: { readonly area: number; readonly change: number } | null;
  /** Where the right box is known: that box in pixels of the picture, and how well `box` agrees with it. */
  readonly groundTruth: { readonly box: Box; readonly iou: number } | null;
  readonly layers: readonly string[];
  readonly settings: PerceptualSettings & InterestRule;
  readonly preprocessing: Preprocessing & { readonly name: string | null; readonly reason: string };
  readonly versions: Readonly<Record<"perceptualBall" | "runtime" | "platform", string>>;
  /** Relative to the report's folder. */
  readonly files: Readonly<Record<"panel" | "map" | "mapNpy" | "perturbed" | "perturbation" | "result", string>>;
}

export interface ExplanationInput {
  readonly image: string;
  readonly method: ExplanationMethod;
  readonly model: ExplanationRecord["model"];
  readonly classifier: Classifier;
  readonly pictureSize: { readonly width: number; readonly height: number };
  readonly result: PerceptualResult;
  /** Not blurred, [H, W]. */
  readonly map: FloatTensor;
  readonly interest: Interest;
  readonly interestRule: InterestRule;
  /** In pixels of the picture. */
  readonly groundTruth?: Box;
  readonly seconds: number;
  readonly versions: ExplanationRecord["versions"];
  readonly files: ExplanationRecord["files"];
}

/** The record of one explanation. Boxes of the picture are rounded outward to whole pixels. */
export function explanationRecord(input: ExplanationInput): ExplanationRecord {
  const { classifier, result, interest, pictureSize, groundTruth } = input;
  const { label, adversarial, clean, target } = result;
  const named = (index: number) => ({ index, name: classifier.labelName(index) });
  const confidences = (index: number) => ({
    clean: softmaxAt(clean.logits, index),
    adversarial: softmaxAt(adversarial.logits, index),
  });
  const { preprocessing, name, reason } = classifier.guess;
  const geometry = fitGeometry(classifier.input.geometry, pictureSize.width, pictureSize.height);
  const box = interest.box === undefined ? undefined : roundedOutward(geometry.toPicture(interest.box));
  const names = new Set(result.settings.layers);
  return {
    image: input.image,
    method: input.method,
    model: input.model,
    label: { ...named(label), confidence: softmaxAt(clean.logits, label) },
    adversarialLabel: { ...named(adversarial.label), confidence: adversarial.confidence },
    target: target === undefined ? null : named(target),
    confidences: { label: confidences(label), adversarialLabel: confidences(adversarial.label) },
    margin: result.margin,
    distances: result.distances,
    evaluations: result.evaluations,
    outcome: result.outcome,
    outcomeDescription: attackOutcomeDescriptions[result.outcome],
    solverOutcome: result.solverOutcome,
    rounded: { ...named(result.rounded.label), flipped: result.rounded.flipped },
    seconds: input.seconds,
    box: box ?? null,
    inputBox: interest.box ?? null,
    boxShare: interest.box === undefined ? null : shareOf(input.map, interest.box),
    groundTruth:
      groundTruth === undefined ? null : { box: groundTruth, iou: box === undefined ? 0 : iou(box, groundTruth) },
    layers: classifier.layers.filter((layer) => names.has(layer.name)).map(describeLayer),
    settings: { ...result.settings, ...input.interestRule },
    preprocessing: { ...preprocessing, name: name ?? null, reason },
    versions: input.versions,
    files: input.files,
  };
}

/** What part of the map's area, and of its squares, lies in `box`. */
function shareOf({ shape: [height, width], data }: FloatTensor, box: Box): { area: number; change: number } {
  const [x0, y0, x1, y1] = box;
  let [inside, total] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const square = data[y * width + x] ** 2;
      total += square;
      if (x >= x0 && x < x1 && y >= y0 && y < y1) inside += square;
    }
  }
  return { area: areaOf(box) / (width * height), change: total > 0 ? inside / total : 0 };
}
