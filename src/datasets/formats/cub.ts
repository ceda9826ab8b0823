/**
 * @file CUB-200-2011 (Wah et al. 2011, https://www.vision.caltech.edu/datasets/cub_200_2011/) and what has its lists, such as NABirds: `images.txt`
 * ("<image> <path>"), `image_class_labels.txt` ("<image> <class>"), `classes.txt` ("<class> <name>"), `train_test_split.txt` ("<image> 1", 1 being
 * training and 0 testing) and `bounding_boxes.txt` ("<image> <x> <y> <width> <height>"), pictures in `images/`.
 *
 * Boxes are in pixels, with fractions. The README does not say which number the first pixel has; all known readers take [x, y, x + width,
 * y + height), and NABirds has boxes that begin at 0. Classes are counted from 1, and called by their numbers and names: "001.Black_footed_Albatross".
 */
import { BadInputError } from "../../errors.ts";
import { areShares, sharesNote } from "../box-shares.ts";
import { type ClassifierClasses, classLabels, type LabelLookup, matchClassList } from "../class-labels.ts";
import { type Box, type DatasetPart, type DatasetProblem, finishDataset } from "../dataset.ts";
import { called, type DatasetFormatDefinition, hasFile } from "../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../dataset-source.ts";
import { folderOfFiles } from "../files/find-folder.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { wantedPart } from "../parts.ts";
import { baseName, byCodeUnits, isHiddenFolder, joinPath } from "../paths.ts";
import {
  type DatasetReader,
  entriesOf,
  entryOf,
  type Findings,
  joinFindings,
  leftOut,
  namedPicture,
  pictureFile,
  storedPicture,
} from "../reader.ts";

/** What only these data sets have beside each other. */
function hasLists(entries: readonly FileEntry[]): boolean {
  return hasFile(called("images.txt"))(entries) && hasFile(called("image_class_labels.txt"))(entries);
}

/**
 * The images of the lists in the folder `path`, or in the only one in it that has them, called by their paths in `images`. Without
 * bounding_boxes.txt there are classes alone.
 */
const readCub: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const root = await folderOfLists(source, path);
  const problems: DatasetProblem[] = [];
  const table = (name: string): Promise<Map<string, string>> => rowsById(source, joinPath(root, name), problems);
  const tableIfThere = async (name: string): Promise<Map<string, string> | undefined> =>
    (await source.exists(joinPath(root, name))) === "file" ? table(name) : undefined;
  const [paths, classOf, nameOf] = [
    await table("images.txt"),
    await table("image_class_labels.txt"),
    await table("classes.txt"),
  ];
  const splitOf = await tableIfThere("train_test_split.txt");
  const boxOf = await tableIfThere("bounding_boxes.txt");
  for (const [name, rows] of Object.entries({
    image_class_labels: classOf,
    train_test_split: splitOf,
    bounding_boxes: boxOf,
  })) {
    for (const id of rows?.keys() ?? []) {
      if (paths.has(id)) continue;
      problems.push({ kind: "bad-line", image: `${name}.txt`, message: `image ${id} is not in images.txt; left out` });
    }
  }
  const all = [...paths].map(([key, id]) => ({ key, id, split: partOf(splitOf?.get(key)) }));
  for (const { key, id, split } of all) {
    const text = splitOf?.get(key);
    if (splitOf === undefined || split !== undefined) continue;
    const what =
      text === undefined
        ? "has no line in train_test_split.txt"
        : `is ${JSON.stringify(text)} in train_test_split.txt, not 0 or 1`;
    problems.push({ kind: "bad-line", image: id, message: `${what}; taken as of no part` });
  }
  const split = wantedPart(
    path,
    context.split,
    all.map((one) => one.split),
  );
  const chosen = selection.pictures(
    all.filter((one) => split === undefined || one.split === split).sort((a, b) => byCodeUnits(a.id, b.id)),
  );
  const names = chosen.map(({ id }) => id);
  const places = context.images === undefined ? [joinPath(root, "images"), root] : [context.images];
  const folder = names.length === 0 ? root : await folderOfFiles(source, joinPath(root, "images.txt"), places, names);
  const list = classList(nameOf, new Set(classOf.values()), classes);
  const hasShares = await areShares(boxesOf(chosen.map(({ key }) => boxOf?.get(key))));
  const findings = await mapConcurrently(
    chosen,
    async ({ key, id, split: part }): Promise<Findings> => {
      const number = classOf.get(key);
      if (number === undefined) return leftOut(id, "missing-annotation", "has no line in image_class_labels.txt");
      const found = list.classes.get(number);
      if (found === undefined) {
        return leftOut(id, "malformed-annotation", `its class ${JSON.stringify(number)} is not in classes.txt`);
      }
      const picture = await namedPicture(id, folder, context);
      if (!("path" in picture)) return picture;
      const { className, lookup } = found;
      if (boxOf !== undefined) {
        const text = boxOf.get(key);
        if (text === undefined) return leftOut(id, "no-box", "has no line in bounding_boxes.txt");
        const objects = [{ className, lookup, box: boxIn(text) }];
        const file = pictureFile(source, picture.path);
        return entriesOf({ id, file, split: part, hasShares, objects }, false, context);
      }
      return entryOf({ id, className, lookup, split: part, ...storedPicture(source, picture.path) }, context);
    },
    { signal },
  );
  const found = joinFindings(findings);
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes === undefined ? list.names : classes.names,
    listedClasses: list.names,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes: [
      ...list.notes,
      ...(hasShares ? [sharesNote] : []),
      ...(boxOf === undefined ? ["There is no bounding_boxes.txt: the pictures have classes and no boxes."] : []),
    ],
  });
};

async function folderOfLists(source: DatasetSource, path: string): Promise<string> {
  const entries = await source.list(path);
  if (hasLists(entries)) return path;
  const found: string[] = [];
  for (const { name, kind } of entries) {
    if (kind !== "folder" || isHiddenFolder(name)) continue;
    const inner = joinPath(path, name);
    if (hasLists(await source.list(inner))) found.push(inner);
  }
  if (found.length === 1) return found[0];
  throw new BadInputError({
    where: path,
    what: found.length === 0 ? "these are no lists of CUB-200-2011" : "there are several folders with lists",
    expected: found.length === 0 ? "images.txt and image_class_labels.txt" : found.sort(byCodeUnits).join(" or "),
  });
}

/** What stands behind the first word of each line, by that word. */
async function rowsById(source: DatasetSource, path: string, problems: DatasetProblem[]): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  const text = (await source.readText(path)).replace(/^\uFEFF/, "");
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    if (line.trim() === "") continue;
    const image = `${baseName(path)}, line ${index + 1}`;
    const [, id, value] = /^(\S+)\s+(\S.*)$/.exec(line.trim()) ?? [];
    if (id === undefined) {
      const shown = JSON.stringify(line.slice(0, 40));
      problems.push({ kind: "bad-line", image, message: `${shown} is no number and what belongs to it; left out` });
    } else if (rows.has(id)) {
      problems.push({ kind: "duplicate", image, message: `${id} is there twice; the first line is taken` });
    } else rows.set(id, value);
  }
  return rows;
}

function partOf(text: string | undefined): DatasetPart | undefined {
  return text === "1" ? "train" : text === "0" ? "test" : undefined;
}

/** Numbers that are none are for the check of boxes. */
function boxIn(text: string): Box {
  const words = text.split(/\s+/);
  const [x, y, width, height] = words.length === 4 ? words.map(Number) : [];
  return [x ?? Number.NaN, y ?? Number.NaN, x + width, y + height];
}

function* boxesOf(texts: readonly (string | undefined)[]): Generator<Box> {
  for (const text of texts) if (text !== undefined) yield boxIn(text);
}

interface ListedClass {
  readonly className: string;
  readonly lookup?: LabelLookup;
}

/**
 * The classes by their numbers, and their names in order. Names are those of the list, "Black_footed_Albatross", unless the classifier knows
 * classes with the number in front, as of folders that it was trained on. NABirds lists groups too: where only the classes that pictures
 * have are as many as the classifier's, it is these.
 */
function classList(
  nameOf: ReadonlyMap<string, string>,
  used: ReadonlySet<string>,
  classes: ClassifierClasses | undefined,
): {
  readonly names: readonly string[];
  readonly classes: ReadonlyMap<string, ListedClass>;
  readonly notes: readonly string[];
} {
  const all = [...nameOf.keys()].sort((a, b) => Number(a) - Number(b) || byCodeUnits(a, b));
  const own = all.filter((number) => used.has(number));
  const numbers = all.length !== classes?.count && own.length === classes?.count ? own : all;
  const written = numbers.map((number) => nameOf.get(number) ?? "");
  const plain = written.map((name) => name.replace(/^\d+\.(?=.)/, ""));
  const labels = classes === undefined ? undefined : classLabels(classes);
  const isKnown = (name: string): boolean => labels !== undefined && "label" in labels.ofName(name);
  const names = written.some(isKnown) && !plain.some(isKnown) ? written : plain;
  const { lookups, notes } = matchClassList(names, classes);
  const entries = numbers.map(
    (number, index) => [number, { className: names[index], lookup: lookups[index] }] as const,
  );
  return { names, classes: new Map(entries), notes };
}

export const cubFormat = {
  name: "cub",
  description: "CUB-200-2011 and what has its lists; an entry per picture",
  recognition: {
    files: "images.txt and image_class_labels.txt",
    folder: hasLists,
    inner: hasLists,
  },
  options: ["images", "split"],
  read: readCub,
} as const satisfies DatasetFormatDefinition;
