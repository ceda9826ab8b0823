import * as ort from "onnxruntime-node";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parseGraph } from "../onnx/text/parse.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { autoProviders, type ProviderTrial } from "./auto-providers.ts";
import { referenceRuntime } from "./reference-runtime.ts";
import { createSession, modelOf, providersOf } from "./session.ts";

/** A clock of its own: a busy machine decides nothing. */
let now = 0;
beforeEach(() => void vi.spyOn(performance, "now").mockImplementation(() => now));
afterEach(() => void vi.restoreAllMocks());

/** A runtime that brings these, of which each gives what it says, after so many milliseconds of that clock; "broken" cannot be opened. */
const choose = (backends: Readonly<Record<string, { readonly ms: number; readonly gives: number } | "broken">>) => {
  const runtime = { ...ort, listSupportedBackends: () => Object.keys(backends).map((name) => ({ name })) };
  return autoProviders(runtime, async (_graph, providers): Promise<ProviderTrial> => {
    const backend = backends[providers?.[0] ?? ""];
    if (backend === "broken") throw new Error("no device");
    return {
      async run() {
        now += backend.ms;
        return { y: floatTensor([backend.gives, 2], [2]) };
      },
      dispose: async () => undefined,
    };
  });
};

describe("auto", () => {
  const cpu = { ms: 4, gives: 1 };

  test("is the fastest that computes the same", async () => {
    const { providers, reason } = await choose({ cpu, cuda: { ms: 1, gives: 1.00001 }, webgpu: { ms: 2, gives: 1 } });
    expect(providers).toEqual(["cuda", "cpu"]);
    expect(reason).toMatch(/^six convolutions: cpu \S+ ms, cuda \S+ ms, webgpu \S+ ms$/);
  });

  test("is the processor where an accelerator is slower, wrong, rounds to half precision, is not a number, or broken", async () => {
    expect((await choose({ cpu, coreml: { ms: 0, gives: 1.001 } })).providers).toEqual(["cpu"]);
    expect((await choose({ cpu, webgpu: { ms: 8, gives: 1 } })).providers).toEqual(["cpu"]);
    const { providers, reason } = await choose({ cpu, cuda: "broken", webgpu: { ms: 0, gives: 1.1 } });
    expect(providers).toEqual(["cpu"]);
    expect(reason).toContain("cuda does not work here, webgpu computes something else (5 % apart)");
    expect((await choose({ cpu, webgpu: { ms: 0, gives: Number.NaN } })).providers).toEqual(["cpu"]);
  });

  test("is tried once for a runtime, and sessions run with it", async () => {
    const options = { runtime: ort, threads: 1, providers: ["auto"] };
    const chosen = await providersOf(options);
    expect(chosen.providers?.at(-1)).toBe("cpu");
    expect(await providersOf(options)).toBe(chosen);
    const session = await createSession(
      modelOf(parseGraph("g (float[2] x) => (float[2] y) { y = Relu (x) }")),
      options,
    );
    expect((await session.run({ x: floatTensor([-1, 2], [2]) })).y.data).toEqual(Float32Array.of(0, 2));
    await session.dispose();
  });

  test("leaves a runtime without accelerators as it is, and stands alone", async () => {
    expect(await providersOf({ runtime: referenceRuntime, providers: ["auto"] })).toEqual({
      providers: undefined,
      reason: "the runtime brings no accelerator",
    });
    await expect(providersOf({ runtime: ort, providers: ["auto", "cpu"] })).rejects.toThrow('expected "auto" alone');
  });
});
