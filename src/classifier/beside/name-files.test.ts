import { describe, expect, test } from "vitest";
import { folderOf } from "./folder.ts";
import { nameFilesBeside } from "./name-files.ts";

/** The names of the files taken beside net.onnx. */
function taken(...files: string[]): string[] {
  const folder = folderOf(["net.onnx", ...files].map((name) => ({ name, text: "" })));
  return nameFilesBeside([folder], "net.onnx").map(({ name }) => name);
}

describe("lists of names are known by what they are called", () => {
  test.each([
    ...[
      "labels.txt",
      "Labels.txt",
      "class_names.json",
      "synset.txt",
      "synset_words.txt",
      "imagenet_classes.txt",
      "dict.txt",
    ],
    ...[
      "labelmap.txt",
      "label_map.pbtxt",
      "names.txt",
      "net_labels.txt",
      "net.labels.txt",
      "net-classes.json",
      "net.names",
    ],
    ...[
      "coco.names",
      "labels.csv",
      "class_indices.json",
      "idx_to_class.json",
      "index_to_name.json",
      "ImageNet1k-labels.txt",
    ],
    ...[
      "categories.txt",
      "label2id.json",
      "class_to_idx.json",
      "labels.yaml",
      "class_dict.csv",
      "classnames.txt",
      "vocab.json",
    ],
  ])("%s", (file) => {
    expect(taken(file)).toEqual([file]);
  });

  test.each([
    ...["README.txt", "requirements.txt", "vocab.txt", "net.txt", "net.json", "log.csv", "tokenizer.json"],
    // These are of pictures, one label each.
    ...["train_labels.csv", "val_labels.txt", "test-labels.csv", "image_labels.txt"],
    ...["labels.npy", "labels.py", "classification_report.txt", "class_weights.json"],
  ])("%s is none", (file) => {
    expect(taken(file)).toEqual([]);
  });

  test("a model's own list comes first, and another model's is left to it", () => {
    expect(taken("dict.txt", "labels.txt", "net_labels.txt", "other.onnx", "other_labels.txt")).toEqual([
      ...["net_labels.txt", "labels.txt", "dict.txt"],
    ]);
    expect(taken("net_v2.onnx", "net_v2_labels.txt", "net_labels.txt")).toEqual(["net_labels.txt"]);
  });
});
