/** @file The classifier that the flags mean, with what had to be guessed about it: every command that runs a model opens it here. */
import { basename } from "node:path";
import { decidesEachLabel, describeHead } from "../classifier/network/head/head.ts";
import type { ModelWarning } from "../classifier/network/prepare-model.ts";
import { isOpenToPictures } from "../classifier/preprocessing/guess-preprocessing.ts";
import { normalizationForChannels } from "../classifier/preprocessing/preprocessing.ts";
import { type ProbeOptions, probePreprocessing } from "../classifier/preprocessing/probed/probe-preprocessing.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { namesFromData } from "../datasets/names-from-data.ts";
import { MisuseError, PerceptualBallError, throwIfAborted } from "../errors.ts";
import { describeGeometry, type GeometryRule } from "../image/geometry.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import { bundledClassifierPath } from "../node/models/bundled.ts";
import { type FileClassifier, loadClassifier } from "../node/models/load-classifier.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { providersOf } from "../runtime/session.ts";
import { type DataFlags, isOwnData } from "./flags/data-flags.ts";
import { type EndpointFlags, openEndpointOf } from "./flags/endpoint-flags.ts";
import { classifierOptionsOf, geometryOf, type ModelFlags } from "./flags/model-flags.ts";
import type { RuntimeFlags } from "./flags/runtime-flags.ts";
import { foldLine } from "./fold-line.ts";
import type { PictureSource } from "./pictures.ts";

/** At most so many pictures are looked at where the model leaves its preprocessing open. */
export const samplePictures = 8;
/** At most so many pictures of labelled data are looked at to see whether the model recognizes them. */
const labelledPictures = 20;

/** A picture with its class, where that is known. */
export interface Sample {
  readonly picture: Picture | ImageTensor;
  readonly label?: number;
}

/** Pictures to look at, and the data set that they are of. */
export interface Samples {
  readonly pictures: readonly Sample[];
  readonly dataset?: Pick<Dataset, "name" | "listedClasses" | "isOrderOpen">;
}

export interface OpenClassifierOptions {
  readonly runtime: Runtime;
  /** Pictures to try normalizations on where the model leaves them open; those of labelled data are looked at in any case. */
  readonly samples: (classifier: FileClassifier) => Promise<Samples>;
  /** Whether the samples are of a data set: what it says is on them, and what it calls its classes. */
  readonly isLabelled?: boolean;
  /** Whether pictures are the user's own besides those of `--data`: the bundled classifier then says what it is. */
  readonly hasOwnPictures?: boolean;
  /** Of a model that decides each of its labels by itself: the label whose decision is meant, by name or number; before `--decision`. */
  readonly decision?: string | undefined;
  /** Whether `--label` names the decision that is meant. */
  readonly hasLabel?: boolean;
  /** Whether the command works with all labels of such a model; others want one. */
  readonly takesAllLabels?: boolean;
  /**
   * Whether one picture is all there is, so that few graphs are run again after another: of a large network then no more stay open than fit into 1 GB, unless
   * `--allow-memory` says otherwise.
   */
  readonly isOnePicture?: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: ProbeOptions["onProgress"];
  /** Shows the share of labelled pictures that are recognized, what the classifier is, and its warnings, a line each. */
  readonly note: (text: string) => void;
}

/** The classifier behind `--endpoint`, or that of {@link openClassifier}. */
export async function openModelOrEndpoint(
  flags: EndpointFlags & RuntimeFlags & Pick<DataFlags, "data">,
  options: OpenClassifierOptions,
): Promise<FileClassifier> {
  if (flags.endpoint === undefined) return await openClassifier(flags, options);
  return await openEndpointOf(flags, flags.endpoint, options);
}

/**
 * The classifier in the model's file, or the bundled one, prepared as the flags say, as the model says, or as pictures suggest, and what a
 * user must know of it noted. The classifier is the caller's to dispose of.
 */
export async function openClassifier(
  flags: ModelFlags & RuntimeFlags & Pick<DataFlags, "data">,
  options: OpenClassifierOptions,
): Promise<FileClassifier> {
  const { runtime, signal, onProgress, note } = options;
  const { model = bundledClassifierPath, threads, providers } = flags;
  const execution = { runtime, threads, providers };
  if (providers?.includes("auto")) {
    const { providers: chosen, reason } = await providersOf(execution);
    note(`execution providers: ${chosen?.join(", ") ?? "the runtime's own"} (${reason})`);
  }
  const isSparing = options.isOnePicture === true && flags.allowMemory === undefined;
  const loaded = await loadClassifier(model, {
    ...classifierOptionsOf(flags),
    ...execution,
    ...(isSparing ? { sessionMemory: 2 ** 30 } : {}),
  });
  const { guess, input } = loaded;
  const { geometry, geometryReason } = geometryOf(flags, loaded);
  const fitted = loaded.withPreprocessing({
    ...guess,
    preprocessing: { ...guess.preprocessing, geometry },
    geometryReason,
    warnings: [
      // Who says how pictures are resized need not know what a file would have had.
      ...(guess.warnings ?? []).filter(({ code }) => flags.resize === undefined || code !== "other-input-size"),
      ...paddingWarnings(geometry, geometryReason),
    ],
  });
  const { isLabelled = false } = options;
  const hasOwnPictures = options.hasOwnPictures === true || isOwnData(flags.data);
  const isOpen = isOpenToPictures(guess, input.channelCount);
  const samples = isOpen || isLabelled ? await options.samples(fitted) : { pictures: [] };
  const { named, disagreements } = namedByData(fitted, samples);
  const images = samples.pictures.map(({ picture }) => named.fit(picture));
  const labels = samples.pictures.map(({ label }) => label);
  const isProbed = isOpen && images.length > 0;
  const told = trustedLabels(samples, disagreements);
  const probed = isProbed
    ? named.withPreprocessing(
        await probePreprocessing(named, images, { ...execution, labels: told, signal, onProgress }),
      )
    : named;
  const accuracy = isLabelled ? await accuracyOf(probed, images, labels, signal) : undefined;
  const warnings = [
    ...(accuracy?.warnings ?? []),
    ...disagreements,
    ...(flags.model === undefined && hasOwnPictures ? [bundledWarning(probed)] : []),
  ];
  const classifier =
    warnings.length === 0
      ? probed
      : probed.withPreprocessing({ ...probed.guess, warnings: [...(probed.guess.warnings ?? []), ...warnings] });
  if (accuracy !== undefined) note(accuracy.text);
  for (const line of describeClassifier(classifier)) note(line);
  for (const { message } of classifier.warnings) note(`warning: ${message}`);
  return decided(classifier, options, flags.decision);
}

/** What is said of a resize whose pictures do not fill the crop: who wants a frame says `pad`. */
function paddingWarnings({ resize, crop }: GeometryRule, reason: string): readonly ModelWarning[] {
  if (resize.kind !== "shorter" || crop === undefined) return [];
  const least = Math.max(crop.width, crop.height);
  if (resize.size >= least) return [];
  const message = `the resize (${reason}) makes the shorter side ${resize.size}, and the network sees ${crop.height}x${crop.width}: what a picture does not fill is a black frame. Say --resize shorter:${least} or more, or --resize pad if a frame is meant`;
  return [{ code: "resize-below-crop", message }];
}

/** The labels of the samples; none where they are right only by chance, as they would choose a wrong normalization. */
export function trustedLabels(
  { pictures, dataset }: Samples,
  disagreements: readonly ModelWarning[],
): readonly (number | undefined)[] {
  const areByChance = disagreements.length > 0 || dataset?.isOrderOpen === true;
  return areByChance ? [] : pictures.map(({ label }) => label);
}

/** The classifier with the names that the data gives its classes, where it has none and they fit, and where they disagree. */
function namedByData(
  classifier: FileClassifier,
  { dataset }: Samples,
): { readonly named: FileClassifier; readonly disagreements: readonly ModelWarning[] } {
  if (dataset === undefined || classifier.prepared.head.kind === "value") {
    return { named: classifier, disagreements: [] };
  }
  const { labels: names, classCount: count } = classifier;
  const { labels, warnings } = namesFromData({ names, count }, dataset);
  return { named: labels === undefined ? classifier : classifier.withNames(labels), disagreements: warnings };
}

/** The classifier of the decision that is meant, where labels are decided each by itself. */
function decided(
  classifier: FileClassifier,
  {
    decision,
    takesAllLabels = false,
    hasLabel = false,
  }: Pick<OpenClassifierOptions, "decision" | "takesAllLabels" | "hasLabel">,
  named: string | undefined,
): FileClassifier {
  if (!decidesEachLabel(classifier.prepared.head)) {
    if (named === undefined) return classifier;
    throw new MisuseError({
      where: "--decision",
      what: "the model does not decide each of its labels by itself",
      expected: "a multi-label head",
      got: describeHead(classifier.prepared.head),
      advice: "Leave it out; --head multi-label takes each of the outputs as a decision.",
    });
  }
  const meant = decision ?? named;
  if (meant !== undefined) return classifier.decision(classifier.findLabel(meant));
  if (takesAllLabels) return classifier;
  const { count } = classifier.prepared.head;
  const names = classifier.labels?.slice(0, 8).join(", ");
  throw new MisuseError({
    where: classifier.file.path,
    what: `each of the ${count} labels is present or absent by itself`,
    expected: `one of them, named${names === undefined ? "" : ` (${names}${count > 8 ? ", …" : ""})`}`,
    advice: `Choose with ${hasLabel ? "--label" : "--decision"}. If only one of them is ever meant, --head softmax compares them with one another.`,
  });
}

/** The first pictures of a data set that can be read, with their classes. */
export async function samplesOfDataset(
  dataset: Pick<Dataset, "images" | "name" | "listedClasses" | "isOrderOpen">,
): Promise<Samples> {
  return { pictures: await readableSamples(dataset.images, labelledPictures), dataset };
}

/** The first pictures of files that can be read, for a network of so many channels. */
export async function samplesOfPictures(
  given: readonly PictureSource[],
  input: Parameters<PictureSource["load"]>[0],
): Promise<Samples> {
  const pictures = await readableSamples(
    given.map(({ load }) => ({ picture: () => load(input) })),
    samplePictures,
  );
  return { pictures };
}

/** At most so many of the pictures, in order. */
async function readableSamples(
  pictures: readonly { readonly picture: () => Promise<Sample["picture"]>; readonly label?: number }[],
  most: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const { picture, label } of pictures) {
    if (samples.length === most) break;
    try {
      samples.push({ picture: await picture(), ...(label === undefined ? {} : { label }) });
    } catch (error) {
      // What cannot be read is said when it is its turn.
      if (!(error instanceof PerceptualBallError)) throw error;
    }
  }
  return samples;
}

/** How many of the pictures whose class is known get it, in words, with a warning if these are few; undefined where no class is known. */
async function accuracyOf(
  classifier: FileClassifier,
  images: readonly ImageTensor[],
  labels: readonly (number | undefined)[],
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly warnings: readonly ModelWarning[] } | undefined> {
  const isSeparate = decidesEachLabel(classifier.prepared.head);
  if (classifier.prepared.head.kind === "value") return undefined;
  let [right, of] = [0, 0];
  for (const [n, image] of images.entries()) {
    const wanted = labels[n];
    if (wanted === undefined || wanted >= classifier.classCount) continue;
    throwIfAborted(signal, "clean accuracy");
    of++;
    const { label, logits } = await classifier.classify(image, { signal });
    // Where labels are decided each by itself, the right one has to be present.
    if (isSeparate ? (logits[wanted] ?? 0) > 0 : label === wanted) right++;
  }
  if (of === 0) return undefined;
  const share = right / of;
  const chance = isSeparate ? 0.5 : 1 / classifier.classCount;
  const text = `clean accuracy: ${right} of ${of} pictures (${Math.round(100 * share)} %)`;
  const isPoor = (share - chance) / (1 - chance) < 0.3;
  const message = `the model recognizes only ${right} of the first ${of} pictures: its preprocessing (${classifier.guess.name ?? "custom"}, ${classifier.guess.reason}) or the order of its classes may be wrong. Say how pixels are prepared with --preprocessing, or --mean, --std, --scale and --channels`;
  return { text, warnings: isPoor ? [{ code: "poor-accuracy", message }] : [] };
}

function bundledWarning({ labels, classCount }: FileClassifier): ModelWarning {
  const names = labels === undefined ? "" : ` (${labels.join(", ")})`;
  return {
    code: "bundled-classifier",
    message: `no model was given, so the bundled network looks at these pictures: it knows ${classCount} kinds of objects in rendered scenes${names} and nothing else. Give your own with --model`,
  };
}

/**
 * What is said of the model: what its output is taken for, what its classes are called, how pixels become its input, and why. Lines have 80
 * columns at most, unless a name is longer; what does not fit goes on in the next, farther in.
 */
export function describeClassifier(classifier: FileClassifier): string[] {
  return factsOf(classifier).flatMap((fact) => foldLine(fact, { width: 80, indent: 6 }));
}

/** A line each. */
function factsOf(classifier: FileClassifier): string[] {
  const { file, input, guess, layers, prepared, labelsReason, labels } = classifier;
  const { mean, std, scale, channels } = normalizationForChannels(guess.preprocessing, input.channelCount);
  const exact = guess.name ?? `mean ${mean.join(",")} std ${std.join(",")} scale ${scale} ${channels}`;
  const others = prepared.head.alternatives.map(({ value }) => value).join(", ");
  const size = `${input.channelCount}x${input.height}x${input.width} (${(file.bytes / 1e6).toFixed(1)} MB)`;
  return [
    `${basename(file.path)}: ${layers.length} operations, input ${size}`,
    `  logits: ${describeHead(prepared.head)}${others === "" ? "" : `, not ${others}`}`,
    labels === undefined ? `  no names: ${labelsReason}` : `  names: ${labelsReason}`,
    `  preprocessing ${exact} (${guess.reason})`,
    ...(input.channelCount === 3 && !guess.hasKnownChannels
      ? [`  channels ${channels}: assumed, nothing says so`]
      : []),
    `  resize ${describeGeometry(input.geometry)} (${guess.geometryReason})`,
    ...prepared.notes.map((note) => `  ${note}`),
  ];
}
