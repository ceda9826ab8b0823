/** @file From the rows of tables of boxes to the entries of a data set: what their numbers mean is decided for all of them together. */
import { areShares, sharesNote } from "../../box-shares.ts";
import { classLabels, type LabelLookup, matchStatedList, numbersFromOne } from "../../class-labels.ts";
import type { Box, DatasetPart, DatasetProblem } from "../../dataset.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { baseName, plainName } from "../../paths.ts";
import {
  entriesOf,
  type Findings,
  joinFindings,
  leftOut,
  type PictureFile,
  type ReaderContext,
  sizeOf,
} from "../../reader.ts";
import { areCorners } from "./bbox-corners.ts";
import type { BoxRow, BoxTable } from "./box-table.ts";

/** A file of rows, as far as its pictures are called by it. */
export interface RowsFile {
  readonly path: string;
  /** What stands before the names of its pictures in ids: "", or "train/". */
  readonly prefix: string;
  readonly split?: DatasetPart;
}

/** What a file says of one picture. */
export interface PictureRows<F extends RowsFile = RowsFile> {
  readonly id: string;
  /** Its name in the file. */
  readonly image: string;
  readonly split?: DatasetPart;
  readonly file: F;
  readonly table: BoxTable;
  readonly own: readonly BoxRow[];
}

/** The pictures that the table names, with their rows; rows that name none, or repeat another, are problems. */
export function picturesOf<F extends RowsFile>(
  file: F,
  table: BoxTable,
  problems: DatasetProblem[],
): readonly PictureRows<F>[] {
  for (const problem of table.problems) problems.push(problem);
  const byImage = new Map<string, BoxRow[]>();
  const seen = new Set<string>();
  for (const row of table.rows) {
    const image = plainName(row.image);
    const key = JSON.stringify([image, ...row.texts, row.label]);
    if (image === "") {
      const where = `${baseName(file.path)}, ${row.at}`;
      problems.push({ kind: "bad-line", image: where, message: "names no picture; left out" });
    } else if (seen.has(key)) {
      problems.push({ kind: "duplicate", image: file.prefix + image, message: `${row.at} repeats a box; left out` });
    } else {
      const known = byImage.get(image);
      if (known === undefined) byImage.set(image, [row]);
      else known.push(row);
    }
    seen.add(key);
  }
  const { prefix, split } = file;
  return [...byImage].map(([image, own]) => ({ id: prefix + image, image, file, split, table, own }));
}

export interface BoxedPictures<F extends RowsFile> {
  /** All that the tables say: which classes there are, and how the numbers are meant. */
  readonly rows: readonly PictureRows<F>[];
  /** Those that are wanted. */
  readonly chosen: readonly PictureRows<F>[];
  /** The picture, or the findings of an entry that is left out. */
  readonly find: (picture: PictureRows<F>) => Promise<PictureFile | Findings>;
  /** Names for the classes that the rows give by number. */
  readonly names?: ReadonlyMap<string, string>;
  /** The classes in their order, where the data set states it. */
  readonly listedClasses?: readonly string[];
}

/**
 * The entries of the chosen pictures: one for each, called "<id>#<class>" where its boxes are of several classes. `path` stands for the data set in messages.
 */
export async function boxEntries<F extends RowsFile>(
  path: string,
  { rows, chosen, find, names, listedClasses }: BoxedPictures<F>,
  context: ReaderContext,
): Promise<Findings & { readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const nameOf = ({ label }: BoxRow): string => names?.get(label) ?? label;
  const classTexts = [...new Set(rows.flatMap(({ own }) => own.map(nameOf)))];
  const lookupOf = lookupsOf(classTexts, listedClasses, context, notes);
  const bbox = rows.find(({ table }) => table.bbox !== undefined)?.table.bbox;
  const measured = rows.map((picture) => ({
    boxes: picture.own.flatMap(({ box }) => (box === undefined ? [] : [box])),
    size: async () => {
      const { width, height } = picture.own[0];
      if (width > 0 && height > 0) return { width, height };
      const found = await find(picture);
      return "where" in found ? sizeOf(found) : undefined;
    },
  }));
  const hasCorners = bbox !== undefined && (await areCorners(path, bbox, measured));
  if (bbox !== undefined) {
    const meaning = hasCorners
      ? "two corners, [x0, y0, x1, y1): as [x, y, width, height], as COCO has it, most boxes would reach out of their pictures"
      : "[x, y, width, height], as COCO has it";
    notes.push(`The column ${bbox} is taken as ${meaning}.`);
  }
  const boxOf = ({ box }: BoxRow): Box | undefined =>
    box !== undefined && hasCorners ? [box[0], box[1], box[2] - box[0], box[3] - box[1]] : box;
  const hasShares = await areShares(boxesOf(chosen, boxOf), { areMeant: rows[0]?.table.areShares });
  if (hasShares) notes.push(sharesNote);
  const findings = await mapConcurrently(
    chosen,
    async (entry): Promise<Findings> => {
      const { id, split, table, own } = entry;
      const file = await find(entry);
      if (!("where" in file)) return { images: [], problems: file.problems.map((one) => ({ ...one, image: id })) };
      const bad: Findings[] = [];
      const objects = own.flatMap((row) => {
        const { at, texts } = row;
        const className = nameOf(row);
        const box = boxOf(row);
        if (box !== undefined) return [{ className, lookup: className === "" ? undefined : lookupOf(className), box }];
        if (!row.isEmpty) {
          const message = `${at}: ${JSON.stringify(texts[0].slice(0, 40))} is no ${table.wanted}`;
          bad.push(leftOut(id, "malformed-annotation", message));
        }
        return [];
      });
      const { width, height } = own[0];
      const size = width > 0 && height > 0 ? { width, height } : undefined;
      const isMixed = new Set(objects.map(({ className }) => className)).size > 1;
      const { images, problems } = await entriesOf({ id, file, split, size, hasShares, objects }, isMixed, context);
      const named = images.map((one) => ({ ...one, className: one.className || undefined }));
      return joinFindings([...bad, { images: named, problems }]);
    },
    { signal: context.signal },
  );
  return { ...joinFindings(findings), notes };
}

/** The labels of classes as they are written; what was concluded is added to the notes. */
function lookupsOf(
  classTexts: readonly string[],
  listedClasses: readonly string[] | undefined,
  { classes }: Pick<ReaderContext, "classes">,
  notes: string[],
): (className: string) => LabelLookup | undefined {
  if (listedClasses !== undefined) {
    const match = matchStatedList(listedClasses, classes);
    notes.push(...match.notes);
    const lookups = new Map(listedClasses.map((name, index) => [name, match.lookups[index]]));
    return (className) => lookups.get(className);
  }
  if (classes === undefined) return () => undefined;
  const labels = classLabels(classes);
  const shifted = numbersFromOne(classTexts, classes);
  return (className) => (shifted === undefined ? labels.ofText(className) : { reason: shifted });
}

function* boxesOf(pictures: readonly PictureRows[], boxOf: (row: BoxRow) => Box | undefined): Generator<Box> {
  for (const { own } of pictures) {
    for (const row of own) {
      const box = boxOf(row);
      if (box !== undefined) yield box;
    }
  }
}
