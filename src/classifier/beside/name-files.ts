/** @file Which files beside a model hold the names of its classes, or say how its pixels are prepared, by what they are called. */
import { extensionOf, type Folder, type PlacedFile, stemOf } from "./folder.ts";

export interface NameFile extends PlacedFile {
  /** Whether it is called as exporters call it, so that one which does not fit is worth a word. Others are taken only where they fit. */
  readonly isUsual: boolean;
}

/** What exporters call lists of names, the most usual first. */
const usual = ["labels.txt", "classes.txt", "class_names.txt", "class_index.json", "labels.json", "id2label.json"];

const extensions: ReadonlySet<string> = new Set([".txt", ".json", ".csv", ".tsv", ".names", ".pbtxt", ".yaml", ".yml"]);

/** What else a list of the names of classes is called, without what stands before and its extension. */
const naming =
  /^(labels?|class(es)?|names|synsets?|categor(y|ies)|dict|(labels?|class(es)?|category|synset)[-_. ]?(names?|labels?|list|maps?|mapping|ind(ex|ices)|idx|dict|words?|(to|2)[-_. ]?(idx|ids?|ind(ex|ices)))|(idx|ids?|index|ix)[-_. ]?(to|2)[-_. ]?(class(es)?|labels?|names?))$/;

/** Words before that: of data sets whose classes are meant, or of the model. "train_labels" and the like are of pictures. */
const before =
  /^((image[-_. ]?net[-_. ]?\d*k?|ilsvrc\d*|in1k|coco|voc|cifar[-_. ]?\d*|places\d*|model|my|obj|net)[-_. ])+/;

/** The files in `folders` that are called as lists of names are, those of the model called `model` first. */
export function nameFilesBeside(folders: readonly Folder[], model: string): readonly NameFile[] {
  return folders.flatMap((folder) => {
    const { names } = folder;
    if (names === undefined) return usual.map(usualIn(folder));
    const stems = modelsAmong(names);
    const ranked = names.flatMap((name) => {
      const rank = rankOf(name, stemOf(model), stems);
      return rank === undefined ? [] : [{ name, rank }];
    });
    return ranked
      .toSorted((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1))
      .map(({ name }) => usualIn(folder)(name));
  });
}

/** What configurations of models and of their preprocessing are called, and lists of names among other things. */
const configuring =
  /^((model|pre[-_]?process(ing|or)?|transforms?|normali[sz](e|er|ation)|data|dataset|inference([-_]?cls)?|deploy|pipeline|signature|metadata|export|models|open[-_]?clip([-_]model)?|experiment|train)([-_. ](config|cfg|metadata|params|info|spec|transforms?|preprocess(ing)?))?|config|args|hparams|settings|config[-_]infer.*|.*(nvinfer|nvdsinfer).*)$/;

/** Whether a configuration is of pixels alone, by what it is called. */
export const isCalledPreprocessing = (name: string): boolean =>
  /^(pre[-_]?process|(image|input)?[-_]?transforms?[-_. ]|normali[sz])/i.test(name);

/**
 * The files in `folders` that may configure the model called `model`: JSON and YAML under the usual words or under the model's own name, and texts that
 * are called as configurations of NVIDIA's plugin are. Not those that have readers of their own, `known`.
 */
export function configFilesBeside(
  folders: readonly Folder[],
  model: string,
  known: readonly string[],
): readonly PlacedFile[] {
  return folders.flatMap((folder) => {
    return (folder.names ?? []).flatMap((name) => {
      const extension = extensionOf(name);
      const stem = stemOf(name);
      const isRead = [".json", ".yaml", ".yml"].includes(extension) || (extension === ".txt" && /infer/.test(stem));
      if (!isRead || known.includes(name)) return [];
      const own = stemOf(model);
      const isOwn = stem === own || stem === `${own}.onnx` || configuring.test(stem.replace(own, "model"));
      return isOwn ? [{ folder, name }] : [];
    });
  });
}

/** More JSON files than this are data. */
const mostOthers = 20;

/**
 * The JSON files in `folders` that say by their names neither what they are nor that they are of another model than the one called `model`, without those
 * that are `known`. None of a folder with many of them.
 */
export function otherJsonBeside(
  folders: readonly Folder[],
  model: string,
  known: ReadonlySet<string>,
): readonly PlacedFile[] {
  return folders.flatMap((folder) => {
    const names = folder.names ?? [];
    const models = modelsAmong(names);
    const others = names.filter((name) => {
      const owner = ownerOf(stemOf(name), models);
      const isOurs = owner === undefined || owner === stemOf(model);
      return extensionOf(name) === ".json" && !known.has(name) && isOurs;
    });
    return others.length > mostOthers ? [] : others.toSorted().map((name) => ({ folder, name }));
  });
}

/** Whether a file is of what came out of a network, by what it is called: the means and deviations in it are not of pixels. */
export const isCalledOutcome = (name: string): boolean =>
  /(metric|result|histor|score|eval|report|accurac|loss|bench|latenc|tim(e|ing)s?\b)/i.test(name);

function modelsAmong(names: readonly string[]): readonly string[] {
  return names.filter((name) => /\.(onnx|ort)$/i.test(name)).map(stemOf);
}

const usualIn = (folder: Folder) => (name: string) => ({ folder, name, isUsual: usual.includes(name.toLowerCase()) });

/** The smaller, the more a file is the list of the names of a model's classes; undefined if it is called like something else. */
function rankOf(name: string, own: string, models: readonly string[]): number | undefined {
  const lower = name.toLowerCase();
  const at = usual.indexOf(lower);
  if (at >= 0) return 1 + at;
  const extension = extensionOf(name);
  if (!extensions.has(extension)) return undefined;
  const stem = stemOf(name);
  const owner = ownerOf(stem, models);
  if (owner !== undefined && owner !== own) return undefined;
  const isOwn = isNamedAfter(stem, own);
  // What is left of the name is looked at; of "model.json" nothing is.
  const rest = (isOwn ? stem.slice(own.length + 1) : stem).replace(before, "");
  // fastai's list of classes; of a text's words in lines it is not one.
  const isVocabulary = rest === "vocab" && extension === ".json";
  if (!naming.test(rest) && !isVocabulary && extension !== ".names") return undefined;
  return isOwn ? 0 : 1 + usual.length;
}

function isNamedAfter(stem: string, model: string): boolean {
  return stem === model || new RegExp(`^${escaped(model)}[-_. ]`).test(stem);
}

/** The one of `models` that a file is called after, if it is one. */
function ownerOf(stem: string, models: readonly string[]): string | undefined {
  return models.filter((model) => isNamedAfter(stem, model)).toSorted((a, b) => b.length - a.length)[0];
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
