/**
 * @file Preprocessing as a list of steps, as toolboxes write it beside the models that they export: MMDeploy's pipeline.json, PaddleClas' inference.yml, Albumentations'
 * and torchvision's transforms, and NVIDIA's configuration of its inference plugin.
 */
import { BadInputError } from "../../errors.ts";
import type { GeometryRule } from "../../image/geometry.ts";
import type { Interpolation } from "../../image/resize.ts";
import { areOfBytes, checkConsistent, checkNormalization } from "./preprocessing.ts";
import { growthOf } from "./read-config.ts";
import type { StatedPreprocessing } from "./source.ts";

type Json = Readonly<Record<string, unknown>>;

interface Step {
  /** In lower case, without what stands before the last stop: "normalize". */
  readonly name: string;
  readonly args: Json;
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isSide = (value: unknown): value is number => isNumber(value) && value >= 1;

/** Lists within more objects than this are not looked for. */
const deepest = 8;

/** What a list of steps somewhere within `config` states; undefined where there is none that normalizes. Throws as `statedInConfig`. */
export function statedInPipeline(config: unknown, where: string): StatedPreprocessing | undefined {
  const steps = stepsIn(config, 0);
  return steps && statedBySteps(steps, where);
}

/** The first list of steps in `value` of which one normalizes. */
function stepsIn(value: unknown, depth: number): readonly Step[] | undefined {
  if (depth > deepest || typeof value !== "object" || value === null) return undefined;
  const items: readonly unknown[] = Object.values(value);
  if (Array.isArray(value)) {
    const steps = items.flatMap((item) => stepOf(item) ?? []);
    if (steps.length === items.length && steps.some(isNormalizing)) return steps;
  }
  for (const item of items) {
    const found = stepsIn(item, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isNormalizing = ({ name, args }: Step): boolean => /^(img)?normalize(image)?$/.test(name) && "mean" in args;

/** { type: NAME, … }, { NAME: { … } }, or { name: NAME, params: { … } }. */
function stepOf(item: unknown): Step | undefined {
  if (typeof item === "string") return { name: plain(item), args: {} };
  if (!isObject(item)) return undefined;
  for (const key of ["type", "__class_fullname__", "_target_", "class", "name", "transform"]) {
    const name = item[key];
    if (typeof name !== "string") continue;
    const inner = ["params", "args", "kwargs", "init_args"].map((one) => item[one]).find(isObject);
    return { name: plain(name), args: inner ?? item };
  }
  const [[name, args] = ["", undefined], ...others] = Object.entries(item);
  if (name === "" || others.length > 0 || !(args === null || typeof args === "object" || isNumber(args)))
    return undefined;
  return { name: plain(name), args: isObject(args) ? args : { size: args } };
}

function plain(name: string): string {
  return (name.split(".").at(-1) ?? "").replaceAll(/[_\s]/g, "").toLowerCase();
}

function statedBySteps(steps: readonly Step[], where: string): StatedPreprocessing {
  const normalization = steps.find(isNormalizing);
  const { scale, mean, std, order } = normalizationOf(normalization?.args ?? {}, where);
  const decoded = steps.find(({ name }) => /^(decodeimage|loadimage)/.test(name))?.args.to_rgb;
  const isRgb = order ?? (typeof decoded === "boolean" ? decoded : undefined);
  const resized = steps.map(({ name, args }) => resizeOf(name, args)).find((one) => one !== undefined);
  const cropped = steps
    .filter(({ name }) => name.includes("crop"))
    .map(({ args }) => sidesOf(args))
    .find((one) => one !== undefined);
  const exact = typeof resized?.to === "number" ? undefined : resized?.to;
  const inputSize = cropped ?? exact;
  return {
    normalization: { scale, mean, std },
    channels: isRgb === undefined ? undefined : isRgb ? "rgb" : "bgr",
    inputSize,
    geometry: resized === undefined ? undefined : (height, width) => geometryOf({ resized, inputSize, height, width }),
  };
}

/** (scale · x − mean) / std of x from 0 to 255. */
function normalizationOf(args: Json, where: string) {
  const listed = (key: string): readonly number[] => {
    const value = args[key] ?? (key === "std" ? 1 : undefined);
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const numbers = list.filter(isNumber);
    if (numbers.length === list.length && list.length > 0) return numbers;
    throw new BadInputError({ where, what: `${key} is not usable`, expected: "numbers", got: JSON.stringify(value) });
  };
  const mean = listed("mean");
  const std = listed("std");
  const spread = std.length === 1 ? mean.map(() => std[0]) : std;
  const isRgb = args.to_rgb ?? args.bgr_to_rgb;
  const isOfBytes = areOfBytes(mean, spread);
  const factor = factorOf(args.scale);
  const scale: 1 | 255 =
    factor !== undefined
      ? Math.abs(factor * 255 - 1) < 0.01
        ? 1
        : 255
      : typeof args.is_scale === "boolean"
        ? args.is_scale
          ? 1
          : 255
        : // OpenMMLab's are of bytes, whatever their size.
          typeof isRgb === "boolean" || isOfBytes || args.max_pixel_value === 1
          ? 255
          : 1;
  if (factor !== undefined && scale === 255 && Math.abs(factor - 1) > 1e-6) {
    throw new BadInputError({ where, what: "scale is not usable", expected: "1 or 1/255", got: String(factor) });
  }
  checkNormalization(where, { mean, std: spread });
  checkConsistent(where, { scale, mean, std: spread });
  return { scale, mean, std: spread, order: typeof isRgb === "boolean" ? isRgb : undefined };
}

/** A number, or the quotient of two as PaddlePaddle's files have it: "1./255.". */
function factorOf(value: unknown): number | undefined {
  if (isNumber(value)) return value;
  const match = typeof value === "string" ? /^\s*([\d.e-]+)\s*\/\s*([\d.e-]+)\s*$/i.exec(value) : null;
  const quotient = match === null ? Number.NaN : Number(match[1]) / Number(match[2]);
  return Number.isFinite(quotient) ? quotient : undefined;
}

interface Resized {
  /** The shorter side, or both. */
  readonly to: number | readonly [height: number, width: number];
  readonly interpolation: Interpolation;
}

function resizeOf(name: string, args: Json): Resized | undefined {
  const interpolation = interpolationOf(args.interpolation ?? args.interp);
  const shorter = [args.resize_short, args.short_size, args.max_size, args.scale].find(isSide);
  if (/^(resizeedge|resizebyshort|smallestmaxsize|resizeimage)$/.test(name) && shorter !== undefined) {
    return args.edge === "long" ? undefined : { to: shorter, interpolation };
  }
  if (!/^resize(image)?$/.test(name) || args.keep_ratio === true) return undefined;
  const { size } = args;
  // One number, or one of a pair, is the shorter side: torchvision's Resize(256), OpenMMLab's (256, -1).
  const [first, second] = Array.isArray(size) ? size : [size];
  if (name === "resize" && isSide(first) && !isSide(second)) return { to: first, interpolation };
  // OpenMMLab's scale is the width, then the height.
  const scale = Array.isArray(args.scale) && args.scale.every(isSide) ? args.scale.toReversed() : undefined;
  const to = sidesOf(scale === undefined ? args : { size: scale });
  return to && { to, interpolation };
}

/** Height and width, of one number for both or of two. */
function sidesOf({ size, crop_size, height, width }: Json): readonly [height: number, width: number] | undefined {
  const value = crop_size ?? size;
  const [rows, columns] = Array.isArray(value) ? value : isSide(value) ? [value, value] : [height, width];
  if (!isSide(rows)) return undefined;
  return isSide(columns) ? [rows, columns] : [rows, rows];
}

/** OpenCV's numbers and everybody's words; Lanczos is not among ours, and bicubic is the nearest. */
function interpolationOf(value: unknown): Interpolation {
  const word = String(value).toLowerCase();
  if (/nearest|^0$/.test(word)) return "nearest";
  return /cubic|lanczos|^[24]$/.test(word) ? "bicubic" : "bilinear";
}

/** What is resized before a crop is taken in proportion, where the model takes another size than the steps give. */
function geometryOf({
  resized,
  inputSize,
  height,
  width,
}: {
  readonly resized: Resized;
  readonly inputSize: readonly [height: number, width: number] | undefined;
  readonly height: number;
  readonly width: number;
}): GeometryRule {
  const { to, interpolation } = resized;
  const crop = { width, height };
  const growth = growthOf(inputSize, height, width);
  if (typeof to === "number") {
    return { resize: { kind: "shorter", size: Math.max(Math.floor(to * growth), height, width) }, crop, interpolation };
  }
  const [rows, columns] = to.map((side) => Math.floor(side * growth));
  const isLarger = rows > height || columns > width;
  return isLarger && rows >= height && columns >= width
    ? { resize: { kind: "exact", width: columns, height: rows }, crop, interpolation }
    : { resize: { kind: "exact", ...crop }, interpolation };
}

/** What NVIDIA's inference plugin is told: net-scale-factor · (x − offsets) of x from 0 to 255; undefined where the {@link nvinferEntries} say neither. */
export function statedForNvinfer(entries: ReadonlyMap<string, string>, where: string): StatedPreprocessing | undefined {
  const factor = Number(entries.get("net-scale-factor") ?? 1);
  const written = entries.get("offsets");
  if (written === undefined && !entries.has("net-scale-factor")) return undefined;
  const mean = (written ?? "0;0;0")
    .split(/[;,\s]+/)
    .filter((part) => part !== "")
    .map(Number);
  if (!(factor > 0) || !mean.every(Number.isFinite) || mean.length === 0) {
    const got = `net-scale-factor=${entries.get("net-scale-factor")}, offsets=${written}`;
    throw new BadInputError({ where, what: "the normalization is not usable", expected: "numbers", got });
  }
  const std = mean.map(() => 1 / factor);
  const order = entries.get("model-color-format");
  const isPadded = entries.get("maintain-aspect-ratio") === "1";
  return {
    // Of factors near 1/255 pixels from 0 to 1 come out.
    normalization:
      Math.abs(factor * 255 - 1) < 0.01
        ? { scale: 1, mean: mean.map((value) => value / 255), std: mean.map(() => 1) }
        : { scale: 255, mean, std },
    channels: order === "1" ? "bgr" : order === "0" || order === undefined ? "rgb" : undefined,
    geometry: (height, width) => ({
      resize: { kind: isPadded ? "pad" : "exact", width, height },
      interpolation: "bilinear",
    }),
  };
}

/** The same entries of a configuration in YAML; undefined where it has no section of that name with one of the normalization's. */
export function nvinferSection(config: unknown): ReadonlyMap<string, string> | undefined {
  const section = isObject(config) ? config.property : undefined;
  if (!isObject(section) || !("net-scale-factor" in section || "offsets" in section)) return undefined;
  return new Map(Object.entries(section).map(([key, value]) => [key, String(value)]));
}

/** The entries of the section [property] of such a file; undefined where it has none. */
export function nvinferEntries(text: string): ReadonlyMap<string, string> | undefined {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const start = lines.indexOf("[property]");
  if (start === -1) return undefined;
  const end = lines.findIndex((line, index) => index > start && line.startsWith("["));
  return new Map(
    lines.slice(start + 1, end === -1 ? undefined : end).flatMap((line): [string, string][] => {
      const at = line.indexOf("=");
      return at <= 0 || line.startsWith("#") ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()]];
    }),
  );
}
