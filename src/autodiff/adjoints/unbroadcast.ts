/** @file The adjoint of broadcasting. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { broadcastAxes, sameShape } from "../../tensor/shape.ts";
import type { Shape } from "../../tensor/tensor.ts";

/** `cotangent` summed over the axes along which a tensor of `shape` was repeated to get the cotangent's shape. */
export function unbroadcast(g: GraphBuilder, cotangent: Value, shape: Shape): Value {
  if (sameShape(cotangent.shape, shape)) return cotangent;
  const axes = broadcastAxes(shape, cotangent.shape);
  const sum = g.op("ReduceSum", [cotangent, g.ints(axes)], { keepdims: 1 });
  return sameShape(sum.shape, shape) ? sum : g.op("Reshape", [sum, g.ints(shape)]);
}

/** The adjoint of repeating a vector over channels at every position of every image: the sum over all axes but the channels. */
export function channelSum(g: GraphBuilder, cotangent: Value): Value {
  const axes = cotangent.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  return g.op("ReduceSum", [cotangent, g.ints(axes)], { keepdims: 0 });
}
