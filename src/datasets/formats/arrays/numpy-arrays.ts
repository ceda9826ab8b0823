/**
 * @file NumPy's arrays of pictures and of their labels: in an .npz, as Keras' data sets (x_test, y_test) and MedMNIST's (test_images, test_labels) come, or
 * as .npy files in a folder.
 *
 * Pictures are bytes, [N, H, W], [N, H, W, C] or [N, C, H, W] with one or three channels; labels whole numbers, [N], [N, 1], or [N, K] with a 1 at the class.
 */
import { BadInputError, UnsupportedError } from "../../../errors.ts";
import type { Picture } from "../../../image/picture.ts";
import { decodeNpy } from "../../../tensor/npy.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Dataset } from "../../dataset.ts";
import type { DatasetFormatDefinition } from "../../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { partOfName, wantedPart } from "../../parts.ts";
import { byCodeUnits, joinPath } from "../../paths.ts";
import type { ReaderContext } from "../../reader.ts";
import { type NumberedPart, notUnpacked, numberedPictures } from "./numbered-pictures.ts";

/** More bytes than these sets have in one array. */
const mostBytes = 2 ** 31;

const part = "train|training|test|testing|val|valid|validation|dev";
/** "x_test", "train_images", "images", "y": what it is of, and the part, before or behind. */
const arrayName = new RegExp(
  `^(?:(${part})[-_.]?)?(?:(x|imgs?|images?|pictures|data)|(y|labels?|targets?|class(?:es)?))(?:[-_.]?(${part}))?$`,
  "i",
);

/** What an array of this name is for. */
function roleOf(name: string): { readonly role: "pictures" | "labels"; readonly part: string } | undefined {
  const [, before, pictures, labels, after] = arrayName.exec(name.replace(/\.npy$/i, "")) ?? [];
  if ((pictures ?? labels) === undefined) return undefined;
  return { role: pictures === undefined ? "labels" : "pictures", part: (before ?? after ?? "").toLowerCase() };
}

/** An array of pictures with that of their labels, by their names. */
interface Pair {
  readonly pictures: string;
  readonly labels: string;
  readonly part: string;
}

/** The pairs among names of arrays, in the order of their names. */
function pairsAmong(names: readonly string[]): readonly Pair[] {
  const found = names.flatMap((name) => {
    const known = roleOf(name);
    return known === undefined ? [] : [{ name, ...known }];
  });
  return found
    .filter(({ role }) => role === "pictures")
    .toSorted((a, b) => byCodeUnits(a.name, b.name))
    .flatMap(({ name: pictures, part }) => {
      const own = found.filter((one) => one.role === "labels" && one.part === part);
      return own.length === 1 ? [{ pictures, labels: own[0].name, part }] : [];
    });
}

/** Where arrays are read from: their names, and one of them. */
interface Arrays {
  readonly names: readonly string[];
  readonly read: (name: string) => Promise<Uint8Array>;
}

/** Throws a BadInputError for what is no archive, and where no array of labels belongs to one of pictures. */
async function readArrays(path: string, context: ReaderContext): Promise<Dataset> {
  const { source } = context;
  const isFile = (await source.exists(path)) === "file";
  const arrays = isFile ? await arraysInArchive(path, source) : await arraysInFolder(path, source);
  const pairs = pairsAmong(arrays.names);
  if (pairs.length === 0) {
    throw new BadInputError({
      where: path,
      what: "has no array of pictures with one of labels",
      expected: "x_test and y_test, test_images and test_labels, images and labels, or the like",
      got: arrays.names.slice(0, 8).join(", ") || "no arrays",
    });
  }
  const wanted = wantedPart(
    path,
    context.split,
    pairs.map(({ part }) => partOfName(part)),
  );
  const parts: NumberedPart[] = [];
  for (const pair of pairs) {
    if (wanted === undefined || partOfName(pair.part) === wanted) parts.push(await readPair(path, pair, arrays));
  }
  return numberedPictures({ path, name: "arrays" }, parts, context);
}

async function arraysInFolder(path: string, source: DatasetSource): Promise<Arrays> {
  const entries = await source.list(path);
  return { names: arrayFiles(entries), read: (name) => source.readBytes(joinPath(path, name)) };
}

const arrayFiles = (entries: readonly FileEntry[]): readonly string[] =>
  entries.flatMap(({ name, kind }) => (kind === "file" && /\.npy$/i.test(name) ? [name] : []));

async function arraysInArchive(path: string, source: DatasetSource): Promise<Arrays> {
  const bytes = await source.readBytes(path);
  const { unzipSync } = await import("fflate");
  const unzip = (isWanted: (name: string, size: number) => boolean): Readonly<Record<string, Uint8Array>> => {
    try {
      return unzipSync(bytes, { filter: ({ name, originalSize }) => isWanted(name, originalSize) });
    } catch (cause) {
      if (cause instanceof UnsupportedError) throw cause;
      throw notUnpacked(path, cause as Error);
    }
  };
  const names: string[] = [];
  unzip((name) => {
    names.push(name);
    return false;
  });
  return {
    names,
    read: async (name) =>
      unzip((other, size) => {
        if (other === name && size > mostBytes) {
          throw new UnsupportedError({
            where: `${path}: ${name}`,
            what: "is too large",
            expected: `at most ${mostBytes} bytes`,
            got: String(size),
          });
        }
        return other === name;
      })[name] ?? new Uint8Array(0),
  };
}

async function readPair(path: string, pair: Pair, { read }: Arrays): Promise<NumberedPart> {
  const [picturesAt, labelsAt] = [`${path}: ${pair.pictures}`, `${path}: ${pair.labels}`];
  const pictures = decodeNpy(await read(pair.pictures), picturesAt);
  const labels = labelsOf(decodeNpy(await read(pair.labels), labelsAt), labelsAt);
  const form = formOf(pictures, picturesAt);
  if (labels.length !== form.count) {
    throw new BadInputError({
      where: labelsAt,
      what: `has other numbers than ${pair.pictures}`,
      expected: `${form.count} labels`,
      got: String(labels.length),
    });
  }
  const { width, height, channels } = form;
  const size = width * height * channels;
  const data = pictures.data as Uint8Array;
  return {
    name: pair.part === "" ? pair.pictures.replace(/\.npy$/i, "") : pair.part,
    split: partOfName(pair.part),
    labels,
    bytesOf: (index) => data.subarray(index * size, (index + 1) * size),
    pictureOf: (stored): Picture => ({
      ...{ width, height, channels },
      data: form.isByChannel ? interleaved(stored, channels) : stored.slice(),
    }),
  };
}

interface Form {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Whether each channel is a plane of its own. */
  readonly isByChannel: boolean;
}

function formOf({ dtype, shape }: Tensor, where: string): Form {
  if (dtype !== "uint8") {
    throw new UnsupportedError({
      where,
      what: "the pictures are no bytes",
      expected: "uint8",
      got: dtype,
      advice:
        "Save them as they were before they were normalized: (255 * x).round().astype('uint8') of numbers from 0 to 1.",
    });
  }
  const [count = 0, first = 0, second = 0, third = 1] = shape;
  const isColor = (extent: number): boolean => extent === 1 || extent === 3;
  if (shape.length === 3) return { count, height: first, width: second, channels: 1, isByChannel: false };
  if (shape.length === 4 && isColor(third)) {
    return { count, height: first, width: second, channels: third, isByChannel: false };
  }
  if (shape.length === 4 && isColor(first)) {
    return { count, height: second, width: third, channels: first, isByChannel: true };
  }
  throw new UnsupportedError({
    where,
    what: "the array is none of pictures with one or three channels",
    expected: "[N, H, W], [N, H, W, C] or [N, C, H, W]",
    got: `[${shape.join(", ")}]`,
  });
}

function labelsOf({ dtype, shape, data }: Tensor, where: string): readonly number[] {
  const [count = 0, classes = 1] = shape;
  const numbers = Array.from(data as ArrayLike<number | bigint>, Number);
  if (/int/.test(dtype) && (shape.length === 1 || (shape.length === 2 && classes === 1))) return numbers;
  const rows = Array.from({ length: count }, (_, row) => numbers.slice(row * classes, (row + 1) * classes));
  const isOneHot = rows.every(
    (row) => row.every((x) => x === 0 || x === 1) && row.indexOf(1) === row.lastIndexOf(1) && row.includes(1),
  );
  if (shape.length === 2 && isOneHot) return rows.map((row) => row.indexOf(1));
  throw new UnsupportedError({
    where,
    what: "the array is none of a class for each picture",
    expected: "whole numbers, [N] or [N, 1], or [N, K] with a 1 at the class",
    got: `${dtype} [${shape.join(", ")}]`,
  });
}

function interleaved(planes: Uint8Array, channels: number): Uint8Array {
  const area = planes.length / channels;
  return planes.map((_, i) => planes[(i % channels) * area + Math.floor(i / channels)]);
}

export const arraysFormat = {
  name: "arrays",
  description: "NumPy's arrays of pictures and labels; an entry per picture",
  recognition: {
    files: "x_test.npy and y_test.npy, test_images.npy and test_labels.npy, or the like",
    folder: (entries) => pairsAmong(arrayFiles(entries)).length > 0,
    file: { named: "an .npz of pictures and labels", fits: (name) => /\.npz$/i.test(name) },
  },
  options: ["split"],
  read: readArrays,
} as const satisfies DatasetFormatDefinition;
