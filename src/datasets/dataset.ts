/** @file What every data set is read into, whatever its format: pictures with what is known about them. */
import { BadInputError, checkForm } from "../errors.ts";
import type { Box } from "../image/geometry.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ReadPictureOptions } from "./dataset-source.ts";

export type { Box } from "../image/geometry.ts";

/** Shape [H, W] of the picture; 1 on the object, otherwise 0. */
export interface ObjectMask extends Tensor {
  readonly dtype: "bool";
  readonly data: Uint8Array;
}

/** Which part of a data set a picture belongs to: what a network or a detector may be fitted on, or what it is judged on. */
export type DatasetSplit = "train" | "test";

/** A part that a data set is divided into. What is for validation is a part of its own where the data set says so. */
export type DatasetPart = DatasetSplit | "val";

/** A picture of a data set, with its answer. Nothing is decoded before `picture` is called. */
export interface DatasetImage {
  /**
   * Unique in the data set and the same wherever its folder lies, so that results can be kept under it: such as
   * "ILSVRC2012_val_00000001", "dog/17.png", "test_batch/42", or "000012#car" where a picture counts once per class.
   */
  readonly id: string;
  /** The class as an index of the classifier's classes; undefined where the predicted class is to be used, or none is known. */
  readonly label?: number;
  /** The class as the data set calls it. */
  readonly className?: string;
  /**
   * All boxes of the image's own class, at least one, [x0, y0, x1, y1) in pixels of the picture as stored, inside it and with
   * an area; undefined where the data set has no boxes. Scenes render theirs when it is first read.
   */
  readonly boxes?: readonly Box[];
  /** The exact pixels of the object, where they are known. */
  readonly mask?: () => Promise<ObjectMask>;
  /**
   * The picture as stored (turned by no EXIF tag, as boxes refer to stored pixels). Rejects with a PerceptualBallError that
   * names the file if it is missing, damaged, or not of the size that its annotation says. `onNote` is called with what was concluded of it
   * and is not certain. Samples of more bits than 8 come as an image tensor where the data set is opened for a network that takes them.
   */
  readonly picture: (options?: ReadPictureOptions) => Promise<Picture | ImageTensor>;
  readonly split?: DatasetPart;
  /** The bytes that are stored of the picture, in pieces; undefined for pictures that are made, not stored. */
  readonly stored?: () => AsyncIterable<Uint8Array>;
  /**
   * A short hash of the stored bytes, the class and the boxes, where somebody asked for it (`fingerprinted` of `perceptual-ball/node`). Experiments keep
   * results under it, so that those of another picture of the same id, or with other boxes, are not taken for this one's.
   */
  readonly contents?: string;
}

/** What tells an image's results from those of another image of the same id, as part of a record's key. */
export function contentsOption({ contents }: Pick<DatasetImage, "contents">): { readonly contents?: string } {
  return contents === undefined ? {} : { contents };
}

/** What can be wrong with an entry of a data set. */
export const datasetProblemKinds = {
  "missing-picture": "picture missing",
  "unread-format": "picture of a format that is not read",
  "missing-annotation": "no annotation",
  "malformed-annotation": "malformed annotation",
  "bad-box": "box outside the picture or without area",
  "no-box": "no box",
  "unknown-class": "class that the model does not have",
  duplicate: "duplicate",
  "bad-line": "unreadable or unmatched line of a list",
} as const;

export type DatasetProblemKind = keyof typeof datasetProblemKinds;

/** Something wrong with one entry. The entry was left out, or its box clipped or dropped, as the message says. */
export interface DatasetProblem {
  readonly kind: DatasetProblemKind;
  /** The id of the image, or the file and line where no image is known. */
  readonly image: string;
  /** What is wrong and what was done about it, a phrase without a final stop. */
  readonly message: string;
}

export interface Dataset {
  /** Such as "scenes", "cifar10" or the name of the folder: for titles, not for keys. */
  readonly name: string;
  /** The names of the classes that labels are indices of. */
  readonly classNames?: readonly string[];
  /** The data set's own classes in its order, where it lists them all (folders, CIFAR, COCO), whatever the classifier calls them. */
  readonly listedClasses?: readonly string[];
  /** Whether only the order of the classes says which is which, and that may be another one: labels are then right only by chance. */
  readonly isOrderOpen?: boolean;
  readonly images: readonly DatasetImage[];
  readonly problems: readonly DatasetProblem[];
  /** What was concluded of the data set as a whole, or passed over in it, and must be known before a result is trusted: sentences. */
  readonly notes?: readonly string[];
}

/** One line on how many problems there are of each kind, with an example of each; undefined if there are none. */
export function describeProblems(problems: readonly DatasetProblem[]): string | undefined {
  checkForm("describeProblems: problems", problems, "list");
  if (problems.length === 0) return undefined;
  const kinds = [...new Set(problems.map(({ kind }) => kind))];
  const parts = kinds.map((kind) => {
    const some = problems.filter((problem) => problem.kind === kind);
    const example = `${some[0].image}: ${some[0].message}`;
    return `${some.length} × ${datasetProblemKinds[kind]} (${some.length > 1 ? "such as " : ""}${example})`;
  });
  return `${problems.length} problem${problems.length > 1 ? "s" : ""} in the data: ${parts.join("; ")}`;
}

/**
 * The data set of the parts, if it has an image; otherwise throws a {@link BadInputError} on behalf of `where` that says what
 * was wrong with those that it might have had. Of images with the same id the first is kept.
 */
export function finishDataset(where: string, parts: Dataset): Dataset {
  const seen = new Set<string>();
  const problems = [...parts.problems];
  const images = parts.images.filter(({ id }) => {
    if (!seen.has(id)) return seen.add(id);
    problems.push({ kind: "duplicate", image: id, message: "is there twice; the second is left out" });
    return false;
  });
  if (images.length > 0) return { ...parts, images, problems };
  throw new BadInputError({
    where,
    what: "the data set has no usable image",
    advice: [`${describeProblems(problems) ?? "The selection leaves no picture"}.`, ...(parts.notes ?? [])].join(" "),
  });
}
