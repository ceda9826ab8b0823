/** @file What readers of data sets are given, and what they have in common. */
import { sizedPicture } from "../classifier/preprocessing/fit-picture.ts";
import { BadInputError, PerceptualBallError } from "../errors.ts";
import { inPixels } from "./box-shares.ts";
import { type BoxFinding, checkBox } from "./check-box.ts";
import type { ClassifierClasses, LabelLookup } from "./class-labels.ts";
import type { Box, Dataset, DatasetImage, DatasetPart, DatasetProblem } from "./dataset.ts";
import { chunksOf, type DatasetSource, type PictureSize } from "./dataset-source.ts";
import { nameIn } from "./files/find-folder.ts";
import { joinPath, leavesFolder } from "./paths.ts";
import type { Selection } from "./selection.ts";

/** Where a label comes from: the data set's class, or what the classifier predicts, whatever the data set says. */
export const labelSources = ["dataset", "predicted"] as const;

export type LabelSource = (typeof labelSources)[number];

export interface ReaderContext {
  readonly source: DatasetSource;
  readonly selection: Selection;
  /** The classes that labels are to be indices of; the data set's own where there is no classifier. */
  readonly classes?: ClassifierClasses;
  readonly labels: LabelSource;
  /** Where the pictures and the annotations are, if not where the format puts them. */
  readonly images?: string;
  readonly annotations?: string;
  /** The wanted part of the data set. */
  readonly split?: string;
  /** What becomes of objects that Pascal VOC marks as difficult. */
  readonly difficult: "skip" | "keep";
  /** Whether pictures that the data set names outside of its folders are taken. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/** Reads the data set at `path`. What is wrong with single entries is in the result; what makes all of it unreadable is thrown. */
export type DatasetReader = (path: string, context: ReaderContext) => Promise<Dataset>;

/** The images and problems of a part of a data set. */
export type Findings = Pick<Dataset, "images" | "problems">;

/** Several findings as one. */
export function joinFindings(parts: readonly Findings[]): Findings {
  return { images: parts.flatMap(({ images }) => images), problems: parts.flatMap(({ problems }) => problems) };
}

/** The findings of an entry that is left out, for the reason that `message` gives. */
export function leftOut(image: string, kind: DatasetProblem["kind"], message: string): Findings {
  return { images: [], problems: [{ kind, image, message: `${message}; left out` }] };
}

/** A picture with a class and without a box. */
export interface ClassifiedPicture extends Pick<DatasetImage, "id" | "picture" | "stored" | "split" | "className"> {
  /** Absent where there is no classifier and the data set's classes have no numbers, or where the picture has no class. */
  readonly lookup?: LabelLookup;
}

/** The entry of a picture without a box; one whose class the classifier does not have is a problem instead, unless predicted classes are wanted. */
export function entryOf({ lookup: found, ...picture }: ClassifiedPicture, { labels }: ReaderContext): Findings {
  const lookup = labels === "predicted" ? undefined : found;
  if (lookup !== undefined && "reason" in lookup) return leftOut(picture.id, "unknown-class", lookup.reason);
  return { images: [{ ...picture, label: lookup?.label }], problems: [] };
}

export interface AnnotatedObject {
  readonly className: string;
  /** Absent where there is no classifier and the data set's classes have no numbers. */
  readonly lookup?: LabelLookup;
  /** As annotated: not yet checked. */
  readonly box: Box;
}

/** A picture that is stored somewhere: in a file of its own, or in another one, such as a table. */
export interface PictureFile extends Required<Pick<DatasetImage, "picture" | "stored">> {
  /** Stands for it in messages. */
  readonly where: string;
  /** As stored, from its header. */
  readonly size: () => Promise<PictureSize>;
}

export interface AnnotatedPicture {
  readonly id: string;
  readonly file: PictureFile;
  readonly split?: DatasetPart;
  /** As annotated; read from the picture where it is not. */
  readonly size?: PictureSize;
  /** Whether boxes are shares of the size; pixels unless said otherwise. */
  readonly hasShares?: boolean;
  readonly objects: readonly AnnotatedObject[];
}

/**
 * The entries of a picture with boxes: one per class, named "<picture>#<class>", or one in all, named as the picture, with the boxes
 * of its first object's class. Boxes are checked and clipped; an entry without a box or a label is a problem instead.
 */
export async function entriesOf(
  picture: AnnotatedPicture,
  perClass: boolean,
  context: ReaderContext,
): Promise<Findings> {
  const { id, file, split, objects, hasShares = false } = picture;
  if (objects.length === 0) return leftOut(id, "no-box", "has no box");
  const images: DatasetImage[] = [];
  const problems: DatasetProblem[] = [];
  const size = picture.size ?? (await sizeOf(file));
  if (hasShares && size === undefined)
    return leftOut(id, "bad-box", "its boxes are shares of its size, which cannot be read");
  const byClass = new Map<string, AnnotatedObject[]>();
  for (const object of objects) {
    const known = byClass.get(object.className);
    if (known === undefined) byClass.set(object.className, [object]);
    else known.push(object);
  }
  for (const [className, own] of [...byClass].slice(0, perClass ? undefined : 1)) {
    const entryId = perClass ? `${id}#${className.replace(/\s+/g, "-")}` : id;
    if (!context.selection.entry(id, entryId)) continue;
    const lookup = context.labels === "predicted" ? undefined : own[0].lookup;
    if (lookup !== undefined && "reason" in lookup) {
      problems.push(...leftOut(entryId, "unknown-class", lookup.reason).problems);
      continue;
    }
    const findings = own.map(({ box }) => checkBox(hasShares && size !== undefined ? inPixels(box, size) : box, size));
    for (const finding of findings) for (const problem of boxProblem(entryId, finding)) problems.push(problem);
    const boxes = findings.flatMap(({ box }) => (box === undefined ? [] : [box]));
    if (boxes.length === 0) {
      problems.push(...leftOut(entryId, "no-box", "no usable box is left").problems);
      continue;
    }
    const { stored } = file;
    images.push({ id: entryId, label: lookup?.label, className, boxes, picture: ofSize(file, size), stored, split });
  }
  return { images, problems };
}

function boxProblem(image: string, { problem }: BoxFinding): DatasetProblem[] {
  return problem === undefined ? [] : [{ kind: "bad-box", image, message: problem }];
}

/** The size in the picture's header, or undefined where it cannot be read: that surfaces when the picture is asked for. */
export async function sizeOf({ size }: PictureFile): Promise<PictureSize | undefined> {
  try {
    return await size();
  } catch (error) {
    if (error instanceof PerceptualBallError) return undefined;
    throw error;
  }
}

/** The picture, seen to have the size that its boxes were made for when it is read. */
function ofSize({ where, picture: read }: PictureFile, size: PictureSize | undefined): DatasetImage["picture"] {
  if (size === undefined) return read;
  return async (options) => {
    const picture = await read(options);
    const { width, height } = sizedPicture(picture);
    if (width === size.width && height === size.height) return picture;
    throw new BadInputError({
      where,
      what: "the picture does not have the size that its annotation says, so its boxes do not fit",
      expected: `${size.width} × ${size.height}`,
      got: `${width} × ${height}`,
    });
  };
}

/** The picture in the file at `path`, read when it is asked for. */
export function storedPicture(source: DatasetSource, path: string): Required<Pick<DatasetImage, "picture" | "stored">> {
  return { picture: (options) => source.readPicture(path, options), stored: () => chunksOf(source, path) };
}

/** The same, with its size. */
export function pictureFile(source: DatasetSource, path: string): PictureFile {
  return { where: path, size: () => source.readPictureSize(path), ...storedPicture(source, path) };
}

/** The path of the picture that annotations call `name`, in `folder`; or the findings of an entry that is left out. */
export async function namedPicture(
  name: string,
  folder: string,
  { source, follow = false }: Pick<ReaderContext, "source" | "follow">,
): Promise<{ readonly path: string } | Findings> {
  const own = await nameIn(folder, name, source);
  const leaves = leavesFolder(own);
  if (leaves && !follow) {
    return leftOut(name, "missing-picture", `leads out of ${folder}, which --follow (the option \`follow\`) allows`);
  }
  const path = leaves && /^([/\\]|[A-Za-z]:)/.test(own) ? own : joinPath(folder, own);
  return (await source.exists(path)) === "file" ? { path } : leftOut(name, "missing-picture", `there is no ${path}`);
}
