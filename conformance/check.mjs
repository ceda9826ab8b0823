/**
 * @file Compares the gradient graph of one exported network with PyTorch's autograd; prints one line of JSON.
 *
 * Run: node conformance/check.mjs FOLDER [--reference | --time], where FOLDER is what export.py wrote. --reference compares the
 * float64 evaluator's gradient instead of onnxruntime's, --time measures instead of comparing. PERCEPTUAL_BALL_BUILD names another
 * build than ./dist.
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as ort from "onnxruntime-node";

const build = resolve(process.env.PERCEPTUAL_BALL_BUILD ?? join(import.meta.dirname, "../dist"));
const load = (path) => import(pathToFileURL(join(build, path)).href);
const { loadModelFile } = await load("node/load-model.js");
const { readNpy } = await load("node/npy.js");
const { prepareModel } = await load("classifier/network/prepare-model.js");
const { listLayers } = await load("classifier/network/layers.js");
const { differentiate } = await load("autodiff/differentiate.js");
const { evaluate } = await load("onnx/evaluate.js");
const { numeric } = await load("onnx/numeric-tensor.js");
const { foldBatchNormalization } = await load("onnx/rewrites/fold-batch-normalization.js");
const { writeModel } = await load("onnx/file/write-model.js");
const { createSession, modelOf } = await load("runtime/session.js");
const { describeRuntime } = await load("runtime/runtime.js");

const [, , folder, mode] = process.argv;
const threads = 2;

/** ‖a − b‖₂ / ‖b‖₂. */
function relativeError(a, b) {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return a.length === b.length ? Math.sqrt(difference / norm) : Infinity;
}

/** The draws in an array that export.py stacked; undefined where it was not asked for it. */
async function drawsOf(name) {
  const path = join(folder, `${name}.npy`);
  if (!existsSync(path)) return undefined;
  const { dtype, shape, data } = await readNpy(path);
  const length = data.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => ({
    dtype,
    shape: shape.slice(1),
    data: data.slice(i * length, (i + 1) * length),
  }));
}

setFlagsFromString("--expose-gc");
globalThis.gc ??= runInNewContext("gc");

const [inputs, cotangents, logits, gradients, exactLogits, exactGradients] = await Promise.all(
  ["input", "cotangent", "logits", "gradient", "logits64", "gradient64"].map(drawsOf),
);
const [batch, , ...inputSize] = inputs[0].shape;

globalThis.gc();
const sizeBefore = process.memoryUsage().rss;
const begin = performance.now();
const loaded = loadModelFile(join(folder, "model.onnx"));
const prepared = prepareModel(loaded.model, { where: "model", inputSize });
const layers = listLayers(prepared.typed(batch));
const loadMs = performance.now() - begin;
const feeds = inputs.map((input, i) => ({ [prepared.input]: input, cotangent: cotangents[i] }));

/** The forward graph with the gradient as one more output. */
function withGradient(graph) {
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
function compareExactly() {
  const exact = Object.fromEntries(Object.entries(feeds[0]).map(([name, tensor]) => [name, numeric(tensor)]));
  const { input_gradient: found } = evaluate(withGradient(prepared.graph), exact, ["input_gradient"]);
  return { referenceError: relativeError(found.data, exactGradients[0].data) };
}

/** Bytes that this process holds at least: objects and arrays, after what is no longer needed has been given back. */
function heldBytes() {
  globalThis.gc();
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
  const times = [];
  let graph;
  let peakBytes;
  for (let i = 0; i < 3; i++) {
    graph = undefined;
    const start = performance.now();
    graph = withGradient(foldBatchNormalization(prepared.graph, { keep: [prepared.logits] }).graph);
    times.push(performance.now() - start);
    peakBytes ??= Math.max(0, 1024 * process.resourceUsage().maxRSS - sizeBefore - modelBytes);
  }
  return {
    graph,
    record: { differentiateMs: Math.min(...times), modelBytes, heldBytes: heldBytes() - before, peakBytes },
  };
}

/** Seconds and sizes aside, the errors of onnxruntime's float32 results for each draw. */
async function compare(session, started) {
  const found = [];
  for (const feed of feeds) found.push(await session.run(feed));
  const errors = (name, reference) =>
    reference && found.map((result, i) => relativeError(result[name].data, reference[i].data));
  const settings = JSON.parse(readFileSync(join(folder, "export.json"), "utf8"));
  const { torch, torchvision } = settings;
  return {
    settings,
    versions: { torch, torchvision, runtime: describeRuntime(ort), machine: `${cpus().length} × ${cpus()[0].model}` },
    operators: [...new Set(loaded.model.graph.nodes.map((node) => node.opType))].sort(),
    layers: layers.length,
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
    errors: errors("input_gradient", gradients),
    exactErrors: errors("input_gradient", exactGradients),
    torchErrors: exactGradients && gradients.map(({ data }, i) => relativeError(data, exactGradients[i].data)),
    logitsErrors: prepared.softmax === undefined ? errors(prepared.logits, exactLogits ?? logits) : undefined,
    ...started,
  };
}

/** The gradient's time over that of the plain forward pass of the user's own file, in the same process, turn by turn. */
async function time(session) {
  const forward = await ort.InferenceSession.create(join(folder, "model.onnx"), {
    intraOpNumThreads: threads,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  });
  const { dtype, data, shape } = inputs[0];
  const picture = { [prepared.input]: new ort.Tensor(dtype, data, shape) };
  const clock = async (run) => {
    const start = performance.now();
    await run();
    return performance.now() - start;
  };
  const [forwardTimes, gradientTimes] = [[], []];
  const until = performance.now() + 6000;
  for (let i = 0; i < 60 && (i < 4 || performance.now() < until); i++) {
    forwardTimes.push(await clock(() => forward.run(picture)));
    gradientTimes.push(await clock(() => session.run(feeds[0], ["input_gradient"])));
  }
  await forward.release();
  // The first of each is a warm-up.
  const median = (all) => all.slice(1).sort((a, b) => a - b)[Math.floor((all.length - 1) / 2)];
  const [forwardMs, gradientMs] = [median(forwardTimes), median(gradientTimes)];
  return { timedSize: inputSize[0], forwardMs, gradientMs, ratio: gradientMs / forwardMs };
}

async function run() {
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
