/** @file The text of files as editors write them: UTF-8, UTF-16 with a mark, and Windows' Latin letters. */

/** The text that `bytes` hold, without a mark in front. Bytes that are no UTF-8 are read as Windows' western letters. */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
