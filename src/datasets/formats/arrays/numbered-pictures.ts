/** @file Data sets whose pictures are called by their numbers in a file, and whose classes are numbers. */
import { BadInputError } from "../../../errors.ts";
import type { ImageTensor, Picture } from "../../../image/picture.ts";
import { matchClassList } from "../../class-labels.ts";
import {
  type Dataset,
  type DatasetImage,
  type DatasetPart,
  type DatasetProblem,
  finishDataset,
} from "../../dataset.ts";
import type { ReadPictureOptions } from "../../dataset-source.ts";
import { leftOut, type ReaderContext } from "../../reader.ts";

/** Some pictures, of one part of the data set. */
export interface NumberedPart {
  /** Pictures are called by it and their number: "t10k/42". */
  readonly name: string;
  readonly split?: DatasetPart;
  /** The number of its first picture, where others of the name come before. Default 0. */
  readonly first?: number;
  /** The class of each picture, where it is known. */
  readonly labels: ArrayLike<number | undefined>;
  /** The bytes of a picture, as they are stored. */
  readonly bytesOf: (index: number) => Uint8Array | Promise<Uint8Array>;
  readonly pictureOf: (
    bytes: Uint8Array,
    id: string,
    options?: ReadPictureOptions,
  ) => Picture | Promise<Picture | ImageTensor>;
}

/** What is said of the pictures as a whole. */
export interface NumberedSet extends Partial<Pick<Dataset, "problems" | "notes" | "classNames">> {
  readonly path: string;
  readonly name: string;
}

/**
 * The pictures of the parts, in order. Classes are called `classNames`, or else by their numbers, as far as they occur. `name` is the data set's, and
 * `path` where it is.
 */
export function numberedPictures(
  { path, name, classNames, ...found }: NumberedSet,
  parts: readonly NumberedPart[],
  { selection, classes, labels: labelSource }: ReaderContext,
): Dataset {
  const known = parts.flatMap(({ labels }) => [...new Set(Array.from(labels))].filter((label) => label !== undefined));
  const numbers = [...new Set(known)].sort((a, b) => a - b);
  const listed = classNames ?? numbers.map(String);
  const { lookups, notes } = matchClassList(listed, classes);
  const images: DatasetImage[] = [];
  const problems: DatasetProblem[] = [];
  const all = parts.flatMap((part) =>
    Array.from(part.labels, (number, index) => ({
      id: `${part.name}/${(part.first ?? 0) + index}`,
      split: part.split,
      part,
      number,
      index,
    })),
  );
  for (const { id, split, part, number, index } of selection.pictures(all)) {
    const place = number === undefined ? -1 : classNames === undefined ? numbers.indexOf(number) : number;
    const lookup = labelSource === "predicted" ? undefined : lookups[place];
    if (lookup !== undefined && "reason" in lookup) {
      problems.push(...leftOut(id, "unknown-class", lookup.reason).problems);
      continue;
    }
    const picture: DatasetImage["picture"] = async (options) => part.pictureOf(await part.bytesOf(index), id, options);
    const stored = async function* (): AsyncGenerator<Uint8Array> {
      yield await part.bytesOf(index);
    };
    images.push({ id, label: lookup?.label, className: listed[place], split, picture, stored });
  }
  return finishDataset(path, {
    name,
    classNames: classes?.names ?? listed,
    listedClasses: listed,
    images,
    problems: [...selection.problems, ...(found.problems ?? []), ...problems],
    notes: [...(found.notes ?? []), ...notes],
  });
}

/** What is thrown for a packed file that is damaged, or none. */
export function notUnpacked(where: string, cause: Error): BadInputError {
  const what = `cannot be unpacked (${cause.message})`;
  return new BadInputError({ where, what, advice: "Copy or download the file again." }, { cause });
}
