/** @file Everything between a picture and the files of its explanation: what `explain` does, in Node and in a browser. */
import { evaluatePerturbed } from "../../attacks/evaluate-results.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { geometryFor, type SizedPicture, sizedPicture } from "../../classifier/preprocessing/fit-picture.ts";
import { fullScaleOf } from "../../classifier/preprocessing/preprocessing.ts";
import { type Region, regionMask } from "../../classifier/preprocessing/region-mask.ts";
import { checkForm, checkKeys } from "../../errors.ts";
import { type ExplanationRecord, explanationFiles, explanationRecord } from "../../experiments/explanation/record.ts";
import type { ColorMap } from "../../image/color-map.ts";
import { type Box, fitGeometry } from "../../image/geometry.ts";
import { type ImageTensor, isPicture, type Picture, tensorToPicture } from "../../image/picture.ts";
import { brightened, brightening, shownImage, storedImage } from "../../image/shown-image.ts";
import { defaultLocalizationRule, type LocalizationRule, localizeMap } from "../../localization/localize-map.ts";
import type { Cost } from "../../options/cost.ts";
import type { OnProgress } from "../../options/progress.ts";
import { createRandom } from "../../random/random.ts";
import { createExplainer, type Explainer, type TimedExplanation } from "../../saliency/explainer.ts";
import type { PerturbationFacts, SaliencyMethod } from "../../saliency/method.ts";
import type { Smoothing } from "../../saliency/smoothing.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import { boxColors } from "../style/box-colors.ts";
import { amplified, commonFactor } from "./amplified.ts";
import { overlayOf } from "./overlay.ts";
import { panelOf, type Tiles, tilesOf } from "./panel.ts";

/** A method with the settings that it runs with. */
export interface ExplanationRun {
  readonly method: SaliencyMethod;
  /** The method's own settings; its defaults are left out. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface ExplainPictureOptions {
  /** What records call the picture. */
  readonly image: string;
  /** What they call the model. */
  readonly model: ExplanationRecord["model"];
  readonly versions: ExplanationRecord["versions"];
  /** The class that is explained, by number or name; the predicted one by default. */
  readonly label?: string | number;
  /** Another class: "why the label and not this?" */
  readonly target?: string | number;
  /** Images per run of the network; each method's own choice by default. */
  readonly batch?: number;
  /** Of maps, by noisy copies of the picture: how many, or more settings. Default: none. */
  readonly smoothing?: Smoothing;
  /** The region of the picture that methods may change; those that change nothing refuse it. Default: everywhere. */
  readonly region?: Region;
  /** Of the random numbers of each method. Default 0. */
  readonly seed?: number;
  /** How boxes are made of maps. What is left out is that of {@link defaultLocalizationRule}, and the threshold the method's own. */
  readonly localizationRule?: Partial<LocalizationRule>;
  /** Default "inferno". */
  readonly colorMap?: ColorMap;
  /** Where the right box is known, in pixels of the picture. */
  readonly groundTruth?: Box;
  /** Where the files that records name lie; of several methods, each in a folder of its name inside. Default: none. */
  readonly folder?: string;
  /** What must be known of the picture itself before its results are trusted, such as how many of its bits were taken to be used. */
  readonly warnings?: readonly ModelWarning[];
  readonly signal?: AbortSignal;
  /** Called as the work goes on; counted in forward runs of the network, of which a gradient is three. */
  readonly onProgress?: OnProgress;
}

/** What one method finds in a picture. */
export interface PictureExplanation {
  readonly record: ExplanationRecord;
  /** Of the network's input, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
  /** Where the right box is known, in pixels of the network's input. */
  readonly groundTruth: Box | undefined;
  /** By what factor the change is shown larger than it is, of this method alone (see `commonFactor` for several). */
  readonly amplification?: number;
  /** The parts of the panel, at the size of the network's input. */
  readonly tiles: Tiles;
  /** What the files of the record show, by their names there. */
  readonly pictures: {
    /** The network's input. */
    readonly input: Picture;
    /** The map over the whole picture, see `overlayOf`. */
    readonly overlay: Picture;
    readonly panel: Picture;
    readonly map: Picture;
    readonly perturbed?: Picture;
    /** The change, `amplification` times as large: gray where nothing changes. */
    readonly perturbation?: Picture;
  };
  readonly arrays: {
    /** Not blurred, [H, W]. */
    readonly map: FloatTensor;
    /** Pixels [C, H, W], and their difference from the clean ones, of a method that changes the picture. */
    readonly perturbed?: ImageTensor;
    readonly perturbation?: ImageTensor;
  };
}

/**
 * The explanations of `picture` (a picture, or pixels [C, H, W]) by each of `runs`, in order, each as soon as it is finished. The picture
 * is fitted and classified once, and methods of one search share their perturbation. Throws the MisuseErrors of the methods
 * before anything runs, and an AbortedError when `signal` aborts.
 */
export async function* explainPicture(
  classifier: Classifier,
  picture: Picture | ImageTensor,
  runs: readonly ExplanationRun[],
  options: ExplainPictureOptions,
): AsyncGenerator<PictureExplanation, void, undefined> {
  checkKeys("explainPicture", options, [
    "image",
    "model",
    "versions",
    "label",
    "target",
    "batch",
    "smoothing",
    "region",
    "seed",
    "localizationRule",
    "colorMap",
    "groundTruth",
    "folder",
    "warnings",
    "signal",
    "onProgress",
  ]);
  checkForm("explainPicture: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("explainPicture: picture", picture, ["data"]);
  checkForm("explainPicture: runs", runs, "list");
  checkForm("explainPicture: options", options, ["image", "model", "versions"]);
  const { label, target, batch, smoothing, region, seed = 0, signal, onProgress } = options;
  const weights = weightsOf(classifier, runs, options);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const subject = subjectOf(classifier, picture, options, runs);
  const { pictureSize } = subject;
  const mask = region && regionMask(`region of ${options.image}`, region, pictureSize, classifier.input);
  const explainer = createExplainer(classifier, subject.input, { label, target, batch, mask, smoothing });
  let before = 0;
  for (const [n, { method, settings }] of runs.entries()) {
    const report: OnProgress = ({ done, of }) =>
      onProgress?.({ done: before + weights[n] * Math.min(1, done / of), of: total, unit: "runs" });
    const random = createRandom(seed);
    const found = await explainer.explain(method, settings, { random, signal, onProgress: report });
    const explained = await pictureExplanation(subject, runs[n], found, explainer);
    before += weights[n];
    onProgress?.({ done: before, of: total, unit: "runs" });
    yield explained;
  }
}

/** What the explanations of a picture have in common. */
interface Subject {
  readonly classifier: Classifier;
  readonly options: ExplainPictureOptions;
  readonly input: ImageTensor;
  readonly picture: Picture | ImageTensor;
  readonly pictureSize: SizedPicture;
  /** By how much pixels are multiplied to be looked at: shares of the largest sample of many bits are nearly black. */
  readonly brightness: number;
  /** Whether each method has a folder of its own. */
  readonly hasFolders: boolean;
  /** The search whose perturbation several of the methods are made of. */
  readonly sharedSearch: string | undefined;
}

function subjectOf(
  classifier: Classifier,
  picture: Picture | ImageTensor,
  options: ExplainPictureOptions,
  runs: readonly ExplanationRun[],
): Subject {
  const pictureSize = sizedPicture(picture);
  const searches = runs.flatMap((run) => searchOf(run) ?? []);
  const shared = new Set(searches.filter((search, n) => searches.indexOf(search) < n));
  // Of two that are shared, each would want to be the picture's.
  const [sharedSearch] = shared.size === 1 ? shared : [];
  const hasFolders = runs.length > 1;
  const input = classifier.fit(picture);
  const brightness = fullScaleOf(classifier.input) === undefined ? 1 : brightening(input);
  return { classifier, options, input, brightness, picture, pictureSize, hasFolders, sharedSearch };
}

/** What tells the search of a perturbation from others; undefined for a method that changes nothing. */
function searchOf({ method: { perturbing }, settings = {} }: ExplanationRun): string | undefined {
  return perturbing && JSON.stringify([perturbing.search, settings]);
}

/** About how long each run takes, in forward runs of the network. A perturbation that an earlier run has found costs nothing. */
function weightsOf(
  classifier: Classifier,
  runs: readonly ExplanationRun[],
  { label, target, smoothing }: ExplainPictureOptions,
): number[] {
  const forwardRuns = ({ forward, gradient }: Cost): number => forward + 3 * gradient;
  const searched = new Set<string>();
  return runs.map((run) => {
    const { method, settings = {} } = run;
    const asked = { ...settings, label, target };
    const smoothed = smoothing === undefined ? 0 : forwardRuns(method.costOf(classifier, { ...asked, smoothing }));
    if (method.perturbing === undefined && smoothing !== undefined) return smoothed;
    const cost = forwardRuns(method.costOf(classifier, asked)) + smoothed;
    const search = searchOf(run);
    if (method.perturbing === undefined || search === undefined) return cost;
    const isKnown = searched.has(search);
    searched.add(search);
    return isKnown ? forwardRuns(method.perturbing.mapCost) + smoothed : cost;
  });
}

async function pictureExplanation(
  { classifier, options, input, brightness, picture, pictureSize, hasFolders, sharedSearch }: Subject,
  run: ExplanationRun,
  { explanation, perturbation, seconds }: TimedExplanation,
  explainer: Explainer,
): Promise<PictureExplanation> {
  const { method } = run;
  const { signal, colorMap, groundTruth, folder = "" } = options;
  const { sigmaPixels, connectivity } = { ...defaultLocalizationRule, ...options.localizationRule };
  const threshold = options.localizationRule?.threshold ?? method.box;
  const localizationRule: LocalizationRule = { sigmaPixels, threshold, connectivity };
  const { map, label, evaluations, settings } = explanation;
  const clean = await explainer.classify({ signal });
  const target = options.target === undefined ? undefined : classifier.findLabel(options.target);
  const facts: PerturbationFacts | undefined =
    perturbation &&
    (perturbation.facts ?? {
      result: await evaluatePerturbed(classifier, input, sumOf(input, perturbation.pixels), {
        ...{ label, target, logits: clean.logits, rounding: perturbation.rounding, signal },
      }),
    });
  const localized = localizeMap(map, localizationRule);
  const shown = <P extends Picture | ImageTensor>(one: P): P | ImageTensor =>
    brightness === 1 || isPicture(one) ? one : brightened(one, brightness);
  const perturbed = facts?.result.rounded.image;
  const tiles = tilesOf({ image: shown(input), perturbed: perturbed && shown(perturbed), localized, colorMap });
  const pictureFolder = folder === "" ? [] : [folder];
  const parts = [...pictureFolder, ...(hasFolders ? [method.name] : [])];
  const record = explanationRecord({
    ...{ image: options.image, model: options.model, versions: options.versions, groundTruth },
    ...{ method, classifier, pictureSize, clean, label, target, evaluations, settings, seconds },
    ...{ map, localized, localizationRule, perturbation: facts },
    warnings: options.warnings ?? [],
    details: detailsFor(explanation.details, perturbation),
    files: explanationFiles(parts, facts !== undefined, {
      ...{ pictureFolder, sharesPerturbation: sharedSearch !== undefined && searchOf(run) === sharedSearch },
    }),
  });
  const { width: pictureWidth, height: pictureHeight } = pictureSize;
  const geometry = fitGeometry(geometryFor(pictureSize, classifier.input.geometry), pictureWidth, pictureHeight);
  const truth = groundTruth && geometry.toInput(groundTruth);
  const panel = panelOf(tiles, [
    ...(truth === undefined ? [] : [{ box: truth, color: boxColors.groundTruth, isDashed: true }]),
    ...(localized.box === undefined ? [] : [{ box: localized.box, color: boxColors.found }]),
  ]);
  const { width, height } = tiles.original;
  const common = { record, size: { width, height }, groundTruth: truth, tiles };
  const pictures = {
    input: tensorToPicture(storedImage(input)),
    overlay: overlayOf({
      picture: shown(picture),
      geometry,
      localized,
      box: record.box ?? undefined,
      groundTruth,
      colorMap,
    }),
    panel,
    map: tiles.map,
  };
  if (facts === undefined) return { ...common, pictures, arrays: { map } };
  const amplification = commonFactor([facts.result.perturbation]);
  return {
    ...common,
    amplification,
    pictures: {
      ...pictures,
      perturbed: tensorToPicture(storedImage(facts.result.rounded.image)),
      perturbation: tensorToPicture(shownImage(amplified(facts.result.perturbation, amplification))),
    },
    arrays: { map, perturbed: facts.result.raw.image, perturbation: facts.result.perturbation },
  };
}

/** What the record says of a perturbation in fields of its own is not said twice, where it might come out otherwise. */
function detailsFor(
  details: Readonly<Record<string, unknown>>,
  perturbation: TimedExplanation["perturbation"],
): Readonly<Record<string, unknown>> {
  if (perturbation === undefined) return details;
  if (perturbation.facts !== undefined) return perturbation.details;
  const { outcome: _outcome, outcomeDescription: _description, adversarialLabel: _label, ...rest } = details;
  return rest;
}

/** Element by element. */
function sumOf({ data, shape }: ImageTensor, perturbation: ImageTensor): ImageTensor {
  return floatTensor(
    data.map((x, i) => x + perturbation.data[i]),
    shape,
  );
}
