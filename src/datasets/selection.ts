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
    const byName = new Map<string, T>();
    for (const candidate of candidates) {
      for (const name of namesOf(candidate)) if (!byName.has(name)) byName.set(name, candidate);
    }
    const chosen = new Set<T>();
    for (const { text, number } of listed) {
      // A file name may have spaces in it, and may be followed by a label as in ImageNet's val.txt.
      const found = [text, text.split(/[\s,]+/)[0]]
        .map((name) => lookUp(byName, name))
        .find((hit) => hit !== undefined);
      if (found === undefined) {
        problems.push({
          kind: "bad-line",
          image: `line ${number} of the list`,
          message: `no picture is called ${JSON.stringify(text)}`,
        });
        continue;
      }
      chosen.add(found.candidate);
      if (found.entry === undefined) wholePictures.add(found.candidate.id);
      else exactEntries.add(found.entry);
    }
    return candidates.filter((candidate) => chosen.has(candidate));
  };

  const pictures = <T extends Candidate>(candidates: readonly T[]): readonly T[] => {
    const numbers = candidates.map(({ id }) => validationNumber(id));
    if (banned !== undefined && candidates.length > 0 && numbers.every((number) => number === undefined)) {
      throw new MisuseError({
        where: "blacklist",
        what: "the pictures are not ImageNet's validation images",
        expected: "names such as ILSVRC2012_val_00000001",
        got: JSON.stringify(candidates[0].id),
      });
    }
    const allowed = candidates.filter((_, index) => !banned?.has(numbers[index] ?? Number.NaN));
    const taken = new Map<DatasetSplit | undefined, number>();
    return onList(allowed).filter(({ split }) => {
      const count = (taken.get(split) ?? 0) + 1;
      taken.set(split, count);
      return first === undefined || count <= first;
    });
  };

  const entry = (pictureId: string, entryId: string): boolean =>
    listed === undefined || wholePictures.has(pictureId) || exactEntries.has(entryId);
  return { pictures, entry, problems };
}

function lookUp<T extends Candidate>(
  byName: ReadonlyMap<string, T>,
  name: string,
): { readonly candidate: T; readonly entry?: string } | undefined {
  const whole = byName.get(name);
  if (whole !== undefined) return { candidate: whole };
  const end = name.lastIndexOf("#");
  const candidate = end < 0 ? undefined : byName.get(name.slice(0, end));
  return candidate === undefined ? undefined : { candidate, entry: candidate.id + name.slice(end) };
}

function namesOf({ id, names = [] }: Candidate): string[] {
  const all = [id, ...names];
  return [...all, ...all.map(baseName), ...all.map((name) => withoutExtension(baseName(name)))];
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
