import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { differentiate } from "../src/autodiff/differentiate.ts";
import { listLayers } from "../src/classifier/network/layers.ts";
import { prepareModel } from "../src/classifier/network/prepare-model.ts";
import { loadModelFile } from "../src/node/models/load-model.ts";
import { readNpy } from "../src/node/npy.ts";
import { evaluate } from "../src/onnx/evaluate.ts";
import { type NumericTensor, numeric } from "../src/onnx/numeric-tensor.ts";
import { foldBatchNormalization } from "../src/onnx/rewrites/fold-batch-normalization.ts";
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

function tensor(elements: readonly number[], shape: readonly number[]): NumericTensor {
  return { dtype: "float32", shape, data: Float64Array.from(elements) };
}

const fixtures = join(import.meta.dirname, "../conformance/fixtures");

/** Each network as PyTorch exported it, and some as onnxruntime optimized them. */
const cases = readdirSync(fixtures).flatMap((name) =>
  readdirSync(join(fixtures, name)).flatMap((file) => (file.endsWith(".onnx") ? [[name, file] as const] : [])),
);

/** A network that PyTorch exported, prepared, with numbers to feed it and what PyTorch makes of them. */
async function open(name: string, file: string) {
  const [input, cotangent, logits, gradient] = await Promise.all(
    ["input", "cotangent", "logits", "gradient"].map((array) => readNpy(join(fixtures, name, `${array}.npy`))),
  );
  const inputSize = input.shape.length === 4 ? ([input.shape[2], input.shape[2]] as const) : undefined;
  const prepared = prepareModel(loadModelFile(join(fixtures, name, file)).model, { where: name, inputSize });
  const withGradient = (graph: typeof prepared.graph, batch = input.shape[0]) =>
    differentiate(graph, {
      of: prepared.logits,
      wrt: [prepared.input],
      gradients: ["gradient"],
      inputShapes: { [prepared.input]: [batch, ...input.shape.slice(1)] },
    });
  return { prepared, withGradient, feeds: { [prepared.input]: input, cotangent }, logits, gradient };
}

describe.each(cases)("%s, %s, as PyTorch computes it", (name, file) => {
  test("the float64 evaluator's logits and gradient", async () => {
    const { prepared, withGradient, feeds, logits, gradient } = await open(name, file);
    const exact = Object.fromEntries(Object.entries(feeds).map(([key, tensor]) => [key, numeric(tensor)]));
    const found = evaluate(withGradient(prepared.graph), exact);
    expect(relativeError(found[prepared.logits].data, numeric(logits).data)).toBeLessThan(1e-6);
    expect(relativeError(found.gradient.data, numeric(gradient).data)).toBeLessThan(1e-6);
  });

  test("onnxruntime's logits and gradient", async () => {
    const { prepared, withGradient, feeds, logits, gradient } = await open(name, file);
    const { graph } = foldBatchNormalization(prepared.graph, { keep: [prepared.logits] });
    const session = await createSession(modelOf(withGradient(graph), { opsets: prepared.opsets }), { runtime: ort });
    const found = await session.run(feeds);
    await session.dispose();
    expect(relativeError(numeric(found[prepared.logits]).data, numeric(logits).data)).toBeLessThan(1e-5);
    expect(relativeError(numeric(found.gradient).data, numeric(gradient).data)).toBeLessThan(1e-5);
  });

  test("pictures in a batch give what they give one by one, whatever batch it was exported for", async () => {
    const { prepared, withGradient, feeds } = await open(name, file);
    const [batch, ...size] = feeds[prepared.input].shape;
    const length = size.reduce((product, extent) => product * extent, 1);
    const picture = numeric(feeds[prepared.input]).data.slice(0, length);
    const pictures = [picture, picture.map((x) => 0.5 - x), picture.toReversed()];
    const cotangent = numeric(feeds.cotangent).data.slice(0, 5);
    const run = (list: readonly Float64Array[]) => {
      const inputs = {
        [prepared.input]: tensor(
          list.flatMap((data) => [...data]),
          [list.length, ...size],
        ),
        cotangent: tensor(
          list.flatMap(() => [...cotangent]),
          [list.length, 5],
        ),
      };
      const found = evaluate(withGradient(prepared.graph, list.length), inputs);
      return [...found[prepared.logits].data, ...found.gradient.data];
    };
    expect(batch).toBeLessThan(pictures.length);
    const together = run(pictures);
    const alone = pictures.map((data) => run([data]));
    const apart = [...alone.flatMap((values) => values.slice(0, 5)), ...alone.flatMap((values) => values.slice(5))];
    expect(relativeError(together, apart)).toBeLessThan(1e-12);
  });

  test("its layers have distinct names and the batch that was asked for", async () => {
    const { prepared, feeds } = await open(name, file);
    const batch = feeds[prepared.input].shape[0];
    const typed = prepared.typed(batch);
    const layers = listLayers(typed);
    expect(layers.length).toBeGreaterThan(3);
    expect(new Set(layers.map((layer) => layer.name)).size).toBe(layers.length);
    expect(layers.at(-1)?.name).toBe(prepared.logits);
    expect(layers.at(-1)?.shape).toEqual([batch, 5]);
  });
});
