/** @file The settings of extremal perturbations. */
import { numberIn } from "../../errors.ts";
import { countOption, derived, flagOption, numberOption, numbersOption, wordOption } from "../../options/option.ts";
import { type ValuesOf, withPresets } from "../../options/schema.ts";
import { fillOption } from "../fill.ts";

const publishedIterations = 800;
const publishedAreas: readonly number[] = [0.1];

export const extremalSettings = withPresets(
  {
    doc: "TorchRay's defaults for one image, or the areas and the smoothing of its pointing games on VOC and COCO.",
    fallback: "torchray",
    presets: {
      torchray: {},
      voc: { areas: [0.025, 0.05, 0.1, 0.2], smooth: 0.09 },
      coco: { areas: [0.018, 0.025, 0.05, 0.1], smooth: 0.09 },
    },
  },
  {
    areas: numbersOption("Shares of the image, each with a mask of its own; the map is their sum.", {
      above: 0,
      below: 1,
      fallback: publishedAreas,
    }),
    variant: wordOption(
      "What the mask is for: to keep the score high where it shows the image and all else is hidden; to make it low where it hides the image and all else is visible; or both at once.",
      ["preserve", "delete", "dual"],
      { fallback: "preserve" },
    ),
    reward: wordOption(
      "The score: the logit, the softmax, or the margin (logit less the best other one).",
      ["logit", "probability", "margin"],
      { fallback: "logit" },
    ),
    fill: fillOption("blur"),
    iterations: countOption("Steps of gradient descent; with fewer, by default, each takes the way of several.", {
      fallback: publishedIterations,
    }),
    learningRate: numberOption("The length of a step.", {
      min: 1e-12,
      fallback: derived("8 / `iterations`"),
    }),
    momentum: numberOption("The memory of the velocity.", {
      min: 0,
      max: 1,
      fallback: derived("1 − 80 / `iterations`, at least 0"),
    }),
    dampening: numberOption("The share of a new gradient that the velocity leaves out.", {
      min: 0,
      max: 1,
      fallback: derived("1 − 80 / `iterations`, at least 0"),
    }),
    areaWeight: numberOption("λ, the weight of the area's penalty at first.", { min: 0, fallback: 300 }),
    areaGrowth: numberOption("The factor by which λ grows with each step.", {
      min: 0,
      fallback: derived("1.0035 to the power of 800 / `iterations`"),
    }),
    jitter: flagOption("Whether every other step sees the image mirrored, beginning with the first.", {
      fallback: true,
    }),
    levels: countOption(
      "Images of the blur pyramid, with which `fill` blur shows a less blurred one for a mask of ½.",
      {
        min: 2,
        fallback: 8,
      },
    ),
    maxBlur: numberOption("σ of the most blurred level, in pixels.", { min: 0, fallback: derived("20 of 224") }),
    step: countOption("Pixels from node to node of the mask's grid.", { fallback: derived("7 of 224") }),
    sigma: numberOption("Scale of the mask's kernel, in pixels.", { min: 0.1, fallback: derived("21 of 224") }),
    smooth: numberOption("σ of the Gaussian that the sum is blurred with, as a share of the longer side.", {
      min: 0,
      max: 1,
      fallback: 0,
    }),
  },
);

type Given = ValuesOf<typeof extremalSettings>;
/** Settings with every fallback filled in. */
export type ExtremalSettings = { readonly [K in keyof Given]: Exclude<Given[K], undefined> };
export type ExtremalReward = ExtremalSettings["reward"];

/**
 * The settings on images of the given size; throws a MisuseError for a step longer than the image.
 *
 * With s = 800 / iterations, the fallbacks are the learning rate 0.01·s, the growth 1.0035^s, and momentum and dampening 1 − 0.1·s (at
 * least 0): the descent leads as far, λ grows as much, and the velocity remembers the same part of the way.
 *
 * Deviation: the reference implementation's 7, 20 and 21 pixels are for images of 224; here they grow and shrink with the image.
 */
export function completeExtremal(
  given: Given,
  { height, width }: { readonly height: number; readonly width: number },
): ExtremalSettings {
  const side = Math.min(height, width);
  const scale = side / 224;
  const stretch = publishedIterations / given.iterations;
  const { step = Math.max(1, Math.round(7 * scale)) } = given;
  return {
    ...given,
    learningRate: given.learningRate ?? 0.01 * stretch,
    momentum: given.momentum ?? Math.max(0, 1 - 0.1 * stretch),
    dampening: given.dampening ?? Math.max(0, 1 - 0.1 * stretch),
    areaGrowth: given.areaGrowth ?? 1.0035 ** stretch,
    maxBlur: given.maxBlur ?? 20 * scale,
    step: numberIn("extremal: step", step, { min: 1, max: side, integer: true }),
    sigma: given.sigma ?? 21 * scale,
  };
}
