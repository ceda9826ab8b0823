/** @file Names of classes within configurations and other JSON. */
import { readLabels } from "../labels/read-labels.ts";
import { namesPerRepetition } from "../labels/short-names.ts";

/** The keys of config.json under which names stand; others ("labels", "categories") mean different things there. */
const configNameKeys = ["id2label", "label2id", "label_names", "names", "class_names", "classes", "class_to_idx"];

/** Keys under which names stand in configurations of other makers: PaddlePaddle's, Lobe's, Teachable Machine's. */
const otherNameKeys = ["label_list", "labels", "Label"];

/** More objects within objects than this hold no names. */
const deepestNames = 4;

/** The list or dictionary of names within a configuration, as JSON; undefined where there is none. */
export function namesWithin(config: unknown, depth = 0): string | undefined {
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

/** The names of classes in a file that may be of anything, as JSON: a list or numbered dictionary that it is, or one under a usual key. Labels of pictures repeat themselves. */
export function listWithin(config: unknown): string | undefined {
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
export function mayHoldNames(config: unknown): boolean {
  if (typeof config !== "object" || config === null) return false;
  // A name or a null under one of the keys, and the empty dictionaries of networks without classes, name none.
  return Object.entries(config).some(
    ([key, value]) =>
      configNameKeys.includes(key) && typeof value === "object" && value !== null && Object.keys(value).length > 0,
  );
}
