/** @file What people have data sets in that is not read, known by the names of files and folders or by how a file begins, with what to do. */
import type { DatasetSource, FileEntry } from "./dataset-source.ts";
import { isHiddenFolder, joinPath } from "./paths.ts";

interface ForeignData {
  readonly pattern: RegExp;
  readonly what: string;
  readonly advice: string;
}

const asPictures =
  "Write the pictures as PNG files in a folder per class (cat/1.png), or in one folder with a CSV (image,label).";
const unpacked = "Unpack it, and give the folder.";

const kinds: readonly ForeignData[] = [
  {
    pattern: /^(data_batch_\d|test_batch|batches\.meta|cifar-10-batches-py|cifar-10-python\.tar\.gz)$/,
    what: "CIFAR-10 as Python's pickles",
    advice: "--data cifar10 fetches the binary version, and --data cifar10:FOLDER takes one that is there.",
  },
  {
    pattern: /^(cifar-100-python(\.tar\.gz)?)$/,
    what: "CIFAR-100 as Python's pickles",
    advice: "--data cifar100 fetches the binary version, and --data cifar100:FOLDER takes one that is there.",
  },
  { pattern: /idx\d[-.]ubyte(\.gz)?$/i, what: "MNIST's idx files", advice: asPictures },
  { pattern: /\.(zip|rar|7z|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz|zst))$/i, what: "an archive", advice: unpacked },
  {
    pattern: /\.(arrow|feather)$/i,
    what: "Arrow's tables",
    advice: 'Write them as Parquet: load_from_disk(…).to_parquet("test.parquet") of Hugging Face\'s datasets.',
  },
  { pattern: /\.tfrecords?$|-\d{5}-of-\d{5}$/i, what: "TFRecords", advice: asPictures },
  { pattern: /\.(h5|hdf5|he5|nc)$/i, what: "HDF5", advice: asPictures },
  { pattern: /\.mat$/i, what: "MATLAB's arrays", advice: asPictures },
  {
    pattern: /\.npz$/i,
    what: "NumPy's arrays of many pictures",
    advice: "Give the file itself: arrays such as x_test and y_test, or images and labels, are read.",
  },
  {
    pattern: /\.npy$/i,
    what: "NumPy's arrays of many pictures",
    advice: "Call them x_test.npy and y_test.npy, or images.npy and labels.npy, to have them read.",
  },
  { pattern: /\.(mdb|lmdb|beton|rec|pkl|pickle|pth?)$/i, what: "a file of one framework", advice: asPictures },
];

/** What labelling tools write that is not read, by what all is at the beginning of the file. */
const texts: readonly (Pick<ForeignData, "what" | "advice"> & { readonly patterns: readonly RegExp[] })[] = [
  {
    patterns: [/^\s*\[/, /"(from_name|rectanglelabels|original_width|completed_by|lead_time|annotation_id)"\s*:/],
    what: "Label Studio's own JSON",
    advice: "Export the project from Label Studio as COCO, Pascal VOC XML or YOLO, with pictures.",
  },
  {
    patterns: [/^\s*\{/, /"(classTitle|geometryType)"\s*:|"classes"\s*:\s*\[\s*\{\s*"(title|id|color)"/],
    what: "Supervisely's own JSON",
    advice: "Export the project from Supervisely as COCO, Pascal VOC or YOLO.",
  },
  {
    patterns: [/<annotations>/, /<track\b/],
    what: "CVAT's XML of a video",
    advice: "Export the task from CVAT as COCO 1.0 or CVAT for images 1.1, with images.",
  },
];

/** What the text of a file is that begins so, if that is known and not read, and what to do. */
export function foreignText(head: string): Pick<ForeignData, "what" | "advice"> | undefined {
  return texts.find(({ patterns }) => patterns.every((pattern) => pattern.test(head)));
}

/** What the folder at `path` holds, if that is known by its folders and not read, and what to do. */
export async function foreignFolder(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<Pick<ForeignData, "what" | "advice"> | undefined> {
  const folders = entries.filter(({ name, kind }) => kind === "folder" && !isHiddenFolder(name));
  const has = (among: readonly FileEntry[], ...names: readonly string[]): boolean =>
    names.every((wanted) => among.some(({ name, kind }) => kind === "folder" && name === wanted));
  if (has(folders, "wider_face_split")) {
    const advice = "Write them as a CSV (image,x,y,w,h): the first four numbers of each line.";
    return { what: "WIDER FACE's lists", advice };
  }
  for (const { name } of [{ name: "" }, ...folders]) {
    const inside = name === "" ? folders : await source.list(joinPath(path, name));
    if (has(inside, "label_2")) {
      const advice = "Write them as a CSV (image,x0,y0,x1,y1,label): the fields 5 to 8 of each line, and the first.";
      return { what: "KITTI's labels", advice };
    }
    if (has(inside, "ann", "img") && entries.some((entry) => entry.name === "meta.json")) {
      return texts.find(({ what }) => what.startsWith("Supervisely"));
    }
  }
  return undefined;
}

/** Which of the names is that of data that are not read, what that is, and what to do; undefined if none is. */
export function foreignData(
  names: readonly string[],
): (Pick<ForeignData, "what" | "advice"> & { readonly name: string }) | undefined {
  for (const { pattern, what, advice } of kinds) {
    const name = names.find((one) => pattern.test(one));
    if (name !== undefined) return { name, what, advice };
  }
  return undefined;
}
