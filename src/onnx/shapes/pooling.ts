/** @file Shape rules of the pools: [N, C, …wide] → [N, C, …narrow], and over whole planes [N, C, …] → [N, C, 1, …]. */
import { BadInputError } from "../../errors.ts";
import { kernelShapeOf, slidingWindow, transposedWindow, type Window } from "../window.ts";
import { knownNumbers, type ShapeCall, type ShapeRule } from "./shape-rule.ts";

/** The window of the pool node that `call` describes. */
function poolWindow({ where, attributes, inputs: [x] }: ShapeCall): Window {
  checkRank(where, x!.shape);
  const spatial = x!.shape.slice(2);
  const kernel = kernelShapeOf(where, attributes, spatial);
  return slidingWindow(where, attributes, spatial, kernel, attributes.int("ceil_mode", 0) !== 0);
}

function checkRank(where: string, shape: readonly number[]): void {
  if (shape.length >= 3) return;
  throw new BadInputError({
    where,
    what: "the input has no spatial axis",
    expected: "[N, C, …spatial]",
    got: `[${shape.join(", ")}]`,
  });
}

const pool: ShapeRule = (call) => {
  const [x] = call.inputs;
  return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, 2), ...poolWindow(call).narrow] }];
};

const globalPool: ShapeRule = ({ where, inputs: [x] }) => {
  checkRank(where, x!.shape);
  return [{ dtype: x!.dtype, shape: x!.shape.map((extent, axis) => (axis < 2 ? extent : 1)) }];
};

/** The maxima and, as a second output, their flat indices into the whole input. */
export const MaxPool: ShapeRule = (call) => {
  const [y] = pool(call);
  return [y, { dtype: "int64", shape: y.shape }];
};

/** x and indices [N, C, …narrow] → [N, C, …wide]; the third input, a constant, is the whole output shape. */
export const MaxUnpool: ShapeRule = (call) => {
  const {
    where,
    attributes,
    inputs: [x],
  } = call;
  const shape = knownNumbers(call, 2, "the output's extents");
  if (shape !== undefined) return [{ dtype: x!.dtype, shape }];
  const spatial = x!.shape.slice(2);
  const { wide } = transposedWindow(where, attributes, spatial, kernelShapeOf(where, attributes, spatial));
  return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, 2), ...wide] }];
};

export const AveragePool = pool;
export const LpPool = pool;
export const GlobalAveragePool = globalPool;
export const GlobalMaxPool = globalPool;
export const GlobalLpPool = globalPool;
