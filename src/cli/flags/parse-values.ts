/** @file Values of flags: numbers, fractions, lists, and the small languages of a few flags. */
import { MisuseError, numberIn, oneOf } from "../../errors.ts";
import { checkThresholdRule, type ThresholdRule, thresholdKinds } from "../../localization/threshold.ts";

/** Limits as `numberIn` takes them. */
type Limits = Parameters<typeof numberIn>[2];

/** A parser of a number, or a fraction such as 8/255, within limits. */
export function number(flag: string, limits: Limits = {}): (text: string) => number {
  return (text) => numberIn(flag, numberOf(flag, text), limits);
}

function numberOf(flag: string, text: string): number {
  const parts = text.trim().split("/");
  const values = parts.map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const value = values.length === 2 ? values[0] / values[1] : values[0];
  if (values.length <= 2 && Number.isFinite(value)) return value;
  throw new MisuseError({
    where: flag,
    what: "not a number",
    expected: "a number, or a fraction such as 8/255",
    got: JSON.stringify(text),
  });
}

/** A parser of numbers separated by commas. */
export function numbers(flag: string): (text: string) => number[] {
  return (text) => text.split(",").map((part) => numberOf(flag, part));
}

/** A parser of words separated by commas; empty ones are left out. */
export function words(flag: string): (text: string) => string[] {
  return (text) => {
    const list = text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
    if (list.length > 0) return list;
    throw new MisuseError({ where: flag, what: "the list is empty", expected: "words separated by commas" });
  };
}

/** A parser of one of a few words. */
export function choice<const T extends string>(flag: string, choices: readonly T[]): (text: string) => T {
  return (text) => oneOf(flag, text, choices);
}

/** "224" or "224x192" as [height, width]. */
export function imageSize(flag: string): (text: string) => [height: number, width: number] {
  return (text) => {
    const match = /^\s*(\d+)(?:\s*[x×]\s*(\d+))?\s*$/.exec(text);
    const [height, width] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match !== null && height > 0 && width > 0) return [height, width];
    throw new MisuseError({
      where: flag,
      what: "not a size",
      expected: "pixels, such as 224, or height × width, such as 224x192",
      got: JSON.stringify(text),
    });
  };
}

const byteUnits: Readonly<Record<string, number>> = {
  ...{ "": 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 },
  ...{ kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 },
};

/** A parser of sizes such as "8GB", "500 MB" or "2GiB", in bytes. */
export function byteCount(flag: string): (text: string) => number {
  return (text) => {
    const [, amount, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
    const bytes = Number(amount) * (byteUnits[unit.toLowerCase()] ?? Number.NaN);
    if (bytes >= 1) return Math.floor(bytes);
    throw new MisuseError({
      where: flag,
      what: "not a size of memory",
      expected: "a number and a unit, such as 8GB or 500MB",
      got: JSON.stringify(text),
    });
  };
}

/** "value:0.25", "mean:2", "percent:10" or "energy:0.5". */
export function thresholdRule(flag: string): (text: string) => ThresholdRule {
  return (text) => {
    const [kind, amount, ...rest] = text.split(":");
    if (amount === undefined || rest.length > 0) {
      throw new MisuseError({
        where: flag,
        what: "not a threshold",
        expected: "a kind and a number, such as value:0.25, mean:2, percent:10 or energy:0.5",
        got: JSON.stringify(text),
      });
    }
    const known = oneOf(flag, kind, thresholdKinds);
    const value = numberOf(flag, amount);
    return checkThresholdRule(flag, known === "percent" ? { kind: known, k: value } : { kind: known, alpha: value });
  };
}
