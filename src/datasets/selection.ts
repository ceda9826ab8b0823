/** @file Which pictures of a data set are wanted: the first so many, those on a list, those not on a blacklist. */
import { MisuseError, numberIn } from "../errors.ts";
import type { DatasetPart, DatasetProblem } from "./dataset.ts";
import { withoutExtension } from "./paths.ts";

/** A picture that may be taken, before anything of it is read. */
export interface Candidate {
  /** The id of the picture, without the class that may be appended to it. */
  readonly id: string;
  /** Other names by which a list may call it, such as its file's. */
  readonly names?: readonly string[];
  readonly split?: DatasetPart;
}

export interface SelectionOptions {
  /** Of each split, the first so many pictures in the order of the data set, those of the list only where there is one. */
  readonly first?: number;
  /** The lines of a list: ids, file names, or file names followed by anything else. */
  readonly list?: readonly string[];
  /** The lines of ILSVRC2014's list of validation images to leave out: their numbers, counted from 1. */
  readonly blacklist?: readonly string[];
}

export interface Selection {
  /** The wanted ones of all pictures of the data set, in their order. Asked for once per data set. */
  readonly pictures: <T extends Candidate>(candidates: readonly T[]) => readonly T[];
  /** Whether an entry is wanted, given that its picture is: a list may name single entries, such as "000012#car". */
  readonly entry: (pictureId: string, entryId: string) => boolean;
  /** Lines that are unreadable or fit no picture. Complete once `pictures` was called. */
  readonly problems: readonly DatasetProblem[];
}

/** The selection that the options mean. Throws a MisuseError unless `first` is a positive integer. */
export function createSelection({ first, list, blacklist }: SelectionOptions): Selection {
  if (first !== undefined) numberIn("first", first, { min: 1, integer: true });
  const problems: DatasetProblem[] = [];
  const listed = list === undefined ? undefined : linesOf(list);
  const banned = blacklist === undefined ? undefined : bannedNumbers(blacklist, problems);
  const exactEntries = new Set<string>();
  const wholePictures = new Set<string>();

  const onList = <T extends Candidate>(candidates: readonly T[]): readonly T[] => {
    if (listed === undefined) return candidates;
    const find = finderOf(candidates);
    const chosen = new Set<T>();
    for (const { text, number } of listed) {
      const found = findEntry(find, text);
      if (found === undefined || found === "several") {
        const message = `${found === undefined ? "no picture is" : "several pictures are"} called ${JSON.stringify(text)}`;
        problems.push({ kind: "bad-line", image: `line ${number} of the list`, message });
        continue;
      }
      chosen.add(found.candidate);
      if (found.entry === undefined) wholePictures.add(found.candidate.id);
      else exactEntries.add(found.entry);
    }
    return candidates.filter((candidate) => chosen.has(candidate));
  };

  const pictures = <T extends Candidate>(candidates: readonly T[]): readonly T[] => {
    const number = ({ id }: T): number | undefined => validationNumber(id);
    if (banned !== undefined && candidates.length > 0 && candidates.every((one) => number(one) === undefined)) {
      throw new MisuseError({
        where: "blacklist",
        what: "the pictures are not ImageNet's validation images",
        expected: "names such as ILSVRC2012_val_00000001",
        got: JSON.stringify(candidates[0].id),
      });
    }
    const allowed = onList(candidates).filter((candidate) => !banned?.has(number(candidate) ?? Number.NaN));
    const taken = new Map<DatasetPart | undefined, number>();
    return allowed.filter(({ split }) => {
      const count = (taken.get(split) ?? 0) + 1;
      taken.set(split, count);
      return first === undefined || count <= first;
    });
  };

  const entry = (pictureId: string, entryId: string): boolean =>
    listed === undefined || wholePictures.has(pictureId) || exactEntries.has(entryId);
  return { pictures, entry, problems };
}

/** A picture by a name for it; "several" where the name may mean more than one. */
type Finder<T> = (name: string) => T | "several" | undefined;

/**
 * Finds pictures by id or name; else by the end of their path from a folder on ("1.png" or "cat/1.png" for "train/cat/1.png"), where that
 * tells them apart; else by a longer path that ends with the whole id or name ("data/train/cat/1.png", "val/a.JPEG" for "a"). Each with
 * the extension or without: "bird/1.png" is not "cat/1.png".
 */
function finderOf<T extends Candidate>(candidates: readonly T[]): Finder<T> {
  const [exact, stems, ends] = [0, 1, 2].map(() => new Map<string, T | "several">());
  const add = (to: Map<string, T | "several">, name: string, candidate: T): void => {
    const known = to.get(name);
    to.set(name, known === undefined || known === candidate ? candidate : "several");
  };
  for (const candidate of candidates) {
    for (const name of [candidate.id, ...(candidate.names ?? [])]) {
      // Ids are unique, but for those that are left out as duplicates.
      if (!exact.has(name)) exact.set(name, candidate);
      add(stems, withoutExtension(name), candidate);
      for (const end of endsOf(name)) {
        add(ends, end, candidate);
        add(ends, withoutExtension(end), candidate);
      }
    }
  }
  const whole = (name: string): T | "several" | undefined =>
    exact.get(name) ?? stems.get(name) ?? stems.get(stemOf(name));
  return (given) => {
    const name = given.replaceAll("\\", "/").replace(/^(\.\/)+/, "");
    const found = whole(given) ?? whole(name) ?? ends.get(name) ?? ends.get(stemOf(name));
    if (found !== undefined) return found;
    for (const end of endsOf(name)) {
      const inside = whole(end);
      if (inside !== undefined) return inside;
    }
    return undefined;
  };
}

/** The name without its extension. What stands behind "#" is a class and no extension: "1.jpg#dog" is one entry of "1.jpg". */
function stemOf(name: string): string {
  return name.includes("#", name.lastIndexOf(".") + 1) ? name : withoutExtension(name);
}

/** What is left of the path without its first folders, longest first: "b/c" and "c" of "a/b/c". */
function endsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(index + 1).join("/"));
}

interface FoundEntry<T> {
  readonly candidate: T;
  readonly entry?: string;
}

/** Names have so many words at most. */
const mostWords = 16;

/**
 * The picture that the line names, or its entry if the name ends in "#<class>". A file name may have spaces in it, and may be followed by a
 * label as in ImageNet's val.txt: the longest beginning of the line that is the name of one picture is taken.
 */
function findEntry<T extends Candidate>(find: Finder<T>, line: string): FoundEntry<T> | "several" | undefined {
  let hasSeveral = false;
  for (const name of beginningsOf(line)) {
    const found = entryCalled(find, name);
    if (typeof found === "object") return found;
    hasSeveral ||= found === "several";
  }
  return hasSeveral ? "several" : undefined;
}

/** The line, and what is left of it without its last words, longest first. */
function beginningsOf(line: string): string[] {
  const ends = [...line.matchAll(/[\s,;]+/g)].map(({ index }) => index).filter((index) => index > 0);
  return [
    line,
    ...ends
      .slice(0, mostWords)
      .reverse()
      .map((end) => line.slice(0, end)),
  ];
}

function entryCalled<T extends Candidate>(find: Finder<T>, name: string): FoundEntry<T> | "several" | undefined {
  const whole = find(name);
  if (whole !== undefined) return whole === "several" ? whole : { candidate: whole };
  const end = name.lastIndexOf("#");
  const candidate = end < 0 ? undefined : find(name.slice(0, end));
  if (candidate === undefined || candidate === "several") return candidate;
  return { candidate, entry: candidate.id + name.slice(end) };
}

/** The number of an ImageNet validation image, from its id. */
function validationNumber(id: string): number | undefined {
  const match = /_val_(\d{8})$/.exec(withoutExtension(id));
  return match === null ? undefined : Number(match[1]);
}

/** Lines with something on them, and their numbers from 1; lines that begin with # are comments. */
function linesOf(lines: readonly string[]): { readonly text: string; readonly number: number }[] {
  return lines
    .map((line, index) => ({ text: line.replace(/^\uFEFF/, "").trim(), number: index + 1 }))
    .filter(({ text }) => text !== "" && !text.startsWith("#"));
}

function bannedNumbers(lines: readonly string[], problems: DatasetProblem[]): Set<number> {
  const numbers = new Set<number>();
  for (const { text, number } of linesOf(lines)) {
    if (/^\d+$/.test(text) && Number(text) >= 1) numbers.add(Number(text));
    else
      problems.push({
        kind: "bad-line",
        image: `line ${number} of the blacklist`,
        message: `${JSON.stringify(text)} is no image number`,
      });
  }
  return numbers;
}
