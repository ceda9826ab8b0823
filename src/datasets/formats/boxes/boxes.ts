/**
 * @file Any folder of pictures with a CSV of boxes, or one of each part, or what labelling tools write (see box-json.ts and cvat-xml.ts).
 *
 * The first line names the columns, in any order: a picture's path in its folder, a box (see box-columns.ts) and, if wanted, its class (a name,
 * WordNet number or index of the classifier's classes) and the width and height of the picture; others are passed over. There is one row per box. Boxes
 * are [x0, y0, x1, y1) in pixels: pixel (x, y) covers [x, x + 1) × [y, y + 1), so a box around the first pixel is 0, 0, 1, 1. Values
 * are separated by commas as RFC 4180 says, or by semicolons or tabs. Boxes that are shares of the picture's size are taken as such: see box-shares.ts. OpenImages'
 * columns (ImageID, LabelName, XMin, XMax, YMin, YMax) are, by definition. Classes that are numbers get names from what lies beside the CSV: see class-descriptions.ts.
 */

import { type DatasetProblem, finishDataset } from "../../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { firstFolderOf } from "../../files/find-folder.ts";
import { type LocatedPictures, locatePictures, type SoughtPictures } from "../../files/locate-pictures.ts";
import { pictureTree } from "../../files/picture-tree.ts";
import { partInFileName, partWordIn, wantedPart } from "../../parts.ts";
import { baseName, byCodeUnits, folderName, joinPath, plainName, withoutExtension } from "../../paths.ts";
import {
  type DatasetReader,
  type Findings,
  namedPicture,
  type PictureFile,
  pictureFile,
  type ReaderContext,
} from "../../reader.ts";
import { isPixelTable } from "../arrays/pixel-tables.ts";
import { isLabelTable, isTableName } from "../class-tables/label-table.ts";
import { isMetadataName } from "../class-tables/metadata-files.ts";
import { pictureFolders } from "../folders/picture-folders.ts";
import { wrappingFolders } from "../folders/wrapper-folder.ts";
import { isImagenetMark } from "../imagenet.ts";
import { holdsVocParts } from "../voc-parts.ts";
import { isYolo } from "../yolo/yolo-layout.ts";
import { haveBoxColumn, isPlainRow } from "./box-columns.ts";
import { boxEntries, type PictureRows, picturesOf } from "./box-entries.ts";
import { type BoxFile, boxFiles, boxTable, csvsIn, innerBoxFiles, isCsv, isToolName, toolOf } from "./box-files.ts";
import { csvTable, firstLine } from "./box-table.ts";
import { areNumbers, isDescriptionsName, namesInFiles, namesOfFolders } from "./class-descriptions.ts";

/**
 * The pictures that the CSVs name: the file at `path`, or those in that folder. Ids are the names in it, with the part in front where there are several files, and "#<class>"
 * behind them for pictures with boxes of several classes. Rows that are malformed or name no picture are problems.
 */
export const readBoxes: DatasetReader = async (path, context) => {
  const { source, selection, classes } = context;
  const { files, others } = await boxFiles(source, context.annotations ?? path);
  const part = wantedPart(
    path,
    context.split,
    files.map(({ split }) => split),
  );
  const problems: DatasetProblem[] = [];
  const notes: string[] = [];
  const rows: PictureRows<BoxFile>[] = [];
  const root = (await source.exists(path)) === "file" ? folderName(path) : path;
  // All parts say which classes there are, and how the numbers are meant.
  for (const file of files) {
    const table = await boxTable(source, file);
    const isWanted = part === undefined || file.split === part;
    for (const one of picturesOf(file, table, isWanted ? problems : [])) rows.push(one);
    if (isWanted) notes.push(...table.notes);
  }
  const wanted = rows.filter(({ split }) => part === undefined || split === part);
  const chosen = selection.pictures(wanted.sort((a, b) => byCodeUnits(a.id, b.id)));
  const labels = new Set(rows.flatMap(({ own }) => own.map(({ label }) => label)));
  const described = await namesInFiles(labels, source, root);
  const areNameless = described === undefined && labels.size > 1 && areNumbers(labels);
  const places = new Map<BoxFile, LocatedPictures>();
  for (const file of files) {
    const names = (areNameless ? rows : chosen).filter((one) => one.file === file).map(({ image }) => image);
    const place = await locatePictures(await soughtIn(file, root, names, context), context);
    places.set(file, place);
    notes.push(...place.notes);
  }
  const pathOf = ({ file, image }: PictureRows<BoxFile>): ReturnType<LocatedPictures["pathOf"]> =>
    places.get(file)?.pathOf(image) ?? namedPicture(image, root, context);
  const find = async (picture: PictureRows<BoxFile>): Promise<PictureFile | Findings> => {
    const found = await pathOf(picture);
    return "path" in found ? pictureFile(source, found.path) : found;
  };
  const named = areNameless ? await namesOfFolders(rows, pathOf) : described;
  const found = await boxEntries(path, { rows, chosen, find, names: named?.names }, context);
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes?.names,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes: [
      ...new Set([...(named?.notes ?? []), ...notes, ...found.notes]),
      ...others
        .filter((name) => !isDescriptionsName(name) && name !== named?.list)
        .map((name) => `${name} is not read: it has no boxes.`),
    ],
  });
};

/** Where the pictures of the file are looked for. */
async function soughtIn(
  { path: file, prefix, split }: BoxFile,
  root: string,
  names: readonly string[],
  { source, images }: Pick<ReaderContext, "source" | "images">,
): Promise<SoughtPictures> {
  const part = split ?? partInFileName(file);
  if (images === undefined) return { file, names, folders: await placesOf(file, source), root, part };
  const own = joinPath(images, prefix);
  const hasOwn = prefix !== "" && (await source.exists(own)) === "folder";
  return { file, names, folders: hasOwn ? [own, images] : [images], root: images, part };
}

/** Where the pictures may be: beside the CSV, in `images`, or in a folder of the CSV's name or of the part that this says ("train_labels.csv"). */
async function placesOf(file: string, source: DatasetSource): Promise<readonly string[]> {
  const root = folderName(file);
  const word = partWordIn(withoutExtension(baseName(file)));
  const places = [root, joinPath(root, "images")];
  for (const name of new Set([withoutExtension(baseName(file)), ...(word === undefined ? [] : [word])])) {
    for (const place of [joinPath(root, name), joinPath(root, `images/${name}`)]) {
      if ((await source.exists(place)) === "folder") places.push(place);
    }
  }
  return places;
}

/**
 * Whether no CSV has a corner of a box among its columns, where something else says the classes: its other columns, a metadata.csv, YOLO's labels, or several
 * folders of pictures, or a single one with these in it. (One without is that of the pictures, and the CSV's columns are called otherwise: that is for the reader to say.) XML beside the
 * pictures, of which such CSVs are made, says more. Boxes without names of columns are those of pictures that are found, which folders of classes may hold as well.
 */
async function areStray(path: string, entries: readonly FileEntry[], source: DatasetSource): Promise<boolean> {
  const files = entries.filter(({ kind }) => kind === "file");
  if (files.every(({ name }) => isToolName(name))) {
    for (const { name } of files) if ((await toolOf(source, joinPath(path, name))) !== undefined) return false;
    return true;
  }
  if (await holdsVocParts(path, entries, source)) return true;
  for (const name of csvsIn(entries)) {
    const names = await firstLine(source, joinPath(path, name));
    if (names === undefined || !haveBoxColumn(names)) continue;
    if (!isPlainRow(names) || (await namesPictures(joinPath(path, name), path, source))) return false;
  }
  for (const name of csvsIn(entries)) {
    if (isTableName(name) && (await isLabelTable(source, joinPath(path, name)))) return true;
    if (await isPixelTable(source, joinPath(path, name))) return true;
  }
  if (await isYolo(path, entries, source)) return true;
  const hasMetadata = entries.some(({ name, kind }) => kind === "file" && isMetadataName(name));
  if (hasMetadata || (await pictureFolders(path, entries, source)).length > 1) return true;
  return (await wrappingFolders(source, path, undefined)).length > 1;
}

/** Whether one of the first pictures in the file, whose first line is a box, is somewhere in the folder. */
async function namesPictures(file: string, root: string, source: DatasetSource): Promise<boolean> {
  const names = csvTable(await source.readText(file), file)
    .rows.slice(0, 20)
    .map(({ image }) => image);
  if ((await firstFolderOf(source, await placesOf(file, source), names)) !== undefined) return true;
  const own = new Set(names.map((name) => baseName(plainName(name))));
  return ((await pictureTree(source, root))?.pictures ?? []).some(({ name }) => own.has(baseName(name)));
}

export const boxesFormat = {
  name: "boxes",
  description:
    "pictures with boxes in a CSV or a tool's JSON or XML; an entry per picture, or per picture and class where these differ",
  recognition: {
    files: "a CSV, or one in each of train/, valid/ and test/, or JSON of VIA, labelme or Create ML, or XML of CVAT",
    folder: hasFile((name) => isCsv(name) && !isImagenetMark(name)),
    isDenied: areStray,
    otherwise: async (path, entries, source) =>
      csvsIn(entries).length === 0 && (await innerBoxFiles(source, path)) !== undefined,
    file: { named: "a CSV of boxes", fits: isCsv, mayFit: isToolName },
  },
  options: ["images", "annotations", "split"],
  read: readBoxes,
} as const satisfies DatasetFormatDefinition;
