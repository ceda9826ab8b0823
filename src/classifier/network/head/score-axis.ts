/** @file The forms that scores of classes come in. */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";

/** Whether a value is [K], the K > 1 numbers of the only picture of a graph that takes one at a time: without an axis for pictures. */
export function isRowOfOne({ graph, types }: Pick<TypedGraph, "graph" | "types">, name: string): boolean {
  const [image] = graph.inputs;
  const batch = image === undefined ? undefined : types.get(image.name)?.shape[0];
  const shape = types.get(name)?.shape ?? [];
  return batch === 1 && shape.length === 1 && shape[0] > 1;
}

/** The axis of the classes in [N, K], [N, K, 1, …], [N, 1, …, K] or, of a single picture, [K]; undefined for other shapes. */
export function classAxisOf(typed: Pick<TypedGraph, "graph" | "types">, name: string): number | undefined {
  const shape = typed.types.get(name)?.shape ?? [];
  if (isRowOfOne(typed, name)) return 0;
  if (shape.length < 2) return undefined;
  if (shape.slice(2).every((extent) => extent === 1)) return 1;
  return shape.slice(1, -1).every((extent) => extent === 1) ? shape.length - 1 : undefined;
}

/** How many classes `name` scores; undefined if it has not the form of scores. One number for each image, [N], is one class. */
export function classCountOf(
  typed: Pick<TypedGraph, "graph" | "types">,
  name: string,
  batch: number,
): number | undefined {
  const type = typed.types.get(name);
  if (type?.dtype !== "float32") return undefined;
  const { shape } = type;
  if (shape.length === 0) return batch === 1 ? 1 : undefined;
  if (isRowOfOne(typed, name)) return shape[0];
  if (shape.length === 1) return shape[0] === batch ? 1 : undefined;
  const axis = classAxisOf(typed, name);
  return axis === undefined || shape[0] !== batch ? undefined : shape[axis];
}
