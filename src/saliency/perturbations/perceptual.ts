/**
 * @file Perceptual perturbations as explanations: where the least perceptible flip changes the image is what the label rests on.
 *
 * Source: Elliott, Law and Russell, "Adversarial Perturbations on the Perceptual Ball", section 4 ("we simply treat the
 * magnitude of the alteration in each pixel as its salience").
 */
import {
  perceptual as attack,
  type PerceptualFinding,
  perceptualFinding,
} from "../../attacks/perceptual/perceptual.ts";
import { perceptualPlan } from "../../attacks/perceptual/perceptual-plan.ts";
import { guidedRules } from "../../autodiff/guided-rules.ts";
import type { ValuesOf } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { largestMagnitude } from "../../tensor/vector.ts";
import { definePerturbationMethod, type MapTask, type PerturbationTask } from "../define-method.ts";
import type { Perturbation, PerturbationFacts } from "../method.ts";
import type { SaliencyMap } from "../saliency-map.ts";
import { perceptualSettings } from "./perceptual-settings.ts";
import { rootMeanSquare } from "./root-mean-square.ts";

type Settings = ValuesOf<typeof perceptualSettings>;

/** What the perceptual search says of itself, besides what it measured of its result. */
export type PerceptualDetails = {
  /** Of a search over strengths: those that were tried, and whether they flipped the label. */
  readonly stages: PerceptualFinding["stages"];
  /** What stood in the way of a flip, a sentence or two, where that is known. */
  readonly hindrance?: string;
};

async function perturb(task: PerturbationTask<Settings>): Promise<Perturbation<PerceptualDetails, PerturbationFacts>> {
  const { classifier, image, label, target, settings, mask, signal, onProgress } = task;
  // The distance that is reported is that of the layers compared.
  const options = { ...settings, label, target, mask, signal, onProgress, distanceLayers: "search" } as const;
  const result = await attack.attack(classifier, image, options);
  const found = perceptualFinding(result);
  const { stages, solverOutcome, hindrance } = found;
  return {
    label: result.label,
    target,
    clean: result.clean,
    pixels: result.perturbation,
    optimized: found.optimizedPerturbation,
    evaluations: result.cost,
    settings: { ...found.settings, rounding: settings.rounding },
    details: { stages, ...(hindrance === undefined ? {} : { hindrance }) },
    facts: { result, solverOutcome, layers: found.settings.layers },
  };
}

const search = {
  source: "Elliott, Law and Russell, Adversarial Perturbations on the Perceptual Ball, 2019",
  settings: perceptualSettings,
  check: (settings, classifier) => attack.check(classifier, settings),
  search: "perceptual",
  perturb,
  cost(settings, classifier) {
    const { search, evaluations, furtherLooks } = perceptualPlan(classifier, settings, settings.rounding);
    return { forward: 0, gradient: search ? evaluations : evaluations + furtherLooks };
  },
} satisfies Partial<Parameters<typeof definePerturbationMethod<string, typeof perceptualSettings>>[0]>;

/**
 * For each pixel, the root of the mean over channels of the squared perceptual perturbation, in the space that was optimized in (pixels; for
 * the preset `released`, normalized values). `target` is the class to reach.
 *
 * Not blurred: Gaussian smoothing with σ = 2, as in the released code, is `blur(map, { sigmaPixels: 2 })`.
 */
export const perceptual = definePerturbationMethod({
  ...search,
  name: "perceptual",
  title: "Perceptual perturbation",
  summary: "How much each pixel changes until the label flips, if the network's own features may hardly change.",
  version: 2,
  box: { kind: "energy", alpha: 0.45 },
  shows: "change",
  mapOf: ({ perturbation }) => rootMeanSquare(perturbation.optimized),
  mapCost: { forward: 0, gradient: 0 },
});

/**
 * The guided variant of section 4: the perturbation times, element by element, the guided gradient of the margin at the clean
 * image, normalized by its largest magnitude (the paper leaves the normalization open). The map is the root of the mean over
 * channels of the squared product.
 */
export const guidedPerceptual = definePerturbationMethod({
  ...search,
  name: "guided-perceptual",
  title: "Perceptual perturbation, guided",
  summary: "The perceptual perturbation where the guided gradient of the margin is strong as well.",
  version: 2,
  box: { kind: "energy", alpha: 0.85 },
  shows: "interest",
  mapOf: guidedMap,
  mapCost: { forward: 0, gradient: 1 },
});

async function guidedMap({ classifier, image, perturbation, signal }: MapTask): Promise<SaliencyMap> {
  const { label, target, pixels } = perturbation;
  const { gradient } = await classifier.marginGradient(image, target ?? label, {
    rules: guidedRules,
    targeted: target !== undefined,
    signal,
  });
  const largest = largestMagnitude(gradient);
  const product = pixels.data.map((delta, i) => (largest > 0 ? (delta * gradient[i]) / largest : 0));
  return rootMeanSquare(floatTensor(product, pixels.shape));
}
