/**
 * @file ImageNet's localization task (ILSVRC 2012 to 2017): a folder of pictures, flat or by synset, and boxes as XML or CSV.
 *
 * Boxes come as one XML file per picture (see box-annotation.ts), or as `LOC_val_solution.csv` of the Kaggle edition: a header, then
 * `ImageId,PredictionString`, the string being "<synset> <xmin> <ymin> <xmax> <ymax>" once per box. Coordinates count pixels from 0
 * and include both ends: boxes of whole pictures are 0 … width − 1 in most files (0 … width in some, which is clipped).
 * Without boxes, Caffe's `val.txt` ("<file> <class index>") gives the classes alone. An image has one class.
 */
import { imagenetLabels } from "../classifier/labels/imagenet.ts";
import { BadInputError, PerceptualBallError } from "../errors.ts";
import { halfOpen, parseBoxAnnotation } from "./box-annotation.ts";
import { classLabels } from "./class-labels.ts";
import { type Box, type DatasetProblem, finishDataset } from "./dataset.ts";
import type { DatasetSource, PictureSize } from "./dataset-source.ts";
import { type FoundPicture, picturesIn } from "./find-folder.ts";
import { imagenetSynsets } from "./imagenet-synsets.ts";
import { mapConcurrently } from "./map-concurrently.ts";
import { parseCsv } from "./parse-csv.ts";
import { baseName, byCodeUnits, folderName, isPictureName, joinPath, withoutExtension } from "./paths.ts";
import { type DatasetReader, entriesOf, type Findings, joinFindings, pictureOf, splitOfName } from "./reader.ts";

/** What is known of one picture. */
interface Annotation {
  readonly size?: PictureSize;
  /** Empty where only the class is known. */
  readonly objects: readonly { readonly synset: string; readonly box: Box }[];
  readonly synset?: string;
}

/** Finds a picture's annotation: undefined if there is none; throws a PerceptualBallError if it is malformed. */
interface Annotations {
  readonly of: (picture: Picture) => Promise<Annotation | undefined>;
  readonly hasBoxes: boolean;
  readonly problems: readonly DatasetProblem[];
}

interface Picture {
  readonly id: string;
  readonly names: readonly string[];
  readonly path: string;
  /** The name of the folder that it is in, if that is a synset's. */
  readonly synset?: string;
}

/** The places of pictures and annotations in the official archives and the Kaggle edition; "*" stands for the split. */
const picturePlaces = [
  ...["ILSVRC/Data/CLS-LOC/*", "Data/CLS-LOC/*", "ILSVRC2012_img_*", "images/*", "images", "*", ""],
] as const;
const annotationPlaces = [
  ...["LOC_*_solution.csv", "ILSVRC/Annotations/CLS-LOC/*", "Annotations/CLS-LOC/*", "ILSVRC2012_bbox_*_v3/*"],
  ...[
    "ILSVRC2012_bbox_*_v3",
    "bbox_*",
    "bbox/*",
    "bbox",
    "Annotations/*",
    "Annotations",
    "annotations/*",
    "annotations",
  ],
  ...["xml", "*.txt", ""],
] as const;

/** Whether the name is one that only this format has. */
export function isImagenetMark(name: string): boolean {
  return /^(LOC_\w+_solution\.csv|ILSVRC|ILSVRC2012_(img|bbox)_.+|bbox(_\w+)?)$/.test(name);
}

/**
 * The images below `path` (a folder, or the CSV itself) that have an annotation, in the order of their ids, which are their files'
 * names such as "ILSVRC2012_val_00000001". Pictures without an annotation, with a malformed one or without a box are problems.
 */
export const readImagenet: DatasetReader = async (path, context) => {
  const { source, selection, classes, split = "val", signal } = context;
  const isFolder = (await source.exists(path)) === "folder";
  const root = isFolder ? path : folderName(path);
  const part = split === "test" ? "val" : split;
  const pictures = await findPictures(source, root, context.images, part);
  const annotations = await findAnnotations(source, root, context.annotations ?? (isFolder ? undefined : path), part);
  const labels = classLabels(classes ?? { names: imagenetLabels, count: imagenetLabels.length });
  const findings = await mapConcurrently(
    selection.pictures(pictures.map((picture) => ({ ...picture, split: splitOfName(part) }))),
    async (picture): Promise<Findings> => {
      const problem = (kind: DatasetProblem["kind"], message: string): Findings => ({
        images: [],
        problems: [{ kind, image: picture.id, message: `${message}; left out` }],
      });
      let annotation: Annotation | undefined;
      try {
        annotation = await annotations.of(picture);
      } catch (error) {
        if (!(error instanceof PerceptualBallError)) throw error;
        return problem("malformed-annotation", error.message.replace(/\.$/, ""));
      }
      if (annotation === undefined) return problem("missing-annotation", "has no annotation");
      const { size, objects } = annotation;
      const synset = picture.synset ?? annotation.synset ?? objects[0]?.synset;
      const className = synset === undefined ? undefined : nameOf(synset);
      const lookup = synset === undefined ? undefined : labels.ofSynset(synset);
      if (annotations.hasBoxes) {
        const own = objects.filter((object) => object.synset === synset);
        const named = own.map(({ box }) => ({ className: className!, lookup, box }));
        return entriesOf({ ...picture, size, objects: named }, false, context);
      }
      if (lookup !== undefined && "reason" in lookup && context.labels === "dataset") {
        return problem("unknown-class", lookup.reason);
      }
      const label =
        lookup !== undefined && "label" in lookup && context.labels === "dataset" ? lookup.label : undefined;
      const image = {
        id: picture.id,
        label,
        className,
        picture: pictureOf(source, picture.path),
        split: picture.split,
      };
      return { images: [image], problems: [] };
    },
    { signal },
  );
  const { images, problems } = joinFindings(findings);
  return finishDataset(path, {
    name: baseName(root),
    classNames: classes === undefined ? imagenetLabels : classes.names,
    images,
    problems: [...selection.problems, ...annotations.problems, ...problems],
  });
};

const synsetPattern = /^n\d{8}$/;

function nameOf(synset: string): string {
  return imagenetLabels[imagenetSynsets.indexOf(synset)] ?? synset;
}

function placesFor(places: readonly string[], split: string): string[] {
  return places.map((place) => place.replaceAll("*", split));
}

async function findPictures(
  source: DatasetSource,
  root: string,
  given: string | undefined,
  split: string,
): Promise<readonly Picture[]> {
  const folders = given === undefined ? placesFor(picturePlaces, split).map((place) => inRoot(root, place)) : [given];
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

function inRoot(root: string, place: string): string {
  return place === "" ? root : joinPath(root, place);
}

function pictureAt({ name, path }: FoundPicture): Picture {
  const folder = folderName(name);
  const synset = synsetPattern.test(folder) ? folder : undefined;
  return { id: withoutExtension(baseName(name)), names: [name], path, synset };
}

async function findAnnotations(
  source: DatasetSource,
  root: string,
  given: string | undefined,
  split: string,
): Promise<Annotations> {
  const places = given === undefined ? placesFor(annotationPlaces, split).map((place) => inRoot(root, place)) : [given];
  for (const place of places) {
    const kind = await source.exists(place);
    if (kind === "file" && place.endsWith(".csv")) return csvAnnotations(await source.readText(place), place);
    if (kind === "file") return classAnnotations(await source.readText(place), place);
    const files = kind === "folder" ? await xmlFiles(source, place) : new Map<string, string>();
    if (files.size > 0) return xmlAnnotations(source, files);
  }
  throw new BadInputError({
    where: root,
    what: "there are no annotations",
    expected: `a CSV, XML files or a list of classes: ${places.join(", ")}`,
    advice: "Say where they are with --annotations (the option `annotations`).",
  });
}

/** The paths of the XML files in the folder and in the folders of synsets in it, by name without extension. */
async function xmlFiles(source: DatasetSource, folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const { name, kind } of await source.list(folder)) {
    if (kind === "file" && /\.xml$/i.test(name)) files.set(withoutExtension(name), joinPath(folder, name));
    if (kind !== "folder" || !synsetPattern.test(name)) continue;
    for (const [id, path] of await xmlFiles(source, joinPath(folder, name))) files.set(id, path);
  }
  return files;
}

function xmlAnnotations(source: DatasetSource, files: ReadonlyMap<string, string>): Annotations {
  const of: Annotations["of"] = async ({ id }) => {
    const path = files.get(id);
    if (path === undefined) return undefined;
    const { size, objects } = parseBoxAnnotation(await source.readText(path), path, 0);
    return { size, objects: objects.map(({ name, box }) => ({ synset: name, box })) };
  };
  return { of, hasBoxes: true, problems: [] };
}

function csvAnnotations(text: string, where: string): Annotations {
  const problems: DatasetProblem[] = [];
  const byId = new Map<string, { readonly line: number; readonly prediction: string }>();
  for (const { line, fields } of parseCsv(text, where)) {
    const [id, prediction] = fields;
    if (id === "ImageId") continue;
    const image = `${baseName(where)}, line ${line}`;
    if (fields.length !== 2) problems.push({ kind: "bad-line", image, message: "not two fields; left out" });
    else if (byId.has(id))
      problems.push({ kind: "duplicate", image: id, message: "is there twice; the first is taken" });
    else byId.set(id, { line, prediction });
  }
  const of: Annotations["of"] = async ({ id }) => {
    const found = byId.get(id);
    return found === undefined
      ? undefined
      : { objects: parsePrediction(found.prediction, `${where}, line ${found.line}`) };
  };
  return { of, hasBoxes: true, problems };
}

/** The boxes in "<synset> <xmin> <ymin> <xmax> <ymax>", once or several times. */
function parsePrediction(prediction: string, where: string): Annotation["objects"] {
  const words = prediction.trim() === "" ? [] : prediction.trim().split(/\s+/);
  return Array.from({ length: Math.ceil(words.length / 5) }, (_, index) => {
    const [synset, ...corners] = words.slice(5 * index, 5 * index + 5);
    const box = corners.map(Number) as [number, number, number, number];
    if (synsetPattern.test(synset) && box.length === 4 && box.every(Number.isFinite)) {
      return { synset, box: halfOpen(box, 0) };
    }
    throw new BadInputError({
      where,
      what: `box ${index + 1} is malformed`,
      expected: "a synset and four numbers",
      got: JSON.stringify(words.slice(5 * index, 5 * index + 5).join(" ")),
    });
  });
}

function classAnnotations(text: string, where: string): Annotations {
  const problems: DatasetProblem[] = [];
  const synsets = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const [, name, number] = /^(.*\S)\s+(\d+)\s*$/.exec(line.trim()) ?? [];
    const synset = imagenetSynsets[Number(number)];
    if (synset !== undefined && isPictureName(name)) synsets.set(withoutExtension(baseName(name)), synset);
    else {
      const image = `${baseName(where)}, line ${index + 1}`;
      problems.push({
        kind: "bad-line",
        image,
        message: `${JSON.stringify(line)} is no file name and class index; left out`,
      });
    }
  }
  const of: Annotations["of"] = async ({ id }) => {
    const synset = synsets.get(id);
    return synset === undefined ? undefined : { objects: [], synset };
  };
  return { of, hasBoxes: false, problems };
}
