import { expect, test, vi } from "vitest";
import { BadInputError } from "../../errors.ts";
import { parseGraph } from "../text/parse.ts";
import { makeBatchDynamic } from "./make-batch-dynamic.ts";

vi.mock("../int64.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("../int64.ts")>();
  // What the rewrite writes is off by one.
  return { ...original, int64Tensor: (values: readonly number[]) => original.int64Tensor(values.map((n) => n + 1)) };
});

test("a rewrite that goes wrong says so, rather than to leave the graph as it was", () => {
  const graph = parseGraph("g (float[1,2,3] x) => (float[] y) <int64[2] s = {1, 6}> { y = Reshape (x, s) }");
  expect(() => makeBatchDynamic(graph, { input: "x", shape: [1, 2, 3] })).toThrow(BadInputError);
});
