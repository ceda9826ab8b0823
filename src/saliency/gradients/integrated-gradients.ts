/**
 * @file Integrated gradients: what each pixel adds to the class score on the way from a baseline to the image.
 *
 * Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017, equation (1). Presets: what three published
 * implementations do, as far as they differ.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { logSoftmaxAt, softmax } from "../../classifier/logits.ts";
import { type Output, outputs } from "../../classifier/passes/network-graphs.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { attributionSpaces, gradientIn, pixelAffine } from "../attribution-space.ts";
import { questionOf } from "../logit-seed.ts";
import type { Explanation, MethodOptions, SaliencyMethod } from "../method.ts";
import { completeSettings, countSetting, flagSetting, wordSetting } from "../method-settings.ts";
import { readOut, readouts } from "../readout.ts";
import { gradientsAt } from "./gradients-at.ts";
import { equalSteps, gaussLegendre, type Quadrature } from "./quadrature.ts";

const integratedGradientsPresets = {
  /** Captum: 50 Gauss–Legendre nodes, times the difference. */
  captum: {},
  /** PAIR-code/saliency: the mean over 25 points from the baseline to the image, both included, times the difference. */
  pair: { steps: 25, rule: "mean" },
  /** pytorch-cnn-visualizations: 101 points, both ends included, their sum divided by 100; not times the difference. */
  cnnv: { steps: 100, rule: "ends", timesDifference: false },
} as const;

const known = {
  preset: wordSetting(["captum", "pair", "cnnv"], "captum"),
  steps: countSetting(50, 2),
  rule: wordSetting(["gauss-legendre", "mean", "ends"], "gauss-legendre"),
  baseline: wordSetting(["zero", "black", "gray", "white"], "zero"),
  timesDifference: flagSetting(true),
  readout: wordSetting(readouts, "sum"),
  of: wordSetting(outputs, "logits"),
  space: wordSetting(attributionSpaces, "network"),
};

function quadratureOf(rule: "gauss-legendre" | "mean" | "ends", steps: number): Quadrature {
  if (rule === "gauss-legendre") return gaussLegendre(steps);
  return rule === "mean" ? equalSteps(steps, steps) : equalSteps(steps + 1, steps);
}

/** The pixels of a baseline, channel by channel: `zero` is where the network sees zeros, with most normalizations the mean color. */
function baselineOf(baseline: "zero" | "black" | "gray" | "white", classifier: Classifier): number[] {
  const { factor, offset } = pixelAffine(classifier);
  if (baseline === "zero") return factor.map((f, c) => -offset[c] / f);
  return factor.map(() => ({ black: 0, gray: 0.5, white: 1 })[baseline]);
}

/** seed · s, for the class scores s that are differentiated. In float64. */
function scoreOf(of: Output, logits: Float32Array, seed: Float32Array): number {
  const scores: Readonly<Record<Output, (classIndex: number) => number>> = {
    logits: (j) => logits[j],
    probabilities: (j) => softmax(logits)[j],
    "log-probabilities": (j) => logSoftmaxAt(logits, j),
  };
  return seed.reduce((sum, weight, j) => (weight === 0 ? sum : sum + weight * scores[of](j)), 0);
}

/** The settings in effect: what is given, else the preset's, else the defaults. */
function settingsOf({ settings }: Pick<MethodOptions, "settings">) {
  const { preset } = completeSettings("integrated-gradients", known, settings);
  return completeSettings("integrated-gradients", known, settings, integratedGradientsPresets[preset]);
}

/**
 * Σ over channels of |(x − x₀) · ∫ ∂s/∂x|, [H, W], the integral along the straight line from the baseline x₀ to the image x. The
 * attributions add up to s(x) − s(x₀); `details` says how nearly: `attributed`, `difference` and their distance,
 * `completenessError` (only with `timesDifference`, without which there is nothing that they should add up to).
 *
 * Settings: `preset` (captum, pair, cnnv), `steps` (50), `rule` (gauss-legendre; mean: the mean over `steps` points, ends included; ends:
 * the sum over `steps` + 1 points by `steps`), `baseline` (zero: of the network's numbers, the mean color for most; black, gray, white),
 * `timesDifference` (true), `readout`, `of`, `space` (only matters without `timesDifference`). What is given beside a preset takes
 * precedence over it.
 */
async function explain(classifier: Classifier, image: ImageTensor, options: MethodOptions = {}): Promise<Explanation> {
  const settings = settingsOf(options);
  const { label, seed, forward } = await questionOf("integrated-gradients", classifier, image, options);
  const { nodes, weights } = quadratureOf(settings.rule, settings.steps);
  const { data, shape } = image;
  const plane = data.length / shape[0];
  const colors = baselineOf(settings.baseline, classifier);
  const baseline = new Float32Array(data.length);
  colors.forEach((color, c) => {
    baseline.fill(color, c * plane, (c + 1) * plane);
  });

  const sum = new Float64Array(data.length);
  await gradientsAt(classifier, data.length, {
    ...options,
    of: settings.of,
    seed,
    count: nodes.length,
    point: (n, pixels) => {
      const share = nodes[n];
      for (let i = 0; i < data.length; i++) pixels[i] = baseline[i] + share * (data[i] - baseline[i]);
    },
    take: (n, gradient) => {
      const weight = weights[n];
      for (let i = 0; i < data.length; i++) sum[i] += weight * gradient[i];
    },
  });

  const evaluations = { forward, gradient: nodes.length };
  if (!settings.timesDifference) {
    const attribution = gradientIn(settings.space, Float32Array.from(sum), classifier);
    return { map: readOut(floatTensor(attribution, shape), settings.readout), label, evaluations, settings };
  }
  const products = sum.map((gradient, i) => gradient * (data[i] - baseline[i]));
  const pass = await classifier.forward();
  const { signal } = options;
  const [[above], [below]] = [await pass.run([data], { signal }), await pass.run([baseline], { signal })];
  const difference = scoreOf(settings.of, above, seed) - scoreOf(settings.of, below, seed);
  const attributed = products.reduce((total, product) => total + product, 0);
  return {
    map: readOut(floatTensor(Float32Array.from(products), shape), settings.readout),
    label,
    evaluations: { ...evaluations, forward: forward + 2 },
    settings,
    details: {
      attributed,
      difference,
      completenessError: Math.abs(attributed - difference),
    },
  };
}

/** {@link explain Integrated gradients} as a method of the registry. */
export const integratedGradientsMethod: SaliencyMethod = {
  name: "integrated-gradients",
  title: "Integrated gradients",
  source: "Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, 2017",
  summary: "What each pixel adds to the class score on the way from a uniform picture to this one.",
  version: 1,
  check: (_, options) => void settingsOf(options),
  explain,
};
