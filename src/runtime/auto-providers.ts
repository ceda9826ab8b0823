/** @file The execution provider that is fastest among those that work here, found out by trying them: `providers: ["auto"]`. */
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { type Graph, initializerOf } from "../onnx/model.ts";
import { floatTensor, sizeOf, type Tensor } from "../tensor/tensor.ts";
import type { Runtime } from "./runtime.ts";

/** Execution providers that were chosen, and why. */
export interface ProviderChoice {
  /** In order of preference; undefined: the runtime's own. */
  readonly providers: readonly string[] | undefined;
  /** What was tried, and what came of it, a phrase. */
  readonly reason: string;
}

/** What tries a provider. */
export interface ProviderTrial {
  /** Runs the graph once. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  dispose(): Promise<void>;
}

/** Accelerators in the order in which they are tried; others need settings, or compile for minutes. */
const accelerators = ["cuda", "coreml", "dml", "webgpu"];
/** Float32 keeps six digits here. What rounds to half precision keeps three, which gradients do not bear: see `full-precision.ts`. */
const tolerance = 1e-4;
const [warmUps, timedRuns] = [2, 3];

/**
 * The fastest provider among the processor and those accelerators that the runtime brings, that can be opened here, and that compute a few
 * convolutions right. `open` opens a graph in a session with given providers.
 */
export async function autoProviders(
  runtime: Runtime,
  open: (graph: Graph, providers: readonly string[] | undefined) => Promise<ProviderTrial>,
): Promise<ProviderChoice> {
  const brought = new Set(runtime.listSupportedBackends?.().map(({ name }) => name));
  const candidates = accelerators.filter((name) => brought.has(name));
  const processor = brought.has("cpu") ? ["cpu"] : undefined;
  if (candidates.length === 0) return { providers: processor, reason: "the runtime brings no accelerator" };
  const graph = probeGraph();
  const plain = await measured(await open(graph, processor));
  const findings = [`${processor?.join() ?? "its own"} ${milliseconds(plain.time)}`];
  let best: { readonly time: number; readonly providers: readonly string[] | undefined } = {
    time: plain.time,
    providers: processor,
  };
  for (const name of candidates) {
    const tried = await attempt(() => open(graph, [name]));
    const apart = tried === undefined ? 0 : difference(tried.output, plain.output);
    if (tried === undefined) findings.push(`${name} does not work here`);
    else if (Number.isNaN(apart) || apart > tolerance)
      findings.push(`${name} computes something else (${percent(apart)} apart)`);
    else {
      findings.push(`${name} ${milliseconds(tried.time)}`);
      if (tried.time < best.time) best = { time: tried.time, providers: [name, ...(processor ?? [])] };
    }
  }
  return { providers: best.providers, reason: `six convolutions: ${findings.join(", ")}` };
}

interface Measured {
  readonly time: number;
  readonly output: Float32Array;
}

/** What a provider took and gave; undefined where it cannot be opened or fails. */
async function attempt(open: () => Promise<ProviderTrial>): Promise<Measured | undefined> {
  try {
    return await measured(await open());
  } catch {
    // Whatever is wrong with it: it is not used, and the choice says so.
    return undefined;
  }
}

async function measured(trial: ProviderTrial): Promise<Measured> {
  const image = floatTensor(waves(sizeOf(probeShape), 1), probeShape);
  try {
    let time = Number.POSITIVE_INFINITY;
    let output: Float32Array = new Float32Array(0);
    for (let run = 0; run < warmUps + timedRuns; run++) {
      const started = performance.now();
      const { y } = await trial.run({ x: image });
      if (run >= warmUps) time = Math.min(time, performance.now() - started);
      output = y.data as Float32Array;
    }
    return { time, output };
  } finally {
    await trial.dispose();
  }
}

const channels = 64;
const probeShape = [1, channels, 56, 56];

/** Six 3 × 3 convolutions of 64 channels at 56², of which 64 means are left: the size of a network's layer, and little to carry. */
function probeGraph(): Graph {
  const g = new GraphBuilder();
  const shape = [channels, channels, 3, 3];
  // He's scale, such that numbers neither grow nor vanish.
  const scale = Math.sqrt(2 / (channels * 9)) * Math.SQRT2;
  const data = waves(sizeOf(shape), scale);
  const weight = g.addInitializer("w", initializerOf(floatTensor(data, shape)));
  let value: Value = g.input("x", "float32", probeShape);
  for (let layer = 0; layer < 6; layer++) {
    value = g.op("Relu", [g.op("Conv", [value, weight], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })]);
  }
  g.output(g.op("GlobalAveragePool", [value]), "y");
  return g.toGraph("probe");
}

/** Numbers in [−scale, scale] without a period that a kernel could share. */
function waves(count: number, scale: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => scale * Math.sin(12.9898 * i + 1e-3 * i * i));
}

/** How far two outputs are apart, of the largest number of the second; NaN where one is not a number, Infinity where they differ in size. */
function difference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  const most = b.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return a.reduce((furthest, value, i) => Math.max(furthest, Math.abs(value - b[i])), 0) / most;
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${Number((100 * share).toPrecision(2))} %` : "no number";
}

function milliseconds(time: number): string {
  return `${time.toPrecision(2)} ms`;
}
