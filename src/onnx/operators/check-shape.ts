/** @file What shape rules check: shapes that must fit, attributes in their range, inputs that must be known before the graph runs. */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import type { Shape } from "../../tensor/tensor.ts";
import type { ShapeCall } from "./operator.ts";

/** Throws a BadInputError if an input (`what`, a noun such as "the bias") has a shape that does not fit. */
export function checkShape(where: string, what: string, shape: Shape, fits: boolean, expected: string): void {
  if (fits) return;
  throw new BadInputError({ where, what: `the shape of ${what} does not fit`, expected, got: `[${shape.join(", ")}]` });
}

/** Throws a BadInputError if `parameter`, where it is there, would enlarge `shape` when it is broadcast to it. */
export function checkBroadcasts(where: string, what: string, parameter: Shape | undefined, shape: Shape): void {
  if (parameter === undefined) return;
  const offset = shape.length - parameter.length;
  const fits = offset >= 0 && parameter.every((extent, axis) => extent === 1 || extent === shape[axis + offset]);
  checkShape(where, what, parameter, fits, `one that broadcasts to [${shape.join(", ")}]`);
}

/** Throws a BadInputError if `parameter`, where it is there, is not a single number. */
export function checkScalar(where: string, what: string, parameter: Shape | undefined): void {
  if (parameter === undefined) return;
  checkShape(where, what, parameter, parameter.length <= 1 && parameter.every((extent) => extent === 1), "a scalar");
}

/** Throws a BadInputError if an integer attribute is less than `least`, or more than `most`. */
export function checkRange(where: string, name: string, value: number, least: number, most = Infinity): void {
  if (value >= least && value <= most) return;
  const expected = most === Infinity ? `at least ${least}` : `from ${least} to ${most}`;
  throw new BadInputError({ where, what: `attribute ${name} does not fit`, expected, got: String(value) });
}

/**
 * The numbers in input `index`, on which the output's shape depends; undefined if it is left out. Throws a
 * BadInputError if they are no list, and an UnsupportedError if they are not known before the graph runs.
 */
export function knownNumbers(
  { where, inputs, constant }: ShapeCall,
  index: number,
  what: string,
): number[] | undefined {
  const input = inputs[index];
  if (input === undefined) return undefined;
  checkShape(where, what, input.shape, input.shape.length <= 1, "a list of numbers");
  const tensor = constant(index);
  if (tensor !== undefined) return Array.from(tensor.data);
  throw new UnsupportedError({
    where,
    what: `${what} depend on the graph's inputs`,
    advice: "Shapes must be fixed: export the model with a fixed input size.",
  });
}

/** As {@link knownNumbers}, for an input that must be there. */
export function requiredNumbers(call: ShapeCall, index: number, what: string): number[] {
  const numbers = knownNumbers(call, index, what);
  if (numbers !== undefined) return numbers;
  throw new UnsupportedError({ where: call.where, what: `${what} are missing` });
}
