/** @file How many of the 16 bits of a sample a camera or a scanner has used. */
import { BadInputError } from "../../errors.ts";
import type { OnPictureNote } from "../../image/picture-note.ts";

/** Depths that cameras, scanners and old writers have. */
const usualDepths = [8, 10, 12, 14];

export interface BitDepthOptions {
  /** How many bits are used, where it is known. */
  readonly bitDepth?: number;
  /** Called with what was concluded and from what, where it was not given and is not 16: a sentence that begins with the path. */
  readonly onNote?: OnPictureNote;
}

/**
 * How many bits the samples use. A file of 16-bit samples none of which reaches 2¹⁴ would be a picture darker than a quarter; it is
 * taken as one of 14, 12, 10 or 8 bits, the fewest that hold them all, which is said. Where all samples are 0, nothing can be said.
 *
 * Throws a {@link BadInputError} on behalf of `where` if a sample does not fit into the number of bits that is given.
 */
export function sampleDepth(samples: Uint16Array, where: string, { bitDepth: given, onNote }: BitDepthOptions): number {
  let largest = 0;
  for (let i = 0; i < samples.length; i++) if (samples[i] > largest) largest = samples[i];
  if (given !== undefined) {
    if (largest < 2 ** given) return given;
    throw new BadInputError({
      where,
      what: `a sample is ${largest}, which ${given} bits do not hold`,
      expected: `at most ${2 ** given - 1}`,
      advice: "Give another --bit-depth (the option `bitDepth`), or none.",
    });
  }
  const bits = usualDepths.find((depth) => largest < 2 ** depth);
  if (largest === 0 || bits === undefined) return 16;
  onNote?.(
    `${where}: its 16-bit samples reach only ${largest}, so they are taken as ${bits} bits; ` +
      "--bit-depth 16 takes them as they are, which is dark.",
    "bit-depth",
  );
  return bits;
}

/** How numbers become pixels for a network. */
export interface FullScaleOptions {
  /** The sample that pixel 1 stands for, where the network takes samples of more than 8 bits. */
  readonly fullScale?: number;
  readonly onNote?: OnPictureNote;
}

/** Samples as shares of `fullScale`, the largest that the network takes. Those beyond it count as it, which is said. */
export function sharesOf(
  samples: ArrayLike<number>,
  fullScale: number,
  where: string,
  onNote?: OnPictureNote,
): Float32Array {
  let beyond = 0;
  const shares = Float32Array.from(samples, (value) => {
    if (value > fullScale) beyond++;
    return Math.min(value / fullScale, 1);
  });
  if (beyond > 0) {
    onNote?.(
      `${where}: ${beyond} of its ${samples.length} samples are beyond ${fullScale}, the largest that the model takes, and count as that; ` +
        "--scale, with --mean and --std, gives a larger one.",
      "full-scale",
    );
  }
  return shares;
}

/** Numbers that are pixels in [0, 1], or samples up to `fullScale`, as pixels in [0, 1]. Throws a {@link BadInputError} for all others. */
export function unitNumbers(
  samples: ArrayLike<number>,
  where: string,
  { fullScale, onNote }: FullScaleOptions = {},
): Float32Array {
  let [least, greatest] = [Infinity, -Infinity];
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i];
    if (Number.isNaN(value)) {
      throw new BadInputError({ where, what: "there is NaN among the numbers", expected: "pixels in [0, 1]" });
    }
    [least, greatest] = [Math.min(least, value), Math.max(greatest, value)];
  }
  if (least >= 0 && greatest <= 1) {
    if (fullScale !== undefined) {
      const said = `its numbers, none above 1, are taken as shares of ${fullScale}, the largest sample that the model takes.`;
      onNote?.(`${where}: ${said}`, "full-scale");
    }
    return Float32Array.from(samples);
  }
  if (least >= 0 && fullScale !== undefined && greatest < Infinity) return sharesOf(samples, fullScale, where, onNote);
  throw new BadInputError({
    where,
    what: "its numbers are no pixels",
    expected: `numbers in [0, 1]${fullScale === undefined ? "" : `, or samples from 0 to ${fullScale}`}`,
    got: `numbers from ${least} to ${greatest}`,
    advice:
      "Save the pixels before they are normalized for a network, divided by 255 if they are bytes. If the network takes samples as they are, --scale says how large they become.",
  });
}

/** The samples as bytes: the upper eight of the bits that they use. */
export function toBytes(samples: Uint16Array, bits: number): Uint8Array {
  return Uint8Array.from(samples, (value) => value >> (bits - 8));
}
