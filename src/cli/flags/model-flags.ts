/** @file The flags that say which model, and how pixels become its input: the same in every command that takes a model. */
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { statedInFile } from "../../classifier/beside/stated-in-file.ts";
import type { Classifier, ImageInput } from "../../classifier/classifier.ts";
import { decodeText } from "../../classifier/labels/decode-text.ts";
import type { InputValue } from "../../classifier/network/bind-inputs.ts";
import { type HeadKind, headKinds } from "../../classifier/network/head/head.ts";
import {
  checkNormalization,
  normalizations,
  type Preprocessing,
} from "../../classifier/preprocessing/preprocessing.ts";
import { statedInConfig } from "../../classifier/preprocessing/read-config.ts";
import type { StatedPreprocessing } from "../../classifier/preprocessing/source.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import type { GeometryRule } from "../../image/geometry.ts";
import { type Interpolation, interpolations } from "../../image/resize.ts";
import type { LoadClassifierOptions } from "../../node/models/load-classifier.ts";
import { byteCount, choice, imageSize, number, numbers } from "./parse-values.ts";

export interface ModelFlags {
  readonly model?: string;
  readonly labels?: string;
  readonly logits?: string;
  readonly inputSize?: readonly [height: number, width: number];
  readonly head?: HeadKind;
  readonly decision?: string;
  readonly input?: Readonly<Record<string, InputValue>>;
  readonly preprocessing?: StatedPreprocessing;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly scale?: Preprocessing["scale"];
  readonly channels?: "rgb" | "bgr";
  readonly layout?: "nchw" | "nhwc";
  readonly resize?: { readonly kind: "shorter"; readonly size: number } | { readonly kind: "exact" | "pad" };
  readonly interpolation?: Interpolation;
  readonly crop?: readonly [height: number, width: number];
  readonly lowMemory?: boolean;
  readonly allowMemory?: number;
}

/** Adds the flags; `model` as well where the model is not an argument. */
export function addModelFlags(command: Command, { hasModelFlag }: { readonly hasModelFlag: boolean }): Command {
  const add = (flags: string, description: string, parse?: (text: string) => unknown): void => {
    const option = new Option(flags, description).helpGroup("Model:");
    if (parse !== undefined) option.argParser(parse);
    command.addOption(option);
  };
  if (hasModelFlag) add("--model <file>", "the classifier, an ONNX file (default: the bundled one)");
  command.addOption(labelsOption().helpGroup("Model:"));
  add("--logits <value>", "the value that holds the logits, where it is not found by itself");
  command.addOption(headOption().helpGroup("Model:"));
  add(
    "--decision <label>",
    "of a model that decides each label by itself: the label, present or absent, that is meant",
  );
  command.addOption(inputOption().helpGroup("Model:"));
  add("--input-size <size>", "224, or height x width, where the model leaves it open", imageSize("--input-size"));
  add(
    "--preprocessing <name>",
    `${Object.keys(normalizations).join(", ")}, or a JSON or YAML file: any of scale, channels, mean, std, layout, geometry, or in other makers' words`,
    preprocessingOf,
  );
  add("--mean <a,b,c>", "per channel, in units of the scale", numbers("--mean"));
  add("--std <a,b,c>", "per channel, in units of the scale", numbers("--std"));
  add("--scale <s>", "1 or 255, what pixels reach (more for those of more than 8 bits), or symmetric (-1 to 1)", scale);
  add("--channels <order>", "rgb or bgr", choice("--channels", ["rgb", "bgr"]));
  add("--layout <layout>", "nchw or nhwc", choice("--layout", ["nchw", "nhwc"]));
  add("--resize <rule>", "shorter:256 (the shorter side), exact, or pad", resize);
  add("--interpolation <kind>", interpolations.join(", "), choice("--interpolation", interpolations));
  add("--crop <size>", "cut out of the middle after the resize", imageSize("--crop"));
  add("--low-memory", "half the memory for weights, slower");
  command.addOption(allowMemoryOption().helpGroup("Model:"));
  return command;
}

function scale(text: string): Preprocessing["scale"] {
  if (text === "symmetric") return text;
  const value = number("--scale")(text);
  return checkNormalization("--scale", { scale: value }).scale ?? value;
}

function resize(text: string): ModelFlags["resize"] {
  if (text === "exact" || text === "pad") return { kind: text };
  const [kind, size, ...rest] = text.split(":");
  if (kind === "shorter" && size !== undefined && rest.length === 0) {
    return { kind, size: number("--resize shorter", { min: 1, max: 65536, integer: true })(size) };
  }
  throw new MisuseError({
    where: "--resize",
    what: "unknown rule",
    expected: "shorter:256 (the new length of the shorter side), exact or pad",
    got: JSON.stringify(text),
  });
}

/** `--labels`: what the classes are called. */
export function labelsOption(): Option {
  return new Option("--labels <file>", "class names, one per line, or imagenet, cifar10");
}

/** `--head`: what the numbers of the output are. */
export function headOption(): Option {
  return new Option(
    "--head <kind>",
    `what its numbers are, where that is not found: ${headKinds.join(", ")} (value: what moves a number that is no class)`,
  ).argParser(choice("--head", headKinds));
}

/** `--allow-memory 8GB`: what a run of the network may need. */
export function allowMemoryOption(): Option {
  return new Option(
    "--allow-memory <size>",
    "such as 8GB: run a model that needs more than a quarter of the memory, or far more than usual",
  ).argParser(byteCount("--allow-memory"));
}

/** `--input name=value`, which may be repeated. */
export function inputOption(): Option {
  return new Option(
    "--input <name=value>",
    "value of an input beside the picture: a number, true, false, or numbers with commas, rows with semicolons; may be repeated",
  ).argParser((text: string, before: Readonly<Record<string, InputValue>> = {}) => {
    const cut = text.indexOf("=");
    const [name, value] = [text.slice(0, cut).trim(), text.slice(cut + 1).trim()];
    if (cut < 1 || value === "") {
      throw new MisuseError({
        where: "--input",
        what: "not an input with its value",
        expected: "name=value, such as keras_learning_phase=0",
        got: JSON.stringify(text),
      });
    }
    if (/^(true|false)$/i.test(value)) return { ...before, [name]: value.toLowerCase() === "true" };
    if (value.includes(";")) {
      const rows = value.split(";").filter((row) => row.trim() !== "");
      return { ...before, [name]: rows.map((row) => numbers(`--input ${name}`)(row)) };
    }
    const given = numbers(`--input ${name}`)(value);
    const [first] = given;
    return { ...before, [name]: given.length === 1 && first !== undefined ? first : given };
  });
}

function preprocessingOf(text: string): StatedPreprocessing {
  if (Object.hasOwn(normalizations, text)) {
    const { channels, ...normalization } = normalizations[text as keyof typeof normalizations];
    return { normalization, channels };
  }
  if (!/\.(json|ya?ml|txt)$/i.test(text)) {
    // Refuses with the nearest name.
    choice("--preprocessing", Object.keys(normalizations))(text);
  }
  let content: string;
  try {
    content = decodeText(readFileSync(text));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what = code === "ENOENT" ? "no such file" : `cannot be read (${message})`;
    throw new BadInputError({ where: text, what, expected: "a configuration in JSON or YAML" }, { cause });
  }
  const isJson = /\.json$/i.test(text);
  const parsed = isJson ? jsonObject(content, text) : undefined;
  const stated = (parsed && statedInConfig(parsed, text)) ?? statedInFile(content, text);
  if (stated !== undefined) return stated;
  // Refuses with the nearest key.
  if (parsed !== undefined && !Array.isArray(parsed)) checkNormalization(text, parsed);
  throw new BadInputError({
    where: text,
    what: "says nothing of preprocessing",
    expected:
      "any of scale, channels, mean, std, layout, geometry, or the keys of Hugging Face, timm, PaddlePaddle, OpenMMLab, NVIDIA's plugin or Keras",
  });
}

function jsonObject(content: string, where: string): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (cause) {
    const what = `is not JSON (${(cause as Error).message})`;
    throw new BadInputError({ where, what, expected: "a JSON object" }, { cause });
  }
  if (typeof parsed === "object" && parsed !== null) return parsed;
  throw new BadInputError({ where, what: "is not a JSON object", expected: '{ "mean": […], "std": […], … }' });
}

/** The options for loading a classifier that the flags mean, but for its geometry: see {@link geometryOf}. */
export function classifierOptionsOf(
  flags: ModelFlags,
): Omit<LoadClassifierOptions, "runtime" | "threads" | "providers"> {
  const { labels, logits, head, input, inputSize, lowMemory, allowMemory } = flags;
  const { preprocessing, mean, std, scale, channels, layout } = flags;
  const parts = Object.entries({ mean, std, scale }).filter(([, value]) => value !== undefined);
  const given = [...parts, channels, layout, preprocessing].filter((part) => part !== undefined);
  const stated: StatedPreprocessing = {
    ...preprocessing,
    normalization: { ...preprocessing?.normalization, ...Object.fromEntries(parts) },
    ...(channels === undefined ? {} : { channels }),
    ...(layout === undefined ? {} : { layout }),
  };
  return {
    ...{ labels, logits, head, inputSize, lowMemory, allowMemory },
    inputs: input,
    preprocessing: given.length > 0 ? stated : undefined,
  };
}

/** The geometry that the flags ask for and "as given"; where they ask for none, that which the classifier has, with its reason. */
export function geometryOf(
  flags: ModelFlags,
  { input, guess }: Pick<Classifier, "input" | "guess">,
): { readonly geometry: GeometryRule; readonly geometryReason: string } {
  const { resize, crop, interpolation } = flags;
  const isGiven = (resize ?? crop ?? interpolation) !== undefined;
  return isGiven
    ? { geometry: givenGeometry(flags, input), geometryReason: "as given" }
    : { geometry: input.geometry, geometryReason: guess.geometryReason };
}

function givenGeometry(flags: ModelFlags, input: ImageInput): GeometryRule {
  const { height, width } = input;
  const { resize: wanted, interpolation, crop } = flags;
  const base = input.geometry;
  const rule: GeometryRule = {
    resize:
      wanted === undefined ? base.resize : wanted.kind === "shorter" ? wanted : { kind: wanted.kind, width, height },
    crop:
      crop !== undefined
        ? { height: crop[0], width: crop[1] }
        : wanted === undefined
          ? base.crop
          : wanted.kind === "shorter"
            ? { width, height }
            : undefined,
    interpolation: interpolation ?? base.interpolation,
    ...(base.fill === undefined ? {} : { fill: base.fill }),
  };
  const result = rule.crop ?? rule.resize;
  if ("width" in result && result.width === width && result.height === height) return rule;
  throw new MisuseError({
    where: "--resize, --crop",
    what: "the result does not have the network's size",
    expected: `${height}x${width}, the size of the network's input`,
    got: "width" in result ? `${result.height}x${result.width}` : `the resize rule ${result.kind} without a crop`,
  });
}
