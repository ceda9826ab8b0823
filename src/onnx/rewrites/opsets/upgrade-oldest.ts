/**
 * @file Operators of the sets 1 to 6, as the first models of the zoo have them, in the form of set 7.
 *
 * Until then broadcasting was an attribute and went one way only, constants of Reshape and Pad were attributes, and every operator that
 * frameworks compute in place had an attribute for that, which says nothing of its result.
 */
import { UnsupportedError } from "../../../errors.ts";
import { tensorOf } from "../../../tensor/tensor.ts";
import { attributesFrom, attributesOf } from "../../attributes.ts";
import { int64Tensor } from "../../int64.ts";
import { describeNode, type Node } from "../../model.ts";
import { type Upgrade, type UpgradeContext, without } from "./upgrade.ts";

/** What says that a result may take the place of its input. */
const inPlace: Upgrade = { since: 6, rewrite: (node) => [without(node, "consumed_inputs")] };

/** The second operand was broadcast along `axis`: with as many axes of extent 1 behind it as it took, numpy's rule does the same. */
const broadcast: Upgrade = {
  since: 7,
  rewrite(node, context) {
    const attributes = attributesOf(node);
    const plain = without(node, "broadcast", "axis", "consumed_inputs");
    if (attributes.int("broadcast", 0) === 0 || !attributes.has("axis")) return [plain];
    const [a, b] = node.inputs;
    const [left, right] = [context.shapeOf(a), context.shapeOf(b) ?? context.valueOf(b)?.shape];
    if (left === undefined || right === undefined) {
      throw new UnsupportedError({
        where: describeNode(node),
        what: "which axes are broadcast depends on shapes that the model does not declare",
        advice: "Export the model again, with opset 13 or later.",
      });
    }
    const axis = attributes.int("axis");
    const start = axis < 0 ? axis + left.length : axis;
    return behind(plain, 1, left.length - start - right.length, right.length, context);
  },
};

/** `node` with `count` axes of extent 1 behind its input at `index`, which has `rank` axes. */
function behind(node: Node, index: number, count: number, rank: number, context: UpgradeContext): Node[] {
  if (count <= 0) return [node];
  const output = context.fresh(`${node.outputs[0]}_operand`);
  const axes = attributesFrom({ axes: Array.from({ length: count }, (_, i) => rank + i) });
  const unsqueeze: Node = {
    opType: "Unsqueeze",
    domain: "",
    name: "",
    inputs: [node.inputs[index]],
    outputs: [output],
    attributes: axes,
  };
  return [unsqueeze, { ...node, inputs: node.inputs.with(index, output) }];
}

/** One slope for each channel was recognized by its length. */
const slopes: Upgrade = {
  since: 7,
  rewrite(node, context) {
    const [data, slope] = node.inputs;
    const rank = context.shapeOf(data)?.length ?? 4;
    const shape = context.shapeOf(slope) ?? context.valueOf(slope)?.shape;
    const isPerChannel = shape?.length === 1 && shape[0] !== 1;
    return isPerChannel ? behind(node, 1, rank - 2, 1, context) : [node];
  },
};

const withoutBroadcast: Upgrade = { since: 7, rewrite: (node) => [without(node, "broadcast")] };
/** Whether a network is being trained was an attribute; here it never is. */
const asInference: Upgrade = {
  since: 7,
  rewrite: (node) => [{ ...without(node, "is_test", "consumed_inputs"), outputs: node.outputs.slice(0, 1) }],
};

const reshape: Upgrade = {
  since: 5,
  rewrite(node, context) {
    const shape = context.constant(`${node.outputs[0]}_shape`, int64Tensor(attributesOf(node).ints("shape")));
    return [{ ...without(node, "shape", "consumed_inputs"), inputs: [node.inputs[0], shape] }];
  },
};

const paddings: Upgrade = {
  since: 2,
  rewrite(node) {
    const pads = attributesFrom({ pads: attributesOf(node).ints("paddings") });
    const plain = without(node, "paddings");
    return [{ ...plain, attributes: { ...plain.attributes, ...pads } }];
  },
};

/** Concat joined channels unless it said otherwise. */
const joined: Upgrade = {
  since: 4,
  rewrite: (node) => [{ ...node, attributes: { ...attributesFrom({ axis: 1 }), ...node.attributes } }],
};

/** Element types had names. */
const named: Upgrade = {
  since: 6,
  rewrite(node) {
    const to = node.attributes.to;
    if (to?.kind !== "string") return [node];
    const numbers: Readonly<Record<string, number>> = {
      FLOAT: 1,
      UINT8: 2,
      INT8: 3,
      UINT16: 4,
      INT16: 5,
      INT32: 6,
      INT64: 7,
      BOOL: 9,
      FLOAT16: 10,
      DOUBLE: 11,
      UINT32: 12,
      UINT64: 13,
    };
    const number = numbers[to.value.toUpperCase()];
    return number === undefined
      ? [node]
      : [{ ...node, attributes: { ...node.attributes, ...attributesFrom({ to: number }) } }];
  },
};

/** Sizes to split into could be the second input. */
const partsFromInput: Upgrade = {
  since: 2,
  rewrite(node, context) {
    const sizes = node.inputs[1] === undefined ? undefined : context.valueOf(node.inputs[1])?.data;
    if (sizes === undefined || typeof sizes[0] === "string") return [node];
    const split = attributesFrom({ split: Array.from(sizes as ArrayLike<number | bigint>, Number) });
    return [{ ...node, inputs: node.inputs.slice(0, 1), attributes: { ...node.attributes, ...split } }];
  },
};

const tile: Upgrade = {
  since: 6,
  rewrite(node, context) {
    const [data, tiles, axis] = node.inputs;
    const [count, along] = [tiles, axis].map((name) => {
      const value = name === undefined ? undefined : context.valueOf(name)?.data[0];
      return value === undefined || typeof value === "string" ? undefined : Number(value);
    });
    const rank = context.shapeOf(data)?.length;
    if (count === undefined || along === undefined || rank === undefined) return [node];
    const repeats = context.constant(
      `${node.outputs[0]}_repeats`,
      int64Tensor(Array.from({ length: rank }, (_, i) => (i === along ? count : 1))),
    );
    return [{ ...node, inputs: [data, repeats] }];
  },
};

const wholePower: Upgrade = {
  since: 2,
  rewrite(node) {
    const p = attributesFrom({ p: Math.round(attributesOf(node).float("p", 2)) });
    return [{ ...node, attributes: { ...node.attributes, ...p } }];
  },
};

const enlarged: Upgrade = {
  since: 7,
  rewrite(node) {
    const attributes = attributesOf(node);
    if (attributes.has("scales")) return [node];
    const factors = [1, 1, attributes.float("height_scale"), attributes.float("width_scale")];
    const plain = without(node, "height_scale", "width_scale");
    return [{ ...plain, attributes: { ...plain.attributes, ...attributesFrom({ scales: { float: factors } }) } }];
  },
};

/** By operator, in ascending order of versions. */
export const oldestUpgrades: Readonly<Record<string, readonly Upgrade[]>> = {
  Abs: [inPlace],
  Ceil: [inPlace],
  Elu: [inPlace],
  Exp: [inPlace],
  Floor: [inPlace],
  HardSigmoid: [inPlace],
  LeakyRelu: [inPlace],
  Log: [inPlace],
  Max: [inPlace],
  Mean: [inPlace],
  Min: [inPlace],
  Neg: [inPlace],
  Reciprocal: [inPlace],
  Relu: [inPlace],
  Selu: [inPlace],
  Sigmoid: [inPlace],
  Sqrt: [inPlace],
  Sum: [inPlace],
  Tanh: [inPlace],
  Clip: [inPlace],
  InstanceNormalization: [inPlace],
  Add: [broadcast],
  Sub: [broadcast],
  Mul: [broadcast],
  Div: [broadcast],
  Pow: [broadcast],
  And: [broadcast],
  Or: [broadcast],
  Xor: [broadcast],
  Equal: [broadcast],
  Greater: [broadcast],
  Less: [broadcast],
  BatchNormalization: [asInference],
  Cast: [named],
  Concat: [joined],
  Dropout: [asInference],
  Gemm: [withoutBroadcast],
  GlobalLpPool: [wholePower],
  LpPool: [wholePower],
  PRelu: [inPlace, slopes],
  Pad: [paddings],
  Reshape: [reshape],
  Split: [partsFromInput],
  Tile: [tile],
  Upsample: [enlarged],
};

/** Operators that were experiments until version 10, in terms of others; undefined for the rest. */
export function replaceExperiment(node: Node, context: UpgradeContext): readonly Node[] | undefined {
  const attributes = attributesOf(node);
  const [output] = node.outputs;
  const scalar = (wish: string, value: number): string =>
    context.constant(`${output}_${wish}`, tensorOf("float32", [value], []));
  const op = (
    opType: string,
    inputs: readonly string[],
    name = context.fresh(`${output}_${opType.toLowerCase()}`),
  ): Node => ({
    opType,
    domain: "",
    name: "",
    inputs,
    outputs: [name],
    attributes: {},
  });
  switch (node.opType) {
    case "ImageScaler": {
      // scale · x, and a bias for each channel.
      const bias = attributes.floats("bias", []);
      const scaled = op("Mul", [node.inputs[0], scalar("scale", attributes.float("scale", 1))]);
      const shift = context.constant(
        `${output}_bias`,
        tensorOf("float32", bias.length === 0 ? [0] : bias, [1, Math.max(1, bias.length), 1, 1]),
      );
      return [scaled, op("Add", [scaled.outputs[0], shift], output)];
    }
    case "Affine": {
      const scaled = op("Mul", [node.inputs[0], scalar("alpha", attributes.float("alpha", 1))]);
      return [scaled, op("Add", [scaled.outputs[0], scalar("beta", attributes.float("beta", 0))], output)];
    }
    case "ScaledTanh": {
      const inner = op("Mul", [node.inputs[0], scalar("beta", attributes.float("beta", 1))]);
      const tangent = op("Tanh", [inner.outputs[0]]);
      return [inner, tangent, op("Mul", [tangent.outputs[0], scalar("alpha", attributes.float("alpha", 1))], output)];
    }
    case "ParametricSoftplus": {
      const inner = op("Mul", [node.inputs[0], scalar("beta", attributes.float("beta", 1))]);
      const soft = op("Softplus", [inner.outputs[0]]);
      return [inner, soft, op("Mul", [soft.outputs[0], scalar("alpha", attributes.float("alpha", 1))], output)];
    }
    case "Scale":
      return [op("Mul", [node.inputs[0], scalar("scale", attributes.float("scale", 1))], output)];
    default:
      return undefined;
  }
}
