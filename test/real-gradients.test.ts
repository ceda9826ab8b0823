import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { differentiate } from "../src/autodiff/differentiate.ts";
import { prepareModel } from "../src/classifier/network/prepare-model.ts";
import { loadModelFile } from "../src/node/models/load-model.ts";
import { evaluate } from "../src/onnx/evaluate.ts";
import { inferShapes } from "../src/onnx/infer-shapes.ts";
import { type NumericTensor, numeric } from "../src/onnx/numeric-tensor.ts";
import { extractSubgraph } from "../src/onnx/rewrites/extract-subgraph.ts";
import { createSession, modelOf } from "../src/runtime/session.ts";
import { floatTensor, type Tensor } from "../src/tensor/tensor.ts";
import { given } from "./given.ts";
import { realData, realDataTitle, realModels } from "./real-data.ts";

/** ‖a − b‖ / ‖b‖. */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** A smooth picture with some texture, in the network's own units. */
function input(size: number): Float32Array {
  return Float32Array.from({ length: 3 * size * size }, (_, i) => {
    const [c, y, x] = [Math.floor(i / (size * size)), Math.floor(i / size) % size, i % size];
    return Math.sin(0.11 * x + c) * Math.cos(0.07 * y - c) + 0.3 * Math.sin(1.3 * x * y + i);
  });
}

describe.skipIf(realData === undefined)(`gradients of real classifiers, ${realDataTitle}`, () => {
  // A smaller picture does for the large networks, all of which pool globally: the float64 evaluator is slow.
  test.each(realModels)("$name: float32 gradients agree with the float64 reference", async ({ name, size }) => {
    const { model } = loadModelFile(join(given(realData), "models", `${name}.onnx`));
    const prepared = prepareModel(model, { where: name });
    const extent = Math.min(size, 64);
    const shape = [1, 3, extent, extent];
    const graph = differentiate(prepared.graph, {
      of: prepared.logits,
      wrt: [prepared.input],
      inputShapes: { [prepared.input]: shape },
    });
    const gradient = given(graph.outputs.at(-1)).name;

    // The forward values that the backward nodes read, as float32 computed them: masks, maxima and all.
    const isBackward = (node: (typeof graph.nodes)[number]): boolean => node.name.includes("/vjp/");
    const forward = new Set(graph.nodes.filter((node) => !isBackward(node)).flatMap((node) => node.outputs));
    const readBack = [...new Set(graph.nodes.filter(isBackward).flatMap((node) => node.inputs))].filter((value) =>
      forward.has(value),
    );
    const { types } = inferShapes(graph);
    const outputs = [...new Set([...graph.outputs.map((output) => output.name), ...readBack])];
    const session = await createSession(
      modelOf(
        { ...graph, outputs: outputs.map((output) => ({ name: output, ...given(types.get(output)) })) },
        { opsets: prepared.opsets },
      ),
      { runtime: ort },
    );
    const feeds: Record<string, Tensor> = {
      [prepared.input]: floatTensor(input(extent), shape),
      cotangent: floatTensor(
        Float32Array.from({ length: prepared.classCount }, (_, i) => Math.sin(i * i)),
        given(types.get(prepared.logits)).shape,
      ),
    };
    const single = await session.run(feeds);
    await session.dispose();

    // With the same masks and maxima the backward pass is linear, and float32 has no excuse.
    const values: Record<string, NumericTensor> = Object.fromEntries(
      [...Object.entries(feeds), ...Object.entries(single)].map(([key, tensor]) => [key, numeric(tensor)]),
    );
    const backward = extractSubgraph(graph, [gradient], { inputs: [...readBack, "cotangent"] });
    const backwardFeeds = Object.fromEntries(backward.inputs.map(({ name: key }) => [key, values[key]]));
    const linear = evaluate(backward, backwardFeeds)[gradient];
    expect(relativeError(values[gradient].data, linear.data)).toBeLessThan(2e-6);

    // From the input on, a unit within rounding of its kink may fall on the other side of it, in PyTorch's float32 as well.
    const exact = evaluate(graph, { [prepared.input]: values[prepared.input], cotangent: values.cotangent }, [
      gradient,
      ...readBack,
    ]);
    const flipped = readBack.filter((value) =>
      exact[value].data.some((x, i) => x > 0 !== values[value].data[i] > 0 && Math.abs(x) < 1e-3),
    );
    for (const value of readBack) expect(relativeError(values[value].data, exact[value].data)).toBeLessThan(1e-5);
    const error = relativeError(values[gradient].data, exact[gradient].data);
    if (flipped.length === 0) expect(error).toBeLessThan(1e-4);
    else expect(error).toBeLessThan(0.05);
  });
});
