import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { automaticLayers } from "../src/attacks/perceptual/perceptual-layers.ts";
import { createClassifier } from "../src/classifier/classifier.ts";
import { loadModelFile } from "../src/node/models/load-model.ts";
import { readNpy } from "../src/node/npy.ts";
import { numeric } from "../src/onnx/numeric-tensor.ts";
import { gradCamGrid } from "../src/saliency/cams/feature-grid.ts";
import { weightedSums } from "../src/saliency/cams/grad-cam.ts";
import { floatTensor } from "../src/tensor/tensor.ts";

const fixtures = join(import.meta.dirname, "../conformance/fixtures");
const pixels = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], channels: "rgb" } as const;

async function open(name: string) {
  const { model } = loadModelFile(join(fixtures, name, "model.onnx"));
  const input = await readNpy(join(fixtures, name, "input.npy"));
  const inputSize = [input.shape[2], input.shape[3]] as const;
  return { classifier: createClassifier(model, { runtime: ort, preprocessing: pixels, inputSize }), input };
}

describe("Grad-CAM of a family of networks is what PyTorch's hooks give, at the layer that is found by itself", () => {
  const names = readdirSync(fixtures).filter((name) => existsSync(join(fixtures, name, "grad-cam.npy")));

  test.each(names)("%s", async (name) => {
    const { classifier, input } = await open(name);
    const expected = await readNpy(join(fixtures, name, "grad-cam.npy"));
    const grid = gradCamGrid("test", classifier, null);
    expect([grid.height, grid.width]).toEqual(expected.shape);
    const size = input.shape.slice(1);
    const length = size.reduce((product, extent) => product * extent, 1);
    const image = floatTensor(Float32Array.from(numeric(input).data.slice(0, length)), size);
    const seed = Float32Array.from({ length: classifier.classCount }, (_, k) => Number(k === 0));
    const task = { classifier, image, seed, batch: undefined, signal: undefined };
    const [found] = await weightedSums([task], grid, "logits");
    await classifier.dispose();
    const wanted = numeric(expected).data;
    const scale = Math.max(...wanted.map(Math.abs));
    expect(Math.max(...found.map((value, i) => Math.abs(value - wanted[i])))).toBeLessThan(1e-5 * scale);
  });

  test("is compared for networks of convolutions, channels last, windows and tokens", () => {
    expect(names.sort()).toEqual(["convnext", "maxvit", "residual", "swin", "transformer-opset-17"]);
  });
});

test.each([
  // Two resolutions: too few stages, so four sums.
  ["convnext", "Add 4x4x8, Add 8x4x4, Add 4x4x8, Add 12x2x2"],
  ["transformer-opset-17", "Add 17x12, Add 17x12, Add 17x12, Add 17x12"],
  ["swin", "Add 8x8x4, Add 8x8x4, Add 8x8x4, Add 8x8x4"],
  // Not the gates of squeeze-and-excitation, nor the attention's windows.
  ["maxvit", "Conv 6x8x8, Mul 6x8x8, Conv 6x8x8, Add 8x4x4"],
])("the automatic layers of %s lie on grids that every way passes through", async (name, expected) => {
  const { classifier } = await open(name);
  const layers = automaticLayers(classifier).map(({ operator, shape }) => `${operator} ${shape.slice(1).join("x")}`);
  await classifier.dispose();
  expect(layers.join(", ")).toBe(expected);
});
