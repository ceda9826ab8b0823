/** @file Pictures that are stored lying or mirrored. */

/** Samples, interleaved, row by row. */
interface Samples<Data> {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Data;
}

/** The picture upright that is stored as `orientation` says, 1 (upright) to 8 (TIFF 6.0, section 8; EXIF has the same numbers). */
export function upright<Data extends Uint8Array | Uint16Array | Float32Array>(
  { width, height, channels, data }: Samples<Data>,
  orientation: number,
): Samples<Data> {
  const [right, below, last] = [width - 1, width * (height - 1), width * height - 1];
  // The pixel that comes first, and how far it is in the stored ones to the right and down.
  const [first, across, down] = [
    [0, 1, width],
    [right, -1, width],
    [last, -1, -width],
    [below, 1, -width],
    [0, width, 1],
    [below, -width, 1],
    [last, -width, -1],
    [right, width, -1],
  ][orientation - 1];
  const [newWidth, newHeight] = orientation >= 5 ? [height, width] : [width, height];
  const turned = new (data.constructor as new (length: number) => Data)(data.length);
  for (let y = 0, to = 0; y < newHeight; y++) {
    for (let x = 0; x < newWidth; x++, to += channels) {
      const from = channels * (first + x * across + y * down);
      for (let c = 0; c < channels; c++) turned[to + c] = data[from + c];
    }
  }
  return { width: newWidth, height: newHeight, channels, data: turned };
}
