/** @file Which pictures of a data set are wanted: the first so many, those on a list, those not on a blacklist. */
import { MisuseError, numberIn } from "../errors.ts";
import type { DatasetProblem, DatasetSplit } from "./dataset.ts";
import { baseName, withoutExtension } from "./paths.ts";

/** A picture that may be taken, before anything of it is read. */
export interface Candidate {
  /** The id of the picture, without the class that may be appended to it. */
  readonly id: string;
  /** Other names by which a list may call it, such as its file's. */
  readonly names?: readonly string[];
  readonly split?: DatasetSplit;
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
      // A file name may have spaces in it, and may be followed by a label as in ImageNet's val.txt.
      const word = text.split(/[\s,]+/)[0];
      const found = findEntry(find, text) ?? findEntry(find, word);
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
    const taken = new Map<DatasetSplit | undefined, number>();
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
 * Finds pictures by id or name; else by file name, with or without extension, where that tells them apart. Folders in the wanted name
 * are passed over if the pictures have none ("val/a.JPEG" finds "a"), but not otherwise: "bird/1.png" is not "cat/1.png".
 */
function finderOf<T extends Candidate>(candidates: readonly T[]): Finder<T> {
  const exact = new Map<string, T>();
  const byFile = new Map<string, T | "several">();
  for (const candidate of candidates) {
    const names = [candidate.id, ...(candidate.names ?? [])];
    for (const name of names) if (!exact.has(name)) exact.set(name, candidate);
    for (const name of new Set(names.flatMap((name) => [baseName(name), withoutExtension(baseName(name))]))) {
      byFile.set(name, byFile.has(name) ? "several" : candidate);
    }
  }
  return (name) => {
    const file = baseName(name);
    const found = exact.get(name) ?? byFile.get(file) ?? byFile.get(withoutExtension(file));
    const isElsewhere = name.includes("/") && typeof found === "object" && found !== exact.get(name);
    return isElsewhere && found.id.includes("/") ? undefined : found;
  };
}

/** The picture that `name` means, or its entry if it ends in "#<class>". */
function findEntry<T extends Candidate>(
  find: Finder<T>,
  name: string,
): { readonly candidate: T; readonly entry?: string } | "several" | undefined {
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
