import * as ort from "onnxruntime-node";
import { expect, test, vi } from "vitest";
import { BadInputError } from "../errors.ts";
import { parseGraph } from "../onnx/text/parse.ts";
import { createSession, modelOf } from "./session.ts";

vi.mock("./cpu/split-convolutions.ts", () => ({
  splitConvolutions: () => {
    throw new BadInputError({ where: "splitConvolutions", what: "made shapes that do not fit" });
  },
}));

const text = "g (float[1,3] x) => (float[1,3] y) { y = Relu (x) }";

test("a faulty rewrite for speed surfaces, rather than to be just slow", async () => {
  const session = createSession(modelOf(parseGraph(text)), { runtime: ort, blocked: true });
  await expect(session).rejects.toThrow("made shapes that do not fit");
});

test("a graph whose shapes are open is not rewritten, and runs", async () => {
  const session = await createSession(modelOf(parseGraph(text.replaceAll("1,3", "N,3"))), {
    runtime: ort,
    blocked: true,
  });
  const { y } = await session.run({ x: { dtype: "float32", shape: [1, 3], data: Float32Array.of(-1, 0, 2) } });
  expect([...y.data]).toEqual([0, 0, 2]);
  await session.dispose();
});
