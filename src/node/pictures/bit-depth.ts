/** @file How many of the 16 bits of a sample a camera or a scanner has used. */
import { BadInputError } from "../../errors.ts";

/** Depths that cameras, scanners and old writers have. */
const usualDepths = [8, 10, 12, 14];

/**
 * What a note on a picture is about: how many bits its samples use; a camera's tag that turns it and was not followed; transparency that was left out; frames or pages
 * after the first.
 */
export type PictureNoteCode = "bit-depth" | "not-turned" | "transparency" | "first-frame";

/** Called with a sentence that begins with the path. */
export type OnPictureNote = (note: string, code: PictureNoteCode) => void;

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

/** The samples as bytes: the upper eight of the bits that they use. */
export function toBytes(samples: Uint16Array, bits: number): Uint8Array {
  return Uint8Array.from(samples, (value) => value >> (bits - 8));
}
