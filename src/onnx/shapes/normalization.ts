/** @file Shape rules of the normalizations: the output is like the input. */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { ShapeRule } from "./shape-rule.ts";

const like: ShapeRule = ({ inputs: [x] }) => [x!];

/** The inference form; the training form, which also updates its statistics, is an UnsupportedError. */
export const BatchNormalization: ShapeRule = ({ where, attributes, inputs: [x, ...parameters] }) => {
  const wrong = parameters.find((parameter) => sizeOf(parameter!.shape) !== x!.shape[1]);
  if (wrong !== undefined) {
    const expected = `one number for each of ${x!.shape[1]} channels`;
    throw new BadInputError({ where, what: "parameters do not fit", expected, got: `[${wrong.shape.join(", ")}]` });
  }
  if (attributes.int("training_mode", 0) === 0) return [x!];
  throw new UnsupportedError({
    where,
    what: "BatchNormalization in training mode",
    advice: "Export the model in evaluation mode.",
  });
};

/** The output, and the mean and the inverse standard deviation with extent 1 on the normalized axes. */
export const LayerNormalization: ShapeRule = ({ where, attributes, inputs: [x] }) => {
  const axis = normalizeAxis(where, attributes.int("axis", -1), x!.shape.length);
  const statistics = { dtype: x!.dtype, shape: x!.shape.map((extent, i) => (i < axis ? extent : 1)) };
  return [x!, statistics, statistics];
};

export const RMSNormalization = like;
export const InstanceNormalization = like;
export const GroupNormalization = like;
export const MeanVarianceNormalization = like;

/** Size is the number of channels that are summed over. */
export const LRN: ShapeRule = ({ where, attributes, inputs: [x] }) => {
  const size = attributes.int("size");
  if (size >= 1) return [x!];
  throw new BadInputError({ where, what: "attribute size does not fit", expected: "at least 1", got: String(size) });
};

/** The axis must exist; it is the last one unless the node says otherwise. */
const alongAxis: ShapeRule = ({ where, attributes, inputs: [x] }) => {
  normalizeAxis(where, attributes.int("axis", -1), x!.shape.length);
  return [x!];
};

export const LpNormalization = alongAxis;
export const Softmax = alongAxis;
export const LogSoftmax = alongAxis;
export const Hardmax = alongAxis;
