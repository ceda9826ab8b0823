/**
 * @file Files beside a model that say how its pixels are prepared and what its classes are called.
 *
 * Hugging Face's preprocessor_config.json, processor_config.json and config.json, timm's config.json, Custom Vision's cvexport.manifest with the files that it names, configurations of other makers,
 * and lists of names, by what they are called; and last, of whatever other JSON files there are, names and the means and deviations of channels.
 */
import { BadInputError, PerceptualBallError } from "../../errors.ts";
import { incidentalLast } from "../incidental.ts";
import { readLabels } from "../labels/read-labels.ts";
import type { NameSource } from "../labels/resolve-labels.ts";
import type { StatedHead } from "../network/head/head.ts";
import { statedHead } from "../network/head/stated-head.ts";
import type { ModelWarning } from "../network/prepare-model.ts";
import { statedAmongOthers, statedWithin } from "../preprocessing/read-config.ts";
import { statedInMetadata } from "../preprocessing/read-metadata.ts";
import { nvinferEntries, statedForNvinfer } from "../preprocessing/read-pipeline.ts";
import type { StatedBeside, StatedPreprocessing } from "../preprocessing/source.ts";
import { extensionOf, type Folder, folderOf, lastPart, type PlacedFile, type TextFile } from "./folder.ts";
import { manifestFile, readManifest } from "./manifest.ts";
import {
  configFilesBeside,
  isCalledOutcome,
  isCalledPreprocessing,
  nameFilesBeside,
  otherJsonBeside,
} from "./name-files.ts";
import { listWithin, mayHoldNames, namesWithin } from "./names-within.ts";
import { parseConfig, statedInFile, statedInParsed } from "./stated-in-file.ts";

export interface BesideModel {
  readonly stated: readonly StatedBeside[];
  readonly labels: readonly NameSource[];
  readonly warnings: readonly ModelWarning[];
  /** What the outputs are, if a file says it. */
  readonly head: StatedHead | undefined;
  /** The files of which something was taken, or said, in no order. */
  readonly used: ReadonlySet<string>;
}

const huggingFaces = ["preprocessor_config.json", "processor_config.json", "config.json"] as const;

/** Larger files are none of these. */
const mostBytes = 2 ** 24;

/** Of files whose names say nothing, larger ones are not looked into. */
const mostBytesOfOthers = 2 ** 20;

/** What the files in `folders` say, of which the first has the model called `model` in it. Files that cannot be used are warnings. */
export function readBeside(folders: readonly Folder[], model: string): BesideModel {
  const found = findings();
  const head = readHuggingFace(folders, found);
  const configs = configFilesBeside(folders, model, huggingFaces);
  const named = [
    ...configs.flatMap((file) => readConfig(file, model, found)),
    ...readManifestFiles(folders, model, found),
  ];
  const listed = nameFilesBeside(folders, model).filter(({ name }) => !named.includes(name));
  for (const name of named) readNames(folders, { name, isUsual: true }, found);
  for (const { folder, name, isUsual } of listed) readNames([folder], { name, isUsual }, found);
  const known = new Set([...huggingFaces, manifestFile, ...named, ...[...configs, ...listed].map(({ name }) => name)]);
  for (const file of otherJsonBeside(folders, model, known)) readOther(file, found);
  const { stated, labels, warnings, used } = found;
  return { stated, labels, warnings, head, used };
}

/** {@link readBeside} of files that somebody hands over with a model: what they say is meant, whatever they are called, and what does not fit is worth a word. */
export function readHandedOver(files: readonly TextFile[], model: string): BesideModel {
  const found = readBeside([folderOf(files)], model);
  const isIncidental = false;
  const others = files.flatMap(({ name, text }): StatedBeside[] => {
    const stated = found.used.has(name) ? undefined : statedInFile(text, name);
    return stated === undefined ? [] : [{ stated, reason: name }];
  });
  return {
    ...found,
    stated: [...incidentalLast(found.stated).map((one) => ({ ...one, isIncidental })), ...others],
    labels: incidentalLast(found.labels).map((one) => ({ ...one, isIncidental })),
  };
}

/** What was found so far. */
interface Findings {
  readonly stated: StatedBeside[];
  readonly labels: NameSource[];
  readonly warnings: ModelWarning[];
  readonly used: Set<string>;
  /** Adds what `file` says of pixels, if it says something. */
  addStated(file: string, stated: StatedPreprocessing | undefined, isIncidental?: boolean): void;
  addNames(file: string, names: readonly string[], isIncidental?: boolean): void;
  /** Reads `file`; what is wrong with it is a warning. */
  attempt(file: string, read: () => void): void;
}

function findings(): Findings {
  const stated: StatedBeside[] = [];
  const labels: NameSource[] = [];
  const warnings: ModelWarning[] = [];
  const used = new Set<string>();
  const reasonOf = (file: string): string => `${file} beside the model`;
  return {
    ...{ stated, labels, warnings, used },
    addStated(file, what, isIncidental = false) {
      if (what === undefined) return;
      stated.push({ stated: what, reason: reasonOf(file), ...(isIncidental ? { isIncidental } : {}) });
      used.add(file);
    },
    addNames(file, names, isIncidental = false) {
      labels.push({ ...{ names, reason: reasonOf(file), where: file }, isGiven: false, isIncidental });
      used.add(file);
    },
    attempt(file, read) {
      try {
        read();
      } catch (error) {
        const isOurs = error instanceof PerceptualBallError || error instanceof SyntaxError;
        if (!isOurs) throw error;
        const message = `${file} beside the model cannot be used: ${error.message.replace(/\.$/, "")}`;
        warnings.push({ code: "unusable-file", message });
        used.add(file);
      }
    },
  };
}

/** The text of the first file of that name; where one cannot be read that is a warning. */
function textIn(folders: readonly Folder[], name: string, { warnings }: Findings): string | undefined {
  try {
    for (const folder of folders) {
      const text = folder.text(name, mostBytes);
      if (text !== undefined) return text;
    }
  } catch (error) {
    const { message } = error as Error;
    warnings.push({ code: "unusable-file", message: `${name} beside the model cannot be read: ${message}` });
  }
  return undefined;
}

/** Reads the files of Hugging Face's hub, and gives what the outputs are, if one says it. */
function readHuggingFace(folders: readonly Folder[], found: Findings): StatedHead | undefined {
  let head: StatedHead | undefined;
  for (const name of huggingFaces) {
    const text = textIn(folders, name, found);
    if (text === undefined) continue;
    found.attempt(name, () => {
      const config: unknown = JSON.parse(text);
      // A config.json may be of anything; the others are of preprocessing alone, and silence would leave it to guesses.
      if (name !== "config.json" && (typeof config !== "object" || config === null || Array.isArray(config))) {
        const got = Array.isArray(config) ? "a list" : JSON.stringify(config).slice(0, 40);
        throw new BadInputError({ where: name, what: "is no JSON object", expected: '{ "image_mean": […], … }', got });
      }
      found.addStated(name, statedWithin(config, name, { ignoresOthers: true }));
      if (name !== "config.json") return;
      if (typeof config === "object" && config !== null) {
        head = statedHead(Object.entries(config), `${name} beside the model`);
      }
      if (!mayHoldNames(config)) return;
      const names = readLabels(text, name);
      // What transformers writes where nobody named the classes says nothing.
      if (names.some((label, index) => label !== `LABEL_${index}`)) found.addNames(name, names);
    });
  }
  return head;
}

/** Reads a file that is called as configurations are, and gives the lists of names that it refers to. */
function readConfig({ folder, name }: PlacedFile, model: string, found: Findings): readonly string[] {
  const text = textIn([folder], name, found);
  if (text === undefined) return [];
  if (extensionOf(name) === ".txt") {
    const entries = nvinferEntries(text);
    const other = entries?.get("onnx-file");
    if (entries === undefined || (other !== undefined && lastPart(other) !== model)) return [];
    found.attempt(name, () => found.addStated(name, statedForNvinfer(entries, name)));
    const list = entries.get("labelfile-path");
    return list === undefined ? [] : [lastPart(list)];
  }
  const config = parseConfig(text, name);
  found.attempt(name, () => {
    const isOfPixels = isCalledPreprocessing(name);
    const stated = statedInParsed(config, name, isOfPixels);
    for (const one of stated) found.addStated(name, one);
    if (isOfPixels && stated.length === 0) {
      const expected = '{ "mean": […], "std": […] } or the steps of a preprocessing';
      throw new BadInputError({ where: name, what: "nothing of what it says is known", expected });
    }
  });
  quietly(() => {
    const names = namesWithin(config);
    if (names !== undefined) found.addNames(name, readLabels(names, name), true);
  });
  return [];
}

/** Reads Custom Vision's manifest and the metadata that it names, and gives the list of names that it refers to. */
function readManifestFiles(folders: readonly Folder[], model: string, found: Findings): readonly string[] {
  const manifest = textIn(folders, manifestFile, found);
  if (manifest === undefined) return [];
  let list: string | undefined;
  found.attempt(manifestFile, () => {
    const { labelFile, metadataFile, warning } = readManifest(manifest, model);
    found.used.add(manifestFile);
    list = labelFile;
    if (warning !== undefined) found.warnings.push(warning);
    const text = metadataFile === undefined ? undefined : textIn(folders, metadataFile, found);
    if (metadataFile === undefined || text === undefined) return;
    found.attempt(metadataFile, () => {
      const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
      const metadata = new Map(entries.map(([key, value]) => [key, String(value)]));
      const nothing = { name: "", inputs: [], outputs: [], nodes: [], initializers: new Map(), valueInfo: new Map() };
      const { stated, warnings } = statedInMetadata(
        { metadata, graph: nothing },
        undefined,
        `${metadataFile} beside the model`,
      );
      found.stated.push(...stated);
      found.warnings.push(...warnings);
      found.used.add(metadataFile);
    });
  });
  return list === undefined ? [] : [list];
}

function readNames(
  folders: readonly Folder[],
  { name, isUsual }: { readonly name: string; readonly isUsual: boolean },
  found: Findings,
): void {
  const text = textIn(folders, name, found);
  if (text === undefined) return;
  const read = (): void => found.addNames(name, readLabels(text, name), !isUsual);
  if (isUsual) found.attempt(name, read);
  else quietly(read);
}

/** Reads JSON whose name says nothing: a list of names or numbers for each channel says what such a file is of; all else in it may mean anything. */
function readOther({ folder, name }: PlacedFile, found: Findings): void {
  let config: unknown;
  quietly(() => {
    config = otherJson(folder, name);
    const stated = isCalledOutcome(name) ? undefined : statedAmongOthers(config, name, false);
    const { mean, std } = stated?.normalization ?? {};
    if (mean !== undefined && std !== undefined) found.addStated(name, stated, true);
  });
  quietly(() => {
    const list = listWithin(config);
    if (list !== undefined) found.addNames(name, readLabels(list, name), true);
  });
}

/** Reads what may be something else than it is called. */
function quietly(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof PerceptualBallError || error instanceof SyntaxError)) throw error;
  }
}

/** What a file that may be of anything says; undefined where it cannot be read, which nobody asked for. Throws a SyntaxError for what is no JSON. */
function otherJson(folder: Folder, name: string): unknown {
  let text: string | undefined;
  try {
    text = folder.text(name, mostBytesOfOthers);
  } catch {
    return undefined;
  }
  return text === undefined ? undefined : JSON.parse(text);
}
