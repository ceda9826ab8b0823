/**
 * @file Folders of pictures without annotations: one folder per class, with or without folders of parts above or below, or all in one.
 *
 * The layout of classes is that of torchvision's `ImageFolder`: `<class>/<picture>`, also in folders in the class's, or
 * `train/<class>/<picture>` and so with `val/` and `test/`; `<class>/train/<picture>` is taken too. Names of folders are names of classes,
 * WordNet numbers or indices; if none of them is one of the classifier's and there are as many folders as classes, their sorted order is
 * that of the classes.
 */

import { BadInputError } from "../../../errors.ts";
import { type ClassifierClasses, type ClassMatch, classLabels, matchClassList } from "../../class-labels.ts";
import { orderByList } from "../../class-names/list-of-names.ts";
import { type Dataset, finishDataset } from "../../dataset.ts";
import type { DatasetFormatDefinition } from "../../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { holdsPicture, pictureTree } from "../../files/picture-tree.ts";
import { wantedPart } from "../../parts.ts";
import {
  baseName,
  byCodeUnits,
  folderName,
  isArrayName,
  isHiddenFolder,
  isPictureName,
  joinPath,
} from "../../paths.ts";
import { type DatasetReader, entryOf, joinFindings, leftOut, type ReaderContext, storedPicture } from "../../reader.ts";
import { haveYoloTexts } from "../yolo/yolo-layout.ts";
import { doubtfulFolders, doubtOfFolders } from "./check-class-folders.ts";
import { type ClassPictures, classesOf, classPictures, type FolderPicture } from "./class-pictures.ts";
import { classesInNames, unreadNamesNote } from "./names-in-files.ts";
import { isTable, unreadTables } from "./unread-tables.ts";

/** The pictures of each class, named by their path in the folder, such as "dog/17.png" or "train/dog/17.png". */
const readClassFolders: DatasetReader = async (path, context) => {
  const { source, selection, classes, labels } = context;
  const given = context.images ?? path;
  const isPredicted = labels === "predicted";
  const known = isPredicted ? undefined : classes;
  const found = await classPictures(source, given, known);
  const { root } = found;
  const all = [...found.pictures, ...found.foreign];
  if (all.length === 0) {
    throw new BadInputError({
      where: root,
      what: "there are no folders of pictures",
      expected: "a folder per class with pictures in it, such as cat/1.jpg",
      got: found.loose.length === 0 ? undefined : `${found.loose.length} pictures beside each other`,
      advice: found.loose.length === 0 ? undefined : "--data-format pictures takes pictures without classes.",
    });
  }
  const parts = [...new Set(all.map(({ split }) => split))];
  const split = wantedPart(path, context.split, parts);
  const doubt = doubtOfFolders(all, classes);
  if (doubt !== undefined && !isPredicted) throw doubtfulFolders(root, all, doubt, classes);
  const match = await orderedClasses(found.around, classesOf(found), { source, classes: known });
  const { classNames, lookups } = match;
  const isWanted = (picture: FolderPicture): boolean => split === undefined || picture.split === split;
  const chosen = selection.pictures(found.pictures.filter(isWanted));
  const foreign = found.foreign.filter(isWanted).flatMap(({ id }) => unread(id).problems);
  if (
    classNames.length === 1 &&
    !isPredicted &&
    classes !== undefined &&
    (match.isByOrder || !("label" in lookups[0]))
  ) {
    const own = { ...found, pictures: chosen, problems: foreign };
    return withoutClasses(path, classNames[0], own, context);
  }
  const lookupOf = new Map(classNames.map((name, index) => [name, lookups[index]]));
  const { images, problems } = joinFindings(
    chosen.map(({ id, className, path: file, split: part }) =>
      entryOf({ id, className, lookup: lookupOf.get(className), split: part, ...storedPicture(source, file) }, context),
    ),
  );
  return finishDataset(path, {
    name: baseName(path),
    classNames: classes === undefined ? classNames : classes.names,
    // What is no class is not to name one of the model's.
    ...(doubt === undefined ? { listedClasses: classNames } : {}),
    isOrderOpen: match.isOpen,
    images,
    problems: [...selection.problems, ...foreign, ...problems],
    notes: [...found.notes, ...looseNotes(found.loose), ...match.notes],
  });
};

/** The pictures of a single folder that is no class of the classifier, with the classes that their own names begin with, if they do. */
function withoutClasses(
  path: string,
  folder: string,
  { root, pictures, loose, notes, problems }: Omit<ClassPictures, "foreign"> & Pick<Dataset, "problems">,
  { source, selection, classes }: ReaderContext,
): Dataset {
  const named = classesInNames(
    pictures.map(({ id }) => id),
    classes,
  );
  const images = pictures.map(({ id, path: file, split }, index) => ({
    ...{ id, label: named?.labels[index], className: named?.classNames[index], split },
    ...storedPicture(source, file),
  }));
  const said =
    named?.note ?? `The folder ${folder} is none of the model's classes: its pictures are taken without classes.`;
  return finishDataset(path, {
    ...{ name: baseName(root), classNames: classes?.names, images },
    problems: [...selection.problems, ...problems],
    notes: [
      ...notes,
      ...looseNotes(loose),
      said,
      ...(named === undefined ? unreadNamesNote(pictures.map(({ id }) => id)) : []),
    ],
  });
}

function unread(id: string) {
  const extension = id.slice(id.lastIndexOf(".") + 1).toUpperCase();
  return leftOut(id, "unread-format", `${extension} is not read; convert it to PNG`);
}

/**
 * What is to be known of folders called "0" to "11" where no name says which class is which: who trained with ImageFolder or Keras has them in
 * the order of their text.
 */
function numberNotes(classNames: readonly string[], classes: ClassifierClasses | undefined): string[] {
  if (classes === undefined || classNames.length !== classes.count) return [];
  if (!classNames.includes("0") || !classNames.every((name) => /^(0|[1-9]\d*)$/.test(name))) return [];
  // Padded numbers, and fewer than eleven, have one order.
  if (classNames.every((name, index) => Number(name) === index)) return [];
  const { ofName } = classLabels(classes);
  if (classNames.some((name) => "label" in ofName(name))) return [];
  const order = classNames.slice(0, 4).join(", ");
  return [
    `Folders called by numbers are the classes of these indices. Of a model that was trained on such folders with ImageFolder or Keras the classes are in the order of their text (${order}, …): then give names in that order with --labels.`,
  ];
}

/** The classes in their order: that of a list in one of the folders that names exactly these, else that of their text. */
async function orderedClasses(
  folders: readonly string[],
  own: readonly string[],
  { source, classes }: Pick<ReaderContext, "source" | "classes">,
): Promise<ClassMatch & { readonly classNames: readonly string[] }> {
  const classNames = own.toSorted(byCodeUnits);
  const match = matchClassList(classNames, classes);
  let listed: Awaited<ReturnType<typeof orderByList>>;
  if (classes === undefined || match.isByOrder) {
    for (const folder of folders) {
      listed ??= await orderByList(folder, await source.list(folder), classNames, source);
    }
  }
  if (listed === undefined) {
    const notes = [...match.notes, ...numberNotes(classNames, classes)];
    return { ...match, classNames, notes, isOpen: match.isOpen || notes.length > match.notes.length };
  }
  const notes = [`The classes are in the order of ${listed.list}.`];
  return { ...matchClassList(listed.names, classes), classNames: listed.names, notes, isOpen: false };
}

function looseNotes(loose: readonly string[]): string[] {
  if (loose.length === 0) return [];
  const [verb, those] =
    loose.length === 1 ? ["is", "1 picture that lies"] : ["are", `${loose.length} pictures that lie`];
  return [
    `${those} in no class's folder ${verb} passed over: ${loose.slice(0, 4).join(", ")}${loose.length > 4 ? ", …" : ""}.`,
  ];
}

/** The pictures in the folder `path`, or the one at `path`, without labels; their ids are their names. */
const readPictures: DatasetReader = async (path, context) => {
  const { source, selection, classes, labels } = context;
  const isFile = (await source.exists(path)) === "file";
  const root = isFile ? folderName(path) : (context.images ?? path);
  const tree = isFile ? undefined : await pictureTree(source, root, 0);
  const names = isFile ? [baseName(path)] : (tree?.pictures ?? []).map(({ name }) => name);
  const foreign = (tree?.foreign ?? []).map(({ name }) => name).sort(byCodeUnits);
  if (names.length === 0 && foreign.length === 0) {
    throw new BadInputError({ where: root, what: "there is no picture in the folder", expected: "pictures" });
  }
  const chosen = selection.pictures(names.sort(byCodeUnits).map((id) => ({ id })));
  const named = labels === "predicted" ? undefined : classesInNames(names, classes);
  const placeOf = new Map(names.map((name, index) => [name, index]));
  const images = chosen.map(({ id }) => {
    const place = placeOf.get(id) ?? -1;
    const known = named && { label: named.labels[place], className: named.classNames[place] };
    return { id, ...known, ...storedPicture(source, joinPath(root, id)) };
  });
  const said = named === undefined ? unreadNamesNote(names) : [named.note];
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes?.names,
    images,
    problems: [...selection.problems, ...foreign.flatMap((id) => unread(id).problems)],
    notes: isFile ? [] : [...(await notTakenNotes(source, root, names)), ...said],
  });
};

/** What is to be known of the folders in a folder of pictures: theirs are not taken. */
async function notTakenNotes(source: DatasetSource, root: string, names: readonly string[]): Promise<string[]> {
  const entries = await source.list(root);
  const folders: string[] = [];
  for (const { name, kind } of entries) {
    const isOne = kind === "folder" && !isHiddenFolder(name) && (await holdsPicture(source, joinPath(root, name)));
    if (isOne) folders.push(`${name}/`);
  }
  return [
    ...(folders.length === 0 ? [] : [`Pictures in ${folders.sort(byCodeUnits).join(", ")} are not taken.`]),
    ...((await haveYoloTexts(source, root, names))
      ? ["Beside the pictures are boxes in YOLO's form, which are not read: --data-format yolo takes them."]
      : unreadTables(entries, (name) =>
          isTable(name)
            ? `if it says what is on the pictures, give it: --data ${joinPath(root, name)}`
            : "if it says what is on the pictures, write that as a CSV (image,label)",
        )),
  ];
}

/** The folders in the folder at `path`, which holds `entries`, that hold pictures. */
export async function pictureFolders(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<readonly string[]> {
  // Beside pictures, only folders that hold pictures themselves are taken for classes: deeper ones are mostly results.
  const depth = (await holdsPicture(source, path, 0)) ? 0 : undefined;
  const found: string[] = [];
  for (const { name, kind } of entries) {
    if (kind !== "folder" || isHiddenFolder(name)) continue;
    if (await holdsPicture(source, joinPath(path, name), depth)) found.push(name);
  }
  return found;
}

export const classesFormat = {
  name: "classes",
  description: "folders of pictures, one per class, also in folders for training and testing; an entry per picture",
  recognition: {
    files: "folders of pictures",
    otherwise: async (path, entries, source) => (await pictureFolders(path, entries, source)).length > 0,
  },
  options: ["images", "split"],
  read: readClassFolders,
} as const satisfies DatasetFormatDefinition;

export const picturesFormat = {
  name: "pictures",
  description: "pictures without classes; an entry per picture",
  recognition: {
    files: "pictures",
    otherwise: async (path, _entries, source) => holdsPicture(source, path, 0),
    file: { named: "a picture", fits: (name) => isPictureName(name) || isArrayName(name) },
  },
  options: ["images"],
  read: readPictures,
} as const satisfies DatasetFormatDefinition;
