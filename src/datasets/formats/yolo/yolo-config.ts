/**
 * @file What says the classes and the parts of a data set in YOLO's form: `data.yaml` (Ultralytics, Roboflow), Darknet's `obj.data`, and lists of
 * names (`classes.txt`, `obj.names`, `_darknet.labels`).
 *
 * data.yaml has `names` (a list, or a mapping from indices), `nc`, their number, and `train`, `val` and `test`: a folder of pictures, a list of
 * their paths (a .txt) or several of these, in the folder `path` (https://docs.ultralytics.com/datasets/detect/). The paths are those of the
 * computer that the data set was made on, and so are mostly wrong: see `tailsOf`.
 */
import { parse } from "yaml";
import { BadInputError, MisuseError } from "../../../errors.ts";
import type { DatasetPart } from "../../dataset.ts";
import { type DatasetSource, type FileEntry, textHead } from "../../dataset-source.ts";
import { baseName, byCodeUnits, joinPath } from "../../paths.ts";
import type { PoseShape } from "./yolo-labels.ts";

/** What a configuration says, as far as it is understood. */
export interface YoloConfig {
  /** Its name in messages: "data.yaml". */
  readonly name: string;
  /** The names of the classes by their indices; undefined where there are none. */
  readonly names?: readonly string[];
  /** The folders and lists of each part, as they are written. */
  readonly parts: readonly { readonly part: DatasetPart; readonly places: readonly string[] }[];
  /** The folder that these are in, as it is written. */
  readonly path?: string;
  readonly pose?: PoseShape;
  /** What does not fit together in it: sentences. */
  readonly notes: readonly string[];
}

/** Larger files are no configurations. */
const mostBytes = 2 ** 22;

/** More classes than this are no list of names, but an index that is mistyped. */
const mostClasses = 2 ** 16;

/** Whether a file of this name may be a configuration. */
export function isConfigName(name: string): boolean {
  return /\.(ya?ml|data)$/i.test(name) && !name.startsWith(".");
}

/** Whether the file lists the names of classes, one per line. */
export function isNamesFile(name: string): boolean {
  return /^(classes\.txt|_darknet\.labels|[^.].*\.names)$/i.test(name);
}

/**
 * The configuration among the `entries` of the folder; undefined if there is none. Throws a BadInputError for one that is damaged, and a
 * MisuseError where several may be meant.
 */
export async function configIn(
  source: DatasetSource,
  folder: string,
  entries: readonly FileEntry[],
): Promise<YoloConfig | undefined> {
  const names = entries.filter(({ name, kind }) => kind === "file" && isConfigName(name)).map(({ name }) => name);
  const usual = names.filter((name) => /^(data|dataset)\.ya?ml$/i.test(name));
  const found: YoloConfig[] = [];
  for (const name of (usual.length > 0 ? usual : names).sort(byCodeUnits)) {
    const isSure = usual.length > 0 || names.length === 1;
    const config = await readConfig(source, joinPath(folder, name), isSure);
    if (config !== undefined) found.push(config);
  }
  if (found.length < 2) return found[0];
  throw new MisuseError({
    where: folder,
    what: "there are several configurations of YOLO",
    expected: "one, or the path of the one that is meant",
    got: found.map(({ name }) => name).join(", "),
    advice: `Say which: --data ${joinPath(folder, found[0].name)}.`,
  });
}

/**
 * What the file at `path` says; undefined if it says nothing of classes or parts. Throws a BadInputError if it is no YAML and `isSure`, and where
 * its names cannot be those of classes.
 */
export async function readConfig(
  source: DatasetSource,
  path: string,
  isSure: boolean,
): Promise<YoloConfig | undefined> {
  const name = baseName(path);
  const { text, isWhole } = await textHead(source, path, mostBytes);
  if (!isWhole) {
    if (!isSure) return undefined;
    throw new BadInputError({
      where: path,
      what: "is too large for a configuration",
      expected: `at most ${mostBytes / 2 ** 20} MiB`,
    });
  }
  if (/\.data$/i.test(name)) return darknetConfig(text, name);
  let value: unknown;
  try {
    // Python's writers and readers allow a key twice; the last one counts.
    value = parse(text, { logLevel: "error", maxAliasCount: 100, uniqueKeys: false });
  } catch (error) {
    if (!isSure) return undefined;
    const [message] = (error as Error).message.split("\n");
    throw new BadInputError({
      where: path,
      what: `is no YAML: ${message.replace(/[.:]$/, "")}`,
      expected: "names, nc, train, val and test",
      advice: "Mend it, or take it away: then classes are called by their indices.",
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = new Map(Object.entries(value));
  const parts = (["train", "val", "test"] as const).flatMap((part) => {
    const places = textsOf(fields.get(part) ?? (part === "val" ? fields.get("valid") : undefined));
    return places.length === 0 ? [] : [{ part, places }];
  });
  const given = fields.get("names");
  if (given === undefined && parts.length === 0 && fields.get("nc") === undefined) return undefined;
  const notes: string[] = [];
  const names = namesOf(given, path, notes);
  const count = fields.get("nc");
  if (names !== undefined && typeof count === "number" && count !== names.length) {
    notes.push(`${name} says nc: ${count} and names ${names.length} classes: the names are taken.`);
  }
  const [root] = textsOf(fields.get("path"));
  return { name, names, parts, path: root, pose: poseOf(fields.get("kpt_shape")), notes };
}

function textsOf(value: unknown): string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.flatMap((one) => (typeof one === "string" && one.trim() !== "" ? [one.trim()] : []));
}

function poseOf(value: unknown): PoseShape | undefined {
  if (!Array.isArray(value)) return undefined;
  const [points, numbers]: readonly unknown[] = value;
  return Number.isInteger(points) && (numbers === 2 || numbers === 3) ? [Number(points), numbers] : undefined;
}

/** The names that `names` in a configuration gives, by index. */
function namesOf(value: unknown, where: string, notes: string[]): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const expected = "a list of names, or a mapping from indices to names";
  if (typeof value !== "object") {
    // Older configurations name a file, which is found beside them by its own name.
    notes.push(`names in ${baseName(where)} is ${JSON.stringify(value)?.slice(0, 40)}, not ${expected}: not taken.`);
    return undefined;
  }
  const names: string[] = [];
  for (const [key, name] of Object.entries(value)) {
    const index = /^\d+$/.test(key) ? Number(key) : Number.NaN;
    if (!(index < mostClasses)) {
      throw new BadInputError({ where, what: "names has a key that is no index of a class", expected, got: key });
    }
    if (name !== null && typeof name === "object") {
      throw new BadInputError({ where, what: `the name of class ${key} is none`, expected, got: JSON.stringify(name) });
    }
    names[index] = String(name ?? "").trim();
  }
  return completed(names, baseName(where), notes);
}

/** The names, with the index where there is none; undefined if there are none at all. */
function completed(names: readonly string[], where: string, notes: string[]): readonly string[] | undefined {
  if (names.length === 0) return undefined;
  const all = Array.from(names, (name, index) => (name === undefined || name === "" ? String(index) : name));
  const seen = new Set<string>();
  const twice = all.find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) {
    notes.push(`${where} calls several classes ${JSON.stringify(twice)}: they are taken as one.`);
  }
  return all;
}

/** Darknet's lines `train = data/train.txt`. Its `valid` is for validation. */
function darknetConfig(text: string, name: string): YoloConfig | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r\n|\n|\r/)) {
    const [, key, value] = /^\s*(\w+)\s*=\s*(\S.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined) fields.set(key.toLowerCase(), value);
  }
  if (!fields.has("names") && !fields.has("classes") && !fields.has("train")) return undefined;
  const parts = ([["train"], ["val", "valid"], ["test"]] as const).flatMap(([part, ...others]) => {
    const places = [part, ...others].flatMap((key) => fields.get(key) ?? []);
    return places.length === 0 ? [] : [{ part, places }];
  });
  return { name, parts, notes: [] };
}

/** The names in the list at `path`, a line each; a line without anything is a class without a name. */
export async function readNames(source: DatasetSource, path: string, notes: string[]): Promise<readonly string[]> {
  const { text, isWhole } = await textHead(source, path, mostBytes);
  const lines = text
    .replace(/\s+$/, "")
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim());
  if (isWhole && lines.length <= mostClasses) return completed(lines, baseName(path), notes) ?? [];
  throw new BadInputError({ where: path, what: "is too large for a list of classes", expected: "a name per line" });
}

/**
 * The ends of a path as it is written, longest first, without what leads out of the folder: "a/images" and "images" of "../a/images". What
 * data.yaml and lists name is looked for under them, since the folders in front are mostly those of another computer.
 */
export function tailsOf(path: string): string[] {
  const words = path.split(/[/\\]/).filter((word) => word !== "" && word !== "." && word !== "..");
  return words.map((_, index) => words.slice(index).join("/"));
}
