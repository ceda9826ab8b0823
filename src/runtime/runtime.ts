/**
 * @file The runtime as a parameter: what this package needs of onnxruntime-node, onnxruntime-web or the reference evaluator.
 *
 * Both onnxruntime packages fit as they are: import one as a namespace and pass the namespace. Their Tensor classes
 * differ, so a session only ever gets tensors of its own runtime.
 */
import { checkForm, kindOf, MisuseError } from "../errors.ts";

/** A tensor of the runtime's own class. */
export interface RuntimeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** A loaded model. */
export interface RuntimeSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, never>>,
    fetches: readonly string[],
  ): Promise<Readonly<Record<string, RuntimeTensor>>>;
  release(): Promise<void>;
}

/** The part of onnxruntime-common's session options that this package sets. */
export interface RuntimeSessionOptions {
  readonly executionProviders?: readonly (string | { readonly name: string })[];
  readonly intraOpNumThreads?: number;
  readonly graphOptimizationLevel?: "disabled" | "basic" | "extended" | "layout" | "all";
  readonly enableCpuMemArena?: boolean;
  readonly enableMemPattern?: boolean;
  readonly logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
  readonly extra?: Record<string, unknown>;
}

/** The module namespace of onnxruntime-node or onnxruntime-web, or `referenceRuntime`. */
export interface Runtime {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: never): Promise<unknown>;
  };
  readonly Tensor: new (...parts: never[]) => unknown;
  /** The execution providers that onnxruntime-node was built with; whether they work here is another matter. */
  readonly listSupportedBackends?: () => readonly { readonly name: string }[];
  /** onnxruntime's own description of itself, where it has one. */
  readonly env?: unknown;
}

/** `runtime`, if it can be one; otherwise throws a MisuseError that says how to get one. */
export function checkRuntime(where: string, runtime: unknown): Runtime {
  const { InferenceSession, Tensor } = (runtime ?? {}) as Partial<Runtime>;
  if (typeof InferenceSession?.create === "function" && typeof Tensor === "function") return runtime as Runtime;
  throw new MisuseError({
    where: `${where}: runtime`,
    what: runtime === undefined ? "no runtime" : "not a runtime",
    expected: "the module of onnxruntime-node or onnxruntime-web, or referenceRuntime",
    got: kindOf(runtime),
    advice: "For example: import * as runtime from 'onnxruntime-node'.",
  });
}

/** The version of onnxruntime that `runtime` reports, such as "onnxruntime 1.30.0", or "reference" for the float64 evaluator. */
export function describeRuntime(runtime: Runtime): string {
  checkForm("describeRuntime: runtime", runtime, ["InferenceSession", "Tensor"]);
  const { versions } = (runtime.env ?? {}) as { versions?: Readonly<Record<string, string | undefined>> };
  if (versions === undefined) return "reference";
  const kind =
    versions.node !== undefined ? "onnxruntime-node" : versions.web !== undefined ? "onnxruntime-web" : "onnxruntime";
  return `${kind} ${versions.node ?? versions.web ?? versions.common ?? "of unknown version"}`;
}
