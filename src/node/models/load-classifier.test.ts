import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { writeModel } from "../../onnx/file/write-model.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { checkWritableFolder } from "../check-folder.ts";
import { readImage } from "../pictures/read-input.ts";
import { writePng } from "../pictures/write-image.ts";
import { loadClassifier } from "./load-classifier.ts";

let folder: string;
const path = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-classifier-"));
  writeFileSync(path("tiny.onnx"), writeModel(tinyClassifier()));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a classifier that knows its file, under two runtimes", async () => {
  const gray = { dtype: "float32", shape: [3, 5, 7], data: new Float32Array(105).fill(0.25) } as const;
  await writePng(path("gray.png"), gray);
  const [fast, exact] = await Promise.all(
    [ort, referenceRuntime].map((runtime) => loadClassifier(path("tiny.onnx"), { runtime })),
  );
  expect(fast.file).toMatchObject({ path: path("tiny.onnx"), folder, weightsFiles: [] });
  expect(fast.withPreprocessing(fast.guess).file).toBe(fast.file);
  const image = await readImage(path("gray.png"), fast.input);
  expect(image.shape).toEqual([3, 24, 24]);
  expect(image.data.every((value) => value === Math.fround(64 / 255))).toBe(true);
  const [a, b] = [await fast.classify(image), await exact.classify(image)];
  for (let k = 0; k < 4; k++) expect(a.logits[k]).toBeCloseTo(b.logits[k], 5);
  await fast.dispose();
});

test("labels from a file, with its line ends and its WordNet numbers", async () => {
  writeFileSync(path("labels.txt"), "\uFEFFn00000001 ant\r\nbee\r\ncat, tabby\r\ndog\r\n\r\n");
  const options = { runtime: referenceRuntime };
  const classifier = await loadClassifier(path("tiny.onnx"), { ...options, labels: path("labels.txt") });
  expect(classifier.labels).toEqual(["ant", "bee", "cat, tabby", "dog"]);
  await expect(loadClassifier(path("tiny.onnx"), { ...options, labels: path("none.txt") })).rejects.toThrow(
    /none.txt: no such file/,
  );
  await expect(loadClassifier(path("tiny.onnx"), { ...options, labels: folder })).rejects.toThrow(
    /: is a folder, expected a file of class names \(lines, CSV or JSON\), or one of imagenet, cifar10\.$/,
  );
  await expect(loadClassifier(path("tiny.onnx"), { ...options, labels: "imagenet" })).rejects.toThrow(
    /expected 4 lines.*got 1000/,
  );
  await expect(loadClassifier(path("tiny.onnx"), { ...options, label: "x" } as never)).rejects.toThrow(
    /Did you mean "labels"/,
  );
});

test.each([
  ["UTF-16, as Windows' editors write it", Buffer.from("\uFEFFfourmi\r\nabeille\r\nchat rayé\r\nchien\r\n", "utf16le")],
  ["UTF-16 with the large byte first", Buffer.from("\uFEFFfourmi\nabeille\nchat rayé\nchien", "utf16le").swap16()],
  ["Latin letters", Buffer.from("fourmi\nabeille\nchat rayé\nchien\n", "latin1")],
])("labels in %s", async (_, bytes) => {
  writeFileSync(path("encoded.txt"), bytes);
  const options = { runtime: referenceRuntime, labels: path("encoded.txt") };
  expect((await loadClassifier(path("tiny.onnx"), options)).labels).toEqual([
    "fourmi",
    "abeille",
    "chat rayé",
    "chien",
  ]);
});

test("what transformers' problem_type says of scores that no graph explains", async () => {
  const beside = mkdtempSync(join(folder, "beside-"));
  const model = join(beside, "model.onnx");
  writeFileSync(model, writeModel(tinyClassifier()));
  const config = (type: string): void =>
    writeFileSync(join(beside, "config.json"), `\uFEFF${JSON.stringify({ problem_type: type })}`);
  const load = () => loadClassifier(model, { runtime: referenceRuntime });
  config("multi_label_classification");
  expect((await load()).prepared.head).toMatchObject({
    kind: "multi-label",
    reason: expect.stringContaining("config.json beside the model (problem_type) says so"),
  });
  config("regression");
  await expect(load()).rejects.toThrow(/says that it is a regression.*--head value/s);
  config("single_label_classification");
  expect((await load()).prepared.head.kind).toBe("softmax");
});

test.each([
  ["model_info multilabel", "True", "multi-label"],
  ["model_info multilabel", "False", "softmax"],
  ["task", "multi-label classification", "multi-label"],
  ["problem_type", "single_label_classification", "softmax"],
])("what metadata says of such scores: %s = %s", async (key, value, kind) => {
  const model = tinyClassifier();
  writeFileSync(path("stated.onnx"), writeModel({ ...model, metadata: new Map([...model.metadata, [key, value]]) }));
  const { head } = (await loadClassifier(path("stated.onnx"), { runtime: referenceRuntime })).prepared;
  expect(head.kind).toBe(kind);
  if (kind !== "softmax") expect(head.reason).toContain(`the model's metadata (${key}) says so`);
});

describe("names in config.json", () => {
  const load = (config: object) => {
    const beside = mkdtempSync(join(folder, "names-"));
    writeFileSync(join(beside, "model.onnx"), writeModel(tinyClassifier()));
    writeFileSync(join(beside, "config.json"), JSON.stringify(config));
    return loadClassifier(join(beside, "model.onnx"), { runtime: referenceRuntime });
  };

  test.each([
    ["label2id alone", { num_labels: 4, label2id: { bee: 1, ant: 0, dog: 3, cat: 2 } }],
    ["names", { model_type: "yolo", names: ["ant", "bee", "cat", "dog"] }],
    ["class_to_idx", { class_to_idx: { ant: 0, bee: 1, cat: 2, dog: 3 } }],
    ["classes beside means", { mean: [0.5], std: [0.5], classes: ["ant", "bee", "cat", "dog"] }],
  ])("%s", async (_, config) => {
    const { labels, labelsReason } = await load(config);
    expect(labels).toEqual(["ant", "bee", "cat", "dog"]);
    expect(labelsReason).toBe("config.json beside the model");
  });

  test.each([
    [
      "what says nothing",
      { names: "tiny", id2label: {}, label2id: { LABEL_0: 0, LABEL_1: 1, LABEL_2: 2, LABEL_3: 3 } },
      [],
    ],
    ["names of other classes", { label2id: { ant: 0, bee: 1 } }, ["labels-do-not-fit"]],
    ["numbers with gaps", { label2id: { ant: 0, bee: 1, cat: 2, dog: 7 } }, ["unusable-file"]],
  ])("%s gives no names", async (_, config, codes) => {
    const { labels, warnings } = await load(config);
    expect(labels).toBeUndefined();
    expect(warnings.map(({ code }) => code)).toEqual(codes);
  });
});

describe("lists of names under other names", () => {
  const load = (files: Readonly<Record<string, string>>, model = tinyClassifier()) => {
    const beside = mkdtempSync(join(folder, "lists-"));
    writeFileSync(join(beside, "model.onnx"), writeModel(model));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(beside, name), text);
    return loadClassifier(join(beside, "model.onnx"), { runtime: referenceRuntime });
  };
  const text = "ant\nbee\ncat\ndog\n";

  test.each(["Labels.txt", "model_labels.txt", "synset.txt", "dict.txt"])("%s names the classes", async (name) => {
    const { labels, labelsReason } = await load({ [name]: text });
    expect(labels).toEqual(["ant", "bee", "cat", "dog"]);
    expect(labelsReason).toBe(`${name} beside the model`);
  });

  test("one that does not fit, or that cannot be read, is no word about this model", async () => {
    const { labels, warnings } = await load({ "dict.txt": "one\ntwo\n", "class_names.json": "{" });
    expect(labels).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  test("what the model itself says comes before it", async () => {
    const model = tinyClassifier();
    const metadata = new Map([...model.metadata, ["names", '["1a", "2b", "3c", "4d"]']]);
    expect((await load({ "dict.txt": text }, { ...model, metadata })).labels).toEqual(["1a", "2b", "3c", "4d"]);
  });

  test("Triton keeps the list above the folder of the version", async () => {
    const repository = mkdtempSync(join(folder, "triton-"));
    mkdirSync(join(repository, "1"));
    writeFileSync(join(repository, "1", "model.onnx"), writeModel(tinyClassifier()));
    writeFileSync(join(repository, "labels.txt"), text);
    const open = () => loadClassifier(join(repository, "1", "model.onnx"), { runtime: referenceRuntime });
    expect((await open()).labels).toBeUndefined();
    writeFileSync(join(repository, "config.pbtxt"), 'name: "net"');
    expect((await open()).labels).toEqual(["ant", "bee", "cat", "dog"]);
  });
});

test("a class whose name is empty is called by its number", async () => {
  const options = { runtime: referenceRuntime, labels: ["ant", "", "cat", "dog"] };
  const { labelName } = await loadClassifier(path("tiny.onnx"), options);
  expect([labelName(0), labelName(1)]).toEqual(["ant", "class 1"]);
});

test("wrong arguments get the house's messages", async () => {
  await expect(loadClassifier(path("tiny.onnx"), undefined as never)).rejects.toThrow(
    /^loadClassifier: runtime: no runtime, expected the module of onnxruntime-node.*import \* as runtime from 'onnxruntime-node'/,
  );
  await expect(loadClassifier(path("tiny.onnx"), { runtime: "node" } as never)).rejects.toThrow(
    /not a runtime.*got "node"/,
  );
  await expect(loadClassifier(new Uint8Array(3) as never, { runtime: ort })).rejects.toThrow(
    /^loadClassifier: not the path of a model, expected a string.*got a Uint8Array of 3 bytes/,
  );
});

test("a folder that can be written need not exist; nothing is created", () => {
  writeFileSync(path("file"), "");
  expect(() => checkWritableFolder(path("new/and/deep"))).not.toThrow();
  expect(() => checkWritableFolder(path("new"))).not.toThrow();
  expect(() => checkWritableFolder(path("file"))).toThrow(/file: is not a folder/);
  expect(() => checkWritableFolder(path("file/below"))).toThrow(/is a file, not a folder/);
  expect(() => checkWritableFolder(path("x".repeat(300)))).toThrow(/name too long/);
});

describe("what Custom Vision exports", () => {
  const manifest = {
    DomainType: "Classification",
    Platform: "ONNX",
    ModelFileName: "model.onnx",
    LabelFileName: "names.txt",
    MetadataPropsFileName: "metadata_properties.json",
  };
  const properties = {
    "CustomVision.Preprocess.CropMethod": "FullImageShorterSide",
    "CustomVision.Preprocess.NormalizeMean": "[0.0, 0.0, 0.0]",
    "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
    "CustomVision.Preprocess.ResizeMethod": "Stretch",
    "CustomVision.Preprocess.TargetHeight": "24",
    "CustomVision.Preprocess.TargetWidth": "24",
    "Image.BitmapPixelFormat": "Bgr8",
    "Image.NominalPixelRange": "NominalRange_0_255",
  };
  const exported = async (changes: { manifest?: object; properties?: object } = {}) => {
    const inside = mkdtempSync(join(folder, "export-"));
    const put = (name: string, text: string | Uint8Array): void => writeFileSync(join(inside, name), text);
    put("model.onnx", writeModel(tinyClassifier()));
    put("names.txt", "ant\nbee\ncat\ndog\n");
    put("cvexport.manifest", JSON.stringify({ ...manifest, ...changes.manifest }));
    put("metadata_properties.json", JSON.stringify({ ...properties, ...changes.properties }));
    return loadClassifier(join(inside, "model.onnx"), { runtime: referenceRuntime });
  };

  test("the manifest names the files that say how pixels are prepared and what the classes are called", async () => {
    const { guess, input, labelName, labelsReason, warnings } = await exported();
    expect(guess.reason).toMatch(/metadata_properties\.json beside the model/);
    expect(input).toMatchObject({ scale: 255, channels: "bgr", mean: [0, 0, 0], std: [1, 1, 1] });
    expect(input.geometry).toEqual({
      ...{ resize: { kind: "shorter", size: 24 }, crop: { width: 24, height: 24 } },
      interpolation: "bilinear",
    });
    expect(labelName(1)).toBe("bee");
    expect(labelsReason).toMatch(/names\.txt beside the model/);
    expect(warnings).toEqual([]);
  });

  test("without a crop the picture is squeezed; a normalization is in the numbers of the range", async () => {
    const { input } = await exported({
      properties: {
        "CustomVision.Preprocess.CropMethod": "NoCrop",
        "CustomVision.Preprocess.NormalizeMean": "[104, 117, 123]",
        "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
      },
    });
    expect(input.geometry.resize).toEqual({ kind: "exact", width: 24, height: 24 });
    expect(input).toMatchObject({ scale: 255, mean: [104, 117, 123], std: [1, 1, 1] });
  });

  test("a detector is warned of; the manifest of another model says nothing, and what it names lies beside the model", async () => {
    const detector = await exported({ manifest: { DomainType: "ObjectDetection" } });
    expect(detector.warnings).toMatchObject([
      { code: "other-task", message: expect.stringMatching(/"ObjectDetection", which is no classification/) },
    ]);
    const other = await exported({ manifest: { ModelFileName: "other.onnx" } });
    expect(other.guess.reason).not.toMatch(/metadata_properties/);
    const away = await exported({
      manifest: { LabelFileName: "../../names.txt", MetadataPropsFileName: "/etc/passwd" },
    });
    expect(away.labelName(1)).toBe("bee");
    expect(away.guess.reason).not.toMatch(/passwd/);
  });
});

test("a preprocessor_config.json that is no object is said, as one that is no JSON is", async () => {
  const own = mkdtempSync(join(folder, "config-"));
  writeFileSync(join(own, "tiny.onnx"), writeModel(tinyClassifier()));
  for (const [text, message] of [
    [
      '[{ "image_mean": [0.5] }]',
      /^preprocessor_config\.json beside the model cannot be used: .*no JSON object.*a list/,
    ],
    ["null", /no JSON object.*null/],
    ["{", /^preprocessor_config\.json beside the model cannot be used: /],
  ] as const) {
    writeFileSync(join(own, "preprocessor_config.json"), text);
    const { warnings } = await loadClassifier(join(own, "tiny.onnx"), { runtime: referenceRuntime });
    expect(warnings).toEqual([{ code: "unusable-file", message: expect.stringMatching(message) }]);
  }
});
