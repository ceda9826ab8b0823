/**
 * @file SmoothGrad: the gradient, averaged over noisy copies of the image.
 *
 * Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, section 3. Presets: what three published implementations
 * do, as far as they differ.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { outputs } from "../../classifier/passes/network-graphs.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { createRandom, createWords } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { attributionSpaces, gradientIn, imageIn, pixelAffine } from "../attribution-space.ts";
import { questionOf } from "../logit-seed.ts";
import type { Explanation, MethodOptions, SaliencyMethod } from "../method.ts";
import { completeSettings, countSetting, numberSetting, wordSetting } from "../method-settings.ts";
import { readOut, readouts } from "../readout.ts";
import { gradientsAt } from "./gradients-at.ts";
import { fillNoise } from "./noise.ts";

const smoothGradPresets = {
  /** 50 samples, noise of 0.15 of the range, mean. */
  paper: {},
  /** PAIR-code/saliency: 25 samples, noise of 0.15 of the range, mean of the squares. */
  pair: { samples: 25, aggregate: "mean-square" },
  /** Captum's NoiseTunnel: 5 samples, noise of standard deviation 1, mean. */
  captum: { samples: 5, noise: 1, noiseScale: "absolute" },
  /** pytorch-cnn-visualizations: 50 samples, σ = 4 / range, but the noise's deviation is σ²; mean. */
  cnnv: { samples: 50, noise: 4, noiseScale: "squared-inverse-range" },
} as const;

const known = {
  preset: wordSetting(["paper", "pair", "captum", "cnnv"], "paper"),
  samples: countSetting(50),
  noise: numberSetting(0.15, { min: 0 }),
  noiseScale: wordSetting(["range", "absolute", "squared-inverse-range"], "range"),
  aggregate: wordSetting(["mean", "mean-square", "variance"], "mean"),
  readout: wordSetting(readouts, "sum"),
  of: wordSetting(outputs, "logits"),
  space: wordSetting(attributionSpaces, "network"),
};

/** The standard deviation of the noise for values of the given range (largest less smallest). */
function deviationOf(noise: number, scale: "range" | "absolute" | "squared-inverse-range", range: number): number {
  if (scale === "range") return noise * range;
  if (scale === "absolute") return noise;
  return range > 0 ? (noise / range) ** 2 : 0;
}

/** The settings in effect: what is given, else the preset's, else the defaults. */
function settingsOf({ settings }: Pick<MethodOptions, "settings">) {
  const { preset } = completeSettings("smooth-grad", known, settings);
  return completeSettings("smooth-grad", known, settings, smoothGradPresets[preset]);
}

/**
 * Σ over channels of the magnitude of the mean gradient over noisy images, [H, W]. The noise is normal (see {@link fillNoise}), drawn for each sample afresh
 * and added in the numbers of `space` (by default those that the network sees); noisy images are not clipped.
 *
 * Settings: `preset` (paper, pair, captum, cnnv), `samples` (50), `noise` (0.15) in units of `noiseScale` (range: of largest less
 * smallest value of the image; absolute; squared-inverse-range: (noise / range)²), `aggregate` (mean, mean-square, variance: the mean of the
 * squares less the square of the mean), `readout`, `of`, `space`. What is given beside a preset takes precedence over it. The
 * samples do not depend on the batch.
 */
async function explain(classifier: Classifier, image: ImageTensor, options: MethodOptions = {}): Promise<Explanation> {
  const settings = settingsOf(options);
  const { label, seed, forward } = await questionOf("smooth-grad", classifier, image, options);
  const { samples, aggregate, space } = settings;
  const { data } = image;
  const size = data.length;
  const values = imageIn(space, data, classifier);
  const deviation = deviationOf(settings.noise, settings.noiseScale, rangeOf(values));
  const factors = space === "pixels" ? undefined : pixelAffine(classifier).factor;
  const plane = size / image.shape[0];
  // Noise of the network's numbers, in pixels.
  const spread = Float64Array.from({ length: image.shape[0] }, (_, c) => deviation / Math.abs(factors?.[c] ?? 1));
  const random = options.random ?? createRandom(0);
  const words = createWords(random() * 2 ** 53);

  const sum = new Float64Array(size);
  const squares = aggregate === "mean" ? undefined : new Float64Array(size);
  await gradientsAt(classifier, size, {
    ...options,
    of: settings.of,
    seed,
    count: samples,
    point: (_, pixels) => {
      fillNoise(words, pixels);
      spread.forEach((sigma, c) => {
        const end = (c + 1) * plane;
        for (let i = c * plane; i < end; i++) pixels[i] = data[i] + sigma * pixels[i];
      });
    },
    take: (_, gradient) => {
      for (let i = 0; i < size; i++) sum[i] += gradient[i];
      if (squares !== undefined) for (let i = 0; i < size; i++) squares[i] += gradient[i] * gradient[i];
    },
  });

  const attribution = gradientIn(
    space,
    Float32Array.from(sum, (total) => total / samples),
    classifier,
  );
  if (squares !== undefined) {
    // A square takes the factor of the space twice.
    const root = gradientIn(
      space,
      Float32Array.from(squares, (total) => Math.sqrt(total / samples)),
      classifier,
    );
    for (let i = 0; i < size; i++) {
      const square = root[i] * root[i];
      attribution[i] = aggregate === "mean-square" ? square : Math.max(0, square - attribution[i] * attribution[i]);
    }
  }
  return {
    map: readOut(floatTensor(attribution, image.shape), settings.readout),
    label,
    evaluations: { forward, gradient: samples },
    settings,
    details: { noiseDeviation: deviation },
  };
}

function rangeOf(values: Float32Array): number {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high - low;
}

/** {@link explain SmoothGrad} as a method of the registry. */
export const smoothGradMethod: SaliencyMethod = {
  name: "smooth-grad",
  title: "SmoothGrad",
  source: "Smilkov, Thorat, Kim, Viégas and Wattenberg, SmoothGrad, 2017",
  summary: "How strongly the class score reacts to each pixel on average, if noise is added to the image.",
  version: 1,
  check: (_, options) => void settingsOf(options),
  explain,
};
