/** @file Maps and differences brought into [0, 1]. */
import { BadInputError, checkForm } from "../errors.ts";
import { checkTensor, type FloatTensor } from "../tensor/tensor.ts";

/** The least and the greatest value; throws a {@link BadInputError} if a value is NaN or infinite, or there are none. */
export function finiteRange(
  where: string,
  { shape, data }: FloatTensor,
): { readonly min: number; readonly max: number } {
  let [min, max] = [Infinity, -Infinity];
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (!Number.isFinite(value)) {
      throw new BadInputError({
        where,
        what: `element ${i} of a tensor of shape [${shape.join(", ")}] is not a finite number`,
        got: String(value),
        advice: "Look for NaN or infinity in the model's weights and in the input.",
      });
    }
    if (value < min) min = value;
    if (value > max) max = value;
  }
  if (data.length === 0) throw new BadInputError({ where, what: "empty tensor", got: `shape [${shape.join(", ")}]` });
  return { min, max };
}

/**
 * The tensor shifted and scaled so that its least value is 0 and its greatest 1, whatever its shape; a constant tensor
 * becomes all zeros. Throws a {@link BadInputError} if a value is NaN or infinite.
 */
export function normalizeMap(map: FloatTensor): FloatTensor {
  checkTensor("normalizeMap", map, "a map [H, W]");
  const { min, max } = finiteRange("normalizeMap", map);
  const range = max - min;
  return { ...map, data: map.data.map((value) => (range > 0 ? (value - min) / range : 0)) };
}

/**
 * The tensor scaled about 0 so that 0 becomes ½ and the value of greatest magnitude 0 or 1, for showing differences (as the
 * paper's released code shows them); all ½ if every value is 0. Throws a {@link BadInputError} if a value is NaN or infinite.
 */
export function normalizeSigned(difference: FloatTensor): FloatTensor {
  checkForm("normalizeSigned: difference", difference, ["dtype", "data", "shape"]);
  const { min, max } = finiteRange("normalizeSigned", difference);
  const magnitude = Math.max(-min, max);
  return {
    ...difference,
    data: difference.data.map((value) => (magnitude > 0 ? (0.5 * value) / magnitude + 0.5 : 0.5)),
  };
}
