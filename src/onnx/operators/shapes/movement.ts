/** @file Shape rules of the operators that move, pick, repeat or describe elements. */
import { BadInputError } from "../../../errors.ts";
import { broadcastShapes, normalizeAxis } from "../../../tensor/shape.ts";
import { type Shape as Extents, sizeOf } from "../../../tensor/tensor.ts";
import { dataTypeOfNumber } from "../../file/tensor-proto.ts";
import type { ValueType } from "../../model.ts";
import { padsPerAxis } from "../arithmetic/pad-sources.ts";
import { sliceRanges, splitSizes } from "../arithmetic/slice-bounds.ts";
import { checkRange, checkScalar, checkShape, knownNumbers, requiredNumbers, type ShapeRule } from "./shape-rule.ts";

export * from "./indexing.ts";
export * from "./resampling.ts";

/** The extents of the input from axis `start` (default 0) to before `end` (default the rank), both clamped. */
export const Shape: ShapeRule = ({ inputs: [x], attributes }) => {
  const rank = x!.shape.length;
  const clamp = (axis: number): number => Math.min(Math.max(axis < 0 ? axis + rank : axis, 0), rank);
  const length = clamp(attributes.int("end", rank)) - clamp(attributes.int("start", 0));
  return [{ dtype: "int64", shape: [Math.max(0, length)] }];
};

export const Size: ShapeRule = () => [{ dtype: "int64", shape: [] }];

/** The value in the one attribute that it has, out of `value`, `value_float`, `value_floats`, `value_int`, `value_ints`. */
export const Constant: ShapeRule = ({ attributes }) => {
  if (attributes.has("value")) {
    const { dtype, shape } = attributes.tensor("value");
    return [{ dtype, shape }];
  }
  if (attributes.has("value_float")) return [{ dtype: "float32", shape: [] }];
  if (attributes.has("value_floats")) return [{ dtype: "float32", shape: [attributes.floats("value_floats").length] }];
  if (attributes.has("value_ints")) return [{ dtype: "int64", shape: [attributes.ints("value_ints").length] }];
  attributes.int("value_int");
  return [{ dtype: "int64", shape: [] }];
};

export const ConstantOfShape: ShapeRule = (call) => {
  const shape = requiredNumbers(call, 0, "the output's extents");
  const dtype = call.attributes.has("value") ? call.attributes.tensor("value").dtype : "float32";
  return [{ dtype, shape }];
};

/** start, start + delta, … before limit */
export const Range: ShapeRule = (call) => {
  for (const bound of call.inputs) checkScalar(call.where, "a bound", bound!.shape);
  const [[start], [limit], [delta]] = [0, 1, 2].map((i) => requiredNumbers(call, i, "the bounds"));
  if (delta === 0) throw new BadInputError({ where: call.where, what: "the step is 0", expected: "any other number" });
  return [{ dtype: call.inputs[0]!.dtype, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
};

export const EyeLike: ShapeRule = ({ inputs: [x], attributes, where }) => {
  const dtype = attributes.has("dtype") ? dataTypeOfNumber(attributes.int("dtype")) : x!.dtype;
  if (dtype === undefined) throw new BadInputError({ where, what: "unknown element type in attribute dtype" });
  checkShape(where, "the input", x!.shape, x!.shape.length === 2, "a matrix");
  return [{ dtype, shape: x!.shape }];
};

export const Trilu: ShapeRule = ({ where, inputs: [x, diagonal] }) => {
  checkShape(where, "the input", x!.shape, x!.shape.length >= 2, "matrices");
  checkScalar(where, "the diagonal", diagonal?.shape);
  return [x!];
};

export const Expand: ShapeRule = (call) => {
  const [x] = call.inputs;
  const shape = broadcastShapes(call.where, x!.shape, requiredNumbers(call, 1, "the output's extents"));
  return [{ dtype: x!.dtype, shape }];
};

function checkSize(where: string, x: ValueType, shape: Extents): readonly ValueType[] {
  if (sizeOf(x.shape) === sizeOf(shape) && shape.every((extent) => extent >= 0 && Number.isInteger(extent))) {
    return [{ dtype: x.dtype, shape }];
  }
  throw new BadInputError({
    where,
    what: "the number of elements changes",
    expected: `a shape for the elements of [${x.shape.join(", ")}]`,
    got: `[${shape.join(", ")}]`,
  });
}

/** One extent may be −1, which stands for what is left over; 0 stands for the input's own extent unless `allowzero` is set. */
export const Reshape: ShapeRule = (call) => {
  const [x] = call.inputs;
  const allowZero = call.attributes.int("allowzero", 0) !== 0;
  const wanted = requiredNumbers(call, 1, "the output's extents").map((extent, axis) =>
    extent === 0 && !allowZero ? (x!.shape[axis] ?? 0) : extent,
  );
  const rest = sizeOf(wanted.filter((extent) => extent !== -1));
  const shape = wanted.map((extent) => (extent === -1 ? sizeOf(x!.shape) / rest : extent));
  return checkSize(call.where, x!, shape);
};

/** A matrix: the axes before `axis` are its rows, the others its columns. */
export const Flatten: ShapeRule = ({ where, inputs: [x], attributes }) => {
  const given = attributes.int("axis", 1);
  const rank = x!.shape.length;
  checkRange(where, "axis", given, -rank, rank);
  const axis = given < 0 ? given + rank : given;
  return [{ dtype: x!.dtype, shape: [sizeOf(x!.shape.slice(0, axis)), sizeOf(x!.shape.slice(axis))] }];
};

export const Squeeze: ShapeRule = (call) => {
  const [x] = call.inputs;
  const axes = knownNumbers(call, 1, "the axes")?.map((axis) => normalizeAxis(call.where, axis, x!.shape.length));
  const shape = x!.shape.filter((extent, axis) => !(axes?.includes(axis) ?? extent === 1));
  return checkSize(call.where, x!, shape);
};

export const Unsqueeze: ShapeRule = (call) => {
  const [x] = call.inputs;
  const given = requiredNumbers(call, 1, "the axes");
  const rank = x!.shape.length + given.length;
  const axes = given.map((axis) => normalizeAxis(call.where, axis, rank));
  const rest = [...x!.shape];
  const shape = Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!));
  return checkSize(call.where, x!, shape);
};

export const Transpose: ShapeRule = ({ inputs: [x], attributes, where }) => {
  const axes = x!.shape.map((_, axis) => axis);
  const perm = attributes.ints("perm", axes.toReversed());
  if (perm.length !== axes.length || !axes.every((axis) => perm.includes(axis))) {
    throw new BadInputError({
      where,
      what: "perm is no permutation of the axes",
      expected: `0 to ${axes.length - 1} in some order`,
      got: `[${perm.join(", ")}]`,
    });
  }
  return [{ dtype: x!.dtype, shape: perm.map((axis) => x!.shape[axis]) }];
};

export const Concat: ShapeRule = ({ inputs, attributes, where }) => {
  const [first] = inputs;
  const axis = normalizeAxis(where, attributes.int("axis"), first!.shape.length);
  const shape = [...first!.shape];
  for (const input of inputs.slice(1)) {
    if (input!.shape.length !== shape.length || input!.shape.some((n, k) => k !== axis && n !== shape[k])) {
      throw new BadInputError({
        where,
        what: `the shapes differ outside axis ${axis}`,
        expected: `like [${first!.shape.join(", ")}]`,
        got: `[${input!.shape.join(", ")}]`,
      });
    }
    shape[axis] += input!.shape[axis];
  }
  return [{ dtype: first!.dtype, shape }];
};

export const Slice: ShapeRule = (call) => {
  const [x] = call.inputs;
  const ranges = sliceRanges(call.where, x!.shape, {
    starts: requiredNumbers(call, 1, "the bounds"),
    ends: requiredNumbers(call, 2, "the bounds"),
    axes: knownNumbers(call, 3, "the axes"),
    steps: knownNumbers(call, 4, "the steps"),
  });
  return [{ dtype: x!.dtype, shape: ranges.map(({ count }) => count) }];
};

export const Split: ShapeRule = (call) => {
  const { inputs, node, where, attributes } = call;
  const { dtype, shape } = inputs[0]!;
  const axis = normalizeAxis(where, attributes.int("axis", 0), shape.length);
  const parts = attributes.int("num_outputs", node.outputs.length);
  checkRange(where, "num_outputs", parts, node.outputs.length, node.outputs.length);
  const sizes = splitSizes(where, shape[axis], parts, knownNumbers(call, 1, "the sizes"));
  return sizes.map((size) => ({ dtype, shape: shape.with(axis, size) }));
};

export const Pad: ShapeRule = (call) => {
  const [x, , value] = call.inputs;
  checkScalar(call.where, "the value", value?.shape);
  const pads = requiredNumbers(call, 1, "the pads");
  const perAxis = padsPerAxis(call.where, x!.shape, pads, knownNumbers(call, 3, "the axes"));
  if (call.attributes.string("mode", "constant") === "reflect") {
    const fits = perAxis.every(({ before, after }, axis) => Math.max(before, after) <= Math.max(0, x!.shape[axis] - 1));
    checkShape(
      call.where,
      "the input",
      x!.shape,
      fits,
      `more elements along each axis than are reflected, ${pads.join(", ")}`,
    );
  }
  return [{ dtype: x!.dtype, shape: x!.shape.map((extent, k) => extent + perAxis[k].before + perAxis[k].after) }];
};

export const Tile: ShapeRule = (call) => {
  const [x] = call.inputs;
  const repeats = requiredNumbers(call, 1, "the repeats");
  const { shape } = call.inputs[1]!;
  checkShape(
    call.where,
    "the repeats",
    shape,
    repeats.length === x!.shape.length,
    `one for each of ${x!.shape.length} axes`,
  );
  return [{ dtype: x!.dtype, shape: x!.shape.map((extent, axis) => extent * repeats[axis]) }];
};

export const DepthToSpace: ShapeRule = ({ inputs: [x], attributes, where }) => {
  const [n, c, h, w] = imageShape(where, x!.shape);
  const block = attributes.int("blocksize");
  return checkSize(where, x!, [n, c / (block * block), h * block, w * block]);
};

export const SpaceToDepth: ShapeRule = ({ inputs: [x], attributes, where }) => {
  const [n, c, h, w] = imageShape(where, x!.shape);
  const block = attributes.int("blocksize");
  return checkSize(where, x!, [n, c * block * block, h / block, w / block]);
};

function imageShape(where: string, shape: Extents): Extents {
  if (shape.length === 4) return shape;
  throw new BadInputError({ where, what: "wrong rank", expected: "[N, C, H, W]", got: `[${shape.join(", ")}]` });
}
