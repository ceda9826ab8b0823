/** @file What must hold of any node, whatever its operator means: its inputs, their element types, its attributes, the size of its outputs. */
import { BadInputError, MisuseError, UnsupportedError } from "../../errors.ts";
import { type DataType, sizeOf } from "../../tensor/tensor.ts";
import { describeNode, type Node, type ValueType } from "../model.ts";
import type { Signature } from "./signature.ts";
import { operatorOf } from "./table.ts";

/** The signature of `node`'s operator, which must be a known one. */
function signatureOf(node: Node): Signature {
  const record = operatorOf(node);
  if (record !== undefined) return record.signature;
  throw new UnsupportedError({
    where: describeNode(node),
    what: "unknown operator",
    advice: "OPERATORS.md lists what is supported.",
  });
}

/** Throws a BadInputError if `node` has too few inputs or too many, leaves out one that it needs, or has no output. */
export function checkArity(node: Node): void {
  const { inputs, isVariadic } = signatureOf(node);
  const required = inputs.filter(({ isOptional }) => !isOptional).length;
  const most = isVariadic ? Infinity : inputs.length;
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

/** Throws a BadInputError for an input of an element type that the operator does not take, or of another one than its fellows. */
export function checkElementTypes(node: Node, inputs: readonly (ValueType | undefined)[]): void {
  const { inputs: forms, isVariadic } = signatureOf(node);
  const found = new Set<DataType>();
  inputs.forEach((input, i) => {
    if (input === undefined) return;
    const { accepts, types, isUniform } = forms[isVariadic ? 0 : i];
    if (!accepts(input.dtype)) {
      const what = `input ${i} has an element type that the operator does not take`;
      throw new BadInputError({ where: describeNode(node), what, expected: types, got: input.dtype });
    }
    if (isUniform) found.add(input.dtype);
  });
  if (found.size < 2) return;
  throw new BadInputError({
    where: describeNode(node),
    what: "the inputs differ in their element type",
    expected: "one type",
    got: [...found].join(" and "),
  });
}

const integersFor: Readonly<Record<string, string>> = { float: "int", floats: "ints" };

/** Throws a BadInputError for an attribute of the wrong kind, or a word that the operator does not know. Others than its own do not matter. */
export function checkAttributes(node: Node): void {
  const { attributes } = signatureOf(node);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const known = attributes.get(name);
    if (known === undefined) continue;
    const where = describeNode(node);
    const kind = typeof known === "string" ? known : "string";
    // Integers do for real numbers.
    if (attribute.kind !== kind && attribute.kind !== integersFor[kind]) {
      throw new BadInputError({
        where,
        what: `attribute ${name} has the wrong type`,
        expected: kind,
        got: attribute.kind,
      });
    }
    if (typeof known === "string" || known.includes(String(attribute.value))) continue;
    const expected = `one of ${known.join(", ")}`;
    throw new BadInputError({
      where,
      what: `unknown ${name}`,
      expected,
      got: JSON.stringify(attribute.value),
    });
  }
}

/** More elements than any runtime addresses. */
const mostElements = 2 ** 31;
/** As many as NumPy has; each node of a chain may add one, and every shape lists them. */
export const mostAxes = 64;

/** Throws a BadInputError for an output whose extents are not counts, or that is larger than anything that can run. */
export function checkOutputs(node: Node, outputs: readonly ValueType[]): void {
  for (const { shape } of outputs) {
    const areCounts = shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
    if (areCounts && sizeOf(shape) <= mostElements && shape.length <= mostAxes) continue;
    throw new BadInputError({
      where: describeNode(node),
      what: "impossible output shape",
      expected: `at most ${mostAxes} extents of at least 0, and at most 2^31 elements`,
      got: shape.length > mostAxes ? `${shape.length} axes` : `[${shape.join(", ")}]`,
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
