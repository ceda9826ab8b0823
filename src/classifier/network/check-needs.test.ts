import { describe, expect, test } from "vitest";
import { UnsupportedError } from "../../errors.ts";
import { inferShapes } from "../../onnx/infer-shapes.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { createClassifier } from "../classifier.ts";
import { checkNeeds, describeNeeds } from "./check-needs.ts";

const base = "float[3, 2] w = {1, 2, 3, 4, 5, 6}";

/** A classifier whose scores pass through `body`, which makes t of x [1, 3, 32, 32]. */
function open(body: string, { more = "", side = 32, ...limits }: Readonly<Record<string, number | string>> = {}) {
  const model = parseModel(`<ir_version: 8, opset_import: ["": 18]>
    g (float[1, 3, ${side}, ${side}] x) => (float[1, 2] y) <${base}${more}> {
      ${body} p = GlobalAveragePool (t)  f = Flatten (p)  ax = Constant <value_ints = [1]> ()
      m = ReduceMean <keepdims = 1> (f, ax)  q = Concat <axis = 1> (m, m, m)  y = MatMul (q, w) }`);
  return createClassifier(model, { runtime: referenceRuntime, preprocessing: "unit", where: "net", ...limits });
}

describe("a few hundred bytes that ask for gigabytes are refused before anything runs", () => {
  const wide = ", int64[4] by = {1, 1, 256, 256}, int64[4] to = {1, 3, 8192, 8192}";
  test.each([
    ["Tile", "t = Tile (x, by)", "values take far more memory than usual"],
    ["Expand", "a = GlobalAveragePool (x) t = Expand (a, to)", "values take far more memory than usual"],
    [
      "Resize",
      't = Resize <coordinate_transformation_mode = "asymmetric", mode = "nearest"> (x, "", "", to)',
      "values take far more memory than usual",
    ],
    ["products", "a = Tile (x, few) t = MatMul (a, a)", "far more work than usual"],
  ])("%s", (_, body, message) => {
    const more = `${wide}, int64[4] few = {1, 1, 50, 50}`;
    let error: unknown;
    try {
      open(body, { more });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(String(error)).toContain(message);
    expect(String(error)).toContain("--allow-memory");
  });

  test("doubling by joining", () => {
    const doubles = Array.from({ length: 15 }, (_, i) => `a${i + 1} = Concat <axis = 1> (a${i}, a${i})`).join("\n");
    expect(() => open(`a0 = Relu (x) ${doubles} t = Relu (a15)`)).toThrow("of 7 weights on 1,024 pixels, got 1.2 GB");
  });

  test("inputs of any extent", () => {
    expect(() => open("t = Relu (x)", { side: 20_000 })).toThrow("values take far more memory");
    expect(() => open("t = Relu (x)", { side: 20_000, machineMemory: 8e9 })).toThrow(
      "net: the model needs too much memory, expected at most 2 GB, a quarter of this machine's memory, got 9.6 GB",
    );
  });

  test("nodes in a row, without end", () => {
    const row = (count: number) => () => {
      const nodes = Array.from({ length: count }, (_, i) => `s${i + 1} = Tanh (s${i})`).join("\n");
      // Without the head, which is looked for in far more time.
      const { graph } = parseModel(`<ir_version: 8, opset_import: ["": 18]>
        g (float[1, 3, 4, 4] s0) => (float[1, 3, 4, 4] s${count}) { ${nodes} }`);
      return checkNeeds(inferShapes(graph), { where: "net", area: 16, batch: 1 });
    };
    expect(row(10_000)).not.toThrow();
    expect(row(10_001)).toThrow("net: the network has far more nodes than usual, expected at most 10,000, got 10,001");
  });

  test("a node that reads thousands of values", () => {
    const many = (count: number) => () =>
      open(`s = GlobalAveragePool (x) t = Concat <axis = 1> (${Array(count).fill("s").join(", ")})`);
    expect(many(4096)).not.toThrow();
    expect(many(4097)).toThrow("one node reads far more values than usual, expected at most 4096, got 4097 for Concat");
    // More than a call takes arguments.
    const most = `s = GlobalAveragePool (x) t = Sum (${Array(150_000).fill("s").join(", ")})`;
    expect(() => open(most)).toThrow(
      "one node reads far more values than usual, expected at most 4096, got 150000 for Sum",
    );
  });

  test("nodes each of which reads all that came before", () => {
    const dense = (count: number) => () => {
      const sum = (n: number): string =>
        `a${n} = Sum (${Array.from({ length: n }, (_, earlier) => `a${earlier}`).join(", ")})`;
      const sums = Array.from({ length: count }, (_, n) => sum(n + 1)).join("\n");
      open(`a0 = GlobalAveragePool (x) ${sums} t = Relu (a${count})`);
    };
    expect(dense(100)).not.toThrow();
    expect(dense(200)).toThrow("the nodes read far more values than usual, expected at most 10,");
  });
});

describe("what is allowed", () => {
  test("an allowance lifts the limits on what is usual, and is a limit itself", () => {
    const body = "t = Relu (x)";
    expect(open(body, { side: 20_000, allowMemory: 10e9 }).input.height).toBe(20_000);
    expect(() => open(body, { side: 20_000, allowMemory: 9e9 })).toThrow(
      "expected at most 9 GB, as allowed, got 9.6 GB",
    );
  });

  test("an allowance of nothing is misuse", () => {
    expect(() => open("t = Relu (x)", { allowMemory: 0 })).toThrow("net: allowMemory");
  });

  test.each<[string, number, number, readonly string[]]>([
    // Weights, side of the picture, and channels of values at full, half and quarter resolution, as the large networks have.
    ["VGG-19", 224, 144e6, ["64", "64", "64", "64"]],
    ["a wide network on small pictures", 32, 36e6, Array(100).fill("160")],
  ])("%s", (_, side, weights, channels) => {
    const rows = Math.round(weights / 1000);
    const layers = channels.map(
      (_, i) => `v${i} = Expand (${i === 0 ? "x" : `s${i - 1}`}, e${i}) s${i} = Slice (v${i}, zero, one, axis)`,
    );
    const shapes = channels.map((c, i) => `int64[4] e${i} = {1, ${c}, ${side}, ${side}}`);
    const { graph } = parseModel(`<ir_version: 8, opset_import: ["": 18]>
      g (float[1, 1, ${side}, ${side}] x) => (float y)
      <int64[1] zero = {0}, int64[1] one = {1}, int64[1] axis = {1}, ${shapes.join(", ")}> {
        ${layers.join("\n")} y = Relu (s${channels.length - 1}) }`);
    const large = {
      dtype: "float32",
      shape: [rows, 1000],
      storage: { kind: "inline", bytes: new Uint8Array() },
    } as const;
    const typed = inferShapes({ ...graph, initializers: new Map([...graph.initializers, ["large", large]]) });
    expect(checkNeeds(typed, { where: "net", area: side ** 2, batch: 1 }).parameters).toBeGreaterThan(0.9 * weights);
  });
});

test("needs in words", () => {
  const words = (weightBytes: number, operations: number) =>
    describeNeeds({ parameters: 0, weightBytes, peakBytes: 0, valueBytes: 0, operations });
  expect(words(0.31e9, 0.824e9)).toBe("about 0.31 GB and 0.82 G operations per picture");
  expect(words(4.3e12, 12_345e9)).toBe("about 4,300 GB and 12,345 G operations per picture");
  expect(words(25_000, 310)).toBe("about 25 kB and 0.31 k operations per picture");
  expect(words(12, 0)).toBe("about 12 B and 0 operations per picture");
});
