/** @file The normalization whose range a static quantization of the pixels is made for. */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import type { Node } from "../../../onnx/model.ts";
import { affineOf, type NormalizationName, normalizationForChannels, normalizations } from "../preprocessing.ts";
import { type Source, statedBy } from "../source.ts";

/** The ends of the range, of what 8 or 16 bits hold. */
const limits: Readonly<Record<string, readonly [least: number, most: number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
};

/** How far each end may lie from the normalization's, as a share of its span: calibration rounds the zero point, and sees few pictures. */
const mostApart = 0.025;

/**
 * What `first`, which reads the pixels as they are, says of them if it quantizes them: calibrated on pictures, its range is that of prepared pixels, from black to white. undefined where it is none
 * of the usual ones, as after a calibration on random numbers.
 */
export function rangeOfQuantizer(
  { constants }: TypedGraph,
  first: Node | undefined,
  channels: number,
): Source | undefined {
  if (first?.opType !== "QuantizeLinear") return undefined;
  const [scale, zero] = [constants.get(first.inputs[1]), constants.get(first.inputs[2] ?? "")];
  const range = limits[zero?.dtype ?? "uint8"];
  if (scale?.data.length !== 1 || range === undefined) return undefined;
  const [least, most] = range.map((end) => (end - Number(zero?.data[0] ?? 0)) * Number(scale.data[0]));
  const name = (Object.keys(normalizations) as NormalizationName[]).find((one) => {
    const own = normalizations[one];
    if (own.mean.length !== channels && channels !== 1) return false;
    const { factor, offset } = affineOf({ ...normalizationForChannels(own, channels), layout: "nchw" });
    const [low, high] = [Math.min(...offset), Math.max(...factor.map((f, c) => f + offset[c]))];
    const isNear = (value: number, wanted: number): boolean => Math.abs(value - wanted) <= mostApart * (high - low);
    return isNear(least, low) && isNear(most, high);
  });
  if (name === undefined) return undefined;
  const [from, to] = [least, most].map((end) => Number(end.toPrecision(3)));
  return {
    stated: { ...statedBy(name), channels: name === "caffe" ? "bgr" : undefined },
    reason: `its first quantizer is made for numbers from ${from} to ${to}`,
    isSettled: true,
  };
}
