import { expect, test } from "vitest";
import type { ValueType } from "../../onnx/model.ts";
import { operators } from "../../onnx/operators/table.ts";
import {
  differentiable,
  isNonDifferentiable,
  nonDifferentiable,
  operatorRules,
  ruleOf,
  ruleTable,
  vjpRules,
} from "./index.ts";

test("every operator has one record, and no record is of anything else", () => {
  expect(Object.keys(operatorRules).toSorted()).toEqual(Object.keys(operators).toSorted());
  expect([...differentiable, ...nonDifferentiable].toSorted()).toEqual(Object.keys(operators).toSorted());
  expect(Object.keys(vjpRules).toSorted()).toEqual(differentiable.toSorted());
});

test("formulas are one line each, and say what the cotangent is, or whose it is like", () => {
  for (const operator of differentiable) {
    const { formula } = operatorRules[operator];
    expect(formula, operator).toMatch(/^\S[^\n]*\S$/);
    expect(formula, operator).not.toMatch(/ {2}/);
    expect(formula, operator).toMatch(/⇒|cotangent|(^A|: a)s [A-Z]\w+/);
  }
});

test("what is asked of an operator that is not known, or inherited from Object, is nothing", () => {
  for (const name of ["Unknown", "toString", "constructor", "__proto__", ""]) {
    expect(ruleOf(name)).toBeUndefined();
    expect(isNonDifferentiable(name)).toBe(false);
  }
  expect(ruleOf("Equal")).toBeUndefined();
  expect(isNonDifferentiable("Equal")).toBe(true);
  expect(ruleOf("Conv")).toBe(operatorRules.Conv);
  expect(isNonDifferentiable("Conv")).toBe(false);
});

test("a table has what is made of each record", () => {
  const seen: string[] = [];
  const table = ruleTable((record, operator) => {
    expect(record).toBe(operatorRules[operator]);
    seen.push(operator);
    return record.vjp;
  });
  expect(seen).toEqual(differentiable);
  expect(table).toEqual(vjpRules);
});

test("what rounds", () => {
  const [float, integer, bool] = (["float32", "int64", "bool"] as const).map((dtype) => ({ dtype, shape: [2] }));
  const rounding = (x: ValueType, y: ValueType): string[] =>
    differentiable.filter((operator) => operatorRules[operator].step?.rounds(x, y)).toSorted();
  const always = ["Ceil", "Floor", "QuantizeLinear", "Round"];
  expect(rounding(float, float)).toEqual(always);
  expect(rounding(float, integer)).toEqual([...always, "Cast", "CastLike"].toSorted());
  expect(rounding(integer, integer)).toEqual([...always, "Div"].toSorted());
  expect(rounding(integer, float)).not.toContain("Cast");
  expect(rounding(float, bool)).not.toContain("Cast");
});
