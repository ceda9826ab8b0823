import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pretendFiles } from "../../test/pretend-files.ts";
import type { DatasetFormatDefinition } from "./dataset-format.ts";
import { formatDefinitions } from "./dataset-formats.ts";
import { openDataset } from "./open-dataset.ts";

const documentation = readFileSync(join(import.meta.dirname, "../../docs/datasets.md"), "utf8");
const definitions: readonly DatasetFormatDefinition[] = formatDefinitions;

test.each(definitions)("$name is described in docs/datasets.md as its record says", (format) => {
  const { name, description, recognition, options } = format;
  const flags = options.map((option) => `\`--${option}\``).join(", ") || "none";
  expect(documentation).toContain(`| \`${name}\` | ${description} | ${recognition.files} | ${flags} |\n`);
});

test("the documentation describes no other format", () => {
  const table = documentation.split("| format | what it is |")[1].split("\n\n")[0];
  const rows = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(rows).toEqual(definitions.map(({ name }) => name));
});

test("names are words, and each once", () => {
  const names = definitions.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9]*$/);
});

test("an option that a format has no use for is refused", async () => {
  const source = pretendFiles({ "1.jpg": "1x1" });
  await expect(openDataset("data", { source, annotations: "x" })).rejects.toThrow(
    'data: the option annotations (--annotations) means nothing for this data set, expected one of images, got "x".',
  );
  await expect(openDataset("scenes:1", { source, difficult: "keep" })).rejects.toThrow("(--difficult) means nothing");
  await expect(openDataset("data", { source, split: "test" })).rejects.toThrow("this data set has no parts");
});
