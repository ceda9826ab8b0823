import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { operators } from "../src/onnx/operators/table.ts";

const source = resolve(import.meta.dirname, "../src");

/** Where operators are defined, and where their derivatives are. */
const homes = ["onnx/operators/", "autodiff/rules/"];

const isOperatorName = (text: string): boolean => Object.hasOwn(operators, text);

/** The lists of operators' names in a source: arrays, strings of words, and objects that hold no more than a mark for each. */
function listsOfOperators(text: string): string[] {
  const file = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const names = namesIn(node);
    // Where names come again, they are a sequence: how a network begins.
    const isSet = names.length > 1 && new Set(names).size === names.length;
    if (isSet && names.every(isOperatorName)) found.push(names.join(" "));
    else ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** The names that `node` lists; none for a node that lists nothing. */
function namesIn(node: ts.Node): string[] {
  if (ts.isArrayLiteralExpression(node)) {
    const words = node.elements.flatMap((element) => (ts.isStringLiteralLike(element) ? [element.text] : []));
    return words.length === node.elements.length ? words : [];
  }
  if (ts.isStringLiteralLike(node)) return node.text.includes(" ") ? node.text.trim().split(/\s+/) : [];
  if (ts.isObjectLiteralExpression(node)) {
    return node.properties.flatMap((property) => {
      if (!ts.isPropertyAssignment(property) || !isMark(property.initializer)) return [];
      return ts.isIdentifier(property.name) || ts.isStringLiteral(property.name) ? [property.name.text] : [];
    });
  }
  return [];
}

function isMark({ kind }: ts.Node): boolean {
  return [
    ts.SyntaxKind.TrueKeyword,
    ts.SyntaxKind.FalseKeyword,
    ts.SyntaxKind.NumericLiteral,
    ts.SyntaxKind.StringLiteral,
    ts.SyntaxKind.Identifier,
  ].includes(kind);
}

test("a list of operators is recognized whatever its form", () => {
  expect(listsOfOperators('const set = new Set(["Conv", "Gemm"]);')).toEqual(["Conv Gemm"]);
  expect(listsOfOperators('const names = "Add Sub  Mul".split(" ");')).toEqual(["Add Sub Mul"]);
  expect(listsOfOperators("const counts = { Conv: 2, MatMul: 2, Einsum: Infinity };")).toEqual(["Conv MatMul Einsum"]);
  expect(listsOfOperators('const all = [...["Relu", "Elu"], ...["Selu", "Celu"]];')).toEqual(["Relu Elu", "Selu Celu"]);
});

test("one operator, other words and tables of functions are no such list", () => {
  const text = `const one = ["Conv"]; const beginning = ["Conv", "Relu", "Conv"]; const words = ["Conv", "conv2d"]; const sentence = "Add the rest";
    const folds = { Conv: (x) => x, Gemm: fold() }; if (node.opType === "Conv" || node.opType === "Gemm") go();`;
  expect(listsOfOperators(text)).toEqual([]);
});

test("only operators and their derivatives list operators by name; everybody else asks for a trait", () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter(
      (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !homes.some((home) => file.startsWith(home)),
    );
  const offenders = files.flatMap((file) =>
    listsOfOperators(readFileSync(join(source, file), "utf8")).map((list) => `${relative(".", file)}: ${list}`),
  );
  expect(offenders).toEqual([]);
});
