/** @file Ten digits drawn as MNIST's are, to ask a network of small gray pictures whether it reads digits, and how prepared. */
import type { ImageTensor } from "../../../image/picture.ts";
import { floatTensor } from "../../../tensor/tensor.ts";

type Point = readonly [x: number, y: number];

/** Points of an ellipse from one angle to another, in degrees: 0 to the right, 90 below. */
function arc(x: number, y: number, across: number, down: number, from: number, to: number): Point[] {
  const steps = 24;
  return Array.from({ length: steps + 1 }, (_, i): Point => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    return [x + across * Math.cos(angle), y + down * Math.sin(angle)];
  });
}

/** The strokes of 0 to 9 in a box from 0 to 1, as by hand. */
const strokes: readonly (readonly (readonly Point[])[])[] = [
  [arc(0.5, 0.5, 0.34, 0.5, 0, 360)],
  [
    [
      [0.56, 0],
      [0.46, 1],
    ],
  ],
  [[...arc(0.5, 0.27, 0.3, 0.27, -170, 30), [0.16, 0.94], [0.9, 0.94]]],
  [[...arc(0.46, 0.25, 0.28, 0.25, -160, 90), ...arc(0.46, 0.74, 0.34, 0.26, -90, 160)]],
  [
    [
      [0.22, 0.04],
      [0.16, 0.5],
      [0.84, 0.48],
    ],
    [
      [0.82, 0.04],
      [0.7, 1],
    ],
  ],
  [[[0.86, 0.02], [0.32, 0.02], [0.26, 0.42], ...arc(0.46, 0.7, 0.34, 0.3, -110, 150)]],
  [[[0.66, 0], [0.36, 0.3], [0.22, 0.66], ...arc(0.5, 0.73, 0.28, 0.27, 190, -190)]],
  [
    [
      [0.14, 0.04],
      [0.86, 0.04],
      [0.42, 1],
    ],
  ],
  [arc(0.5, 0.25, 0.25, 0.25, 0, 360), arc(0.5, 0.75, 0.29, 0.25, 0, 360)],
  [
    arc(0.48, 0.28, 0.28, 0.28, 0, 360),
    [
      [0.76, 0.28],
      [0.68, 1],
    ],
  ],
];

/** MNIST's digits fill a box of 20 pixels in 28, and their strokes are about 2.5 wide. */
const boxOfPicture = 20 / 28;
const strokeOfPicture = 2.6 / 28;
/** Strokes stand a little narrower than they are tall. */
const narrowness = 0.8;

/** The digits 0 to 9, [1, height, width], light strokes (1) on dark ground (0). */
export function drawnDigits(height: number, width: number): readonly ImageTensor[] {
  const side = Math.min(height, width);
  const [box, radius] = [side * boxOfPicture, (side * strokeOfPicture) / 2];
  const [left, top] = [(width - box * narrowness) / 2, (height - box) / 2];
  return strokes.map((lines) => {
    const segments = lines.flatMap((points) =>
      points
        .slice(1)
        .map((end, i) => [points[i], end].map(([x, y]): Point => [left + x * box * narrowness, top + y * box])),
    );
    const data = Float32Array.from({ length: height * width }, (_, i) => {
      const pixel: Point = [(i % width) + 0.5, Math.floor(i / width) + 0.5];
      const near = Math.min(...segments.map(([from, to]) => distanceToSegment(pixel, from, to)));
      return Math.min(1, Math.max(0, radius + 0.5 - near));
    });
    return floatTensor(data, [1, height, width]);
  });
}

function distanceToSegment([x, y]: Point, [x0, y0]: Point, [x1, y1]: Point): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length));
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}
