import { describe, expect, test } from "vitest";
import { operator } from "./operator.ts";
import { likeFirst, unary } from "./pointwise.ts";
import { signatureOf } from "./signature.ts";
import { hasTrait, isOperator, operatorFamilies, operatorOf, operators } from "./table.ts";

test("a trait holds of a node of the standard domain only", () => {
  expect(hasTrait({ opType: "Conv", domain: "" }, "weighted")).toBe(true);
  expect(hasTrait({ opType: "Conv" }, "weighted")).toBe(true);
  expect(hasTrait({ opType: "Conv", domain: "ai.onnx" }, "weighted")).toBe(true);
  expect(hasTrait({ opType: "Conv", domain: "com.example" }, "weighted")).toBe(false);
  expect(hasTrait({ opType: "Relu" }, "weighted")).toBe(false);
  expect(hasTrait({ opType: "toString" }, "weighted")).toBe(false);
});

test("each operator has one record, in one family", () => {
  const names = Object.values(operatorFamilies).flatMap((family) => Object.keys(family));
  expect(names.toSorted()).toEqual(Object.keys(operators).toSorted());
  for (const name of names) expect(operatorOf({ opType: name })?.signature, name).toBeDefined();
  expect(isOperator({ opType: "Convolution" })).toBe(false);
});

describe("traits agree with shapes", () => {
  /** The record's first output for inputs of one shape, where it takes float32 and needs to know nothing more. */
  const shapeOf = (name: string, shape: readonly number[]): readonly number[] | undefined => {
    const record = operatorOf({ opType: name });
    const count = record?.signature.inputs.filter(({ isOptional }) => !isOptional).length ?? 0;
    const node = { opType: name, domain: "", name: "", inputs: [], outputs: ["y"], attributes: {} };
    const attributes = new Proxy({} as never, {
      get: (_, kind) => (kind === "has" ? () => false : (_name: string, fallback: unknown) => fallback ?? 1),
    });
    const inputs = Array.from({ length: count }, () => ({ dtype: "float32" as const, shape }));
    try {
      return record?.shape({ node, where: name, attributes, inputs, constant: () => undefined })[0].shape;
    } catch {
      return undefined;
    }
  };

  test.each(["elementwise", "broadcasting"] as const)("%s keeps the shape", (trait) => {
    const marked = Object.keys(operators).filter((name) => hasTrait({ opType: name }, trait));
    expect(marked.length).toBeGreaterThan(10);
    for (const name of marked) expect(shapeOf(name, [2, 3, 4, 5]), name).toEqual([2, 3, 4, 5]);
  });

  test("so do those that say so, where they can be asked", () => {
    const marked = Object.keys(operators).filter((name) => hasTrait({ opType: name }, "keepsShape"));
    const answers = marked.map((name) => shapeOf(name, [2, 3, 4, 5]));
    expect(answers.filter((answer) => answer !== undefined).length).toBeGreaterThan(5);
    for (const answer of answers) expect(answer ?? [2, 3, 4, 5]).toEqual([2, 3, 4, 5]);
  });
});

test("what does not exist does not compile", () => {
  // @ts-expect-error: a misspelt trait
  expect(hasTrait({ opType: "Conv" }, "weigthed")).toBe(false);
  const misspelt = { inputs: "f", shape: likeFirst, kernel: unary(Math.sin) };
  // @ts-expect-error: the same, in a record
  operator({ ...misspelt, traits: ["elementwize"] });
  // @ts-expect-error: a record without a kernel
  expect(operator({ inputs: "f", shape: likeFirst })).toBeDefined();
  // @ts-expect-error: a shape rule that reads an input which the signature has not got
  operator({ inputs: "f", shape: ({ inputs: [x, y] }) => [y ?? x], kernel: unary(Math.sin) });
  // @ts-expect-error: one that takes for granted what may be left out
  operator({ inputs: "f f?", shape: ({ inputs: [, y] }) => [{ dtype: y.dtype, shape: [] }], kernel: unary(Math.sin) });
});

test("a signature with an unknown letter or kind is an error when the record is made", () => {
  expect(() => signatureOf("f x", "")).toThrow('unknown input "x"');
  expect(() => signatureOf("f", "alpha:flaot")).toThrow('unknown kind "alpha:flaot"');
});
