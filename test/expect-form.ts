/** @file The check that a form of records accepts a record and nothing near it. */
import { expect } from "vitest";
import type { Form } from "../src/experiments/records/record-form.ts";

/**
 * Expects that `form` accepts `example` as a file gives it back, and refuses it with any one member left out, added, or of another
 * type. `free` are the names of objects whose contents are anybody's.
 */
export function expectForm<T extends object>(form: Form<T>, example: T, free: readonly string[] = []): void {
  expect(form(JSON.parse(JSON.stringify(example)))).toBe(true);
  for (const [path, changed] of variants(example, free)) {
    expect([path, form(changed)]).toEqual([path, false]);
  }
  for (const other of [null, undefined, 1, "", [], {}]) expect(form(other)).toBe(false);
}

/** The value with each of its parts changed, one at a time, and what was changed. */
function variants(value: unknown, free: readonly string[]): [path: string, changed: unknown][] {
  if (typeof value === "number")
    return [
      ["text", String(value)],
      ["null for a number", Number.NaN],
    ];
  if (typeof value === "string") return [["number", 7]];
  if (typeof value === "boolean") return [["text", String(value)]];
  if (typeof value !== "object" || value === null) return [["text", "x"]];
  if (Array.isArray(value)) {
    const inner = value.flatMap((item, n) =>
      variants(item, free).map(([path, changed]): [string, unknown] => [`[${n}] ${path}`, value.with(n, changed)]),
    );
    return [["object", { ...value }], ...inner];
  }
  const names = Object.keys(value);
  const members: Readonly<Record<string, unknown>> = { ...value };
  return [
    ["one too many", { ...members, "one too many": 1 }],
    ["list", names],
    ...names.flatMap((name): [string, unknown][] => {
      const { [name]: member, ...rest } = members;
      const inner = free.includes(name) ? [["text", "x"] as [string, unknown]] : variants(member, free);
      return [
        [`without ${name}`, rest],
        ...inner.map(([path, changed]): [string, unknown] => [`${name}: ${path}`, { ...members, [name]: changed }]),
      ];
    }),
  ];
}
