/**
 * @file onnxruntime-web's build with WebGPU. It is not part of `perceptual-ball/web`: whoever bundles that would get the files of both builds, 26 MB more.
 */
import type { Runtime } from "../runtime/runtime.ts";
import { useThreads } from "./load-runtime.ts";

/** The module onnxruntime-web/webgpu, with its two files (asyncify) and threads for what WebGPU lacks. */
export async function loadWebgpuRuntime(
  threads: number,
  files: { readonly mjs: string; readonly wasm: string },
): Promise<Runtime> {
  const runtime = await import("onnxruntime-web/webgpu");
  runtime.env.wasm.wasmPaths = files;
  useThreads(runtime, threads);
  return runtime;
}
