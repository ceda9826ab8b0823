/**
 * @file Which files the names in a table or another file of annotations mean: they may be without endings, without folders, or begin with folders of the
 * computer on which it was written.
 */
import type { DatasetSource } from "../dataset-source.ts";
import { baseName, folderName, hasPictureEnding, leavesFolder, withoutExtension } from "../paths.ts";
import { nameIn } from "./find-folder.ts";

/** What was found for names. */
export interface FoundNames {
  /** The folder in which they are, in the one that was searched: "" or "train/". */
  readonly prefix: string;
  /** The path in the searched folder of the picture that a name means; undefined if there is none, or if other names that are not read as they stand mean the same. */
  readonly nameOf: (name: string) => string | undefined;
  readonly notes: readonly string[];
}

/** What is to be found, and where. */
export interface Wanted {
  /** The folder that is searched, and the paths in it of the pictures that are there. */
  readonly root: string;
  readonly pictures: readonly string[];
  /** Folders in it where the pictures may be, the likeliest first; "" is itself. */
  readonly folders: readonly string[];
  readonly names: readonly string[];
  /** The name of the file that has the names, for notes. */
  readonly calledBy: string;
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
 * Where the pictures are that `names` call: in the first of the folders that has most of them, or in whatever folder has all pictures; undefined where there
 * is none of them. Names that begin with other folders are taken without as many of their first parts as all need.
 */
export async function findNamedPictures(
  source: DatasetSource,
  { root, pictures, folders, names, calledBy }: Wanted,
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
  const isLoose = (name: string): boolean => files.alone.get(baseName(plain(name))) !== undefined;
  const loose = samples.filter(isLoose).length;
  if (loose > 2 * (found === undefined ? 0 : most) && 2 * loose > samples.length) {
    const nameOf = oneEach(names.map(plain), (name) => files.alone.get(baseName(name)));
    const example = samples.find((name) => isLoose(name) && nameOf(plain(name)) !== undefined);
    if (example === undefined) return undefined;
    const note = `The pictures of ${calledBy} are found by their names alone, in whatever folder they are: ${example} is ${nameOf(plain(example))}.`;
    return { prefix: "", nameOf: (name) => nameOf(plain(name)), notes: [note] };
  }
  if (found === undefined) return undefined;
  const mean = (name: string): string | undefined => pathOf(name, found, files);
  const nameOf = found.dropped === 0 && !found.byNumber ? mean : oneEach(names.map(plain), mean);
  const example = samples.find((name) => nameOf(plain(name)) !== undefined) ?? names[0];
  const path = nameOf(plain(example));
  const notes = [
    ...(found.dropped === 0
      ? []
      : [
          `Paths in ${calledBy} are those of another place: they are taken without their first ${found.dropped === 1 ? "part" : `${found.dropped} parts`}, ${example} as ${path}.`,
        ]),
    ...(found.byNumber ? [`Pictures are found by their numbers: ${example} is ${path}.`] : []),
  ];
  return { prefix: found.prefix, nameOf: (name) => nameOf(plain(name)), notes };
}

/** `pathOf` without the paths that several names mean: it is not known which of them does. */
function oneEach(
  names: readonly string[],
  pathOf: (name: string) => string | undefined,
): (name: string) => string | undefined {
  const owners = new Map<string, string | undefined>();
  for (const name of new Set(names)) {
    const path = pathOf(name);
    if (path !== undefined) owners.set(path, owners.has(path) ? undefined : name);
  }
  return (name) => {
    const path = pathOf(name);
    return path !== undefined && owners.get(path) === name ? path : undefined;
  };
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
  if (hasPictureEnding(path)) return undefined;
  if (!byNumber) return files.stems.get(path);
  const number = numberedName(path);
  return number === undefined ? undefined : files.numbers.get(number);
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
