/**
 * @file Any folder of pictures with a CSV of boxes, or one of each part, or what labelling tools write (see box-json.ts and cvat-xml.ts).
 *
 * The first line names the columns, in any order: a picture's path in its folder, a box (see box-columns.ts) and, if wanted, its class (a name,
 * WordNet number or index of the classifier's classes) and the width and height of the picture; others are passed over. There is one row per box. Boxes
 * are [x0, y0, x1, y1) in pixels: pixel (x, y) covers [x, x + 1) × [y, y + 1), so a box around the first pixel is 0, 0, 1, 1. Values
 * are separated by commas as RFC 4180 says, or by semicolons or tabs. Boxes that are shares of the picture's size are taken as such: see box-shares.ts. OpenImages'
 * columns (ImageID, LabelName, XMin, XMax, YMin, YMax) are, by definition.
 */

import { areShares, sharesNote } from "../../box-shares.ts";
import { classLabels, numbersFromOne } from "../../class-labels.ts";
import { type Box, type DatasetPart, type DatasetProblem, finishDataset } from "../../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { firstFolderOf, onlyFolderOf } from "../../files/find-folder.ts";
import { type LocatedPictures, locatePictures, type SoughtPictures } from "../../files/locate-pictures.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { partWordIn, wantedPart } from "../../parts.ts";
import { baseName, byCodeUnits, folderName, joinPath, plainName, withoutExtension } from "../../paths.ts";
import {
  type DatasetReader,
  entriesOf,
  type Findings,
  joinFindings,
  namedPicture,
  type ReaderContext,
} from "../../reader.ts";
import { isPixelTable } from "../arrays/pixel-tables.ts";
import { isLabelTable, isTableName } from "../class-tables/label-table.ts";
import { isMetadataName } from "../class-tables/metadata-files.ts";
import { pictureFolders } from "../folders/picture-folders.ts";
import { isImagenetMark } from "../imagenet.ts";
import { holdsVocParts } from "../voc-parts.ts";
import { isYolo } from "../yolo/yolo-layout.ts";
import { areCorners, type PictureBoxes } from "./bbox-corners.ts";
import { haveBoxColumn, isPlainRow } from "./box-columns.ts";
import { type BoxFile, boxFiles, boxTable, csvsIn, innerBoxFiles, isCsv, isToolName, toolOf } from "./box-files.ts";
import { type BoxRow, type BoxTable, csvTable, firstLine } from "./box-table.ts";
import { classDescriptions, isDescriptionsName, withDescriptions } from "./class-descriptions.ts";

/** What a file says of one picture. */
interface PictureRows {
  readonly id: string;
  /** Its name in the file. */
  readonly image: string;
  readonly split?: DatasetPart;
  readonly file: BoxFile;
  readonly table: BoxTable;
  readonly own: readonly BoxRow[];
}

/**
 * The pictures that the CSVs name: the file at `path`, or those in that folder. Ids are the names in it, with the part in front where there are several files, and "#<class>"
 * behind them for pictures with boxes of several classes. Rows that are malformed or name no picture are problems.
 */
export const readBoxes: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const { files, others } = await boxFiles(source, context.annotations ?? path);
  const part = wantedPart(
    path,
    context.split,
    files.map(({ split }) => split),
  );
  const problems: DatasetProblem[] = [];
  const notes: string[] = [];
  const rows: PictureRows[] = [];
  const root = (await source.exists(path)) === "file" ? folderName(path) : path;
  const descriptions = await classDescriptions(source, root, await source.list(root));
  // All parts say which classes there are, and how the numbers are meant.
  for (const file of files) {
    const table = withDescriptions(await boxTable(source, file), descriptions);
    const isWanted = part === undefined || file.split === part;
    for (const one of picturesOf(file, table, isWanted ? problems : [])) rows.push(one);
    if (isWanted) notes.push(...table.notes);
  }
  const wanted = rows.filter(({ split }) => part === undefined || split === part);
  const chosen = selection.pictures(wanted.sort((a, b) => byCodeUnits(a.id, b.id)));
  const places = new Map<BoxFile, LocatedPictures>();
  for (const file of files) {
    const names = chosen.filter((one) => one.file === file).map(({ image }) => image);
    const place = await locatePictures(await soughtIn(file, root, names, context), context);
    places.set(file, place);
    notes.push(...place.notes);
  }
  const pathOf = ({ file, image }: PictureRows): ReturnType<LocatedPictures["pathOf"]> =>
    places.get(file)?.pathOf(image) ?? namedPicture(image, root, context);
  const labels = classes === undefined ? undefined : classLabels(classes);
  const classTexts = [...new Set(rows.flatMap(({ own }) => own.map(({ label }) => label)))];
  const shifted = classes === undefined ? undefined : numbersFromOne(classTexts, classes);
  const bbox = rows.find(({ table }) => table.bbox !== undefined)?.table.bbox;
  const hasCorners = bbox !== undefined && (await areCorners(path, bbox, measured(rows, pathOf, source)));
  if (bbox !== undefined) {
    const meaning = hasCorners
      ? "two corners, [x0, y0, x1, y1): as [x, y, width, height], as COCO has it, most boxes would reach out of their pictures"
      : "[x, y, width, height], as COCO has it";
    notes.push(`The column ${bbox} is taken as ${meaning}.`);
  }
  const boxOf = ({ box }: BoxRow): Box | undefined =>
    box !== undefined && hasCorners ? [box[0], box[1], box[2] - box[0], box[3] - box[1]] : box;
  const hasShares = await areShares(boxesOf(chosen, boxOf), { areMeant: rows[0]?.table.areShares });
  const findings = await mapConcurrently(
    chosen,
    async (entry): Promise<Findings> => {
      const { id, split, table, own } = entry;
      const picture = await pathOf(entry);
      if (!("path" in picture)) return { images: [], problems: picture.problems.map((one) => ({ ...one, image: id })) };
      const bad: DatasetProblem[] = [];
      const objects = own.flatMap((row) => {
        const { at, label: className, texts } = row;
        const box = boxOf(row);
        if (box === undefined) {
          if (row.isEmpty) return [];
          const message = `${at}: ${JSON.stringify(texts[0].slice(0, 40))} is no ${table.wanted}; left out`;
          bad.push({ kind: "malformed-annotation", image: id, message });
          return [];
        }
        const found = className === "" ? undefined : labels?.ofText(className);
        const lookup = found === undefined || shifted === undefined ? found : { reason: shifted };
        return [{ className, lookup, box }];
      });
      const { width, height } = own[0];
      const size = width > 0 && height > 0 ? { width, height } : undefined;
      const isMixed = new Set(objects.map(({ className }) => className)).size > 1;
      const found = await entriesOf({ id, path: picture.path, split, size, hasShares, objects }, isMixed, context);
      const images = found.images.map((one) => ({ ...one, className: one.className || undefined }));
      return { images, problems: [...bad, ...found.problems] };
    },
    { signal },
  );
  const found = joinFindings(findings);
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes?.names,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes: [
      ...new Set(notes),
      ...(hasShares ? [sharesNote] : []),
      ...others.filter((name) => !isDescriptionsName(name)).map((name) => `${name} is not read: it has no boxes.`),
    ],
  });
};

function* boxesOf(pictures: readonly PictureRows[], boxOf: (row: BoxRow) => Box | undefined): Generator<Box> {
  for (const { own } of pictures) {
    for (const row of own) {
      const box = boxOf(row);
      if (box !== undefined) yield box;
    }
  }
}

/** The boxes of each picture, and its size as it is written, or else in the picture's header. */
function measured(
  pictures: readonly PictureRows[],
  pathOf: (picture: PictureRows) => ReturnType<LocatedPictures["pathOf"]>,
  source: DatasetSource,
): readonly PictureBoxes[] {
  return pictures.map((picture) => ({
    boxes: picture.own.flatMap(({ box }) => (box === undefined ? [] : [box])),
    size: async () => {
      const { width, height } = picture.own[0];
      if (width > 0 && height > 0) return { width, height };
      const found = await pathOf(picture);
      return "path" in found ? source.readPictureSize(found.path) : undefined;
    },
  }));
}

/** The pictures that the table names, with their rows; rows that name none, or repeat another, are problems. */
function picturesOf(file: BoxFile, table: BoxTable, problems: DatasetProblem[]): readonly PictureRows[] {
  for (const problem of table.problems) problems.push(problem);
  const byImage = new Map<string, BoxRow[]>();
  const seen = new Set<string>();
  for (const row of table.rows) {
    const image = plainName(row.image);
    const key = JSON.stringify([image, ...row.texts, row.label]);
    if (image === "") {
      const where = `${baseName(file.path)}, ${row.at}`;
      problems.push({ kind: "bad-line", image: where, message: "names no picture; left out" });
    } else if (seen.has(key)) {
      problems.push({ kind: "duplicate", image: file.prefix + image, message: `${row.at} repeats a box; left out` });
    } else {
      const known = byImage.get(image);
      if (known === undefined) byImage.set(image, [row]);
      else known.push(row);
    }
    seen.add(key);
  }
  const { prefix, split } = file;
  return [...byImage].map(([image, own]) => ({ id: prefix + image, image, file, split, table, own }));
}

/** Where the pictures of the file are looked for. */
async function soughtIn(
  { path: file, prefix }: BoxFile,
  root: string,
  names: readonly string[],
  { source, images }: Pick<ReaderContext, "source" | "images">,
): Promise<SoughtPictures> {
  if (images === undefined) return { file, names, folders: await placesOf(file, source), root };
  const own = joinPath(images, prefix);
  const hasOwn = prefix !== "" && (await source.exists(own)) === "folder";
  return { file, names, folders: hasOwn ? [own, images] : [images], root: images };
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
 * folders of pictures. (One folder is that of the pictures, and the CSV's columns are called otherwise: that is for the reader to say.) XML beside the
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
  return hasMetadata || (await pictureFolders(path, entries, source)).length > 1;
}

/** Whether the first pictures in the file, whose first line is a box, are found in one folder. */
async function namesPictures(file: string, root: string, source: DatasetSource): Promise<boolean> {
  const names = csvTable(await source.readText(file), file)
    .rows.slice(0, 20)
    .map(({ image }) => image);
  const folder = await firstFolderOf(source, await placesOf(file, source), names);
  return (folder ?? (await onlyFolderOf(source, root, names))) !== undefined;
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
