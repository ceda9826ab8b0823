/** @file The worker of this page, on what it computes, and what went wrong with it, in words. */
import { withControls } from "../named-controls.ts";
import { strings } from "../strings.ts";
import { address, choose } from "./address.ts";
import { hasGraphics, runtimeName, say } from "./signals.ts";
import { createWorkerClient, JobError, type WorkerClient, type WorkerEvents } from "./worker-client.ts";

export const isIsolated = globalThis.crossOriginIsolated === true;

/** More threads than cores are of no use, and more than four rarely are. */
export const threads = isIsolated
  ? (address.value.threads ?? Math.max(1, Math.min(4, Math.ceil((navigator.hardwareConcurrency || 2) / 2))))
  : 1;

let client: WorkerClient | undefined;

/** Who opens a model last is who goes on: files are dropped while others are still being opened. */
let newest = 0;

export const beginOpening = (): number => {
  newest++;
  return newest;
};
export const newestOpening = (): number => newest;
export const isNewest = (opening: number): boolean => opening === newest;

/** Starts the worker; a tab that comes back from sleep asks whether it still lives. */
export function connect(makeWorker: () => Worker, events: WorkerEvents): void {
  client = createWorkerClient(makeWorker, events);
  wakeUp();
}

export function worker(): WorkerClient {
  if (client !== undefined) return client;
  throw new Error("the studio has not been started");
}

/** What went wrong, in words; a defect says that it is one. */
export function wordsOf(error: unknown): string {
  if (error instanceof JobError)
    return error.isDefect ? strings.errors.defect(error.message) : withControls(error.message);
  return strings.errors.defect(error instanceof Error ? error.message : String(error));
}

export const isAborted = (error: unknown): boolean => error instanceof JobError && error.isAborted;

/** Starts what computes; where WebGPU does not, WebAssembly. */
export async function startRuntime(): Promise<void> {
  const { processor = "wasm" } = address.value;
  try {
    const { runtime } = await worker().run("start", { threads, processor }).output;
    runtimeName.value = runtime;
  } catch (error) {
    if (processor === "wasm" || isAborted(error)) throw error;
    say(strings.errors.noDevice(wordsOf(error)), true);
    choose({ processor: undefined });
    await startRuntime();
  }
}

export async function findGraphics(): Promise<void> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<GraphicsAdapter | null> } };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  const { isFallbackAdapter = adapter?.isFallbackAdapter, architecture } = adapter?.info ?? {};
  hasGraphics.value = Boolean(adapter) && isFallbackAdapter !== true && architecture !== "swiftshader";
}

/** The part of WebGPU's adapter that says what it is. */
interface GraphicsAdapter {
  readonly isFallbackAdapter?: boolean;
  readonly info?: { readonly isFallbackAdapter?: boolean; readonly architecture?: string };
}

/** Longer than any single run of a network that fits into a page, in milliseconds. */
const patience = 45_000;

/** A tab that has slept may have lost its worker without an error. */
function wakeUp(): void {
  const check = (): void => {
    if (document.visibilityState === "visible") client?.checkAlive(patience);
  };
  document.addEventListener("visibilitychange", check);
  document.addEventListener("resume", check);
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) check();
  });
}
