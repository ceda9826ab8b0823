/** @file The files in a tar archive (POSIX.1-1988 "ustar", which all of tar's formats agree on for short names). */
import { BadInputError } from "../../errors.ts";

export interface TarFile {
  /** The path in the archive. */
  readonly name: string;
  readonly data: Uint8Array;
}

const block = 512;

/**
 * The regular files of the archive that arrives in pieces; one file at a time is in memory. Folders, links and the extended headers
 * of newer formats are passed over.
 *
 * Throws a BadInputError if a header's checksum is wrong, the archive ends in the middle of a file, or there are more than `maxBytes`
 * in it (default 1 GiB), which is found out before they are read.
 */
export async function* tarFiles(
  chunks: AsyncIterable<Uint8Array>,
  { maxBytes = 2 ** 30 }: { readonly maxBytes?: number } = {},
): AsyncGenerator<TarFile> {
  let total = 0;
  const take = reader(chunks);
  for (;;) {
    const header = await take(block);
    // Two blocks of zeros end an archive; what follows is padding.
    if (header === undefined || header.every((byte) => byte === 0)) return;
    const { name, size, isFile } = parseHeader(header);
    total += size;
    if (total > maxBytes)
      throw new BadInputError({ where: name, what: `there are more than ${maxBytes} bytes in the archive` });
    const data = await take(Math.ceil(size / block) * block);
    if (data === undefined) throw new BadInputError({ where: name, what: "the archive is cut short in this file" });
    if (isFile) yield { name, data: data.subarray(0, size) };
  }
}

/** A function that gives the next so many bytes; undefined if there are not as many. */
function reader(chunks: AsyncIterable<Uint8Array>): (length: number) => Promise<Uint8Array | undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  return async (length) => {
    const parts: Uint8Array[] = [rest];
    let available = rest.length;
    while (available < length) {
      const { done, value } = await iterator.next();
      if (done) return undefined;
      parts.push(value);
      available += value.length;
    }
    const all = new Uint8Array(available);
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    rest = all.subarray(length);
    return all.subarray(0, length);
  };
}

function parseHeader(header: Uint8Array): { readonly name: string; readonly size: number; readonly isFile: boolean } {
  const text = (from: number, length: number): string => {
    const bytes = header.subarray(from, from + length);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  };
  const octal = (from: number, length: number): number => Number.parseInt(text(from, length).trim() || "0", 8);
  // The sum of all bytes, those of the checksum itself counted as spaces.
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  const size = octal(124, 12);
  if (octal(148, 8) !== sum || !(size >= 0))
    throw new BadInputError({ where: "tar archive", what: "a header is damaged" });
  const prefix = text(257, 5) === "ustar" ? text(345, 155) : "";
  const name = prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  const kind = header[156];
  return { name, size, isFile: kind === 0 || kind === "0".charCodeAt(0) };
}
