/** @file onnxruntime-web as a page wants it: the small build, its files where they are, threads that have an effect. */
import { checkKeys, MisuseError, numberIn } from "../errors.ts";
import { describeRuntime, type Runtime } from "../runtime/runtime.ts";

export interface LoadRuntimeOptions {
  /** Threads of WebAssembly, in pages that are isolated from others. Default: the runtime's own choice, at most four. */
  readonly threads?: number;
  /**
   * The addresses of the runtime's two files, ort-wasm-simd-threaded.mjs and .wasm. Needed where a bundler put the runtime into the code
   * of a worker: its threads would start that worker again instead of themselves, and the first session would wait forever.
   */
  readonly files?: { readonly mjs: string | URL; readonly wasm: string | URL };
}

/** What the runtime's module says of WebAssembly, as far as this package sets it. */
interface WasmSettings {
  numThreads?: number;
  wasmPaths?: unknown;
}

/**
 * The module onnxruntime-web/wasm: WebAssembly alone, half the size of the build with WebGPU that `import "onnxruntime-web"` gives. Throws a
 * MisuseError if it is not installed. In Node it is the package's build for Node.
 */
export async function loadRuntime(options: LoadRuntimeOptions = {}): Promise<Runtime> {
  checkKeys("loadRuntime", options, ["threads", "files"]);
  const { threads, files } = options;
  let runtime: Runtime;
  try {
    // The small build does not run in Node; the build that does is named by a variable, so that no bundler takes it into a page as well.
    const forNode: string = "onnxruntime-web";
    runtime = isNode() ? await import(/* @vite-ignore */ forNode) : await import("onnxruntime-web/wasm");
  } catch (cause) {
    throw new MisuseError(
      {
        where: "loadRuntime",
        what: "onnxruntime-web cannot be loaded",
        advice: "Run `npm install onnxruntime-web` beside perceptual-ball, or pass the option runtime.",
      },
      { cause },
    );
  }
  const wasm = wasmOf(runtime);
  if (files !== undefined && wasm !== undefined) {
    wasm.wasmPaths = { mjs: String(files.mjs), wasm: String(files.wasm) };
  }
  if (threads !== undefined) useThreads(runtime, threads);
  return runtime;
}

/** Whether this is Node, as in tests of what is meant for pages. */
function isNode(): boolean {
  const { process } = globalThis as { readonly process?: { readonly versions?: { readonly node?: string } } };
  return process?.versions?.node !== undefined;
}

/** The numbers of threads that were asked of runtimes. */
const chosen = new WeakMap<WasmSettings, number>();

/**
 * Makes the sessions of `runtime` (onnxruntime-web) run on so many threads. They share them from the first session on. Throws a MisuseError
 * for another number than before, which would have no effect, and for a runtime without WebAssembly.
 */
export function useThreads(runtime: Runtime, threads: number): void {
  numberIn("threads", threads, { min: 1, max: 1024, integer: true });
  const wasm = wasmOf(runtime);
  if (wasm === undefined) {
    throw new MisuseError({
      where: "threads",
      what: "this runtime has no threads to choose here",
      expected: "onnxruntime-web",
      got: describeRuntime(runtime),
      advice: "Leave the option threads out.",
    });
  }
  const before = chosen.get(wasm) ?? threads;
  if (before !== threads) {
    throw new MisuseError({
      where: "threads",
      what: "all sessions of onnxruntime-web share their threads",
      expected: `${before}, as it was first`,
      got: String(threads),
      advice: "Another number needs another worker.",
    });
  }
  chosen.set(wasm, threads);
  wasm.numThreads = threads;
}

function wasmOf({ env }: Runtime): WasmSettings | undefined {
  const { wasm } = (env ?? {}) as { readonly wasm?: WasmSettings };
  return typeof wasm === "object" && wasm !== null ? wasm : undefined;
}
