/** @file Shape rules of the normalizations: the output is like the input. */
import { UnsupportedError } from "../../errors.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import type { ShapeRule } from "./shape-rule.ts";

const like: ShapeRule = ({ inputs: [x] }) => [x!];

/** The inference form; the training form, which also updates its statistics, is an UnsupportedError. */
export const BatchNormalization: ShapeRule = ({ where, attributes, inputs: [x] }) => {
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
export const LpNormalization = like;
export const MeanVarianceNormalization = like;
export const LRN = like;
export const Softmax = like;
export const LogSoftmax = like;
export const Hardmax = like;
