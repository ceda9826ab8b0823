/**
 * @file The text format of "Evaluating Weakly Supervised Object Localization Methods Right" (Choe et al. 2020), section 3 of its data
 * page: `image_ids.txt` (a path per line), `class_labels.txt` ("path,class"), `image_sizes.txt` ("path,width,height") and
 * `localization.txt` ("path,x0,y0,x1,y1", a line per box).
 *
 * Boxes count pixels from 0 and include both ends, as the overlap in the authors' evaluation does, which adds 1 to widths.
 */

import { MisuseError, UnsupportedError } from "../../errors.ts";
import { halfOpen } from "../box-annotation.ts";
import { type ClassLabels, classLabels } from "../class-labels.ts";
import { type DatasetProblem, finishDataset } from "../dataset.ts";
import { called, type DatasetFormatDefinition, hasFile } from "../dataset-format.ts";
import type { DatasetSource, PictureSize } from "../dataset-source.ts";
import { folderOfFiles } from "../files/find-folder.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { splitOfName } from "../parts.ts";
import { baseName, folderName, joinPath } from "../paths.ts";
import {
  type DatasetReader,
  entriesOf,
  type Findings,
  joinFindings,
  leftOut,
  namedPicture,
  pictureFile,
} from "../reader.ts";
import { parseCsv } from "../syntax/parse-csv.ts";
import { imagenetSynsets } from "./imagenet-synsets.ts";

/**
 * The images of the lists in the folder `path` (or in `test`, `val` or `train` in it), named as in `image_ids.txt`. Pictures are
 * in `images`, or in the folder, "images" in it, the folder above, "images" in that, or the one above that. Class numbers are ImageNet's where the paths
 * say ILSVRC, otherwise the classifier's own.
 *
 * Throws an UnsupportedError for masks in place of boxes (OpenImages).
 */
const readWsol: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const folder = await listFolder(
    source,
    (await source.exists(path)) === "file" ? folderName(path) : path,
    context.split,
  );
  const problems: DatasetProblem[] = [];
  const table = async (name: string, columns: number): Promise<Map<string, string[][]>> => {
    const file = context.annotations === undefined ? joinPath(folder, name) : joinPath(context.annotations, name);
    return rowsById(await source.readText(file), file, columns, problems);
  };
  const [idRows, labelRows, boxRows] = [
    await table("image_ids.txt", 1),
    await table("class_labels.txt", 2),
    await table("localization.txt", 5),
  ];
  const sizeRows = (await source.exists(joinPath(folder, "image_sizes.txt")))
    ? await table("image_sizes.txt", 3)
    : undefined;
  const ids = [...idRows].map(([id, rows]) => {
    if (rows.length > 1) problems.push({ kind: "duplicate", image: id, message: "is there twice; taken once" });
    return id;
  });
  const chosen = selection.pictures(ids.map((id) => ({ id, split: splitOfName(baseName(folder)) })));
  if (chosen.length === 0)
    return finishDataset(path, { name: "wsol", images: [], problems: [...selection.problems, ...problems] });
  const [parent, grandparent] = [folderName(folder), folderName(folderName(folder))];
  const places = [folder, joinPath(folder, "images"), parent, joinPath(parent, "images"), grandparent];
  const pictures = await folderOfFiles(
    source,
    folder,
    context.images === undefined ? places : [context.images],
    chosen.map(({ id }) => id),
  );
  const labels = classes === undefined ? undefined : classLabels(classes);
  const findings = await mapConcurrently(
    chosen,
    async ({ id, split }): Promise<Findings> => {
      const picture = await namedPicture(id, pictures, context);
      if (!("path" in picture)) return picture;
      const [label, ...more] = new Set(labelRows.get(id)?.map((row) => row[0]) ?? []);
      if (label === undefined) return leftOut(id, "missing-annotation", "has no line in class_labels.txt");
      if (more.length > 0 || !/^\d+$/.test(label)) {
        return leftOut(id, "malformed-annotation", `its class is ${JSON.stringify([label, ...more].join(" and "))}`);
      }
      const size = sizeOf(sizeRows?.get(id));
      const rows = boxRows.get(id) ?? [];
      const isImagenet = /ILSVRC/.test(id) || /ILSVRC/.test(path);
      const lookup = labels === undefined ? { label: Number(label) } : labelOf(labels, Number(label), isImagenet);
      const objects = rows.map((row) => {
        const [x0, y0, x1, y1] = row.map(Number);
        return { className: label, lookup, box: halfOpen([x0, y0, x1, y1], 0) };
      });
      return entriesOf({ id, file: pictureFile(source, picture.path), split, size, objects }, false, context);
    },
    { signal },
  );
  const found = joinFindings(findings);
  return finishDataset(path, {
    name: baseName(folder),
    classNames: classes?.names,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
  });
};

function labelOf(labels: ClassLabels, index: number, isImagenet: boolean): ReturnType<ClassLabels["ofIndex"]> {
  const synset = isImagenet ? imagenetSynsets[index] : undefined;
  return synset === undefined ? labels.ofIndex(index) : labels.ofSynset(synset);
}

function sizeOf(rows: string[][] | undefined): PictureSize | undefined {
  const [width, height] = rows?.[0]?.map(Number) ?? [];
  return Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0 ? { width, height } : undefined;
}

async function listFolder(source: DatasetSource, path: string, split: string | undefined): Promise<string> {
  const parts = split === undefined ? ["", "test", "val", "train"] : [split, ""];
  for (const part of parts) {
    const folder = part === "" ? path : joinPath(path, part);
    if ((await source.exists(joinPath(folder, "image_ids.txt"))) === "file") return folder;
  }
  throw new MisuseError({
    where: path,
    what: "there is no image_ids.txt",
    expected: parts.map((part) => (part === "" ? path : joinPath(path, part))).join(" or "),
  });
}

/** The rows of a table by their first column, which is left out of them. Rows with another number of columns are problems. */
function rowsById(text: string, where: string, columns: number, problems: DatasetProblem[]): Map<string, string[][]> {
  const rows = new Map<string, string[][]>();
  for (const { line, fields } of parseCsv(text, where)) {
    const [id, ...rest] = fields;
    if (fields.length !== columns) {
      if (columns === 5 && fields.length === 3) {
        throw new UnsupportedError({ where, what: "masks in place of boxes", expected: "path,x0,y0,x1,y1" });
      }
      const image = `${baseName(where)}, line ${line}`;
      problems.push({
        kind: "bad-line",
        image,
        message: `${fields.length} fields where there should be ${columns}; left out`,
      });
      continue;
    }
    const known = rows.get(id);
    if (known === undefined) rows.set(id, [rest]);
    else known.push(rest);
  }
  return rows;
}

export const wsolFormat = {
  name: "wsol",
  description: "the lists of Choe et al. 2020; an entry per picture",
  recognition: {
    files: "image_ids.txt",
    folder: hasFile(called("image_ids.txt")),
    inner: hasFile(called("image_ids.txt")),
    file: { named: "image_ids.txt", fits: called("image_ids.txt") },
  },
  options: ["images", "annotations", "split"],
  read: readWsol,
} as const satisfies DatasetFormatDefinition;
