/**
 * @file Preprocessing in the words of makers whose files have no form of their own here: means beside deviations, variances or factors under any of their usual
 * names, in any case of letters, within other objects; Keras' modes; what a way of preparing pixels is called; a chain of transforms as PyTorch prints it.
 */
import { BadInputError } from "../../errors.ts";
import type { GeometryRule } from "../../image/geometry.ts";
import { areOfBytes, checkNormalization, type Normalization } from "./preprocessing.ts";
import { type StatedPreprocessing, statedBy } from "./source.ts";

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Objects and lists further within others than this are not looked at. */
const deepest = 6;

/** Keys under which means and deviations are of something else than pixels. */
const ofOthers =
  /result|metric|score|accura|loss|latency|bench|box|target|anchor|weight|optim|depth|latent|audio|text|noise|blur|eras|jitter|random/i;
/** Keys under which a single number for all channels is of pixels. */
const ofPixels = /pre[-_ ]?process|processor|transform|normali[sz]|pixel|image|img|input/i;
/** What a step is called that changes numbers, where an object is one of a list of steps. */
const ofNumbers = /normal|scal|pre[-_ ]?process/i;
/** A factor alone brings pixels from 0 to 255 to small numbers; larger ones are ranges of sizes, as of crops. */
const mostFactor = 0.1;

/** A key without what says that it is of pixels, and how many there are: "PIXEL_MEAN" and "image_means" are both "mean". */
function plainKey(key: string): string {
  return key
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/^((pixels?|images?|img|input|norm(ali[sz](e|ation))?|rgb|bgr|channels?)[-_ .]+)+/, "")
    .replace(/[-_ ]?(values?|rgb|bgr)$/, "")
    .replace(/s$/, "");
}

const names: Readonly<Record<string, "mean" | "std" | "variance" | "factor" | "offset">> = {
  mean: "mean",
  std: "std",
  stdev: "std",
  stddev: "std",
  std_dev: "std",
  variance: "variance",
  var: "variance",
  scale: "factor",
  scale_factor: "factor",
  scalefactor: "factor",
  rescale: "factor",
  rescale_factor: "factor",
  offset: "offset",
};

type Numbers = Partial<Record<(typeof names)[string], readonly number[]>>;

/** Numbers of a list, of a text, or one alone; "1/255" is a number. undefined for anything else. */
function numbersOf(value: unknown): readonly number[] | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? [value] : undefined;
  const parts = typeof value === "string" ? value.replace(/^[\s[(]+|[\s\])]+$/g, "").split(/[\s,;]+/) : value;
  if (!Array.isArray(parts) || parts.length === 0) return undefined;
  const numbers = parts.map((part: unknown) => {
    if (typeof part === "number") return part;
    const quotient = typeof part === "string" ? /^([-+\d.e]+)(?:\/([\d.e]+))?$/i.exec(part.trim()) : null;
    return quotient === null ? Number.NaN : Number(quotient[1]) / Number(quotient[2] ?? 1);
  });
  return numbers.every(Number.isFinite) ? numbers : undefined;
}

/**
 * What `config` states of pixels under the names that other makers give it; undefined where it says nothing. `isOfPixels`: whether all of it is of
 * pixels, as of a file that is called so. Throws a BadInputError or MisuseError for numbers that cannot be meant.
 */
export function statedByForeign(config: unknown, where: string, isOfPixels = false): StatedPreprocessing | undefined {
  const numbers = numbersWithin(config, isOfPixels, 0);
  const normalization =
    numbers === undefined ? kerasModeWithin(config, isOfPixels, 0) : { normalization: normalizationOf(numbers, where) };
  const order = orderWithin(config);
  return normalization && { channels: order, ...normalization };
}

function numbersWithin(value: unknown, isOfPixels: boolean, depth: number): Numbers | undefined {
  if (depth > deepest || typeof value !== "object" || value === null) return undefined;
  const { type, name: step = type } = isObject(value) ? value : {};
  if (isObject(value) && (typeof step !== "string" || ofNumbers.test(step) || depth === 0)) {
    const entries = Object.entries(value).flatMap(([key, item]) => {
      const name = Object.hasOwn(names, plainKey(key)) ? names[plainKey(key)] : undefined;
      const list = name === undefined ? undefined : numbersOf(item);
      return name === undefined || list === undefined ? [] : [[name, list] as const];
    });
    const found: Numbers = Object.fromEntries(entries);
    // Keras' word for what it does to pixels.
    const isRescaled = "rescale" in value;
    if (isWhole(found, isOfPixels || isRescaled)) return found;
  }
  for (const [key, item] of Object.entries(value)) {
    if (ofOthers.test(key)) continue;
    const pair = /stat|normali[sz]/i.test(key) ? pairOf(item) : undefined;
    const inner = pair ?? numbersWithin(item, isOfPixels || ofPixels.test(key), depth + 1);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** [[means], [deviations]], as fastai has them. */
export function pairOf(value: unknown): Numbers | undefined {
  if (!Array.isArray(value) || value.length !== 2 || !value.every(Array.isArray)) return undefined;
  const [mean, std] = value.map(numbersOf);
  return mean !== undefined && std !== undefined && mean.length === std.length ? { mean, std } : undefined;
}

/** Whether numbers are of pixels for certain: a mean for each of three channels beside what they are divided by, or one for all of them where everything is of pixels. */
function isWhole({ mean, std, variance, factor }: Numbers, isOfPixels: boolean): boolean {
  const divided = std ?? variance ?? factor;
  const fits = divided !== undefined && [1, 3].includes(divided.length);
  if (mean?.length === 3 && fits) return true;
  if (!isOfPixels || !fits) return false;
  return mean?.length === 1 || (mean === undefined && divided === factor && Math.max(...factor) <= mostFactor);
}

/** (x − mean) / std, or · factor, of x from 0 to 1 or from 0 to 255, whichever the numbers are of; with an offset, x · factor + offset. */
function normalizationOf({ mean, std, variance, factor, offset }: Numbers, where: string): Numbered {
  const isByte = (value: number): boolean => Math.abs(value * 255 - 1) < 0.01;
  const deviations = std ?? variance?.map(Math.sqrt);
  if (factor?.some((value) => value <= 0) === true) {
    throw new BadInputError({ where, what: "the scale is not usable", expected: "positive numbers", got: `${factor}` });
  }
  const [first] = factor ?? [];
  if (mean === undefined && deviations === undefined && factor !== undefined) {
    if (offset === undefined && factor.every(isByte)) return { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };
    const divisors = threeOf(factor.map((value) => 1 / value));
    const shifts = threeOf(offset ?? [0]);
    const scale = Math.max(...divisors) > 3 ? 255 : 1;
    return { scale, mean: shifts.map((value, c) => -value * divisors[c]), std: divisors };
  }
  const means = mean ?? (deviations ?? [1]).map(() => 0);
  // What is rescaled before the mean is taken away, or multiplied after it.
  const isRescaled =
    factor?.length === 1 && first !== undefined && isByte(first) && !areOfBytes(means, deviations ?? [1]);
  const divisors =
    deviations ?? (factor === undefined || isRescaled ? means.map(() => 1) : factor.map((value) => 1 / value));
  const std3 = divisors.length === 1 ? means.map(() => divisors[0]) : divisors;
  checkNormalization(where, { mean: means, std: std3 });
  return { scale: isRescaled || !areOfBytes(means, std3) ? 1 : 255, mean: means, std: std3 };
}

type Numbered = Pick<Normalization, "scale" | "mean" | "std">;

const threeOf = (values: readonly number[]): readonly number[] =>
  values.length === 1 ? [values[0], values[0], values[0]] : values;

/** Keys that say in which order the channels are. */
const orderKeys =
  /^((colou?rs?|channels?|input|images?|img|pixels?)[-_ ]?(order|format|mode|space|layout)?|format|order)$/i;
/** Keys whose yes is an order by itself. */
const orderFlags: Readonly<Record<string, "rgb" | "bgr">> = {
  to_rgb: "rgb",
  bgr_to_rgb: "rgb",
  is_rgb: "rgb",
  rgb: "rgb",
  to_bgr: "bgr",
  is_bgr: "bgr",
  bgr: "bgr",
};

/** The order of the channels that `config` states anywhere; undefined where it states none, or both. */
export function orderWithin(config: unknown): Normalization["channels"] | undefined {
  const found = new Set<"rgb" | "bgr">();
  const look = (value: unknown, depth: number): void => {
    if (depth > deepest || typeof value !== "object" || value === null) return;
    for (const [key, item] of Object.entries(value)) {
      const flag = key.replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
      if (typeof item === "boolean" && Object.hasOwn(orderFlags, flag)) {
        found.add((orderFlags[flag] === "rgb") === item ? "rgb" : "bgr");
      }
      const text = typeof item === "string" && orderKeys.test(key) ? item.trim().toLowerCase() : "";
      if (text === "rgb" || text === "bgr") found.add(text);
      look(item, depth + 1);
    }
  };
  look(config, 0);
  return found.size === 1 ? [...found][0] : undefined;
}

type Stated = Pick<StatedPreprocessing, "normalization" | "channels" | "geometry">;

const openai = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };

/** What people and libraries call a way of preparing pixels. */
const ways: readonly (readonly [pattern: RegExp, stated: Stated])[] = [
  [/^(imagenet|imagenet[-_ ](stats|default|normali[sz]ation|norm)|torch|torchvision|pytorch)$/, statedBy("imagenet")],
  [/^(caffe|imagenet[-_ ]caffe)$/, statedBy("caffe")],
  [/^(tf|tensorflow|inception|symmetric|-1[-_ ]?(to|\.\.\.?|,)[-_ ]?1|\[-1, ?1\])$/, statedBy("symmetric")],
  [/^(unit|0[-_ ]?(to|\.\.\.?|,|-)[-_ ]?1|\[0, ?1\]|div(ide)?[-_ ]?(by[-_ ]?)?255|\/255)$/, statedBy("unit")],
  [/^(bytes|raw|none|0[-_ ]?(to|\.\.\.?|,|-)[-_ ]?255|\[0, ?255\])$/, statedBy("bytes")],
  [/^mnist$/, statedBy("mnist")],
  [/^(clip|openai([-_ ]clip)?)$/, { normalization: { scale: 1, ...openai }, channels: "rgb" }],
];

/** Which mode the `preprocess_input` of Keras' applications has. */
const applications: readonly (readonly [pattern: RegExp, stated: Stated])[] = [
  [/^(resnet|resnet50|resnet_?101|resnet_?152|vgg16|vgg19|imagenet_utils)$/, statedBy("caffe")],
  [/^(resnet_v2|inception_v3|inception_resnet_v2|xception|mobilenet|mobilenet_v2|nasnet)$/, statedBy("symmetric")],
  [/^densenet$/, statedBy("imagenet")],
  [/^(efficientnet|efficientnet_v2|convnext|mobilenet_v3|regnet|resnet_rs)$/, statedBy("bytes")],
];

/**
 * What a text calls the way that pixels are prepared: "imagenet", "caffe", "[-1, 1]", a function of Keras' applications ("keras.applications.vgg16.preprocess_input"), or a
 * chain of transforms as torchvision prints it. undefined where it is none of them.
 */
export function statedByWords(text: string): Stated | undefined {
  const word = text.trim().toLowerCase();
  const way = ways.find(([pattern]) => pattern.test(word))?.[1];
  if (way !== undefined) return way;
  const application = /([a-z0-9_]+)\.preprocess_input\b/.exec(word)?.[1];
  if (application !== undefined) return applications.find(([pattern]) => pattern.test(application))?.[1];
  return printedTransforms(text);
}

const modeKeys =
  /^(pre[-_ ]?process(ing|or)?([-_ ]?(input|mode|function|fn|name|type))?|normali[sz](e|ation)([-_ ]?(mode|type|name))?)$/i;

/** The way that `config` names under a key such as "preprocess_input", or "mode" where all of it is of pixels. */
function kerasModeWithin(config: unknown, isOfPixels: boolean, depth: number): Stated | undefined {
  if (depth > deepest || !isObject(config)) return undefined;
  for (const [key, item] of Object.entries(config)) {
    const isNamed = modeKeys.test(key) || (isOfPixels && /^(mode|type|name|method|function)$/i.test(key));
    const found =
      typeof item === "string"
        ? isNamed
          ? statedByWords(item)
          : undefined
        : kerasModeWithin(item, isOfPixels || ofPixels.test(key), depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

const list = String.raw`(?:tensor\()?[[(]?\s*([-+\d.e,\s]+?)\s*[\])]?\)?`;

/** "Compose(Resize(size=256, …) CenterCrop(size=(224, 224)) ToTensor() Normalize(mean=[…], std=[…]))". */
function printedTransforms(text: string): Stated | undefined {
  const match = new RegExp(String.raw`Normalize\(\s*mean=${list},\s*std=${list}\s*(?:,|\))`).exec(text);
  const [mean, std] = [match?.[1], match?.[2]].map(numbersOf);
  if (mean === undefined || std === undefined) return undefined;
  const [shorter] = numbersOf(/\bResize\(\s*(?:size=)?(\d+)/.exec(text)?.[1]) ?? [];
  const interpolation = /Resize\([^)]*cubic/i.test(text) ? "bicubic" : "bilinear";
  const geometry =
    shorter === undefined || !/\bCenterCrop\(/.test(text)
      ? undefined
      : (height: number, width: number): GeometryRule => ({
          resize: { kind: "shorter", size: Math.max(shorter, height, width) },
          crop: { width, height },
          interpolation,
        });
  return { normalization: { scale: areOfBytes(mean, std) ? 255 : 1, mean, std }, channels: "rgb", geometry };
}
