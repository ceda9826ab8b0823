/** @file The runtime of the page: WebAssembly, or the build with WebGPU, of which only the one that is wanted is loaded. */
import mjsUrl from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { UnsupportedError } from "../../errors.ts";
import { describeRuntime, type Runtime } from "../../runtime/runtime.ts";
import { loadRuntime } from "../../web/load-runtime.ts";
import type { Processor } from "../protocol.ts";

/** A runtime with how it is asked. */
export interface Engine {
  readonly runtime: Runtime;
  readonly providers?: readonly string[];
  readonly processor: Processor;
  /** As records name it. */
  readonly description: string;
}

const address = (file: string): string => new URL(file, self.location.href).href;

/** The runtime for `processor`. Throws an UnsupportedError where the browser has no graphics processor to compute on. */
export async function startEngine(processor: Processor, threads: number): Promise<Engine> {
  if (processor === "wasm") {
    const runtime = await loadRuntime({ threads, files: { mjs: address(mjsUrl), wasm: address(wasmUrl) } });
    return { runtime, processor, description: describeRuntime(runtime) };
  }
  const adapter = await (navigator as Partial<WithGraphics>).gpu?.requestAdapter();
  if (!adapter) {
    throw new UnsupportedError({ where: "WebGPU", what: "this browser gives no graphics processor to compute on" });
  }
  const [{ loadWebgpuRuntime }, { default: mjs }, { default: wasm }] = await Promise.all([
    import("../../web/load-webgpu-runtime.ts"),
    import("onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url"),
    import("onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url"),
  ]);
  const runtime = await loadWebgpuRuntime(threads, { mjs: address(mjs), wasm: address(wasm) });
  return {
    ...{ runtime, processor, description: `${describeRuntime(runtime)} (WebGPU)` },
    // Operators that WebGPU lacks run on the CPU.
    providers: ["webgpu", "wasm"],
  };
}

/** The part of WebGPU that is asked for here. */
interface WithGraphics {
  readonly gpu: { requestAdapter(): Promise<object | null> };
}

interface Device {
  readonly lost: Promise<{ readonly message: string }>;
}

const watched = new WeakSet<Device>();

/** Calls `onLost`, once, when the device that the sessions run on is gone. There is none before the first session. */
export async function watchDevice({ runtime, processor }: Engine, onLost: (reason: string) => void): Promise<void> {
  if (processor !== "webgpu") return;
  const { webgpu } = (runtime.env ?? {}) as { readonly webgpu?: { readonly device?: Promise<Device> | Device } };
  const device = await webgpu?.device;
  if (device === undefined || watched.has(device)) return;
  watched.add(device);
  device.lost.then(({ message }) => onLost(message)).catch(() => onLost(""));
}
