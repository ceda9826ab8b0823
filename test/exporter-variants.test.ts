import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { deconvnetRules } from "../src/autodiff/deconvnet-rules.ts";
import { differentiate } from "../src/autodiff/differentiate.ts";
import { excitationRules } from "../src/autodiff/excitation-rules.ts";
import { guidedRules } from "../src/autodiff/guided-rules.ts";
import type { RuleTable } from "../src/autodiff/rules/index.ts";
import { prepareModel } from "../src/classifier/network/prepare-model.ts";
import { loadModelFile } from "../src/node/models/load-model.ts";
import { readNpy } from "../src/node/npy.ts";
import { evaluate } from "../src/onnx/evaluate.ts";
import { numeric } from "../src/onnx/numeric-tensor.ts";

const fixtures = join(import.meta.dirname, "../conformance/fixtures");

/** What a backward pass under `rules` gives for the first picture and class 0. */
async function passOf(path: string, rules: RuleTable): Promise<Float64Array> {
  const [folder] = path.split("/");
  const input = numeric(await readNpy(join(fixtures, folder, "input.npy")));
  const shape = [1, ...input.shape.slice(1)];
  const picture = { ...input, shape, data: input.data.slice(0, input.data.length / input.shape[0]) };
  const inputSize = [shape[2], shape[3]] as const;
  const prepared = prepareModel(loadModelFile(join(fixtures, path)).model, { where: path, inputSize });
  const inputShapes = { [prepared.input]: shape };
  const graph = differentiate(prepared.graph, {
    of: prepared.logits,
    wrt: [prepared.input],
    gradients: ["result"],
    inputShapes,
    rules,
  });
  const cotangent = numeric({ dtype: "float32", shape: [1, 5], data: Float32Array.of(1, 0, 0, 0, 0) });
  return evaluate(graph, { [prepared.input]: picture, cotangent }, ["result"]).result.data;
}

/** The same weights as different exporters, or versions of one, write them. */
const pairs = [
  ["convnext/model.onnx", "convnext-opset-17/model.onnx"],
  ["convnext/model.onnx", "convnext/optimized.onnx"],
  ["transformer/model.onnx", "transformer-opset-11/model.onnx"],
  ["inverted-residual/model.onnx", "inverted-residual-opset-11/model.onnx"],
  ["transformer/model.onnx", "transformer/optimized.onnx"],
  ["swin/model.onnx", "swin/optimized.onnx"],
];

describe.each(pairs)("%s and %s explain alike", (one, other) => {
  test.each([
    ["guided", guidedRules],
    ["deconvolutional", deconvnetRules],
    ["excitation", excitationRules],
  ])("%s rules", async (_, rules) => {
    const [a, b] = [await passOf(one, rules), await passOf(other, rules)];
    const scale = Math.max(...a.map(Math.abs));
    expect(scale).toBeGreaterThan(0);
    expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]))) / scale).toBeLessThan(1e-5);
  });
});
