/** @file Samples as a decoder gives them, before they become a picture. */

export interface RawSamples {
  readonly width: number;
  readonly height: number;
  /** 1 is gray, 2 gray and alpha, 3 red, green and blue, 4 with alpha; more have no color of their own. */
  readonly channels: number;
  /** Interleaved, row by row: bytes, or 16 bits. */
  readonly data: Uint8Array | Uint16Array;
  /** The format's name, for messages. */
  readonly format: string;
}
