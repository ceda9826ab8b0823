/** @file Shape rules of the normalizations: the output is like the input. */
import { BadInputError, UnsupportedError } from "../../../errors.ts";
import { normalizeAxis } from "../../../tensor/shape.ts";
import { sizeOf } from "../../../tensor/tensor.ts";
import { checkBroadcasts, checkRange, checkShape, type ShapeRule } from "./shape-rule.ts";

const like: ShapeRule = ({ inputs: [x] }) => [x!];

/** The inference form; the training form, which also updates its statistics, is an UnsupportedError. */
export const BatchNormalization: ShapeRule = ({ where, attributes, inputs: [x, ...parameters] }) => {
  checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
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
export const LayerNormalization: ShapeRule = ({ where, attributes, inputs: [x, scale, bias] }) => {
  const axis = normalizeAxis(where, attributes.int("axis", -1), x!.shape.length);
  checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
  checkBroadcasts(where, "the scale", scale!.shape, x!.shape);
  checkBroadcasts(where, "the bias", bias?.shape, x!.shape);
  const statistics = { dtype: x!.dtype, shape: x!.shape.map((extent, i) => (i < axis ? extent : 1)) };
  return [x!, statistics, statistics];
};

export const RMSNormalization: ShapeRule = ({ where, attributes, inputs: [x, scale] }) => {
  normalizeAxis(where, attributes.int("axis", -1), x!.shape.length);
  checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
  checkBroadcasts(where, "the scale", scale!.shape, x!.shape);
  return [x!];
};

export const InstanceNormalization: ShapeRule = ({ where, attributes, inputs: [x, ...parameters] }) => {
  checkShape(where, "the input", x!.shape, x!.shape.length >= 3, "[N, C, …spatial]");
  checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
  const channels = x!.shape[1];
  for (const parameter of parameters) {
    const { shape } = parameter!;
    checkShape(where, "a parameter", shape, shape.length === 1 && shape[0] === channels, `[${channels}]`);
  }
  return [x!];
};

/** One scale and bias for each channel; before version 21 of the operator set, for each group. */
export const GroupNormalization: ShapeRule = ({ where, attributes, inputs: [x, ...parameters] }) => {
  checkShape(where, "the input", x!.shape, x!.shape.length >= 2, "[N, C, …]");
  checkRange(where, "epsilon", attributes.float("epsilon", 1e-5), 0);
  const groups = attributes.int("num_groups");
  const channels = x!.shape[1];
  checkRange(where, "num_groups", groups, 1, channels);
  checkShape(where, "the input", x!.shape, channels % groups === 0, `channels in ${groups} equal groups`);
  for (const parameter of parameters) {
    const { shape } = parameter!;
    const fits = shape.length === 1 && (shape[0] === channels || shape[0] === groups);
    checkShape(where, "a parameter", shape, fits, `[${channels}]`);
  }
  return [x!];
};

export const MeanVarianceNormalization = like;

/** Size is the number of channels that are summed over. */
export const LRN: ShapeRule = ({ where, attributes, inputs: [x] }) => {
  checkShape(where, "the input", x!.shape, x!.shape.length >= 2, "[N, C, …]");
  checkRange(where, "size", attributes.int("size"), 1);
  return [x!];
};

/** The axis must exist; it is the last one unless the node says otherwise. */
const alongAxis: ShapeRule = ({ where, attributes, inputs: [x] }) => {
  normalizeAxis(where, attributes.int("axis", -1), x!.shape.length);
  return [x!];
};

export const LpNormalization: ShapeRule = (call) => {
  checkRange(call.where, "p", call.attributes.int("p", 2), 1, 2);
  return alongAxis(call);
};
export const Softmax = alongAxis;
export const LogSoftmax = alongAxis;
export const Hardmax = alongAxis;
