/** @file A session: a graph loaded into a runtime, fed and read with this package's own tensors. */
import { AbortedError, checkForm, checkKeys, MisuseError, throwIfAborted } from "../errors.ts";
import { writeModel } from "../onnx/file/write-model.ts";
import { inferShapes, inferShapesIfValid } from "../onnx/infer-shapes.ts";
import { type Graph, initializerOf, type Model, tensorOfInitializer } from "../onnx/model.ts";
import { weightBytesOf } from "../onnx/resource-needs.ts";
import type { DataType, Tensor, TensorData } from "../tensor/tensor.ts";
import { autoProviders, type ProviderChoice } from "./auto-providers.ts";
import { checkSessionOptions } from "./check-session-options.ts";
import { blockedLayout } from "./cpu/blocked-layout.ts";
import { splitConvolutions } from "./cpu/split-convolutions.ts";
import { askForFullPrecision } from "./full-precision.ts";
import {
  checkRuntime,
  describeRuntime,
  type Runtime,
  type RuntimeSession,
  type RuntimeSessionOptions,
  type RuntimeTensor,
} from "./runtime.ts";
import { failedRun, refusedModel, usedAfterDispose } from "./runtime-errors.ts";

export interface SessionOptions {
  /** How messages call the model, such as its path. Default "model". */
  readonly where?: string;
  readonly runtime: Runtime;
  /** Threads per operator; the runtime's own choice (usually one per core) by default. */
  readonly threads?: number;
  /** Execution providers in order of preference, such as "cuda", "webgpu", "coreml", "dml", "cpu"; "auto" alone: see {@link providersOf}. Default: the runtime's. */
  readonly providers?: readonly string[];
  /**
   * The folder that holds the files which external weights refer to. With it the runtime reads them from there; without it
   * they are read into the model that is handed over.
   */
  readonly weightsFolder?: string;
  /**
   * Trades speed for memory: weights are not copied into the layout that the processor likes best, and values stay where the first run had them. By default only
   * where neither loses time: in graphs for one image with dense weights of 64 MB or more.
   */
  readonly lowMemory?: boolean;
  /**
   * Whether graphs are rewritten such that onnxruntime's CPU provider can keep the layout in which its convolutions are fast: see
   * {@link blockedLayout}, which says where values can differ. Default: on that provider of onnxruntime-node, true.
   */
  readonly blocked?: boolean;
  /** Whether the runtime writes what it has to say about the session to its own log, usually stderr. Default false. */
  readonly runtimeLog?: boolean;
}

/** The names of {@link SessionOptions}. */
export const sessionOptionKeys = [
  "where",
  "runtime",
  "threads",
  "providers",
  "weightsFolder",
  "lowMemory",
  "blocked",
  "runtimeLog",
] as const satisfies readonly (keyof SessionOptions)[];

/** A graph that is ready to run. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * The outputs called `fetches` (all by default) for the given inputs. An aborted `signal` rejects at once with an
   * AbortedError; the run that was under way ends unseen, and {@link Session.dispose} waits for it. Throws a MisuseError for an input
   * that is missing and after `dispose()`, and an UnsupportedError with the runtime's words where it fails.
   */
  run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<Record<string, Tensor>>;
  /** Releases the memory of the runtime, once the runs under way have ended; further calls do nothing. */
  dispose(): Promise<void>;
}

const modelKeys = [
  "irVersion",
  "opsets",
  "producerName",
  "producerVersion",
  "metadata",
  "graph",
  "functions",
  "origin",
] as const satisfies readonly (keyof Model)[];

/** The model around a graph of the canonical opset, as sessions and files need it. */
export function modelOf(graph: Graph, base?: Partial<Model>): Model {
  checkKeys("modelOf", base, modelKeys);
  return {
    irVersion: 8,
    opsets: new Map([["", 18]]),
    producerName: "perceptual-ball",
    producerVersion: "",
    metadata: new Map(),
    functions: [],
    ...base,
    graph,
  };
}

/**
 * A session for `model`. Throws an UnsupportedError with the runtime's own words if it does not take the model, for instance
 * because a wanted execution provider is not there.
 */
export async function createSession(model: Model, given: SessionOptions): Promise<Session> {
  checkKeys("createSession", given, sessionOptionKeys);
  checkForm("createSession: model", model, ["graph", "opsets"]);
  checkForm("createSession: options", given, []);
  const { where = "model", weightsFolder, runtime, threads, providers } = given;
  const { InferenceSession } = checkRuntime(where, given.runtime);
  checkSessionOptions(where, given);
  const options: SessionOptions = {
    ...given,
    providers: (await providersOf({ runtime, threads, providers })).providers,
  };
  askForFullPrecision(options.providers);
  const blocked = options.blocked ?? hasBlockedLayout(options);
  const arranged = blocked ? { ...model, graph: inBlocks(model) } : model;
  const bytes = writeModel(weightsFolder === undefined ? withInlineWeights(arranged) : arranged);
  let session: RuntimeSession;
  try {
    const chosen = runtimeOptions({ ...options, lowMemory: savesMemory(arranged.graph, options) });
    session = (await InferenceSession.create(bytes, chosen as never)) as RuntimeSession;
  } catch (error) {
    throw refusedModel(error, options);
  }
  return wrap(session, { ...options, where, blocked });
}

/** What was chosen for a runtime stays. */
const choices = new WeakMap<Runtime, Promise<ProviderChoice>>();

/**
 * The execution providers of a session with these options. Of "auto" that is the fastest among the processor and those accelerators that compute a few convolutions right
 * here, which is tried once for each runtime and takes some tenths of a second. Throws a MisuseError where others stand beside "auto".
 */
export async function providersOf(
  options: Pick<SessionOptions, "runtime" | "threads" | "providers">,
): Promise<ProviderChoice> {
  checkKeys("providersOf", options, ["runtime", "threads", "providers"]);
  checkForm("providersOf: options", options, []);
  checkSessionOptions("providersOf", options);
  const { runtime, threads, providers } = options;
  if (!providers?.includes("auto"))
    return { providers, reason: providers === undefined ? "the runtime's own" : "as given" };
  if (providers.length > 1) {
    throw new MisuseError({
      where: "providers",
      what: "other providers beside auto",
      expected: '"auto" alone',
      got: JSON.stringify(providers),
    });
  }
  const known = choices.get(checkRuntime("providersOf", runtime));
  if (known !== undefined) return known;
  const choice = autoProviders(runtime, (graph, tried) =>
    createSession(modelOf(graph), { runtime, threads, providers: tried }),
  );
  choices.set(runtime, choice);
  return choice;
}

/** Bytes of dense weights from which on a second copy of them is worth sparing. */
const largeWeights = 2 ** 26;

/**
 * Whether the runtime does without what takes memory for speed, a second copy of the weights, in the layout that the processor likes best, and a layout of a run's
 * values: with `lowMemory`, and by default where `graph` takes one image and its dense weights come to 64 MB. The product of one row with a matrix is bound by reading it,
 * and takes as long in either layout; from two rows on it takes up to 2.6 times as long without the copy.
 */
export function savesMemory(graph: Graph, { lowMemory }: Pick<SessionOptions, "lowMemory">): boolean {
  if (lowMemory !== undefined) return lowMemory;
  if (graph.inputs[0]?.shape?.[0] !== 1) return false;
  const dense = new Set(
    graph.nodes.filter(({ opType }) => opType === "MatMul" || opType === "Gemm").flatMap(({ inputs }) => inputs),
  );
  const initializers = new Map([...graph.initializers].filter(([name]) => dense.has(name)));
  return weightBytesOf({ initializers }) >= largeWeights;
}

function runtimeOptions(options: SessionOptions): RuntimeSessionOptions {
  const { threads, providers, weightsFolder, lowMemory = false, runtimeLog = false } = options;
  const configuration: Record<string, unknown> = {};
  if (weightsFolder !== undefined) configuration.model_external_initializers_file_folder_path = weightsFolder;
  if (lowMemory) configuration.disable_prepacking = "1";
  return {
    graphOptimizationLevel: "all",
    // Warnings, or nothing: what fails is said by the errors.
    logSeverityLevel: runtimeLog ? 2 : 4,
    // The runtime lays a run's values out anew in the second run, beside what the first one has taken. Small networks gain up to a tenth of their time by that, large ones nothing.
    ...(lowMemory ? { enableMemPattern: false } : {}),
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(providers === undefined ? {} : { executionProviders: providers }),
    ...(Object.keys(configuration).length === 0 ? {} : { extra: { session: configuration } }),
  };
}

function hasBlockedLayout({ runtime, providers = ["cpu"] }: SessionOptions): boolean {
  return describeRuntime(runtime).startsWith("onnxruntime-node") && providers.every((provider) => provider === "cpu");
}

/**
 * The model's graph such that tensors stay in the blocked layout for long; itself where its shapes are open or an operator is unknown. What it
 * is rewritten to must have shapes again: an error there is a defect, and thrown as one.
 */
function inBlocks({ graph, opsets }: Model): Graph {
  // Whether a graph without types can run all the same is for the runtime to say.
  const typed = inferShapesIfValid(graph);
  if (typed === undefined) return graph;
  try {
    const split = splitConvolutions(typed);
    return blockedLayout(split === graph ? typed : inferShapes(split), opsets.get(""));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `createSession: arranging the graph for speed failed (${reason}); blocked: false leaves it as it is`,
      {
        cause,
      },
    );
  }
}

function wrap(session: RuntimeSession, options: SessionOptions & { readonly where: string }): Session {
  const { runtime, where } = options;
  const underWay = new Set<Promise<unknown>>();
  /** The runtime's own tensors over the same memory: many feeds come again as they were, run after run. */
  const known = new WeakMap<Tensor, unknown>();
  let released: Promise<void> | undefined;
  /** Like everything that is asked of the runtime, its tensors may be refused. */
  const start = async (feeds: Readonly<Record<string, Tensor>>, fetches: readonly string[]) => {
    try {
      const runtimeFeeds: Record<string, unknown> = {};
      for (const [name, feed] of Object.entries(feeds)) {
        const { dtype, data, shape } = feed;
        const tensor = known.get(feed) ?? new runtime.Tensor(dtype as never, data as never, shape as never);
        known.set(feed, tensor);
        runtimeFeeds[name] = tensor;
      }
      return await session.run(runtimeFeeds as never, fetches);
    } catch (error) {
      throw failedRun(error, options);
    }
  };
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds, fetches = session.outputNames, options) {
      checkKeys("session.run", options, ["signal"]);
      const signal = options?.signal;
      if (released !== undefined) throw usedAfterDispose(where);
      throwIfAborted(signal, where);
      const missing = session.inputNames.find((name) => feeds[name] === undefined);
      if (missing !== undefined) throw new MisuseError({ where, what: `no value for the input ${missing}` });
      const run = start(feeds, fetches);
      underWay.add(run);
      const ended = (): boolean => underWay.delete(run);
      run.then(ended, ended);
      const results = await (signal === undefined ? run : raceAbort(run, signal, where));
      return Object.fromEntries(fetches.map((name) => [name, tensorOfRuntime(results[name])]));
    },
    dispose() {
      released ??= Promise.allSettled(underWay).then(() => session.release());
      return released;
    },
  };
}

function raceAbort<T>(work: Promise<T>, signal: AbortSignal, where: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new AbortedError(where, signal));
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function tensorOfRuntime({ type, dims, data }: RuntimeTensor): Tensor {
  return { dtype: type as DataType, shape: dims, data: data as TensorData };
}

/** `model` with every external weight read into memory. */
function withInlineWeights(model: Model): Model {
  const external = [...model.graph.initializers].filter(([, initializer]) => initializer.storage.kind === "external");
  if (external.length === 0) return model;
  const initializers = new Map(model.graph.initializers);
  for (const [name, initializer] of external) {
    initializers.set(name, { ...initializerOf(tensorOfInitializer(initializer, `initializer ${name}`)) });
  }
  return { ...model, graph: { ...model.graph, initializers } };
}
