/** @file How many of the 16 bits of a sample a camera or a scanner has used. */
import { BadInputError } from "../../errors.ts";

/** Depths that cameras, scanners and old writers have. */
const usualDepths = [8, 10, 12, 14];

export interface SampleDepth {
  readonly bits: number;
  /** What was concluded and from what, where it was not given and is not 16: a whole sentence without the file's name. */
  readonly note?: string;
}

/**
 * How many bits the samples use. A file of 16-bit samples none of which reaches 2¹⁴ would be a picture darker than a quarter; it is
 * taken as one of 14, 12, 10 or 8 bits, the fewest that hold them all, which is said. Where all samples are 0, nothing can be said.
 *
 * Throws a {@link BadInputError} on behalf of `where` if a sample does not fit into the number of bits `given`.
 */
export function sampleDepth(samples: Uint16Array, where: string, given: number | undefined): SampleDepth {
  let largest = 0;
  for (let i = 0; i < samples.length; i++) if (samples[i] > largest) largest = samples[i];
  if (given !== undefined) {
    if (largest < 2 ** given) return { bits: given };
    throw new BadInputError({
      where,
      what: `a sample is ${largest}, which ${given} bits do not hold`,
      expected: `at most ${2 ** given - 1}`,
      advice: "Give another --bit-depth (the option `bitDepth`), or none.",
    });
  }
  const bits = usualDepths.find((depth) => largest < 2 ** depth);
  if (largest === 0 || bits === undefined) return { bits: 16 };
  return {
    bits,
    note:
      `its 16-bit samples reach only ${largest}, so they are taken as ${bits} bits; ` +
      "--bit-depth 16 takes them as they are, which is dark",
  };
}

/** The samples as bytes: the upper eight of the bits that they use. */
export function toBytes(samples: Uint16Array, bits: number): Uint8Array {
  return Uint8Array.from(samples, (value) => value >> (bits - 8));
}
