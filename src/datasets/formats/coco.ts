/**
 * @file COCO's `instances_*.json` (https://cocodataset.org/#format-data): `images` (id, file_name, width, height), `annotations`
 * (image_id, category_id, bbox, iscrowd) and `categories` (id, name).
 *
 * `bbox` is [x, y, width, height] in pixels, not rounded, the picture's corner being (0, 0): the box is [x, y, x + width,
 * y + height). A picture with objects of several categories is one entry per category. Regions marked `iscrowd` hold many objects of
 * a kind and are not boxes of one: they are left out. Where no annotation has a `bbox`, as in iNaturalist's files, they are the classes of pictures.
 */

import { BadInputError, MisuseError, PerceptualBallError } from "../../errors.ts";
import { areShares, sharesNote } from "../box-shares.ts";
import { matchStatedList } from "../class-labels.ts";
import { type Box, type DatasetProblem, finishDataset } from "../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../dataset-format.ts";
import { chunksOf, type DatasetSource, type FileEntry } from "../dataset-source.ts";
import { locatePictures } from "../files/locate-pictures.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { partOfName, partOfWord, partWordIn, splitOfName, usualPartNote } from "../parts.ts";
import { baseName, byCodeUnits, folderName, isHiddenFolder, joinPath, withoutExtension } from "../paths.ts";
import {
  type AnnotatedObject,
  type DatasetReader,
  entriesOf,
  entryOf,
  type Findings,
  joinFindings,
  leftOut,
  pictureFile,
} from "../reader.ts";
import { type CocoPicture, readInstances } from "./coco-instances.ts";

/** Whether the name is one of the format's files. */
function isInstancesFile(name: string): boolean {
  return /^instances_\w+\.json$/.test(name);
}

/**
 * The entries of the file at `path`, or of the one in `annotations` in the folder `path`, in it or in the folders in it, that `split` names ("val2017", or "test",
 * which means the validation part, as COCO's test pictures have no annotations). Ids are "<file name>#<category>".
 */
const readCoco: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const {
    path: file,
    part,
    others = [],
  }: ChosenFile = context.annotations === undefined
    ? await instancesFile(source, path, context.split)
    : { path: context.annotations, part: partOfFile(context.annotations) };
  const { pictures, categories, problems, haveBoxes } = await readInstances(source, file);
  const categoryNames = categories.map(({ name }) => name);
  const { lookups, notes: ofClasses } = matchStatedList(categoryNames, classes);
  const position = new Map(categories.map(({ id }, index) => [id, index]));
  const split = splitOfName(part) ?? (partOfWord(part) === undefined ? undefined : "test");
  const candidates = pictures.map((picture) => {
    return { ...picture, names: [...picture.names, bareName(picture.id)], split };
  });
  const chosen = selection.pictures(candidates.sort((a, b) => byCodeUnits(a.id, b.id)));
  const names = chosen.map(({ id }) => id);
  const { images } = context;
  const folders = images === undefined ? await placesOf(source, { path: file, part }) : [images];
  const root = images ?? ((await source.exists(path)) === "folder" ? path : folderName(path));
  const { pathOf, notes } = await locatePictures({ file, names, folders, root }, context);
  const hasShares = await areShares(boxesOf(chosen));
  const findings = await mapConcurrently(
    chosen,
    async ({ id, size, annotations, split }): Promise<Findings> => {
      const picture = await pathOf(id);
      if (!("path" in picture)) return picture;
      const file = pictureFile(source, picture.path);
      if (!haveBoxes) {
        const own = new Set(annotations().map(({ category }) => position.get(category)));
        const className = own.size === 1 ? categoryNames[[...own][0] ?? -1] : undefined;
        if (className === undefined) return leftOut(id, "malformed-annotation", notOne(own.size));
        const { picture, stored } = file;
        return entryOf(
          { id, className, lookup: lookups[categoryNames.indexOf(className)], picture, stored, split },
          context,
        );
      }
      const bad: DatasetProblem[] = [];
      const objects: AnnotatedObject[] = [];
      for (const { category, box, text } of annotations()) {
        const index = position.get(category);
        if (index !== undefined && box !== undefined) {
          objects.push({ className: categoryNames[index], lookup: lookups[index], box });
          continue;
        }
        const what = index === undefined ? `category ${category} is not there` : `bbox is ${text}`;
        bad.push({ kind: "malformed-annotation", image: id, message: `${what}; the box is left out` });
      }
      const found = await entriesOf({ id, file, split, size, hasShares, objects }, true, context);
      return joinFindings([{ images: [], problems: bad }, found]);
    },
    { signal },
  );
  const found = joinFindings(findings);
  return finishDataset(path, {
    name: part === "" ? "coco" : part,
    classNames: classes === undefined ? categoryNames : classes.names,
    listedClasses: categoryNames,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes: [
      ...(context.split === undefined ? usualPartNote(part, others) : []),
      ...notes,
      ...ofClasses,
      ...(hasShares ? [sharesNote] : []),
      ...(haveBoxes ? [] : [`No annotation in ${baseName(file)} has a box: they say the classes of pictures.`]),
    ],
  });
};

/** Why a picture's annotations without boxes say no class of it. */
function notOne(count: number): string {
  return count === 0
    ? "has no annotation"
    : count === 1
      ? "is of a category that is not there"
      : "is of several classes";
}

/** The name of a picture without its folders, also Windows' ones. */
function bareName(id: string): string {
  return baseName(id.replaceAll("\\", "/"));
}

/** Where the pictures may be: in folders of the file's part (`train2017` for `train.json`), in `images`, or beside the file or its folder. */
async function placesOf(source: DatasetSource, { path: file, part }: InstancesFile): Promise<readonly string[]> {
  const beside = [folderName(folderName(file)), folderName(file)];
  const word = partOfWord(part);
  const own: string[] = [];
  if (word !== undefined) {
    for (const root of beside.flatMap((folder) => [folder, joinPath(folder, "images")])) {
      if ((await source.exists(root)) !== "folder") continue;
      for (const { name, kind } of await listed(source, root)) {
        if (kind === "folder" && partOfWord(partWordIn(name) ?? "") === word) own.push(joinPath(root, name));
      }
    }
  }
  const at = (...names: readonly string[]): readonly string[] =>
    names.flatMap((name) => beside.map((root) => (name === "" ? root : joinPath(root, name))));
  const named = part === "" ? [] : at(part, `images/${part}`);
  return [...named, ...own.sort(byCodeUnits), ...at("images", "")];
}

/** What the folder around the file holds; nothing where it is none of the data set's, and may not be looked into. */
async function listed(source: DatasetSource, folder: string): Promise<readonly FileEntry[]> {
  try {
    return await source.list(folder);
  } catch (error) {
    if (error instanceof PerceptualBallError) return [];
    throw error;
  }
}

function* boxesOf(pictures: readonly CocoPicture[]): Generator<Box> {
  for (const { annotations } of pictures) for (const { box } of annotations()) if (box !== undefined) yield box;
}

/** A file of instances and the part that it is of, by its name or, where that says nothing, by its folder's. */
interface InstancesFile {
  readonly path: string;
  readonly part: string;
}

interface ChosenFile extends InstancesFile {
  /** The parts of the other files, where they are known. */
  readonly others?: readonly string[];
}

/** The file of the wanted part in the folder `path`. */
async function instancesFile(source: DatasetSource, path: string, split: string | undefined): Promise<ChosenFile> {
  if ((await source.exists(path)) === "file") return { path, part: partOfFile(path) };
  const files = await instancesFiles(source, path);
  if (files.length === 0) {
    throw new BadInputError({
      where: path,
      what: "there are no instances_*.json, and no other JSON with COCO's images, annotations and categories",
      expected: `them in ${joinPath(path, "annotations")} or ${path}`,
    });
  }
  const startingWith = (...starts: readonly string[]): readonly InstancesFile[] =>
    files.filter(({ part }) => starts.some((start) => part.toLowerCase().startsWith(start)));
  const exact = files.filter(({ part }) => part === split);
  const [test, validation] = [startingWith("test"), startingWith("val", "dev")];
  const usual = test.length > 0 ? test : validation;
  const fitting =
    exact.length > 0 ? exact : split === undefined || split === "test" ? usual : startingWith(split.toLowerCase());
  const chosen = fitting.length === 0 && split === undefined ? files : fitting;
  const parts = files.map((one) => one.part);
  if (chosen.length === 1) return { ...chosen[0], others: parts.filter((part) => part !== chosen[0].part) };
  const arePartsKnown = !parts.includes("") && new Set(parts).size === parts.length;
  const isOneNameless = files.length === 1 && split !== undefined;
  throw new MisuseError({
    where: folderName(files[0].path),
    what: chosen.length === 0 ? `there is no part ${JSON.stringify(split)}` : "there are several parts",
    expected: isOneNameless
      ? `no --split: ${baseName(files[0].path)} is all there is`
      : arePartsKnown
        ? `--split with one of ${parts.join(", ")}`
        : `the path of one of ${files.map((one) => one.path).join(", ")}, as --data`,
  });
}

/**
 * The files of instances in "annotations" in the folder, else in the folder, else in the folders in it, as exports with a file per part
 * have them: those called "instances_*.json", or else those that hold COCO's lists.
 */
async function instancesFiles(source: DatasetSource, path: string): Promise<readonly InstancesFile[]> {
  const inner: string[] = [];
  for (const folder of [joinPath(path, "annotations"), path]) {
    if ((await source.exists(folder)) !== "folder") continue;
    const entries = await source.list(folder);
    const found = await instancesIn(source, folder, entries);
    if (found.length > 0) return found;
    if (folder !== path) continue;
    for (const { name, kind } of entries)
      if (kind === "folder" && !isHiddenFolder(name)) inner.push(joinPath(path, name));
  }
  const files: InstancesFile[] = [];
  for (const folder of inner.sort(byCodeUnits)) {
    files.push(...(await instancesIn(source, folder, await source.list(folder))));
  }
  return files;
}

/** More JSON files than this in a folder are those of single pictures, as labelling tools write them. */
const mostFiles = 8;

async function instancesIn(
  source: DatasetSource,
  folder: string,
  entries: readonly FileEntry[],
): Promise<readonly InstancesFile[]> {
  const fileAt = (name: string): InstancesFile => {
    const path = joinPath(folder, name);
    return { path, part: partOfFile(path) };
  };
  const names = entries.filter(({ name, kind }) => kind === "file" && isJson(name)).map(({ name }) => name);
  const named = names.filter(isInstancesFile).sort(byCodeUnits);
  if (named.length > 0) return named.map(fileAt);
  if (names.length > mostFiles) return [];
  const found: InstancesFile[] = [];
  for (const name of names.sort(byCodeUnits)) {
    if (await holdsInstances(source, joinPath(folder, name))) found.push(fileAt(name));
  }
  return found;
}

/** The part that the file is of: "val2017" of "instances_val2017.json", "train" of "custom_train.json" and of "train/_annotations.coco.json". */
function partOfFile(file: string): string {
  const named = /^instances_(\w+)\.json$/.exec(baseName(file))?.[1];
  const folder = baseName(folderName(file));
  if (named !== undefined) return named;
  if (partOfName(folder) !== undefined) return folder;
  const stem = withoutExtension(baseName(file));
  return partWordIn(stem) ?? (splitOfName(stem) === undefined ? "" : stem);
}

/** So much of a file is looked at. */
const headLength = 2 ** 20;

/** Whether the JSON has COCO's three lists, as far as its beginning tells. */
async function holdsInstances(source: DatasetSource, file: string): Promise<boolean> {
  const decoder = new TextDecoder();
  let head = "";
  let isWhole = true;
  for await (const bytes of chunksOf(source, file)) {
    head += decoder.decode(bytes.subarray(0, headLength - head.length), { stream: true });
    if (head.length < headLength) continue;
    isWhole = false;
    break;
  }
  const has = (list: string): boolean => new RegExp(`"${list}"\\s*:\\s*\\[`).test(head);
  const found = ["images", "annotations", "categories"].map(has);
  if (isWhole) return found.every(Boolean);
  return found.some(Boolean) && /"(file_name|image_id|category_id|supercategory)"\s*:/.test(head);
}

/** Whether no JSON has COCO's lists, for files of other names. */
async function holdsNone(path: string, entries: readonly FileEntry[], source: DatasetSource): Promise<boolean> {
  for (const { name, kind } of entries) {
    if (kind !== "file" || !isJson(name)) continue;
    if (isInstancesFile(name) || (await holdsInstances(source, joinPath(path, name)))) return false;
  }
  return true;
}

function isJson(name: string): boolean {
  return /\.json$/i.test(name) && !name.startsWith(".");
}

export const cocoFormat = {
  name: "coco",
  description: "COCO's instances; an entry per picture and category",
  recognition: {
    files: "instances_*.json, in annotations/ or not, or other JSON that holds the same",
    folder: hasFile(isInstancesFile),
    isDenied: holdsNone,
    inner: hasFile(isInstancesFile),
    otherwise: async (path, _entries, source) => (await instancesFiles(source, path)).length > 0,
    file: { named: "instances_*.json", fits: (name) => /\.json$/i.test(name) },
  },
  options: ["images", "annotations", "split"],
  read: readCoco,
} as const satisfies DatasetFormatDefinition;
