import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectAdjoint, expectRule } from "../../../test/expect-operator.ts";
import { float } from "../../onnx/attributes.ts";
import { checkVjp, spreadTensor, testTensor } from "../../testing/check-vjp.ts";

const runs = { numRuns: 30 };
const extent = fc.integer({ min: 1, max: 4 });

describe("MatMul", () => {
  test("of matrices and stacks of them, the stacks repeated", () => {
    const batches = fc.array(extent, { maxLength: 2 }).chain((full) => {
      const own = fc
        .tuple(fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }), fc.integer({ min: 0, max: full.length }))
        .map(([isRepeated, dropped]) => full.map((n, k) => (isRepeated[k] ? 1 : n)).slice(dropped));
      return fc.tuple(own, own);
    });
    return fc.assert(
      fc.asyncProperty(batches, extent, extent, extent, async ([a, b], rows, inner, columns) => {
        const inputs = [spreadTensor([...a, rows, inner]), spreadTensor([...b, inner, columns], 2)];
        // Linear in each factor, not in both.
        await expectAdjoint("MatMul", inputs, { wrt: [0] });
        await expectAdjoint("MatMul", inputs, { wrt: [1] });
        await expectRule("MatMul", inputs);
      }),
      runs,
    );
  });

  test.each([
    [[3], [3]],
    [[3], [3, 4]],
    [[3], [2, 3, 4]],
    [[4, 3], [3]],
    [[2, 4, 3], [3]],
    [
      [2, 1, 4, 3],
      [5, 3, 2],
    ],
  ])("of %j and %j", (a, b) => expectRule("MatMul", [spreadTensor(a), spreadTensor(b, 2)]));

  test("with weights, no transposed copy of them is made", () => {
    const { graph } = checkVjp("MatMul", [spreadTensor([2, 4, 3]), spreadTensor([3, 5], 2)], { constants: [1] });
    expect(graph.nodes.map(({ opType }) => opType)).not.toContain("Transpose");
  });
});

describe("Gemm", () => {
  test("in all its forms", () => {
    const biases = fc.constantFrom<readonly (0 | 1)[] | undefined>(
      undefined,
      [],
      [1],
      [0],
      [1, 1],
      [0, 1],
      [1, 0],
      [0, 0],
    );
    return fc.assert(
      fc.asyncProperty(
        fc.record({ transA: fc.constantFrom(0, 1), transB: fc.constantFrom(0, 1) }),
        fc.record({ alpha: fc.constantFrom(1, 0.5, -2), beta: fc.constantFrom(1, 0.25, -1) }),
        biases,
        fc.tuple(extent, extent, extent),
        async ({ transA, transB }, { alpha, beta }, bias, [rows, inner, columns]) => {
          const a = spreadTensor(transA ? [inner, rows] : [rows, inner]);
          const b = spreadTensor(transB ? [columns, inner] : [inner, columns], 2);
          const full = [rows, columns].slice(2 - (bias?.length ?? 0));
          const c =
            bias &&
            spreadTensor(
              full.map((n, k) => (bias[k] ? 1 : n)),
              3,
            );
          const attributes = { transA, transB, alpha: float(alpha), beta: float(beta) };
          await expectRule("Gemm", [a, b, c], { attributes });
        },
      ),
      runs,
    );
  });
});

describe("Einsum", () => {
  test.each<[string, ...number[][]]>([
    ["ij,jk->ik", [2, 3], [3, 4]],
    ["ij,jk", [2, 3], [3, 4]],
    ["bhid,bhjd->bhij", [2, 2, 3, 4], [2, 2, 5, 4]],
    ["b...d,...dk->b...k", [2, 3, 4], [3, 4, 2]],
    ["...ij,...jk->...ik", [2, 3, 4], [2, 4, 5]],
    ["...ij,jk", [2, 3, 4], [4, 5]],
    ["i,j->ij", [3], [4]],
    ["ij->ji", [3, 4]],
    ["ij->i", [3, 4]],
    ["ij->", [3, 4]],
    ["ij,k->i", [3, 4], [2]],
    ["ii->i", [3, 3]],
    ["ii->", [3, 3]],
    ["iij->ij", [3, 3, 2]],
    ["ijij,j->i", [2, 3, 2, 3], [3]],
    ["ab,bc,cd->ad", [2, 3], [3, 4], [4, 2]],
    ["nchw,c->nhwc", [2, 3, 2, 2], [3]],
  ])("%s", (equation, ...shapes) =>
    expectRule(
      "Einsum",
      shapes.map((shape, i) => spreadTensor(shape, i + 1)),
      { attributes: { equation } },
    ),
  );

  test("extents of 1 are repeated", async () => {
    await expectRule("Einsum", [spreadTensor([2, 1, 4, 3]), spreadTensor([1, 5, 3, 2], 2)], {
      attributes: { equation: "...ij,...jk->...ik" },
    });
  });
});

describe("Attention", () => {
  const opset = 23;
  const folded = [spreadTensor([2, 3, 8], 1, 2), spreadTensor([2, 5, 8], 2, 2), spreadTensor([2, 5, 6], 3)];
  const heads = { q_num_heads: 2, kv_num_heads: 2 };

  test("with heads folded into the last axis, or in an axis of their own", async () => {
    await expectRule("Attention", folded, { attributes: heads, opset });
    const inputs = [spreadTensor([2, 2, 3, 4], 1, 2), spreadTensor([2, 2, 5, 4], 2, 2), spreadTensor([2, 2, 5, 3], 3)];
    await expectRule("Attention", inputs, { opset });
  });

  test("with a scale, a cap, and causal", async () => {
    await expectRule("Attention", folded, { attributes: { ...heads, scale: float(0.3) }, opset });
    await expectRule("Attention", folded, { attributes: { ...heads, softcap: float(1.5) }, opset });
    await expectRule("Attention", folded, { attributes: { ...heads, is_causal: 1 }, opset });
  });

  test("with keys and values shared by groups of heads", async () => {
    const inputs = [spreadTensor([1, 3, 16], 1, 2), spreadTensor([1, 4, 8], 2, 2), spreadTensor([1, 4, 8], 3)];
    await expectRule("Attention", inputs, { attributes: { q_num_heads: 4, kv_num_heads: 2 }, opset });
  });

  test("with a mask of numbers, which has a cotangent too, and one of booleans", async () => {
    await expectRule("Attention", [...folded, spreadTensor([3, 5], 4)], { attributes: heads, opset });
    await expectRule("Attention", [...folded, spreadTensor([2, 1, 3, 5], 4)], { attributes: heads, opset });
    const allowed = testTensor([3, 5], [1, 1, 0, 1, 1, 0, 1], "bool");
    await expectRule("Attention", [...folded, allowed], { attributes: heads, opset });
  });

  test("a query that may attend to nothing has no cotangent", () => {
    const nothing = testTensor([3, 5], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1], "bool");
    const check = checkVjp("Attention", [...folded, nothing], { attributes: heads });
    expect(check.relativeError).toBeLessThan(1e-6);
  });
});
