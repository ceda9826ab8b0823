/** @file How a method is defined: its description, its settings and what it does for one image, and nothing else. */
import type { AttackResult } from "../attacks/attack.ts";
import { describeEnding } from "../attacks/ending.ts";
import { goalOf } from "../attacks/goal.ts";
import { checkMask, describeMask } from "../attacks/hold-to-mask.ts";
import { noFiniteGradient } from "../attacks/without-gradients.ts";
import { checkClassifier, classIndex } from "../classifier/check-arguments.ts";
import type { Classifier } from "../classifier/classifier.ts";
import type { Classification } from "../classifier/logits.ts";
import { BadInputError, checkForm, checkKeys, MisuseError, throwIfAborted } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { usualBox } from "../localization/localize-map.ts";
import { checkThresholdRule, type ThresholdRule } from "../localization/threshold.ts";
import { type Cost, totalCost } from "../options/cost.ts";
import type { OnProgress } from "../options/progress.ts";
import { checkOwnNames, completeBoth, type OptionSchema, type ValuesOf } from "../options/schema.ts";
import { type Random, randomOf } from "../random/random.ts";
import { checkTensor, type FloatTensor } from "../tensor/tensor.ts";
import { firstNotFinite } from "../tensor/vector.ts";
import { explainOver } from "./explain-over.ts";
import { checkContrast, logitSeed } from "./logit-seed.ts";
import {
  type ExplainOptions,
  type Explanation,
  type MethodDescription,
  type MethodDetails,
  methodOptions,
  type Perturbation,
  type PerturbationFacts,
  type Perturbing,
  type SaliencyMethod,
} from "./method.ts";
import type { SaliencyMap } from "./saliency-map.ts";
import { completeSmoothing, smoothedCost } from "./smoothing.ts";

/** One image to explain, with everything that was asked checked and completed. C are the settings. */
export interface MethodTask<C> {
  readonly classifier: Classifier;
  /** [C, H, W], pixels in [0, 1]. */
  readonly image: ImageTensor;
  /** The class to explain: the one that was asked for, else the predicted one. */
  readonly label: number;
  readonly target: number | undefined;
  /** The cotangent [K] of the class scores: 1 at the label, and −1 at the target if there is one. */
  readonly seed: Float32Array;
  /** The settings in effect. */
  readonly settings: C;
  readonly random: Random;
  readonly batch: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: OnProgress;
  /** What the classifier says of the image; one run, which is counted, unless it is known already. */
  classify(): Promise<Classification>;
}

/** What a method found for one image. */
export interface MethodResult<D extends MethodDetails = MethodDetails> {
  readonly map: SaliencyMap;
  /** Runs of the network besides the classification of the image. */
  readonly evaluations: Cost;
  /** The settings in effect, where they say more than those of the task. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly details?: D;
}

/** What all definitions have. C are the settings in effect: the values of the schema, or what `complete` makes of them. */
export interface CommonDefinition<N extends string, S extends OptionSchema, C> extends MethodDescription<N> {
  /** How its map becomes a box, unless a caller says otherwise. Default {@link usualBox}. */
  readonly box?: ThresholdRule;
  readonly settings: S;
  /** As in {@link SaliencyMethod}. */
  readonly sees?: SaliencyMethod["sees"];
  /** Fills in what depends on the classifier, and checks settings against each other; throws a MisuseError. */
  readonly complete?: (settings: ValuesOf<S>, classifier: Classifier) => C;
  /** Throws for what the classifier has not, or the method does not take. */
  readonly check?: (settings: C, classifier: Classifier, asked: { readonly target: number | undefined }) => void;
}

export type MethodDefinition<
  N extends string,
  S extends OptionSchema,
  C,
  D extends MethodDetails = MethodDetails,
> = CommonDefinition<N, S, C> & {
  /** Whether the method needs the classification of the image also where a label is given. Default false. */
  readonly classifies?: boolean;
  /** Runs of the network for one image besides its classification; at most, where that depends on the image. */
  readonly cost: (settings: C, classifier: Classifier) => Cost;
} & (
    | { readonly explain: (task: MethodTask<C>) => Promise<MethodResult<D>>; readonly explainTogether?: undefined }
    | {
        readonly explain?: undefined;
        /** For one image or several, all with the same settings, in one run of the network. */
        readonly explainTogether: (tasks: readonly MethodTask<C>[]) => Promise<MethodResult<D>[]>;
      }
  );

/** The details of a method that has none. */
export type NoDetails = Readonly<Record<never, never>>;

/** A definition whose settings in effect are made by `complete`. */
type Completing<S extends OptionSchema, C> = Required<Pick<CommonDefinition<string, S, C>, "complete">>;

/**
 * A method whose maps are made of the image as it is. What is the same for all methods is done here: options are checked and
 * completed, the label is found, and several images are explained one after the other, or with a `batch` together where the method
 * explains any number of images in one run.
 */
export function defineMethod<const N extends string, const S extends OptionSchema, D extends MethodDetails = NoDetails>(
  definition: MethodDefinition<N, S, ValuesOf<S>, D> & { readonly complete?: undefined },
): SaliencyMethod<N, S, D>;
export function defineMethod<
  const N extends string,
  const S extends OptionSchema,
  C,
  D extends MethodDetails = NoDetails,
>(definition: MethodDefinition<N, S, C, D> & Completing<S, C>): SaliencyMethod<N, S, D>;
export function defineMethod<const N extends string, const S extends OptionSchema>(
  definition: MethodDefinition<N, S, ValuesOf<S>>,
): SaliencyMethod<N, S> {
  checkForm("defineMethod: definition", definition, ["settings", "name", "title", "source", "cost"]);
  checkOwnNames("defineMethod", definition.settings, methodOptions);
  if (definition.explainTogether === undefined) {
    checkForm("defineMethod: definition.explain", definition.explain, "function");
  }
  const { name, classifies = false, cost, explainTogether } = definition;
  const read = readerOf(definition, { takesMask: false });
  type Options = ExplainOptions<S> | undefined;
  const taskOf = async (classifier: Classifier, image: ImageTensor, options: Options, onProgress: OnProgress) => {
    const { settings, common, label: given, target } = read(classifier, options);
    const { batch, signal } = common;
    const random = randomOf(name, common.random);
    let known: Classification | undefined;
    const classify = async (): Promise<Classification> => {
      known ??= await classifier.classify(image, { signal });
      return known;
    };
    const label = given ?? (await classify()).label;
    checkContrast(name, classifier, label, target);
    const seed = logitSeed(classifier, label, target);
    const task = { classifier, image, label, target, seed, settings, random, batch, signal, onProgress, classify };
    const explanationOf = ({ map, evaluations, settings: effective, details }: MethodResult): Explanation => ({
      map,
      label,
      evaluations: totalCost(evaluations, { forward: known === undefined ? 0 : 1, gradient: 0 }),
      settings: effective ?? { ...settings },
      details: details ?? {},
    });
    return { task, explanationOf };
  };
  const resultOf = async (task: MethodTask<ValuesOf<S>>): Promise<MethodResult> => {
    if (definition.explainTogether === undefined) return definition.explain(task);
    const [result] = await definition.explainTogether([task]);
    return result;
  };
  const one = async (classifier: Classifier, image: ImageTensor, options: Options, onProgress: OnProgress) => {
    const { task, explanationOf } = await taskOf(classifier, image, options, onProgress);
    return explanationOf(checkResult(name, await resultOf(task), image));
  };
  const together =
    explainTogether &&
    (async (classifier: Classifier, images: readonly ImageTensor[], options: Options) => {
      const asked: Awaited<ReturnType<typeof taskOf>>[] = [];
      for (const image of images) asked.push(await taskOf(classifier, image, options, ignoreProgress));
      const results = await explainTogether(asked.map(({ task }) => task));
      return asked.map(({ explanationOf }, n) => explanationOf(checkResult(name, results[n], images[n])));
    });
  return {
    ...descriptionOf(definition),
    shows: "interest",
    check: (classifier, options) => void read(classifier, options),
    costOf(classifier, options) {
      const { settings, common, label } = read(classifier, options);
      const isLabelled = label !== undefined;
      const costFor = (isClassified: boolean): Cost =>
        totalCost(cost(settings, classifier), { forward: isClassified ? 1 : 0, gradient: 0 });
      return common.smoothing === undefined
        ? costFor(classifies || !isLabelled)
        : smoothedCost(costFor(classifies), completeSmoothing(name, common.smoothing), isLabelled);
    },
    explain: explainOver(name, one, { together }),
  };
}

/** One image to change. */
export interface PerturbationTask<C>
  extends Pick<
    MethodTask<C>,
    "classifier" | "image" | "target" | "settings" | "random" | "batch" | "signal" | "onProgress"
  > {
  /** The class to leave; where none is asked for, the search finds out which is predicted. */
  readonly label: number | undefined;
  /** Where pixels may change, [H, W]; undefined: everywhere. It fits the classifier. */
  readonly mask: FloatTensor | undefined;
}

/** A perturbation to make a map of. */
export interface MapTask {
  readonly classifier: Classifier;
  readonly image: ImageTensor;
  readonly perturbation: Perturbation;
  readonly signal: AbortSignal | undefined;
}

export interface PerturbationMethodDefinition<
  N extends string,
  S extends OptionSchema,
  C,
  D extends MethodDetails = MethodDetails,
  F extends PerturbationFacts | undefined = PerturbationFacts | undefined,
> extends CommonDefinition<N, S, C> {
  readonly shows: SaliencyMethod["shows"];
  /** The name of the search; see {@link Perturbing}. */
  readonly search: string;
  /** The perturbation; its settings need not name the mask. */
  readonly perturb: (task: PerturbationTask<C>) => Promise<Perturbation<D, F>>;
  /** Runs of the network of the search, at most. */
  readonly cost: (settings: C, classifier: Classifier) => Cost;
  readonly mapOf: (task: MapTask) => Promise<SaliencyMap> | SaliencyMap;
  /** Runs of the network for the map, besides those of the search. */
  readonly mapCost: Cost;
}

/** A method that changes the image until it has another label, and whose map is made of the change. */
export function definePerturbationMethod<
  const N extends string,
  const S extends OptionSchema,
  D extends MethodDetails = NoDetails,
  F extends PerturbationFacts | undefined = PerturbationFacts | undefined,
>(
  definition: PerturbationMethodDefinition<N, S, ValuesOf<S>, D, F> & { readonly complete?: undefined },
): PerturbationMethod<N, S, WithFacts<D, F>>;
export function definePerturbationMethod<
  const N extends string,
  const S extends OptionSchema,
  C,
  D extends MethodDetails = NoDetails,
  F extends PerturbationFacts | undefined = PerturbationFacts | undefined,
>(
  definition: PerturbationMethodDefinition<N, S, C, D, F> & Completing<S, C>,
): PerturbationMethod<N, S, WithFacts<D, F>>;
export function definePerturbationMethod<const N extends string, const S extends OptionSchema>(
  definition: PerturbationMethodDefinition<N, S, ValuesOf<S>>,
): PerturbationMethod<N, S> {
  checkForm("definePerturbationMethod: definition", definition, [
    "settings",
    "shows",
    "search",
    "perturb",
    "cost",
    "mapOf",
  ]);
  checkOwnNames("definePerturbationMethod", definition.settings, methodOptions);
  const { name, shows, search, cost, mapCost } = definition;
  const read = readerOf(definition, { takesMask: true });
  type Options = ExplainOptions<S> | undefined;
  const perturb = async (
    classifier: Classifier,
    image: ImageTensor,
    options: Options,
    onProgress: OnProgress,
  ): Promise<Perturbation> => {
    const { settings, common, label, target } = read(classifier, options);
    const { batch, signal, mask } = common;
    const random = randomOf(name, common.random);
    if (mask !== undefined) checkMask(name, classifier, mask);
    const task = { classifier, image, label, target, settings, mask, random, batch, signal, onProgress };
    const found = await definition.perturb(task);
    return mask === undefined ? found : { ...found, settings: { ...found.settings, mask: describeMask(mask) } };
  };
  const mapOf: Perturbing<S>["mapOf"] = async (classifier, image, perturbation, options) => {
    checkKeys(`${name}: mapOf`, options, ["signal"]);
    const signal = options?.signal;
    const { label, pixels, evaluations, settings, details, facts } = perturbation;
    return {
      map: await definition.mapOf({ classifier, image, perturbation, signal }),
      label,
      evaluations: totalCost(evaluations, mapCost),
      settings,
      details: facts === undefined ? details : { ...detailsOf(facts), ...details },
      perturbation: pixels,
    };
  };
  return {
    ...descriptionOf(definition),
    shows,
    check: (classifier, options) => void read(classifier, options),
    costOf(classifier, options) {
      const { settings, common, label } = read(classifier, options);
      const each = totalCost(cost(settings, classifier), mapCost);
      if (common.smoothing === undefined) return each;
      return smoothedCost(each, completeSmoothing(name, common.smoothing), label !== undefined);
    },
    explain: explainOver(
      name,
      async (classifier, image, options: Options, onProgress) => {
        const perturbation = await perturb(classifier, image, options, onProgress);
        return mapOf(classifier, image, perturbation, { signal: options?.signal });
      },
      { takesPictures: true },
    ),
    perturbing: {
      search,
      mapCost,
      perturb: (classifier, image, options) =>
        perturb(classifier, image, options, options?.onProgress ?? ignoreProgress),
      mapOf,
    },
  };
}

/** A method that changes the image. */
export interface PerturbationMethod<
  N extends string = string,
  S extends OptionSchema = OptionSchema,
  D extends MethodDetails = MethodDetails,
> extends SaliencyMethod<N, S, D> {
  readonly perturbing: Perturbing<S>;
}

/** What a search measured of its result, as details of an explanation. */
export type FactDetails = {
  readonly outcome: AttackResult["outcome"];
  /** A sentence, and why the search stopped, another. */
  readonly outcomeDescription: string;
  readonly solverOutcome: string | undefined;
  readonly adversarialLabel: number;
  /** The logit of the label less the greatest other one (with a target, the greatest other one less the target's), before and after. */
  readonly margin: { readonly clean: number; readonly adversarial: number };
  readonly distances: AttackResult["raw"]["distances"];
};

/** The details of an explanation by a search that knows D, and what it measured of its result where it does. */
export type WithFacts<D extends MethodDetails, F> = D &
  (F extends PerturbationFacts ? FactDetails : F extends undefined ? unknown : never);

function detailsOf({ result, solverOutcome }: PerturbationFacts): FactDetails {
  const { outcome, raw, clean } = result;
  const margin = { clean: goalOf(result).margin(clean.logits), adversarial: raw.margin };
  const outcomeDescription = describeEnding(result);
  const { label: adversarialLabel, distances } = raw;
  return { outcome, outcomeDescription, solverOutcome, adversarialLabel, margin, distances };
}

function maskless(where: string): MisuseError {
  return new MisuseError({
    where: `${where}: mask`,
    what: "the method does not change the image",
    expected: "no mask, or a method that changes the image",
    advice: "perceptual, guided-perceptual and deepfool can be held to a region.",
  });
}

/** `result` of a definition, which may have been written without types: a map of another size than the image's would be taken for one of it. */
function checkResult(where: string, result: MethodResult, image: ImageTensor): MethodResult {
  checkForm(`${where}: what explain gives`, result, ["map", "evaluations"]);
  checkTensor(`${where}: map`, result.map, "a map [H, W] of the image's size");
  const [, ...wanted] = image.shape;
  const { data, shape } = result.map;
  if (shape.length === 2 && shape.every((extent, axis) => extent === wanted[axis])) {
    const bad = firstNotFinite(data);
    if (bad < 0) return result;
    throw new BadInputError({
      where,
      what: "the map has numbers that are none",
      expected: "finite numbers",
      got: `${data[bad]} at pixel (${bad % wanted[1]}, ${Math.floor(bad / wanted[1])})`,
      advice: `If ${noFiniteGradient}: methods that hide parts of the picture need no gradient, such as rise and occlusion.`,
    });
  }
  throw new MisuseError({
    where: `${where}: map`,
    what: "the map is not of the image's size",
    expected: `[${wanted.join(", ")}]`,
    got: `[${shape.join(", ")}]`,
  });
}

const ignoreProgress: OnProgress = () => undefined;

function descriptionOf<N extends string, S extends OptionSchema, C>(definition: CommonDefinition<N, S, C>) {
  const { name, title, source, summary, version, box = usualBox, settings, sees } = definition;
  return {
    ...{ name, title, source, summary, version, settings },
    box: checkThresholdRule(`${name}: box`, box),
    ...(sees === undefined ? {} : { sees }),
  };
}

/** Checks and completes what a call was given: first what no network can change, then what depends on the classifier. */
function readerOf<N extends string, S extends OptionSchema>(
  { name, settings: schema, complete = (settings) => settings, check }: CommonDefinition<N, S, ValuesOf<S>>,
  { takesMask }: { readonly takesMask: boolean },
) {
  return (classifier: Classifier, options: ExplainOptions<S> | undefined) => {
    checkClassifier(name, classifier);
    const [own, common] = completeBoth(name, [schema, methodOptions], options);
    if (!takesMask && common.mask !== undefined) throw maskless(name);
    throwIfAborted(common.signal, name);
    const indexOf = (option: "label" | "target"): number | undefined => {
      const given = common[option];
      return typeof given === "string" ? classIndex(`${name}: ${option}`, classifier, given) : given;
    };
    const [label, target] = [indexOf("label"), indexOf("target")];
    const settings = complete(own, classifier);
    check?.(settings, classifier, { target });
    checkContrast(name, classifier, label, target);
    return { settings, common, label, target };
  };
}
