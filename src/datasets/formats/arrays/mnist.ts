/**
 * @file The idx files of MNIST (LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist) and of the sets that come in them: Fashion-MNIST, KMNIST,
 * EMNIST, QMNIST.
 *
 * A file begins with two bytes of 0, one of the type (8: bytes) and one of how many axes there are, then the extents, 32 bits each, the highest byte
 * first, then the numbers. Pictures are [N, H, W], gray; labels, in a file of their own, [N]. Files may be compressed (.gz). EMNIST's pictures are stored
 * column by column.
 */
import { BadInputError, oneOf } from "../../../errors.ts";
import type { Dataset, DatasetSplit } from "../../dataset.ts";
import { type DatasetFormatDefinition, hasFile } from "../../dataset-format.ts";
import { chunksOf, type DatasetSource } from "../../dataset-source.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { baseName, byCodeUnits, folderName, joinPath } from "../../paths.ts";
import type { ReaderContext } from "../../reader.ts";
import { type NumberedPart, notUnpacked, numberedPictures } from "./numbered-pictures.ts";

/** "train-images-idx3-ubyte", "t10k-images.idx3-ubyte.gz", "emnist-letters-test-images-idx3-ubyte". */
const imagesName = /^(.*?(train|t10k|test))-images[-.]idx3-ubyte(\.gz)?$/i;

/** Fashion-MNIST's classes (Xiao, Rasul and Vollgraf 2017); its files have MNIST's names. */
const fashionClasses = [
  ...["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
];

/** A file of pictures with that of its labels. */
interface Pair {
  /** What the pictures are called by: "t10k", "emnist-letters-test". */
  readonly name: string;
  readonly split: DatasetSplit;
  readonly images: string;
  readonly labels: string;
}

/** More than the largest of these sets has, 814,255 pictures of 784 bytes. */
const mostBytes = 2 ** 31;

/**
 * The pictures of the files at `path`: a folder, one with a folder of them in it ("raw"), or a file of pictures. They are called by file and number, such as
 * "t10k/42"; the files' bytes stay in memory. Classes are called by their numbers, of a path that says "fashion" by Fashion-MNIST's names.
 *
 * Throws a BadInputError that gives the numbers where a file is cut short, is none of these, or has other numbers of labels than of pictures.
 */
async function readMnist(path: string, context: ReaderContext): Promise<Dataset> {
  const { source, signal } = context;
  const split = context.split === undefined ? undefined : oneOf("mnist: split", context.split, ["train", "test"]);
  const pairs = (await pairsAt(path, source)).filter((pair) => split === undefined || pair.split === split);
  if (pairs.length === 0) throw nothingAt(path, split);
  const parts = await mapConcurrently(pairs, (pair) => readPair(pair, source), { limit: 2, signal });
  const isFashion =
    /fashion/i.test(pairs[0].images) &&
    parts.every(({ labels }) =>
      Array.from(labels).every((label) => label !== undefined && label < fashionClasses.length),
    );
  return numberedPictures(
    isFashion ? { path, name: "fashion-mnist", classNames: fashionClasses } : { path, name: "mnist" },
    parts,
    context,
  );
}

async function readPair(
  { name, split, images, labels: labelsPath }: Pair,
  source: DatasetSource,
): Promise<NumberedPart> {
  const [{ extents, data: pixels }, { data: labels }] = [
    await readIdx(images, 3, source),
    await readIdx(labelsPath, 1, source),
  ];
  const [count, first, second] = extents;
  if (labels.length !== count) {
    throw new BadInputError({
      where: labelsPath,
      what: `has other numbers than ${baseName(images)}`,
      expected: `${count} labels`,
      got: String(labels.length),
    });
  }
  const size = first * second;
  const isByColumns = /^emnist/i.test(baseName(images));
  return {
    ...{ name, split, labels },
    bytesOf: (index) => pixels.subarray(index * size, (index + 1) * size),
    pictureOf: (stored) =>
      isByColumns
        ? { width: first, height: second, channels: 1, data: transposed(stored, first, second) }
        : { width: second, height: first, channels: 1, data: stored.slice() },
  };
}

/** Rows of what is stored column by column. */
function transposed(columns: Uint8Array, width: number, height: number): Uint8Array {
  return columns.map((_, i) => columns[(i % width) * height + Math.floor(i / width)]);
}

interface Idx {
  readonly extents: readonly number[];
  readonly data: Uint8Array;
}

/** The bytes of an idx file of so many axes. */
async function readIdx(path: string, axes: number, source: DatasetSource): Promise<Idx> {
  const bytes = await bytesOf(path, source);
  const header = 4 + 4 * axes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isIdx = bytes.length >= header && bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8 && bytes[3] === axes;
  if (!isIdx) {
    throw new BadInputError({
      where: path,
      what: bytes.length === 0 ? "is empty" : "is no idx file of bytes",
      expected: `a file that begins with 0, 0, 8, ${axes}`,
      got: [...bytes.subarray(0, 4)].join(", "),
    });
  }
  const extents = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = extents.reduce((product, extent) => product * extent, 1);
  if (size > 0 && bytes.length === header + size) return { extents, data: bytes.subarray(header) };
  throw new BadInputError({
    where: path,
    what: size === 0 ? "holds nothing" : "is cut short, or more than it says",
    expected: `${header + size} bytes for ${extents.join(" × ")}`,
    got: String(bytes.length),
    advice: "Copy or download the file again.",
  });
}

/** The file's bytes, unpacked if it is compressed. */
async function bytesOf(path: string, source: DatasetSource): Promise<Uint8Array> {
  if (!/\.gz$/i.test(path)) return source.readBytes(path);
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async start(controller) {
      try {
        for await (const chunk of chunksOf(source, path)) controller.enqueue(new Uint8Array(chunk));
        controller.close();
      } catch (error) {
        controller.error(error);
      }
    },
  });
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of packed.pipeThrough(new DecompressionStream("gzip"))) {
      length += chunk.length;
      if (length > mostBytes) throw new RangeError(`more than ${mostBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof BadInputError) throw cause;
    throw notUnpacked(path, cause as Error);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The files of pictures at `path`, or in the folders in it, each with that of its labels, in the order of their names. */
async function pairsAt(path: string, source: DatasetSource): Promise<readonly Pair[]> {
  if ((await source.exists(path)) === "file") return [await pairOf(path, source)];
  const entries = await source.list(path);
  const folders = [path, ...entries.flatMap(({ name, kind }) => (kind === "folder" ? [joinPath(path, name)] : []))];
  const found = new Map<string, string>();
  for (const folder of folders) {
    const files = folder === path ? entries : await source.list(folder);
    for (const { name, kind } of files) {
      // What is there both packed and unpacked is one.
      const own = name.replace(/\.gz$/i, "");
      if (kind === "file" && imagesName.test(name) && !found.get(own)?.endsWith(own))
        found.set(own, joinPath(folder, name));
    }
  }
  const paths = [...found.values()].sort(byCodeUnits);
  return Promise.all(paths.map((images) => pairOf(images, source)));
}

async function pairOf(images: string, source: DatasetSource): Promise<Pair> {
  const [, name, part] = imagesName.exec(baseName(images)) ?? [];
  const split = part?.toLowerCase() === "train" ? "train" : "test";
  const folder = folderName(images);
  // Packed or not, with a point or a hyphen, in the same folder or each in one of its own name.
  const stem = baseName(images)
    .replace(/images/i, "labels")
    .replace(/idx3/i, "idx1")
    .replace(/\.gz$/i, "");
  const names = [stem, stem.replace(/[-.]idx1/i, ".idx1"), stem.replace(/[-.]idx1/i, "-idx1")];
  for (const one of names.flatMap((own) => [own, `${own}.gz`])) {
    for (const place of [joinPath(folder, one), joinPath(joinPath(folderName(folder), one), one)]) {
      if (name !== undefined && (await source.exists(place)) === "file") return { name, split, images, labels: place };
    }
  }
  throw new BadInputError({ where: images, what: "has no labels beside it", expected: stem });
}

function nothingAt(path: string, split: string | undefined): BadInputError {
  return new BadInputError({
    where: path,
    what: split === undefined ? "there are no idx files of pictures" : `there are no idx files of the part ${split}`,
    expected: "train-images-idx3-ubyte or t10k-images-idx3-ubyte, packed (.gz) or not",
  });
}

export const mnistFormat = {
  name: "mnist",
  description: "idx files of MNIST, Fashion-MNIST, KMNIST, EMNIST and QMNIST; an entry per picture",
  recognition: {
    files: "t10k-images-idx3-ubyte, packed (.gz) or not, or in a folder such as raw/",
    folder: hasFile((name) => imagesName.test(name)),
    inner: hasFile((name) => imagesName.test(name)),
    file: { named: "t10k-images-idx3-ubyte", fits: (name) => imagesName.test(name) },
  },
  options: ["split"],
  read: readMnist,
} as const satisfies DatasetFormatDefinition;
