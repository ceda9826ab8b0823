/** @file Makes an attack of its options and its search. */
import { checkClassifier, checkImages } from "../classifier/check-arguments.ts";
import type { Classifier } from "../classifier/classifier.ts";
import { checkForm, MisuseError } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { checkOwnNames, completeBoth, type OptionSchema, presetNames } from "../options/schema.ts";
import type {
  AnyAttackOptions,
  Attack,
  AttackDefinition,
  AttackOptionsOf,
  AttackResult,
  AttackSearch,
  Epsilons,
  Images,
  PerEpsilon,
  PerImage,
} from "./attack.ts";
import { type CommonAttackValues, commonAttackOptions } from "./attack-options.ts";
import { overTransformations } from "./eot/over-transformations.ts";
import { transformationsOf } from "./eot/transformation.ts";
import { checkMask, heldTo } from "./hold-to-mask.ts";
import { type ClassifierViews, runSearch } from "./run-search.ts";

/**
 * The attack with these options and this search. Its options are checked and completed by their schema; what the search finds is clipped to
 * the budget, rounded to bytes, classified and measured in the same way for all attacks.
 *
 * ```ts
 * const gray = defineAttack({
 *   name: "gray",
 *   title: "Gray",
 *   source: "an example",
 *   summary: "Mixes the image with gray.",
 *   version: 1,
 *   options: { share: numberOption("How much of the image is gray.", { min: 0, max: 1, fallback: 0.5 }) },
 *   search: ({ share }) => ({
 *     settings: { share },
 *     gradients: 0,
 *     run: async (tasks) =>
 *       tasks.map(({ image }) => ({
 *         point: image.map((x) => (1 - share) * x + share / 2),
 *         cost: { forward: 0, gradient: 0 },
 *       })),
 *   }),
 * });
 * const result = await gray.attack(classifier, image, { share: 0.7 });
 * ```
 */
export function defineAttack<const N extends string, S extends OptionSchema, F = undefined>(
  definition: AttackDefinition<N, S, F>,
): Attack<N, S, F> {
  checkForm("defineAttack: definition", definition, ["name", "title", "source", "summary", "options"]);
  checkForm("defineAttack: definition.search", definition.search, "function");
  checkOwnNames("defineAttack", definition.options, commonAttackOptions);
  const { name, options: schema } = definition;

  const plan = (
    classifier: Classifier,
    given: object,
  ): {
    readonly search: AttackSearch<F>;
    readonly common: CommonAttackValues;
    readonly views: ClassifierViews;
  } => {
    checkClassifier(name, classifier);
    const [common, own] = completeBoth(name, [commonAttackOptions, schema], given);
    if (common.mask !== undefined) checkMask(name, classifier, common.mask);
    const transformations =
      common.eot === undefined ? undefined : transformationsOf(`${name}: eot`, common.eot, classifier.input);
    const over =
      transformations === undefined ? undefined : overTransformations(classifier, transformations, common.eotDraws);
    const averaged = over?.classifier ?? classifier;
    const seen = common.mask === undefined ? averaged : heldTo(averaged, common.mask);
    const lpips = common.lpips ?? definition.isBoundedByLpips ?? false;
    return {
      search: definition.search(own, seen, common),
      common: { ...common, lpips },
      views: { classifier, seen, over, transformations },
    };
  };

  const run = async (
    classifier: Classifier,
    images: readonly ImageTensor[],
    given: readonly object[],
  ): Promise<AttackResult<F>[][]> => {
    const plans = given.map((options) => plan(classifier, options));
    checkImages(name, classifier, images);
    if (plans.length > 1 && plans.some(({ search }) => search.budget === undefined)) {
      throw new MisuseError({
        where: `${name}: epsilon`,
        what: "with these options there is no budget",
        expected: "one",
      });
    }
    const of = plans.reduce((sum, { search }) => sum + images.length * search.gradients, 0);
    const results: AttackResult<F>[][] = [];
    let before = 0;
    for (const { search, common, views } of plans) {
      const onGradients = (done: number): void => common.onProgress?.({ done: before + done, of, unit: "gradients" });
      results.push(await runSearch(name, search, views, images, common, onGradients));
      before += images.length * search.gradients;
    }
    return results;
  };

  function attack<const I extends Images, E extends Epsilons = number>(
    classifier: Classifier,
    images: I,
    options?: AttackOptionsOf<S, E>,
  ): Promise<PerEpsilon<E, PerImage<I, AttackResult<F>>>>;
  async function attack(
    classifier: Classifier,
    images: Images,
    options: object = {},
  ): Promise<AttackResult<F> | AttackResult<F>[] | AttackResult<F>[][]> {
    const epsilons = severalEpsilons(name, options);
    const given = epsilons === undefined ? [options] : epsilons.map((epsilon) => ({ ...options, epsilon }));
    const isOne = !Array.isArray(images);
    const byEpsilon = await run(classifier, isOne ? [images] : images, given);
    const results = isOne ? byEpsilon.map(([result]) => result) : byEpsilon;
    return epsilons === undefined ? results[0] : results;
  }

  const { title, source, summary, version, isBoundedByLpips, sees } = definition;
  return {
    ...{ name, title, source, summary, version, options: schema },
    ...(sees === undefined ? {} : { sees }),
    ...(isBoundedByLpips === undefined ? {} : { isBoundedByLpips }),
    presets: presetNames(schema),
    attack,
    async run(classifier, images, options: AnyAttackOptions = {}) {
      const [results] = await run(classifier, images, [options]);
      return results;
    },
    check(classifier, options: AnyAttackOptions = {}) {
      plan(classifier, options);
    },
  };
}

/** The radii, if there are several; a MisuseError if the list has none. */
function severalEpsilons(where: string, options: object): readonly unknown[] | undefined {
  if (typeof options !== "object" || options === null || !("epsilon" in options)) return undefined;
  const { epsilon } = options;
  if (!Array.isArray(epsilon)) return undefined;
  if (epsilon.length > 0) return epsilon;
  throw new MisuseError({ where: `${where}: epsilon`, what: "the list is empty", expected: "a radius, or several" });
}
