/** @file The agency's mark: an orange disc with a white ring, printed over the lower left corner of its pictures. */
import { type FloatTensor, floatTensor } from "../../src/tensor/tensor.ts";

/** Height and width of the example's pictures. */
export const size = 96;

/** The middle of the mark and its radius, in pixels. */
const middle = { x: 10, y: 86 };
const radius = 6.5;
const orange = [0.96, 0.45, 0.04];
const white = [1, 1, 1];

/** The box around the mark: [x0, y0, x1, y1) in pixels. */
export const markBox = [3, 79, 17, 93] as const;

/** How much of a pixel lies within `edge` of the middle: 1 inside, 0 outside, a slope of one pixel between. */
function coverage(x: number, y: number, edge: number): number {
  const distance = Math.hypot(x + 0.5 - middle.x, y + 0.5 - middle.y);
  return Math.min(1, Math.max(0, edge + 0.5 - distance));
}

/** The mark alone: its opacity and its colors, [4, size, size] in [0, 1]: red, green, blue, opacity. */
export function markLayer(): FloatTensor {
  const layer = new Float32Array(4 * size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = y * size + x;
      const ring = coverage(x, y, 4) - coverage(x, y, 2);
      for (const [channel, value] of orange.entries()) {
        layer[channel * size * size + at] = value + (white[channel] - value) * ring;
      }
      layer[3 * size * size + at] = coverage(x, y, radius);
    }
  }
  return floatTensor(layer, [4, size, size]);
}

/** A copy of the picture [3, size, size] with the mark on it. */
export function marked(image: FloatTensor): FloatTensor {
  const layer = markLayer().data;
  const area = size * size;
  const pixels = image.data.map((value, i) => {
    const opacity = layer[3 * area + (i % area)];
    return value * (1 - opacity) + layer[i] * opacity;
  });
  return floatTensor(pixels, image.shape);
}
