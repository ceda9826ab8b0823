import { describe, expect, test } from "vitest";
import { parseModel } from "../../onnx/text/parse.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { createClassifier } from "../classifier.ts";
import { probeGradient } from "./probe-gradient.ts";

const constants =
  "float k = {255}, float h = {0.5}, float one = {1}, float none = {0}, int32 three = {3}, int32 seven = {7}";

function classifierOf(body: string) {
  const text = `<ir_version: 8, opset_import: ["": 18]> g (float[1,3,8,8] x) => (float[1,3] y) <${constants}> { ${body} a = GlobalAveragePool (n) y = Flatten (a) }`;
  return createClassifier(parseModel(text), { runtime: referenceRuntime });
}

const steps = (body: string): readonly string[] =>
  classifierOf(body).prepared.notes.filter((note) => !note.startsWith("quantized"));

describe("steps inside a model are said", () => {
  test.each([
    ["Round", "m = Mul (x, k) r = Round (m) n = Div (r, k)", "Round (r)"],
    ["Floor", "m = Mul (x, k) r = Floor (m) n = Div (r, k)", "Floor (r)"],
    ["Ceil", "m = Mul (x, k) r = Ceil (m) n = Div (r, k)", "Ceil (r)"],
    [
      "Cast to integers and back",
      "m = Mul (x, k) i = Cast <to = 6> (m) r = Cast <to = 1> (i) n = Div (r, k)",
      "Cast (i)",
    ],
    [
      "a division of integers",
      "m = Mul (x, k) i = Cast <to = 6> (m) j = Div (i, three) n = Cast <to = 1> (j)",
      "Cast (i), Div (j)",
    ],
  ])("%s: gradients pass straight through", async (_, body, nodes) => {
    expect(steps(body)).toEqual([`gradients pass straight through the rounding of ${nodes}`]);
    const classifier = classifierOf(body);
    expect((await probeGradient(classifier)).blocker).toBeUndefined();
    await classifier.dispose();
  });

  test("what passes none beside a way that does", () => {
    expect(steps("s = Sign (x) t = Mul (s, h) n = Add (x, t)")).toEqual([
      "no gradient passes through Sign (s): what reaches the classes only that way is in no map",
    ]);
    // A condition only chooses.
    expect(steps("g = Greater (x, h) n = Where (g, x, none)")).toEqual([]);
  });

  test("rounding of what goes on without it as well", () => {
    expect(steps("f = Floor (x) t = Sub (x, f) n = Sub (t, k)")).toEqual([
      "Floor (f) round what also goes on without rounding: gradients take that way alone",
    ]);
  });

  test("nothing where there is nothing to say", () => {
    expect(steps("n = Relu (x)")).toEqual([]);
    expect(steps("q = QuantizeLinear (x, h) n = DequantizeLinear (q, h)")).toEqual([]);
  });
});

test.each([
  ["Sign", "n = Sign (x)", "Sign (n)"],
  ["a threshold", "g = Greater (x, h) n = Cast <to = 1> (g)", "Greater (g)"],
  ["a choice between constants", "g = Greater (x, h) n = Where (g, one, none)", "Greater (g)"],
  ["a Cast to truth values", "g = Cast <to = 9> (x) n = Cast <to = 1> (g)", "Cast (g)"],
])("%s is named as what blocks", async (_, body, node) => {
  const classifier = classifierOf(body);
  const { blocker } = await probeGradient(classifier);
  expect(blocker).toBe(`no gradient arrives at the pixels: it ends at ${node}`);
  // Every command says so, not only what probes.
  expect(classifier.warnings).toContainEqual({
    code: "no-gradient",
    message: expect.stringContaining(`it ends at ${node}. Maps of gradients are 0`),
  });
  await classifier.dispose();
});
