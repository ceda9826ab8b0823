/**
 * @file The perceptual attack: an adversarial image that changes the network's own features as little as it can; and its ablation without
 * the perceptual term.
 *
 * Source: Elliott, Law and Russell, "Adversarial Perturbations on the Perceptual Ball", equations (1) to (4), sections 3 and 5; preset
 * `released` after the authors' published code.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import type { ObjectiveProblem, ObjectiveReference } from "../../classifier/passes/objective.ts";
import { checkForm, MisuseError } from "../../errors.ts";
import type { Query } from "../../optimize/solver.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import { difference } from "../../tensor/vector.ts";
import type { AttackResult, AttackSearch, AttackTask } from "../attack.ts";
import { defineAttack } from "../define-attack.ts";
import { type Found, inLockstep } from "../lockstep.ts";
import type { CleanView, Observer } from "../observer.ts";
import { l2Options, perceptualOptions } from "./perceptual-options.ts";
import { type PerceptualPlan, type PerceptualSettings, perceptualPlan } from "./perceptual-plan.ts";
import {
  knownSquaredNorm,
  type PerceptualEvaluation,
  type PerceptualRun,
  type PerceptualSearch,
  perceptualSearch,
  relativeDistance,
  type StageSummary,
  settingsOf,
  toPixels,
  toSpace,
} from "./perceptual-search.ts";

/** What the perceptual attack knows besides the image. */
export interface PerceptualFinding {
  /** The perturbation in the space that was optimized in, [C, H, W]: what the saliency map is made of. */
  readonly optimizedPerturbation: FloatTensor;
  /** Why the solver stopped, a sentence. */
  readonly solverOutcome: string;
  /** What stood in the way of a flip, a sentence or two, where that is known: a constraint, or a picture that no step leads away from. */
  readonly hindrance: string | undefined;
  /** Of the search of `auto`, in order: the strengths tried, and whether they flipped the label. */
  readonly stages: readonly StageSummary[];
  /** What was in force for this image, the weights found by the search included. */
  readonly settings: PerceptualSettings;
}

const source = "Elliott, Law and Russell, Adversarial perturbations on the perceptual ball (arXiv 1912.09405)";

/**
 * Deviation: the paper's T is "greater than zero"; since M ≤ 0 is what a flip means, it is negative here, as in the released code
 * (T = −2). A margin target of 0 or more is refused.
 */
export const perceptual = defineAttack({
  name: "perceptual",
  title: "Perceptual",
  source: `${source}, objective (4)`,
  summary:
    "L-BFGS on the squared miss of a margin target, the change of the network's own features and the ℓ2 distance.",
  version: 3,
  options: perceptualOptions,
  search: (options, classifier, { rounding }) => searchOf(perceptualPlan(classifier, options, rounding), classifier),
});

export const l2 = defineAttack({
  name: "l2",
  title: "ℓ2",
  source: `${source}, objective (3)`,
  summary:
    "The perceptual attack without its perceptual term: the squared miss of a margin target and the ℓ2 distance.",
  version: 1,
  options: l2Options,
  search: (options, classifier, { rounding }) =>
    searchOf(perceptualPlan(classifier, { ...options, layers: [], perceptualWeight: 0 }, rounding), classifier),
});

function searchOf(plan: PerceptualPlan, classifier: Classifier): AttackSearch<PerceptualFinding> {
  const { layers, space, search, furtherLooks: _, rounding: __, ...settings } = plan;
  const { runOf, look, isKnown } = spaceOf(plan, classifier);
  return {
    ...(plan.constraint === "ball" ? { budget: { norm: "linf", epsilon: plan.epsilon } } : {}),
    settings: {
      ...settings,
      layers: layers.map((layer) => layer.name),
      space,
      // Without a search of its own the strength is that of the settings; with one, the details of each result say it.
      ...(search ? { perceptualWeight: null } : {}),
      ...(plan.constraint === "ball" ? {} : { epsilon: null }),
      marginTarget: plan.marginTarget ?? null,
    },
    gradients: plan.evaluations,
    layers,
    observe: look,
    async run(tasks, context) {
      const { batch, signal } = context;
      // The values at the start of the very function that is optimized: in the network's space pixels come out otherwise in the last digits.
      const unseen = space === "pixels" ? [] : tasks.filter(({ image }) => !isKnown(image));
      if (unseen.length > 0) {
        const images = unseen.map(({ image }) => image);
        await (await look(batch)).clean(images, { signal });
      }
      const runs = tasks.map(runOf);
      const searches = runs.map(perceptualSearch);
      const pass = await classifier.objective({ layers, space, batch });
      const evaluate = async (points: readonly Float32Array[]): Promise<PerceptualEvaluation[]> => {
        const evaluations = await pass.run(
          points.map((image, n) => ({ image, problem: searches[n].problem() })),
          { signal },
        );
        return evaluations.map((evaluation, n) => ({
          ...evaluation,
          perceptual: relativeDistance(evaluation, runs[n].reference),
        }));
      };
      const inTurn = inLockstep(
        async () => evaluate,
        (_, n) => withFinding(runs[n], searches[n]),
      );
      return inTurn(tasks, context);
    },
    untouched(task) {
      return {
        optimizedPerturbation: floatTensor(new Float32Array(task.image.length), task.shape),
        solverOutcome: "Nothing was to be done.",
        hindrance: undefined,
        stages: [],
        settings: settingsOf(runOf(task), 0),
      };
    },
  };
}

/** What the perceptual attack knows of its result; throws a MisuseError for the result of another attack. */
export function perceptualFinding(given: AttackResult<PerceptualFinding>): PerceptualFinding {
  checkForm("perceptualFinding: given", given, ["attack", "outcome", "label", "clean"]);
  const { attack, found } = given;
  if (found !== undefined) return found;
  throw new MisuseError({
    where: "perceptualFinding",
    what: "wrong attack",
    expected: "perceptual or l2",
    got: attack,
  });
}

/** The search for one image, with all that is known at its end. */
function* withFinding(
  run: PerceptualRun,
  { solver }: PerceptualSearch,
): Generator<Query, Found<PerceptualFinding>, PerceptualEvaluation> {
  const { point, strength, solverOutcome, hindrance, stages } = yield* solver;
  const { plan, start, shape } = run;
  return {
    point: toPixels(point, run).slice(),
    details: {
      ...{ strength, solverOutcome },
      ...(hindrance === undefined ? {} : { hindrance }),
      ...(plan.search ? { stages } : {}),
    },
    found: {
      optimizedPerturbation: floatTensor(difference(point, start), shape),
      solverOutcome,
      hindrance,
      stages,
      settings: settingsOf(run, strength),
    },
  };
}

/** Images as the plan's objective sees them: it remembers what it has seen of clean ones. */
function spaceOf(plan: PerceptualPlan, classifier: Classifier) {
  const { layers, space } = plan;
  const inSpace = (image: Float32Array): Float32Array => toSpace(image, { plan, classifier });
  const references = new WeakMap<Float32Array, ObjectiveReference>();
  const look = async (batch: number): Promise<Observer> => {
    const options = { layers, space, batch };
    const clean = await classifier.references(options);
    const perturbed = await classifier.objective(options);
    return {
      batch: perturbed.batch,
      // The session computes the gradient whether it is asked for or not.
      cost: "gradient",
      async clean(images, { signal }) {
        const seen = await clean.run(images.map(inSpace), { signal });
        return seen.map((reference, n) => {
          references.set(images[n], reference);
          const { logits, features } = reference;
          return { logits, activations: features, squaredNorms: Float32Array.from(features, knownSquaredNorm) };
        });
      },
      async run(images, views, { signal }) {
        const inputs = images.map((image, n) => ({ image: inSpace(image), problem: nothingOf(views[n], image) }));
        const evaluations = await perturbed.run(inputs, { signal });
        return evaluations.map(({ logits, layerDistances }) => ({ logits, squaredDistances: layerDistances }));
      },
    };
  };
  return {
    look,
    isKnown: (image: Float32Array) => references.has(image),
    runOf({ image, shape, goal, clean: { logits }, activations }: AttackTask): PerceptualRun {
      const start = inSpace(image);
      const reference = references.get(image) ?? { image: start, features: activations, logits };
      return { plan, classifier, reference, image, shape, start, goal };
    },
  };
}

/** A problem that asks for nothing but the distances to a clean image. */
function nothingOf({ activations, logits }: CleanView, image: Float32Array): ObjectiveProblem {
  const reference = { image, features: activations, logits };
  const layerWeights = activations.map(() => 0);
  return { reference, classIndex: 0, marginTarget: -1, marginWeight: 0, layerWeights, distanceWeight: 0 };
}
