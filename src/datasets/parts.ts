/** @file The parts of a data set (training, validation, test), as names of folders, files and lists say them. */
import { BadInputError, MisuseError, oneOf } from "../errors.ts";
import type { DatasetPart, DatasetSplit } from "./dataset.ts";
import { baseName, joinPath, withoutExtension } from "./paths.ts";

/** The part that a folder is of whose name says nothing else: "train", "Validation", "dev". */
export function partOfName(name: string): DatasetPart | undefined {
  const [, train, val, test] =
    /^(?:(train|training)|(val|valid|validate|validation|dev|eval|evaluation)|(test|testing))$/i.exec(name) ?? [];
  return train !== undefined ? "train" : val !== undefined ? "val" : test !== undefined ? "test" : undefined;
}

/** The part that a whole word in a file's name says: "train" of "train.csv", "labels_train.txt" and "sign_mnist_train.csv"; the first of several. */
export function partInFileName(file: string): DatasetPart | undefined {
  const words = withoutExtension(baseName(file)).split(/[\s_.-]+/);
  return words.map(partOfName).find((part) => part !== undefined);
}

/** The word in a name that says which part it is of, with the year that may be behind it: "train" of "custom_train", "val2017" of "instances_val2017". */
export function partWordIn(name: string): string | undefined {
  return name.split(/[\s_.-]+/).find((word) => partOfWord(word) !== undefined);
}

/** The part that such a word says. */
export function partOfWord(word: string): DatasetPart | undefined {
  return partOfName(word.replace(/\d+$/, ""));
}

/**
 * What the name of a folder, file or list is for, if it says so: "val2017", "test_batch.bin", "train". What is for validation is
 * what published networks are judged on, as ImageNet's and COCO's test pictures have no annotations.
 */
export function splitOfName(name: string): DatasetSplit | undefined {
  if (/^(train|data_batch)/i.test(name)) return "train";
  return /^(val|test)/i.test(name) ? "test" : undefined;
}

/** What is to be known where one of the parts that there are is taken without being asked for; nothing where there is no other. */
export function usualPartNote(taken: string, parts: readonly string[]): readonly string[] {
  const others = parts.filter((part) => part !== taken && part !== "");
  return others.length === 0 ? [] : [`The part ${taken} is taken; --split takes another: ${others.join(", ")}.`];
}

/** The part that `wanted` (`--split`) names. Throws a BadInputError that lists those that there are, `parts`, if it is none of them. */
export function wantedPart(
  where: string,
  wanted: string | undefined,
  parts: readonly (DatasetPart | undefined)[],
): DatasetPart | undefined {
  if (wanted === undefined) return undefined;
  const there = (["train", "val", "test"] as const).filter((part) => parts.includes(part));
  const split = oneOf("folders: split", partOfName(wanted) ?? wanted, ["train", "val", "test"]);
  if (there.includes(split)) return split;
  throw new BadInputError({
    where,
    what: `there is no part ${JSON.stringify(wanted)}`,
    expected: there.length === 0 ? "no --split: there are no folders of parts" : `--split with ${there.join(" or ")}`,
  });
}

/** Whether it is clear what the files of a folder are: one, or one of each part. */
export function areOnePerPart(files: readonly { readonly split?: DatasetPart }[]): boolean {
  const parts = new Set(files.map(({ split }) => split));
  return files.length === 1 || (parts.size === files.length && !parts.has(undefined));
}

/** It is not clear which of the files `names` in `folder`, each of them `what` ("tables of classes"), is meant. */
export function unclearParts(folder: string, what: string, names: readonly string[]): MisuseError {
  return new MisuseError({
    where: folder,
    what: `there are several ${what}`,
    expected: "one, or one of each part",
    got: names.join(", "),
    advice: `Say which: --data ${joinPath(folder, names[0])}.`,
  });
}
