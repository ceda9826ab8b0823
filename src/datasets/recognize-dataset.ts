/** @file The formats of data sets, and how each is known by its files. */
import { BadInputError, MisuseError } from "../errors.ts";
import type { DatasetSource, FileEntry } from "./dataset-source.ts";
import { picturesIn } from "./find-folder.ts";
import { readBoxesCsv } from "./formats/boxes-csv.ts";
import { isCifarFile, readCifar } from "./formats/cifar.ts";
import { isInstancesFile, readCoco } from "./formats/coco.ts";
import { isImagenetMark, readImagenet } from "./formats/imagenet.ts";
import { readClassFolders, readPictures } from "./formats/picture-folders.ts";
import { readVoc } from "./formats/voc.ts";
import { readWsol } from "./formats/wsol.ts";
import { baseName, byCodeUnits, isPictureName, joinPath } from "./paths.ts";
import type { DatasetReader } from "./reader.ts";

/** The readers by the name of their format. */
export const datasetReaders = {
  imagenet: readImagenet,
  wsol: readWsol,
  voc: readVoc,
  coco: readCoco,
  boxes: readBoxesCsv,
  cifar10: (path, context) => readCifar("cifar10", path, context),
  cifar100: (path, context) => readCifar("cifar100", path, context),
  classes: readClassFolders,
  pictures: readPictures,
} as const satisfies Record<string, DatasetReader>;

export type DatasetFormat = keyof typeof datasetReaders;

export const datasetFormats = Object.keys(datasetReaders) as readonly DatasetFormat[];

/** What a format is known by among what a folder holds. */
interface Mark {
  /** What is looked for, as a user would see it. */
  readonly files: string;
  readonly isThere: (entries: readonly FileEntry[]) => boolean;
}

const file = (test: (name: string) => boolean) => (entries: readonly FileEntry[]) =>
  entries.some(({ name, kind }) => kind === "file" && test(name));
const folder = (test: (name: string) => boolean) => (entries: readonly FileEntry[]) =>
  entries.some(({ name, kind }) => kind === "folder" && test(name));
const named = (name: string) => (other: string) => other === name;

/** The formats that are known by what only they have. */
const marks: Readonly<Partial<Record<DatasetFormat, Mark>>> = {
  imagenet: {
    files: "LOC_val_solution.csv, ILSVRC/, ILSVRC2012_img_val/ or bbox/",
    isThere: (entries) => entries.some(({ name }) => isImagenetMark(name)),
  },
  wsol: {
    files: "image_ids.txt",
    isThere: file(named("image_ids.txt")),
  },
  voc: {
    files: "JPEGImages/ and Annotations/, or VOC2007/ and the like",
    isThere: (entries) =>
      (folder(named("JPEGImages"))(entries) && folder(named("Annotations"))(entries)) ||
      folder((name) => /^VOC\d{4}$/.test(name))(entries),
  },
  coco: {
    files: "instances_*.json, in annotations/ or not",
    isThere: file(isInstancesFile),
  },
  boxes: {
    files: "a CSV",
    isThere: (entries) => file((name) => /\.csv$/i.test(name) && !isImagenetMark(name))(entries),
  },
  cifar10: {
    files: "data_batch_1.bin, test_batch.bin or cifar-10-batches-bin/",
    isThere: (entries) =>
      file((name) => isCifarFile("cifar10", name))(entries) || folder(named("cifar-10-batches-bin"))(entries),
  },
  cifar100: {
    files: "train.bin, test.bin or cifar-100-binary/",
    isThere: (entries) =>
      file((name) => isCifarFile("cifar100", name))(entries) || folder(named("cifar-100-binary"))(entries),
  },
};

/**
 * The format of the data set at `path`, which exists. Folders of pictures without annotations are what is left when nothing else
 * is there. Throws a BadInputError that lists what was looked for if it is none, and a MisuseError that lists the formats if it may be
 * several.
 */
export async function recognizeDataset(path: string, source: DatasetSource): Promise<DatasetFormat> {
  if ((await source.exists(path)) === "file") return formatOfFile(path);
  const entries = await source.list(path);
  const fitting = datasetFormats.filter((format) => marks[format]?.isThere(entries));
  const [first, ...others] = fitting.length > 0 ? fitting : await nestedFormats(path, entries, source);
  if (others.length > 0) {
    const formats = [first, ...others];
    throw new MisuseError({
      where: path,
      what: "the folder may be data sets of several formats",
      expected: "one",
      got: formats.join(", "),
      advice: `Say which: --data-format ${formats.join(" or --data-format ")} (the option \`format\`).`,
    });
  }
  if (first !== undefined) return first;
  const there = entries.map(({ name, kind }) => (kind === "folder" ? `${name}/` : name)).sort(byCodeUnits);
  throw new BadInputError({
    where: path,
    what: "not recognized as a data set",
    expected: [
      ...Object.entries(marks).map(([format, mark]) => `${mark.files} (${format})`),
      "folders of pictures (classes)",
      "or pictures (pictures)",
    ].join("; "),
    got: there.length === 0 ? "an empty folder" : there.slice(0, 6).join(", ") + (there.length > 6 ? ", …" : ""),
    advice: "Say what it is with --data-format, and where things are with --images and --annotations.",
  });
}

/** What a folder without a mark of its own may be, by what is in the folders in it. */
async function nestedFormats(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<readonly DatasetFormat[]> {
  const found = new Set<DatasetFormat>();
  for (const { name, kind } of entries) {
    if (kind !== "folder") continue;
    const inside = await source.list(joinPath(path, name));
    if (file(isInstancesFile)(inside)) found.add("coco");
    if (file(named("image_ids.txt"))(inside)) found.add("wsol");
    if (folder(named("CLS-LOC"))(inside) || file((inner) => /\.xml$/i.test(inner))(inside)) found.add("imagenet");
  }
  if (found.size > 0) return [...found];
  if (file((name) => /\.xml$/i.test(name))(entries)) return ["imagenet"];
  const pictures = (await picturesIn(source, path)) ?? [];
  const isValidation = pictures.some(({ name }) => baseName(name).startsWith("ILSVRC2012_val_"));
  if (isValidation && file(named("val.txt"))(entries)) return ["imagenet"];
  if (pictures.some(({ name }) => name.includes("/"))) return ["classes"];
  if (pictures.length > 0) return ["pictures"];
  for (const { name, kind } of entries) {
    if (kind === "folder" && ((await picturesIn(source, joinPath(path, name))) ?? []).length > 0) return ["classes"];
  }
  return [];
}

function formatOfFile(path: string): DatasetFormat {
  const name = baseName(path);
  if (isCifarFile("cifar100", name)) return "cifar100";
  if (/\.bin$/i.test(name)) return "cifar10";
  if (/\.json$/i.test(name)) return "coco";
  if (isImagenetMark(name)) return "imagenet";
  if (/\.csv$/i.test(name)) return "boxes";
  if (name === "image_ids.txt") return "wsol";
  if (isPictureName(name)) return "pictures";
  throw new BadInputError({
    where: path,
    what: "not recognized as a data set",
    expected: "a CSV of boxes, instances_*.json, a batch of CIFAR (.bin), image_ids.txt or a picture",
    advice: "Say what it is with --data-format (the option `format`).",
  });
}
