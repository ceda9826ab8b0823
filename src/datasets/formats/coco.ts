/**
 * @file COCO's `instances_*.json` (https://cocodataset.org/#format-data): `images` (id, file_name, width, height), `annotations`
 * (image_id, category_id, bbox, iscrowd) and `categories` (id, name).
 *
 * `bbox` is [x, y, width, height] in pixels, not rounded, the picture's corner being (0, 0): the box is [x, y, x + width,
 * y + height). A picture with objects of several categories is one entry per category. Regions marked `iscrowd` hold many objects of
 * a kind and are not boxes of one: they are left out.
 */

import { BadInputError, MisuseError } from "../../errors.ts";
import { labelsOfClassList } from "../class-labels.ts";
import { type DatasetProblem, finishDataset } from "../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../dataset-format.ts";
import type { DatasetSource } from "../dataset-source.ts";
import { folderOfFiles } from "../find-folder.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { baseName, byCodeUnits, folderName, joinPath } from "../paths.ts";
import {
  type AnnotatedObject,
  type DatasetReader,
  entriesOf,
  type Findings,
  joinFindings,
  namedPicture,
  splitOfName,
} from "../reader.ts";
import { readInstances } from "./coco-instances.ts";

/** Whether the name is one of the format's files. */
function isInstancesFile(name: string): boolean {
  return /^instances_\w+\.json$/.test(name);
}

/**
 * The entries of the file at `path`, or of the one in `annotations` in the folder `path` that `split` names ("val2017", or "test",
 * which means the validation part, as COCO's test pictures have no annotations). Ids are "<file name>#<category>".
 */
const readCoco: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const file = context.annotations ?? (await instancesFile(source, path, context.split));
  const part = /^instances_(\w+)\.json$/.exec(baseName(file))?.[1] ?? "";
  const { pictures, categories, problems } = await readInstances(source, file);
  const categoryNames = categories.map(({ name }) => name);
  const lookups =
    classes === undefined ? categoryNames.map((_, label) => ({ label })) : labelsOfClassList(categoryNames, classes);
  const position = new Map(categories.map(({ id }, index) => [id, index]));
  const candidates = pictures.map((picture) => ({ ...picture, split: splitOfName(part) }));
  const chosen = selection.pictures(candidates.sort((a, b) => byCodeUnits(a.id, b.id)));
  const beside = [folderName(folderName(file)), folderName(file)];
  const places = [part, `images/${part}`, "images", ""].flatMap((name) =>
    beside.map((root) => (name === "" ? root : joinPath(root, name))),
  );
  const folders = context.images === undefined ? places : [context.images];
  const names = chosen.map(({ id }) => id);
  const folder = names.length === 0 ? "" : await folderOfFiles(source, file, folders, names);
  const findings = await mapConcurrently(
    chosen,
    async ({ id, size, annotations, split }): Promise<Findings> => {
      const picture = await namedPicture(id, folder, context);
      if (!("path" in picture)) return picture;
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
      const found = await entriesOf({ id, path: picture.path, split, size, objects }, true, context);
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
  });
};

/** The file of the wanted part in the folder `path` or its "annotations". */
async function instancesFile(source: DatasetSource, path: string, split: string | undefined): Promise<string> {
  if ((await source.exists(path)) === "file") return path;
  const folders = [joinPath(path, "annotations"), path];
  for (const folder of folders) {
    if ((await source.exists(folder)) !== "folder") continue;
    const files = (await source.list(folder))
      .map(({ name }) => name)
      .filter(isInstancesFile)
      .sort(byCodeUnits);
    if (files.length === 0) continue;
    const fits = (name: string, wanted: string): boolean => name.startsWith(`instances_${wanted}`);
    const wanted = split === undefined || split === "test" ? ["test", "val"] : [split];
    const exact = files.filter((name) => name === `instances_${split}.json`);
    const fitting = exact.length > 0 ? exact : files.filter((name) => wanted.some((part) => fits(name, part)));
    const chosen = fitting.length === 0 && split === undefined ? files : fitting;
    if (chosen.length === 1) return joinPath(folder, chosen[0]);
    throw new MisuseError({
      where: folder,
      what: chosen.length === 0 ? `there is no part ${JSON.stringify(split)}` : "there are several parts",
      expected: `--split with one of ${files.map((name) => name.slice("instances_".length, -".json".length)).join(", ")}`,
    });
  }
  throw new BadInputError({
    where: path,
    what: "there are no instances_*.json",
    expected: `them in ${folders.join(" or ")}`,
  });
}

export const cocoFormat = {
  name: "coco",
  description: "COCO's instances; an entry per picture and category",
  recognition: {
    files: "instances_*.json, in annotations/ or not",
    folder: hasFile(isInstancesFile),
    inner: hasFile(isInstancesFile),
    file: { named: "instances_*.json", fits: (name) => /\.json$/i.test(name) },
  },
  options: ["images", "annotations", "split"],
  read: readCoco,
} as const satisfies DatasetFormatDefinition;
