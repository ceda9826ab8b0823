/**
 * @file Integrated gradients: what each pixel adds to the class score on the way from a baseline to the image.
 *
 * Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017, equation (1). Presets: what three published
 * implementations do, as far as they differ.
 */
import { countOption, flagOption, wordOption } from "../../options/option.ts";
import { type ValuesOf, withPresets } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { gradientIn, spaceOption } from "../attribution-space.ts";
import { outputOption } from "../backward-run.ts";
import { type Completeness, completenessOf, plainBaselines, plainImage, seededScore } from "../baseline.ts";
import { defineMethod, type MethodResult, type MethodTask } from "../define-method.ts";
import { readOut, readoutOption } from "../readout.ts";
import { gradientsAt } from "./gradients-at.ts";
import { equalSteps, gaussLegendre, type Quadrature } from "./quadrature.ts";

const settings = withPresets(
  {
    doc: "The numbers of Captum, of PAIR's saliency, or of pytorch-cnn-visualizations.",
    fallback: "captum",
    presets: {
      /** Captum: 50 Gauss–Legendre nodes, times the difference. */
      captum: {},
      /** PAIR-code/saliency: the mean over 25 points from the baseline to the image, both included, times the difference. */
      pair: { steps: 25, rule: "mean" },
      /** pytorch-cnn-visualizations: 101 points, both ends included, their sum divided by 100; not times the difference. */
      cnnv: { steps: 100, rule: "ends", timesDifference: false },
    },
  },
  {
    steps: countOption("How many points on the way.", { min: 2, fallback: 50 }),
    rule: wordOption(
      "The points: Gauss–Legendre nodes; `steps` equal steps with both ends, averaged; or one more, their sum by `steps`.",
      ["gauss-legendre", "mean", "ends"],
      { fallback: "gauss-legendre" },
    ),
    baseline: wordOption(
      "Where the way begins: where the network sees zeros (with most normalizations the mean color), black, gray or white.",
      plainBaselines,
      { fallback: "zero" },
    ),
    timesDifference: flagOption("Whether the integral is multiplied by the difference of image and baseline.", {
      fallback: true,
    }),
    readout: readoutOption("sum"),
    of: outputOption,
    space: spaceOption,
  },
);

function quadratureOf(rule: "gauss-legendre" | "mean" | "ends", steps: number): Quadrature {
  if (rule === "gauss-legendre") return gaussLegendre(steps);
  return rule === "mean" ? equalSteps(steps, steps) : equalSteps(steps + 1, steps);
}

async function explain(task: MethodTask<ValuesOf<typeof settings>>): Promise<MethodResult<Partial<Completeness>>> {
  const { classifier, image, seed, settings, signal } = task;
  const { nodes, weights } = quadratureOf(settings.rule, settings.steps);
  const { data, shape } = image;
  const baseline = plainImage(settings.baseline, classifier, image);

  const sum = new Float64Array(data.length);
  await gradientsAt(task, {
    of: settings.of,
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

  if (!settings.timesDifference) {
    const attribution = gradientIn(settings.space, Float32Array.from(sum), classifier);
    return {
      map: readOut(floatTensor(attribution, shape), settings.readout),
      evaluations: { forward: 0, gradient: nodes.length },
    };
  }
  const products = sum.map((gradient, i) => gradient * (data[i] - baseline[i]));
  const pass = await classifier.forward();
  const [[above], [below]] = [await pass.run([data], { signal }), await pass.run([baseline], { signal })];
  const difference = seededScore(settings.of, above, seed) - seededScore(settings.of, below, seed);
  return {
    map: readOut(floatTensor(Float32Array.from(products), shape), settings.readout),
    evaluations: { forward: 2, gradient: nodes.length },
    details: { ...completenessOf(products, difference) },
  };
}

/**
 * Σ over channels of |(x − x₀) · ∫ ∂s/∂x|, [H, W], the integral along the straight line from the baseline x₀ to the image x. The
 * attributions add up to s(x) − s(x₀); `details` says how nearly: `attributed`, `difference` and their distance,
 * `completenessError` (only with `timesDifference`, without which there is nothing that they should add up to).
 */
export const integratedGradients = defineMethod({
  name: "integrated-gradients",
  title: "Integrated gradients",
  source: "Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, 2017",
  summary: "What each pixel adds to the class score on the way from a uniform picture to this one.",
  version: 1,
  box: { kind: "energy", alpha: 0.6 },
  settings,
  cost: ({ rule, steps, timesDifference }) => ({
    forward: timesDifference ? 2 : 0,
    gradient: quadratureOf(rule, steps).nodes.length,
  }),
  explain,
});
