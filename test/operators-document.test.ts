import { expect, test } from "vitest";
import { operatorsDocument } from "../scripts/operators.ts";
import { operators } from "../src/onnx/operators/table.ts";

test("OPERATORS.md is what `npm run operators` writes", async () => {
  await expect(operatorsDocument()).toMatchFileSnapshot("../OPERATORS.md");
});

test("it has one line for every operator", () => {
  const rows = operatorsDocument().matchAll(/^\| ([A-Z]\w*) \|/gm);
  expect(Array.from(rows, (match) => match[1]).toSorted()).toEqual(Object.keys(operators).toSorted());
});
