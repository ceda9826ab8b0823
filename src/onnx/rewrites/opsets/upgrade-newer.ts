/** @file Operators of the sets 8 to 17 in the form of set 18: attributes that became inputs, and defaults that became others. */
import { UnsupportedError } from "../../../errors.ts";
import { tensorOf } from "../../../tensor/tensor.ts";
import { attributesFrom, attributesOf } from "../../attributes.ts";
import { int64Tensor } from "../../int64.ts";
import { describeNode } from "../../model.ts";
import { type Upgrade, without } from "./upgrade.ts";

/** `inputs` with `name` at `index`; left-out inputs before it are empty. */
function withInput(inputs: readonly string[], index: number, name: string): string[] {
  const next = [...inputs];
  while (next.length <= index) next.push("");
  next[index] = name;
  return next;
}

/** Integer attributes that became inputs, each with the index of its input; one that is absent stays a left-out input. */
function intsToInputs(since: number, positions: Readonly<Record<string, number>>): Upgrade {
  return {
    since,
    rewrite(node, context) {
      let { inputs } = node;
      for (const [name, index] of Object.entries(positions)) {
        const values = attributesOf(node).has(name) ? attributesOf(node).ints(name) : [];
        if (values.length === 0) continue;
        inputs = withInput(inputs, index, context.constant(`${node.outputs[0]}_${name}`, int64Tensor(values)));
      }
      return [{ ...without(node, ...Object.keys(positions)), inputs }];
    },
  };
}

const axesToInput = (since: number): readonly Upgrade[] => [intsToInputs(since, { axes: 1 })];

/** Clip's bounds became inputs. */
const clip: Upgrade = {
  since: 11,
  rewrite(node, context) {
    const attributes = attributesOf(node);
    let { inputs } = node;
    for (const [index, name] of ["min", "max"].entries()) {
      if (!attributes.has(name)) continue;
      const dtype = context.dtypeOf(node.inputs[0]) ?? "float32";
      const bound = tensorOf(dtype, [attributes.float(name)], []);
      inputs = withInput(inputs, index + 1, context.constant(`${node.outputs[0]}_${name}`, bound));
    }
    return [{ ...without(node, "min", "max"), inputs }];
  },
};

/** Dropout's ratio became an input, which inference does not read. */
const dropout: Upgrade = {
  since: 12,
  rewrite: (node) => [without(node, "ratio")],
};

/** Pad's amounts and value became inputs. */
const pad: Upgrade = {
  since: 11,
  rewrite(node, context) {
    const attributes = attributesOf(node);
    let inputs: readonly string[] = [
      node.inputs[0],
      context.constant(`${node.outputs[0]}_pads`, int64Tensor(attributes.ints("pads"))),
    ];
    const value = attributes.float("value", 0);
    if (value !== 0) {
      const dtype = context.dtypeOf(node.inputs[0]) ?? "float32";
      inputs = [...inputs, context.constant(`${node.outputs[0]}_value`, tensorOf(dtype, [value], []))];
    }
    return [{ ...without(node, "pads", "value"), inputs }];
  },
};

/** TopK's k became an input. */
const topK: Upgrade = {
  since: 10,
  rewrite(node, context) {
    const k = context.constant(`${node.outputs[0]}_k`, int64Tensor([attributesOf(node).int("k")]));
    return [{ ...without(node, "k"), inputs: [node.inputs[0], k] }];
  },
};

/** Split into equal parts must say how many. */
const splitEqually: Upgrade = {
  since: 18,
  rewrite(node) {
    if ((node.inputs[1] ?? "") !== "") return [node];
    const count = attributesFrom({ num_outputs: node.outputs.length });
    return [{ ...node, inputs: [node.inputs[0]], attributes: { ...node.attributes, ...count } }];
  },
};

/**
 * Before version 13 Softmax, LogSoftmax and Hardmax saw a matrix: the axes before `axis` made its rows, the others its
 * columns. That is the newer form where `axis` is the last one, or all later extents are 1; otherwise it takes reshaping.
 */
const alongColumns: Upgrade = {
  since: 13,
  rewrite(node, context) {
    const axis = attributesOf(node).int("axis", 1);
    const shape = context.shapeOf(node.inputs[0]);
    const after = shape?.slice(axis < 0 ? axis + shape.length : axis).slice(1);
    if (axis === -1 || after?.length === 0) {
      return [{ ...node, attributes: { ...node.attributes, ...attributesFrom({ axis: -1 }) } }];
    }
    if (after?.every((extent) => extent === 1)) {
      return [{ ...node, attributes: { ...node.attributes, ...attributesFrom({ axis }) } }];
    }
    const [input, output] = [node.inputs[0], node.outputs[0]];
    const [extents, flat, result] = ["shape", "flat", "flat_result"].map((part) => context.fresh(`${output}_${part}`));
    const plain = { domain: "", name: "", attributes: {} };
    return [
      { ...plain, opType: "Shape", inputs: [input], outputs: [extents] },
      { ...plain, opType: "Flatten", inputs: [input], outputs: [flat], attributes: attributesFrom({ axis }) },
      { ...node, inputs: [flat], outputs: [result], attributes: attributesFrom({ axis: -1 }) },
      { ...plain, opType: "Reshape", inputs: [result, extents], outputs: [output] },
    ];
  },
};

/** Per-activation statistics ended with version 9. */
const spatialStatistics: Upgrade = {
  since: 9,
  rewrite(node) {
    if (attributesOf(node).int("spatial", 1) !== 0) {
      return [without(node, "spatial")];
    }
    throw new UnsupportedError({
      where: describeNode(node),
      what: "BatchNormalization with statistics per activation (spatial = 0) is not supported",
      advice: "Export the model again, with opset 13 or later.",
    });
  },
};

/** Before version 14 more than one output meant training; of these the statistics of the batch itself are gone. */
const inferenceOutput: Upgrade = {
  since: 14,
  rewrite(node) {
    if (node.outputs.slice(1).every((name) => name === "")) return [{ ...node, outputs: [node.outputs[0]] }];
    const attributes = { ...node.attributes, ...attributesFrom({ training_mode: 1 }) };
    return [{ ...node, attributes, outputs: node.outputs.slice(0, 3) }];
  },
};

/** Upsample's scales became an input. */
const scalesToInput: Upgrade = {
  since: 9,
  rewrite(node, context) {
    const scales = attributesOf(node).floats("scales");
    const name = context.constant(`${node.outputs[0]}_scales`, tensorOf("float32", scales, [scales.length]));
    return [{ ...without(node, "scales"), inputs: [node.inputs[0], name] }];
  },
};

/**
 * Before version 11 Resize mapped coordinates without an offset, and `nearest` took the pixel before (or after, where the
 * picture shrinks). Scales that are computed in the graph are taken to enlarge, as those of Upsample must.
 */
const asymmetric: Upgrade = {
  since: 11,
  rewrite(node, context) {
    const [input, scales] = node.inputs;
    const known = context.valueOf(scales)?.data as Float32Array | undefined;
    const factors = Array.from(known ?? []).filter((factor) => factor !== 1);
    const shrinks = factors.length > 0 && factors.every((factor) => factor < 1);
    const mode = attributesOf(node).string("mode", "nearest");
    if (!shrinks && factors.some((factor) => factor < 1) && mode === "nearest") {
      throw new UnsupportedError({
        where: describeNode(node),
        what: "Resize to nearest pixels that enlarges one axis and shrinks another has no newer form",
        advice: "Export the model again, with opset 11 or later.",
      });
    }
    const attributes = attributesFrom({
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: mode === "nearest" ? (shrinks ? "ceil" : "floor") : undefined,
    });
    return [{ ...node, inputs: [input, "", scales], attributes: { ...node.attributes, ...attributes } }];
  },
};

/** RoiAlign's default became half_pixel in version 16; it had been the other one. */
const roiAlign: Upgrade = {
  since: 16,
  rewrite(node) {
    const mode = attributesFrom({ coordinate_transformation_mode: "output_half_pixel" });
    return [{ ...node, attributes: { ...mode, ...node.attributes } }];
  },
};

function renamed(since: number, opType: string): Upgrade {
  return { since, rewrite: (node) => [{ ...node, opType }] };
}

/** By operator, in ascending order of versions. */
export const newerUpgrades: Readonly<Record<string, readonly Upgrade[]>> = {
  BatchNormalization: [spatialStatistics, inferenceOutput],
  Clip: [clip],
  Dropout: [dropout],
  Hardmax: [alongColumns],
  LogSoftmax: [alongColumns],
  Pad: [pad],
  ReduceL1: axesToInput(18),
  ReduceL2: axesToInput(18),
  ReduceLogSum: axesToInput(18),
  ReduceLogSumExp: axesToInput(18),
  ReduceMax: axesToInput(18),
  ReduceMean: axesToInput(18),
  ReduceMin: axesToInput(18),
  ReduceProd: axesToInput(18),
  ReduceSum: axesToInput(13),
  ReduceSumSquare: axesToInput(18),
  Resize: [asymmetric],
  RoiAlign: [roiAlign],
  Scatter: [renamed(11, "ScatterElements")],
  Slice: [intsToInputs(10, { starts: 1, ends: 2, axes: 3 })],
  Softmax: [alongColumns],
  Split: [intsToInputs(13, { split: 1 }), splitEqually],
  Squeeze: axesToInput(13),
  TopK: [topK],
  Unsqueeze: axesToInput(13),
  Upsample: [scalesToInput, renamed(10, "Resize")],
};
