/** @file Adding an operator as CONTRIBUTING.md says: its snippets, under another name, go into a copy of the sources. */
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { differentiable } from "../src/autodiff/rules/index.ts";
import { float } from "../src/onnx/attributes.ts";
import { spreadTensor, testTensor } from "../src/testing/check-vjp.ts";

const root = resolve(import.meta.dirname, "..");
/** What the snippets are about, and what they are called in the copy. */
const [example, added] = ["LeakyRelu", "BentRectifier"];

const [, section = ""] =
  /^## Adding an operator\n([\s\S]*?)^## /m.exec(readFileSync(join(root, "CONTRIBUTING.md"), "utf8")) ?? [];

/** The snippets of TypeScript in the part on operators with the paths they name, about the new operator. */
const snippets = [...section.matchAll(/^ *```ts\n *\/\/ (\S+)\n([\s\S]*?)```$/gm)].map(([, path, code]) => ({
  path,
  code: code.replaceAll(example, added),
}));
const [operatorRecord, ruleRecord, ...cases] = snippets;

let copy: string;
let program: ts.Program | undefined;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "contributing-"));
  for (const part of ["src", "scripts/operators.ts", "package.json", "tsconfig.json"]) {
    cpSync(join(root, part), join(copy, part), {
      recursive: true,
      filter: (name) => !/\.test\.ts$|\/fixtures$/.test(name),
    });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction");
});

afterAll(() => rmSync(copy, { recursive: true }));

type Snippet = (typeof snippets)[number];

/** Puts `records` at the end of their files in the copy, which holds no other new ones then. */
function put(...records: readonly Snippet[]): void {
  for (const { path } of [operatorRecord, ruleRecord]) cpSync(join(root, path), join(copy, path));
  for (const { path, code } of records) appendFileSync(join(copy, path), `\n${code}`);
}

/** What the compiler says of the copy with `records` in it. */
function errorsWith(...records: readonly Snippet[]): string[] {
  put(...records);
  const { config } = ts.readConfigFile(join(copy, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, copy);
  const files = ["src/autodiff/rules/index.ts", ...records.map(({ path }) => path)].map((path) => join(copy, path));
  // What has not changed since is not parsed again.
  const next = ts.createProgram(files, options, undefined, program);
  program = next;
  return files.flatMap((file) =>
    next
      .getSemanticDiagnostics(next.getSourceFile(file))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")),
  );
}

test("there are a record, a rule and check cases", () => {
  expect(snippets.map(({ path }) => path.replace(/\/\w+(?=\.)/, "/…"))).toEqual([
    "src/onnx/operators/….ts",
    "src/autodiff/rules/….ts",
    "src/autodiff/rules/….test.ts",
    "src/autodiff/rules/….test.ts",
  ]);
});

describe("the types ask for both records", { timeout: 120_000 }, () => {
  test("an operator without a rule does not compile, and the error names it", () => {
    expect(errorsWith(operatorRecord).join("\n")).toContain(added);
  });

  test("a rule without an operator does not compile", () => expect(errorsWith(ruleRecord)).not.toEqual([]));

  test("both do, and nothing else is needed", () => expect(errorsWith(operatorRecord, ruleRecord)).toEqual([]));
});

describe("the operator that was added", { timeout: 120_000 }, () => {
  const x = { ...spreadTensor([2, 3, 4]), data: spreadTensor([2, 3, 4]).data.map((value) => 3.05 * value) };
  const float32 = (values: readonly number[]) => testTensor([values.length], values);
  /** The rows of a check case. */
  const rowsOf = ({ code }: Snippet): unknown[][] =>
    new Function("float", "float32", `return [${code}];`)(float, float32) as unknown[][];

  let testing: typeof import("../src/testing/index.ts");
  let evaluation: typeof import("../src/onnx/evaluate.ts");
  beforeAll(async () => {
    put(operatorRecord, ruleRecord);
    testing = await import(/* @vite-ignore */ join(copy, "src/testing/index.ts"));
    evaluation = await import(/* @vite-ignore */ join(copy, "src/onnx/evaluate.ts"));
  });

  test("has a shape, and computes what its kernel says", () => {
    const { graph, feeds } = testing.oneNodeGraph(added, [float32([-2, 0, 3])], { attributes: { alpha: float(0.25) } });
    expect(graph.outputs).toMatchObject([{ dtype: "float32", shape: [3] }]);
    expect([...evaluation.evaluate(graph, feeds).y0.data]).toEqual([-0.5, 0, 3]);
  });

  test("passes the check case of its gradient", () => {
    const rows = rowsOf(cases[0]) as [string, Readonly<Record<string, ReturnType<typeof float>>>][];
    expect(rows.length).toBeGreaterThan(1);
    for (const [name, attributes] of rows) {
      const { expected, relativeError } = testing.checkVjp(name, [x], { attributes });
      expect(Math.abs(expected)).toBeGreaterThan(0.1);
      expect(relativeError).toBeLessThan(1e-7);
    }
  });

  test("passes the check case of its kink", () => {
    const rows = rowsOf(cases[1]) as [
      string,
      string,
      ReturnType<typeof float32>[],
      Readonly<Record<string, never>>,
      number[],
    ][];
    for (const [, name, inputs, attributes, gradient] of rows) {
      const { graph, feeds } = testing.checkVjp(name, inputs, { attributes });
      const ones = { ...feeds, v0: { ...feeds.v0, data: feeds.v0.data.map(() => 1) } };
      expect([...evaluation.evaluate(graph, ones).gradient0.data]).toEqual(gradient);
    }
  });

  test("is refused with inputs that its signature does not take", () => {
    expect(() => testing.oneNodeGraph(added, [float32([1]), float32([1])])).toThrow("wrong number of inputs");
    expect(() => testing.oneNodeGraph(added, [testTensor([1], [1], "int64")])).toThrow("floating-point numbers");
  });

  test("has a line in OPERATORS.md", async () => {
    const { operatorsDocument } = await import(/* @vite-ignore */ join(copy, "scripts/operators.ts"));
    const formula = /formula: "([^"]+)"/.exec(ruleRecord.code)?.[1];
    const line = operatorsDocument()
      .split("\n")
      .find((text: string) => text.startsWith(`| ${added} |`));
    expect(line?.replaceAll("\\", "")).toContain(formula);
  });
});

test("every operator with a derivative has a check case", () => {
  const folder = join(root, "src/autodiff/rules");
  const texts = readdirSync(folder).flatMap((file) =>
    file.endsWith(".test.ts") ? [readFileSync(join(folder, file), "utf8")] : [],
  );
  /** Names in quotes, and those of nodes in the textual form. */
  const names = texts.flatMap((text) => Array.from(text.matchAll(/["`]([A-Z]\w+)\b|= ([A-Z]\w+) [(<]/g)));
  const named = new Set(names.map(([, quoted, node]) => quoted ?? node));
  expect(differentiable.filter((operator) => !named.has(operator))).toEqual([]);
});
