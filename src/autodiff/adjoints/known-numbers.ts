/** @file The numbers of inputs that decide shapes: axes, sizes, pads. */
import { UnsupportedError } from "../../errors.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";

/** The numbers of `value`, which shape inference needed and so knows; an UnsupportedError where it does not. */
export function knownNumbers(g: GraphBuilder, value: Value): number[] {
  const known = g.known(value);
  if (known !== undefined) return Array.from(known.data);
  throw new UnsupportedError({
    where: "differentiate",
    what: `${JSON.stringify(value.name)} decides a shape and is computed from the input`,
    expected: "numbers that are known before the model runs",
  });
}
