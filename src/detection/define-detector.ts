/** @file Makes a detector of its settings and its plan. */
import { checkClassifier } from "../classifier/check-arguments.ts";
import type { Classifier } from "../classifier/classifier.ts";
import { BadInputError, checkForm, checkKeys } from "../errors.ts";
import { completeOptions, type OptionSchema, presetNames } from "../options/schema.ts";
import type {
  AnyDetector,
  Detector,
  DetectorDefinition,
  DetectorPlan,
  DetectorStatistics,
  FitSet,
  PlannedDetector,
  ScoringContext,
} from "./detector.ts";
import { calibratedCutoff } from "./odds/odds.ts";

/** Clean images that are flagged unless asked otherwise: what tables of detectors compare at. */
export const usualFalsePositiveRate = 0.05;

/**
 * The detector with these settings and this plan. Settings are checked and completed by their schema; statistics are checked against what they
 * are used with, and the cutoff is chosen, in the same way for all detectors.
 *
 * ```ts
 * const confidence = defineDetector({
 *   name: "confidence",
 *   title: "Confidence",
 *   source: "an example",
 *   summary: "The lower the largest logit, the more suspicious.",
 *   version: 1,
 *   settings: {},
 *   plan: (_, classifier) => ({
 *     parts: [logitsPart(classifier)],
 *     needsAttacked: false,
 *     fit: () => ({ arrays: {} }),
 *     scorer: () => ({ logits }) => -Math.max(...logits),
 *   }),
 * });
 * ```
 */
export function defineDetector<const N extends string, S extends OptionSchema>(
  definition: DetectorDefinition<N, S>,
): Detector<N, S> {
  checkForm("defineDetector: definition", definition, ["name", "title", "source", "summary", "settings", "plan"]);
  const { name, title, source, summary, version, settings: schema } = definition;
  const on: AnyDetector["on"] = (classifier, given = {}) => {
    checkClassifier(name, classifier);
    const settings = completeOptions(name, schema, given);
    return planned(definition, classifier, settings, definition.plan(settings, classifier));
  };
  return { name, title, source, summary, version, settings: schema, presets: presetNames(schema), on };
}

function planned(
  { name, title, version }: Pick<DetectorDefinition<string, OptionSchema>, "name" | "title" | "version">,
  { classCount }: Pick<Classifier, "classCount">,
  given: object,
  plan: DetectorPlan,
): PlannedDetector {
  const settings = inOrder({ ...plainJson(given), ...plan.settings });
  const parts = Object.fromEntries(plan.parts.map(({ key, size }) => [key, size]));
  const contextOf = (statistics: DetectorStatistics): ScoringContext => {
    checkForm(`${name}: statistics`, statistics, ["detector", "version", "settings", "arrays", "cutoff"]);
    checkOwner(statistics);
    return { classCount, array: (array, shape) => arrayOf(name, statistics, array, shape) };
  };
  function checkOwner(statistics: DetectorStatistics): void {
    const facts = [
      ["detector", name, statistics.detector],
      ["version of the detector", `${version}`, `${statistics.version}`],
      ["number of classes", `${classCount}`, `${statistics.classCount}`],
      ["settings", JSON.stringify(settings), JSON.stringify(statistics.settings)],
      ["numbers that it looks at", JSON.stringify(parts), JSON.stringify(statistics.parts)],
    ] as const;
    const different = facts.find(([, mine, theirs]) => mine !== theirs);
    if (different === undefined) return;
    const [what, expected, got] = different;
    throw new BadInputError({
      where: name,
      what: `the statistics do not fit: the ${what} ${what.startsWith("n") || what === "settings" ? "differ" : "differs"}`,
      expected,
      got,
      advice: `Fit them again: perceptual-ball detect fit --detector ${name}.`,
    });
  }
  const scorer: PlannedDetector["scorer"] = (statistics) => plan.scorer(contextOf(statistics));
  return {
    ...{
      name,
      title,
      settings,
      parts: plan.parts,
      needsAttacked: plan.needsAttacked,
      needsHeldOnly: plan.needsHeldOnly ?? false,
      hasGraph: plan.graph !== undefined,
    },
    fit(set, options = {}) {
      checkKeys(`${name}: fit`, options, ["falsePositiveRate"]);
      const { falsePositiveRate = usualFalsePositiveRate } = options;
      checkForm(`${name}: images to fit to`, set, ["classCount", "train", "held", "attacked", "noisy"]);
      checkEnough(name, set, plan.needsAttacked);
      const { arrays, notes = [], heldScores } = plan.fit(set);
      const { train, held, attacked, noisy } = set;
      const statistics = {
        ...{ detector: name, version, settings, classCount, parts, arrays, notes },
        images: { train: train.length, held: held.length, attacked: attacked.length, noisy: noisy.length },
        cutoff: { value: 0 },
      };
      const score = scorer(statistics);
      const scores = heldScores ?? held.map(({ measured }) => score(measured));
      return { ...statistics, cutoff: calibratedCutoff(scores, falsePositiveRate) };
    },
    scorer,
    scoreGraph: (statistics) => plan.graph?.(contextOf(statistics)),
  };
}

/** Settings as a file keeps them: what is not given is not said. */
function plainJson(settings: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** The same whether a name was given or filled in. */
function inOrder(settings: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function checkEnough(name: string, { train, held, attacked, noisy }: FitSet, needsAttacked: boolean): void {
  const missing = needsAttacked
    ? [
        [attacked, "attacked pictures to learn from"],
        [noisy, "noisy pictures beside the attacked ones"],
      ]
    : [];
  for (const [list, what] of [[train, "pictures to learn from"], [held, "held-out pictures"], ...missing] as const) {
    if (list.length > 0) continue;
    throw new BadInputError({
      where: name,
      what: `there are no ${what}`,
      expected: "at least one, and better hundreds",
      got: "none",
      advice: "Give more pictures.",
    });
  }
}

function arrayOf(where: string, { arrays }: DetectorStatistics, name: string, shape: readonly number[]) {
  const found = Object.hasOwn(arrays, name) ? arrays[name] : undefined;
  const fits =
    found !== undefined &&
    found.shape.length === shape.length &&
    shape.every((extent, axis) => extent === -1 || extent === found.shape[axis]) &&
    found.data.length === found.shape.reduce((product, extent) => product * extent, 1);
  if (fits && found.data.every((value) => !Number.isNaN(value))) return found;
  throw new BadInputError({
    where: `${where}: ${name}`,
    what: "the statistics are damaged",
    expected: `numbers of shape [${shape.map((extent) => (extent === -1 ? "n" : extent)).join(", ")}]`,
    got: found === undefined ? "nothing" : fits ? "NaN" : `[${found.shape.join(", ")}]`,
    advice: "Fit the statistics again.",
  });
}
