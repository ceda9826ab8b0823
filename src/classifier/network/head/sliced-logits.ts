/**
 * @file Two logits of a network by themselves, so that their gradient costs what two rows of the last layer cost.
 *
 * The margin is the difference of two logits. Its cotangent with respect to all of them is 0 but in two places, yet a dense
 * gradient multiplies it by every weight of the last layer: on SqueezeNet 1.1 a quarter of the backward pass.
 */
import { attributesOf } from "../../../onnx/attributes.ts";
import type { GraphBuilder, Value } from "../../../onnx/builder.ts";
import type { Node } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { sizeOf } from "../../../tensor/tensor.ts";

/**
 * The logits [1, 2] of the two `classes` [2] (int64), computed anew from what enters the last linear operator; `scores`
 * [1, K, …] are those of all classes. Undefined if the way back from `scores` to a Conv, Gemm or MatMul is not made of
 * channel-wise operators, or the batch is not 1.
 */
export function twoLogits(g: GraphBuilder, scores: Value, classes: Value): Value | undefined {
  if (scores.shape[0] !== 1 || scores.shape[1] <= 2 || sizeOf(scores.shape) !== scores.shape[1]) return undefined;
  const pair = narrowed(g, scores, classes);
  return pair && (pair.shape.length === 2 ? pair : g.op("Reshape", [pair, g.ints([1, 2])]));
}

/** More operators than there are behind the last weights of any network. */
const mostSteps = 100;

/** The two `classes` of `value`, whose second axis is that of all classes; the way back has at most `steps` operators. */
function narrowed(g: GraphBuilder, value: Value, classes: Value, steps = mostSteps): Value | undefined {
  const node = g.producer(value);
  if (steps === 0 || node?.outputs[0] !== value.name) return undefined;
  if (node.outputs.some((output, i) => i > 0 && output !== "")) return undefined;
  const [data, weight, bias] = node.inputs.map((name) => (name === "" ? undefined : g.value(name)));
  if (data === undefined) return undefined;
  const attributes = attributesOf(node);
  const rows = (parameter: Value | undefined, axis: number): Value | undefined =>
    parameter && g.op("Gather", [parameter, classes], { axis });
  const areWeights = [weight, bias].every((parameter) => parameter === undefined || g.isInitializer(parameter));

  if (isChannelwise(g, node)) {
    const before = narrowed(g, data, classes, steps - 1);
    return before && again(g, node, [before, weight, bias]);
  }
  switch (node.opType) {
    case "Flatten":
    case "Reshape":
    case "Squeeze": {
      const isVector = data.shape[0] === 1 && data.shape[1] === value.shape[1] && sizeOf(data.shape) === value.shape[1];
      const before = isVector ? narrowed(g, data, classes, steps - 1) : undefined;
      return before && g.op("Reshape", [before, g.ints(value.shape.with(1, 2))]);
    }
    case "Conv":
      if (!areWeights || attributes.int("group", 1) !== 1) return undefined;
      return again(g, node, [data, rows(weight, 0), rows(bias, 0)]);
    case "Gemm": {
      const isPerClass = bias === undefined || bias.shape.at(-1) === value.shape[1];
      if (!areWeights || !isPerClass || attributes.int("transA", 0) !== 0) return undefined;
      return again(g, node, [
        data,
        rows(weight, attributes.int("transB", 0) ? 0 : 1),
        rows(bias, (bias?.shape.length ?? 1) - 1),
      ]);
    }
    case "MatMul":
      return areWeights && weight?.shape.length === 2 ? again(g, node, [data, rows(weight, 1)]) : undefined;
    case "Add": {
      if (weight === undefined) return undefined;
      const [shift, sum] = g.isInitializer(data) ? [data, weight] : [weight, data];
      if (!g.isInitializer(shift) || value.shape.length !== 2 || shift.shape.at(-1) !== value.shape[1])
        return undefined;
      const before = narrowed(g, sum, classes, steps - 1);
      return before && again(g, node, [before, rows(shift, shift.shape.length - 1)]);
    }
    default:
      return undefined;
  }
}

/** Whether `node` treats each channel alike and by itself. */
function isChannelwise(g: GraphBuilder, node: Node): boolean {
  if (hasTrait(node, "planewise") || hasTrait(node, "elementwise")) return true;
  return node.opType === "ReduceMean" && isOverPlanes(g, node);
}

/** Whether a ReduceMean averages over height and width only. */
function isOverPlanes(g: GraphBuilder, { inputs }: Node): boolean {
  const axes = inputs[1] ? g.known(g.value(inputs[1]))?.data : undefined;
  const rank = g.value(inputs[0]).shape.length;
  return axes !== undefined && axes.length > 0 && axes.every((axis) => (axis + rank) % rank >= 2);
}

/** `node` once more, on other inputs. */
function again(g: GraphBuilder, node: Node, inputs: readonly (Value | undefined)[]): Value {
  const name = `objective/pair/${node.outputs[0]}`;
  const names = inputs.map((input) => input?.name ?? "");
  while (names.at(-1) === "") names.pop();
  return g.append({ ...node, name, inputs: names, outputs: [name] })[0];
}
