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

/** The form of Teachable Machine's networks as tf2onnx names it, with another name for the convolution of its `base`. */
function ofTeachableForm(base = "model1") {
  const at = (layer: string): string => `"StatefulPartitionedCall/sequential_4/${layer}:0"`;
  const weights = Array.from({ length: 9 }, (_, n) => n / 8);
  return createClassifier(
    parseModel(`<ir_version: 8, opset_import: ["": 15], producer_name: "tf2onnx">
      g (float[N,224,224,3] sequential_1_input) => (float[N,2] sequential_3)
      <float[3,3,1,1] c = {${weights}}, float[3,2] w = {1, -1, 0, 2, 1, 0}>
      { t = Transpose <perm = [0, 3, 1, 2]> (sequential_1_input)
        ${at(`sequential_1/${base}/Conv1/Conv2D`)} = Conv (t, c)
        ${at("sequential_1/global_average_pooling2d_GlobalAveragePooling2D1/Mean")} = GlobalAveragePool (${at(`sequential_1/${base}/Conv1/Conv2D`)})
        f = Flatten (${at("sequential_1/global_average_pooling2d_GlobalAveragePooling2D1/Mean")})
        ${at("sequential_3/dense_Dense2/MatMul")} = MatMul (f, w)
        sequential_3 = Softmax (${at("sequential_3/dense_Dense2/MatMul")}) }`),
    { where: "m.onnx", runtime: referenceRuntime },
  );
}

test("Teachable Machine's networks are known by the names of their layers, and take the middle of a picture", () => {
  const { input, guess } = ofTeachableForm();
  expect(input).toMatchObject({ scale: "symmetric", channels: "rgb" });
  expect(input.geometry).toMatchObject({ resize: { kind: "shorter", size: 224 }, crop: { width: 224, height: 224 } });
  expect(guess).toMatchObject({ isUncertain: false, reason: expect.stringContaining("Teachable Machine") });
  expect(ofTeachableForm("model9").guess.reason).not.toContain("Teachable Machine");
});
