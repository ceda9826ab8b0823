import { expect, test } from "vitest";
import { parseModel } from "../onnx/text/parse.ts";
import { referenceRuntime } from "../runtime/reference-runtime.ts";
import { type ClassifierOptions, createClassifier } from "./classifier.ts";

/** A network of `count` classes whose scores are called as PaddlePaddle's exporter calls them, or `called`. */
function network(where: string, { input = "N,3,h,w", count = 2, called = "softmax_0.tmp_0" } = {}) {
  const weights = Array.from({ length: 3 * count }, (_, n) => n / 8);
  return (options: Omit<ClassifierOptions, "runtime"> = {}) =>
    createClassifier(
      parseModel(`<ir_version: 7, opset_import: ["": 13]>
        g (float[${input}] x) => (float[N,${count}] "${called}") <float[3,${count}] w = {${weights}}>
        { a = GlobalAveragePool (x) f = Flatten (a) s = MatMul (f, w) "${called}" = Softmax (s) }`),
      { where, runtime: referenceRuntime, ...options },
    );
}

const direction = {
  input: {
    ...{ height: 48, width: 192, scale: "symmetric", channels: "bgr" },
    geometry: { resize: { kind: "exact", width: 192, height: 48 }, interpolation: "bilinear" },
  },
  labels: ["0", "180"],
  guess: { isUncertain: false, hasKnownChannels: true },
  warnings: [],
};

test.each([
  ["models/ch_ppocr_mobile_v2.0_cls_infer.onnx", "y"],
  ["C:\\models\\cls.onnx", "softmax_0.tmp_0"],
  ["text_cls_infer.onnx", "save_infer_model/scale_0.tmp_1"],
])("PaddleOCR's classifier of upright and turned text is known: %s", (where, called) => {
  const classifier = network(where, { called })();
  expect(classifier).toMatchObject(direction);
  expect(classifier.labelsReason).toContain("PaddleOCR");
  expect(classifier.guess.reason).toContain("PaddleOCR");
  expect(classifier.prepared).toMatchObject({ isSizeAssumed: false, notes: [] });
});

test.each([
  ["another name", network("turned.onnx")],
  ["another network of PaddlePaddle's", network("pp_lcnet_x0_25_textline_ori_cls_infer.onnx")],
  ["another exporter", network("cls.onnx", { called: "y" })],
  ["three classes", network("cls.onnx", { count: 3 })],
  ["a size of its own", network("cls.onnx", { input: "N,3,80,160" })],
])("other networks are none: %s", (_, create) => {
  const { labels, guess, input } = create();
  expect(labels).toBeUndefined();
  expect(guess.reason).not.toContain("PaddleOCR");
  expect([input.height, input.width]).not.toEqual([48, 192]);
});

test("what is given or stated counts before what is known", () => {
  const create = network("cls.onnx");
  const given = create({ inputSize: [48, 320], preprocessing: { channels: "rgb" }, labels: ["up", "down"] });
  expect(given.input).toMatchObject({
    ...{ height: 48, width: 320, channels: "rgb", scale: "symmetric" },
    geometry: { resize: { kind: "exact", width: 320, height: 48 } },
  });
  expect(given.labels).toEqual(["up", "down"]);
  const stated = create({
    beside: {
      stated: [{ stated: { normalization: { mean: [0.1], std: [0.2] }, inputSize: [32, 96] }, reason: "net.json" }],
      labels: [{ names: ["upright", "turned"], reason: "labels.txt", where: "labels.txt", isGiven: false }],
    },
  });
  expect(stated.input).toMatchObject({ height: 32, width: 96, mean: [0.1, 0.1, 0.1] });
  expect(stated.labels).toEqual(["upright", "turned"]);
});
