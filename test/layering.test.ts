import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

/** Level of each folder (or file) directly under src: a file may import from lower levels and from its own folder only. */
const levels: Record<string, number> = {
  "errors.ts": 0,
  "escape-text.ts": 0,
  simd: 0,
  options: 1,
  tensor: 1,
  random: 2,
  optimize: 2,
  image: 3,
  scenes: 3,
  onnx: 3,
  autodiff: 4,
  runtime: 4,
  localization: 4,
  classifier: 5,
  attacks: 6,
  detection: 6,
  datasets: 6,
  saliency: 7,
  experiments: 8,
  report: 9,
  node: 9,
  web: 9,
  testing: 9,
  "index.ts": 10,
  exports: 10,
  cli: 10,
  studio: 10,
};

/** Pairs that the levels alone would not forbid. */
const forbidden: readonly (readonly [from: string, to: string])[] = [["detection", "attacks"]];

const source = resolve(import.meta.dirname, "../src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));

function folderOf(file: string): string {
  return relative(source, file).split("/")[0];
}

const imports = files.flatMap((file) => {
  const from = join(source, file);
  const text = readFileSync(from, "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]);
  // What ends with ?url or ?raw is the address of a file, or its text: nothing of it runs.
  return specifiers.filter((specifier) => !/\?(url|raw)$/.test(specifier)).map((specifier) => ({ from, specifier }));
});

test("every folder under src has a level", () => {
  const unknown = new Set(
    files.map((file) => file.split("/")[0]).filter((folder) => !(folder.replace(/\.test\.ts$/, ".ts") in levels)),
  );
  expect([...unknown]).toEqual([]);
});

test("docs/design.md shows these levels", () => {
  const design = readFileSync(resolve(import.meta.dirname, "../docs/design.md"), "utf8");
  const rows = [...design.matchAll(/^\| (\d+) \| (`[^|]+`) \|/gm)].flatMap(([, level, names]) =>
    [...names.matchAll(/`([^`]+?)\/?`/g)].map(([, name]) => [name, Number(level)] as const),
  );
  expect(Object.fromEntries(rows)).toEqual(levels);
});

test("every folder says what belongs there, and has at most about 20 files side by side", () => {
  // At the top stand the face and errors only.
  const folders = new Set(files.map((file) => dirname(file)).filter((folder) => folder !== "."));
  for (const folder of folders) {
    const inside = files.filter((file) => dirname(file) === folder);
    expect(existsSync(join(source, folder, "README.md")), `${folder}/README.md`).toBe(true);
    const count = inside.filter((file) => !/\.test\.tsx?$/.test(file)).length;
    expect(count, `files in ${folder}`).toBeLessThanOrEqual(21);
  }
});

test("a file imports from its own folder and from lower levels only", () => {
  const offenders = imports.flatMap(({ from, specifier }) => {
    if (!specifier.startsWith(".")) return [];
    const [here, there] = [folderOf(from), folderOf(resolve(dirname(from), specifier))];
    if (here === there) return [];
    const isTest = from.endsWith(".test.ts");
    const ok = isTest || (levels[there] < levels[here] && !forbidden.some(([a, b]) => a === here && b === there));
    return ok ? [] : [`${relative(source, from)} imports ${specifier}`];
  });
  expect(offenders).toEqual([]);
});

test("node:* modules and native packages are imported in node/ and cli/ only", () => {
  const platform = /^(node:|sharp$|onnxruntime-(node|web)|commander$|cli-progress$)/;
  const offenders = imports.flatMap(({ from, specifier }) =>
    platform.test(specifier) && !["node", "cli", "web"].includes(folderOf(from)) && !from.endsWith(".test.ts")
      ? [`${relative(source, from)} imports ${specifier}`]
      : [],
  );
  expect(offenders).toEqual([]);
});
