/**
 * @file ImageNet's localization task (ILSVRC 2012 to 2017): a folder of pictures, flat or by synset, and boxes as XML or CSV.
 *
 * Boxes come as one XML file per picture (see box-annotation.ts), or as `LOC_val_solution.csv` of the Kaggle edition: a header, then
 * `ImageId,PredictionString`, the string being "<synset> <xmin> <ymin> <xmax> <ymax>" once per box. Coordinates count pixels from 0
 * and include both ends: boxes of whole pictures are 0 … width − 1 in most files (0 … width in some, which is clipped).
 * XML whose classes are no WordNet numbers, as LabelImg's beside its pictures, counts from 1 (see box-annotation.ts).
 * Without boxes, Caffe's `val.txt` ("<file> <class index>") gives the classes alone. An image has one class, but where the classes are no WordNet numbers.
 */

import { imagenetLabels } from "../../classifier/labels/imagenet.ts";
import { BadInputError, PerceptualBallError } from "../../errors.ts";
import { areShares, sharesNote } from "../box-shares.ts";
import { classLabels } from "../class-labels.ts";
import { type Box, finishDataset } from "../dataset.ts";
import { called, type DatasetFormatDefinition, hasFile, hasFolder } from "../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../dataset-source.ts";
import { type FoundPicture, picturesIn } from "../files/picture-tree.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { splitOfName } from "../parts.ts";
import { baseName, byCodeUnits, folderName, joinPath, withoutExtension } from "../paths.ts";
import {
  type DatasetReader,
  entriesOf,
  entryOf,
  type Findings,
  joinFindings,
  leftOut,
  pictureFile,
  storedPicture,
} from "../reader.ts";
import { isCvatXml } from "./boxes/cvat-xml.ts";
import {
  findAnnotations,
  type ImagenetAnnotation,
  type ImagenetAnnotations,
  placesIn,
  synsetPattern,
} from "./imagenet-annotations.ts";
import { imagenetSynsets } from "./imagenet-synsets.ts";
import { isXml } from "./voc-parts.ts";

interface Picture {
  readonly id: string;
  readonly names: readonly string[];
  readonly path: string;
  /** The name of the folder that it is in, if that is a synset's. */
  readonly synset?: string;
}

/** The places of pictures in the official archives and the Kaggle edition; "*" stands for the split. */
const picturePlaces = ["ILSVRC/Data/CLS-LOC/*", "Data/CLS-LOC/*", "ILSVRC2012_img_*", "images/*", "images", "*", ""];

/** Whether the name is one that only this format has. */
export function isImagenetMark(name: string): boolean {
  return /^(LOC_\w+_solution\.csv|ILSVRC|ILSVRC2012_(img|bbox)_.+|bbox(_\w+)?)$/.test(name);
}

/**
 * The images below `path` (a folder, or the CSV itself) that have an annotation, in the order of their ids, which are their files'
 * names such as "ILSVRC2012_val_00000001". Pictures without an annotation, with a malformed one or without a box are problems.
 */
const readImagenet: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const isFolder = (await source.exists(path)) === "folder";
  const root = isFolder ? path : folderName(path);
  const folder = context.split === undefined || context.split === "test" ? "val" : context.split;
  const pictures = await picturesOfPart(source, root, context.images, folder);
  const given = context.annotations ?? (isFolder ? undefined : path);
  const annotations = await findAnnotations(source, root, given, folder, context.difficult);
  const labels = classLabels(classes ?? { names: imagenetLabels, count: imagenetLabels.length });
  const chosen = selection.pictures(pictures.map((picture) => ({ ...picture, split: splitOfName(folder) })));
  const hasShares = annotations.hasBoxes && (await areShares(writtenIn(annotations, chosen)));
  const findings = await mapConcurrently(
    chosen,
    async (picture): Promise<Findings> => {
      let annotation: ImagenetAnnotation | undefined;
      try {
        annotation = await annotations.of(picture.id);
      } catch (error) {
        if (!(error instanceof PerceptualBallError)) throw error;
        return leftOut(picture.id, "malformed-annotation", error.message.replace(/\.$/, ""));
      }
      if (annotation === undefined) return leftOut(picture.id, "missing-annotation", "has no annotation");
      const { size, objects } = annotation;
      if (objects.length === 0 && annotation.hasDifficult === true) {
        return leftOut(picture.id, "no-box", "all objects are difficult");
      }
      const synset = picture.synset ?? annotation.synset ?? objects[0]?.synset;
      const className = synset === undefined ? undefined : nameOf(synset);
      const lookup = synset === undefined || context.labels === "predicted" ? undefined : labels.ofSynset(synset);
      if (annotations.hasBoxes) {
        // A picture of ImageNet has one class; others are called what they show, each object by itself.
        const isImagenets = synset === undefined || synsetPattern.test(synset);
        const own = objects.filter((object) => !isImagenets || object.synset === synset);
        const named = own.map((object) => ({
          className: nameOf(object.synset),
          lookup: object.synset === synset || context.labels === "predicted" ? lookup : labels.ofSynset(object.synset),
          box: hasShares ? object.written : object.box,
        }));
        const isMixed = new Set(own.map((object) => object.synset)).size > 1;
        const file = pictureFile(source, picture.path);
        return entriesOf(
          { id: picture.id, split: picture.split, file, size, hasShares, objects: named },
          isMixed,
          context,
        );
      }
      const { id, split } = picture;
      return entryOf({ id, className, lookup, split, ...storedPicture(source, picture.path) }, context);
    },
    { signal },
  );
  const { images, problems } = joinFindings(findings);
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes === undefined ? imagenetLabels : classes.names,
    images,
    problems: [...selection.problems, ...annotations.problems, ...problems],
    notes: hasShares ? [sharesNote] : annotations.notes,
  });
};

/** The boxes of the pictures as they are written, those passed over that cannot be read. */
async function* writtenIn(
  annotations: ImagenetAnnotations,
  pictures: readonly { readonly id: string }[],
): AsyncGenerator<Box> {
  for (const { id } of pictures) {
    try {
      for (const { written } of (await annotations.of(id))?.objects ?? []) yield written;
    } catch (error) {
      if (!(error instanceof PerceptualBallError)) throw error;
    }
  }
}

const namesOfSynsets = new Map(imagenetSynsets.map((synset, index) => [synset, imagenetLabels[index]]));

function nameOf(synset: string): string {
  return namesOfSynsets.get(synset) ?? synset;
}

async function picturesOfPart(
  source: DatasetSource,
  root: string,
  given: string | undefined,
  split: string,
): Promise<readonly Picture[]> {
  const folders = given === undefined ? placesIn(root, picturePlaces, split) : [given];
  for (const folder of folders) {
    const found = (await picturesIn(source, folder)) ?? [];
    const usable = found.filter(({ name }) => !name.includes("/") || synsetPattern.test(folderName(name)));
    if (usable.length > 0) return usable.map(pictureAt).sort((a, b) => byCodeUnits(a.id, b.id));
  }
  throw new BadInputError({
    where: root,
    what: "there are no pictures",
    expected: `them in ${folders.join(" or ")}, or in folders of synsets there`,
    advice: "Say where they are with --images (the option `images`).",
  });
}

function pictureAt({ name, path }: FoundPicture): Picture {
  const folder = folderName(name);
  const synset = synsetPattern.test(folder) ? folder : undefined;
  return { id: withoutExtension(baseName(name)), names: [name], path, synset };
}

/** Pictures of the validation part beside Caffe's list of their classes. */
async function isListedValidation(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<boolean> {
  const xml = entries.find(({ name, kind }) => kind === "file" && isXml(name));
  // CVAT's one file for all pictures is none of these.
  if (xml !== undefined) return !(await isCvatXml(source, joinPath(path, xml.name)));
  if (!hasFile(called("val.txt"))(entries)) return false;
  const pictures = (await picturesIn(source, path)) ?? [];
  return pictures.some(({ name }) => baseName(name).startsWith("ILSVRC2012_val_"));
}

export const imagenetFormat = {
  name: "imagenet",
  description: "ImageNet's localization task, or its classes alone; an entry per picture",
  recognition: {
    files: "LOC_val_solution.csv, ILSVRC/, ILSVRC2012_img_val/, bbox/, or XML files",
    folder: (entries) => entries.some(({ name }) => isImagenetMark(name)),
    inner: (entries) => hasFolder(called("CLS-LOC"))(entries) || hasFile(isXml)(entries),
    otherwise: isListedValidation,
    file: { named: "LOC_val_solution.csv", fits: isImagenetMark },
  },
  options: ["images", "annotations", "split", "difficult"],
  read: readImagenet,
} as const satisfies DatasetFormatDefinition;
