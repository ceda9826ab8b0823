/**
 * @file Compares the gradient graph of one exported network with PyTorch's autograd; prints one line of JSON.
 *
 * Run: npx tsx conformance/check.ts FOLDER [--reference | --time], where FOLDER is what export.py wrote. --reference compares the
 * float64 evaluator's gradient instead of onnxruntime's, --time measures instead of comparing.
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as ort from "onnxruntime-node";
import { median, timed, turn } from "../bench/measuring.ts";
import { differentiate } from "../src/autodiff/differentiate.ts";
import { listLayers } from "../src/classifier/network/layers.ts";
import { prepareModel } from "../src/classifier/network/prepare-model.ts";
import { loadModelFile } from "../src/node/models/load-model.ts";
import { readNpy } from "../src/node/npy.ts";
import { evaluate } from "../src/onnx/evaluate.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import type { Graph } from "../src/onnx/model.ts";
import { numeric } from "../src/onnx/numeric-tensor.ts";
import { foldBatchNormalization } from "../src/onnx/rewrites/fold-batch-normalization.ts";
import { describeRuntime } from "../src/runtime/runtime.ts";
import { createSession, modelOf, type Session } from "../src/runtime/session.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import type { Comparison, ReferenceComparison, Timing } from "./record.ts";

const [, , folder, mode] = process.argv;
const threads = 2;

type Numbers = Float32Array | Float64Array;

/** ‖a − b‖₂ / ‖b‖₂. */
function relativeError(a: Numbers, b: Numbers): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return a.length === b.length ? Math.sqrt(difference / norm) : Infinity;
}

/** The elements of a tensor of floats. */
function floats({ dtype, data }: Tensor): Numbers {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw new Error(`conformance/check: expected floats, got ${dtype}`);
}

/** One draw of an array that export.py stacked. */
interface Draw {
  readonly dtype: "float32" | "float64";
  readonly shape: readonly number[];
  readonly data: Numbers;
}

/** The draws in such an array; undefined where export.py was not asked for it. */
async function drawsOf(name: string): Promise<readonly Draw[] | undefined> {
  const path = join(folder, `${name}.npy`);
  if (!existsSync(path)) return undefined;
  const tensor = await readNpy(path);
  const [data, [count, ...shape]] = [floats(tensor), tensor.shape];
  const dtype = data instanceof Float64Array ? "float64" : "float32";
  const length = data.length / count;
  return Array.from({ length: count }, (_, i) => ({ dtype, shape, data: data.slice(i * length, (i + 1) * length) }));
}

/** The draws of an array that export.py always writes. */
async function givenDraws(name: string): Promise<readonly Draw[]> {
  const draws = await drawsOf(name);
  if (draws === undefined) throw new Error(`conformance/check: there is no ${join(folder, `${name}.npy`)}`);
  return draws;
}

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const [inputs, cotangents, logits, gradients] = await Promise.all(
  ["input", "cotangent", "logits", "gradient"].map(givenDraws),
);
const [exactLogits, exactGradients] = await Promise.all(["logits64", "gradient64"].map(drawsOf));
const [batch, , height, width] = inputs[0].shape;

collectGarbage();
const sizeBefore = process.memoryUsage().rss;
const begin = performance.now();
const loaded = loadModelFile(join(folder, "model.onnx"));
const settings = JSON.parse(readFileSync(join(folder, "export.json"), "utf8"));
const prepared = prepareModel(loaded.model, { where: "model", inputSize: [height, width] });
const layers = listLayers(prepared.typed(batch));
const loadMs = performance.now() - begin;
const feeds = inputs.map((input, i) => ({ [prepared.input]: input, cotangent: cotangents[i] }));

/** The forward graph with the gradient as one more output. */
function withGradient(graph: Graph): Graph {
  return differentiate(graph, {
    of: prepared.logits,
    wrt: [prepared.input],
    gradients: ["input_gradient"],
    inputShapes: { [prepared.input]: inputs[0].shape },
  });
}

/**
 * The float64 evaluator's gradient, of the network as it stands in the file, against PyTorch's in float64: no unit is within
 * such rounding of its kink.
 */
function compareExactly(): ReferenceComparison {
  if (exactGradients === undefined) throw new Error("conformance/check: --reference needs an export with float64");
  const exact = Object.fromEntries(Object.entries(feeds[0]).map(([name, tensor]) => [name, numeric(tensor)]));
  const { input_gradient: found } = evaluate(withGradient(prepared.graph), exact, ["input_gradient"]);
  return { referenceError: relativeError(found.data, exactGradients[0].data) };
}

/** Bytes that this process holds at least: objects and arrays, after what is no longer needed has been given back. */
function heldBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/**
 * The differentiated graph, with the least of three times that it took, and what it took beyond the model: the bytes that it holds in
 * memory, and by how much the process was larger at its largest, from before the file was read, than the model is.
 */
function differentiateMeasured() {
  const modelBytes = loaded.bytes + loaded.weightsFiles.reduce((sum, { bytes }) => sum + bytes, 0);
  const before = heldBytes();
  const differentiateOnce = () => {
    const start = performance.now();
    const graph = withGradient(foldBatchNormalization(prepared.graph, { keep: [prepared.logits] }).graph);
    return { graph, ms: performance.now() - start };
  };
  // Of the first two, nothing but their time is kept.
  const times = [differentiateOnce().ms];
  const peakBytes = Math.max(0, 1024 * process.resourceUsage().maxRSS - sizeBefore - modelBytes);
  times.push(differentiateOnce().ms);
  const { graph, ms } = differentiateOnce();
  times.push(ms);
  return {
    graph,
    record: { differentiateMs: Math.min(...times), modelBytes, heldBytes: heldBytes() - before, peakBytes },
  };
}

/** What was measured before the first comparison. */
type Started = Pick<
  Comparison,
  "loadMs" | "differentiateMs" | "modelBytes" | "heldBytes" | "peakBytes" | "gradientBytes" | "gradientNodes"
>;

/** Seconds and sizes aside, the errors of onnxruntime's float32 results for each draw. */
async function compare(session: Session, started: Started): Promise<Comparison> {
  const found: Readonly<Record<string, Tensor>>[] = [];
  for (const feed of feeds) found.push(await session.run(feed));
  const errors = (name: string, reference: readonly Draw[]) =>
    found.map((result, i) => relativeError(floats(result[name]), reference[i].data));
  const { torch, torchvision } = settings;
  return {
    settings,
    versions: {
      torch,
      torchvision,
      runtime: describeRuntime(ort),
      machine: `${cpus().length} × ${cpus()[0].model}`,
    },
    operators: [...new Set(loaded.model.graph.nodes.map((node) => node.opType))].sort(),
    layers: layers.length,
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
    errors: errors("input_gradient", gradients),
    exactErrors: exactGradients && errors("input_gradient", exactGradients),
    torchErrors: exactGradients && gradients.map(({ data }, i) => relativeError(data, exactGradients[i].data)),
    logitsErrors: settings.softmax ? undefined : errors(prepared.logits, exactLogits ?? logits),
    ...started,
  };
}

/** The gradient's time over that of the plain forward pass of the user's own file, in the same process, turn by turn. */
async function time(session: Session): Promise<Timing> {
  const forward = await ort.InferenceSession.create(join(folder, "model.onnx"), {
    intraOpNumThreads: threads,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  });
  const { dtype, data, shape } = inputs[0];
  const picture = { [prepared.input]: new ort.Tensor(dtype, data, shape) };
  const repeats = (firstMs: number): number => (firstMs < 30 ? 5 : 2);
  const [forwardTimes, gradientTimes]: [number[], number[]] = [[], []];
  const until = performance.now() + 6000;
  for (let i = 0; i < 15 && (i < 4 || performance.now() < until); i++) {
    forwardTimes.push(await turn(() => timed(() => forward.run(picture)), repeats));
    gradientTimes.push(await turn(() => timed(() => session.run(feeds[0], ["input_gradient"])), repeats));
  }
  await forward.release();
  // The first of each is a warm-up.
  const [forwardMs, gradientMs] = [median(forwardTimes.slice(1)), median(gradientTimes.slice(1))];
  return { timedSize: height, forwardMs, gradientMs, ratio: gradientMs / forwardMs };
}

async function run(): Promise<Comparison | ReferenceComparison | Timing> {
  if (mode === "--reference") return compareExactly();
  const { graph, record } = differentiateMeasured();
  const differentiated = modelOf(graph, { opsets: prepared.opsets });
  const session = await createSession(differentiated, { runtime: ort, threads, weightsFolder: loaded.folder });
  const gradientBytes = writeModel(differentiated).byteLength;
  const gradientNodes = graph.nodes.filter((node) => node.name.includes("/vjp/")).length;
  const result =
    mode === "--time"
      ? await time(session)
      : await compare(session, { loadMs, ...record, gradientBytes, gradientNodes });
  await session.dispose();
  return result;
}

process.stdout.write(`${JSON.stringify(await run())}\n`);
