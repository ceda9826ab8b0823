/**
 * @file Expected gradients and Gradient SHAP: integrated gradients from many baselines, by chance.
 *
 * Source: Erion et al., "Improving performance of deep learning models with axiomatic attribution priors and expected gradients", 2021,
 * equation (3): the mean of (x − x₀) ∘ ∂s/∂x at x₀ + α (x − x₀), for baselines x₀ from a distribution and α from [0, 1]. Gradient SHAP is its form
 * in SHAP's GradientExplainer and in Captum, which adds noise to x as SmoothGrad does.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { MisuseError } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { countOption, numberOption, valueOption, wordOption } from "../../options/option.ts";
import type { ValuesOf } from "../../options/schema.ts";
import { normal } from "../../random/distributions.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { pixelAffine } from "../attribution-space.ts";
import { outputOption } from "../backward-run.ts";
import { type Completeness, completenessOf, plainBaselines, plainImage, seededScore } from "../baseline.ts";
import { defineMethod, type MethodResult, type MethodTask } from "../define-method.ts";
import { readOut, readoutOption } from "../readout.ts";
import { gradientsAt } from "./gradients-at.ts";

const isImages = (value: unknown): value is readonly ImageTensor[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => Array.isArray(one?.shape) && one.shape.length === 3);

const common = {
  samples: countOption("How many points, each with a baseline of its own.", { fallback: 50 }),
  baseline: wordOption(
    "What the image is compared with: a uniform picture of a random color for each sample, or always the same one, as for integrated gradients.",
    ["colors", ...plainBaselines],
    { fallback: "colors" },
  ),
  baselines: valueOption(
    "Images [C, H, W] to compare with in place of `baseline`, such as some of the training set; drawn for each sample.",
    {
      is: isImages,
      expected: "a list of images [C, H, W]",
    },
  ),
  readout: readoutOption("sum"),
  of: outputOption,
};

type Settings = ValuesOf<typeof common> & { readonly noise?: number };

/** Throws a MisuseError for baselines that are not of the network's size. */
function checkBaselines(where: string, { baselines = [] }: Settings, { input }: Classifier): void {
  const wanted = [input.channelCount, input.height, input.width];
  const other = baselines.find(({ shape }) => wanted.some((extent, axis) => shape[axis] !== extent));
  if (other === undefined) return;
  throw new MisuseError({
    where: `${where}: baselines`,
    what: "not an image of the network's size",
    expected: `[${wanted.join(", ")}]`,
    got: `[${other.shape.join(", ")}]`,
    advice: "classifier.fit() resizes and crops a picture.",
  });
}

async function explain(
  task: MethodTask<Settings>,
): Promise<MethodResult<Partial<Completeness & { readonly baselines: number }>>> {
  const { classifier, image, seed, settings, random, signal } = task;
  const { samples, baseline, baselines, noise = 0, of } = settings;
  const { data, shape } = image;
  const plane = data.length / shape[0];
  const factors = pixelAffine(classifier).factor;
  const still = baseline === "colors" ? undefined : plainImage(baseline, classifier, image);
  const baselineOf = (): Float32Array => {
    if (baselines !== undefined) return baselines[Math.floor(random() * baselines.length)].data;
    if (still !== undefined) return still;
    const pixels = new Float32Array(data.length);
    for (let c = 0; c < shape[0]; c++) pixels.fill(random(), c * plane, (c + 1) * plane);
    return pixels;
  };

  const sum = new Float64Array(data.length);
  /** The ends of the lines, x plus noise less its baseline, of points that have no gradient yet. */
  const differences = new Map<number, Float64Array>();
  await gradientsAt(task, {
    of,
    count: samples,
    point: (n, pixels) => {
      const start = baselineOf();
      const share = random();
      const difference = Float64Array.from(data, (x, i) => {
        // Noise of the network's numbers, in pixels.
        const deviation = noise === 0 ? 0 : noise / Math.abs(factors[Math.floor(i / plane)]);
        return x + (deviation === 0 ? 0 : normal(random, 0, deviation)) - start[i];
      });
      for (let i = 0; i < data.length; i++) pixels[i] = start[i] + share * difference[i];
      differences.set(n, difference);
    },
    take: (n, gradient) => {
      const difference = differences.get(n);
      differences.delete(n);
      if (difference === undefined) return;
      for (let i = 0; i < data.length; i++) sum[i] += (gradient[i] * difference[i]) / samples;
    },
  });
  const map = readOut(floatTensor(Float32Array.from(sum), shape), settings.readout);
  // Images are no JSON; how many there were is.
  const { baselines: _, ...effective } = settings;
  if (still === undefined || baselines !== undefined || noise > 0) {
    const details = baselines === undefined ? {} : { details: { baselines: baselines.length } };
    return { map, evaluations: { forward: 0, gradient: samples }, settings: effective, ...details };
  }
  const pass = await classifier.forward();
  const [[above], [below]] = [await pass.run([data], { signal }), await pass.run([still], { signal })];
  const difference = seededScore(of, above, seed) - seededScore(of, below, seed);
  return {
    map,
    evaluations: { forward: 2, gradient: samples },
    settings: effective,
    details: { ...completenessOf(sum, difference) },
  };
}

const costOf = ({ samples, baseline, baselines, noise = 0 }: Settings) => ({
  forward: baseline === "colors" || baselines !== undefined || noise > 0 ? 0 : 2,
  gradient: samples,
});

/**
 * Σ over channels of |E (x − x₀) ∘ ∂s/∂x|, [H, W], the mean over baselines x₀ and points on the lines from them to the image x. In expectation the
 * attributions add up to s(x) less the mean of s over the baselines; with one baseline `details` says how nearly, as for integrated gradients.
 */
export const expectedGradients = defineMethod({
  name: "expected-gradients",
  title: "Expected gradients",
  source:
    "Erion et al., Improving performance of deep learning models with axiomatic attribution priors and expected gradients, 2021",
  summary: "What each pixel adds to the class score on the way from other pictures to this one, on average.",
  version: 1,
  box: { kind: "energy", alpha: 0.6 },
  settings: common,
  check: (settings, classifier) => checkBaselines("expected-gradients", settings, classifier),
  cost: costOf,
  explain,
});

/** {@link expectedGradients} of the image with normal noise, drawn for each sample afresh. */
export const gradientShap = defineMethod({
  name: "gradient-shap",
  title: "Gradient SHAP",
  source: "Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, 2017; GradientShap of Captum",
  summary:
    "What each pixel adds to the class score on the way from other pictures to noisy copies of this one, on average.",
  version: 1,
  box: { kind: "energy", alpha: 0.55 },
  settings: {
    noise: numberOption("The standard deviation of the noise, in the normalized numbers that the network is given.", {
      min: 0,
      fallback: 0.1,
    }),
    ...common,
  },
  check: (settings, classifier) => checkBaselines("gradient-shap", settings, classifier),
  cost: costOf,
  explain,
});
