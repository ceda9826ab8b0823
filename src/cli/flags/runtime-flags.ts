/** @file The runtime that the flags ask for. */
import { type Command, Option } from "commander";
import { MisuseError } from "../../errors.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { choice, number, words } from "./parse-values.ts";

export interface RuntimeFlags {
  readonly runtime: "node" | "wasm";
  readonly providers?: readonly string[];
  readonly threads?: number;
}

export function addRuntimeFlags(command: Command): Command {
  const group = "Runtime:";
  return command
    .addOption(
      new Option("--runtime <name>", "node (onnxruntime-node) or wasm (onnxruntime-web)")
        .default("node")
        .argParser(choice("--runtime", ["node", "wasm"]))
        .helpGroup(group),
    )
    .addOption(
      new Option(
        "--providers <list>",
        "execution providers in order of preference: cpu, cuda, webgpu, coreml, dml; auto: the fastest that works here",
      )
        .argParser(words("--providers"))
        .helpGroup(group),
    )
    .addOption(
      new Option("--threads <n>", "threads per operator (default: one per core)")
        .argParser(number("--threads", { min: 1, max: 1024, integer: true }))
        .helpGroup(group),
    );
}

/** The module of the runtime; throws a MisuseError that says what to install if it is not there. */
export async function loadRuntime({ runtime, threads }: RuntimeFlags): Promise<Runtime> {
  if (runtime === "node") {
    const ort = await import("onnxruntime-node");
    // What it says before there is a session, such as that it found no GPU.
    if (!process.env.PERCEPTUAL_BALL_DEBUG) ort.env.logLevel = "fatal";
    return ort;
  }
  try {
    const ort = await import("onnxruntime-web");
    // The files beside the module; in Node they are read from disk.
    ort.env.wasm.numThreads = threads ?? 1;
    return ort;
  } catch (cause) {
    throw new MisuseError(
      {
        where: "--runtime wasm",
        what: "onnxruntime-web is not installed",
        advice: "Run `npm install onnxruntime-web` beside perceptual-ball, or leave --runtime out.",
      },
      { cause },
    );
  }
}
