/**
 * @file SmoothGrad: the gradient, averaged over noisy copies of the image.
 *
 * Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, section 3. Presets: what three published implementations
 * do, as far as they differ.
 */
import { countOption, numberOption, wordOption } from "../../options/option.ts";
import { type ValuesOf, withPresets } from "../../options/schema.ts";
import { createWords } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { rangeOf } from "../../tensor/vector.ts";
import { gradientIn, imageIn, pixelAffine, spaceOption } from "../attribution-space.ts";
import { outputOption } from "../backward-run.ts";
import { defineMethod, type MethodResult, type MethodTask } from "../define-method.ts";
import { fillNoise } from "../noise.ts";
import { readOut, readoutOption } from "../readout.ts";
import { gradientsAt } from "./gradients-at.ts";

const settings = withPresets(
  {
    doc: "The paper's numbers, or those of PAIR's saliency, Captum's NoiseTunnel or pytorch-cnn-visualizations.",
    fallback: "paper",
    presets: {
      /** 50 samples, noise of 0.15 of the range, mean. */
      paper: {},
      /** PAIR-code/saliency: 25 samples, noise of 0.15 of the range, mean of the squares. */
      pair: { samples: 25, aggregate: "mean-square" },
      /** Captum's NoiseTunnel: 5 samples, noise of standard deviation 1, mean. */
      captum: { samples: 5, noise: 1, noiseScale: "absolute" },
      /** pytorch-cnn-visualizations: 50 samples, σ = 4 / range, but the noise's deviation is σ²; mean. */
      cnnv: { samples: 50, noise: 4, noiseScale: "squared-inverse-range" },
    },
  },
  {
    samples: countOption("How many noisy images.", { fallback: 50 }),
    noise: numberOption("The standard deviation of the noise, in units of `noiseScale`.", { min: 0, fallback: 0.15 }),
    noiseScale: wordOption(
      "The unit of `noise`: the range of the image's values, 1, or (noise / range)².",
      ["range", "absolute", "squared-inverse-range"],
      { fallback: "range" },
    ),
    aggregate: wordOption(
      "What is made of the gradients: their mean, the mean of their squares, or their variance.",
      ["mean", "mean-square", "variance"],
      { fallback: "mean" },
    ),
    readout: readoutOption("sum"),
    of: outputOption,
    space: spaceOption,
  },
);

/** The standard deviation of the noise for values of the given range (largest less smallest). */
function deviationOf(noise: number, scale: "range" | "absolute" | "squared-inverse-range", range: number): number {
  if (scale === "range") return noise * range;
  if (scale === "absolute") return noise;
  return range > 0 ? (noise / range) ** 2 : 0;
}

async function explain(
  task: MethodTask<ValuesOf<typeof settings>>,
): Promise<MethodResult<{ readonly noiseDeviation: number }>> {
  const { settings } = task;
  const { samples, aggregate, space } = settings;
  const { image, classifier, random } = task;
  const { data } = image;
  const size = data.length;
  const values = imageIn(space, data, classifier);
  const [low, high] = rangeOf(values);
  const deviation = deviationOf(settings.noise, settings.noiseScale, high - low);
  const factors = space === "pixels" ? undefined : pixelAffine(classifier).factor;
  const plane = size / image.shape[0];
  // Noise of the network's numbers, in pixels.
  const spread = Float64Array.from({ length: image.shape[0] }, (_, c) => deviation / Math.abs(factors?.[c] ?? 1));
  const words = createWords(random() * 2 ** 53);

  const sum = new Float64Array(size);
  const squares = aggregate === "mean" ? undefined : new Float64Array(size);
  await gradientsAt(task, {
    of: settings.of,
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
    evaluations: { forward: 0, gradient: samples },
    details: { noiseDeviation: deviation },
  };
}

/**
 * Σ over channels of the magnitude of the mean gradient over noisy images, [H, W]. The noise is normal (see `fillNoise`), drawn for each sample afresh
 * and added in the numbers of `space` (by default those that the network sees); noisy images are not clipped. The samples do not
 * depend on the batch.
 */
export const smoothGrad = defineMethod({
  name: "smooth-grad",
  title: "SmoothGrad",
  source: "Smilkov, Thorat, Kim, Viégas and Wattenberg, SmoothGrad, 2017",
  summary: "How strongly the class score reacts to each pixel on average, if noise is added to the image.",
  version: 1,
  box: { kind: "energy", alpha: 0.6 },
  settings,
  cost: ({ samples }) => ({ forward: 0, gradient: samples }),
  explain,
});
