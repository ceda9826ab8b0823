/** @file A network small enough to be worked out by hand, for the tests of passes and objectives. */
import { type Classifier, createClassifier } from "../src/classifier/classifier.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { referenceRuntime } from "../src/runtime/reference-runtime.ts";

/** Two "pixels" in one channel, a hidden layer h = relu(A x), three logits (h₁, 2 h₂, h₂ − h₁). */
export const handModel = parseModel(`
  <ir_version: 8, opset_import: ["" : 18]>
  net (float[N, 1, 1, 2] x) => (float[N, 3] logits)
  <float[2, 2] A = {1, 2, -1, 1}, float[2, 3] C = {1, 0, -1, 0, 2, 1}>
  {
    flat = Flatten (x)
    pre = Gemm <transB = 1> (flat, A)
    h = Relu (pre)
    logits = MatMul (h, C)
  }
`);

/** The network with pixels as (x − 0.5) / 0.25, in the float64 evaluator. */
export function openHandNetwork(): Classifier {
  return createClassifier(handModel, {
    runtime: referenceRuntime,
    preprocessing: { scale: 1, mean: [0.5], std: [0.25], channels: "rgb" },
  });
}
