/**
 * @file The Netpbm formats: PBM, PGM and PPM, plain (P1 to P3) and binary (P4 to P6), as their manual pages define them
 * (https://netpbm.sourceforge.net/doc/ppm.html), and PAM (P7).
 */
import { BadInputError } from "../../errors.ts";
import type { RawSamples } from "./raw-samples.ts";

/** Whether the bytes begin as a file of the family does. */
export function isNetpbm(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] >= 0x31 && bytes[1] <= 0x37 && isSpace(bytes[2]);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

/** Reads words between white space and comments. */
interface Words {
  readonly next: () => string;
  /** The position after the last word and the one white space that ends it. */
  readonly end: () => number;
}

function wordsOf(bytes: Uint8Array, from: number): Words {
  let at = from;
  const next = (): string => {
    for (;;) {
      while (isSpace(bytes[at])) at++;
      if (bytes[at] !== 0x23) break;
      while (at < bytes.length && bytes[at] !== 0x0a) at++;
    }
    const start = at;
    while (at < bytes.length && !isSpace(bytes[at]) && bytes[at] !== 0x23 && at - start < 32) at++;
    return String.fromCharCode(...bytes.subarray(start, at));
  };
  return { next, end: () => at + 1 };
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly largest: number;
  /** Where the samples begin. */
  readonly start: number;
}

function headerOf(kind: number, bytes: Uint8Array): Header {
  const words = wordsOf(bytes, 2);
  if (kind !== 7) {
    const [width, height] = [Number(words.next()), Number(words.next())];
    const largest = kind === 1 || kind === 4 ? 1 : Number(words.next());
    return { width, height, channels: kind === 3 || kind === 6 ? 3 : 1, largest, start: words.end() };
  }
  const fields = new Map<string, number>();
  for (let word = words.next(); word !== "ENDHDR" && word !== "" && fields.size < 16; word = words.next()) {
    fields.set(word, Number(words.next()));
  }
  const field = (name: string): number => fields.get(name) ?? Number.NaN;
  const start = words.end();
  return { width: field("WIDTH"), height: field("HEIGHT"), channels: field("DEPTH"), largest: field("MAXVAL"), start };
}

/**
 * The samples of the file, scaled so that its greatest value is 255 or, if that is above 255, 65535. `check` is called with the size
 * before anything of that size is made.
 *
 * Throws a {@link BadInputError} on behalf of `where` if the file is malformed or cut short.
 */
export function decodeNetpbm(
  bytes: Uint8Array,
  where: string,
  check: (width: number, height: number) => void,
): RawSamples {
  const kind = bytes[1] - 0x30;
  const { width, height, channels, largest, start } = headerOf(kind, bytes);
  const isWhole = [width, height, channels, largest].every((value) => Number.isInteger(value) && value > 0);
  if (!isWhole || largest > 65535 || channels > 64) {
    throw new BadInputError({
      where,
      what: "has a damaged header",
      expected: "that of a PBM, PGM, PPM or PAM picture",
    });
  }
  check(width, height);
  const count = width * height * channels;
  const cut = (): BadInputError =>
    new BadInputError({ where, what: "is cut short", advice: "Copy or download it again." });
  // Ones are black in bitmaps, which have no greatest value.
  const isBitmap = kind === 1 || kind === 4;
  const full = largest > 255 ? 65535 : 255;
  const data = largest > 255 ? new Uint16Array(count) : new Uint8Array(count);
  const put = (i: number, value: number): void => {
    if (!(value <= largest))
      throw new BadInputError({ where, what: `sample ${i} exceeds the greatest value of the header` });
    data[i] = Math.round(((isBitmap ? 1 - value : value) * full) / largest);
  };
  if (kind === 4) {
    const row = Math.ceil(width / 8);
    if (bytes.length < start + row * height) throw cut();
    for (let i = 0; i < count; i++) {
      const [x, y] = [i % width, Math.floor(i / width)];
      put(i, (bytes[start + y * row + (x >> 3)] >> (7 - (x & 7))) & 1);
    }
  } else if (kind > 4) {
    const wide = largest > 255 ? 2 : 1;
    if (bytes.length < start + wide * count) throw cut();
    for (let i = 0; i < count; i++) {
      put(i, wide === 1 ? bytes[start + i] : 256 * bytes[start + 2 * i] + bytes[start + 2 * i + 1]);
    }
  } else if (kind === 1) {
    // In plain bitmaps digits need no space between them.
    let at = start - 1;
    for (let i = 0; i < count; at++) {
      if (at >= bytes.length) throw cut();
      if (bytes[at] === 0x30 || bytes[at] === 0x31) put(i++, bytes[at] - 0x30);
    }
  } else {
    const words = wordsOf(bytes, start - 1);
    for (let i = 0; i < count; i++) {
      const word = words.next();
      if (word === "") throw cut();
      put(i, Number(word));
    }
  }
  return { width, height, channels, data, format: "Netpbm" };
}
