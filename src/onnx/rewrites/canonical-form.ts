/**
 * @file Models as they come, made alike: what rules, kernels and shapes are written for.
 *
 * Functions are inlined, operators raised to one version of the standard set, 16-bit floats widened, onnxruntime's fused operators
 * written out, constants and identities cleaned up.
 */
import { checkKeys, UnsupportedError } from "../../errors.ts";
import { isPackedType } from "../file/tensor-proto.ts";
import { type Graph, groupByOperator, type Model } from "../model.ts";
import { validateModel } from "../validate.ts";
import { cleanUp } from "./clean-up.ts";
import { constantBatchStatistics } from "./constant-batch-statistics.ts";
import { decomposeFusedOperators } from "./decompose-fused-operators.ts";
import { halfToFloat32, halfTypesOf } from "./half-to-float32.ts";
import { inlineFunctions } from "./inline-functions.ts";
import { lowerOpset } from "./lower-opset.ts";
import { upgradeOpset } from "./opsets/upgrade-opset.ts";

export interface CanonicalFormOptions {
  /** How messages call the model, such as its path. Default "model". */
  readonly where?: string;
  /** Inner values that stay, under their names. */
  readonly keep?: Iterable<string>;
}

export interface CanonicalModel {
  readonly model: Model;
  /** What a user should know of how the model is computed: other precision, gradients that are conventions. */
  readonly notes: readonly string[];
}

/**
 * `model` without functions, in the canonical operator set or a newer one of its own. Throws a BadInputError if the model is not
 * well formed, and an UnsupportedError for what has no canonical form, such as operators that compute with integers.
 */
export function canonicalForm(model: Model, options: CanonicalFormOptions = {}): CanonicalModel {
  checkKeys("canonicalForm", options, ["where", "keep"]);
  const { where = "model", keep } = options;
  const valid = lowerOpset(validateModel(model, { where }));
  const inlined = inlineFunctions(valid);
  // What functions are made of is checked where it has become part of the graph.
  const upgraded = upgradeOpset(inlined === valid ? valid : validateModel(inlined, { where }), { where });
  const written = constantBatchStatistics(decomposeFusedOperators(halfToFloat32(upgraded.graph)));
  checkQuantization(written, where);
  return { model: { ...upgraded, graph: cleanUp(written, { keep }) }, notes: notesOn(upgraded.graph, written) };
}

/** Operators that compute with integers, or pack them, and that are not rewritten: they have no gradient, not even a straight-through one. */
const integerOperators =
  /^(ConvInteger|MatMulInteger|DynamicQuantizeLinear|MatMulNBits|DynamicQuantize\w+|MatMulIntegerToFloat|Q[A-Z]\w*)$/;

function checkQuantization({ nodes, initializers }: Graph, where: string): void {
  const narrow = nodes.filter(({ opType, inputs: [, , zero], attributes }) => {
    const output = attributes.output_dtype;
    const isTold = output?.kind === "int" && isPackedType(Number(output.value));
    return opType === "QuantizeLinear" && (isTold || initializers.get(zero ?? "")?.bits !== undefined);
  });
  if (narrow.length > 0) {
    throw new UnsupportedError({
      where,
      what: `values are quantized to 4 bits, which only weights may be: ${groupByOperator(narrow).join("; ")}`,
      expected: "activations of 8 bits or more",
      advice: "Quantize only the weights to 4 bits, or use the model before it was quantized.",
    });
  }
  const list = groupByOperator(
    nodes.filter(({ opType }) => integerOperators.test(opType) && opType !== "QuantizeLinear"),
  );
  if (list.length === 0) return;
  throw new UnsupportedError({
    where,
    what: `the model computes with quantized operators, which have no gradient: ${list.join("; ")}`,
    expected: "a float model, or one quantized with QuantizeLinear and DequantizeLinear nodes (QDQ)",
    advice: "Quantize it in the QDQ format (quant_format=QuantFormat.QDQ), or use the model before it was quantized.",
  });
}

/** Notes on a graph as it came, and as it is `written` in standard operators. */
function notesOn(graph: Graph, written: Graph): string[] {
  const notes: string[] = [];
  const halves = halfTypesOf(graph);
  if (halves.length > 0) notes.push(`${halves.join(" and ")} numbers are computed in float32`);
  const quantizers = written.nodes.filter(({ opType }) => opType === "QuantizeLinear").length;
  if (quantizers > 0) {
    notes.push(`quantized (${quantizers} QuantizeLinear nodes): gradients pass straight through the rounding`);
  }
  return notes;
}
