/** @file What must hold of any node, whatever its operator means: its inputs, their element types, the size of its outputs. */
import { BadInputError, MisuseError } from "../errors.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { arities } from "./arity.ts";
import { describeNode, type Node, type ValueType } from "./model.ts";
import type { Operator } from "./shapes/index.ts";

/** Throws a BadInputError if `node` has too few inputs or too many, leaves out one that it needs, or has no output. */
export function checkArity(node: Node): void {
  const { required, most } = arities[node.opType as Operator];
  const where = describeNode(node);
  const count = node.inputs.length;
  if (count < required || count > most) {
    const expected =
      required === most ? String(required) : most === Infinity ? `at least ${required}` : `${required} to ${most}`;
    throw new BadInputError({ where, what: "wrong number of inputs", expected, got: String(count) });
  }
  const missing = node.inputs.findIndex((name, i) => name === "" && (i < required || most === Infinity));
  if (missing >= 0) throw new BadInputError({ where, what: `input ${missing} is left out, which the operator needs` });
  if (!node.outputs.some((name) => name !== "")) throw new BadInputError({ where, what: "the node has no output" });
}

/** Operators whose inputs all have one element type. Source: the schemas' type constraint T. */
const uniform: ReadonlySet<string> = new Set<Operator>([
  "Add",
  "And",
  "Clip",
  "Concat",
  "Conv",
  "ConvTranspose",
  "Div",
  "Einsum",
  "Equal",
  "Gemm",
  "Greater",
  "GreaterOrEqual",
  "InstanceNormalization",
  "Less",
  "LessOrEqual",
  "MatMul",
  "Max",
  "Mean",
  "Min",
  "Mod",
  "Mul",
  "Or",
  "PRelu",
  "Sub",
  "Sum",
  "Xor",
]);

/** Throws a BadInputError if inputs that must have one element type have several. */
export function checkElementTypes(node: Node, inputs: readonly (ValueType | undefined)[]): void {
  const compared = uniform.has(node.opType) ? inputs : node.opType === "Where" ? inputs.slice(1) : [];
  const found = [...new Set(compared.flatMap((input) => (input === undefined ? [] : [input.dtype])))];
  if (found.length < 2) return;
  throw new BadInputError({
    where: describeNode(node),
    what: "the inputs differ in their element type",
    expected: "one type",
    got: found.join(" and "),
  });
}

/** More elements than any runtime addresses. */
const mostElements = 2 ** 31;

/** Throws a BadInputError for an output whose extents are not counts, or that is larger than anything that can run. */
export function checkOutputs(node: Node, outputs: readonly ValueType[]): void {
  for (const { shape } of outputs) {
    const areCounts = shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
    if (areCounts && sizeOf(shape) <= mostElements) continue;
    throw new BadInputError({
      where: describeNode(node),
      what: "impossible output shape",
      expected: "extents of at least 0, and at most 2^31 elements",
      got: `[${shape.join(", ")}]`,
    });
  }
}

/** What `compute` returns; what it calls misuse is the model's fault here, not the caller's. */
export function blamingTheModel<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (error instanceof MisuseError) throw new BadInputError(error.complaint, { cause: error });
    throw error;
  }
}
