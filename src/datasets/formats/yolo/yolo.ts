/**
 * @file Labels in YOLO's form, as Ultralytics, Darknet, Roboflow, CVAT, Label Studio and LabelImg write them: a text per picture with a line per
 * object (see yolo-labels.ts), in folders of their own or beside the pictures (see yolo-layout.ts), with or without names of the classes
 * (see yolo-config.ts).
 *
 * A picture with objects of several classes is one entry per class. An empty text is that of a background, a picture without objects: it is
 * left out, as every picture without a box.
 */
import { BadInputError, PerceptualBallError } from "../../../errors.ts";
import { classLabels, type LabelLookup, matchStatedList, numbersFromOne } from "../../class-labels.ts";
import { type DatasetPart, type DatasetProblem, finishDataset } from "../../dataset.ts";
import type { DatasetFormatDefinition } from "../../dataset-format.ts";
import { type DatasetSource, textHead } from "../../dataset-source.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { wantedPart } from "../../parts.ts";
import { baseName, folderName, joinPath } from "../../paths.ts";
import {
  type DatasetReader,
  entriesOf,
  type Findings,
  joinFindings,
  leftOut,
  pictureFile,
  type ReaderContext,
} from "../../reader.ts";
import { configIn, isConfigName, isNamesFile, readConfig, readNames, tailsOf, type YoloConfig } from "./yolo-config.ts";
import { type PoseShape, parseYoloLabels, type YoloLabels } from "./yolo-labels.ts";
import { chosenPlaces, innermost, isYolo, picturesAt, type YoloPicture, type YoloPlace } from "./yolo-layout.ts";

/** Larger files are no labels of one picture. */
const mostBytes = 2 ** 24;

/** More lines of one file are not complained of one by one. */
const mostComplaints = 8;

/**
 * The entries of the pictures with labels in the folder `path`, or in that of the configuration at `path`. Ids are
 * "<picture>#<class>", the picture by its path in the folder of pictures. Labels that are malformed, missing or without a picture are problems.
 */
const readYolo: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const isFile = (await source.exists(path)) === "file";
  const root = isFile ? folderName(path) : await innermost(source, path);
  const entries = await source.list(root);
  const config = isFile ? await readConfig(source, path, true) : await configIn(source, root, entries);
  if (isFile && config === undefined) {
    throw new BadInputError({
      where: path,
      what: "says nothing of classes or parts",
      expected: "names, nc, train, val or test, as data.yaml of YOLO has them",
    });
  }
  const places = await chosenPlaces(root, entries, context);
  const found = await picturesAt(places, source);
  const notes = [...found.notes, ...(config?.notes ?? [])];
  if (found.pictures.every((picture) => picture.path === undefined)) throw noPictures(path, places, config);
  const pictures = await withParts(found.pictures, root, config, source, notes);
  const names = config?.names ?? (await namesBeside(source, root, found.pictures, places, notes));
  if (names === undefined && context.classes !== undefined && context.labels !== "predicted") {
    notes.push("Nothing names the classes of the labels: their indices are taken to be those of the model's classes.");
  }
  const split = wantedPart(
    path,
    context.split,
    pictures.map((picture) => picture.split),
  );
  const chosen = selection.pictures(pictures.filter((picture) => split === undefined || picture.split === split));
  const read = await mapConcurrently(chosen, (picture) => labelsOf(picture, source, config?.pose), { signal });
  const indices = [...new Set(read.flatMap(({ labels }) => labels?.objects.map(({ classIndex }) => classIndex) ?? []))];
  const { lookupOf, notes: ofClasses } = lookupsOf(names, indices, context);
  const findings = await mapConcurrently(
    read,
    async ({ picture, labels, problems }): Promise<Findings> => {
      if (labels === undefined || picture.path === undefined) return { images: [], problems };
      const { id, path: file } = picture;
      const bad: DatasetProblem[] = [...problems];
      const objects = labels.objects.flatMap(({ classIndex, box }) => {
        const className = names === undefined ? String(classIndex) : names[classIndex];
        if (className !== undefined) return [{ className, lookup: lookupOf(classIndex), box }];
        const message = `class ${classIndex} is none of the ${names?.length} that have names; the box is left out`;
        bad.push({ kind: "malformed-annotation", image: id, message });
        return [];
      });
      const isLost = objects.length === 0 && labels.lineCount > 0;
      const own = isLost
        ? leftOut(id, "no-box", "no usable box is left")
        : await entriesOf(
            { id, file: pictureFile(source, file), split: picture.split, hasShares: true, objects },
            true,
            context,
          );
      return joinFindings([{ images: [], problems: bad }, own]);
    },
    { signal },
  );
  const { images, problems } = joinFindings(findings);
  const confidences = read.reduce((sum, { labels }) => sum + (labels?.confidences ?? 0), 0);
  if (confidences > 0) {
    notes.push(
      `Lines of the labels with a confidence behind their box, as predictions have, are taken whatever it is: ${confidences}.`,
    );
  }
  const foreign = found.foreign.map(({ id }) => unread(id));
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes === undefined ? names : classes.names,
    listedClasses: names,
    images,
    problems: [...selection.problems, ...foreign.flatMap((one) => one.problems), ...problems],
    notes: [...notes, ...ofClasses],
  });
};

function unread(id: string): Findings {
  const extension = id.slice(id.lastIndexOf(".") + 1).toUpperCase();
  return leftOut(id, "unread-format", `${extension} is not read; convert it to PNG`);
}

function noPictures(where: string, places: readonly YoloPlace[], config: YoloConfig | undefined): BadInputError {
  const folders = [...new Set(places.map(({ images }) => images))];
  const said = config?.path === undefined ? "" : ` ${config.name} says path: ${config.path}.`;
  return new BadInputError({
    where,
    what: "there are no pictures with labels of YOLO",
    expected: `them in ${folders.join(" or ")}`,
    advice: `Say where they are with --images and --annotations (the options \`images\` and \`annotations\`).${said}`,
  });
}

interface ClassLookups {
  readonly lookupOf: (index: number) => LabelLookup;
  readonly notes: readonly string[];
}

/** What each class index is among the classifier's classes. */
function lookupsOf(
  names: readonly string[] | undefined,
  indices: readonly number[],
  { classes }: Pick<ReaderContext, "classes">,
): ClassLookups {
  if (classes === undefined) return { lookupOf: (index) => ({ label: index }), notes: [] };
  if (names !== undefined) {
    const { lookups, notes } = matchStatedList(names, classes);
    return { lookupOf: (index) => lookups[index], notes };
  }
  const { ofIndex } = classLabels(classes);
  const shifted = numbersFromOne(indices.map(String), classes);
  return { lookupOf: (index) => (shifted === undefined ? ofIndex(index) : { reason: shifted }), notes: [] };
}

interface ReadPicture {
  readonly picture: YoloPicture;
  /** Undefined where there is nothing to take, which the problems say. */
  readonly labels?: YoloLabels;
  readonly problems: readonly DatasetProblem[];
}

/** The labels of the picture, and what is wrong with them. */
async function labelsOf(
  picture: YoloPicture,
  source: DatasetSource,
  pose: PoseShape | undefined,
): Promise<ReadPicture> {
  const { id, path, label, labelFolder } = picture;
  const without = (kind: DatasetProblem["kind"], message: string): ReadPicture => ({
    picture,
    problems: leftOut(id, kind, message).problems,
  });
  if (path === undefined) return without("missing-picture", `there is no picture for ${label}`);
  if (label === undefined) return without("missing-annotation", `there is no text of its name in ${labelFolder}`);
  try {
    const { text, isWhole } = await textHead(source, label, mostBytes);
    if (!isWhole) return without("malformed-annotation", `${label} is larger than ${mostBytes / 2 ** 20} MiB`);
    const labels = parseYoloLabels(text, pose);
    if (labels.lineCount === 0) return without("no-box", "is a background: its label is empty");
    const complaints = labels.bad.slice(0, mostComplaints).map((what) => `${what}; the box is left out`);
    const more = labels.bad.length - complaints.length;
    if (more > 0) complaints.push(`${more} more lines are no labels; the boxes are left out`);
    const problems: DatasetProblem[] = [
      ...complaints.map((message) => ({ kind: "malformed-annotation" as const, image: id, message })),
      ...labels.repeated.map((line) => ({
        ...{ kind: "duplicate" as const, image: id },
        message: `line ${line} of its label repeats a box; left out`,
      })),
    ];
    return { picture, labels, problems };
  } catch (error) {
    if (!(error instanceof PerceptualBallError)) throw error;
    return without("malformed-annotation", error.message.replace(/\.$/, ""));
  }
}

/** The names in the lists beside pictures or labels; undefined where there is none. Lists that disagree are a BadInputError. */
async function namesBeside(
  source: DatasetSource,
  root: string,
  pictures: readonly YoloPicture[],
  places: readonly YoloPlace[],
  notes: string[],
): Promise<readonly string[] | undefined> {
  const folders = new Set([root]);
  for (const { images, labels, prefix } of places) {
    for (const folder of [labels, images]) folders.add(folder);
    if (prefix !== "") folders.add(folderName(images));
  }
  for (const { path, label } of pictures) {
    for (const file of [path, label]) if (file !== undefined) folders.add(folderName(file));
  }
  let first: { readonly file: string; readonly names: readonly string[] } | undefined;
  for (const folder of folders) {
    if ((await source.exists(folder)) !== "folder") continue;
    for (const { name, kind } of await source.list(folder)) {
      if (kind !== "file" || !isNamesFile(name)) continue;
      const file = joinPath(folder, name);
      const names = await readNames(source, file, first === undefined ? notes : []);
      if (names.length === 0) continue;
      if (first === undefined) first = { file, names };
      else if (JSON.stringify(first.names) !== JSON.stringify(names)) {
        throw new BadInputError({
          where: file,
          what: `gives other classes than ${first.file}`,
          expected: first.names.slice(0, 4).join(", "),
          got: names.slice(0, 4).join(", "),
          advice: "Take away the one that does not hold, or give the folders one by one.",
        });
      }
    }
  }
  return first?.names;
}

/** The pictures with the parts that the configuration says, and otherwise those of their folders. */
async function withParts(
  pictures: readonly YoloPicture[],
  root: string,
  config: YoloConfig | undefined,
  source: DatasetSource,
  notes: string[],
): Promise<readonly YoloPicture[]> {
  if (config === undefined || config.parts.length === 0) return pictures;
  const inRoot = (path: string): string => (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path);
  const byPath = new Map(pictures.flatMap((one) => (one.path === undefined ? [] : [[inRoot(one.path), one] as const])));
  const listed = new Map<YoloPicture, DatasetPart>();
  const folders: { readonly folder: string; readonly part: DatasetPart }[] = [];
  for (const { part, places } of config.parts) {
    for (const place of places) {
      const tail = await existing(tailsOf(place), root, source);
      if (tail === undefined) {
        notes.push(
          `${config.name} names ${place} for ${part}, which is not there: the parts are those of the folders.`,
        );
      } else if (tail.kind === "folder") folders.push({ folder: tail.name, part });
      else {
        let missing = 0;
        const { text } = await textHead(source, joinPath(root, tail.name), 2 ** 26);
        for (const line of text.split(/\r\n|\n|\r/)) {
          if (line.trim() === "") continue;
          const picture = tailsOf(line.trim())
            .map((name) => byPath.get(name))
            .find((one) => one !== undefined);
          if (picture === undefined) missing++;
          else if (!listed.has(picture)) listed.set(picture, part);
        }
        if (missing > 0) notes.push(`Lines of ${tail.name} that name no picture that is there: ${missing}.`);
      }
    }
  }
  const twice = folders.find(({ folder, part }) => folders.some((one) => one.folder === folder && one.part !== part));
  if (twice !== undefined) {
    notes.push(
      `${config.name} names ${twice.folder} for several parts: its pictures are taken to be of ${twice.part}.`,
    );
  }
  // Of folders within each other the inner one says more.
  folders.sort((a, b) => b.folder.length - a.folder.length);
  return pictures.map((picture) => {
    const path = inRoot(picture.path ?? picture.label ?? "");
    const part = listed.get(picture) ?? folders.find(({ folder }) => path.startsWith(`${folder}/`))?.part;
    return part === undefined ? picture : { ...picture, split: part };
  });
}

/** The first of the ends of a path that is there; none that leaves out what said which part it is of. */
async function existing(
  tails: readonly string[],
  root: string,
  source: DatasetSource,
): Promise<{ readonly name: string; readonly kind: "file" | "folder" } | undefined> {
  for (const name of tails) {
    const kind = await source.exists(joinPath(root, name));
    if (kind !== undefined) return { name, kind };
    if (/^(train|val|valid|validation|test)(ing)?\d*$/i.test(name.split("/")[0])) return undefined;
  }
  return undefined;
}

export const yoloFormat = {
  name: "yolo",
  description: "YOLO's labels, a text per picture; an entry per picture and class",
  recognition: {
    files: "images/ and labels/, in folders of parts or not, or a text of boxes beside each picture",
    otherwise: async (path, entries, source) => isYolo(path, entries, source),
    file: { named: "data.yaml", fits: isConfigName },
  },
  options: ["images", "annotations", "split"],
  read: readYolo,
} as const satisfies DatasetFormatDefinition;
