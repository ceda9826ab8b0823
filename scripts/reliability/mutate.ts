/** @file Damage: to bytes, to text, and to protobuf messages whose fields stay fields. */
import type { Random } from "../../src/random/random.ts";

export function integer(random: Random, below: number): number {
  return Math.floor(random() * below);
}

export function pick<T>(random: Random, list: readonly [T, ...T[]]): T;
export function pick<T>(random: Random, list: readonly T[]): T | undefined;
export function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list[integer(random, list.length)];
}

/** Numbers at which programs break. */
export const extremes = [
  ...[0, 1, -1, 2, 3, 7, 64, 255, 256, 65_535, 65_536, 1_000_000],
  ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53 - 1, -(2 ** 53)],
] as const satisfies readonly number[];

/** Text that means something to some reader. */
export const evilTexts = [
  ...[
    "",
    " ",
    "\0",
    "\n",
    "\r\n",
    "\u202e",
    "\u001b]0;owned\u0007",
    "\ufeff",
    "../../etc/passwd",
    "/dev/zero",
    "C:\\x",
    "a\\..\\b",
  ],
  ...[
    "NaN",
    "Infinity",
    "-0",
    "1e999",
    "0x10",
    "null",
    "true",
    "[]",
    "{}",
    '"',
    "'",
    "`",
    ",",
    ";",
    "<",
    ">",
    "&",
    "%",
    "%00",
  ],
  ...["__proto__", "constructor", "toString", "CON", "a".repeat(5000), "\ud800", "é", "💥"],
] as const satisfies readonly string[];

/** `bytes` with a few of them changed, removed, repeated or exchanged, or cut off. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let result: Uint8Array = bytes.slice();
  for (let count = 1 + integer(random, 4); count > 0 && result.length > 0; count--) {
    const at = integer(random, result.length);
    const length = 1 + integer(random, 16);
    switch (integer(random, 7)) {
      case 0:
        result[at] ^= 1 << integer(random, 8);
        break;
      case 1:
        result[at] = integer(random, 256);
        break;
      case 2:
        result = join([result.subarray(0, at), result.subarray(at + length)]);
        break;
      case 3:
        result = join([result.subarray(0, at + length), result.subarray(at)]);
        break;
      case 4:
        result.copyWithin(at, integer(random, result.length), integer(random, result.length));
        break;
      case 5:
        result.set(
          result.subarray(0, Math.min(4, result.length - at)).map(() => pick(random, [0, 255, 127, 128])),
          at,
        );
        break;
      default:
        if (integer(random, 4) === 0) result = result.slice(0, at);
        else result.fill(integer(random, 2) * 255, at, at + length);
    }
  }
  return result;
}

/** `text` with a token, a line or a number changed, removed, repeated or exchanged for something evil. */
export function mutateText(text: string, random: Random): string {
  let result = text;
  for (let count = 1 + integer(random, 3); count > 0; count--) {
    const tokens = result.split(/([\s,;:"'<>=/[\]{}()]+)/);
    const at = integer(random, tokens.length);
    switch (integer(random, 8)) {
      case 0:
        tokens[at] = pick(random, evilTexts);
        break;
      case 1:
        tokens[at] = String(pick(random, extremes));
        break;
      case 2:
        tokens.splice(at, 1 + integer(random, 3));
        break;
      case 3:
        tokens.splice(at, 0, ...tokens.slice(at, at + 1 + integer(random, 12)));
        break;
      case 4:
        tokens[at] = pick(random, tokens) ?? "";
        break;
      case 5:
        tokens.length = at;
        break;
      case 6:
        tokens[at] = (tokens[at] ?? "").repeat(1 + integer(random, 300));
        break;
      default: {
        const numbers = tokens.flatMap((token, index) => (/^-?\d+(\.\d+)?$/.test(token) ? [index] : []));
        const number = pick(random, numbers);
        if (number !== undefined) tokens[number] = String(pick(random, extremes));
      }
    }
    result = tokens.join("");
  }
  return result;
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/** A field of a protobuf message: its key, and the bytes behind it with the length, where it has one, left out. */
interface Field {
  readonly key: bigint;
  readonly bytes: Uint8Array;
}

function readVarint(bytes: Uint8Array, at: number): { readonly value: bigint; readonly end: number } | undefined {
  let value = 0n;
  for (let i = 0; i < 10 && at + i < bytes.length; i++) {
    value |= BigInt(bytes[at + i] & 0x7f) << BigInt(7 * i);
    if (bytes[at + i] < 0x80) return { value, end: at + i + 1 };
  }
  return undefined;
}

function varint(value: bigint): Uint8Array {
  const result: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    result.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(result);
}

/** The fields of a message; undefined if the bytes are none. */
function fieldsOf(bytes: Uint8Array): Field[] | undefined {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const key = readVarint(bytes, at);
    if (key === undefined || key.value >> 3n === 0n) return undefined;
    const type = Number(key.value & 7n);
    let [begin, end] = [key.end, key.end];
    if (type === 0) end = readVarint(bytes, begin)?.end ?? Number.POSITIVE_INFINITY;
    else if (type === 1) end += 8;
    else if (type === 5) end += 4;
    else if (type === 2) {
      const length = readVarint(bytes, begin);
      if (length === undefined || length.value > BigInt(bytes.length)) return undefined;
      begin = length.end;
      end = begin + Number(length.value);
    } else return undefined;
    if (end > bytes.length) return undefined;
    fields.push({ key: key.value, bytes: bytes.subarray(begin, end) });
    at = end;
  }
  return fields;
}

function encode(fields: readonly Field[]): Uint8Array {
  return join(
    fields.flatMap(({ key, bytes }) =>
      (key & 7n) === 2n ? [varint(key), varint(BigInt(bytes.length)), bytes] : [varint(key), bytes],
    ),
  );
}

/** A protobuf message with one field, at any depth, changed, removed, repeated, moved or of another type. */
export function mutateProtobuf(bytes: Uint8Array, random: Random, depth = 0): Uint8Array {
  const fields = bytes.length < 65_536 || depth < 3 ? fieldsOf(bytes) : undefined;
  if (fields === undefined || fields.length === 0) return mutateBytes(bytes, random);
  const at = integer(random, fields.length);
  const field = fields[at];
  if ((field.key & 7n) === 2n && random() < 0.8) {
    fields[at] = { key: field.key, bytes: mutateProtobuf(field.bytes, random, depth + 1) };
    return encode(fields);
  }
  switch (integer(random, 6)) {
    case 0:
      fields.splice(at, 1);
      break;
    case 1:
      fields.splice(at, 0, ...Array<Field>(1 + integer(random, 3)).fill(field));
      break;
    case 2:
      fields.splice(integer(random, fields.length), 0, ...fields.splice(at, 1));
      break;
    case 3:
      fields[at] = { ...field, key: (BigInt(1 + integer(random, 40)) << 3n) | (field.key & 7n) };
      break;
    case 4:
      fields[at] = { key: (field.key & ~7n) | 2n, bytes: new TextEncoder().encode(pick(random, evilTexts)) };
      break;
    default:
      fields[at] = { key: field.key & ~7n, bytes: varint(BigInt(pick(random, extremes))) };
  }
  return encode(fields);
}
