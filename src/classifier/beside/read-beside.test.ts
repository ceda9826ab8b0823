import { describe, expect, test } from "vitest";
import { folderOf } from "./folder.ts";
import { readBeside } from "./read-beside.ts";

/** What files say beside net.onnx. */
function beside(files: Readonly<Record<string, unknown>>) {
  const texts = Object.entries({ "net.onnx": "", ...files }).map(([name, content]) => ({
    name,
    text: typeof content === "string" ? content : JSON.stringify(content),
  }));
  const { stated, labels, warnings, used } = readBeside([folderOf(texts)], "net.onnx");
  return {
    from: stated.map(({ reason }) => reason.replace(" beside the model", "")),
    normalization: stated[0]?.stated.normalization,
    channels: stated[0]?.stated.channels,
    names: labels[0]?.names,
    codes: warnings.map(({ code }) => code),
    used: [...used].toSorted(),
  };
}

const units = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
const names = ["ant", "bee"];

describe("configurations of other makers beside a model", () => {
  test.each<[string, Record<string, unknown>, boolean, boolean]>([
    ["MMDeploy", { "pipeline.json": { tasks: [{ transforms: [{ type: "Normalize", ...units }] }] } }, true, false],
    [
      "PaddleClas",
      {
        "inference.yml": `PreProcess:
  transform_ops:
  - NormalizeImage:
      scale: 1.0/255.0
      mean: [0.5, 0.5, 0.5]
      std: [0.25, 0.25, 0.25]
PostProcess:
  Topk:
    label_list:
    - ant
    - bee
`,
      },
      true,
      true,
    ],
    ["ultralytics", { "metadata.yaml": "names:\n  0: ant\n  1: bee\nstride: 1\n" }, false, true],
    ["the model's own", { "net.json": { ...units, class_names: names } }, true, true],
    [
      "a configuration of the model",
      { "model_config.json": { ...units, class_to_idx: { ant: 0, bee: 1 } } },
      true,
      true,
    ],
    ["preprocessing", { "preprocessing.json": units }, true, false],
    ["an object within", { "config.json": { model: "x", data: 1, preprocess: { normalize: units } } }, true, false],
  ])("%s", (_, files, statesPixels, namesClasses) => {
    const { from, normalization, names: found, codes } = beside(files);
    expect(from).toEqual(statesPixels ? Object.keys(files) : []);
    if (statesPixels) expect(normalization).toMatchObject(units);
    expect(found).toEqual(namesClasses ? names : undefined);
    expect(codes).toEqual([]);
  });

  const bytes = [123.675, 116.28, 103.53];
  const deviations = [58.395, 57.12, 57.375];
  const three = (value: number): readonly number[] => [value, value, value];
  test.each<[string, Record<string, unknown>, object, "rgb" | "bgr" | undefined]>([
    [
      "Lobe",
      { "signature.json": { classes: { Label: names }, inputs: { Image: { shape: [null, 8, 8, 3] } } } },
      { scale: 1, mean: three(0), std: three(1) },
      "rgb",
    ],
    [
      "Teachable Machine",
      { "metadata.json": { tmVersion: "2.4.5", labels: names } },
      { scale: "symmetric", mean: three(0), std: three(1) },
      "rgb",
    ],
    ["OpenCLIP", { "open_clip_config.json": { preprocess_cfg: { ...units, resize_mode: "squash" } } }, units, "rgb"],
    ["fastai", { "export.json": { imagenet_stats: [units.mean, units.std] } }, units, undefined],
    [
      "NVIDIA's in YAML",
      { "nvdsinfer_config.yaml": "property:\n  net-scale-factor: 0.5\n  offsets: 1;2;3\n  model-color-format: 1\n" },
      { scale: 255, mean: [1, 2, 3], std: three(2) },
      "bgr",
    ],
    ["Keras' mode", { "preprocessing.json": { mode: "caffe" } }, { scale: 255, std: three(1) }, "bgr"],
    [
      "Keras' rescale",
      { "model_config.json": { rescale: 1 / 255, target_size: [8, 8] } },
      { scale: 1, std: three(1) },
      undefined,
    ],
    [
      "a function of Keras'",
      { "config.json": { preprocessing: { function: "keras.applications.xception.preprocess_input" } } },
      { scale: "symmetric" },
      "rgb",
    ],
    ["an order beside the numbers", { "preprocess.json": { ...units, color_order: "BGR" } }, units, "bgr"],
    ["how many channels there are", { "preprocess.json": { ...units, channels: 3, layout: "NCHW" } }, units, undefined],
    ["words in capitals", { "preprocess.json": { ...units, channels: "BGR" } }, units, "bgr"],
    [
      "an order in another section",
      {
        "config.yaml":
          "MODEL:\n  PIXEL_MEAN: [103.53, 116.28, 123.675]\n  PIXEL_STD: [1, 1, 1]\nINPUT:\n  FORMAT: BGR\n",
      },
      { scale: 255, mean: bytes.toReversed(), std: three(1) },
      "bgr",
    ],
    ["deeper", { "config.json": { data: { test: { pipeline: { normalize: units } } } } }, units, undefined],
    [
      "factors",
      { "preprocess.json": { mean: bytes, scale: deviations.map((value) => 1 / value) } },
      { scale: 255, mean: bytes, std: deviations.map((value) => expect.closeTo(value, 6)) },
      undefined,
    ],
    [
      "variances",
      { "preprocess.json": { mean: units.mean, variance: three(0.0625) } },
      { scale: 1, ...units },
      undefined,
    ],
    [
      "one for all channels",
      { "preprocess.json": { mean: 127.5, std: 127.5 } },
      { scale: 255, std: [127.5] },
      undefined,
    ],
    [
      "a factor and an offset",
      { "preprocess.json": { scale: 1 / 127.5, offset: -1 } },
      { scale: 255, mean: three(127.5), std: three(127.5) },
      undefined,
    ],
  ])("what %s says of pixels", (_, files, normalization, channels) => {
    const found = beside(files);
    expect(found).toMatchObject({ from: Object.keys(files), normalization, codes: [] });
    expect(found.channels).toBe(channels);
  });

  test("a file that is called a preprocessing and says nothing that is known is a warning", () => {
    expect(beside({ "preprocessing.json": { recipe: "ours" } })).toMatchObject({ from: [], codes: ["unusable-file"] });
    expect(beside({ "preprocess.json": { mean: 0.5, scale: -1 } }).codes).toEqual(["unusable-file"]);
  });

  test.each([
    ["ranges of random crops", { transforms: { RandomResizedCrop: { scale: [0.08, 1] } } }],
    ["noise", { transforms: [{ name: "GaussNoise", mean: 0, std: 0.05 }] }],
    ["boxes", { head: { bbox_coder: { target_means: [0, 0, 0, 0], target_stds: [1, 1, 1, 1] } } }],
    ["losses", { loss: { mean: [0.1, 0.2, 0.3], std: [1, 1, 1] } }],
  ])("%s are no preprocessing", (_, config) => {
    expect(beside({ "config.yaml": config, "config.json": config })).toMatchObject({ from: [], codes: [] });
  });

  test("NVIDIA's names its own model and list", () => {
    const text = (model: string) =>
      `[property]\nnet-scale-factor=1\nonnx-file=../${model}\nlabelfile-path=names.list\n`;
    const files = { "config_infer_primary.txt": text("net.onnx"), "names.list": "ant;bee" };
    expect(beside(files)).toMatchObject({ from: ["config_infer_primary.txt"], names: ["ant;bee"] });
    expect(beside({ ...files, "config_infer_primary.txt": text("other.onnx") })).toMatchObject({
      from: [],
      names: undefined,
    });
  });

  /** Lists of lists of aliases, a billion in all. */
  const bomb = Array.from({ length: 9 }, (_, i) => {
    const inner = i === 0 ? "0" : `*a${i - 1}`;
    return `- &a${i} [${Array(10).fill(inner).join(", ")}]\n`;
  }).join("");
  test.each<[string, Record<string, unknown>]>([
    ["measurements", { "metadata.json": { mean: 0.93, std: 0.01, labels: 12, accuracy: [0.9] } }],
    ["measurements within", { "config.json": { results: { mean: [0.9], std: [0.1] } } }],
    ["what repeats itself without end", { "model.yaml": bomb }],
    ["what is no JSON", { "metadata.json": "{", "model.yaml": ": :" }],
    ["a configuration of another model", { "other.onnx": "", "other.json": { ...units, class_names: names } }],
    ["counts under the words of names", { "data.yaml": "names: 3\nnc: 3\n" }],
  ])("%s say nothing, and nothing is said of them", (_, files) => {
    expect(beside(files)).toEqual({
      ...{ from: [], normalization: undefined, channels: undefined },
      ...{ names: undefined, codes: [], used: [] },
    });
  });

  test("steps that cannot be meant are a warning", () => {
    const steps = [{ type: "Normalize", mean: ["a"], std: [1] }];
    expect(beside({ "pipeline.json": steps })).toMatchObject({ from: [], codes: ["unusable-file"] });
  });
});

describe("JSON files whose names say nothing", () => {
  const meta = { architecture: "TinyNet", img_size: 64, classes: names, normalize: units };

  test.each(["meta.json", "info.json", "labels_meta.json", "stats.json", "net_extra.json"])("%s", (file) => {
    const { from, normalization, names: found, codes } = beside({ [file]: meta });
    expect({ from, found, codes }).toEqual({ from: [file], found: names, codes: [] });
    expect(normalization).toMatchObject(units);
  });

  test("count after those that are called as usual", () => {
    const other = { mean: [0.1, 0.1, 0.1], std: [0.2, 0.2, 0.2], classes: ["cat", "dog"] };
    const files = { "a.json": other, "labels.txt": "ant\nbee\n", "preprocess.json": units };
    const { from, names: found } = beside(files);
    expect(from).toEqual(["preprocess.json", "a.json"]);
    expect(found).toEqual(names);
  });

  test.each<[string, unknown]>([
    ["names", names],
    ["numbers and names", { 0: "ant", 1: "bee" }],
    ["names within", { data: { labels: names } }],
  ])("%s name the classes", (_, content) => {
    expect(beside({ "notes.json": content })).toMatchObject({ from: [], names, codes: [] });
  });

  test.each<[string, Record<string, unknown>]>([
    ["another model's", { "net2.onnx": "", "net2_meta.json": meta }],
    ["large", { "meta.json": { ...meta, more: "x".repeat(2 ** 20) } }],
    ["no JSON", { "meta.json": "{ not JSON" }],
    ["words of something else", { "a.json": { epochs: 1, seed: 0 }, "b.json": { title: "x" }, "c.json": null }],
    ["labels of pictures", { "a.json": { labels: ["ant", "bee", "ant", "ant"] } }],
    ["files", { "a.json": ["1.jpg", "2.jpg"] }],
    ["one number for all", { "a.json": { mean: 0.5, std: 0.2 } }],
    ["what came out of a network", { "metrics.json": { mean: [0.91, 0.92, 0.9], std: [0.1, 0.1, 0.1] } }],
    ["many", Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`${n}.json`, meta]))],
  ])("nothing is taken of: %s", (_, files) => {
    expect(beside(files)).toMatchObject({ from: [], names: undefined, codes: [] });
  });
});
