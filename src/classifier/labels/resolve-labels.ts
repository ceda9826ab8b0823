/** @file Where the names of a model's classes come from. */
import { MisuseError, PerceptualBallError } from "../../errors.ts";
import type { Model } from "../../onnx/model.ts";
import { decodedNames } from "../../onnx/rewrites/decoded-outputs.ts";
import { incidentalLast } from "../incidental.ts";
import { builtInLabels, builtInLabelsFor, countOfNames, fitLabels, fittedLabels, synonymsOf } from "./labels.ts";
import { parseLiteral } from "./literal.ts";
import { checkFilled, namesOfLiteral, numberedParts, readLabels } from "./read-labels.ts";

/** Names whose number is not yet compared with the model's classes. */
export interface NameSource {
  readonly names: readonly string[];
  /** Where they come from, a phrase. */
  readonly reason: string;
  /** What messages call it. */
  readonly where: string;
  /** Whether it must fit: the caller asked for it. */
  readonly isGiven: boolean;
  /** Whether it is only called as a list of names may be: it is taken where it fits and nothing else names the classes, and nothing is said otherwise. */
  readonly isIncidental?: boolean;
}

export interface LabelSources {
  readonly sources: readonly NameSource[];
  /** About metadata that seems to hold names and cannot be used. */
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

export interface Labels {
  readonly labels: readonly string[] | undefined;
  /** Where they come from, or why there are none, a phrase. */
  readonly reason: string;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/** Keys of metadata that hold names, as their last word. */
const nameKey =
  /(^|[^a-z0-9])(names|labels|classes|categories|(class|label|category|target)[-_]?(names|labels|list|map|mapping|indices)|(id|ids|idx|index|int|i)[-_]?(2|to)[-_]?(labels?|class(es)?|names?|category|categories)|(label|class|name|category)s?[-_]?(2|to)[-_]?(ids?|idx|index|int))$/i;

/** What converters of text readers call what they tell apart, be it letters or, of a classifier, its classes. */
const symbolKey = /(^|[^a-z0-9])(characters?|vocab(ulary)?|alphabet)$/i;

/** Keys that end like these and are of something else: how many there are, or what values and columns are called. */
const otherKey =
  /(^|[^a-z])(num|nb|n|no|number|number_of|count|input|output|feature|layer|node|tensor|value|column|file|model|metric|author)s?[-_. ]?(of[-_. ])?(names|labels|classes|categories)$/i;

/** A whole configuration that names classes under one of transformers' or timm's keys. */
const configured = /^\s*\{[\s\S]*["'](id2label|label2id|label_names|class_names|class_to_idx)["']\s*:/;

/** The names that are given, and those that the files beside the model and its metadata hold, in the order of trust. */
export function labelSources(
  given: readonly string[] | string | undefined,
  model: Model,
  where: string,
  beside: readonly NameSource[] = [],
): LabelSources {
  if (given !== undefined) {
    const names = typeof given === "string" ? builtInLabels[given] : given;
    if (names === undefined) {
      throw new MisuseError({
        where: "labels",
        what: "no such list",
        expected: `a file, or one of ${Object.keys(builtInLabels).join(", ")}`,
        got: JSON.stringify(given),
      });
    }
    return { sources: [{ names, reason: "as given", where: "labels", isGiven: true }], warnings: [] };
  }
  const warnings: { readonly code: string; readonly message: string }[] = [];
  const { inputs, outputs } = model.graph;
  const ofValues = new Set([...inputs, ...outputs].map(({ name }) => name));
  const embedded = [...model.metadata].flatMap(([key, text]): NameSource[] => {
    const isOfNames = nameKey.test(key) && !otherKey.test(key);
    const isIncidental = !isOfNames && !configured.test(text);
    if ((isIncidental && !symbolKey.test(key)) || /^\s*\d*\s*$/.test(text)) return [];
    const reason = `the model's metadata (${key})`;
    try {
      const names = namesOfMetadata(text, key);
      if (names === undefined || names.every((name) => ofValues.has(name))) return [];
      checkFilled(names, key);
      return [{ names, reason, where: `${where}: ${key}`, isGiven: false, isIncidental }];
    } catch (error) {
      // Nobody asked for these names, and the model works without them.
      if (!(error instanceof PerceptualBallError)) throw error;
      if (isIncidental) return [];
      warnings.push({
        code: "unusable-metadata",
        message: `the model's metadata names the classes, and it cannot be used: ${error.message.replace(/\.$/, "")}. Give the names with --labels (the option labels)`,
      });
      return [];
    }
  });
  const decoded = decodedNames(model.graph);
  const sources: NameSource[] = [
    ...beside,
    ...embedded,
    ...(decoded === undefined
      ? []
      : [{ names: decoded, reason: "the model's own look-up of names", where: `${where}: names`, isGiven: false }]),
  ];
  return { sources: incidentalLast(sources), warnings };
}

/** The names that a metadata entry holds: JSON, Python, lines, or words with commas between them. */
function namesOfMetadata(text: string, where: string): readonly string[] | undefined {
  const literal = /^\s*[[{(]/.test(text) ? parseLiteral(text) : undefined;
  if (literal !== undefined) return namesOfLiteral(literal, where);
  if (/^\s*[[{]/.test(text)) return undefined;
  if (/[\r\n]/.test(text.trim()) || numberedParts(text) !== undefined) return readLabels(text, where);
  const separator = [",", ";", "|"].find((one) => text.includes(one)) ?? /\s+/;
  const names = text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return names.length === 0 ? undefined : names;
}

/** How many classes the most trusted names are for; undefined if there are none, or only one. */
export function labelCountOf(sources: readonly NameSource[]): number | undefined {
  const first = sources.find(({ isIncidental }) => isIncidental !== true);
  const count = first === undefined ? undefined : countOfNames(first.names);
  // A single word may be anything, such as what the data is called.
  return count === 1 ? undefined : count;
}

export interface ResolveLabelsOptions extends LabelSources {
  readonly model: Model;
  /** How messages call the model, such as its path. */
  readonly where: string;
  readonly classCount: number;
  /** Whether the classes are the no and the yes of one number. */
  readonly isOneNumber?: boolean;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** The first of the names that fit; names of ImageNet's and CIFAR-10's classes only where something says that they are those. */
export function resolveLabels({
  sources,
  warnings: found,
  model,
  where,
  classCount,
  isOneNumber,
  channels,
  height,
  width,
}: ResolveLabelsOptions): Labels {
  const warnings = [...found];
  for (const [index, source] of sources.entries()) {
    if (source.isGiven) {
      const labels = fitLabels(source.names, classCount, source.where, { isOneNumber });
      return { labels, reason: source.reason, warnings };
    }
    const labels = fittedLabels(source.names, classCount, { isOneNumber });
    if (labels !== undefined) {
      const others = sources.slice(index + 1).map(({ names, reason: other }) => ({
        reason: other,
        labels: fittedLabels(names, classCount, { isOneNumber }),
      }));
      return {
        labels,
        reason: source.reason,
        warnings: [...warnings, ...disagreements({ ...source, labels }, others)],
      };
    }
    if (source.isIncidental === true) continue;
    warnings.push({
      code: "labels-do-not-fit",
      message: `${source.reason} names ${countOfNames(source.names)} classes, and the model has ${classCount}: the names are not used`,
    });
  }
  const builtIn = builtInLabelsFor(classCount);
  if (builtIn === undefined) return { labels: undefined, reason: "nothing names the classes", warnings };
  const isPicture =
    channels === 3 && (builtIn.name === "cifar10" ? height === 32 && width === 32 : Math.min(height, width) >= 64);
  const evidence = isPicture ? evidenceOf(builtIn.name, model, where) : undefined;
  if (evidence === undefined) {
    const hint = isPicture ? `; if they are ${titles.get(builtIn.name)}'s, say so: --labels ${builtIn.name}` : "";
    return { labels: undefined, reason: `nothing names the classes${hint}`, warnings };
  }
  if (/darknet/i.test(evidence)) {
    // ILSVRC's development kit begins with the kit fox, and so does Darknet's own list.
    const message =
      "the names are ImageNet's in the order of their WordNet numbers, as nearly everywhere; Darknet's own weights number the classes otherwise (0 is the kit fox). If the labels are wrong, give Darknet's list with --labels";
    warnings.push({ code: "names-may-be-others", message });
  }
  return { labels: builtIn.labels, reason: `${titles.get(builtIn.name)}'s: ${evidence}`, warnings };
}

/** What is said of names that call a class otherwise than those that are used: neither the same but for case and spaces, nor a synonym. */
function disagreements(
  used: { readonly reason: string; readonly labels: readonly string[] },
  others: readonly { readonly reason: string; readonly labels: readonly string[] | undefined }[],
): { code: string; message: string }[] {
  return others.flatMap(({ reason, labels = used.labels }) => {
    const at = labels.findIndex((name, index) => {
      const mine = synonymsOf(used.labels[index]);
      return !synonymsOf(name).some((one) => mine.includes(one));
    });
    if (at === -1) return [];
    const message = `${used.reason} calls class ${at} ${JSON.stringify(used.labels[at])}, and ${reason} calls it ${JSON.stringify(labels[at])}: the former is used. --labels gives the right ones`;
    return [{ code: "names-disagree", message }];
  });
}

const titles: ReadonlyMap<string, string> = new Map([
  ["imagenet", "ImageNet"],
  ["cifar10", "CIFAR-10"],
]);

/** Families of networks whose published weights, with a thousand classes, are ImageNet's. */
const imagenetFamilies =
  /(^|[^a-z])(alexnet|caffenet|zfnet|vgg|resnet|resnext|resnest|res2net|seresnet|senet|wide_?resnet|regnet[xy]?|densenet|squeezenet|shufflenet|mobilenet|mnasnet|nasnet|pnasnet|efficientnet|googlenet|inception|xception|vit|deit|cait|beit|swin|convnext|convmixer|coatnet|maxvit|mobilevit|mobileone|fastvit|ghostnet|hardnet|darknet|cspnet|dpn|dla|hrnet|repvgg|rexnet|tresnet|volo|xcit|poolformer|levit|pvt|nfnet|bit|eva|mixer|resmlp|gmlp|tinynet|lcnet|hgnet|selecsls|vovnet|edgenext|efficientformer|crossvit|twins|visformer|yolov?[0-9]+[a-z]?-cls)(?=[vbslt]?\d|[^a-z]|$)/i;

/** Words of a network whose training began with ImageNet's weights, for other classes. */
const startedFromImagenet =
  /\bfrom image[-_ ]?net|image[-_ ]?net[-_ ](pre[-_ ]?trained[-_ ])?(weights|initiali[sz]ation|backbone|features)/i;

/** What says that a model's classes are those of ImageNet or CIFAR-10, a phrase; undefined if nothing does. */
function evidenceOf(name: string, { metadata, graph, producerName }: Model, where: string): string | undefined {
  const file =
    where
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\.[a-z0-9]+$/i, "") ?? "";
  const dataset =
    name === "cifar10" ? /cifar[-_ ]?10(?!\d)|cifar(?![-_ ]?1?0)/i : /image[-_ ]?net|ilsvrc|in1k|in-?22k.*ft.*1k/i;
  for (const [key, text] of metadata) {
    if (dataset.test(text) && !startedFromImagenet.test(text)) return `the model's metadata (${key}) says so`;
  }
  for (const [what, text] of [
    ["the file", file],
    ["its graph", graph.name],
    ["its producer", producerName],
  ] as const) {
    if (dataset.test(text)) return `${what} is called ${text}`;
    if (name === "imagenet" && what !== "its producer" && imagenetFamilies.test(text)) {
      return `${what} is called ${text}, a network whose thousand classes usually are ImageNet's`;
    }
  }
  return undefined;
}
