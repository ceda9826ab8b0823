/** @file Whether a model brings the pixels of a picture to one range by itself, whatever they came in. */
import { PerceptualBallError } from "../../../errors.ts";
import { evaluate } from "../../../onnx/evaluate.ts";
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { extractSubgraph } from "../../../onnx/rewrites/extract-subgraph.ts";
import { normal } from "../../../random/distributions.ts";
import { createRandom } from "../../../random/random.ts";
import { sizeOf } from "../../../tensor/tensor.ts";
import type { InputChain } from "./read-input-chain.ts";

/** What a model does to its pixels before a layer is a few steps on one picture. */
const mostNodes = 64;
const mostElements = 2 ** 21;

const quantizing = new Set(["Round", "QuantizeLinear", "DynamicQuantizeLinear"]);

/**
 * Whether the first layer with weights reads the same of pixels from 0 to 1 and of the same pixels from 0 to 255, as where each picture is less its own
 * mean and divided by its own deviation, or divided by 255 if it is larger than 1. Tried on one picture of random pixels.
 */
export function takesAnyRange({ graph, types }: TypedGraph, input: string, { next }: InputChain): boolean {
  if (next === undefined || hasTrait(next, "weighted")) return false;
  const shape = types.get(input)?.shape ?? [];
  const first = graph.nodes.find((node) => hasTrait(node, "weighted") && !graph.initializers.has(node.inputs[0]));
  if (first === undefined || sizeOf(shape) === 0) return false;
  const [read] = first.inputs;
  const part = extractSubgraph(graph, [read]);
  // What is quantized by its own range is the same of any, and the range is multiplied back behind the layer.
  if (part.nodes.some(({ opType }) => quantizing.has(opType))) return false;
  const most = Math.max(
    ...part.nodes.flatMap(({ outputs }) => outputs.map((name) => sizeOf(types.get(name)?.shape ?? []))),
  );
  if (part.nodes.length > mostNodes || most > mostElements || !part.nodes.some((node) => node === next)) return false;
  const random = createRandom(29, 0);
  const picture = Float64Array.from({ length: sizeOf(shape) }, () =>
    Math.min(1, Math.max(0, normal(random, 0.5, 0.2))),
  );
  const readOf = (factor: number): Float64Array | undefined => {
    const data = picture.map((value) => factor * value);
    try {
      return Float64Array.from(evaluate(part, { [input]: { dtype: "float32", shape, data } }, [read])[read].data);
    } catch (error) {
      // What cannot be computed alone is not judged.
      if (error instanceof PerceptualBallError) return undefined;
      throw error;
    }
  };
  const [unit, bytes] = [readOf(1), readOf(255)];
  if (unit === undefined || bytes === undefined || unit.length === 0) return false;
  let [largest, apart] = [0, 0];
  for (const [i, value] of unit.entries()) {
    largest = Math.max(largest, Math.abs(value));
    apart = Math.max(apart, Math.abs(value - (bytes[i] ?? 0)));
  }
  return largest > 0 && apart < 0.02 * largest;
}
