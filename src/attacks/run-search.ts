/** @file The frame that all searches run in: images in batches, the search, and what is said of what it found. */
import { classIndex } from "../classifier/check-arguments.ts";
import type { Classifier } from "../classifier/classifier.ts";
import { classificationOf } from "../classifier/logits.ts";
import { defaultBatch } from "../classifier/passes/default-batch.ts";
import { checkForm, kindOf, MisuseError, throwIfAborted } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { checkedRandom, createRandom, type Random } from "../random/random.ts";
import { firstNotFinite } from "../tensor/vector.ts";
import type { AttackResult, AttackSearch, AttackTask, SearchResult } from "./attack.ts";
import type { CommonAttackValues } from "./attack-options.ts";
import { withFreshDraws } from "./eot/fresh-draws.ts";
import type { OverTransformations } from "./eot/over-transformations.ts";
import type { Transformation } from "./eot/transformation.ts";
import { type Attempt, evaluateResults } from "./evaluate-results.ts";
import { goalOf } from "./goal.ts";
import { describeMask, keepOutside } from "./hold-to-mask.ts";
import { withLpips } from "./lpips/lpips-distances.ts";
import { type Observer, observerOf } from "./observer.ts";
import { automaticLayers } from "./perceptual/perceptual-layers.ts";
import { attacksWithoutGradients, noFiniteGradient } from "./without-gradients.ts";

/** A classifier, and how a search sees it. */
export interface ClassifierViews {
  readonly classifier: Classifier;
  /** With gradients that are 0 outside of a mask, or that are means over transformations. */
  readonly seen: Classifier;
  readonly over: OverTransformations | undefined;
  readonly transformations: readonly Transformation[] | undefined;
}

/**
 * What the search makes of `images`, in order. Up to `batch` of them share each run of the network; an image's result does not depend on the
 * others. Images that have reached their goal are left as they are. `onGradients` is told how many gradients are done.
 */
export async function runSearch<F>(
  attack: string,
  search: AttackSearch<F>,
  { classifier, seen, over, transformations }: ClassifierViews,
  images: readonly ImageTensor[],
  options: CommonAttackValues,
  onGradients: (done: number) => void,
): Promise<AttackResult<F>[]> {
  const { signal, rounding, mask } = options;
  const randomOf = (image: number): Random =>
    options.random === undefined
      ? createRandom(0, image)
      : checkedRandom(`${attack}: random(${image})`, options.random(image));
  const labels = classesOf(attack, classifier, images.length, "label", options.label, options.labels);
  const targets = classesOf(attack, classifier, images.length, "target", options.target, options.targets);
  const batch = options.batch ?? evenBatch(classifier, images.length);
  const { observer, compared } = await observerFor(search, classifier, options, batch);

  const results: AttackResult<F>[] = [];
  for (let first = 0; first < images.length; first += batch) {
    throwIfAborted(signal, attack);
    const chunk = images.slice(first, first + batch);
    const views = await observer.clean(
      chunk.map(({ data }) => data),
      { signal },
    );
    const tasks = chunk.map(({ data, shape }, n): AttackTask => {
      const index = first + n;
      const { logits, activations } = views[n];
      const clean = classificationOf(logits);
      const label = labels?.[index] ?? clean.label;
      const target = targets?.[index];
      const goal = goalOf({ label, target });
      const own = activations.slice(compared);
      // A copy: a search that changes its image would change the caller's, and measure no distance from it.
      return {
        index,
        image: data.slice(),
        shape,
        label,
        target,
        goal,
        clean,
        activations: own,
        random: randomOf(index),
        mask,
      };
    });
    const open = tasks.filter(({ goal, clean }) => !goal.isReached(clean.label));
    const before = first * search.gradients;
    let gradients = 0;
    const context = {
      ...{ classifier: seen, batch, signal },
      onGradients(count: number) {
        gradients += count;
        onGradients(before + Math.min(gradients, open.length * search.gradients));
      },
    };
    const answers = open.length === 0 ? [] : checkAnswers(attack, await search.run(open, context), open);
    // Whatever the search did: as normalizing and back, which costs last digits.
    if (mask !== undefined)
      for (const [n, { point }] of answers.entries()) keepOutside(point, mask, images[open[n].index].data);
    const found = new Map<AttackTask, SearchResult<F>>(open.map((task, n) => [task, answers[n]]));
    const attempts = tasks.map((task, n): Attempt<F> => {
      const answer = found.get(task);
      const asked = answer?.cost ?? { forward: 0, gradient: 0 };
      const runs = over?.runsFor() ?? { forward: 1, gradient: 1 };
      const [forward, gradient] = [asked.forward * runs.forward, asked.gradient * runs.gradient];
      const looked = { forward, gradient, [observer.cost]: 1 + (observer.cost === "forward" ? forward : gradient) };
      return {
        ...task,
        image: chunk[n].data,
        view: views[n],
        point: answer?.point,
        cost: looked,
        details: answer?.details ?? {},
        found: answer === undefined ? search.untouched?.(task) : answer.found,
      };
    });
    const { budget } = search;
    const settings = {
      ...search.settings,
      ...(mask === undefined ? {} : { mask: describeMask(mask) }),
      ...(transformations === undefined
        ? {}
        : { eot: transformations.map(({ text }) => text), eotDraws: options.eotDraws }),
    };
    const evaluated = await evaluateResults(observer, attempts, { attack, budget, settings, rounding, signal });
    const judged =
      transformations === undefined
        ? evaluated
        : await withFreshDraws(classifier, evaluated, tasks, {
            transformations,
            trials: options.eotTrials,
            batch,
            signal,
          });
    const pixels = chunk.map(({ data }) => data);
    results.push(...(options.lpips === true ? await withLpips(classifier, pixels, judged, { batch, signal }) : judged));
    onGradients((first + chunk.length) * search.gradients);
  }
  return results;
}

/** The answers of a search, one for each of `tasks`: an image without one would be taken for one that needed none. */
function checkAnswers<F>(
  attack: string,
  answers: readonly SearchResult<F>[],
  tasks: readonly AttackTask[],
): readonly SearchResult<F>[] {
  const where = `${attack}: what the search gives`;
  checkForm(where, answers, "list");
  if (answers.length !== tasks.length) {
    throw new MisuseError({
      where,
      what: "not an answer for each task",
      expected: String(tasks.length),
      got: String(answers.length),
    });
  }
  for (const [n, answer] of answers.entries()) {
    checkForm(where, answer, ["point", "cost"]);
    const { point } = answer;
    const isPoint = point instanceof Float32Array && point.length === tasks[n].image.length;
    const bad = isPoint ? firstNotFinite(point) : -1;
    if (isPoint && bad < 0) continue;
    throw new MisuseError({
      where: `${where}: point`,
      what: "not an image",
      expected: `a Float32Array of ${tasks[n].image.length} finite numbers`,
      got: isPoint ? `${point[bad]} at element ${bad}` : kindOf(point),
      ...(isPoint ? { advice: `If ${noFiniteGradient}: ${attacksWithoutGradients}` } : {}),
    });
  }
  return answers;
}

/** The observer that the caller wants, and how many layers it compares before those of the search. */
async function observerFor<F>(
  search: AttackSearch<F>,
  classifier: Classifier,
  { distanceLayers }: CommonAttackValues,
  batch: number,
): Promise<{ readonly observer: Observer; readonly compared: number }> {
  const { layers: further = [] } = search;
  if (distanceLayers === "search" && search.observe !== undefined) {
    return { observer: await search.observe(batch), compared: 0 };
  }
  const layers = Array.isArray(distanceLayers) ? classifier.selectLayers(distanceLayers) : automaticLayers(classifier);
  return { observer: await observerOf(classifier, { layers, further, batch }), compared: layers.length };
}

/** The classes that are meant, one per image; undefined if none are given. */
function classesOf(
  attack: string,
  classifier: Classifier,
  images: number,
  what: "label" | "target",
  one: string | number | undefined,
  several: readonly (string | number)[] | undefined,
): readonly number[] | undefined {
  if (one !== undefined && several !== undefined) {
    throw new MisuseError({ where: attack, what: `there are both ${what} and ${what}s`, expected: "one of them" });
  }
  if (one !== undefined) {
    const index = classIndex(`${attack}: ${what}`, classifier, one);
    return Array.from({ length: images }, () => index);
  }
  if (several === undefined || several.length === images) {
    return several?.map((label) => classIndex(`${attack}: ${what}s`, classifier, label));
  }
  throw new MisuseError({
    where: `${attack}: ${what}s`,
    what: "wrong number of classes",
    expected: `${images}, one per image`,
    got: String(several.length),
  });
}

/** As many images as are given, in runs of equal size; fewer of large ones. */
export function evenBatch(classifier: Classifier, images: number): number {
  const runs = Math.max(1, Math.ceil(images / defaultBatch(classifier)));
  return Math.max(1, Math.ceil(images / runs));
}
