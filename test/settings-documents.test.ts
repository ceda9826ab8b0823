import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { placesOf, withSettings } from "../scripts/settings.ts";
import { attacks } from "../src/attacks/attacks.ts";
import { detectors } from "../src/detection/detectors.ts";
import { numberOption } from "../src/options/option.ts";
import { saliencyMethods } from "../src/saliency/methods.ts";

const path = join(import.meta.dirname, "../docs/methods.md");
const document = readFileSync(path, "utf8");

test("the tables of docs/methods.md are what `npm run settings` writes", async () => {
  const schemas = new Map(saliencyMethods.map(({ name, settings }) => [name, settings]));
  await expect(withSettings(document, schemas)).toMatchFileSnapshot(path);
});

test("every method has a table there, its own or that of a method with the same settings", () => {
  const places = placesOf(document);
  const described = saliencyMethods.filter(({ name }) => places.includes(name));
  const missing = saliencyMethods.filter(
    ({ name, settings }) =>
      !places.includes(name) && !described.some((other) => JSON.stringify(other.settings) === JSON.stringify(settings)),
  );
  expect(missing.map(({ name }) => name)).toEqual([]);
  expect(new Set(places).size).toBe(places.length);
});

test("docs/attacks.md has a table of every attack's settings, as `npm run settings` writes it", async () => {
  const file = join(import.meta.dirname, "../docs/attacks.md");
  const text = readFileSync(file, "utf8");
  expect(placesOf(text)).toEqual(attacks.map(({ name }) => name));
  await expect(withSettings(text, new Map(attacks.map(({ name, options }) => [name, options])))).toMatchFileSnapshot(
    file,
  );
});

test("docs/detection.md has a table of every detector's settings that has some", async () => {
  const file = join(import.meta.dirname, "../docs/detection.md");
  const text = readFileSync(file, "utf8");
  const some = detectors.filter(({ settings }) => Object.keys(settings).length > 0);
  expect(placesOf(text)).toEqual(some.map(({ name }) => name));
  await expect(withSettings(text, new Map(some.map(({ name, settings }) => [name, settings])))).toMatchFileSnapshot(
    file,
  );
});

test("a table goes between its marks, and nothing else changes", () => {
  const schemas = new Map([["x", { size: numberOption("How large.", { min: 1, fallback: 3 }) }]]);
  const before = "a\n\n<!-- settings of x -->\nold\n<!-- end of settings -->\n\nb\n";
  const after = withSettings(before, schemas);
  expect(after).toBe(
    "a\n\n<!-- settings of x -->\n\n| setting | meaning | values | default |\n|---|---|---|---|\n| `size` | How large. | a number of at least 1 | 3 |\n\n<!-- end of settings -->\n\nb\n",
  );
  expect(withSettings(after, schemas)).toBe(after);
  expect(() => withSettings("<!-- settings of y -->\n<!-- end of settings -->", schemas)).toThrow("no settings of y");
});
