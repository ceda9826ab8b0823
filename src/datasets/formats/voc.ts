/**
 * @file Pascal VOC (2005 to 2012): `JPEGImages/*.jpg`, `Annotations/*.xml` and the lists `ImageSets/Main/<split>.txt`.
 *
 * Boxes count pixels from 1 and include both ends (see box-annotation.ts). A picture with objects of several classes is one entry
 * per class, as in the pointing game. Lists hold an id per line; those of single classes ("car_val") have −1, 0 or 1 behind it, of
 * which −1 (absent) leaves the picture out. Roboflow's export has no such folders: see voc-parts.ts.
 */

import { BadInputError, PerceptualBallError } from "../../errors.ts";
import { areEdges, edgesNote, parseBoxAnnotation, writtenBoxes } from "../box-annotation.ts";
import { areShares, sharesNote } from "../box-shares.ts";
import { classLabels } from "../class-labels.ts";
import { type DatasetProblem, finishDataset } from "../dataset.ts";
import { called, type DatasetFormatDefinition, hasFolder } from "../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../dataset-source.ts";
import { picturesIn } from "../files/picture-tree.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { splitOfName, usualPartNote, wantedPart } from "../parts.ts";
import { baseName, byCodeUnits, joinPath, withoutExtension } from "../paths.ts";
import {
  type DatasetReader,
  entriesOf,
  type Findings,
  joinFindings,
  leftOut,
  pictureFile,
  type ReaderContext,
} from "../reader.ts";
import { csvsIn } from "./boxes/box-files.ts";
import { hasParts, holdsVocParts, homeOfParts, isXml, picturesOfParts, type VocPicture } from "./voc-parts.ts";

/**
 * The entries of the wanted part (of `test`, `val` or all pictures, whichever there is first, unless `split` says so) of the
 * folder at `path`, which has the three folders or one "VOC2007" or the like that has them; or of all folders of parts with XML beside the pictures,
 * unless `split` names one. Ids are "<picture>#<class>". Objects that are marked as difficult are left out unless `difficult` is `keep`; without
 * a classifier's classes there are no labels.
 */
const readVoc: DatasetReader = async (path, context) => {
  const { source, selection, classes, difficult, signal } = context;
  const entries = await source.list(path);
  const home = isClassic(entries) ? undefined : await homeOfParts(path, entries, source);
  const isInParts = home !== undefined;
  const {
    root,
    pictures,
    files,
    problems: bad,
    notes: ofParts,
  } = isInParts ? await partsAt(home, context) : await picturesAt(path, context);
  const labels = classes === undefined ? undefined : classLabels(classes);
  const chosen = selection.pictures(pictures);
  const hasShares = await areShares(
    writtenBoxes(
      source,
      chosen.map(({ file }) => file),
    ),
  );
  const hasEdges = !hasShares && (await areEdges(source, files));
  const findings = await mapConcurrently(
    chosen,
    async ({ id, split, picture, file, folder }): Promise<Findings> => {
      const name = baseName(id);
      if (picture === undefined) return leftOut(id, "missing-picture", `there is no picture ${name} in ${folder}`);
      if ((await source.exists(file)) !== "file") return leftOut(id, "missing-annotation", `there is no ${name}.xml`);
      try {
        // In folders of parts lies what anybody has labelled; the file says itself where it counts from.
        const { size, objects } = parseBoxAnnotation(await source.readText(file), file, isInParts ? undefined : 1);
        const wanted = objects.filter(({ isDifficult }) => difficult === "keep" || !isDifficult);
        if (wanted.length === 0 && objects.length > 0) return leftOut(id, "no-box", "all objects are difficult");
        const named = wanted.map(({ name: className, box, written }) => ({
          className,
          lookup: isInParts ? labels?.ofText(className) : labels?.ofName(className),
          box: hasShares || hasEdges ? written : box,
        }));
        return await entriesOf(
          { id, file: pictureFile(source, picture), split, size, hasShares, objects: named },
          true,
          context,
        );
      } catch (error) {
        if (!(error instanceof PerceptualBallError)) throw error;
        return leftOut(id, "malformed-annotation", error.message.replace(/\.$/, ""));
      }
    },
    { signal },
  );
  const { images, problems } = joinFindings(findings);
  const found = [...selection.problems, ...bad, ...problems];
  const tables = isInParts ? csvsIn(await source.list(home)) : [];
  const notes = [
    ...ofParts,
    ...(hasShares ? [sharesNote] : hasEdges ? [edgesNote] : []),
    ...(tables.length === 0
      ? []
      : [
          `${tables.join(", ")} ${tables.length > 1 ? "are" : "is"} not read: XML lies beside the pictures. To read boxes from there, say --data-format boxes (the option \`format\`).`,
        ]),
  ];
  return finishDataset(path, { name: baseName(root), classNames: classes?.names, images, problems: found, notes });
};

interface VocPictures {
  readonly root: string;
  readonly pictures: readonly VocPicture[];
  /** The XML files of all parts: how their coordinates are meant is the same for all. */
  readonly files: readonly string[];
  readonly problems: readonly DatasetProblem[];
  readonly notes: readonly string[];
}

/** Those of the folders of parts at `path`. */
async function partsAt(path: string, context: ReaderContext): Promise<VocPictures> {
  const all = await picturesOfParts(path, context);
  const split = wantedPart(
    path,
    context.split,
    all.map((one) => one.split),
  );
  const pictures = all.filter((one) => split === undefined || one.split === split);
  return { root: path, pictures, files: all.map(({ file }) => file), problems: [], notes: [] };
}

/** Those of Pascal VOC's own folders at `path`, or in the folder of a year in it. */
async function picturesAt(path: string, context: ReaderContext): Promise<VocPictures> {
  const { source } = context;
  const root = await yearFolder(source, path);
  const list = await imageSet(source, root, context.split);
  const folder = context.images ?? joinPath(root, "JPEGImages");
  const annotations = context.annotations ?? joinPath(root, "Annotations");
  const files = new Map<string, string>();
  for (const { name, path: file } of (await picturesIn(source, folder)) ?? []) files.set(withoutExtension(name), file);
  const ids = list?.ids ?? [...files.keys()].sort(byCodeUnits);
  const split = list === undefined ? undefined : splitOfName(list.name);
  const pictures = ids.map((id) => {
    return { id, split, picture: files.get(id), file: joinPath(annotations, `${id}.xml`), folder };
  });
  const xml = (await source.exists(annotations)) === "folder" ? await source.list(annotations) : [];
  const all = xml
    .filter(({ name, kind }) => kind === "file" && isXml(name))
    .map(({ name }) => joinPath(annotations, name));
  const notes =
    list === undefined || context.split !== undefined
      ? []
      : usualPartNote(list.name, await listsIn(source, joinPath(root, imageSets)));
  return { root, pictures, files: all.sort(byCodeUnits), problems: list?.problems ?? [], notes };
}

/** Where Pascal VOC's lists of parts are. */
const imageSets = "ImageSets/Main";

async function yearFolder(source: DatasetSource, path: string): Promise<string> {
  const entries = await source.list(path);
  if (entries.some(({ name }) => name === "Annotations")) return path;
  const years = entries.filter(({ name, kind }) => kind === "folder" && /^VOC\d{4}$/.test(name));
  if (years.length === 1) return joinPath(path, years[0].name);
  throw new BadInputError({
    where: path,
    what: years.length > 1 ? "there are several years" : "this is no folder of Pascal VOC",
    expected:
      years.length > 1 ? years.map(({ name }) => joinPath(path, name)).join(" or ") : "Annotations and JPEGImages",
  });
}

interface ImageSet {
  readonly name: string;
  readonly ids: readonly string[];
  readonly problems: readonly DatasetProblem[];
}

/** The list of the wanted part; undefined if none is asked for and there is none for testing. */
async function imageSet(
  source: DatasetSource,
  root: string,
  wanted: string | undefined,
): Promise<ImageSet | undefined> {
  const folder = joinPath(root, imageSets);
  const candidates = wanted === undefined ? ["test", "val"] : wanted === "test" ? ["test", "val"] : [wanted];
  for (const name of candidates) {
    const file = joinPath(folder, `${name}.txt`);
    if ((await source.exists(file)) === "file") return parseImageSet(await source.readText(file), name);
  }
  if (wanted === undefined) return undefined;
  const there = await listsIn(source, folder);
  throw new BadInputError({
    where: folder,
    what: `there is no list of the part ${JSON.stringify(wanted)}`,
    expected: there.length === 0 ? `${wanted}.txt` : there.join(", "),
  });
}

/** The lists of parts in a folder: those of single classes have an underscore. */
async function listsIn(source: DatasetSource, folder: string): Promise<readonly string[]> {
  const entries = (await source.exists(folder)) === "folder" ? await source.list(folder) : [];
  return entries
    .map(({ name }) => withoutExtension(name))
    .filter((name) => !name.includes("_"))
    .sort(byCodeUnits);
}

function parseImageSet(text: string, name: string): ImageSet {
  const ids = new Set<string>();
  const problems: DatasetProblem[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const [, id, presence] = /^(\S+)(?:\s+(-1|0|1))?$/.exec(line.trim()) ?? [];
    const image = `${name}.txt, line ${index + 1}`;
    if (id === undefined)
      problems.push({ kind: "bad-line", image, message: `${JSON.stringify(line)} is no id; left out` });
    else if (ids.has(id))
      problems.push({ kind: "duplicate", image: id, message: `is twice in ${name}.txt; taken once` });
    else if (presence !== "-1") ids.add(id);
  }
  return { name, ids: [...ids], problems };
}

function isClassic(entries: readonly FileEntry[]): boolean {
  return (
    (hasFolder(called("JPEGImages"))(entries) && hasFolder(called("Annotations"))(entries)) ||
    hasFolder((name) => /^VOC\d{4}$/.test(name))(entries)
  );
}

export const vocFormat = {
  name: "voc",
  description: "Pascal VOC; an entry per picture and class",
  recognition: {
    files:
      "JPEGImages/ and Annotations/, VOC2007/ and the like, or XML beside the pictures in train/, valid/ and test/",
    folder: (entries) => isClassic(entries) || hasParts(entries),
    isDenied: async (path, entries, source) => !isClassic(entries) && !(await holdsVocParts(path, entries, source)),
    otherwise: async (path, entries, source) => (await homeOfParts(path, entries, source)) !== undefined,
  },
  options: ["images", "annotations", "split", "difficult"],
  read: readVoc,
} as const satisfies DatasetFormatDefinition;
