/** @file One text per value, and a hash of it: what makes two runs mean the same thing by the same key. */
import { MisuseError } from "../../errors.ts";
import { splitMix64 } from "../../random/random.ts";

/**
 * `value` as JSON with the names of every object in code-unit order and no white space: equal values have equal texts. Names
 * whose value is `undefined` are left out, as `JSON.stringify` does.
 *
 * Throws a {@link MisuseError} that says where, if there is anything that JSON would lose: NaN, infinities, `undefined` in an
 * array, functions, and typed arrays, which belong into the arrays of a record.
 */
export function canonicalJson(value: unknown, where = "canonicalJson"): string {
  return textOf(value, where, "");
}

function textOf(value: unknown, where: string, path: string): string {
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => textOf(item, where, `${path}[${index}]`)).join(",")}]`;
  }
  if (isPlainObject(value)) {
    const members = Object.keys(value)
      .filter((name) => value[name] !== undefined)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${textOf(value[name], where, `${path}.${name}`)}`);
    return `{${members.join(",")}}`;
  }
  throw new MisuseError({
    where: `${where}${path === "" ? "" : `: ${path.replace(/^\./, "")}`}`,
    what: "not a value of JSON",
    expected: "null, a boolean, a finite number, a string, or arrays and plain objects of those",
    got: ArrayBuffer.isView(value) ? value.constructor.name : String(value),
  });
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * A 64-bit unsigned integer that depends on every bit of `text`: FNV-1a (Fowler, Noll and Vo) of its UTF-8 bytes, spread by one step
 * of SplitMix64, so that remainders are as good as random ones. The same on every platform; not cryptographic.
 */
export function hash64(text: string): bigint {
  return splitMix64(fnv1a64(text), 1)[0];
}

const encoder = new TextEncoder();

/** FNV-1a, 64 bits, of the text's UTF-8 bytes. */
export function fnv1a64(text: string): bigint {
  // In two halves of 32 bits, whose products are exact in a double: BigInt is a hundred times slower, and lists of items are long.
  let [high, low] = [0xcbf29ce4, 0x84222325];
  for (const byte of encoder.encode(text)) {
    const mixed = (low ^ byte) >>> 0;
    // The prime is 2^40 + 435.
    const product = mixed * 435;
    high = (high * 435 + Math.floor(product / 2 ** 32) + mixed * 256) % 2 ** 32;
    low = product >>> 0;
  }
  return (BigInt(high) << 32n) | BigInt(low);
}

/** The hash of the value's canonical JSON, as 16 hexadecimal digits. */
export function stableHash(value: unknown): string {
  return hash64(canonicalJson(value, "stableHash")).toString(16).padStart(16, "0");
}

/** Where two values of JSON differ: a path such as `settings.blur`, and the two values; undefined where they are equal. */
export interface Difference {
  readonly path: string;
  readonly left: unknown;
  readonly right: unknown;
}

/** Every place where `left` and `right` differ, in order of the paths. Objects are compared name by name, anything else as a whole. */
export function differences(left: unknown, right: unknown, path = ""): Difference[] {
  if (isPlainObject(left) && isPlainObject(right)) {
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
    return names.flatMap((name) => differences(left[name], right[name], path === "" ? name : `${path}.${name}`));
  }
  if (left === undefined || right === undefined) return left === right ? [] : [{ path, left, right }];
  return canonicalJson(left) === canonicalJson(right) ? [] : [{ path, left, right }];
}
