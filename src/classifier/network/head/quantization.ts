/** @file The steps of a quantized network, which only round: what its numbers mean is said by the operators before them. */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import type { Node } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import { isFloating } from "../../../tensor/tensor.ts";

/** Whether a node makes integers of real numbers, or real numbers of these. */
export function isQuantization(node: Node): boolean {
  return node.opType === "QuantizeLinear" || node.opType === "DequantizeLinear";
}

/** What of a graph tells what a value was before it was rounded. */
interface Origins {
  readonly producerOf: (name: string) => Node | undefined;
  /** The elements of a constant; undefined if it is none. */
  readonly numbersOf: (name: string | undefined) => ArrayLike<number> | undefined;
}

/**
 * The real numbers that `node` gives on in steps: a DequantizeLinear behind a QuantizeLinear with the same scale and the same zero point, which some
 * exporters write twice. Undefined for any other node.
 */
export function quantizedFrom({ producerOf, numbersOf }: Origins, node: Node): string | undefined {
  if (node.opType !== "DequantizeLinear") return undefined;
  const [value, ...parameters] = node.inputs;
  const quantizer = producerOf(value);
  if (quantizer?.opType !== "QuantizeLinear") return undefined;
  const isSame = [0, 1].every((index) => {
    const [own = "", other = ""] = [parameters[index], quantizer.inputs[index + 1]];
    if (own === other) return true;
    // Without a zero point it is 0.
    const [a, b] = [own, other].map((name) => (name === "" && index === 1 ? [0] : numbersOf(name)));
    return a !== undefined && b !== undefined && isEqual(a, b);
  });
  return isSame ? quantizer.inputs[0] : undefined;
}

function isEqual(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((value, i) => value === b[i]);
}

/** `name`, or the real numbers that it gives on in steps. */
export function unquantized(typed: TypedGraph, producers: ReadonlyMap<string, Node>, name: string): string {
  const origins: Origins = {
    producerOf: (value) => producers.get(value),
    numbersOf: (value) => typed.constants.get(value ?? "")?.data,
  };
  const node = producers.get(name);
  const before = node === undefined ? undefined : quantizedFrom(origins, node);
  return before === undefined ? name : unquantized(typed, producers, before);
}

/**
 * Whether a node makes real numbers of the integers that a layer sums, as behind MatMulInteger and ConvInteger: by a scale, which is found anew for each picture
 * where the range of what the layer reads is. `isLayer` says which nodes are layers with weights.
 */
export function scalesIntegers(
  { types }: Pick<TypedGraph, "types">,
  producers: ReadonlyMap<string, Node>,
  { opType, inputs }: Node,
  { isLayer, isGiven }: { readonly isLayer: (node: Node) => boolean; readonly isGiven: (value: string) => boolean },
): boolean {
  if (opType !== "Mul") return false;
  return inputs.some((input) => {
    let name: string | undefined = input;
    let isOfIntegers = false;
    while (name !== undefined) {
      const maker = producers.get(name);
      if (maker === undefined) return false;
      if (isLayer(maker)) return isOfIntegers;
      // The scales of what is read and of the weights may come one after the other.
      const data: readonly string[] = maker.opType === "Mul" ? maker.inputs.filter((one) => !isGiven(one)) : [];
      name = hasTrait(maker, "view") ? maker.inputs[0] : data.length === 1 ? data[0] : undefined;
      const type = types.get(name ?? "");
      isOfIntegers ||= type !== undefined && !isFloating(type.dtype);
    }
    return false;
  });
}
