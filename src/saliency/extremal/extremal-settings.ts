/** @file The settings of extremal perturbations. */
import { checkKeys, MisuseError, numberIn, oneOf } from "../../errors.ts";
import { type Fill, fills } from "../fill.ts";

/** `torchray`: TorchRay's defaults for one image. `voc` and `coco`: the areas and the smoothing of its pointing games. */
export const extremalPresets = {
  torchray: { areas: [0.1], smooth: 0 },
  voc: { areas: [0.025, 0.05, 0.1, 0.2], smooth: 0.09 },
  coco: { areas: [0.018, 0.025, 0.05, 0.1], smooth: 0.09 },
} as const;

export const extremalVariants = ["preserve", "delete", "dual"] as const;
/**
 * What the mask is for: to keep the score high where it shows the image and all else is hidden; to make it low where it hides
 * the image and all else is visible; or both at once.
 */
export type ExtremalVariant = (typeof extremalVariants)[number];

export const extremalRewards = ["logit", "probability", "margin"] as const;
/** The score: the logit, the softmax, or the margin (logit less the best other one). */
export type ExtremalReward = (typeof extremalRewards)[number];

export interface ExtremalSettings {
  /** Default `torchray`. What is given besides takes precedence. */
  readonly preset: keyof typeof extremalPresets;
  /** Shares of the image, each with a mask of its own; the map is their sum. */
  readonly areas: readonly number[];
  /** Default `preserve`. */
  readonly variant: ExtremalVariant;
  /** Default `logit`. */
  readonly reward: ExtremalReward;
  /** What hidden parts show. Default `blur`: a pyramid of blurred images, so that a mask value of ½ shows a less blurred one. */
  readonly fill: Fill;
  /** Steps of gradient descent. Default 800; with fewer, by default, each takes the way of several: {@link extremalSettings}. */
  readonly iterations: number;
  /** Default 0.01, with fewer iterations more. */
  readonly learningRate: number;
  /** The velocity's memory and the share of a new gradient that it leaves out. Default 0.9 each, with fewer iterations less. */
  readonly momentum: number;
  readonly dampening: number;
  /** λ, the weight of the area's penalty at first. Default 300. */
  readonly areaWeight: number;
  /** The factor by which λ grows with each step. Default 1.0035, with fewer iterations more. */
  readonly areaGrowth: number;
  /** Whether every other step sees the image mirrored, beginning with the first. Default true. */
  readonly jitter: boolean;
  /** Of the blur pyramid. Default 8. */
  readonly levels: number;
  /** σ of the most blurred level, in pixels. Default 20 of 224. */
  readonly maxBlur: number;
  /** Pixels from node to node of the mask's grid. Default 7 of 224. */
  readonly step: number;
  /** Scale of the mask's kernel, in pixels. Default 21 of 224. */
  readonly sigma: number;
  /** σ of the Gaussian that the sum is blurred with, as a share of the longer side. */
  readonly smooth: number;
}

const settingKeys = [
  "preset",
  "areas",
  "variant",
  "reward",
  "fill",
  "iterations",
  "learningRate",
  "momentum",
  "dampening",
  "areaWeight",
  "areaGrowth",
  "jitter",
  "levels",
  "maxBlur",
  "step",
  "sigma",
  "smooth",
] as const satisfies readonly (keyof ExtremalSettings)[];

const publishedIterations = 800;

/**
 * The settings that `given` stand for on images of the given size; throws a MisuseError for settings that cannot be meant.
 *
 * With s = 800 / iterations, the defaults are the learning rate 0.01·s, the growth 1.0035^s, and momentum and dampening 1 − 0.1·s (at
 * least 0): the descent leads as far, λ grows as much, and the velocity remembers the same part of the way.
 *
 * Deviation: the reference implementation's 7, 20 and 21 pixels are for images of 224; here they grow and shrink with the image.
 */
export function extremalSettings(
  given: Readonly<Record<string, unknown>> = {},
  { height, width }: { readonly height: number; readonly width: number },
): ExtremalSettings {
  checkKeys("extremal", given, settingKeys);
  const preset = oneOf("extremal: preset", given.preset ?? "torchray", ["torchray", "voc", "coco"]);
  const scale = Math.min(height, width) / 224;
  const number = (name: keyof ExtremalSettings, fallback: number, range: Parameters<typeof numberIn>[2]): number =>
    numberIn(`extremal: ${name}`, given[name] ?? fallback, range);
  const iterations = number("iterations", publishedIterations, { min: 1, integer: true });
  const stretch = publishedIterations / iterations;
  return {
    preset,
    areas: areasOf(given.areas ?? extremalPresets[preset].areas),
    variant: oneOf("extremal: variant", given.variant ?? "preserve", extremalVariants),
    reward: oneOf("extremal: reward", given.reward ?? "logit", extremalRewards),
    fill: oneOf("extremal: fill", given.fill ?? "blur", fills),
    iterations,
    learningRate: number("learningRate", 0.01 * stretch, { min: 1e-12 }),
    momentum: number("momentum", Math.max(0, 1 - 0.1 * stretch), { min: 0, max: 1 }),
    dampening: number("dampening", Math.max(0, 1 - 0.1 * stretch), { min: 0, max: 1 }),
    areaWeight: number("areaWeight", 300, { min: 0 }),
    areaGrowth: number("areaGrowth", 1.0035 ** stretch, { min: 0 }),
    jitter: booleanOf(given.jitter ?? true),
    levels: number("levels", 8, { min: 2, integer: true }),
    maxBlur: number("maxBlur", 20 * scale, { min: 0 }),
    step: number("step", Math.max(1, Math.round(7 * scale)), { min: 1, max: Math.min(height, width), integer: true }),
    sigma: number("sigma", 21 * scale, { min: 0.1 }),
    smooth: number("smooth", extremalPresets[preset].smooth, { min: 0, max: 1 }),
  };
}

function areasOf(given: unknown): readonly number[] {
  const list = typeof given === "number" ? [given] : given;
  if (
    Array.isArray(list) &&
    list.length > 0 &&
    list.every((area) => typeof area === "number" && area > 0 && area < 1)
  ) {
    return list;
  }
  throw new MisuseError({
    where: "extremal: areas",
    what: "value out of range",
    expected: "shares of the image, each above 0 and below 1",
    got: JSON.stringify(given),
  });
}

function booleanOf(given: unknown): boolean {
  if (typeof given === "boolean") return given;
  throw new MisuseError({
    where: "extremal: jitter",
    what: "unknown value",
    expected: "true or false",
    got: JSON.stringify(given),
  });
}
