/**
 * @file Paths whose bytes are no UTF-8, which Linux allows and old archives have.
 *
 * Such a path is a string here all the same: each byte that is no part of UTF-8 becomes the lone surrogate U+DC00 + byte, as in Python's
 * `surrogateescape`, so that the bytes can be had back. On the screen these characters show as �.
 */
import { readFileSync } from "node:fs";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes as text, those that are no UTF-8 as lone surrogates. */
export function pathOfBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    let text = "";
    for (let at = 0; at < bytes.length; ) {
      const length = characterAt(bytes, at);
      text += length === 0 ? String.fromCharCode(0xdc00 + bytes[at]) : strict.decode(bytes.subarray(at, at + length));
      at += Math.max(1, length);
    }
    return text;
  }
}

/** The length of the character of UTF-8 that begins at `at`, 0 if there is none. */
function characterAt(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      strict.decode(bytes.subarray(at, at + length));
      return length;
    } catch {
      // Perhaps it is longer.
    }
  }
  return 0;
}

/** The path as Node's file functions take it: the string itself, or its bytes if they are no UTF-8. */
export function pathBytes(path: string): string | Buffer {
  // With the flag u, a surrogate that is half of a character is no match.
  if (!/[\udc80-\udcff]/u.test(path)) return path;
  const parts = path.split(/([\udc80-\udcff])/u).map((part) => {
    const code = part.charCodeAt(0);
    const isByte = part.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    return isByte ? Buffer.of(code - 0xdc00) : Buffer.from(part);
  });
  return Buffer.concat(parts);
}

/**
 * The arguments as the user gave them. Node replaces bytes that are no UTF-8; where the system shows them (Linux), they are had from
 * there. `argv` are the last arguments of the process.
 */
export function argumentsAsGiven(argv: readonly string[]): string[] {
  if (!argv.some((argument) => argument.includes("\ufffd"))) return [...argv];
  try {
    const bytes = readFileSync("/proc/self/cmdline");
    const all: string[] = [];
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.indexOf(0, start);
      const stop = end < 0 ? bytes.length : end;
      all.push(pathOfBytes(bytes.subarray(start, stop)));
      start = stop + 1;
    }
    const last = all.slice(-argv.length);
    const lossy = (text: string): string => Buffer.from(pathBytes(text)).toString("utf8");
    return last.length === argv.length && last.every((text, i) => lossy(text) === argv[i]) ? last : [...argv];
  } catch {
    return [...argv];
  }
}
