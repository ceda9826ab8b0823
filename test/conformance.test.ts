import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { differentiate } from "../src/autodiff/differentiate.ts";
import { listLayers } from "../src/classifier/layers.ts";
import { prepareModel } from "../src/classifier/prepare-model.ts";
import { loadModelFile } from "../src/node/load-model.ts";
import { readNpy } from "../src/node/npy.ts";
import { evaluate } from "../src/onnx/evaluate.ts";
import { numeric } from "../src/onnx/kernels/kernel.ts";
import { foldBatchNormalization } from "../src/onnx/passes/fold-batch-normalization.ts";
import { createSession, modelOf } from "../src/runtime/session.ts";

/** ‖a − b‖ / ‖b‖. */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return Math.sqrt(difference / norm);
}

const fixtures = join(import.meta.dirname, "../conformance/fixtures");

/** A network that PyTorch exported, prepared, with numbers to feed it and what PyTorch makes of them. */
async function open(name: string) {
  const [input, cotangent, logits, gradient] = await Promise.all(
    ["input", "cotangent", "logits", "gradient"].map((array) => readNpy(join(fixtures, name, `${array}.npy`))),
  );
  const inputSize = input.shape.length === 4 ? ([input.shape[2], input.shape[2]] as const) : undefined;
  const prepared = prepareModel(loadModelFile(join(fixtures, name, "model.onnx")).model, { where: name, inputSize });
  const withGradient = (graph: typeof prepared.graph) =>
    differentiate(graph, {
      of: prepared.logits,
      wrt: [prepared.input],
      gradients: ["gradient"],
      inputShapes: { [prepared.input]: input.shape },
    });
  return { prepared, withGradient, feeds: { [prepared.input]: input, cotangent }, logits, gradient };
}

describe.each(readdirSync(fixtures))("%s, as PyTorch computes it", (name) => {
  test("the float64 evaluator's logits and gradient", async () => {
    const { prepared, withGradient, feeds, logits, gradient } = await open(name);
    const exact = Object.fromEntries(Object.entries(feeds).map(([key, tensor]) => [key, numeric(tensor)]));
    const found = evaluate(withGradient(prepared.graph), exact);
    expect(relativeError(found[prepared.logits].data, numeric(logits).data)).toBeLessThan(1e-6);
    expect(relativeError(found.gradient.data, numeric(gradient).data)).toBeLessThan(1e-6);
  });

  test("onnxruntime's logits and gradient", async () => {
    const { prepared, withGradient, feeds, logits, gradient } = await open(name);
    const { graph } = foldBatchNormalization(prepared.graph, { keep: [prepared.logits] });
    const session = await createSession(modelOf(withGradient(graph), { opsets: prepared.opsets }), { runtime: ort });
    const found = await session.run(feeds);
    await session.dispose();
    expect(relativeError(numeric(found[prepared.logits]).data, numeric(logits).data)).toBeLessThan(1e-5);
    expect(relativeError(numeric(found.gradient).data, numeric(gradient).data)).toBeLessThan(1e-5);
  });

  test("its layers have distinct names and the batch that was asked for", async () => {
    const { prepared, feeds } = await open(name);
    const batch = feeds[prepared.input].shape[0];
    const typed = prepared.typed(batch);
    const layers = listLayers(typed);
    expect(layers.length).toBeGreaterThan(3);
    expect(new Set(layers.map((layer) => layer.name)).size).toBe(layers.length);
    expect(layers.at(-1)?.name).toBe(prepared.logits);
    expect(layers.at(-1)?.shape).toEqual([batch, 5]);
  });
});

test("a model whose shapes are written for one image says that it takes no other batch", async () => {
  const { prepared } = await open("fixed-reshape");
  expect(prepared.typed(1).types.get("output")?.shape).toEqual([1, 5]);
  expect(() => prepared.typed(2)).toThrow(
    "fixed-reshape: the model cannot take 2 images at a time, expected logits for a batch of 2, got Reshape (flat)",
  );
});
