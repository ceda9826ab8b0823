/**
 * @file The area constraint of extremal perturbations, as a penalty.
 *
 * Source: Fong, Patrick and Vedaldi, "Understanding Deep Networks via Extremal Perturbations and Smooth Masks", ICCV 2019, equation 3:
 * R_a(m) = ‖vecsort(m) − r_a‖², r_a a step of as many ones as the area has pixels; here its mean over the pixels.
 */

export interface AreaPenalty {
  readonly value: number;
  /** With respect to the mask. */
  readonly gradient: Float64Array;
}

/**
 * R_a of a mask with values in [0, 1]: the mean of the squared differences between its sorted values and the step with `ones` ones, at
 * least 1. It is 0 if and only if the mask is 1 on that many pixels and 0 on the others.
 *
 * R_a has a kink where pixels on both sides of the step are equal; there they share the step's mean, so that equal pixels have
 * equal gradients.
 *
 * The gradient is written to `gradient`, which is a fresh array by default.
 *
 * Deviation: TorchRay sorts, and so takes some of the equal pixels by chance.
 */
export function areaPenalty(
  mask: Float64Array,
  ones: number,
  gradient: Float64Array = new Float64Array(mask.length),
): AreaPenalty {
  const count = mask.length;
  // The gradient's memory is free until the threshold is known.
  gradient.set(mask);
  const threshold = nthSmallest(gradient, count - ones);
  let [above, equal] = [0, 0];
  for (let u = 0; u < count; u++) {
    if (mask[u] > threshold) above++;
    else if (mask[u] === threshold) equal++;
  }
  const share = (ones - above) / equal;
  let sum = (ones - above) * (threshold - 1) ** 2 + (equal - ones + above) * threshold ** 2;
  for (let u = 0; u < count; u++) {
    const value = mask[u];
    const wanted = value > threshold ? 1 : value < threshold ? 0 : share;
    gradient[u] = (2 * (value - wanted)) / count;
    if (value !== threshold) sum += (value - wanted) ** 2;
  }
  return { value: sum / count, gradient };
}

/** The value that would be at place `n` if `values` were sorted; Hoare's selection (1961), which leaves them in another order. */
function nthSmallest(values: Float64Array, n: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    // Of the middle and the ends the middle value: sorted and constant parts are halved as well.
    const [a, b, c] = [values[low], values[(low + high) >> 1], values[high]];
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let [left, right] = [low, high];
    while (left <= right) {
      while (values[left] < pivot) left++;
      while (values[right] > pivot) right--;
      if (left > right) break;
      const swapped = values[left];
      values[left++] = values[right];
      values[right--] = swapped;
    }
    if (n <= right) high = right;
    else if (n >= left) low = left;
    else return values[n];
  }
  return values[n];
}
