import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readBesideModel } from "./beside-model.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** What files say beside net.onnx. */
function beside(files: Readonly<Record<string, unknown>>) {
  const folder = mkdtempSync(join(tmpdir(), "beside-"));
  folders.push(folder);
  for (const [name, content] of Object.entries({ "net.onnx": "", ...files })) {
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  const { stated, labels, warnings } = readBesideModel(join(folder, "net.onnx"));
  return {
    from: stated.map(({ reason }) => reason.replace(" beside the model", "")),
    normalization: stated[0]?.stated.normalization,
    names: labels[0]?.names,
    codes: warnings.map(({ code }) => code),
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
    [
      "Lobe",
      { "signature.json": { classes: { Label: names }, inputs: { Image: { shape: [null, 8, 8, 3] } } } },
      false,
      true,
    ],
    ["Teachable Machine", { "metadata.json": { tmVersion: "2.4.5", labels: names } }, false, true],
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
    expect(beside(files)).toEqual({ from: [], normalization: undefined, names: undefined, codes: [] });
  });

  test("steps that cannot be meant are a warning", () => {
    const steps = [{ type: "Normalize", mean: ["a"], std: [1] }];
    expect(beside({ "pipeline.json": steps })).toMatchObject({ from: [], codes: ["unusable-file"] });
  });
});
