/** @file What people have data sets in that is not read, known by the names of files, with what to do. */

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
