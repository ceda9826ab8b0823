/**
 * @file Telling a network's normalization from its predictions.
 *
 * A network is most confident on inputs like those that it was trained on, so of the usual normalizations the right one gives the
 * most confident predictions on natural pictures: on average, over many of them. One picture says little. So the confidences
 * are weighed against the guess made from the model alone, and where several answers are left that give different labels, that is a warning.
 */
import { checkForm, checkKeys } from "../../../errors.ts";
import type { ImageTensor } from "../../../image/picture.ts";
import { type SessionOptions, sessionOptionKeys } from "../../../runtime/session.ts";
import type { Classifier } from "../../classifier.ts";
import { decidesEachLabel } from "../../network/head/head.ts";
import type { ModelWarning } from "../../network/prepare-model.ts";
import { mayBeOfCaffe, nameOf, type PreprocessingGuess } from "../guess-preprocessing.ts";
import type { NormalizationName } from "../preprocessing.ts";
import { isOfDigitsSize } from "../shown/natural-pictures.ts";
import { type Candidate, candidateName, gainOver, type Probe, presetFor, withReversedChannels } from "./candidates.ts";
import { isBlind, isChance, isNearChance, isWithoutNumbers } from "./judgements.ts";
import { openProber, type Prober } from "./prober.ts";
import {
  describeReadings,
  groundWarning,
  leastRead,
  type Reading,
  readersOf,
  readingOf,
  readingsOf,
} from "./read-digits.ts";
import { negativesOf, type View, viewsOf, withContrasts } from "./views.ts";

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
/** Of one channel, whose means are those of no colors; the digits' are tried where pictures are as small, and ImageNet's are not: no published network of digits was seen to take them. */
const smallOfDigits = ["unit", "symmetric", "mnist"] as const satisfies readonly NormalizationName[];
const onlyBytes = ["bytes"] as const satisfies readonly NormalizationName[];

/** How much a picture's confidence counts: the slope of a logistic regression on 40 ImageNet and 120 CIFAR-10 pictures. */
const slope = 6;
/** How many times likelier the guess from the model is than any other, before a picture is seen. */
const priorOdds = 6;
/** The same for ImageNet's numbers of a network with ImageNet's classes, of which nearly all were trained with them. */
const priorOddsOfImagenet = 30;
/** Hardly a network takes blue first without saying so: one picture alone never makes it likely. */
const oddsAgainstBlueFirst = 100;
const imagenetClasses = 1000;
/** So many runs of the network, at most, tell what a normalization is worth. */
export const mostRuns = 10;
/** How many times likelier another answer must be than not for a warning to be without cause. */
const doubt = Math.log(20);
/** By how much more than of the pictures a network of one channel is sure of their negatives where that is worth saying. */
const leastSurer = 0.12;
/**
 * How many times likelier that must be than not. At five it is noticed of nine in fifteen networks of digits by eight pictures and of three in ten by one, and wrongly of
 * none by eight, one in thirty by one, and of one gray photograph in forty.
 */
const oddsOfNegatives = Math.log(5);

/**
 * `classifier.guess` with its normalization confirmed or replaced by what gives the most confident predictions on `images`
 * ([C, H, W], pixels in [0, 1], fitted to the network; the first eight are looked at, ten where their classes are known) and its reason
 * extended. Where no class is known, normalizations to 0 … 255 are considered only if under all others the network is hardly better than
 * chance, or blind: it says the same, and nearly as surely, of pictures, of a negative and of noise. Where the weights of the first layer tell the range, no other is. Under ImageNet's numbers a network with ImageNet's classes that is no better than chance has to be so of these two as well. The order of the channels is tried
 * both ways where nothing told it, also for a normalization that is settled. Of fewer classes than ImageNet's a gain that contrast alone may make is no evidence; of one channel, what more contrast adds to confidences is taken off them, and a network that is
 * surer of the pictures' negatives is a warning. What cannot be told from this many pictures is a warning.
 * A number that is no class says nothing of preprocessing. Throws as `createSession` does.
 */
export async function probePreprocessing(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: ProbeOptions,
): Promise<PreprocessingGuess> {
  checkKeys("probePreprocessing", options, [...sessionOptionKeys, "labels", "signal", "onProgress"]);
  checkForm("probePreprocessing: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("probePreprocessing: images", images, "list");
  checkForm("probePreprocessing: options", options, ["runtime"]);
  const { guess, prepared } = classifier;
  const { labels = [], ...others } = options;
  if (prepared.head.kind === "value") return withoutEvidence(guess);
  const hasLabels = labels.slice(0, mostRuns).some((label) => label !== undefined);
  const views = hasLabels || !guess.isUncertain ? viewsOf(images, labels, mostRuns) : withContrasts(images, mostRuns);
  const isWeak = prepared.classCount < imagenetClasses && !isOfDigitsSize(prepared) && !hasLabels;
  const isComparing = prepared.channels === 1 && !isWeak && !hasLabels;
  const prober = await openProber(classifier, { isComparing, ...others });
  const question: Question = {
    ...{ classifier, views, hasLabels, isWeak, isComparing, probe: prober.probe },
    count: new Set(views.flatMap(({ picture }) => (picture === undefined ? [] : [picture]))).size,
    // Each of several labels is a matter of yes or no.
    classCount: decidesEachLabel(prepared.head) ? 2 : prepared.classCount,
    guessed: guess.name ?? (prepared.channels === 3 ? nameInOtherOrder(classifier) : undefined),
  };
  try {
    const trial = await tryNormalizations(question);
    const ranking = await rank(question, trial);
    return await conclusion(question, trial, ranking, images);
  } finally {
    await prober.dispose();
  }
}

/** What is asked of a network, and of which views of pictures. */
interface Question {
  readonly classifier: Classifier;
  readonly views: readonly View[];
  /** How many pictures they are of. */
  readonly count: number;
  /** Whether the right class of any is known. */
  readonly hasLabels: boolean;
  readonly classCount: number;
  /** Whether gains that contrast alone may make are no evidence. */
  readonly isWeak: boolean;
  /** Whether what contrast adds is taken off confidences. */
  readonly isComparing: boolean;
  /** What the guess from the model is called, in either order of the channels. */
  readonly guessed: NormalizationName | undefined;
  readonly probe: Prober["probe"];
}

/** In the other order of the channels a usual normalization has no name of its own. */
function nameInOtherOrder({ input }: Classifier): NormalizationName | undefined {
  return nameOf(withReversedChannels({ name: undefined, normalization: input }).normalization);
}

/** What the network says under the normalizations that come into question. */
interface Trial {
  /** Those under which it computes numbers, or else all. */
  readonly candidates: readonly Probe[];
  /** Those under which it computes none. */
  readonly withoutNumbers: readonly Probe[];
  /** Those to pixels of about 1, or whatever is usual for the network, that were tried before those to 255. */
  readonly moderate: readonly Probe[];
  /** Those to 255 that were tried because the network is blind under the others, and under which it is not. */
  readonly sighted: readonly Probe[];
  /** How many drawn digits it reads under each, and of which it reads enough for that to decide. */
  readonly readings: readonly Reading<NormalizationName | undefined>[];
  readonly readers: readonly Reading<NormalizationName | undefined>[] | undefined;
}

async function tryNormalizations(question: Question): Promise<Trial> {
  const { classifier, views, hasLabels, classCount, guessed, probe } = question;
  const { guess, prepared, input } = classifier;
  const preset = (name: NormalizationName): Candidate => presetFor(name, classifier);
  const own: Candidate = { name: guess.name, normalization: input };
  // What the statistics of a layer say is tried as well, whatever its range.
  const larger = guessed === "caffe" || mayBeOfCaffe(prepared) ? large : onlyBytes;
  const isOfBytes = guess.range === "bytes" && !hasLabels;
  const smaller = isOfDigitsSize(prepared) ? smallOfDigits : small;
  const usual = isOfBytes ? larger : [...smaller, ...large.filter((name) => name === guessed)];
  const readings = await readingsOf(prepared, guess.isUncertain ? [...smaller, ...larger].map(preset) : [own], probe);
  // Which digits a network reads tells more than how sure it is of whatever it is shown.
  const readers = guess.isUncertain && !hasLabels ? readersOf(readings) : undefined;
  const readable = usual.filter((name) => readers === undefined || readers.some((one) => one.name === name));
  const tried = readable.length > 0 ? readable : larger;
  const moderate = await probe(guess.isUncertain ? tried.map(preset) : [own], views);
  // A network of ImageNet's that is surer of noise than of the picture sees what it is shown: the picture is dark, or pale, or of nothing.
  const isAtLoss = (one: Probe): boolean =>
    isOfImagenet(question) &&
    one.name === guessed &&
    one.judgements.some((judgement, v) => views[v]?.picture === undefined && !isChance(judgement, classCount));
  const isPoor = (one: Probe): boolean => isBlind(one) || (!isAtLoss(one) && isChance(one, classCount));
  const isLarge =
    guess.isUncertain && (hasLabels || (guess.range === undefined && readers === undefined && moderate.every(isPoor)));
  const extreme = isLarge ? await probe(larger.filter((name) => name !== guessed).map(preset), views) : [];
  const sighted = extreme.filter((one) => !isPoor(one));
  const tries = hasLabels || sighted.length === 0 ? [...moderate, ...extreme] : sighted;
  // Where a network computes no numbers, as a root or a logarithm of negative pixels, it was not made for these.
  const computed = tries.filter((one) => !isWithoutNumbers(one));
  const candidates = computed.length > 0 ? computed : tries;
  const withoutNumbers = tries.filter((one) => !candidates.includes(one));
  return { candidates, withoutNumbers, moderate, sighted, readings, readers };
}

function isOfImagenet({ classifier, guessed, classCount }: Question): boolean {
  return guessed === "imagenet" && classCount === imagenetClasses && classifier.prepared.channels === 3;
}

/** Which normalization is the likeliest. */
interface Ranking {
  readonly best: Probe;
  /** All that were tried, the likeliest first. */
  readonly ranked: readonly Probe[];
  /** The likeliest in the other order of channels, where nothing told that. */
  readonly turned: Probe | undefined;
  readonly isReversed: boolean;
  /** Those that are not ruled out. */
  readonly rivals: readonly Probe[];
}

async function rank(question: Question, { candidates, moderate, sighted }: Trial): Promise<Ranking> {
  const { classifier, views, count, isWeak, guessed, probe } = question;
  const prior = Math.log(isOfImagenet(question) ? priorOddsOfImagenet : priorOdds);
  const reference = candidates.find(({ name }) => name === guessed) ?? candidates[0];
  const scoreOf = (one: Probe): number =>
    slope * count * gainOver(one, reference, isWeak) + (one.name === guessed ? prior : 0);
  const ranked = candidates.toSorted((a, b) => scoreOf(b) - scoreOf(a) || b.worth - a.worth);
  const [first] = ranked;
  // Caffe's means are of blue, green and red.
  const isOpen = classifier.prepared.channels === 3 && !classifier.guess.hasKnownChannels && first.name !== "caffe";
  const [turned] = isOpen ? await probe([withReversedChannels(first)], views) : [];
  const against = turned?.normalization.channels === "bgr" ? Math.log(oddsAgainstBlueFirst) : 0;
  const isReversed = turned !== undefined && slope * count * (turned.confidence - first.confidence) > doubt + against;
  const best = isReversed ? turned : first;
  const mayBeTurned =
    turned !== undefined && turned !== best && slope * count * (best.confidence - turned.confidence) + prior < doubt;
  const rivals = [
    // What is usual is none the less, however sure a weak network is of something else.
    ...ranked.filter(
      (one) => one !== best && (scoreOf(best) - scoreOf(one) < doubt || (isWeak && one.name === guessed)),
    ),
    // A network that says the same of everything may be right to.
    ...(sighted.length > 0 ? moderate.filter(({ name, confidence }) => name === guessed && confidence > 0.5) : []),
    ...(mayBeTurned ? [turned] : []),
  ];
  return { best, ranked, turned, isReversed, rivals };
}

/** The guess as it stands then, with its reason and what is to be known. */
async function conclusion(
  question: Question,
  { withoutNumbers, readings, readers }: Trial,
  { best, ranked, turned, isReversed, rivals }: Ranking,
  images: readonly ImageTensor[],
): Promise<PreprocessingGuess> {
  const { classifier, views, count, hasLabels, classCount, isComparing, guessed, probe } = question;
  const { guess, prepared } = classifier;
  const pictures = count === 1 ? "1 picture" : `${count} pictures`;
  const what = hasLabels ? "mean probability of the right class" : "mean confidence";
  const isComparison = isComparing && ranked.length > 1;
  const less = isComparison ? ", less what contrast adds" : "";
  const found = [
    ...[...ranked, ...(isReversed && turned !== undefined ? [turned] : [])].map(
      (one) => `${candidateName(one)} ${(isComparison ? one.worth : one.confidence).toFixed(2)}`,
    ),
    ...withoutNumbers.map((one) => `${candidateName(one)} no numbers`),
  ].join(", ");
  const known = readings.length < 2 || readers === undefined ? "" : `${describeReadings(readings)}; `;
  const evidence = `${known}${what} on ${pictures}${less}: ${found}`;
  const told = { classCount, evidence, views };
  const reading = readings.find(({ name }) => name === best.name);
  const isOfDigits = reading !== undefined && readingOf(reading) >= leastRead;
  const [ofNegatives] = prepared.channels === 1 && !isOfDigits ? await probe([best], negativesOf(views)) : [];
  const warnings = [
    ...(guess.warnings ?? []),
    ...(guess.isUncertain || isReversed ? warningsOn(best, rivals, told) : decidingWarning(best, rivals, views)),
    ...(isOfDigits ? groundWarning(reading, images.slice(0, mostRuns)) : []),
    ...(ofNegatives === undefined ? [] : negativeWarning(best, ofNegatives, { count, hasLabels })),
  ];
  if (best.name === guessed && !isReversed) {
    return { ...guess, reason: guess.isUncertain ? `${guess.reason}; ${evidence}` : guess.reason, warnings };
  }
  const { scale, mean, std, channels: order } = best.normalization;
  return {
    ...guess,
    preprocessing: { ...guess.preprocessing, scale, mean, std, channels: order },
    name: best.name,
    reason: guess.isUncertain ? evidence : `${guess.reason}; channels ${order}: ${evidence}`,
    warnings,
  };
}

/** `guess` where predictions cannot tell: a number has no confidence. */
function withoutEvidence(guess: PreprocessingGuess): PreprocessingGuess {
  if (!guess.isUncertain) return guess;
  const message = `nothing says how pixels are prepared, and a number does not tell either: ${guess.name ?? "this"} is a guess. ${advice}`;
  return { ...guess, warnings: [...(guess.warnings ?? []), { code: "preprocessing-unknown", message }] };
}

const advice = "Say how its pixels are prepared: --preprocessing, or --mean, --std, --scale and --channels";

function warningsOn(
  best: Probe,
  rivals: readonly Probe[],
  {
    classCount,
    evidence,
    views,
  }: { readonly classCount: number; readonly evidence: string; readonly views: readonly View[] },
): readonly ModelWarning[] {
  if (isNearChance(best, classCount)) {
    const message = `no normalization that was tried is much better than chance (${evidence}). ${advice}`;
    return [{ code: "preprocessing-no-better-than-chance", message }];
  }
  return decidingWarning(best, rivals, views);
}

/** What is said where another answer that is not ruled out gives a picture another label. */
function decidingWarning(best: Probe, rivals: readonly Probe[], views: readonly View[]): readonly ModelWarning[] {
  for (const other of rivals) {
    for (const [index, { labels, said }] of best.judgements.entries()) {
      const theirs = other.judgements[index];
      if (views[index]?.picture === undefined || theirs === undefined || theirs.labels === labels) continue;
      const isOrder = other.name === best.name;
      const guessed = isOrder ? "the order of the channels is assumed" : "the preprocessing is a guess";
      const [mine, rival] = isOrder
        ? [best.normalization.channels, other.normalization.channels]
        : [candidateName(best), candidateName(other)];
      const message = `${guessed}, and it decides the label: under ${mine} a picture is ${said}, under ${rival} ${theirs.said}. ${isOrder ? "Say --channels rgb or --channels bgr" : advice}`;
      return [{ code: "preprocessing-decides-label", message }];
    }
  }
  return [];
}

/** What is said where the network is surer of the negatives: it may have been trained on light strokes, and these are dark, or the other way round. */
function negativeWarning(
  best: Probe,
  ofNegatives: Probe,
  { count, hasLabels }: { readonly count: number; readonly hasLabels: boolean },
): readonly ModelWarning[] {
  const gain = ofNegatives.worth - best.worth;
  // A network that says one thing of all of them does not read them.
  if (count > 1 && new Set(ofNegatives.judgements.map(({ labels }) => labels)).size === 1) return [];
  if (!(gain > leastSurer && slope * count * gain > oddsOfNegatives)) return [];
  const sure = (one: Probe): string =>
    `${one.confidence.toFixed(2)}${best.name === ofNegatives.name ? "" : ` under ${candidateName(one)}`}`;
  const whose = count === 1 ? "the picture's negative" : "the pictures' negatives";
  const itself = count === 1 ? "of the picture itself" : "of the pictures themselves";
  const what = hasLabels ? "of the right class of" : "of";
  const message = `the network is surer ${what} ${whose} (${sure(ofNegatives)}) than ${itself} (${sure(best)}): it may have been trained on light drawings on dark ground, and ${count === 1 ? "this is" : "these are"} dark on light, or the other way round. If so, invert ${count === 1 ? "it" : "them"} (with ImageMagick: magick in.png -negate out.png)`;
  return [{ code: "surer-of-negatives", message }];
}
