/**
 * @file Preprocessing as the files beside models state it: Hugging Face's preprocessor_config.json, timm's config.json, and our own.
 */
import { BadInputError, checkKeys, nearest } from "../../errors.ts";
import { checkGeometryRule, type GeometryRule } from "../../image/geometry.ts";
import type { Interpolation } from "../../image/resize.ts";
import {
  areOfBytes,
  checkConsistent,
  checkNormalization,
  type Normalization,
  normalizations,
  type Preprocessing,
} from "./preprocessing.ts";
import { orderWithin, statedByForeign } from "./read-foreign-config.ts";
import { type StatedPreprocessing, statedBy } from "./source.ts";

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

function numbersAt(config: Json, key: string, where: string): readonly number[] | undefined {
  const value = config[key];
  if (value === undefined || value === null) return undefined;
  const list = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every(isNumber)) return list;
  throw new BadInputError({ where, what: `${key} is not usable`, expected: "numbers", got: JSON.stringify(value) });
}

export interface StatedInConfigOptions {
  /** Passes over what is not of pixels, as in files that say more than this: the names of the classes, say. Default: that is refused. */
  readonly ignoresOthers?: boolean;
}

/** Under what keys configurations of more than pixels keep what they say of these. */
const pixelKeys = /pre[-_ ]?process|processor|transform|normali[sz]|pixel|image|input/i;

/** Objects further within others are of something else. */
const deepest = 3;

/**
 * The object that says how pixels are prepared, as of a mean and a deviation for each channel: `config` itself, or one within it under a key such as "preprocessing"; undefined
 * where there is none. Means and deviations elsewhere may be of anything.
 */
export function pixelConfigWithin(config: unknown, depth = 0): object | undefined {
  if (!isObject(config)) return undefined;
  const { mean, std, image_mean: ofProcessor, pretrained_cfg: ofTimm } = config;
  const isOfChannels = [mean, std].every((one) => Array.isArray(one) && (one.length === 1 || one.length === 3));
  if (isTeachable(config) || isLobes(config)) return config;
  if (isOfChannels || ofProcessor !== undefined || ofTimm !== undefined) return config;
  if (depth === deepest) return undefined;
  return Object.entries(config)
    .filter(([key]) => pixelKeys.test(key))
    .map(([, inner]) => pixelConfigWithin(inner, depth + 1))
    .find((found) => found !== undefined);
}

/**
 * {@link statedInConfig} of the object within `config` that says it (see {@link pixelConfigWithin}), or else of `config` itself, or else what it says in other
 * makers' words.
 */
export function statedWithin(
  config: unknown,
  where: string,
  options: StatedInConfigOptions = {},
): StatedPreprocessing | undefined {
  return completed(statedInConfig(pixelConfigWithin(config) ?? config, where, options), config, where);
}

/** {@link statedWithin} of a file that may be of other things than pixels, unless `isOfPixels` says that all of it is of these. */
export function statedAmongOthers(
  config: unknown,
  where: string,
  isOfPixels: boolean,
): StatedPreprocessing | undefined {
  const ofPixels = pixelConfigWithin(config);
  const found = ofPixels && statedInConfig(ofPixels, where, { ignoresOthers: true });
  return completed(found, config, where, isOfPixels);
}

/** `found` with what `config` says in other makers' words: all of it where `found` has no numbers, or the order of the channels. */
function completed(
  found: StatedPreprocessing | undefined,
  config: unknown,
  where: string,
  isOfPixels = false,
): StatedPreprocessing | undefined {
  if (found === undefined || Object.keys(found.normalization).length === 0) {
    const foreign = statedByForeign(config, where, isOfPixels);
    return foreign === undefined ? found : { ...found, ...foreign };
  }
  return found.channels === undefined ? { ...found, channels: orderWithin(config) } : found;
}

const isTeachable = (config: Json): boolean => "tmVersion" in config;

/** Lobe's signature.json. */
const isLobes = ({ inputs, classes }: Json): boolean => isObject(inputs) && isObject(inputs.Image) && isObject(classes);

/** The middle square of the picture. */
const middle = (height: number, width: number): GeometryRule => ({
  resize: { kind: "shorter", size: Math.max(height, width) },
  crop: { width, height },
  interpolation: "bilinear",
});

/** What Teachable Machine does with pictures. */
export const ofTeachableMachine: StatedPreprocessing = { ...statedBy("symmetric"), geometry: middle };

/** What a JSON object says of preprocessing; undefined if it says nothing. Throws a BadInputError or MisuseError for what cannot be meant. */
export function statedInConfig(
  config: unknown,
  where: string,
  options: StatedInConfigOptions = {},
): StatedPreprocessing | undefined {
  checkKeys("statedInConfig", options, ["ignoresOthers"]);
  const { ignoresOthers = false } = options;
  if (!isObject(config)) return undefined;
  // Both take the middle square of a picture; one gives its pixels from −1 to 1, and one from 0 to 1.
  if (isTeachable(config)) return ofTeachableMachine;
  if (isLobes(config)) return { ...statedBy("unit"), geometry: middle };
  // timm keeps it under a key; in older files the object itself is it.
  const { pretrained_cfg: timm, image_processor: processor } = config;
  if (isObject(timm)) return statedByTimm(timm, where);
  // Transformers' processor_config.json keeps those of several kinds of input.
  if (isObject(processor)) return statedByHuggingFace(processor, where);
  const keys = Object.keys(config);
  const ofProcessors = keys.filter((key) => key !== "image_size");
  // A network's own configuration, which says no more than the size.
  if ("model_type" in config && !ofProcessors.some((key) => /^(image_|do_)|^rescale_factor$/.test(key))) {
    const inputSize = sizeAt(config.image_size);
    return inputSize === undefined ? undefined : { normalization: {}, inputSize };
  }
  if (
    keys.some(
      (key) =>
        key.startsWith("image_") ||
        key.startsWith("do_") ||
        key === "rescale_factor" ||
        key === "feature_extractor_type",
    )
  ) {
    return statedByHuggingFace(config, where);
  }
  // torchvision's transforms of its weights, written down.
  if ("resize_size" in config && ("mean" in config || "std" in config)) return statedByTorchvision(config, where);
  if ("resize_mode" in config && "mean" in config) return statedByOpenClip(config, where);
  const isTimm = "input_size" in config || "crop_pct" in config || "architecture" in config;
  if (isTimm && ("mean" in config || "std" in config || "crop_pct" in config)) return statedByTimm(config, where);
  if (!keys.some((key) => key !== "layout" && ourKeys.has(key))) return undefined;
  if (!ignoresOthers) return statedByUs(config, where);
  if (!isOurScale(config.scale)) return statedByForeign(config, where, true);
  // A key that is nearly one of ours is meant to be it.
  const isOurs = (key: string): boolean => ourKeys.has(key) || nearest(key, ourKeys) !== undefined;
  return statedByUs(
    Object.fromEntries(
      Object.entries(config)
        .filter(([key]) => isOurs(key))
        .map(asOurs),
    ),
    where,
  );
}

/** Whether `scale` is one of ours, and no factor. */
const isOurScale = (scale: unknown): boolean =>
  scale === undefined || scale === "symmetric" || scale === 1 || (isNumber(scale) && scale >= 255);

/** An entry with what others write in its place: words in capitals, how many channels there are, how rows lie in memory. */
function asOurs([key, value]: readonly [key: string, value: unknown]): [key: string, value: unknown] {
  const text = typeof value === "string" ? value.toLowerCase() : value;
  if (key === "channels") return [key, isNumber(text) ? undefined : text];
  return [key, key === "layout" && text !== "nchw" && text !== "nhwc" ? undefined : key === "layout" ? text : value];
}

const ourKeys: ReadonlySet<string> = new Set(["scale", "mean", "std", "channels", "geometry", "layout"]);

/** Our own: the parts of {@link Preprocessing}, and "size". */
function statedByUs(config: Json, where: string): StatedPreprocessing {
  const { size: _, ...parts } = config;
  const { scale, mean, std, channels, layout, geometry } = checkNormalization(where, parts) as Partial<Preprocessing>;
  if (scale !== undefined && mean !== undefined && std !== undefined) checkConsistent(where, { scale, mean, std });
  if (geometry !== undefined) checkGeometryRule(`${where}: geometry`, geometry);
  return {
    normalization: defined({ scale, mean, std }),
    channels,
    layout,
    geometry: geometry === undefined ? undefined : () => geometry,
  };
}

function defined<T extends object>(parts: T): Partial<T> {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Pillow's numbers of resampling filters. Lanczos and Hamming are not among ours: bicubic is the nearest. */
const pillowFilters: readonly Interpolation[] = ["nearest", "bicubic", "bilinear", "bicubic", "bilinear", "bilinear"];

/** Which of Transformers' image processors a file is for: "ViT" of ViTImageProcessor, ViTImageProcessorFast and ViTFeatureExtractor. */
function processorOf(config: Json): string {
  const type = config.image_processor_type ?? config.feature_extractor_type;
  return typeof type === "string" ? type.replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, "") : "";
}

const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
const clip = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };

/** What Transformers' processors normalize by where a file does not say it; "nothing" of those that never do, undefined of others. */
function usualOfProcessor(
  processor: string,
): { readonly mean: readonly number[]; readonly std: readonly number[] } | "nothing" | undefined {
  if (/^(ViT|DeiT|Beit|ConvNext|EfficientNet|MobileNetV1|MobileNetV2|Siglip|DPT)$/.test(processor)) return half;
  if (/^(Levit|PoolFormer|Pvt|Segformer|TextNet|Perceiver|DINOv3ViT)$/.test(processor)) return normalizations.imagenet;
  if (/^(Bit|CLIP|ChineseCLIP|BridgeTower)$/.test(processor)) return clip;
  return /^(MobileViT|GLPN)$/.test(processor) ? "nothing" : undefined;
}

/** What a processor takes away and divides by, of rescaled pixels; undefined where it does neither. */
function normalizationOfProcessor(config: Json, where: string) {
  const given = { mean: numbersAt(config, "image_mean", where), std: numbersAt(config, "image_std", where) };
  if (config.do_normalize === false) return undefined;
  const usual = usualOfProcessor(processorOf(config));
  if (given.mean !== undefined) return { mean: given.mean, std: given.std ?? given.mean.map(() => 1) };
  if (typeof usual === "object") return { mean: usual.mean, std: given.std ?? usual.std };
  if (usual === undefined && config.do_normalize === true) {
    throw new BadInputError({
      where,
      what: "image_mean is missing, and the processor is not known",
      expected: "image_mean and image_std, or do_normalize false",
      got: JSON.stringify(config.image_processor_type ?? config.feature_extractor_type ?? null),
    });
  }
  return undefined;
}

/** Transformers' image processors: v = rescale_factor · (0 … 255) (+ offset), then (v − image_mean) / image_std. */
function statedByHuggingFace(config: Json, where: string): StatedPreprocessing {
  const processor = processorOf(config);
  const isOn = (key: string): boolean => config[key] !== false;
  const normalized = normalizationOfProcessor(config, where);
  // Taken away from pixels from 0 to 1, means of bytes would leave nothing of them: such files are written for pixels from 0 to 255, whatever they say.
  const isOfBytes = normalized !== undefined && areOfBytes(normalized.mean, normalized.std);
  const rescale = isNumber(config.rescale_factor) ? config.rescale_factor : 1 / 255;
  const factor = isOn("do_rescale") && !isOfBytes ? rescale : 1;
  if (!(factor > 0)) {
    throw new BadInputError({
      where,
      what: "rescale_factor is not usable",
      expected: "a positive number",
      got: String(factor),
    });
  }
  const isNormalizedByUnits = (values: readonly number[], deviations: readonly number[]): boolean =>
    factor === 1 && Math.max(...values.map(Math.abs)) <= 1 && Math.max(...deviations) < 1;
  const offset = config.rescale_offset === true ? 1 : 0;
  const { mean } = normalized ?? { mean: [0, 0, 0] };
  // EfficientNet's pixels are divided once more for its classifiers.
  const isTwice = processor === "EfficientNet" && isOn("include_top");
  const again = isTwice ? (numbersAt(config, "image_std", where) ?? half.std) : [1];
  const once = normalized?.std ?? mean.map(() => 1);
  const std = once.map((value, c) => value * (again[c] ?? again[0] ?? 1));
  checkNormalization(where, { mean, std });
  // Who leaves the division out and takes away means of 0 to 1 gives pixels from 0 to 1.
  const isUnit =
    Math.abs(factor * 255 - 1) < 1e-6 || (normalized !== undefined && isNormalizedByUnits(mean, normalized.std));
  const says = ["do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"].some((key) => key in config);
  const isFlipped = config.do_flip_channel_order ?? processor === "MobileViT";
  return {
    // A file of sizes alone says nothing of numbers.
    normalization:
      !says && normalized === undefined && usualOfProcessor(processor) === undefined
        ? {}
        : isUnit
          ? { scale: 1, mean: mean.map((value) => value + offset), std }
          : {
              scale: 255,
              mean: mean.map((value) => (value + offset) / factor),
              std: std.map((value) => value / factor),
            },
    channels: isFlipped === true ? "bgr" : "rgb",
    geometry:
      isOn("do_resize") || isOn("do_center_crop")
        ? (height, width) => geometryOfHuggingFace(config, height, width)
        : undefined,
    inputSize: sizeOfHuggingFace(config),
  };
}

/** Means and deviations as timm's files have them: of pixels from 0 to 1, or of bytes where they can be of nothing else. */
function numbersOf(
  mean: readonly number[],
  std: readonly number[] = mean.map(() => 1),
): Pick<Normalization, "scale" | "mean" | "std"> {
  return { scale: areOfBytes(mean, std) ? 255 : 1, mean, std };
}

const isSide = (value: unknown): value is number => isNumber(value) && value > 0;

/** [height, width] of { height, width }, or of one number. */
function sizeAt(value: unknown): readonly [height: number, width: number] | undefined {
  if (isSide(value)) return [value, value];
  if (!isObject(value)) return undefined;
  const { height, width } = value;
  return isSide(height) && isSide(width) ? [height, width] : undefined;
}

/** Processors that take one number for the shorter side (transformers' `get_size_dict` with `default_to_square=False`); the others take it for both. */
const shorterOfOne = /^(ConvNext|PoolFormer|Levit|Bit|MobileViT|MobileNetV1|MobileNetV2|CLIP|ChineseCLIP)$/;

/** The shorter side that a file states, as such or as the one number of a processor that means it so. */
function shortestEdge(config: Json): number | undefined {
  const { size } = config;
  if (isSide(size)) return shorterOfOne.test(processorOf(config)) ? size : undefined;
  return isObject(size) && isSide(size.shortest_edge) ? size.shortest_edge : undefined;
}

/** The share of the picture that a file keeps; 0 and less keep nothing, and are no shares. */
function cropShare(config: Json): number | undefined {
  if (isSide(config.crop_pct)) return config.crop_pct;
  return processorOf(config) === "ConvNext" ? 224 / 256 : undefined;
}

function isCroppedByHuggingFace({ do_center_crop: isAsked, crop_size: size }: Json): boolean {
  return isAsked === true || (isAsked === undefined && sizeAt(size) !== undefined);
}

function sizeOfHuggingFace(config: Json): readonly [height: number, width: number] | undefined {
  if (isCroppedByHuggingFace(config)) {
    const cropped = sizeAt(config.crop_size);
    if (cropped !== undefined) return cropped;
  }
  const edge = shortestEdge(config);
  return edge === undefined ? sizeAt(config.size) : cropShare(config) === undefined ? undefined : [edge, edge];
}

/**
 * How many times larger an input of `height` × `width` is than the one that a file is for: what it says of sizes before its crop is meant in
 * proportion, or the picture would not fill the crop, or the crop would show a small part of it.
 */
export function growthOf(stated: StatedPreprocessing["inputSize"], height: number, width: number): number {
  return stated === undefined ? 1 : Math.max(height / stated[0], width / stated[1]);
}

function geometryOfHuggingFace(config: Json, height: number, width: number): GeometryRule {
  const interpolation = isNumber(config.resample) ? (pillowFilters[config.resample] ?? "bilinear") : "bilinear";
  const crop = { width, height };
  const edge = shortestEdge(config);
  const share = cropShare(config);
  const growth = growthOf(sizeOfHuggingFace(config), height, width);
  const shorter = (side: number): GeometryRule => ({
    resize: { kind: "shorter", size: Math.floor(side * growth) },
    crop,
    interpolation,
  });
  // ConvNeXt: the shorter side over crop_pct, then the middle; from 384 on squeezed.
  if (share !== undefined && edge !== undefined) {
    if (edge >= 384 && processorOf(config) !== "PoolFormer")
      return { resize: { kind: "exact", ...crop }, interpolation };
    return shorter(edge / share);
  }
  const isCropped = isCroppedByHuggingFace(config);
  // LeViT's shorter side is that of 256 for 224.
  if (edge !== undefined && processorOf(config) === "Levit") return shorter(Math.floor((256 / 224) * edge));
  if (edge !== undefined) {
    // Without a crop the whole shorter side is meant to be seen: an edge that is hardly larger than the input is still one before its crop.
    const most = Math.max(height, width);
    return shorter(isCropped || (edge >= most && edge < 2 * most) ? edge : most);
  }
  const size = sizeAt(config.size);
  const isSquare = size !== undefined && size[0] === size[1];
  // One number without a crop is both sides; with one it is the shorter side.
  if (isCropped && isNumber(config.size)) return shorter(config.size);
  if (isCropped && size !== undefined && isSquare) {
    const [rows, columns] = size.map((side) => Math.floor(side * growth));
    const isOther = rows !== height || columns !== width;
    if (isOther && rows >= height) {
      return { resize: { kind: "exact", width: columns, height: rows }, crop, interpolation };
    }
  }
  return { resize: { kind: "exact", ...crop }, interpolation };
}

/** torchvision: (x − mean) / std of x in [0, 1]; `resize_size` of one number is the shorter side, and `crop_size` is cut out of its middle. */
function statedByTorchvision(config: Json, where: string): StatedPreprocessing {
  const mean = numbersAt(config, "mean", where) ?? [0, 0, 0];
  const std = numbersAt(config, "std", where);
  checkNormalization(where, defined({ mean, std }));
  const [resized = [], cropped = []] = ["resize_size", "crop_size"].map((key) => numbersAt(config, key, where));
  const [rows, columns = rows] = cropped;
  const inputSize = rows > 0 && columns > 0 ? ([rows, columns] as const) : undefined;
  const interpolation = /cubic/i.test(String(config.interpolation)) ? "bicubic" : "bilinear";
  return {
    normalization: numbersOf(mean, std),
    channels: "rgb",
    inputSize,
    geometry:
      resized.length === 1 && resized[0] > 0
        ? (height, width) => {
            const side = Math.floor(resized[0] * growthOf(inputSize, height, width));
            const size = Math.max(side, height, width);
            return { resize: { kind: "shorter", size }, crop: { width, height }, interpolation };
          }
        : undefined,
  };
}

/** OpenCLIP: (x − mean) / std of x in [0, 1]; the middle of the picture, all of it squeezed, or all of it in a frame. */
function statedByOpenClip(config: Json, where: string): StatedPreprocessing {
  const mean = numbersAt(config, "mean", where) ?? [0, 0, 0];
  const std = numbersAt(config, "std", where);
  checkNormalization(where, defined({ mean, std }));
  const interpolation = config.interpolation === "bilinear" ? "bilinear" : "bicubic";
  const kinds: Readonly<Record<string, "exact" | "pad">> = { squash: "exact", longest: "pad" };
  const mode = String(config.resize_mode);
  return {
    normalization: numbersOf(mean, std),
    channels: "rgb",
    geometry: (height, width) =>
      Object.hasOwn(kinds, mode)
        ? { resize: { kind: kinds[mode], width, height }, interpolation }
        : { ...middle(height, width), interpolation },
  };
}

/** timm: (x − mean) / std of x in [0, 1], the shorter side over crop_pct, then the middle. */
function statedByTimm(config: Json, where: string): StatedPreprocessing {
  const mean = numbersAt(config, "mean", where);
  const std = numbersAt(config, "std", where);
  checkNormalization(where, defined({ mean, std }));
  const [size, testSize] = ["input_size", "test_input_size"].map((key) => {
    const numbers = numbersAt(config, key, where);
    return numbers?.length === 3 ? ([numbers[1], numbers[2]] as const) : undefined;
  });
  const shares = [config.crop_pct, config.test_crop_pct].map((share) => (isSide(share) ? share : undefined));
  /** As timm does: the sizes of the training, or of the test where the network has that. */
  const shareFor = (height: number, width: number): number | undefined => {
    const isOfTest = testSize?.[0] === height && testSize[1] === width && size?.[0] !== height;
    return isOfTest ? (shares[1] ?? shares[0]) : (shares[0] ?? shares[1]);
  };
  const named = config.interpolation;
  const interpolation: Interpolation = named === "bilinear" || named === "nearest" ? named : "bicubic";
  const mode = config.crop_mode;
  const normalization = mean === undefined && std === undefined ? {} : numbersOf(mean ?? [0, 0, 0], std);
  return {
    normalization,
    channels: mean === undefined ? undefined : "rgb",
    geometry:
      shareFor(0, 0) === undefined
        ? undefined
        : (height, width) => {
            const crop = { width, height };
            const grown = (side: number): number => Math.floor(side / (shareFor(height, width) ?? 1));
            if (mode === "squash") {
              return { resize: { kind: "exact", width: grown(width), height: grown(height) }, crop, interpolation };
            }
            if (mode === "border") return { resize: { kind: "pad", ...crop }, interpolation };
            if (width !== height) return { resize: { kind: "exact", ...crop }, interpolation };
            return { resize: { kind: "shorter", size: grown(height) }, crop, interpolation };
          },
    inputSize: size ?? testSize,
    ...(testSize === undefined ? {} : { testSize }),
  };
}
