/**
 * @file The localization benchmark (section 4, Table 1): every method on every picture, and what each map finds.
 *
 * One record per picture and method holds the boxes at every threshold; tables are made of records afterwards, so that the best
 * threshold, the connectivity and the criterion of a match can be chosen without computing a map again.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { type Classification, classificationOf } from "../../classifier/logits.ts";
import { geometryFor, sizedPicture } from "../../classifier/preprocessing/fit-picture.ts";
import { contentsOption, type Dataset, type DatasetImage } from "../../datasets/dataset.ts";
import { BadInputError, checkForm, checkKeys, MisuseError, numberIn, oneOf } from "../../errors.ts";
import { blur } from "../../image/gaussian-blur.ts";
import { type Box, fitGeometry, type Geometry } from "../../image/geometry.ts";
import { normalizeMap, normalizeSigned } from "../../image/normalize.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { areaOf } from "../../localization/box.ts";
import { energyInside } from "../../localization/energy-inside.ts";
import { boxConnectivities, levelBoxesOf } from "../../localization/level-boxes.ts";
import { distanceToBoxes, greatestPoint } from "../../localization/pointing-game.ts";
import { thresholdLevels } from "../../localization/threshold.ts";
import { gridKinds, thresholdGrids } from "../../localization/threshold-grids.ts";
import { createRandom } from "../../random/random.ts";
import { createExplainer, type Explainer } from "../../saliency/explainer.ts";
import type { Explanation, SaliencyMethod } from "../../saliency/method.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";
import { completeSmoothing, type SmoothingSettings } from "../../saliency/smoothing.ts";
import { type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { type MetricName, type MetricValue, type MetricValues, metricNamed, metrics } from "../metrics/metrics.ts";
import { hash64 } from "../records/canonical-json.ts";
import { classifierSettings } from "../records/classifier-settings.ts";
import type { ExperimentIdentity, RecordKey } from "../records/record-store.ts";
import type { Computed, ExperimentItem } from "../records/run-experiment.ts";
import { averagePrecision } from "../statistics/ranking.ts";
import { insertionDeletion } from "./insertion-deletion.ts";
import { boxesAsText, type ConnectivityKey, type GridBoxes, type LocalizationRecord } from "./record.ts";

/** Raised when the same settings no longer give the same records. */
export const localizationVersion = "1";

/** A method as the benchmark runs it. */
export interface MethodRun {
  /** What tables call it: the method's name, or one of the user's for other settings of it. */
  readonly name: string;
  readonly method: SaliencyMethod;
  /** The method's own settings; its defaults are left out. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * Which class is explained: the one predicted (as the paper's released code does), or the one that the data set states. Where the network
 * predicts another one, methods that read a score explain the score of the stated class. There is no label to flip then, so that the
 * methods that change the picture explain by the change that makes it the stated class.
 */
export type ExplainedClass = "predicted" | "truth";

export interface LocalizationSettings {
  /** Of the Gaussian that blurs every map before anything is measured, in pixels of the network's input. 0: no blur. */
  readonly sigmaPixels: number;
  readonly explain: ExplainedClass;
  /** Steps of the insertion and deletion curves; 0 leaves them out, "rows" is the published one row's worth of pixels a step. */
  readonly curveSteps: number | "rows";
  /** Images per run of the network for the curves. */
  readonly batch: number;
  readonly seed: number;
  /** Of every map, by noisy copies of the picture. Default: none. */
  readonly smoothing?: SmoothingSettings;
  /** Further metrics of every map. Default: none. */
  readonly metrics?: readonly MetricName[];
}

/**
 * The defaults: the blur of the paper's released code (σ = 2) for every method alike, the predicted class, and curves as published.
 */
export const defaultLocalizationSettings: LocalizationSettings = {
  sigmaPixels: 2,
  explain: "predicted",
  curveSteps: "rows",
  batch: 16,
  seed: 0,
};

/** `settings` if they can be meant; otherwise throws a MisuseError that says which cannot. */
export function checkLocalizationSettings(settings: LocalizationSettings): LocalizationSettings {
  const where = "localization";
  numberIn(`${where}: sigmaPixels`, settings.sigmaPixels, { min: 0, max: 1000 });
  oneOf(`${where}: explain`, settings.explain, ["predicted", "truth"]);
  if (settings.curveSteps !== "rows") numberIn(`${where}: curveSteps`, settings.curveSteps, { min: 0, integer: true });
  numberIn(`${where}: batch`, settings.batch, { min: 1, integer: true });
  numberIn(`${where}: seed`, settings.seed, { min: 0, integer: true });
  if (settings.smoothing !== undefined) completeSmoothing(`${where}: smoothing`, settings.smoothing);
  for (const name of settings.metrics ?? []) metricNamed(`${where}: metrics`, name);
  return settings;
}

/** What a folder of localization results is about: records of another identity are not mixed with these. */
export function localizationIdentity(
  classifier: Classifier,
  modelSha256: string,
  data: ExperimentIdentity["data"],
  settings: LocalizationSettings,
): ExperimentIdentity {
  checkForm("localizationIdentity: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("localizationIdentity: modelSha256", modelSha256, "string");
  checkForm("localizationIdentity: settings", settings, ["sigmaPixels", "explain", "curveSteps", "batch"]);
  // The batch changes no record: rows of a batch are computed alike.
  const { batch, ...decisive } = checkLocalizationSettings(settings);
  // Perturbations of pictures of another predicted class were blank maps once.
  const flips = settings.explain === "truth" ? { flips: "toward the class" } : {};
  return {
    experiment: "localization",
    version: localizationVersion,
    model: modelSha256,
    data,
    settings: { ...decisive, ...flips, ...classifierSettings(classifier) },
  };
}

/** One picture with one method. */
export interface LocalizationItem extends ExperimentItem {
  readonly image: DatasetImage;
  readonly run: MethodRun;
  /** Whether the map is kept beside the record, for panels. */
  readonly keepsMap: boolean;
}

/** The key of a picture's record with a method. */
export function localizationKey(image: DatasetImage, { name, method, settings }: MethodRun): RecordKey {
  const options = { method: method.name, version: method.version, settings, ...contentsOption(image) };
  return { image: image.id, method: name, options };
}

/**
 * Every picture with every method, picture by picture. Of the first `keepMaps` pictures the maps are kept. Throws a MisuseError
 * if two runs have one name, and a BadInputError if no picture has a box.
 */
export function localizationItems(
  dataset: Dataset,
  runs: readonly MethodRun[],
  options: { readonly keepMaps?: number } = {},
): LocalizationItem[] {
  checkKeys("localizationItems", options, ["keepMaps"]);
  const { keepMaps = 0 } = options;
  checkForm("localizationItems: dataset", dataset, ["name", "images", "problems"]);
  checkForm("localizationItems: runs", runs, "list");
  const twice = runs.find(({ name }, i) => runs.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) {
    throw new MisuseError({ where: "localization", what: `two methods are called ${JSON.stringify(twice.name)}` });
  }
  const images = dataset.images.filter(({ boxes }) => boxes !== undefined && boxes.length > 0);
  if (images.length === 0) {
    throw new BadInputError({
      where: dataset.name,
      what: "no picture has a box",
      expected: "the boxes of the objects, which localization is measured with",
    });
  }
  return images.flatMap((image, index) =>
    runs.map((run) => ({ key: localizationKey(image, run), image, run, keepsMap: index < keepMaps })),
  );
}

/** The stream of random numbers of a picture and method: the same whatever else is computed, and in whatever order. */
export function randomPath({ image, method }: RecordKey): number {
  return Number(hash64(JSON.stringify([image, method])) >> 12n);
}

/** What all methods on one picture have in common. */
interface Subject {
  readonly id: string;
  readonly input: ImageTensor;
  readonly classification: Classification;
  readonly geometry: Geometry;
  readonly truthBoxes: readonly Box[];
  readonly mask: Uint8Array | undefined;
  /** By what is asked of the class: methods share what they have in common, such as a perturbation. */
  readonly explainers: Map<string, Explainer>;
}

/**
 * The function that computes an item's record, for `runExperiment`. It remembers the last picture, so that a picture is read and
 * classified once for all methods where items come picture by picture.
 */
export function localizationCompute(
  classifier: Classifier,
  settings: LocalizationSettings,
): (
  items: readonly LocalizationItem[],
  context: { readonly signal?: AbortSignal },
) => Promise<Computed<LocalizationRecord>[]> {
  checkForm("localizationCompute: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("localizationCompute: settings", settings, ["sigmaPixels", "explain", "curveSteps", "batch"]);
  checkLocalizationSettings(settings);
  let last: Subject | undefined;
  return async (items, { signal }) => {
    const results: Computed<LocalizationRecord>[] = [];
    for (const item of items) {
      if (last?.id !== item.image.id) last = await subjectOf(item.image, classifier, signal);
      results.push(await computeOne(item, last, classifier, settings, signal));
    }
    return results;
  };
}

async function subjectOf(image: DatasetImage, classifier: Classifier, signal?: AbortSignal): Promise<Subject> {
  const picture = await image.picture();
  const input = classifier.fit(picture);
  const sized = sizedPicture(picture);
  const geometry = fitGeometry(geometryFor(sized, classifier.input.geometry), sized.width, sized.height);
  const truthBoxes = (image.boxes ?? []).map(geometry.toInput).filter((box) => areaOf(box) > 0);
  if (truthBoxes.length === 0) {
    throw new BadInputError({
      where: image.id,
      what: "the object lies outside of what the network sees",
      expected: "a box inside the crop",
      advice: "Crop less (--resize, --crop), or leave the picture out.",
    });
  }
  const [logits] = await (await classifier.forward()).run([input.data], { signal });
  const mask = image.mask === undefined ? undefined : maskInInput(await image.mask(), geometry, input.shape);
  const classification = classificationOf(logits);
  return { id: image.id, input, classification, geometry, truthBoxes, mask, explainers: new Map() };
}

/** The mask as the network's input sees it: for each input pixel the picture's pixel under its middle; 0 where there is none. */
function maskInInput(
  { shape: [height, width], data }: Tensor & { readonly data: Uint8Array },
  { toPicture, crop, resizedWidth, resizedHeight }: Geometry,
  [, rows, columns]: readonly number[],
): Uint8Array {
  const result = new Uint8Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const [left, top] = [x + crop.x + 0.5, y + crop.y + 0.5];
      if (left < 0 || top < 0 || left > resizedWidth || top > resizedHeight) continue;
      const [px, py] = toPicture([x + 0.5, y + 0.5, x + 0.5, y + 0.5]);
      const [column, row] = [Math.min(width - 1, Math.floor(px)), Math.min(height - 1, Math.floor(py))];
      result[y * columns + x] = data[row * width + column];
    }
  }
  return result;
}

async function computeOne(
  { image, run, key, keepsMap }: LocalizationItem,
  subject: Subject,
  classifier: Classifier,
  settings: LocalizationSettings,
  signal: AbortSignal | undefined,
): Promise<Computed<LocalizationRecord>> {
  const { input, classification } = subject;
  const label = settings.explain === "truth" ? image.label : undefined;
  if (settings.explain === "truth" && label === undefined) {
    throw new BadInputError({ where: image.id, what: "the data set states no class to explain" });
  }
  const explained = label ?? classification.label;
  const random = createRandom(settings.seed, randomPath(key));
  const explainer = explainerFor(subject, classifier, questionOf(run.method, classification, explained), settings);
  const { explanation, seconds } = await explainer.explain(run.method, run.settings, { random, signal });
  const map = blur(explanation.map, { sigmaPixels: settings.sigmaPixels });
  const curves = await curvesOf(map, explained, subject, classifier, settings, signal);
  const measured = await metricsOf({ run, key }, map, explained, subject, classifier, settings, signal);
  const [, height, width] = input.shape;
  const point = greatestPoint(map);
  const { geometry, truthBoxes, mask } = subject;
  const [px, py] = geometry.toPicture([...point, ...point]);
  const result: LocalizationRecord = {
    predicted: { label: classification.label, confidence: classification.confidence },
    explained,
    truth: image.label ?? null,
    size: { width, height },
    truthBoxes,
    boxes: gridBoxes(map),
    point,
    pointDistance: { picture: distanceToBoxes([px, py], image.boxes ?? []), input: distanceToBoxes(point, truthBoxes) },
    energyInside: energyInside(map, truthBoxes) ?? null,
    averagePrecision: mask === undefined ? null : (averagePrecision(map.data, mask) ?? null),
    insertion: curves?.insertion ?? null,
    deletion: curves?.deletion ?? null,
    evaluations: explanation.evaluations,
    settings: explanation.settings,
    details: Object.keys(explanation.details).length === 0 ? null : explanation.details,
    ...(measured === undefined ? {} : { metrics: measured }),
  };
  return { result, seconds, arrays: keepsMap ? keptArrays(map, explanation) : {} };
}

/** What a method is asked: about the class, or, of a method that changes the picture, what leads to a class that is not predicted. */
function questionOf(
  { perturbing }: SaliencyMethod,
  { label }: Classification,
  explained: number,
): { readonly label: number; readonly target?: number } {
  return perturbing === undefined || label === explained ? { label: explained } : { label, target: explained };
}

function explainerFor(
  { explainers, input }: Subject,
  classifier: Classifier,
  question: ReturnType<typeof questionOf>,
  { smoothing }: LocalizationSettings,
): Explainer {
  const key = JSON.stringify(question);
  const explainer = explainers.get(key) ?? createExplainer(classifier, input, { ...question, smoothing });
  explainers.set(key, explainer);
  return explainer;
}

async function curvesOf(
  map: SaliencyMap,
  label: number,
  { input }: Subject,
  classifier: Classifier,
  { curveSteps, batch }: LocalizationSettings,
  signal: AbortSignal | undefined,
): Promise<{ readonly insertion: number[]; readonly deletion: number[] } | undefined> {
  if (curveSteps === 0) return undefined;
  const forward = await classifier.forward({ batch });
  const { insertion, deletion } = await insertionDeletion(forward, input, map, {
    label,
    steps: curveSteps === "rows" ? undefined : curveSteps,
    normalization: classifier.input,
    signal,
  });
  const rounded = (curve: readonly number[]): number[] => curve.map((value) => Number(value.toPrecision(5)));
  return { insertion: rounded(insertion), deletion: rounded(deletion) };
}

/** The metrics that were asked for, each with random numbers of its own; undefined if none was. */
async function metricsOf(
  { run, key }: Pick<LocalizationItem, "run" | "key">,
  map: SaliencyMap,
  label: number,
  { input, classification }: Subject,
  classifier: Classifier,
  { metrics: asked = [], sigmaPixels, smoothing, batch, seed }: LocalizationSettings,
  signal: AbortSignal | undefined,
): Promise<MetricValues | undefined> {
  if (asked.length === 0) return undefined;
  const { method, settings } = run;
  const question = questionOf(method, classification, label);
  const explain = async (image: ImageTensor): Promise<SaliencyMap> => {
    // The same random numbers as for the picture itself, so that only the picture differs.
    const random = createRandom(seed, randomPath(key));
    const found = await method.explain(classifier, image, { ...settings, ...question, random, smoothing, signal });
    return blur(found.map, { sigmaPixels });
  };
  const takesPictures = method.perturbing !== undefined;
  const values: [MetricName, MetricValue][] = [];
  for (const [n, { name, measure }] of metrics.entries()) {
    if (!asked.includes(name)) continue;
    const random = createRandom(seed, randomPath(key), n + 1);
    const subject = { classifier, image: input, map, label, explain, takesPictures, batch, random, signal };
    values.push([name, await measure(subject)]);
  }
  return Object.fromEntries(values);
}

/** The boxes of `map` [H, W] at every threshold of every grid. */
export function gridBoxes(map: SaliencyMap): Record<ConnectivityKey, GridBoxes> {
  checkForm("gridBoxes: map", map, ["dtype", "data", "shape"]);
  const levels = thresholdLevels(
    map,
    gridKinds.flatMap((kind) => thresholdGrids[kind]),
  );
  const byConnectivity = levelBoxesOf(map, levels, boxConnectivities).map((boxes, c) => {
    let at = 0;
    const byKind = gridKinds.map((kind) => {
      const own = boxes.slice(at, at + thresholdGrids[kind].length).map((box) => box ?? null);
      at += own.length;
      return [kind, boxesAsText(own)] as const;
    });
    return [String(boxConnectivities[c]), Object.fromEntries(byKind) as Record<keyof GridBoxes, string>] as const;
  });
  return Object.fromEntries(byConnectivity) as Record<ConnectivityKey, GridBoxes>;
}

/** The blurred map in 16 bits, and the perturbation where there is one in 8: enough to look at. */
function keptArrays(map: SaliencyMap, { perturbation }: Explanation): Record<string, Tensor> {
  const shown = tensorOf(
    "uint16",
    normalizeMap(map).data.map((value) => Math.round(65_535 * value)),
    map.shape,
  );
  if (perturbation === undefined) return { map: shown };
  const levels = normalizeSigned(perturbation).data.map((value) => Math.round(255 * value));
  return { map: shown, perturbation: tensorOf("uint8", levels, perturbation.shape) };
}
