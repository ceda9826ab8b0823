/**
 * @file Structural similarity (SSIM) of two maps.
 *
 * Source: Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004.
 */
import { checkForm, MisuseError } from "../errors.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import { blur } from "./gaussian-blur.ts";
import { normalizeMap } from "./normalize.ts";

const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
/** The paper's window: a Gaussian of σ = 1.5 over 11 × 11 pixels. */
const windowShape = { sigmaPixels: 1.5, radiusPixels: 5 } as const;

/**
 * The mean structural similarity of two maps [H, W], each scaled to [0, 1] first, in [−1, 1]; 1 if they are equal up to offset
 * and scale. Local means and variances are those of the population; at the edges the maps are mirrored.
 *
 * Deviation: the original leaves out windows that reach over the edge. Throws a MisuseError if the sizes differ.
 */
export function structuralSimilarity(a: FloatTensor, b: FloatTensor): number {
  checkForm("structuralSimilarity: a", a, ["dtype", "data", "shape"]);
  checkForm("structuralSimilarity: b", b, ["dtype", "data", "shape"]);
  if (a.shape.length !== 2 || a.shape.join() !== b.shape.join()) {
    throw new MisuseError({
      where: "structuralSimilarity",
      what: "not two maps of one size",
      expected: "[H, W] twice",
      got: `[${a.shape.join(", ")}] and [${b.shape.join(", ")}]`,
    });
  }
  const [x, y] = [normalizeMap(a), normalizeMap(b)];
  const local = (data: Float32Array): Float32Array => blur({ ...x, data }, windowShape).data;
  const product = (p: Float32Array, q: Float32Array): Float32Array => p.map((value, i) => value * q[i]);
  const [meanX, meanY] = [local(x.data), local(y.data)];
  const [xx, yy, xy] = [product(x.data, x.data), product(y.data, y.data), product(x.data, y.data)].map(local);
  let sum = 0;
  for (let i = 0; i < meanX.length; i++) {
    const [mx, my] = [meanX[i], meanY[i]];
    const [varianceX, varianceY, covariance] = [xx[i] - mx * mx, yy[i] - my * my, xy[i] - mx * my];
    sum += ((2 * mx * my + c1) * (2 * covariance + c2)) / ((mx * mx + my * my + c1) * (varianceX + varianceY + c2));
  }
  return sum / meanX.length;
}
