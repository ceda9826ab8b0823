/**
 * @file Which files the names in a table mean: they may be without endings, without folders, or begin with folders of the computer on which the table was
 * written.
 */
import type { DatasetSource } from "../../dataset-source.ts";
import { nameIn } from "../../find-folder.ts";
import { baseName, folderName, isArrayName, isPictureName, leavesFolder, withoutExtension } from "../../paths.ts";

/** What was found for the names of a table. */
export interface FoundNames {
  /** The folder in which they are, in the one that was searched: "" or "train/". */
  readonly prefix: string;
  /** The path in the searched folder of the picture that a name means; the name with the prefix where there is none. */
  readonly nameOf: (name: string) => string;
  readonly notes: readonly string[];
}

/** At most so many names, from all over the table, are looked at to see where they are. */
const mostSamples = 200;
/** At most so many folders in front of a name are another computer's. */
const mostDropped = 12;

/** The pictures below a folder, by their names with and without endings. */
interface Files {
  readonly names: ReadonlySet<string>;
  readonly stems: ReadonlyMap<string, string | undefined>;
  /** Of names that are numbers, by folder and number: "train/7" for "train/0007.png". */
  readonly numbers: ReadonlyMap<string, string | undefined>;
  /** By the file's name alone, with and without its ending; undefined where there are several. */
  readonly alone: ReadonlyMap<string, string | undefined>;
}

/**
 * Where the pictures that `names` call are below `root`, which has those of the names `pictures`, in the first of `folders` ("" is `root` itself) that has most of them; undefined where there
 * is none of them. Names that begin with other folders are taken without as many of their first parts as all need.
 */
export async function findPictures(
  source: DatasetSource,
  root: string,
  pictures: readonly string[],
  folders: readonly string[],
  names: readonly string[],
): Promise<FoundNames | undefined> {
  const files = filesOf(pictures);
  // All of them may be in one folder, whatever it is called and wherever it is.
  const holding = new Set(pictures.map(folderName));
  const places = [...new Set([...folders, ...(holding.size === 1 && !holding.has(".") ? holding : [])])];
  const own = new Map<string, string>();
  for (const name of names) own.set(name, await nameIn(root, name, source));
  const plain = (name: string): string => (own.get(name) ?? name).replaceAll("\\", "/");
  const step = Math.max(1, Math.floor(names.length / mostSamples));
  const some = names.filter((_, index) => index % step === 0);
  const isThere = (name: string): boolean => {
    const file = baseName(plain(name));
    return files.alone.has(file) || files.alone.has(numberedName(file) ?? file);
  };
  // Of a large set there may be a few pictures only.
  const samples = some.some(isThere) ? some : names.filter(isThere);
  const ways: Way[] = places.flatMap((folder) => [
    { prefix: folder === "" ? "" : `${folder}/`, dropped: 0, byNumber: false },
  ]);
  const deepest = Math.min(mostDropped, Math.max(0, ...samples.map((name) => plain(name).split("/").length - 1)));
  for (let dropped = 1; dropped <= deepest; dropped++)
    ways.push(...ways.slice(0, places.length).map((way) => ({ ...way, dropped })));
  ways.push(...ways.slice(0, places.length).map((way) => ({ ...way, byNumber: true })));
  const scored = ways.map((way) => ({
    way,
    score: samples.filter((name) => pathOf(plain(name), way, files) !== undefined).length,
  }));
  const isSure = ({ way, score }: (typeof scored)[number]): boolean =>
    score > 0 && ((way.dropped === 0 && !way.byNumber) || 2 * score > samples.length);
  const most = Math.max(...scored.filter(isSure).map(({ score }) => score));
  const found = scored.find((one) => isSure(one) && one.score === most)?.way;
  const loose = samples.filter((name) => files.alone.get(baseName(plain(name))) !== undefined).length;
  if (loose > 2 * Math.max(0, found === undefined ? 0 : most) && 2 * loose > samples.length) {
    const nameOf = (name: string): string => files.alone.get(baseName(plain(name))) ?? plain(name);
    const [example] = samples.filter((name) => files.alone.get(baseName(plain(name))) !== undefined);
    const note = `The pictures of the table are found by their names alone, in whatever folder they are: ${example} is ${nameOf(example)}.`;
    return { prefix: "", nameOf, notes: [note] };
  }
  if (found === undefined) return undefined;
  const nameOf = (name: string): string => {
    const fitting = pathOf(plain(name), found, files);
    if (fitting !== undefined) return fitting;
    return leavesFolder(own.get(name) ?? name) || found.prefix === ""
      ? (own.get(name) ?? name)
      : `${found.prefix}${own.get(name) ?? name}`;
  };
  const example = samples.find((name) => pathOf(plain(name), found, files) !== undefined) ?? names[0];
  const notes = [
    ...(found.dropped === 0
      ? []
      : [
          `Paths in the table are those of another place: they are taken without their first ${found.dropped === 1 ? "part" : `${found.dropped} parts`}, ${example} as ${nameOf(example)}.`,
        ]),
    ...(found.byNumber ? [`Pictures are found by their numbers: ${example} is ${nameOf(example)}.`] : []),
  ];
  return { prefix: found.prefix, nameOf, notes };
}

/** How a name becomes a path. */
interface Way {
  readonly prefix: string;
  /** So many of the name's first parts are left out. */
  readonly dropped: number;
  readonly byNumber: boolean;
}

function pathOf(name: string, { prefix, dropped, byNumber }: Way, files: Files): string | undefined {
  const parts = name.split("/");
  // All rows are taken the same way: one that has fewer folders has none of these.
  if (parts.length <= dropped) return undefined;
  const path = prefix + parts.slice(dropped).join("/");
  if (leavesFolder(path)) return undefined;
  if (files.names.has(path)) return path;
  if (hasEnding(path)) return undefined;
  if (!byNumber) return files.stems.get(path);
  const number = numberedName(path);
  return number === undefined ? undefined : files.numbers.get(number);
}

function hasEnding(path: string): boolean {
  return isPictureName(baseName(path)) || isArrayName(baseName(path));
}

/** The path with the number that its file is called by as a number: "a/007" is "a/7". */
function numberedName(stem: string): string | undefined {
  return /(^|\/)\d+$/.test(stem) ? stem.replace(/(?<=^|\/)0+(?=\d+$)/, "") : undefined;
}

function filesOf(names: readonly string[]): Files {
  const [stems, numbers, alone] = [0, 1, 2].map(() => new Map<string, string | undefined>());
  const add = (to: Map<string, string | undefined>, key: string, name: string): void => {
    to.set(key, to.has(key) ? undefined : name);
  };
  for (const name of names) {
    const stem = withoutExtension(name);
    add(stems, stem, name);
    add(alone, baseName(name), name);
    add(alone, baseName(stem), name);
    const number = numberedName(stem);
    if (number === undefined) continue;
    add(numbers, number, name);
    if (number !== stem) add(alone, baseName(number), name);
  }
  return { names: new Set(names), stems, numbers, alone };
}
