import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { createSession } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { parseModel } from "../text/parse.ts";
import { printModel } from "../text/print.ts";
import { canonicalForm } from "./canonical-form.ts";
import { lowerOpset } from "./lower-opset.ts";

test("a model whose version alone is newer than the runtime knows runs", async () => {
  const model =
    parseModel(`<ir_version: 14, opset_import: ["": 28]> g (float[1, 1, 4, 4] x, bool c) => (float[1, 4, 2, 2] y) {
    r = If <then_branch = t () => (float[1, 1, 4, 4] u) { u = Relu (x) }, else_branch = e () => (float[1, 1, 4, 4] v) { v = Neg (x) }> (c)
    y = SpaceToDepth <blocksize = 2, mode = "DCR"> (r)
  }`);
  const { model: canonical } = canonicalForm(model);
  expect(canonical.opsets.get("")).toBe(26);
  expect(canonical.irVersion).toBe(13);
  const session = await createSession(canonical, { runtime: ort });
  const x = floatTensor(
    Float32Array.from({ length: 16 }, (_, i) => i - 3),
    [1, 1, 4, 4],
  );
  const c = { dtype: "bool", data: Uint8Array.of(1), shape: [] } as const;
  const { y } = await session.run({ x, c });
  expect([...y.data]).toEqual([0, 0, 5, 7, 0, 0, 6, 8, 1, 3, 9, 11, 2, 4, 10, 12]);
  await session.dispose();
});

test("what the new versions say of operators is taken off where it holds anyway, and kept where it does not", () => {
  const model = parseModel(`<ir_version: 14, opset_import: ["": 28, "f": 1]> g (float[4] x) => (float[4] y) {
    a = Range <stash_type = 1> (x, x, x)
    b = SpaceToDepth <blocksize = 2, mode = "CRD"> (a)
    y = f.half (b)
  }
  <domain: "f", opset_import: ["": 28]> half (v) => (w) { w = Range <stash_type = 1> (v, v, v) }`);
  const text = printModel(lowerOpset(model));
  expect(text).not.toContain("stash_type");
  expect(text).toContain('"CRD"');
  expect(text).not.toContain("28");
});

test("models that runtimes know stay the same objects", () => {
  const model = parseModel(`<ir_version: 10, opset_import: ["": 21]> g (float[1] x) => (float[1] y) { y = Relu (x) }`);
  expect(lowerOpset(model)).toBe(model);
  expect(lowerOpset({ ...model, irVersion: 14 }).irVersion).toBe(13);
});
