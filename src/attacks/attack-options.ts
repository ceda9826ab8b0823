/** @file The options that every attack takes. */
import type { LayerSelector } from "../classifier/network/layers.ts";
import { countOption, derived, flagOption, valueOption, wordOption } from "../options/option.ts";
import type { OnProgress } from "../options/progress.ts";
import type { OptionsOf, ValuesOf } from "../options/schema.ts";
import type { Random } from "../random/random.ts";
import { maskForm } from "./hold-to-mask.ts";

export type Label = string | number;

const isLabel = (value: unknown): value is Label => typeof value === "string" || typeof value === "number";
const isLabels = (value: unknown): value is readonly Label[] => Array.isArray(value) && value.every(isLabel);
/** A class as the value of an option. */
export const classForm = { is: isLabel, expected: "a class, by number or name" };
const labels = { is: isLabels, expected: "a list of classes, one per image, each by number or name" };

/**
 * How pixels become bytes. `keep`: to the nearest level and, where that loses the success, farther from the clean image, as little as a few
 * trials tell. `nearest`: to the nearest level, whatever becomes of the success. `none`: the search minds no bytes, and spends nothing
 * on them; what is stored is the nearest level.
 */
export type Rounding = "keep" | "nearest" | "none";

/** All of {@link Rounding}. */
export const roundings: readonly Rounding[] = ["keep", "nearest", "none"];

/** {@link Rounding} as an option. */
export const roundingOption = wordOption(
  "How pixels become bytes: to the nearest level and, where that loses the success, farther from the clean image (`keep`); to the nearest level (`nearest`); or by a search that minds no bytes (`none`).",
  roundings,
  { fallback: "keep" },
);

export const commonAttackOptions = {
  label: valueOption("The class to leave, for all images.", {
    ...classForm,
    fallbackText: "the predicted class of each",
  }),
  target: valueOption("The class to reach, for all images.", { ...classForm, fallbackText: "any other class" }),
  labels: valueOption("The class to leave, one per image.", { ...labels, fallbackText: "the predicted class of each" }),
  targets: valueOption("The class to reach, one per image.", { ...labels, fallbackText: "any other class" }),
  batch: countOption("Images per run of the network.", { fallback: derived("at most 64, fewer for large images") }),
  rounding: roundingOption,
  random: valueOption("The random numbers of image i, so that its result does not depend on the others.", {
    is: (value): value is (image: number) => Random => typeof value === "function",
    expected: "a function from the image's number to a generator",
    fallbackText: "a fixed seed, and i",
  }),
  distanceLayers: valueOption(
    'The layers of the perceptual distance that results report; none: it is not measured. "search": those that the search compares, seen as it sees them.',
    {
      is: (value): value is readonly LayerSelector[] | "search" => value === "search" || isLabels(value),
      expected: 'a list of layers, or "search"',
      fallbackText: "those of the preset auto of the perceptual attack",
    },
  ),
  lpips: flagOption(
    "Whether results say the LPIPS distance as well: the root of LPIPS without learned weights, in the network's own features (the last activation of each resolution).",
    { fallback: derived("of the attacks that are bounded by it") },
  ),
  eot: valueOption(
    "What may happen to the image before the network sees it, in turn, such as `noise:0.05,resize-pad:0.9,jpeg:75`: gradients are means over draws (EOT), and what is found is judged on fresh ones.",
    {
      is: (value): value is string => typeof value === "string",
      expected: "transformations, with commas",
      fallbackText: "nothing",
    },
  ),
  eotDraws: countOption("With eot: draws that each gradient is the mean of.", { fallback: 20 }),
  eotTrials: countOption("With eot: fresh draws that each image found is judged on.", { fallback: 100 }),
  mask: valueOption(
    "Where pixels may change: 1 inside, 0 outside, [H, W] of the network's input. Pixels outside stay as they are; `regionMask` makes one of a box or a picture.",
    maskForm,
  ),
  signal: valueOption("Ends the attack early.", {
    is: (value): value is AbortSignal => typeof value === "object" && value !== null && "aborted" in value,
    expected: "an AbortSignal",
  }),
  onProgress: valueOption("Called as gradients are computed: how many, of how many at most.", {
    is: (value): value is OnProgress => typeof value === "function",
    expected: "a function",
  }),
};

/** The options that every attack takes, as a caller gives them. */
export type CommonAttackOptions = OptionsOf<typeof commonAttackOptions>;
/** The same, complete. */
export type CommonAttackValues = ValuesOf<typeof commonAttackOptions>;
