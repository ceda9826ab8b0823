/** @file A classifier of ResNet-20's size and form (He et al. 2016, section 4.2), with weights from a seed. */
import { GraphBuilder, type Value } from "../src/onnx/builder.ts";
import type { Model } from "../src/onnx/model.ts";
import { normal } from "../src/random/distributions.ts";
import { createRandom } from "../src/random/random.ts";
import { modelOf } from "../src/runtime/session.ts";
import { type FloatTensor, floatTensor, sizeOf } from "../src/tensor/tensor.ts";
import { unitPreprocessing } from "./tiny-classifier.ts";

/** Images [1, 3, 32, 32] in, ten logits out: three stages of three residual blocks, 270,000 weights. It takes pixels from 0 to 1. */
export function residualClassifier(): Model {
  const random = createRandom(20);
  const g = new GraphBuilder();
  const constant = (shape: readonly number[], deviation: number, name: string): Value => {
    const data = Float32Array.from({ length: sizeOf(shape) }, () => normal(random, 0, deviation));
    const tensor: FloatTensor = floatTensor(data, shape);
    return g.constant(tensor, name);
  };
  let count = 0;
  const convolution = (x: Value, [from, to]: readonly [number, number], stride = 1): Value => {
    const name = `w${count++}`;
    const weights = constant([to, from, 3, 3], Math.sqrt(2 / (9 * from)), name);
    const bias = constant([to], 0.05, `${name}-bias`);
    return g.op("Conv", [x, weights, bias], { pads: [1, 1, 1, 1], strides: [stride, stride] });
  };
  let x = g.op("Relu", [convolution(g.input("image", "float32", [1, 3, 32, 32]), [3, 16])]);
  let channels = 16;
  for (const width of [16, 32, 64]) {
    for (let block = 0; block < 3; block++) {
      const stride = width === channels ? 1 : 2;
      const inner = g.op("Relu", [convolution(x, [channels, width], stride)]);
      const shortcut = width === channels ? x : convolution(x, [channels, width], stride);
      x = g.op("Relu", [g.op("Add", [convolution(inner, [width, width]), shortcut])]);
      channels = width;
    }
  }
  const pooled = g.op("Flatten", [g.op("GlobalAveragePool", [x])]);
  g.output(g.op("Gemm", [pooled, constant([64, 10], 0.2, "last"), constant([10], 0.1, "last-bias")]), "logits");
  return modelOf(g.toGraph(), { metadata: new Map([["preprocessing", unitPreprocessing.replaceAll("24", "32")]]) });
}
