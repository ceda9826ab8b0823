/** @file What reading, rewriting and differentiating a model takes, against the size of its file: counted, not timed. */
import { Session } from "node:inspector/promises";
import { setFlagsFromString } from "node:v8";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { differentiateModel } from "../src/autodiff/differentiate-model.ts";
import { prepareModel } from "../src/classifier/network/prepare-model.ts";
import { PerceptualBallError } from "../src/errors.ts";
import { readModel } from "../src/onnx/file/read-model.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { inferShapes } from "../src/onnx/infer-shapes.ts";
import { canonicalForm } from "../src/onnx/rewrites/canonical-form.ts";
import { parseModel } from "../src/onnx/text/parse.ts";

// Optimized code does not count all that it runs, and only what is compiled after the start counts its blocks.
for (const flag of ["--no-opt", "--no-sparkplug", "--no-maglev", "--no-flush-bytecode"]) setFlagsFromString(flag);
const session = new Session();

beforeAll(async () => {
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
});

afterAll(async () => {
  await session.post("Profiler.stopPreciseCoverage");
  session.disconnect();
});

/** How often blocks of code are run by `work`, all together; what built-in functions do themselves is not in it. */
async function stepsOf(work: () => void): Promise<number> {
  await session.post("Profiler.takePreciseCoverage");
  work();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const functions = result.filter(({ url }) => url.includes("/src/")).flatMap((script) => script.functions);
  return functions.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
}

function bytesOf(graph: string, functions = ""): Uint8Array {
  return writeModel(parseModel(`<ir_version: 8, opset_import: ["": 18, "local": 1]> ${graph} ${functions}`));
}

/** From the file to its gradient. */
function toGradient(bytes: Uint8Array): void {
  differentiateModel(readModel(bytes));
}

/** From the file to the form that rules are written for. */
function toCanonicalForm(bytes: Uint8Array): void {
  canonicalForm(readModel(bytes));
}

/** From the file to what its output means. */
function toHead(bytes: Uint8Array): void {
  orRefused(() => prepareModel(readModel(bytes), { where: "model" }));
}

/** `work`, which may refuse the model. */
function orRefused(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof PerceptualBallError)) throw error;
  }
}

function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join("\n");
}

const end = "flat = Flatten (last)  y = Gemm <transB = 1> (flat, w)";
const weights = "<float[2, 3] w = {1, 2, 3, 4, 5, 6}>";

describe("twice the file takes twice the work", { timeout: 120_000 }, () => {
  test.each<[string, (bytes: Uint8Array) => void, number, (n: number) => string]>([
    [
      "nodes in a row",
      toGradient,
      400,
      (n) => `g (float[1, 3] x) => (float[1, 2] y) ${weights} {
        v0 = Relu (x) ${lines(n, (i) => `v${i + 1} = Relu (v${i})`)} last = Identity (v${n}) ${end} }`,
    ],
    [
      "dense diamonds",
      toGradient,
      200,
      (n) => `g (float[1, 3] x) => (float[1, 2] y) ${weights} {
        v0 = Relu (x) ${lines(n, (i) => `v${i + 1} = Mul (v${i}, v${i})`)} last = Identity (v${n}) ${end} }`,
    ],
    [
      "a Concat of many inputs",
      toGradient,
      400,
      (n) => `g (float[1, 3] x) => (float[1, 3] y) <int64[1] one = {1}> {
        c = Concat <axis = 0> (${lines(n, () => "x,")} x)  y = ReduceSum (c) }`,
    ],
    [
      "outputs that are one value",
      toCanonicalForm,
      1000,
      (n) => `g (float[1, 3] x) => (${lines(n, (i) => `float[1, 3] y${i},`)} float[1, 3] y) {
        ${lines(n, (i) => `a${i} = Relu (x) b${i} = Identity (a${i}) y${i} = Identity (b${i})`)} y = Relu (x) }`,
    ],
    [
      "outputs that could all be the classes",
      toHead,
      40,
      (n) => `g (float[1, 3, 8, 8] x) => (${lines(n, (i) => `float[1, 3] y${i},`)} float[1, 3] y) {
        p = GlobalAveragePool (x)  f = Flatten (p)
        ${lines(n, (i) => `y${i} = Relu (f)`)} y = Relu (f) }`,
    ],
    [
      "outputs that come one after the other",
      toHead,
      40,
      (n) => `g (float[1, 3, 8, 8] x) => (${lines(n, (i) => `float[1, 3] y${i + 1},`)} float[1, 3] y)
        <float[3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}> {
        p = GlobalAveragePool (x)  y0 = Flatten (p)
        ${lines(n, (i) => `y${i + 1} = MatMul (y${i}, w)`)} y = MatMul (y${n}, w) }`,
    ],
    [
      "names that are taken",
      toCanonicalForm,
      1000,
      (n) => `g (float[1, 3] x) => (float[1, 3] y) {
        v0 = Relu (x) ${lines(n, (i) => `[same] v${i + 1} = local.F (v${i})`)} y = Identity (v${n}) }`,
    ],
    [
      "computed constants",
      toGradient,
      200,
      (n) => `g (float[1, 3] x) => (float[1, 3] y) <int64[1] size = {4096}> {
        ${lines(n, (i) => `c${i} = ConstantOfShape (size)  d${i} = Add (c${i}, c${i})`)} y = Relu (x) }`,
    ],
  ])("%s", async (_, work, count, graph) => {
    const functions = '<domain: "local", opset_import: ["": 18]> F (u) => (w) { t = Relu (u)  w = Neg (t) }';
    const [small, large] = [bytesOf(graph(count), functions), bytesOf(graph(2 * count), functions)];
    const [few, many] = [await stepsOf(() => work(small)), await stepsOf(() => work(large))];
    expect(few).toBeGreaterThan(count);
    expect(many / few).toBeLessThan(2.1);
  });
});

describe("what an attribute says costs nothing", { timeout: 120_000 }, () => {
  test.each([
    ["kernels", (n: number) => `AveragePool <kernel_shape = [${n}, ${n}], pads = [${Array(4).fill(n >> 1)}]> (x)`],
    [
      "kernels of maxima",
      (n: number) => `MaxPool <kernel_shape = [${n}, ${n}], pads = [${Array(4).fill(n >> 1)}]> (x)`,
    ],
    ["strides of maxima", (n: number) => `MaxPool <kernel_shape = [2, 2], strides = [${n}, ${n}]> (x)`],
    ["strides of means", (n: number) => `AveragePool <kernel_shape = [2, 2], strides = [${n}, ${n}]> (x)`],
    ["neighboring channels", (n: number) => `LRN <size = ${n}> (x)`],
  ])("%s", async (_, node) => {
    const bytes = (n: number) =>
      bytesOf(
        `g (float[1, 3, 8, 8] x) => (float[1, 3] y) { t = ${node(n)} p = GlobalAveragePool (t) y = Flatten (p) }`,
      );
    const [usual, huge] = [bytes(3), bytes(2 ** 31 - 1)];
    const steps = await stepsOf(() => toGradient(usual));
    expect(await stepsOf(() => orRefused(() => toGradient(huge)))).toBeLessThan(2 * steps);
  });
});

describe("what grows without bound is refused before it has grown", { timeout: 120_000 }, () => {
  test("graphs that are passed on twice at each call", async () => {
    const step = (i: number) => `<domain: "local", opset_import: ["": 18, "local": 1]> F${i} <body> (u) => (w) {
      w = local.F${i + 1} <body: graph = b () => (float r) {
        c = Constant <value = bool {1}> () r = If <then_branch: graph = @body, else_branch: graph = @body> (c) }> (u) }`;
    const bytes = bytesOf(
      "g (float x) => (float y) { y = local.F0 <body: graph = b () => (float r) { r = Neg (x) }> (x) }",
      `${lines(30, step)} <domain: "local", opset_import: ["": 18]> F30 <body> (u) => (w) {
        c = Constant <value = bool {1}> () w = If <then_branch: graph = @body, else_branch: graph = @body> (c) }`,
    );
    expect(() => canonicalForm(readModel(bytes))).toThrow("too large");
    expect(await stepsOf(() => orRefused(() => toGradient(bytes)))).toBeLessThan(20 * bytes.length);
  });

  test("axes that every node adds one to", () => {
    const { graph } = parseModel(`<ir_version: 8, opset_import: ["": 18]>
      g (float[1, 3] x) => (float[1] y) <int64[1] zero = {0}> {
        v0 = Relu (x) ${lines(100, (i) => `v${i + 1} = Unsqueeze (v${i}, zero)`)} y = Relu (v100) }`);
    expect(() => inferShapes(graph)).toThrow(
      "expected at most 64 extents of at least 0, and at most 2^31 elements, got 65 axes",
    );
  });

  test("constants that are computed from nothing", () => {
    const { graph } = parseModel(`<ir_version: 8, opset_import: ["": 18]>
      g (float[1] x) => (float[1] y) <int64[1] size = {4096}> {
        ${lines(3000, (i) => `c${i} = ConstantOfShape (size)`)} y = Relu (x) }`);
    const { constants, types } = inferShapes(graph);
    const elements = [...constants.values()].reduce((sum, { data }) => sum + data.length, 0);
    expect(elements).toBeGreaterThan(2 ** 20);
    expect(elements).toBeLessThan(2 ** 23);
    expect(types.get("c2999")?.shape).toEqual([4096]);
  });
});

test("a chain of 20,000 nodes overflows no stack", { timeout: 120_000 }, () => {
  const bytes = bytesOf(`g (float[1, 3] x) => (float[1, 2] y) ${weights} {
    v0 = Relu (x) ${lines(20_000, (i) => `v${i + 1} = ${["Relu", "Identity", "Neg"][i % 3]} (v${i})`)}
    last = Relu (v20000) ${end} }`);
  expect(() => differentiateModel(readModel(bytes))).not.toThrow();
});

// More nodes than are opened unless that is allowed.
test("a head behind 20,000 nodes without weights, or views, overflows no stack", { timeout: 120_000 }, () => {
  const behind = (operators: readonly string[]) =>
    bytesOf(`g (float[1, 3, 8, 8] x) => (float[1, 3] y) {
      p = GlobalAveragePool (x)  v0 = Flatten (p)
      ${lines(20_000, (i) => `v${i + 1} = ${operators[i % operators.length]} (v${i})`)} y = Softmax (v20000) }`);
  for (const operators of [["Relu", "Neg"], ["Flatten"]]) {
    const { head } = prepareModel(readModel(behind(operators)), { where: "model", allowMemory: 2 ** 30 });
    expect(head.kind).toBe("softmax");
  }
});
