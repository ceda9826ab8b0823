/** @file Connected components of masks. */
import { checkForm, checkKeys, MisuseError } from "../errors.ts";
import { checkMask, type Mask } from "./threshold.ts";

export interface ComponentOptions {
  /** 8 (default): pixels that share an edge or a corner are connected; 4: only those that share an edge. */
  readonly connectivity?: 4 | 8;
}

/** The components of a mask, numbered from 1 in raster order of their first pixels. */
export interface Components {
  /** For each pixel in raster order its component's number; 0 where the mask is 0. */
  readonly labels: Int32Array;
  /** Pixels of each component; `sizes[0]` counts those outside of any. */
  readonly sizes: readonly number[];
}

/**
 * The connected components of `mask` [H, W]. Throws a {@link MisuseError} if the tensor has not two axes or the connectivity
 * is neither 4 nor 8.
 */
export function connectedComponents(mask: Mask, options: ComponentOptions = {}): Components {
  checkMask("connectedComponents: mask", mask);
  checkKeys("connectedComponents", options, ["connectivity"]);
  const { connectivity = 8 } = options;
  if (connectivity !== 4 && connectivity !== 8) {
    throw new MisuseError({
      where: "connectedComponents: connectivity",
      what: "unknown value",
      expected: "4 or 8",
      got: String(connectivity),
    });
  }
  const { shape, data } = mask;
  const [height, width] = shape;
  const labels = new Int32Array(data.length);
  const sizes = [0];
  const pending = new Int32Array(data.length);
  for (let seed = 0; seed < data.length; seed++) {
    if (data[seed] === 0) sizes[0]++;
    if (data[seed] === 0 || labels[seed] !== 0) continue;
    // Flood from the seed; a pixel is labeled when it is put on the stack, so it is put there once.
    const label = sizes.length;
    labels[seed] = label;
    pending[0] = seed;
    let count = 1;
    let size = 0;
    while (count > 0) {
      const at = pending[--count];
      size++;
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx;
          if (data[next] === 0 || labels[next] !== 0 || (connectivity === 4 && nx !== x && ny !== y)) continue;
          labels[next] = label;
          pending[count++] = next;
        }
      }
    }
    sizes.push(size);
  }
  return { labels, sizes };
}

/**
 * The component of `mask` with the most pixels, as a mask of the same shape; of equally large ones the first in raster order.
 * An empty mask gives an empty mask. Throws as {@link connectedComponents} does.
 */
export function largestComponent(mask: Mask, options: ComponentOptions = {}): Mask {
  checkKeys("largestComponent", options, ["connectivity"]);
  checkForm("largestComponent: mask", mask, ["dtype", "data", "shape"]);
  const { labels, sizes } = connectedComponents(mask, options);
  let largest = 0;
  for (let label = 1; label < sizes.length; label++) {
    if (largest === 0 || sizes[label] > sizes[largest]) largest = label;
  }
  const data = new Uint8Array(labels.length);
  for (let i = 0; i < data.length; i++) data[i] = largest !== 0 && labels[i] === largest ? 1 : 0;
  return { dtype: "bool", shape: mask.shape, data };
}
