/** @file Scores that have a limit by the way they are made: cosines of features and weights, hyperbolic tangents. Their softmax is nearly flat. */
import { attributesOf } from "../../../onnx/attributes.ts";
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import { type Node, tensorOfInitializer } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { rangeOf } from "../../../tensor/vector.ts";
import { tailValues } from "./tail-values.ts";

/** How far from 0 the scores `value` [N, K] can be, whatever the picture; undefined where the graph shows no limit. */
export function limitOf(typed: TypedGraph, producers: ReadonlyMap<string, Node>, value: string): number | undefined {
  const node = producers.get(value);
  if (node === undefined) return undefined;
  if (hasTrait(node, "view")) return limitOf(typed, producers, node.inputs[0]);
  switch (node.opType) {
    case "Tanh":
    case "Softsign":
      return 1;
    case "Mul":
    case "Div": {
      const [first, second = ""] = node.inputs;
      const [a, b] = [numberOf(typed, first), numberOf(typed, second)];
      const factor = node.opType === "Mul" ? (a ?? b) : b && 1 / b;
      const limit = factor === undefined ? undefined : limitOf(typed, producers, a === undefined ? first : second);
      return limit === undefined || factor === undefined ? undefined : limit * Math.abs(factor);
    }
    case "MatMul":
    case "Gemm":
      return limitOfProduct(typed, node);
    default:
      return undefined;
  }
}

/** The number that all elements of a constant are. */
function numberOf({ constants }: TypedGraph, name: string): number | undefined {
  const data = constants.get(name)?.data;
  return data !== undefined && data.length > 0 && data.every((one) => one === data[0]) ? data[0] : undefined;
}

/** The length of the features times that of the longest column of weights, if the features are vectors of one length. */
function limitOfProduct(typed: TypedGraph, node: Node): number | undefined {
  const [features, weights, bias = ""] = node.inputs;
  const matrix = typed.graph.initializers.get(weights);
  if (matrix === undefined || matrix.shape.length !== 2 || bias !== "") return undefined;
  const attributes = attributesOf(node);
  const isGemm = node.opType === "Gemm";
  const [isTurned, isUpright] = [
    isGemm && attributes.int("transA", 0) === 1,
    isGemm && attributes.int("transB", 0) === 1,
  ];
  const values = isTurned ? undefined : tailValues(typed, features);
  if (values?.kind !== "normalized") return undefined;
  const [rows, columns] = matrix.shape;
  const { data } = tensorOfInitializer(matrix, `initializer ${weights}`);
  const squares = new Float64Array(isUpright ? rows : columns);
  for (let i = 0; i < data.length; i++) {
    squares[isUpright ? Math.floor(i / columns) : i % columns] += Number(data[i]) ** 2;
  }
  const alpha = isGemm ? attributes.float("alpha", 1) : 1;
  return Math.abs(alpha) * values.most * Math.sqrt(rangeOf(squares)[1]);
}
