/**
 * @file What a model's metadata says of its preprocessing.
 *
 * The ONNX specification's image keys (as Custom Vision and Windows ML write them), of the model or of its input; Custom Vision's own keys;
 * ultralytics' `task` and `imgsz`; the keys of OpenVINO's and others' exporters; and an object of ours.  */
import { BadInputError, PerceptualBallError } from "../../errors.ts";
import type { GeometryRule } from "../../image/geometry.ts";
import type { Model } from "../../onnx/model.ts";
import { isLiteralList, isLiteralMap, type Literal, literalAt, numbersIn, parseLiteral } from "../labels/literal.ts";
import type { ModelWarning } from "../network/prepare-model.ts";
import type { Normalization } from "./preprocessing.ts";
import { statedInConfig, statedWithin } from "./read-config.ts";
import { pairOf, statedByForeign, statedByWords } from "./read-foreign-config.ts";
import { statedInPipeline } from "./read-pipeline.ts";
import type { StatedPreprocessing } from "./source.ts";

export interface MetadataReading {
  readonly stated: readonly { readonly stated: StatedPreprocessing; readonly reason: string }[];
  readonly warnings: readonly ModelWarning[];
}

/** What the metadata of `model`, and of its input called `input`, says; `said` is what messages call it. */
export function statedInMetadata(
  { metadata, graph }: Pick<Model, "metadata" | "graph">,
  input?: string,
  said = "the model's metadata",
): MetadataReading {
  const stated: MetadataReading["stated"][number][] = [];
  const warnings: ModelWarning[] = [];
  const unusable = (key: string, why: string): void => {
    warnings.push({
      code: "unusable-metadata",
      message: `${said} says how pixels are prepared (${key}), and it cannot be used: ${why}. Check what it says, and give the preprocessing yourself`,
    });
  };
  const note = (keys: string, read: () => StatedPreprocessing | undefined): void => {
    try {
      const found = read();
      if (found !== undefined) stated.push({ stated: found, reason: `${said} (${keys})` });
    } catch (error) {
      if (!(error instanceof PerceptualBallError)) throw error;
      unusable(
        keys,
        `${error.complaint.what}${error.complaint.got === undefined ? "" : ` (${error.complaint.got.slice(0, 80)})`}`,
      );
    }
  };
  const own = metadata.get("preprocessing");
  if (own !== undefined) {
    const parsed = jsonOf(own) ?? plainLiteral(own);
    const words = parsed === undefined || typeof parsed === "string" ? statedByWords(String(parsed ?? own)) : undefined;
    try {
      const found = words ?? statedWithin(parsed, "metadata") ?? statedInPipeline(parsed, "metadata");
      if (found !== undefined) stated.push({ stated: found, reason: "the model's own metadata" });
      else if (parsed === undefined) unusable("preprocessing", "it is not JSON, and no usual way has this name");
      else unusable("preprocessing", "it has none of scale, channels, mean, std and geometry");
    } catch (error) {
      if (!(error instanceof PerceptualBallError)) throw error;
      unusable("preprocessing", error.complaint.what);
    }
  }
  const ofInput = graph.inputs.find(
    ({ name, metadata: entries }) => name === input || (input === undefined && entries !== undefined),
  );
  const all = new Map([...metadata, ...(ofInput?.metadata ?? [])]);
  // Before the range, which its normalization is in.
  customVision(all, note);
  // Numbers say more than a range, or than whose exporter wrote the file.
  namedNumbers(all, note, warnings);
  imageKeys(all, note, unusable);
  ultralytics(all, note, warnings);
  for (const [key, text] of all) {
    // onnxruntime's tools leave keys such as onnx.quant.pre_process, which say what was done to the graph.
    if (key === "preprocessing" || /^onnx\./i.test(key)) continue;
    const before = stated.length + warnings.length;
    const isOfPictures = saysPixels.test(key) || /normalize/i.test(text);
    const isObject = /^\s*[[{]/.test(text);
    if (isObject && isOfPictures) note(key, () => statedInPipeline(jsonOf(text), key));
    const speaks =
      /image_mean|crop_pct|input_size/.test(text) || (/["']mean["']/i.test(text) && isOfPixels(`${key} mean`));
    if (/^\s*\{/.test(text) && speaks)
      note(key, () => statedWithin(jsonOf(text) ?? plainLiteral(text), key, { ignoresOthers: true }));
    if (isObject && isOfPictures && stated.length + warnings.length === before) {
      note(key, () => {
        const value = jsonOf(text) ?? plainLiteral(text);
        const pair = pairOf(value);
        return statedByForeign(pair ?? value, key, true);
      });
    }
    if (isOfPictures && stated.length + warnings.length === before) note(key, () => statedByWords(text));
    // Silence would leave it to a guess that claims that nothing says how pixels are prepared.
    if (saysPixels.test(key) && !isNoWay(text) && stated.length + warnings.length === before) {
      unusable(`${key}=${text.trim().slice(0, 40)}`, "nothing of what it says is known");
    }
  }
  return { stated, warnings };
}

/** Keys of metadata that are of how pixels are prepared, whatever stands before. */
const saysPixels =
  /(^|[^a-z])(pre[-_ ]?process(ing|or)?([-_ ]?(input|mode|function|fn|config|transforms?))?|(image|input|val|test|eval)[-_ ]?transforms?|transforms?|normali[sz](e|er|ation)([-_ ]?(mode|type|name|stats))?)$/i;

/** Texts that say whether something is done and not what, or how many. */
const isNoWay = (text: string): boolean => /^\s*(true|false|yes|no|null|-?[\d.]*)\s*$/i.test(text);

/** The value of a literal that Python printed, in plain objects and lists; undefined where it is none. */
function plainLiteral(text: string): unknown {
  const plain = (value: Literal): unknown =>
    isLiteralMap(value)
      ? Object.fromEntries(value.entries.map(([key, item]) => [key, plain(item)]))
      : isLiteralList(value)
        ? value.map(plain)
        : value;
  const literal = parseLiteral(text);
  return literal === undefined ? undefined : plain(literal);
}

/** The value that a text writes in JSON; undefined where it is none. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

type Note = (keys: string, read: () => StatedPreprocessing | undefined) => void;

/** The entry whose key ends in `name`, whatever stands before it and in whatever case. */
function entry(all: ReadonlyMap<string, string>, name: RegExp): readonly [key: string, text: string] | undefined {
  return [...all].find(([key]) => name.test(key.trim()));
}

/** The keys of the entries that are there, for messages. */
function keysOf(entries: readonly ReturnType<typeof entry>[]): string {
  return entries.flatMap((one) => (one === undefined ? [] : [one[0]])).join(", ");
}

/** Means and deviations, of which one may be left out. */
interface StatedNumbers {
  readonly scale: 1 | 255;
  readonly means: readonly number[] | undefined;
  readonly deviations: readonly number[] | undefined;
}

/** What the numbers state: without means none is taken away, without deviations nothing is divided. Throws as {@link statedInConfig}. */
function statedByNumbers({ scale, means, deviations }: StatedNumbers, where: string): StatedPreprocessing | undefined {
  return statedInConfig({ scale, mean: means, std: deviations }, where);
}

/** Words that keys of a picture's numbers have beside "mean" and "std". */
const pixelWords =
  /^(images?|img|inputs?|pixels?|picture|norm|normali[sz]ed?|normali[sz]ation|pre|process|preprocess|preprocessing|preprocessor|processor|preproc|transforms?|rgb|bgr|channels?|data|dataset|model|info|config|cfg|values?|args?|onnx|torchvision|imagenet)$/;

/** Whether a key that ends in "mean", "std" or "scale" is of pixels, and not of accuracies, losses or times. */
function isOfPixels(key: string): boolean {
  const words = key
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  return words.slice(0, -1).every((word) => pixelWords.test(word) || /^\d+$/.test(word));
}

/** https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md */
function imageKeys(all: ReadonlyMap<string, string>, note: Note, unusable: (key: string, why: string) => void): void {
  const format = entry(all, /(^|\.)BitmapPixelFormat$/i);
  const range = entry(all, /(^|\.)NominalPixelRange$/i);
  const gamma = entry(all, /(^|\.)ColorSpaceGamma$/i);
  if (gamma !== undefined && !/^s?rgb$/i.test(gamma[1].trim())) {
    unusable(`${gamma[0]}=${gamma[1]}`, "pixels are prepared as they are in files, in sRGB's gamma");
  }
  if (format !== undefined) {
    const kind = format[1].trim().toLowerCase();
    const known: Readonly<Record<string, Normalization["channels"]>> = {
      gray8: "rgb",
      rgb8: "rgb",
      bgr8: "bgr",
      rgba8: "rgb",
      bgra8: "bgr",
      rgb: "rgb",
      bgr: "bgr",
      gray: "rgb",
    };
    if (Object.hasOwn(known, kind))
      note(`${format[0]}=${format[1]}`, () => ({ normalization: {}, channels: known[kind] }));
    else unusable(`${format[0]}=${format[1]}`, "the format is none of Gray8, Rgb8, Bgr8, Rgba8 and Bgra8");
  }
  if (range === undefined) return;
  const kind = range[1]
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "");
  const ranges: Readonly<Record<string, StatedPreprocessing["normalization"]>> = {
    nominalrange0255: { scale: 255, mean: [0, 0, 0], std: [1, 1, 1] },
    normalized01: { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    normalized11: { scale: "symmetric", mean: [0, 0, 0], std: [1, 1, 1] },
    // 16 + 219 x.
    nominalrange16235: { scale: 255, mean: Array(3).fill((-16 * 255) / 219), std: Array(3).fill(255 / 219) },
  };
  if (Object.hasOwn(ranges, kind)) note(`${range[0]}=${range[1]}`, () => ({ normalization: ranges[kind] }));
  else {
    unusable(
      `${range[0]}=${range[1]}`,
      "the range is none of NominalRange_0_255, Normalized_0_1, Normalized_1_1 and NominalRange_16_235",
    );
  }
}

/**
 * Custom Vision: the picture's middle square, or all of it, at the size of the input. Its NormalizeMean and NormalizeStd are in the numbers of
 * the nominal range, and 0 and 1 where they do nothing.
 */
function customVision(all: ReadonlyMap<string, string>, note: Note): void {
  const at = (name: string) => entry(all, new RegExp(`^CustomVision\\.Preprocess\\.${name}$`, "i"));
  const crop = at("CropMethod");
  if (crop !== undefined) {
    const sides = ["TargetHeight", "TargetWidth"].map((name) => Number(at(name)?.[1] ?? Number.NaN));
    const [height, width] = sides;
    const inputSize = height > 0 && width > 0 ? ([height, width] as const) : undefined;
    const kind = crop[1].trim().toLowerCase();
    const geometries: Readonly<Record<string, StatedPreprocessing["geometry"]>> = {
      fullimageshorterside: middleOf,
      nocrop: (rows, columns) => ({
        resize: { kind: "exact", width: columns, height: rows },
        interpolation: "bilinear",
      }),
    };
    const geometry = Object.hasOwn(geometries, kind) ? geometries[kind] : undefined;
    if (geometry !== undefined) note(`${crop[0]}=${crop[1]}`, () => ({ normalization: {}, geometry, inputSize }));
  }
  const [mean, std] = [at("NormalizeMean"), at("NormalizeStd")];
  const [means, deviations] = [mean, std].map((one) => (one === undefined ? undefined : numbersOfText(one[1])));
  const doesNothing = (means ?? [0]).every((value) => value === 0) && (deviations ?? [1]).every((value) => value === 1);
  if (doesNothing) return;
  const keys = keysOf([mean, std]);
  const isBytes = /0_255/.test(entry(all, /(^|\.)NominalPixelRange$/i)?.[1] ?? "");
  note(keys, () => statedByNumbers({ scale: isBytes ? 255 : 1, means, deviations }, keys));
}

/** ultralytics: x in [0, 1]; its classifiers cut the middle out of the picture whose shorter side is `imgsz`. */
function ultralytics(all: ReadonlyMap<string, string>, note: Note, warnings: ModelWarning[]): void {
  const task = all.get("task")?.trim();
  const sizes = sizeIn(all.get("imgsz"));
  // "imgsz" is nobody else's word; names alone say nothing of pixels, and others have tasks of other names.
  const isTheirTask = task !== undefined && /^(classify|detect|segment|pose|obb)$/.test(task);
  const isTheirs = (isTheirTask && (all.has("stride") || all.has("names"))) || all.has("imgsz");
  if (!isTheirs) return;
  const isOther = isTheirTask && task !== "classify";
  if (isOther) {
    warnings.push({
      code: "other-task",
      message: `the model's metadata says that its task is ${JSON.stringify(task)}, which is no classification: percentages may mean nothing`,
    });
  }
  const said = [
    ...(task === undefined ? [] : [`task=${task}`]),
    ...(sizes === undefined ? [] : [`imgsz=${sizes.join("x")}`]),
  ];
  note(said.join(", "), () => ({
    normalization: { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    channels: "rgb",
    inputSize: sizes,
    geometry: (height, width) =>
      isOther
        ? { resize: { kind: "pad", width, height }, interpolation: "bilinear", fill: 114 / 255 }
        : middleOf(height, width),
  }));
}

/** The middle square of the picture for a square input; all of it for any other. */
function middleOf(height: number, width: number): GeometryRule {
  return height === width
    ? { resize: { kind: "shorter", size: height }, crop: { width, height }, interpolation: "bilinear" }
    : { resize: { kind: "exact", width, height }, interpolation: "bilinear" };
}

function sizeIn(text: string | undefined): readonly [height: number, width: number] | undefined {
  const literal = text === undefined ? undefined : parseLiteral(text);
  if (typeof literal === "number") return [literal, literal];
  const numbers = numbersIn(literal);
  const [height, width = height] = numbers ?? [];
  return height === undefined || !(height > 0) || !(width > 0) ? undefined : [height, width];
}

/** Numbers under the names that OpenVINO's model API, MMDeploy, Azure and people's own scripts give them. */
function namedNumbers(all: ReadonlyMap<string, string>, note: Note, warnings: ModelWarning[]): void {
  const found = (pattern: RegExp): readonly [key: string, text: string] | undefined => entry(all, pattern);
  const ofPixels = new Map([...all].filter(([key]) => isOfPixels(key.trim().replace(/[_ ](values?)$/i, ""))));
  const mean = entry(
    ofPixels,
    /(^|[^a-z0-9])((image|img|input|pixel|norm)[_ ]?)?(mean|means|mean_values|mean_value)$/i,
  );
  const std = entry(
    ofPixels,
    /(^|[^a-z0-9])((image|img|input|pixel|norm)[_ ]?)?(std|stds|stdev|scale_values|std_values|std_value)$/i,
  );
  const variance = std === undefined ? entry(ofPixels, /(^|[^a-z0-9])(var|variance)s?$/i) : undefined;
  const reversed = found(/(^|[^a-z0-9])reverse_input_channels$/i);
  const order = found(
    /(^|[^a-z0-9])(channel_order|channels_order|color_format|color_order|color_space|color_mode|input_format|to_rgb|bgr)$/i,
  );
  const scale = entry(ofPixels, /(^|[^a-z0-9])(scale|scale_?factor|pixel_scale|input_scale|rescale_factor)$/i);
  const range = found(/(^|[^a-z0-9])pixel_range$/i);
  const each = scale === undefined ? undefined : numbersOfText(scale[1]);
  const isOfEach = scale !== undefined && std === undefined && variance === undefined && each?.length === 3;
  if (isOfEach) {
    const values = { mean: mean === undefined ? undefined : numbersOfText(mean[1]), scale: each };
    note(keysOf([mean, scale]), () => statedByForeign(values, scale[0], true));
  }
  if (!isOfEach && (mean !== undefined || (std ?? variance) !== undefined)) {
    const factor = scale === undefined ? Number.NaN : Number(scale[1]);
    // A factor of 1/255, as some write for it.
    const isFactor = Math.abs(factor * 255 - 1) < 0.01;
    const isScaled = factor > 0 && factor !== 1;
    const keys = keysOf([mean, std ?? variance, isScaled ? scale : undefined]);
    note(keys, () => {
      const means = mean === undefined ? undefined : numbersOfText(mean[1]);
      const deviations =
        variance !== undefined
          ? numbersOfText(variance[1])?.map(Math.sqrt)
          : std === undefined
            ? undefined
            : numbersOfText(std[1]);
      if (
        (mean !== undefined && means === undefined) ||
        ((std ?? variance) !== undefined && deviations === undefined)
      ) {
        const text = mean !== undefined && means === undefined ? mean[1] : ((std ?? variance)?.[1] ?? "");
        throw new BadInputError({ where: keys, what: "they are no numbers", got: JSON.stringify(text) });
      }
      const largest = Math.max(...(means ?? [0]).map(Math.abs), ...(deviations ?? [0]).map(Math.abs));
      const isOfBytes = largest > 3;
      // (x − mean) · scale, as OpenCV makes its blobs; of pixels from 0 to 1 a factor of 1/255 comes before the mean.
      const isLast = isScaled && deviations === undefined && (isOfBytes || !isFactor);
      if (isScaled && !isLast && (isOfBytes || !isFactor)) {
        const message = `the model's metadata states a mean, a deviation and a scale (${keys}), and the scale is left out. Give the preprocessing yourself if it counts`;
        warnings.push({ code: "unusable-metadata", message });
      }
      const divisors = isLast ? (means ?? [0]).map(() => 1 / factor) : deviations;
      return statedByNumbers({ scale: isOfBytes ? 255 : 1, means, deviations: divisors }, keys);
    });
  }
  const alone = scale ?? range;
  // Alone, it says that bytes become numbers from 0 to 1.
  if (
    mean === undefined &&
    (std ?? variance) === undefined &&
    alone !== undefined &&
    Math.abs(Number(alone[1]) * 255 - 1) < 0.01
  ) {
    note(`${alone[0]}=${alone[1]}`, () => ({ normalization: { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] } }));
  }
  if (reversed !== undefined) {
    // OpenVINO's API reads pictures by OpenCV, blue first, and this makes them red first. Without it both are in use.
    if (/^(true|yes|1)$/i.test(reversed[1].trim())) note(reversed[0], () => ({ normalization: {}, channels: "rgb" }));
  } else if (order !== undefined) {
    const text = order[1].trim().toLowerCase();
    const isFlag = /^(true|yes|1|false|no|0)$/.test(text);
    const isYes = /^(true|yes|1)$/.test(text);
    const isOfBgr = /(^|[^a-z])bgr$/i.test(order[0]);
    const channels = isFlag
      ? isYes === isOfBgr
        ? "bgr"
        : "rgb"
      : /bgr/.test(text)
        ? "bgr"
        : /rgb/.test(text)
          ? "rgb"
          : undefined;
    if (channels !== undefined) note(`${order[0]}=${order[1]}`, () => ({ normalization: {}, channels }));
  }
}

/** Numbers in a list, or with spaces or commas between them. */
function numbersOfText(text: string): readonly number[] | undefined {
  const literal = parseLiteral(text);
  if (isLiteralList(literal)) return numbersIn(literal);
  if (literalAt(literal, "") !== undefined) return undefined;
  const numbers = text
    .trim()
    .split(/[\s,;]+/)
    .map(Number);
  return numbers.length > 0 && numbers.every(Number.isFinite) ? numbers : undefined;
}
