/** @file The small trained network of `src/attacks/fixtures/attacks.json`, on which attacks are compared with others' code. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { AttackTask } from "../src/attacks/attack.ts";
import { type Search, searchTogether } from "../src/attacks/autoattack/ask.ts";
import { goalOf } from "../src/attacks/goal.ts";
import type { Classifier } from "../src/classifier/classifier.ts";
import type { ImageTensor } from "../src/image/picture.ts";
import { GraphBuilder } from "../src/onnx/builder.ts";
import type { Model } from "../src/onnx/model.ts";
import type { Random } from "../src/random/random.ts";
import { modelOf } from "../src/runtime/session.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { indexOfLargest } from "../src/tensor/vector.ts";

interface Trained {
  readonly weights: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
  /** Bytes. */
  readonly images: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

// Written by src/attacks/fixtures/attacks.py with torch 1.13.
const trained = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../src/attacks/fixtures/attacks.json"), "utf8"),
) as Trained;

/** Images [N, 3, 8, 8] with pixels in [0, 1] in, logits [N, 4] out, `scale` times what they were trained to be. */
export function smallNetwork(scale = 1): Model {
  const g = new GraphBuilder();
  const [w1, b1, w2, b2, w3, b3] = trained.weights.map(({ shape, data }, i) =>
    g.constant(floatTensor([...data], shape), `p${i}`),
  );
  const image = g.input("image", "float32", [1, 3, 8, 8]);
  const pads = [1, 1, 1, 1];
  const first = g.op("Relu", [g.op("Conv", [image, w1, b1], { pads })]);
  const pooled = g.op("MaxPool", [first], { kernel_shape: [2, 2], strides: [2, 2] });
  const second = g.op("Relu", [g.op("Conv", [pooled, w2, b2], { pads })]);
  const logits = g.op("Gemm", [g.op("Flatten", [second]), w3, b3], { transB: 1 });
  g.output(scale === 1 ? logits : g.op("Mul", [logits, g.scalar(scale, "float32")]), "logits");
  const graph = g.toGraph();
  return modelOf({
    ...graph,
    inputs: [{ name: "image", dtype: "float32", shape: ["N", 3, 8, 8] }],
    outputs: [{ name: "logits", dtype: "float32", shape: ["N", 4] }],
  });
}

/** What a search asked and was told. */
export interface Seen {
  readonly point: Float32Array;
  readonly logits: Float32Array;
}

/** The first `count` images as tasks to leave their classes. */
export async function smallTasks(
  classifier: Classifier,
  count: number,
  random: (n: number) => Random = () => () => {
    throw new Error("nothing is to be drawn");
  },
): Promise<AttackTask[]> {
  const pass = await classifier.forward({ batch: count });
  const images = smallImages.slice(0, count);
  const seen = await pass.run(images.map(({ data }) => data));
  return images.map(({ data, shape }, index) => {
    const label = smallLabels[index];
    const clean = { label: indexOfLargest(seen[index]), logits: seen[index], confidence: 1 };
    const fixed = { target: undefined, activations: [], mask: undefined };
    return { ...{ index, image: data, shape, label, goal: goalOf({ label }), clean, random: random(index) }, ...fixed };
  });
}

/** What the searches asked and were told, point by point, and what they found, run on one batch. */
export async function watched<R>(
  classifier: Classifier,
  searches: readonly Search<R>[],
): Promise<{ readonly seen: Seen[]; readonly found: R }[]> {
  const all = searches.map((): Seen[] => []);
  const found: R[] = [];
  function* recorded(search: Search<R>, n: number): Search<{ readonly point: Float32Array }> {
    let state = search.next();
    while (!state.done) {
      const points = "points" in state.value ? state.value.points : [state.value.point];
      const copies = points.map((point) => point.slice());
      const answer = yield state.value;
      const { each = [answer.logits] } = answer;
      for (const [k, point] of copies.entries()) all[n].push({ point, logits: each[k].slice() });
      state = search.next(answer);
    }
    found[n] = state.value;
    return { point: new Float32Array() };
  }
  const context = { classifier, batch: 8, signal: undefined, onGradients: () => {} };
  await searchTogether(searches.map(recorded), context);
  return all.map((seen, n) => ({ seen, found: found[n] }));
}

/** Eight images for it, [3, 8, 8], and what it says they are. */
export const smallImages: readonly ImageTensor[] = trained.images.map((bytes) =>
  floatTensor(
    bytes.map((byte) => byte / 255),
    [3, 8, 8],
  ),
);
export const smallLabels: readonly number[] = trained.labels;
