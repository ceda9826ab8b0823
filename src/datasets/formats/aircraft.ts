/**
 * @file FGVC-Aircraft (Maji et al. 2013, arXiv 1306.5151): `images_variant_test.txt` ("<image> <variant>") and so for families and manufacturers and for the
 * parts train, val and test; `variants.txt` and so on with the names in order; `images_box.txt` ("<image> <xmin> <ymin> <xmax> <ymax>"); pictures in
 * `images/<image>.jpg`.
 *
 * Boxes count pixels from 1 and include both ends, as the README says.
 */
import { BadInputError } from "../../errors.ts";
import { halfOpen } from "../box-annotation.ts";
import { type ClassifierClasses, classLabels, matchStatedList } from "../class-labels.ts";
import { type DatasetPart, type DatasetProblem, finishDataset } from "../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../dataset-source.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { partOfName, wantedPart } from "../parts.ts";
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

/** What the classes may be, the finest first, and the lists of their names. */
const levels = { variant: "variants.txt", family: "families.txt", manufacturer: "manufacturers.txt" } as const;

type Level = keyof typeof levels;

const listName = /^images_(variant|family|manufacturer)_(train|val|trainval|test)\.txt$/;

const hasLists = hasFile((name) => listName.test(name));

interface ListedImage {
  readonly id: string;
  /** As `--list` may call it. */
  readonly names: readonly string[];
  readonly className: string;
  readonly split: DatasetPart;
}

/** The images of the lists in the folder `path`, or in a folder in it. Without images_box.txt there are classes alone. */
const readAircraft: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const root = await folderOfLists(source, path);
  if (root === undefined) {
    throw new BadInputError({
      where: path,
      what: "these are no lists of FGVC-Aircraft",
      expected: "images_variant_test.txt and the like",
    });
  }
  const problems: DatasetProblem[] = [];
  const all = new Map<Level, readonly ListedImage[]>();
  for (const level of Object.keys(levels) as Level[]) {
    const listed = await imagesOf(source, root, level, problems);
    if (listed.length > 0) all.set(level, listed);
  }
  const level = levelOf(all, classes);
  const listed = all.get(level) ?? [];
  const split = wantedPart(path, context.split, [...new Set(listed.map((one) => one.split))]);
  const chosen = selection.pictures(
    listed.filter((one) => split === undefined || one.split === split).sort((a, b) => byCodeUnits(a.id, b.id)),
  );
  const names = await namesOf(source, root, level, listed);
  const match = matchStatedList(names, classes);
  const lookupOf = new Map(names.map((name, index) => [name, match.lookups[index]]));
  const boxList = joinPath(root, "images_box.txt");
  const hasBoxes = (await source.exists(boxList)) === "file";
  const boxOf = new Map(hasBoxes ? await linesOf(source, boxList, problems) : []);
  const folder = context.images ?? joinPath(root, "images");
  const findings = await mapConcurrently(
    chosen,
    async ({ id, className, split: part }): Promise<Findings> => {
      const found = await namedPicture(`${id}.jpg`, folder, context);
      if (!("path" in found)) return found;
      const lookup = lookupOf.get(className);
      if (hasBoxes) {
        const text = boxOf.get(id);
        if (text === undefined) return leftOut(id, "no-box", "has no line in images_box.txt");
        // Numbers that are none are for the check of boxes.
        const [x0, y0, x1, y1] = [...text.split(/\s+/).map(Number), ...new Array<number>(4).fill(Number.NaN)];
        const objects = [{ className, lookup, box: halfOpen([x0, y0, x1, y1], 1) }];
        return entriesOf({ id, file: pictureFile(source, found.path), split: part, objects }, false, context);
      }
      return entryOf({ id, className, lookup, split: part, ...storedPicture(source, found.path) }, context);
    },
    { signal },
  );
  const found = joinFindings(findings);
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes === undefined ? names : classes.names,
    listedClasses: names,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes: [
      ...(all.size === 1 ? [] : [`The classes are those of images_${level}_*.txt, of ${[...all.keys()].join(", ")}.`]),
      ...match.notes,
      ...(hasBoxes ? [] : ["There is no images_box.txt: the pictures have classes and no boxes."]),
    ],
  });
};

const mostFolders = 8;

/** The folder with the lists: `path`, or the first in it, or in one in it, as the archive has "fgvc-aircraft-2013b/data". */
async function folderOfLists(source: DatasetSource, path: string, depth = 2): Promise<string | undefined> {
  const entries = await source.list(path);
  if (hasLists(entries)) return path;
  if (depth === 0) return undefined;
  const folders = entries.filter(({ name, kind }) => kind === "folder" && !isHiddenFolder(name));
  // The archive has one on each level; where there are many, they are others', and may be large.
  if (folders.length > mostFolders) return undefined;
  for (const { name } of folders.sort((a, b) => byCodeUnits(a.name, b.name))) {
    const found = await folderOfLists(source, joinPath(path, name), depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The images that the lists of the level name; those of "trainval" are read where there is none of its two parts alone. */
async function imagesOf(
  source: DatasetSource,
  root: string,
  level: Level,
  problems: DatasetProblem[],
): Promise<readonly ListedImage[]> {
  const there = new Set((await source.list(root)).map(({ name }) => name));
  const fileOf = (part: string): string => `images_${level}_${part}.txt`;
  const areApart = there.has(fileOf("train")) || there.has(fileOf("val"));
  const found: ListedImage[] = [];
  for (const part of ["train", "val", "test", ...(areApart ? [] : ["trainval"])]) {
    if (!there.has(fileOf(part))) continue;
    const split = partOfName(part) ?? "train";
    for (const [id, className] of await linesOf(source, joinPath(root, fileOf(part)), problems)) {
      found.push({ id, names: [`${id}.jpg`], className, split });
    }
  }
  return found;
}

/** The first word of each line and what stands behind it. */
async function linesOf(
  source: DatasetSource,
  path: string,
  problems: DatasetProblem[],
): Promise<readonly (readonly [string, string])[]> {
  const text = (await source.readText(path)).replace(/^\uFEFF/, "");
  return text.split(/\r?\n/).flatMap((line, index): (readonly [string, string])[] => {
    if (line.trim() === "") return [];
    const [, id, value] = /^(\S+)\s+(\S.*)$/.exec(line.trim()) ?? [];
    if (id !== undefined) return [[id, value]];
    const message = `${JSON.stringify(line.slice(0, 40))} is no image and what belongs to it; left out`;
    problems.push({ kind: "bad-line", image: `${baseName(path)}, line ${index + 1}`, message });
    return [];
  });
}

/** The level of which the classifier knows most classes by name, or that has as many where it has no names; the finest of those that are alike. */
function levelOf(all: ReadonlyMap<Level, readonly ListedImage[]>, classes: ClassifierClasses | undefined): Level {
  const fitOf = (images: readonly ListedImage[]): number => {
    const names = [...new Set(images.map(({ className }) => className))];
    if (classes?.names === undefined) return classes?.count === names.length ? 1 : 0;
    const { ofName } = classLabels(classes);
    return names.filter((name) => "label" in ofName(name)).length;
  };
  const scored = [...all].map(([level, images]) => ({ level, fit: fitOf(images) }));
  const most = Math.max(...scored.map(({ fit }) => fit));
  return scored.find(({ fit }) => fit === most)?.level ?? "variant";
}

/** The names of the level's classes in the order of their list, or of their text where it is not there. */
async function namesOf(
  source: DatasetSource,
  root: string,
  level: Level,
  images: readonly ListedImage[],
): Promise<readonly string[]> {
  const path = joinPath(root, levels[level]);
  if ((await source.exists(path)) !== "file") {
    return [...new Set(images.map(({ className }) => className))].sort(byCodeUnits);
  }
  const lines = (await source.readText(path)).replace(/^\uFEFF/, "").split(/\r?\n/);
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}

export const aircraftFormat = {
  name: "aircraft",
  description: "FGVC-Aircraft, by variant, family or manufacturer; an entry per picture",
  recognition: {
    files: "images_variant_test.txt and the like, with images/",
    folder: hasLists,
    inner: hasLists,
    otherwise: async (path: string, _entries: readonly FileEntry[], source: DatasetSource) =>
      (await folderOfLists(source, path)) !== undefined,
  },
  options: ["images", "split"],
  read: readAircraft,
} as const satisfies DatasetFormatDefinition;
