/**
 * @file Telling a network's normalization from its predictions.
 *
 * A network is most confident on inputs like those that it was trained on, so of the usual normalizations the right one gives the
 * most confident predictions on natural pictures: on average, over many of them. One picture says little. So the confidences
 * are weighed against the guess made from the model alone; the weights are such that on five networks (ImageNet, CIFAR-10)
 * a right guess survives one picture in 94 % of draws and eight in 96 %; a wrong one is put right by one in 20 %, by eight in 76 %.
 */
import { throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { resizeFloat } from "../../image/resize.ts";
import { createSession, modelOf, type SessionOptions } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { Classifier } from "../classifier.ts";
import { type Classification, classificationOf, softmaxAt } from "../logits.ts";
import type { ModelWarning } from "../network/prepare-model.ts";
import { logitsGraph } from "../passes/network-graphs.ts";
import { objectiveInputs, objectiveOutputs } from "../passes/objective-graph.ts";
import type { PreprocessingGuess } from "./guess-preprocessing.ts";
import {
  type Normalization,
  type NormalizationName,
  normalizationForChannels,
  normalizations,
  normalizePixels,
} from "./preprocessing.ts";

export interface ProbeOptions extends SessionOptions {
  /** The right class of each image, where it is known: then the right normalization is the one under which it is likeliest. */
  readonly labels?: readonly (number | undefined)[];
  readonly signal?: AbortSignal;
  /** Called after each run of the network. */
  readonly onProgress?: (progress: { readonly runs: number; readonly of: number }) => void;
}

/** Normalizations to about unit scale, and those to 0 … 255, under which most other networks saturate and are sure of anything. */
const small = ["imagenet", "unit", "symmetric"] as const satisfies readonly NormalizationName[];
const large = ["bytes", "caffe"] as const satisfies readonly NormalizationName[];

/** How much a picture's confidence counts: the slope of a logistic regression on 40 ImageNet and 120 CIFAR-10 pictures. */
const slope = 6;
/** How many times likelier the guess from the model is than any other, before a picture is seen. */
const priorOdds = 6;
/** So many runs of the network, at most, tell what a normalization is worth. */
export const mostRuns = 10;
/** How many times likelier another answer must be than not for a warning to be without cause. */
const doubt = Math.log(20);

/**
 * `classifier.guess` with its normalization confirmed or replaced by what gives the most confident predictions on `images`
 * ([C, H, W], pixels in [0, 1], fitted to the network; the first ten are looked at) and its reason extended. Normalizations to 0 … 255 are
 * considered only where all others are hardly better than chance, or three or more pictures get the same prediction from them. The order
 * of the channels is tried both ways where nothing told it. What cannot be told from this many pictures is a warning. Throws as
 * `createSession` does.
 */
export async function probePreprocessing(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: ProbeOptions,
): Promise<PreprocessingGuess> {
  const { guess, prepared, input } = classifier;
  const { signal, onProgress, labels = [], ...sessionOptions } = options;
  const graph = logitsGraph(prepared, { space: "network", normalization: input, batch: 1 });
  const session = await createSession(modelOf(graph, { opsets: prepared.opsets }), sessionOptions);
  const views = viewsOf(images.slice(0, mostRuns), labels);
  const count = Math.min(images.length, mostRuns);
  const { channels, classCount } = prepared;
  try {
    let runs = 0;
    let of = 0;
    const probeAll = async (candidates: readonly Candidate[]): Promise<Probe[]> => {
      of += candidates.length * views.length;
      const probes: Probe[] = [];
      for (const candidate of candidates) {
        const classifications: Classification[] = [];
        for (const view of views) {
          throwIfAborted(signal, "probePreprocessing");
          const values = normalizePixels(view.image.data, candidate.normalization);
          const feeds = {
            [objectiveInputs.image]: floatTensor(values, [1, channels, prepared.height, prepared.width]),
          };
          const results = await session.run(feeds, [objectiveOutputs.logits], { signal });
          classifications.push(classificationOf(results[objectiveOutputs.logits].data as Float32Array));
          runs++;
          onProgress?.({ runs, of });
        }
        probes.push({ ...candidate, classifications, confidence: meanConfidence(classifications, views) });
      }
      return probes;
    };
    const preset = (name: NormalizationName): Candidate => ({
      name,
      normalization: { ...normalizationForChannels(normalizations[name], channels), layout: input.layout },
    });
    const own: Candidate = { name: guess.name, normalization: input };
    const moderate = guess.isUncertain ? await probeAll(small.map(preset)) : await probeAll([own]);
    const isLost = moderate.every((one) => isBlind(one) || isChance(one, classCount));
    const isLarge =
      guess.isUncertain && isLost && (images.length >= 3 || moderate.every((one) => isChance(one, classCount)));
    const candidates = isLarge ? await probeAll(large.map(preset)) : moderate;
    const scoreOf = ({ name, confidence }: Probe): number =>
      slope * count * confidence + (name === guess.name ? Math.log(priorOdds) : 0);
    const ranked = candidates.toSorted((a, b) => scoreOf(b) - scoreOf(a));
    const [first] = ranked;
    const reversed = channels === 3 && !guess.hasKnownChannels ? await probeAll([withReversedChannels(first)]) : [];
    const [other] = reversed;
    // Hardly a network takes blue first without saying so.
    const isReversed = other !== undefined && slope * count * (other.confidence - first.confidence) > doubt;
    const best = isReversed ? other : first;
    const pictures = count === 1 ? "1 picture" : `${count} pictures`;
    const what = labels.some((label) => label !== undefined)
      ? "mean probability of the right class"
      : "mean confidence";
    const found = [...ranked, ...(isReversed ? reversed : [])]
      .map((one) => `${nameOf(one)} ${one.confidence.toFixed(2)}`)
      .join(", ");
    const evidence = `${what} on ${pictures}: ${found}`;
    const rivals = [
      ...ranked.filter((one) => one !== best && scoreOf(best) - scoreOf(one) < doubt),
      ...reversed.filter((one) => {
        return one !== best && slope * count * (best.confidence - one.confidence) + Math.log(priorOdds) < doubt;
      }),
    ];
    const warnings = [...(guess.warnings ?? []), ...warningsOn(best, rivals, { classCount, evidence })];
    if (best.name === guess.name && !isReversed) {
      return { ...guess, reason: `${guess.reason}; ${evidence}`, warnings };
    }
    const { scale, mean, std, channels: order } = best.normalization;
    return {
      ...guess,
      preprocessing: { ...guess.preprocessing, scale, mean, std, channels: order },
      name: best.name,
      reason: guess.isUncertain ? evidence : `${guess.reason}; channels ${order}: ${evidence}`,
      warnings,
    };
  } finally {
    await session.dispose();
  }
}

/** A normalization that is tried. */
interface Candidate {
  readonly name: NormalizationName | undefined;
  readonly normalization: Normalization;
}

interface Probe extends Candidate {
  /** Mean over pictures and views of the largest softmax, or of that of the right class where it is known. */
  readonly confidence: number;
  readonly classifications: readonly Classification[];
}

function nameOf({ name, normalization }: Candidate): string {
  const usualOrder = name === undefined ? "rgb" : normalizations[name].channels;
  const order = normalization.channels === usualOrder ? "" : ` ${normalization.channels}`;
  return `${name ?? "as stated"}${order}`;
}

/** The same numbers for the colors, which come in the other order. */
function withReversedChannels({ name, normalization }: Candidate): Candidate {
  const { channels, mean, std } = normalization;
  return {
    name,
    normalization: {
      ...normalization,
      channels: channels === "rgb" ? "bgr" : "rgb",
      mean: mean.toReversed(),
      std: std.toReversed(),
    },
  };
}

function meanConfidence(classifications: readonly Classification[], views: readonly View[]): number {
  const confidences = classifications.map(({ confidence, logits }, index) => {
    const label = views[index]?.label;
    return label === undefined || label >= logits.length ? confidence : softmaxAt(logits, label);
  });
  const mean = confidences.reduce((sum, one) => sum + one, 0) / confidences.length;
  return Number.isFinite(mean) ? mean : 0;
}

/** Whether predictions are hardly surer than those of nobody who knows anything. */
function isChance({ confidence }: Pick<Probe, "confidence">, classCount: number): boolean {
  return (confidence - 1 / classCount) / (1 - 1 / classCount) < 0.1;
}

function warningsOn(
  best: Probe,
  rivals: readonly Probe[],
  { classCount, evidence }: { readonly classCount: number; readonly evidence: string },
): ModelWarning[] {
  const advice = "Say how its pixels are prepared: --preprocessing, or --mean, --std, --scale and --channels";
  if (isChance(best, classCount)) {
    const message = `no normalization that was tried is much better than chance (${evidence}). ${advice}`;
    return [{ code: "preprocessing-no-better-than-chance", message }];
  }
  const labelsOf = (probe: Probe): string => probe.classifications.map(({ label }) => label).join();
  const other = rivals.find((rival) => labelsOf(rival) !== labelsOf(best));
  if (other === undefined) return [];
  const at = best.classifications.findIndex(({ label }, index) => label !== other.classifications[index]?.label);
  const [mine, theirs] = [best, other].map((one) => one.classifications[at]?.label);
  const message = `the preprocessing is a guess, and it decides the label: under ${nameOf(best)} a picture is class ${mine}, under ${nameOf(other)} class ${theirs}. ${advice}`;
  return [{ code: "preprocessing-decides-label", message }];
}

/** Whether all views get the same label with nearly the same confidence: the network hardly sees what is on the pictures. */
function isBlind({ classifications }: Probe): boolean {
  const [first] = classifications;
  return classifications.every(
    ({ label, confidence }) => label === first.label && Math.abs(confidence - first.confidence) < 0.05,
  );
}

/** A picture, or a variant of it, with its class where that is known. */
interface View {
  readonly image: ImageTensor;
  readonly label: number | undefined;
}

/** The pictures as they are, then mirrored, then moved closer by an eighth, as far as the runs go. */
function viewsOf(images: readonly ImageTensor[], labels: readonly (number | undefined)[]): View[] {
  const variants = [(image: ImageTensor) => image, mirrored, closer];
  return variants
    .flatMap((variant) => images.map((image, n) => ({ image: variant(image), label: labels[n] })))
    .slice(0, mostRuns);
}

function mirrored(image: ImageTensor): ImageTensor {
  const [channels, height, width] = image.shape;
  const data = new Float32Array(image.data.length);
  for (let row = 0; row < channels * height; row++) {
    for (let x = 0; x < width; x++) data[row * width + x] = image.data[(row + 1) * width - 1 - x];
  }
  return floatTensor(data, image.shape);
}

function closer(image: ImageTensor): ImageTensor {
  const [, height, width] = image.shape;
  const margin = 0.06;
  return resizeFloat(image, {
    width,
    height,
    interpolation: "bilinear",
    box: [width * margin, height * margin, width * (1 - margin), height * (1 - margin)],
  });
}
