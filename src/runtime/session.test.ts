import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { describe, expect, test } from "vitest";
import { differentiate } from "../autodiff/differentiate.ts";
import { AbortedError, MisuseError, PerceptualBallError, UnsupportedError } from "../errors.ts";
import { evaluate } from "../onnx/evaluate.ts";
import { readModel } from "../onnx/file/read-model.ts";
import type { Graph } from "../onnx/model.ts";
import { numeric } from "../onnx/numeric-tensor.ts";
import { parseGraph } from "../onnx/text/parse.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { referenceRuntime } from "./reference-runtime.ts";
import { describeRuntime, type Runtime, type RuntimeSessionOptions } from "./runtime.ts";
import { createSession, modelOf, savesMemory } from "./session.ts";

const runtimes: [string, Runtime][] = [
  ["onnxruntime-node", node],
  ["onnxruntime-web", web],
  ["reference", referenceRuntime],
];

const weights = Array.from({ length: 5 * 2 * 9 }, (_, i) => Math.sin(3 * i) / 3);
const graph = differentiate(
  parseGraph(`
    net (float[1, 2, 7, 7] x) => (float[1, 5] y)
    <float[5, 2, 3, 3] W = {${weights.join(", ")}}, float[5] b = {0.1, -0.2, 0.3, 0, 0.1}>
    {
      a = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, W, b)
      r = LeakyRelu <alpha = 0.1> (a)
      m = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (r)
      g = GlobalAveragePool (m)
      f = Flatten (g)
      y = LogSoftmax (f)
    }
  `),
);
/** With as many channels as a block has. */
const wide = differentiate(
  parseGraph(`
    net (float[1, 2, 7, 7] x) => (float[1, 16, 7, 7] y)
    <float[16, 2, 1, 1] W = {${weights.slice(0, 32).join(", ")}}>
    { a = Conv (x, W)  y = Relu (a) }
  `),
);
const x = floatTensor(
  Float32Array.from({ length: 98 }, (_, i) => Math.cos(i * i)),
  [1, 2, 7, 7],
);
const cotangent = floatTensor([1, -2, 0.5, 3, -1], [1, 5]);

test.each(runtimes)("%s computes what the float64 evaluator does", async (_, runtime) => {
  const session = await createSession(modelOf(graph), { runtime, threads: 1 });
  const result = await session.run({ x, cotangent });
  await session.dispose();
  await session.dispose();
  const exact = evaluate(graph, { x: numeric(x), cotangent: numeric(cotangent) });
  for (const name of ["y", "x_gradient"]) {
    expect(result[name].shape).toEqual(exact[name].shape);
    const data = result[name].data as Float32Array;
    data.forEach((value, i) => {
      expect(Math.abs(value - exact[name].data[i])).toBeLessThan(2e-6);
    });
  }
});

test("outputs that are not asked for are not returned", async () => {
  const session = await createSession(modelOf(graph), { runtime: node });
  expect(Object.keys(await session.run({ x, cotangent }, ["x_gradient"]))).toEqual(["x_gradient"]);
  await session.dispose();
});

test("an aborted signal rejects before and during a run, and disposing waits for the run", async () => {
  const session = await createSession(modelOf(graph), { runtime: node });
  await expect(session.run({ x, cotangent }, undefined, { signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
  const controller = new AbortController();
  const running = session.run({ x, cotangent }, undefined, { signal: controller.signal });
  controller.abort();
  await expect(running).rejects.toMatchObject({ name: "AbortError" });
  await session.dispose();
});

test("a provider that is not there is an error in the runtime's own words", async () => {
  const creation = createSession(modelOf(graph), { runtime: node, providers: ["coreml"] });
  await expect(creation).rejects.toThrow(UnsupportedError);
  await expect(creation).rejects.toThrow("Providers asked for: coreml.");
});

describe("errors of the runtime", () => {
  const gather = parseGraph(`
    net (float[2] x, int64[1] i) => (float[1] y) { y = Gather <axis = 0> (x, i) }
  `);
  const named = { ...gather, nodes: gather.nodes.map((node) => ({ ...node, name: "pick" })) };
  const feeds = (index: bigint) => ({
    x: floatTensor([1, 2], [2]),
    i: { dtype: "int64", shape: [1], data: BigInt64Array.of(index) } as const,
  });

  test("name the model, the node and the reason, and are of this package", async () => {
    const session = await createSession(modelOf(named), { runtime: node, where: "dog.onnx" });
    const failing = session.run(feeds(7n));
    await expect(failing).rejects.toThrow(UnsupportedError);
    await expect(failing).rejects.toThrow(
      /^dog\.onnx: the runtime failed in the Gather node "pick": indices element out of data bounds, idx=7.*blocked: false.*runtimeLog: true/,
    );
    await expect(session.run(feeds(1n))).resolves.toMatchObject({ y: { data: Float32Array.of(2) } });
    await expect(session.run({ x: floatTensor([1, 2], [2]) })).rejects.toThrow(
      /^dog\.onnx: no value for the input i\.$/,
    );
    await expect(session.run({ ...feeds(0n), x: floatTensor([1, 2, 3], [3]) })).rejects.toThrow(
      /^dog\.onnx: the runtime failed: Got invalid dimensions for input: x/,
    );
    await expect(session.run({ ...feeds(0n), x: { ...floatTensor([1, 2], [2]), shape: [3] } })).rejects.toThrow(
      /^dog\.onnx: the runtime failed: Tensor's size\(3\) does not match data length\(2\)\. /,
    );
    await session.dispose();
  });

  test("are not wrapped again where this package's own evaluator throws them", async () => {
    const session = await createSession(modelOf(named), { runtime: referenceRuntime });
    await expect(session.run(feeds(7n))).rejects.toThrow(/^(?!.*the runtime failed)/);
    await session.dispose();
  });

  test("say that memory ran out, and what to do about it", async () => {
    const expand = parseGraph(`net (float[1] x, int64[3] s) => (float[a, b, c] y) { y = Expand (x, s) }`);
    const session = await createSession(modelOf(expand), { runtime: node });
    const huge = { dtype: "int64", shape: [3], data: BigInt64Array.of(1_000_000n, 1_000_000n, 100n) } as const;
    await expect(session.run({ x: floatTensor([1], [1]), s: huge })).rejects.toThrow(
      /^model: the runtime ran out of memory in the Expand node.*smaller batch.*lowMemory: true\.$/,
    );
    await session.dispose();
  });

  test("say what a refused model lacks", async () => {
    const bogus = { ...named, nodes: named.nodes.map((each) => ({ ...each, opType: "Bogus" })) };
    const creation = createSession(modelOf(bogus), { runtime: node, where: "cat.onnx" });
    await expect(creation).rejects.toThrow(/^cat\.onnx: the runtime refused the model: .*No Op registered for Bogus/);
  });

  test.each([
    [undefined, /^model: runtime: no runtime, expected the module of onnxruntime-node.*got undefined\. For example/],
    ["onnxruntime-node", /^model: runtime: not a runtime.*got "onnxruntime-node"/],
    [{ InferenceSession: {} }, /got an object with InferenceSession/],
  ])("say that %j is no runtime", async (runtime, message) => {
    await expect(createSession(modelOf(named), { runtime: runtime as never })).rejects.toThrow(message);
  });

  test("do not go to stderr as well, unless they are asked for", async () => {
    const levels: unknown[] = [];
    const InferenceSession = {
      create: async (_: Uint8Array, options?: unknown) => {
        levels.push((options as RuntimeSessionOptions).logSeverityLevel);
        return { inputNames: [], outputNames: [], run: async () => ({}), release: async () => {} };
      },
    };
    const runtime = { ...referenceRuntime, InferenceSession };
    await createSession(modelOf(named), { runtime });
    await createSession(modelOf(named), { runtime, runtimeLog: true });
    expect(levels).toEqual([4, 2]);
  });

  test("a rewrite that fails is a defect, not a slow session and not the model's fault", async () => {
    const broken = modelOf({
      ...wide,
      get outputs(): Graph["outputs"] {
        // Asked for by the rewrites, not by shape inference.
        throw new TypeError("no outputs");
      },
    });
    const creation = createSession(broken, { runtime: node });
    await expect(creation).rejects.toThrow(/^createSession: arranging the graph for speed failed.*blocked: false/);
    await expect(creation).rejects.not.toBeInstanceOf(PerceptualBallError);
  });
});

describe("after dispose()", () => {
  test("a run is refused in the house's words, and disposing again does nothing", async () => {
    for (const [, runtime] of runtimes) {
      const session = await createSession(modelOf(graph), { runtime, where: "dog.onnx" });
      await session.dispose();
      await session.dispose();
      const late = session.run({ x, cotangent });
      await expect(late).rejects.toThrow(MisuseError);
      await expect(late).rejects.toThrow(/^dog\.onnx: used after dispose\(\)\. Dispose of it after its last run/);
    }
  });

  test("the runs that were under way end as if nothing had happened, all of them; the next is refused", async () => {
    let releases = 0;
    const finish: (() => void)[] = [];
    const InferenceSession = {
      create: async () => ({
        inputNames: [],
        outputNames: ["y"],
        run: () =>
          new Promise((resolve) => {
            finish.push(() => resolve({ y: { type: "float32", dims: [1], data: Float32Array.of(finish.length) } }));
          }),
        release: async () => {
          releases++;
        },
      }),
    };
    const runtime = { ...referenceRuntime, InferenceSession } as Runtime;
    const session = await createSession(modelOf(graph), { runtime, blocked: false });
    const [first, second] = [session.run({}), session.run({})];
    const disposed = session.dispose();
    await expect(session.run({})).rejects.toThrow(/used after dispose/);
    // The later of the two ends first: the other one counts as well.
    finish[1]();
    await second;
    await new Promise((resolve) => setImmediate(resolve));
    expect(releases).toBe(0);
    finish[0]();
    await first;
    await disposed;
    expect(releases).toBe(1);
  });
});

test("a runtime describes itself", () => {
  expect(describeRuntime(node)).toMatch(/^onnxruntime-node \d+\.\d+\.\d+/);
  expect(describeRuntime(web)).toMatch(/^onnxruntime-web \d+\.\d+\.\d+/);
  expect(describeRuntime(referenceRuntime)).toBe("reference");
});

test.each([
  ["onnxruntime-node", { runtime: node }, false],
  ["its CPU provider", { runtime: node, providers: ["cpu"] }, false],
  ["another provider first", { runtime: node, providers: ["cuda", "cpu"] }, true],
  ["onnxruntime-web", { runtime: web }, true],
  ["a refusal", { runtime: node, blocked: false }, true],
])("graphs are arranged for the blocked layout where there is one: %s", async (_, options, hasComparisons) => {
  let operators: string[] = [];
  const InferenceSession = {
    create: async (bytes: Uint8Array) => {
      operators = readModel(bytes).graph.nodes.map((each) => each.opType);
      return { inputNames: [], outputNames: [], run: async () => ({}), release: async () => {} };
    },
  };
  await createSession(modelOf(wide), { ...options, runtime: { ...options.runtime, InferenceSession } as Runtime });
  expect(operators.includes("Where")).toBe(hasComparisons);
  expect(operators.includes("HardSigmoid")).toBe(!hasComparisons);
});

describe("a second copy of the weights and of a run's values", () => {
  const dense = (rows: string, width: number): Graph => {
    const parsed = parseGraph(`
      net (float[${rows}, 4] x) => (float[${rows}, n] y) <float[4, 1] W = {1, 2, 3, 4}> { y = MatMul (x, W) }
    `);
    const initializer = { dtype: "float32", shape: [4, width], storage: { kind: "none" } } as never;
    return { ...parsed, initializers: new Map([["W", initializer]]) };
  };
  const [small, large] = [2 ** 21, 2 ** 22];

  test("is spared for one image where dense weights take 64 MB, and kept where several rows gain by it", () => {
    expect(savesMemory(dense("1", small), {})).toBe(false);
    expect(savesMemory(dense("1", large), {})).toBe(true);
    expect(savesMemory(dense("2", large), {})).toBe(false);
    expect(savesMemory(dense("batch", large), {})).toBe(false);
  });

  test("is as lowMemory says where that is given", () => {
    expect(savesMemory(dense("1", large), { lowMemory: false })).toBe(false);
    expect(savesMemory(dense("2", small), { lowMemory: true })).toBe(true);
  });

  test.each([[undefined], [true]])(
    "is left to the runtime, or forbidden to it, as lowMemory %j says",
    async (lowMemory) => {
      const asked: unknown[] = [];
      const InferenceSession = {
        create: (bytes: Uint8Array, options?: RuntimeSessionOptions) => {
          asked.push([options?.extra, options?.enableMemPattern]);
          return node.InferenceSession.create(bytes, options);
        },
      };
      const session = await createSession(modelOf(graph), {
        runtime: { ...node, InferenceSession } as never,
        lowMemory,
      });
      await session.dispose();
      const lean = [{ session: { disable_prepacking: "1" } }, false];
      expect(asked).toEqual([lowMemory ? lean : [undefined, undefined]]);
    },
  );
});
