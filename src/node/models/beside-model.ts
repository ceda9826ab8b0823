/**
 * @file Files beside a model that say how its pixels are prepared and what its classes are called.
 *
 * Hugging Face's preprocessor_config.json, processor_config.json and config.json, timm's config.json, Custom Vision's cvexport.manifest with the files that it names, configurations of other makers,
 * and lists of names, by what they are called; and last, of whatever other JSON files there are, names and the means and deviations of channels. Each is read only where it lies in the model's own folder (or, for optimum's exports, in the folder above one
 * called "onnx", and for Triton's repositories in the one above the version's).
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";
import { decodeText } from "../../classifier/labels/decode-text.ts";
import { readLabels } from "../../classifier/labels/read-labels.ts";
import type { NameSource } from "../../classifier/labels/resolve-labels.ts";
import { namesPerRepetition } from "../../classifier/labels/short-names.ts";
import type { StatedHead } from "../../classifier/network/head/head.ts";
import { statedHead } from "../../classifier/network/head/stated-head.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { pixelConfigWithin, statedAmongOthers, statedWithin } from "../../classifier/preprocessing/read-config.ts";
import { statedInMetadata } from "../../classifier/preprocessing/read-metadata.ts";
import {
  nvinferEntries,
  nvinferSection,
  statedForNvinfer,
  statedInPipeline,
} from "../../classifier/preprocessing/read-pipeline.ts";
import type { StatedBeside, StatedPreprocessing } from "../../classifier/preprocessing/source.ts";
import { BadInputError, PerceptualBallError } from "../../errors.ts";
import {
  configFilesBeside,
  isCalledOutcome,
  isCalledPreprocessing,
  nameFilesBeside,
  otherJsonBeside,
} from "./name-files.ts";

export interface BesideModel {
  readonly stated: readonly StatedBeside[];
  readonly labels: readonly NameSource[];
  readonly warnings: readonly ModelWarning[];
  /** What the outputs are, if a file says it. */
  readonly head: StatedHead | undefined;
}

const configFiles = ["preprocessor_config.json", "processor_config.json", "config.json"] as const;

/** Larger files are none of these. */
const mostBytes = 2 ** 24;

/** Of files whose names say nothing, larger ones are not looked into. */
const mostBytesOfOthers = 2 ** 20;

/** What the files beside the model at `path` say. Files that cannot be used are warnings. */
export function readBesideModel(path: string): BesideModel {
  const own = dirname(path);
  const above = dirname(own);
  // Of Triton's repositories the model lies in the folder of its version.
  const isVersion = /^\d+$/.test(basename(own)) && existsSync(join(above, "config.pbtxt"));
  const folders = basename(own) === "onnx" || isVersion ? [own, above] : [own];
  const stated: StatedBeside[] = [];
  const labels: NameSource[] = [];
  const warnings: ModelWarning[] = [];
  /** Lists of names that other files name. */
  const named: string[] = [];
  let head: StatedHead | undefined;
  const attempt = (file: string, read: () => void): void => {
    try {
      read();
    } catch (error) {
      const isOurs = error instanceof PerceptualBallError || error instanceof SyntaxError;
      if (!isOurs) throw error;
      warnings.push({
        code: "unusable-file",
        message: `${basename(file)} beside the model cannot be used: ${error.message.replace(/\.$/, "")}`,
      });
    }
  };
  const textIn = (where: readonly string[], name: string): ReturnType<typeof textBeside> => {
    try {
      return textBeside(where, name);
    } catch (error) {
      const { message } = error as Error;
      warnings.push({ code: "unusable-file", message: `${name} beside the model cannot be read: ${message}` });
      return undefined;
    }
  };
  for (const name of configFiles) {
    const file = textIn(folders, name);
    if (file === undefined) continue;
    attempt(file.path, () => {
      const config: unknown = JSON.parse(file.text);
      const reason = `${name} beside the model`;
      // A config.json may be of anything; the others are of preprocessing alone, and silence would leave it to guesses.
      if (name !== "config.json" && (typeof config !== "object" || config === null || Array.isArray(config))) {
        const got = Array.isArray(config) ? "a list" : JSON.stringify(config).slice(0, 40);
        throw new BadInputError({ where: name, what: "is no JSON object", expected: '{ "image_mean": […], … }', got });
      }
      const found = statedWithin(config, name, { ignoresOthers: true });
      if (found !== undefined) stated.push({ stated: found, reason });
      if (name === "config.json" && typeof config === "object" && config !== null) {
        head = statedHead(Object.entries(config), reason);
      }
      if (name === "config.json" && mayHoldNames(config)) {
        const names = readLabels(file.text, name);
        // What transformers writes where nobody named the classes says nothing.
        const isNamed = names.some((label, index) => label !== `LABEL_${index}`);
        if (isNamed) labels.push({ names, reason, where: name, isGiven: false });
      }
    });
  }
  const configs = configFilesBeside(folders, basename(path), configFiles);
  for (const { folder, name } of configs) {
    const file = textIn([folder], name);
    if (file === undefined) continue;
    const reason = `${name} beside the model`;
    const add = (found: StatedPreprocessing | undefined): void => {
      if (found !== undefined) stated.push({ stated: found, reason });
    };
    if (/\.txt$/i.test(name)) {
      const entries = nvinferEntries(file.text);
      if (entries === undefined) continue;
      const other = entries.get("onnx-file");
      if (other !== undefined && basename(other) !== basename(path)) continue;
      const list = entries.get("labelfile-path");
      if (list !== undefined) named.push(basename(list));
      attempt(file.path, () => add(statedForNvinfer(entries, name)));
      continue;
    }
    let config: unknown;
    quietly(() => {
      config = /\.json$/i.test(name) ? JSON.parse(file.text) : parseYaml(file.text);
    });
    attempt(file.path, () => {
      const isOfPixels = isCalledPreprocessing(name);
      const entries = nvinferSection(config);
      const ofPlugin = entries && statedForNvinfer(entries, name);
      const steps = ofPlugin ?? statedInPipeline(config, name);
      const found =
        steps === undefined || pixelConfigWithin(config) !== undefined
          ? statedAmongOthers(config, name, isOfPixels)
          : undefined;
      add(steps);
      add(found);
      if (isOfPixels && steps === undefined && found === undefined) {
        const expected = '{ "mean": […], "std": […] } or the steps of a preprocessing';
        throw new BadInputError({ where: name, what: "nothing of what it says is known", expected });
      }
    });
    quietly(() => {
      const names = namesWithin(config);
      if (names === undefined) return;
      labels.push({ ...{ names: readLabels(names, name), reason, where: name }, isGiven: false, isIncidental: true });
    });
  }
  const manifest = textIn(folders, manifestFile);
  if (manifest !== undefined) {
    attempt(manifest.path, () => {
      const { labelFile, metadataFile, warning } = readManifest(manifest.text, basename(path));
      if (warning !== undefined) warnings.push(warning);
      if (labelFile !== undefined) named.push(labelFile);
      const file = metadataFile === undefined ? undefined : textIn(folders, metadataFile);
      if (file === undefined) return;
      attempt(file.path, () => {
        const entries = Object.entries(JSON.parse(file.text) as Record<string, unknown>);
        const metadata = new Map(entries.map(([key, value]) => [key, String(value)]));
        const nothing = { name: "", inputs: [], outputs: [], nodes: [], initializers: new Map(), valueInfo: new Map() };
        const found = statedInMetadata({ metadata, graph: nothing }, undefined, `${metadataFile} beside the model`);
        stated.push(...found.stated);
        warnings.push(...found.warnings);
      });
    });
  }
  const listed = nameFilesBeside(folders, basename(path)).filter(({ name }) => !named.includes(name));
  for (const { name, isUsual, folder } of [
    ...named.map((one) => ({ name: one, isUsual: true, folder: undefined })),
    ...listed,
  ]) {
    const file = textIn(folder === undefined ? folders : [folder], name);
    if (file === undefined) continue;
    const read = (): void => {
      const names = readLabels(file.text, name);
      labels.push({ names, reason: `${name} beside the model`, where: name, isGiven: false, isIncidental: !isUsual });
    };
    if (isUsual) attempt(file.path, read);
    else quietly(read);
  }
  const known = new Set([...configFiles, manifestFile, ...named, ...[...configs, ...listed].map(({ name }) => name)]);
  for (const { folder, name } of otherJsonBeside(folders, basename(path), known)) {
    const reason = `${name} beside the model`;
    quietly(() => {
      const config = otherJson(folder, name);
      // A list of names or numbers for each channel says what such a file is of; all else in it may mean anything.
      const found = isCalledOutcome(name) ? undefined : statedAmongOthers(config, name, false);
      const { mean, std } = found?.normalization ?? {};
      if (found !== undefined && mean !== undefined && std !== undefined) {
        stated.push({ stated: found, reason, isIncidental: true });
      }
    });
    quietly(() => {
      const list = listWithin(otherJson(folder, name));
      if (list === undefined) return;
      labels.push({ names: readLabels(list, name), reason, where: name, isGiven: false, isIncidental: true });
    });
  }
  return { stated, labels, warnings, head };
}

/** Reads what may be something else than it is called. */
function quietly(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof PerceptualBallError || error instanceof SyntaxError)) throw error;
  }
}

/** What YAML states; undefined for what is none, whatever the parser has against it. */
function parseYaml(text: string): unknown {
  try {
    return parse(text, { logLevel: "error", maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}

/** The keys of config.json under which names stand; others ("labels", "categories") mean different things there. */
const configNameKeys = ["id2label", "label2id", "label_names", "names", "class_names", "classes", "class_to_idx"];

/** Keys under which names stand in configurations of other makers: PaddlePaddle's, Lobe's, Teachable Machine's. */
const otherNameKeys = ["label_list", "labels", "Label"];

/** More objects within objects than this hold no names. */
const deepestNames = 4;

/** The list or dictionary of names within a configuration, as JSON; undefined where there is none. */
function namesWithin(config: unknown, depth = 0): string | undefined {
  if (typeof config !== "object" || config === null || Array.isArray(config) || depth > deepestNames) return undefined;
  const isText = (item: unknown): boolean => typeof item === "string";
  for (const [key, value] of Object.entries(config)) {
    if (![...configNameKeys, ...otherNameKeys].includes(key) || typeof value !== "object" || value === null) continue;
    const isList = Array.isArray(value) && value.length > 0 && value.every(isText);
    const isNumbered = Object.keys(value).length > 0 && Object.keys(value).every((name) => /^\d+$/.test(name));
    const isOfNumbers = /2id|_to_/.test(key) && Object.values(value).every(Number.isInteger);
    const isTable = isNumbered && Object.values(value).every(isText);
    if (isList || isTable || isOfNumbers) return JSON.stringify(isOfNumbers ? { label2id: value } : { names: value });
  }
  for (const value of Object.values(config)) {
    const found = namesWithin(value, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a file that may be of anything says; undefined where it cannot be read, which nobody asked for. Throws a SyntaxError for what is no JSON. */
function otherJson(folder: string, name: string): unknown {
  let text: string | undefined;
  try {
    text = textBeside([folder], name, mostBytesOfOthers)?.text;
  } catch {
    return undefined;
  }
  return text === undefined ? undefined : JSON.parse(text);
}

/** The names of classes in a file that may be of anything, as JSON: a list or numbered dictionary that it is, or one under a usual key. Labels of pictures repeat themselves. */
function listWithin(config: unknown): string | undefined {
  const own = namesWithin(config) ?? namesWithin({ names: config });
  if (own === undefined) return undefined;
  const names = readLabels(own, "names");
  const repeated = names.length - new Set(names).size;
  const isOfFiles = names.some((name) =>
    /\.(jpe?g|png|webp|bmp|gif|tiff?|npy|txt|json|onnx)$|[\\/]\S*[\\/]/i.test(name),
  );
  return names.length < 2 || repeated > names.length / namesPerRepetition || isOfFiles ? undefined : own;
}

/** Whether a configuration has a list or a dictionary of names, which may still be damaged. */
function mayHoldNames(config: unknown): boolean {
  if (typeof config !== "object" || config === null) return false;
  // A name or a null under one of the keys, and the empty dictionaries of networks without classes, name none.
  return Object.entries(config).some(
    ([key, value]) =>
      configNameKeys.includes(key) && typeof value === "object" && value !== null && Object.keys(value).length > 0,
  );
}

/** What Custom Vision puts beside the models that it exports. */
const manifestFile = "cvexport.manifest";

interface Manifest {
  readonly labelFile: string | undefined;
  readonly metadataFile: string | undefined;
  readonly warning: ModelWarning | undefined;
}

/** The files that a manifest names, by their last part only: none lies anywhere but beside the model. One of another model says nothing. */
function readManifest(text: string, model: string): Manifest {
  const manifest: unknown = JSON.parse(text);
  const fields: Readonly<Record<string, unknown>> =
    typeof manifest === "object" && manifest !== null ? { ...manifest } : {};
  const fieldOf = (name: string): string | undefined => {
    const value = fields[name];
    return typeof value === "string" && value !== "" ? basename(value.replaceAll("\\", "/")) : undefined;
  };
  const other = fieldOf("ModelFileName");
  if (other !== undefined && other !== model) {
    return { labelFile: undefined, metadataFile: undefined, warning: undefined };
  }
  const domain = fields.DomainType;
  const isOther = typeof domain === "string" && domain !== "Classification";
  return {
    labelFile: fieldOf("LabelFileName"),
    metadataFile: fieldOf("MetadataPropsFileName"),
    warning: isOther
      ? {
          code: "other-task",
          message: `${manifestFile} beside the model says that it is for ${JSON.stringify(domain)}, which is no classification: percentages may mean nothing`,
        }
      : undefined,
  };
}

function textBeside(
  folders: readonly string[],
  name: string,
  most = mostBytes,
): { readonly path: string; readonly text: string } | undefined {
  for (const folder of folders) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    const stats = statSync(path);
    if (stats.isFile() && stats.size <= most) return { path, text: decodeText(readFileSync(path)) };
  }
  return undefined;
}
