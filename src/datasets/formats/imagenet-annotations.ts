/** @file The annotations of ImageNet's localization task: XML files, the CSV of the Kaggle edition, or classes alone. */
import { BadInputError } from "../../errors.ts";
import { areEdges, edgesNote, halfOpen, parseBoxAnnotation } from "../box-annotation.ts";
import type { Box, DatasetProblem } from "../dataset.ts";
import type { DatasetSource, PictureSize } from "../dataset-source.ts";
import { baseName, isPictureName, joinPath, withoutExtension } from "../paths.ts";
import { parseCsv } from "../syntax/parse-csv.ts";
import { imagenetSynsets } from "./imagenet-synsets.ts";
import { isXml } from "./voc-parts.ts";

/** What is known of one picture. */
export interface ImagenetAnnotation {
  readonly size?: PictureSize;
  /** Empty where only the class is known. */
  readonly objects: readonly {
    /** Or the class's name, where the annotation is not ImageNet's own. */
    readonly synset: string;
    readonly box: Box;
    /** The corners as they are written. */
    readonly written: Box;
  }[];
  readonly synset?: string;
  /** Whether objects were left out, since the annotation calls them difficult. */
  readonly hasDifficult?: boolean;
}

/** Finds a picture's annotation by its id: undefined if there is none; throws a PerceptualBallError if it is malformed. */
export interface ImagenetAnnotations {
  readonly of: (id: string) => Promise<ImagenetAnnotation | undefined>;
  readonly hasBoxes: boolean;
  readonly problems: readonly DatasetProblem[];
  /** What was concluded of all of them: sentences. */
  readonly notes?: readonly string[];
}

export const synsetPattern = /^n\d{8}$/;

/** The places of annotations in the official archives and the Kaggle edition; "*" stands for the split. */
const annotationPlaces = [
  "LOC_*_solution.csv",
  "ILSVRC/Annotations/CLS-LOC/*",
  "Annotations/CLS-LOC/*",
  "ILSVRC2012_bbox_*_v3/*",
  "ILSVRC2012_bbox_*_v3",
  "bbox_*",
  "bbox/*",
  "bbox",
  "Annotations/*",
  "Annotations",
  "annotations/*",
  "annotations",
  "annots",
  "xml",
  "*.txt",
  "",
];

/** The places in `root`, the split put in for "*". */
export function placesIn(root: string, places: readonly string[], split: string): string[] {
  return places.map((place) => (place === "" ? root : joinPath(root, place.replaceAll("*", split))));
}

/**
 * The annotations at `given`, or at the first of the usual places in `root` that has any. Throws a BadInputError that lists these if
 * none has.
 */
export async function findAnnotations(
  source: DatasetSource,
  root: string,
  given: string | undefined,
  split: string,
  difficult: "skip" | "keep",
): Promise<ImagenetAnnotations> {
  const places = given === undefined ? placesIn(root, annotationPlaces, split) : [given];
  for (const place of places) {
    const kind = await source.exists(place);
    if (kind === "file" && place.endsWith(".csv")) return csvAnnotations(await source.readText(place), place);
    if (kind === "file") return classAnnotations(await source.readText(place), place);
    const files = kind === "folder" ? await xmlFiles(source, place) : new Map<string, string>();
    if (files.size > 0) return xmlAnnotations(source, files, difficult);
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
    if (kind === "file" && isXml(name)) files.set(withoutExtension(name), joinPath(folder, name));
    if (kind !== "folder" || !synsetPattern.test(name)) continue;
    for (const [id, path] of await xmlFiles(source, joinPath(folder, name))) files.set(id, path);
  }
  return files;
}

async function xmlAnnotations(
  source: DatasetSource,
  files: ReadonlyMap<string, string>,
  difficult: "skip" | "keep",
): Promise<ImagenetAnnotations> {
  const hasEdges = await areEdges(source, files.values());
  const of: ImagenetAnnotations["of"] = async (id) => {
    const path = files.get(id);
    if (path === undefined) return undefined;
    const { size, objects } = parseBoxAnnotation(await source.readText(path), path);
    const wanted = objects.filter(({ isDifficult }) => difficult === "keep" || !isDifficult);
    return {
      size,
      objects: wanted.map(({ name, box, written }) => ({ synset: name, box: hasEdges ? written : box, written })),
      hasDifficult: wanted.length < objects.length,
    };
  };
  return { of, hasBoxes: true, problems: [], notes: hasEdges ? [edgesNote] : [] };
}

function csvAnnotations(text: string, where: string): ImagenetAnnotations {
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
  const of: ImagenetAnnotations["of"] = async (id) => {
    const found = byId.get(id);
    return found === undefined
      ? undefined
      : { objects: parsePrediction(found.prediction, `${where}, line ${found.line}`) };
  };
  return { of, hasBoxes: true, problems };
}

/** The boxes in "<synset> <xmin> <ymin> <xmax> <ymax>", once or several times. */
function parsePrediction(prediction: string, where: string): ImagenetAnnotation["objects"] {
  const words = prediction.trim() === "" ? [] : prediction.trim().split(/\s+/);
  return Array.from({ length: Math.ceil(words.length / 5) }, (_, index) => {
    const [synset, ...corners] = words.slice(5 * index, 5 * index + 5);
    const box = corners.map(Number) as [number, number, number, number];
    if (synsetPattern.test(synset) && box.length === 4 && box.every(Number.isFinite)) {
      return { synset, box: halfOpen(box, 0), written: box };
    }
    throw new BadInputError({
      where,
      what: `box ${index + 1} is malformed`,
      expected: "a synset and four numbers",
      got: JSON.stringify(words.slice(5 * index, 5 * index + 5).join(" ")),
    });
  });
}

function classAnnotations(text: string, where: string): ImagenetAnnotations {
  const problems: DatasetProblem[] = [];
  const synsets = new Map<string, string>();
  const numbers = new Set(
    text
      .split(/\r?\n/)
      .flatMap((line) => /\s(\d+)\s*$/.exec(line)?.[1] ?? [])
      .map(Number),
  );
  if (numbers.has(imagenetSynsets.length) && !numbers.has(0)) {
    throw new BadInputError({
      where,
      what: "the class indices are numbers up to 1000, without 0",
      expected: "0 to 999, in the order of the WordNet numbers, as Caffe's val.txt has them",
      advice:
        "If they count from 1 in that order, write each less 1; those of ILSVRC's development kit (ILSVRC2012_ID) are in another order.",
    });
  }
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
  const of: ImagenetAnnotations["of"] = async (id) => {
    const synset = synsets.get(id);
    return synset === undefined ? undefined : { objects: [], synset };
  };
  return { of, hasBoxes: false, problems };
}
