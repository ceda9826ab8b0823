/** @file The boxes that Parquet files say, as entries of a data set. */
import { sizedPicture } from "../../../classifier/preprocessing/fit-picture.ts";
import { type Dataset, type DatasetProblem, finishDataset } from "../../dataset.ts";
import type { ReadPictureOptions } from "../../dataset-source.ts";
import type { ReaderContext } from "../../reader.ts";
import { boxEntries, type PictureRows, picturesOf, type RowsFile } from "../boxes/box-entries.ts";
import { huggingFaceTable } from "../boxes/box-json.ts";
import type { OpenedTable } from "./open-table.ts";
import type { PictureColumns } from "./table-columns.ts";

/** A table, as entries of boxes have files. */
interface TableOfBoxes extends RowsFile {
  readonly opened: OpenedTable;
  readonly indexOf: ReadonlyMap<string, number>;
}

/** The pictures with the boxes that the tables say, an entry for each class of a picture. */
export async function boxedPictures(
  own: { readonly path: string; readonly name: string; readonly classNames?: readonly string[] },
  tables: readonly (OpenedTable & { readonly first: number })[],
  notes: readonly string[],
  context: ReaderContext,
): Promise<Dataset> {
  const { source, selection, classes } = context;
  const { path, classNames } = own;
  const problems: DatasetProblem[] = [];
  const rows: PictureRows<TableOfBoxes>[] = [];
  for (const one of tables) {
    const { table, columns, boxes, first } = one;
    const images = boxes.map((_, index) => `${table.part}/${first + index}`);
    const pictures = boxes.map((row, index) => ({ ...row, at: `row ${index}`, image: images[index] }));
    const indexOf = new Map(images.map((image, index) => [image, index]));
    const file = { path: table.path, prefix: "", split: table.split, opened: one, indexOf };
    const read = huggingFaceTable(pictures, nameOfBoxes(columns));
    // Too many to be the arguments of one call.
    for (const picture of picturesOf(file, read, problems)) rows.push(picture);
  }
  const find = async ({ id, file: { path: where, opened: one, indexOf } }: PictureRows<TableOfBoxes>) => {
    const bytesOf = (): Promise<Uint8Array> => one.bytesOf(indexOf.get(id) ?? -1);
    const inTable = `${where}: ${id}`;
    return {
      where: inTable,
      size: async () =>
        source.decodePictureSize === undefined
          ? sizedPicture(await source.decodePicture(await bytesOf(), inTable))
          : source.decodePictureSize(await bytesOf(), inTable),
      picture: async (options?: ReadPictureOptions) => source.decodePicture(await bytesOf(), inTable, options),
      stored: async function* () {
        yield await bytesOf();
      },
    };
  };
  const chosen = selection.pictures(rows);
  const names = new Map(classNames?.map((name, number) => [String(number), name]));
  const found = await boxEntries(path, { rows, chosen, find, names, listedClasses: classNames }, context);
  return finishDataset(path, {
    name: own.name,
    classNames: classes?.names ?? classNames,
    listedClasses: classNames,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes: [...notes, ...rows.slice(0, 1).flatMap(({ table }) => table.notes), ...found.notes],
  });
}

function nameOfBoxes({ boxes }: PictureColumns): string {
  return boxes?.column.kind === "objects" ? `${boxes.column.name}.bbox` : (boxes?.column.name ?? "");
}
