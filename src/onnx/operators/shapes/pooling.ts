/** @file Shape rules of the pools: [N, C, …wide] → [N, C, …narrow], and over whole planes [N, C, …] → [N, C, 1, …]. */
import { BadInputError } from "../../../errors.ts";
import { sameShape } from "../../../tensor/shape.ts";
import { kernelShapeOf, slidingWindow, spanOf, transposedWindow, type Window } from "../arithmetic/window.ts";
import { checkShape, knownNumbers, type ShapeCall, type ShapeRule } from "./shape-rule.ts";

/** The window of the pool node that `call` describes. */
function poolWindow({ where, attributes, inputs: [x] }: ShapeCall): Window {
  checkRank(where, x!.shape);
  const spatial = x!.shape.slice(2);
  const kernel = kernelShapeOf(where, attributes, spatial);
  const window = slidingWindow(where, attributes, spatial, kernel, attributes.int("ceil_mode", 0) !== 0);
  // Beyond that a window could hold nothing but padding.
  const fits = kernel.every((_, axis) => {
    return Math.max(window.padsBegin[axis], window.padsEnd[axis]) < spanOf(window, axis);
  });
  if (fits) return window;
  throw new BadInputError({
    where,
    what: "attribute pads does not fit",
    expected: `less than the window [${kernel.join(", ")}]`,
    got: `[${[...window.padsBegin, ...window.padsEnd].join(", ")}]`,
  });
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
    inputs: [x, indices],
  } = call;
  checkRank(where, x!.shape);
  const fits = sameShape(indices!.shape, x!.shape);
  checkShape(where, "the indices", indices!.shape, fits, `[${x!.shape.join(", ")}] as the values`);
  const shape = knownNumbers(call, 2, "the output's extents");
  const spatial = x!.shape.slice(2);
  if (shape !== undefined) {
    kernelShapeOf(where, attributes, spatial);
    checkShape(where, "the output", shape, shape.length === x!.shape.length, `${x!.shape.length} axes`);
    return [{ dtype: x!.dtype, shape }];
  }
  const { wide } = transposedWindow(where, attributes, spatial, kernelShapeOf(where, attributes, spatial));
  return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, 2), ...wide] }];
};

export const AveragePool = pool;
export const LpPool = pool;
export const GlobalAveragePool = globalPool;
export const GlobalMaxPool = globalPool;
export const GlobalLpPool = globalPool;
