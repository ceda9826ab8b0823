import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { resizeFloat } from "../../image/resize.ts";
import { GraphBuilder } from "../../onnx/builder.ts";
import { type Model, tensorOfInitializer } from "../../onnx/model.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { guidedBackprop } from "../gradients/guided-backprop.ts";
import { contrastiveExcitationBackprop, excitationBackprop } from "./excitation-backprop.ts";
import { gradCam } from "./grad-cam.ts";
import { guidedGradCam } from "./guided-grad-cam.ts";

const scene = floatTensor(
  Float32Array.from({ length: 3 * 24 * 24 }, (_, i) => 0.5 + 0.4 * Math.sin(i / 7) * Math.cos(i / 31)),
  [3, 24, 24],
);

describe("by hand: two feature maps, pooled and weighed", () => {
  // One channel of 2 × 4 pixels; the 1 × 1 convolution makes x and 1 − x, both positive; logits 3 a − 2 b and b of the means.
  const g = new GraphBuilder();
  const image = g.input("image", "float32", [1, 1, 2, 4]);
  const weights = g.constant(floatTensor([1, -1], [2, 1, 1, 1]), "w");
  const conv = g.op("Conv", [image, weights, g.constant(floatTensor([0, 1], [2]), "b")]);
  const means = g.op("Flatten", [g.op("GlobalAveragePool", [g.op("Relu", [conv])])]);
  g.output(g.op("Gemm", [means, g.constant(floatTensor([3, 0, -2, 1], [2, 2]), "v")]), "logits");
  const classifier = createClassifier(modelOf(g.toGraph()), { runtime: referenceRuntime, preprocessing: "unit" });
  const x = [0.1, 0.4, 0.5, 0.9, 0.2, 0.3, 0.8, 1];
  const input = floatTensor(x, [1, 2, 4]);

  test("Grad-CAM is the positive part of Σ α A: with the mean over 8 cells, α = (3, −2) / 8", async () => {
    const { map, details } = await gradCam.explain(classifier, input, { label: 0 });
    expect([...map.data]).toEqual(x.map((v) => expect.closeTo(Math.max(0, (3 * v - 2 * (1 - v)) / 8), 6)));
    expect(details?.grid).toEqual([2, 4]);
  });

  test("guided Grad-CAM is that times the guided gradient: of label 1 nothing passes, for its only weight counts down", async () => {
    const { map, evaluations } = await guidedGradCam.explain(classifier, input, { label: 0 });
    // Guided: 3/8 through a, the −2/8 through b is held back; then 1 · 3/8.
    expect([...map.data]).toEqual(x.map((v) => expect.closeTo((Math.max(0, (3 * v - 2 * (1 - v)) / 8) * 3) / 8, 6)));
    expect(evaluations).toEqual({ forward: 0, gradient: 2 });
  });

  test("the rounded map of cnnv", async () => {
    const { map, settings } = await guidedGradCam.explain(classifier, input, {
      label: 0,
      preset: "cnnv",
    });
    const sums = x.map((v) => Math.max(0, 1 + (3 * v - 2 * (1 - v)) / 8));
    const [low, high] = [Math.min(...sums), Math.max(...sums)];
    const bytes = sums.map((sum) => Math.floor(255 * ((sum - low) / (high - low))));
    expect([...map.data]).toEqual(bytes.map((byte) => expect.closeTo((byte / 255) * (3 / 8), 6)));
    expect(settings).toMatchObject({ preset: "cnnv", cam: "bytes", readout: "sum" });
  });
});

function lastWeights({ graph }: Model): Float32Array {
  const w3 = graph.initializers.get("w3");
  const data = w3 && tensorOfInitializer(w3).data;
  if (data instanceof Float32Array) return data;
  throw new Error("the tiny classifier has no weights w3");
}

describe("on a network that ends in global average pooling and a linear layer", () => {
  const model = tinyClassifier();
  const classifier = createClassifier(model, { runtime: ort, threads: 1 });
  afterAll(() => classifier.dispose());

  test("Grad-CAM is CAM: the last feature maps by the weights of the class, over the number of cells", async () => {
    const label = 2;
    const [last] = classifier.layers.filter(({ operator, ordinal }) => operator === "Relu" && ordinal === 1);
    const pass = await classifier.backward({ of: "logits", layers: [last], input: false });
    const [{ activations }] = await pass.run([{ image: scene.data, seed: new Float32Array(4) }]);
    const weights = lastWeights(model);
    const cells = 144;
    const cam = Float32Array.from({ length: cells }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < 8; k++) sum += weights[k * 4 + label] * activations[0][k * cells + i];
      return Math.max(0, sum / cells);
    });
    expect(Math.max(...cam)).toBeGreaterThan(0);
    const wanted = resizeFloat(floatTensor(cam, [12, 12]), { width: 24, height: 24, interpolation: "bilinear" });
    const { map } = await gradCam.explain(classifier, scene, { label });
    map.data.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted.data[i], 6);
    });
    const nearest = await gradCam.explain(classifier, scene, { label, upsampling: "nearest" });
    expect(nearest.map.data[2 * 24 + 2]).toBeCloseTo(cam[13], 6);
    expect(nearest.map.data[3 * 24 + 3]).toBeCloseTo(cam[13], 6);
  });

  test("Captum's guided Grad-CAM is guided backpropagation times the map by repetition", async () => {
    const guided = await guidedBackprop.explain(classifier, scene, { label: 1, readout: "sum" });
    const cam = await gradCam.explain(classifier, scene, { label: 1, upsampling: "nearest" });
    const both = await guidedGradCam.explain(classifier, scene, { label: 1, preset: "captum" });
    both.map.data.forEach((value, i) => {
      expect(value).toBeCloseTo(guided.map.data[i] * cam.map.data[i], 6);
    });
  });

  test.each([0, 1, 2, 3])("excitation backpropagation of class %i: 1 in all, and the contrast 0", async (label) => {
    const { map, details } = await excitationBackprop.explain(classifier, scene, { label });
    expect(details?.total).toBeCloseTo(1, 5);
    expect(details?.grid).toEqual([12, 12]);
    // Enlarging 12² cells to 24² pixels by interpolation keeps the mean but at the border.
    expect(map.data.reduce((sum, value) => sum + value, 0) / 4).toBeCloseTo(1, 1);
    const contrast = await contrastiveExcitationBackprop.explain(classifier, scene, { label });
    expect(contrast.details?.total).toBeCloseTo(0, 5);
    expect(Math.max(...contrast.map.data)).toBeGreaterThan(0);
  });

  test("excitation backpropagation takes any layer, the first too", async () => {
    const { details } = await excitationBackprop.explain(classifier, scene, {
      label: 1,
      layer: "Relu[0]",
    });
    expect(details).toMatchObject({ grid: [24, 24], total: expect.closeTo(1, 5) });
  });
});
