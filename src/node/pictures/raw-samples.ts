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

/** The samples of a picture in the channels that were asked for, before they become bytes or shares. */
export interface StoredSamples extends Omit<RawSamples, "data" | "format"> {
  /** Interleaved, row by row: bytes, 16 bits, or numbers that mean what the network takes them for. */
  readonly data: Uint8Array | Uint16Array | Float32Array;
  readonly isNetworkInput?: boolean;
}
