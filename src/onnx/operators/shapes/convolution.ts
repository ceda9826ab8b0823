/** @file Shape rules of the convolutions. */
import { BadInputError } from "../../../errors.ts";
import type { ValueType } from "../../model.ts";
import { kernelShapeOf, slidingWindow, transposedWindow } from "../arithmetic/window.ts";
import { checkShape, type ShapeRule } from "./shape-rule.ts";

/** Throws a BadInputError unless `x` is [N, C, …] with at least one spatial axis and `w` has as many axes. */
function checkRanks(where: string, x: ValueType, w: ValueType): void {
  if (x.shape.length >= 3 && w.shape.length === x.shape.length) return;
  throw new BadInputError({
    where,
    what: "input and weight do not fit together",
    expected: "[N, C, …spatial] and a weight of as many axes",
    got: `[${x.shape.join(", ")}] and [${w.shape.join(", ")}]`,
  });
}

function checkChannels(where: string, fits: boolean, x: ValueType, w: ValueType, group: number): void {
  if (fits) return;
  throw new BadInputError({
    where,
    what: "the channels do not fit together",
    got: `input [${x.shape.join(", ")}], weight [${w.shape.join(", ")}], group ${group}`,
  });
}

function checkBias(where: string, bias: ValueType | undefined, channels: number): void {
  if (bias === undefined) return;
  checkShape(where, "the bias", bias.shape, bias.shape.length === 1 && bias.shape[0] === channels, `[${channels}]`);
}

/** x [N, C, …wide], w [M, C / group, …kernel], bias [M] → [N, M, …narrow] */
export const Conv: ShapeRule = ({ where, attributes, inputs: [x, w, bias] }) => {
  checkRanks(where, x!, w!);
  const group = attributes.int("group", 1);
  const [[n, c, ...spatial], [m, perGroup, ...kernel]] = [x!.shape, w!.shape];
  checkChannels(where, perGroup * group === c && m % group === 0, x!, w!, group);
  checkBias(where, bias, m);
  const window = slidingWindow(where, attributes, spatial, kernelShapeOf(where, attributes, spatial, kernel));
  return [{ dtype: x!.dtype, shape: [n, m, ...window.narrow] }];
};

/** x [N, C, …narrow], w [C, M / group, …kernel], bias [M] → [N, M, …wide] */
export const ConvTranspose: ShapeRule = ({ where, attributes, inputs: [x, w, bias] }) => {
  checkRanks(where, x!, w!);
  const group = attributes.int("group", 1);
  const [[n, c, ...spatial], [inChannels, perGroup, ...kernel]] = [x!.shape, w!.shape];
  checkChannels(where, inChannels === c && c % group === 0, x!, w!, group);
  checkBias(where, bias, perGroup * group);
  const window = transposedWindow(where, attributes, spatial, kernelShapeOf(where, attributes, spatial, kernel));
  return [{ dtype: x!.dtype, shape: [n, perGroup * group, ...window.wide] }];
};
