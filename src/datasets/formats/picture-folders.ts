/**
 * @file Folders of pictures without annotations: one folder per class, with or without "train" and "test" above, or all in one.
 *
 * The layout of classes is that of torchvision's `ImageFolder`: `<class>/<picture>`, or `train/<class>/<picture>` and `val/…` or
 * `test/…`. Names of folders are names of classes, WordNet numbers or indices; if none of them is one of the classifier's and there are
 * as many folders as classes, their sorted order is that of the classes.
 */

import { oneOf } from "../../errors.ts";
import { type LabelLookup, labelsOfClassList } from "../class-labels.ts";
import { type DatasetImage, type DatasetProblem, type DatasetSplit, finishDataset } from "../dataset.ts";
import type { DatasetFormatDefinition } from "../dataset-format.ts";
import type { DatasetSource } from "../dataset-source.ts";
import { type FoundPicture, picturesIn } from "../find-folder.ts";
import { baseName, byCodeUnits, folderName, isArrayName, isPictureName, joinPath, pictureNames } from "../paths.ts";
import { type DatasetReader, leftOut, splitOfName, storedPicture } from "../reader.ts";

interface FolderPicture extends FoundPicture {
  readonly id: string;
  readonly className: string;
  readonly split?: DatasetSplit;
}

const splitFolder = /^(train|training|val|valid|validation|test|testing)$/i;

/** The pictures of each class, named by their path in the folder, such as "dog/17.png" or "train/dog/17.png". */
const readClassFolders: DatasetReader = async (path, context) => {
  const { source, selection, classes, labels } = context;
  const split = context.split === undefined ? undefined : oneOf("folders: split", context.split, ["train", "test"]);
  const root = context.images ?? path;
  const found = await classPictures(source, root);
  const classNames = [...new Set(found.map(({ className }) => className))].sort(byCodeUnits);
  const lookups: readonly LabelLookup[] =
    classes === undefined ? classNames.map((_, label) => ({ label })) : labelsOfClassList(classNames, classes);
  const lookupOf = new Map(classNames.map((name, index) => [name, lookups[index]]));
  const wanted = found.filter((picture) => split === undefined || picture.split === split);
  const images: DatasetImage[] = [];
  const problems: DatasetProblem[] = [];
  for (const { id, className, path: file, split: part } of selection.pictures(wanted)) {
    const lookup = labels === "predicted" ? undefined : lookupOf.get(className);
    if (lookup !== undefined && "reason" in lookup) {
      problems.push(...leftOut(id, "unknown-class", lookup.reason).problems);
    } else images.push({ id, label: lookup?.label, className, ...storedPicture(source, file), split: part });
  }
  return finishDataset(path, {
    name: baseName(path),
    classNames: classes === undefined ? classNames : classes.names,
    listedClasses: classNames,
    images,
    problems: [...selection.problems, ...problems],
  });
};

/** All pictures below `root`, in the order of their ids. */
async function classPictures(source: DatasetSource, root: string): Promise<readonly FolderPicture[]> {
  const folders = (await source.list(root)).filter(({ kind }) => kind === "folder").map(({ name }) => name);
  const splits = folders.filter((name) => splitFolder.test(name));
  // A class may be called "train" (as one of COCO's is): folders of splits have folders in them.
  const areSplits = splits.length === folders.length && (await hasFolders(source, root, splits));
  const parts = areSplits ? splits : [undefined];
  const found: FolderPicture[] = [];
  for (const part of parts) {
    const folder = part === undefined ? root : joinPath(root, part);
    for (const picture of (await picturesIn(source, folder)) ?? []) {
      if (!picture.name.includes("/")) continue;
      const id = part === undefined ? picture.name : `${part}/${picture.name}`;
      const split = part === undefined ? undefined : splitOfName(part);
      found.push({ ...picture, id, className: folderName(picture.name), split });
    }
  }
  return found.sort((a, b) => byCodeUnits(a.id, b.id));
}

async function hasFolders(source: DatasetSource, root: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    if ((await source.list(joinPath(root, name))).some(({ kind }) => kind === "folder")) return true;
  }
  return false;
}

/** The pictures in the folder `path`, or the one at `path`, without labels; their ids are their names. */
const readPictures: DatasetReader = async (path, context) => {
  const { source, selection, classes } = context;
  const isFile = (await source.exists(path)) === "file";
  const root = isFile ? folderName(path) : (context.images ?? path);
  const names = isFile
    ? [baseName(path)]
    : pictureNames(
        (await source.list(root)).filter(({ kind }) => kind === "file").map(({ name }) => name),
        (name) => name,
        source.readsArrays ?? false,
      );
  const chosen = selection.pictures(names.sort(byCodeUnits).map((id) => ({ id })));
  const images = chosen.map(({ id }) => ({ id, ...storedPicture(source, joinPath(root, id)) }));
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes?.names,
    images,
    problems: [...selection.problems],
  });
};

export const classesFormat = {
  name: "classes",
  description: "folders of pictures, one per class, also in folders for training and testing; an entry per picture",
  recognition: {
    files: "folders of pictures",
    otherwise: async (path, entries, source) => {
      const pictures = (await picturesIn(source, path)) ?? [];
      if (pictures.length > 0) return pictures.some(({ name }) => name.includes("/"));
      for (const { name, kind } of entries) {
        if (kind === "folder" && ((await picturesIn(source, joinPath(path, name))) ?? []).length > 0) return true;
      }
      return false;
    },
  },
  options: ["images", "split"],
  read: readClassFolders,
} as const satisfies DatasetFormatDefinition;

export const picturesFormat = {
  name: "pictures",
  description: "pictures without classes; an entry per picture",
  recognition: {
    files: "pictures",
    otherwise: async (path, _entries, source) => ((await picturesIn(source, path)) ?? []).length > 0,
    file: { named: "a picture", fits: (name) => isPictureName(name) || isArrayName(name) },
  },
  options: ["images"],
  read: readPictures,
} as const satisfies DatasetFormatDefinition;
