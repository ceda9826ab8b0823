/**
 * @file onnxruntime-web's build with WebGPU. It is not part of `perceptual-ball/web`: whoever bundles that would get the files of both builds, 26 MB more.
 */
import type { Runtime, RuntimeSession } from "../runtime/runtime.ts";
import { useThreads } from "./load-runtime.ts";

/** The module onnxruntime-web/webgpu, with its two files (asyncify) and threads for what WebGPU lacks; it does one thing after the other. */
export async function loadWebgpuRuntime(
  threads: number,
  files: { readonly mjs: string; readonly wasm: string },
): Promise<Runtime> {
  const runtime = await import("onnxruntime-web/webgpu");
  runtime.env.wasm.wasmPaths = files;
  useThreads(runtime, threads);
  return oneAfterTheOther(runtime);
}

/**
 * `runtime`, whose sessions wait for each other. A run on WebGPU gives way to others while it waits for the device, but the build does not take a
 * second call meanwhile: it would wait forever. That happens where a run was aborted, whose caller is free before it has ended.
 */
export function oneAfterTheOther({ InferenceSession, Tensor, env }: Runtime): Runtime {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
  return {
    Tensor,
    env,
    InferenceSession: {
      async create(model, options) {
        const session = (await inTurn(() => InferenceSession.create(model, options))) as RuntimeSession;
        const { inputNames, outputNames } = session;
        return {
          ...{ inputNames, outputNames },
          run: (feeds, fetches) => inTurn(() => session.run(feeds, fetches)),
          release: () => inTurn(() => session.release()),
        } satisfies RuntimeSession;
      },
    },
  };
}
