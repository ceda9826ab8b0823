/**
 * @file What the package makes of exported files, for run.ts: a process that reads a request a line, {"folder": "/tmp/x"}, and answers with a
 * line of JSON each. With "exactly", the float64 evaluator's gradient is compared instead.
 */
import { existsSync, linkSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as ort from "onnxruntime-node";
import { differentiate } from "../../src/autodiff/differentiate.ts";
import type { Classifier } from "../../src/classifier/classifier.ts";
import { describeHead } from "../../src/classifier/network/head/head.ts";
import { affineOf, type Normalization } from "../../src/classifier/preprocessing/preprocessing.ts";
import { PerceptualBallError } from "../../src/errors.ts";
import {
  type FileClassifier,
  type LoadClassifierOptions,
  loadClassifier,
} from "../../src/node/models/load-classifier.ts";
import { readNpy } from "../../src/node/npy.ts";
import { evaluate } from "../../src/onnx/evaluate.ts";
import type { Graph } from "../../src/onnx/model.ts";
import { numeric } from "../../src/onnx/numeric-tensor.ts";
import { foldBatchNormalization } from "../../src/onnx/rewrites/fold-batch-normalization.ts";
import { describeRuntime } from "../../src/runtime/runtime.ts";
import { createSession, modelOf, type Session } from "../../src/runtime/session.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import type { ExportedCase, ExportRecord, Opened, PreprocessingFinding } from "./record.ts";

/** One, so that the time of the processor is that of the work, whatever else runs on the machine. */
const threads = 1;

/** What a request asks. */
interface Request {
  readonly folder: string;
  /** Whether the float64 evaluator is asked, on the first draw. */
  readonly exactly?: boolean;
}

/** One draw of an array that the exporter stacked. */
interface Draw {
  readonly dtype: "float32" | "float64";
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

async function drawsOf(folder: string, name: string): Promise<readonly Draw[] | undefined> {
  const path = join(folder, `${name}.npy`);
  if (!existsSync(path)) return undefined;
  const { data, shape: whole } = await readNpy(path);
  if (!(data instanceof Float32Array || data instanceof Float64Array)) throw new Error(`${name}.npy has no floats`);
  const [count, ...shape] = whole;
  const dtype = data instanceof Float64Array ? "float64" : "float32";
  const length = data.length / count;
  return Array.from({ length: count }, (_, i) => ({ dtype, shape, data: data.slice(i * length, (i + 1) * length) }));
}

async function givenDraws(folder: string, name: string): Promise<readonly Draw[]> {
  const draws = await drawsOf(folder, name);
  if (draws === undefined) throw new Error(`there is no ${name}.npy in ${folder}`);
  return draws;
}

/** ‖a − b‖₂ / ‖b‖₂; the largest number where that is none, which JSON can hold. */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.MAX_VALUE;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  const error = Math.sqrt(difference / norm);
  return Number.isFinite(error) ? error : Number.MAX_VALUE;
}

/** Scores less their mean: what a softmax sees of them. */
function centered(values: ArrayLike<number>): Float64Array {
  const all = Float64Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return all.map((value) => value - mean);
}

/** Whether two normalizations give the same numbers for all pixels, to a thousandth of their range. */
function isSame(found: Normalization, wanted: Normalization): boolean {
  const [a, b] = [affineOf(found), affineOf(wanted)];
  const isClose = (x: number, y: number, range: number) => Math.abs(x - y) <= 1e-3 * range;
  return b.factor.every((factor, c) => {
    const range = Math.abs(factor);
    return isClose(a.factor[c], factor, range) && isClose(a.offset[c], b.offset[c], range);
  });
}

function findingOf({ guess, input }: Classifier, { preprocessing: wanted }: ExportedCase): PreprocessingFinding {
  const { layout } = input;
  const scale = wanted.scale === 255 ? 255 : 1;
  const isRight =
    isSame(input, { ...wanted, scale, layout }) && (input.channelCount !== 3 || input.channels === wanted.channels);
  const { mean, std } = input;
  const found = guess.name ?? `mean ${mean.join(", ")}, std ${std.join(", ")}, scale ${input.scale}, ${input.channels}`;
  const isStated = !/^(the statistics|the model normalizes|the graph|usual)/.test(guess.reason);
  const certain = isRight ? (isStated ? "stated" : "inferred") : "wrong";
  const verdict = guess.isUncertain ? (isRight ? "guess right" : "guess wrong") : certain;
  return { verdict, found, reason: guess.reason };
}

/** The file as a user opens it, without a word; the refusal's own words if it does not open. */
async function open(path: string, options: Omit<LoadClassifierOptions, "runtime"> = {}) {
  try {
    return { classifier: await loadClassifier(path, { runtime: ort, threads, ...options }) };
  } catch (error) {
    if (error instanceof PerceptualBallError) return { refusal: error.message.replaceAll(path, "model.onnx") };
    throw error;
  }
}

function openedOf({ classifier, refusal }: Awaited<ReturnType<typeof open>>, about: ExportedCase): Opened {
  if (classifier === undefined) return { refusal };
  const { prepared } = classifier;
  return {
    head: describeHead(prepared.head),
    size: [prepared.height, prepared.width],
    preprocessing: findingOf(classifier, about),
  };
}

/** The classifier at the size of the draws, with what had to be given for that. */
async function classifierOf(
  path: string,
  about: ExportedCase,
  alone: Awaited<ReturnType<typeof open>>,
): Promise<{ readonly classifier: FileClassifier; readonly given?: string }> {
  const [height, width] = about.size;
  const isRight = ({ prepared }: FileClassifier) => prepared.height === height && prepared.width === width;
  if (alone.classifier !== undefined && isRight(alone.classifier)) return { classifier: alone.classifier };
  const { head, logits } = about.needs ?? {};
  const attempts = [{ inputSize: about.size }, ...(about.needs === undefined ? [] : [about.needs])];
  if (about.needs !== undefined) attempts.push({ ...about.needs, inputSize: about.size });
  for (const options of attempts) {
    const { classifier } = await open(path, options);
    if (classifier === undefined || !isRight(classifier)) continue;
    const flags = [
      ...("inputSize" in options ? [`--input-size ${height === width ? height : `${height}x${width}`}`] : []),
      ...(options === attempts[0] || head === undefined ? [] : [`--head ${head}`]),
      ...(options === attempts[0] || logits === undefined ? [] : [`--logits ${logits}`]),
    ];
    return { classifier, given: flags.join(" ") };
  }
  throw new Error(
    alone.refusal ?? `the model takes ${alone.classifier?.prepared.height} rows of pixels, not ${height}`,
  );
}

function withGradient({ prepared }: Classifier, graph: Graph, shape: readonly number[]): Graph {
  return differentiate(graph, {
    of: prepared.logits,
    wrt: [prepared.input],
    gradients: ["input_gradient"],
    inputShapes: { [prepared.input]: shape },
  });
}

/** The gradient's processor time over that of the plain forward pass of the user's own file, turn by turn: the least of each. */
async function ratioOf(path: string, { model, prepared }: Classifier, picture: Draw, gradient: () => Promise<unknown>) {
  const forward = await ort.InferenceSession.create(path, { intraOpNumThreads: threads, logSeverityLevel: 3 });
  const feeds: Record<string, ort.Tensor> = {};
  // Exporters of TensorFlow's functions declare inputs that nothing reads.
  for (const { name, shape = [] } of model.graph.inputs) {
    if (model.graph.initializers.has(name)) continue;
    const extents = shape.map((extent) => (typeof extent === "number" ? extent : 1));
    const zeros = new Float32Array(extents.reduce((product, extent) => product * extent, 1));
    feeds[name] = new ort.Tensor("float32", zeros, extents);
  }
  feeds[prepared.input] = new ort.Tensor(picture.dtype, picture.data, picture.shape);
  const clock = async (run: () => Promise<unknown>): Promise<number> => {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  let [forwardTime, gradientTime] = [Infinity, Infinity];
  const until = performance.now() + 1500;
  for (let i = 0; i < 40 && (i < 12 || performance.now() < until); i++) {
    forwardTime = Math.min(forwardTime, await clock(() => forward.run(feeds)));
    gradientTime = Math.min(gradientTime, await clock(gradient));
  }
  await forward.release();
  return gradientTime / forwardTime;
}

async function answer({ folder, exactly = false }: Request): Promise<Partial<ExportRecord>> {
  const path = join(folder, "model.onnx");
  const about: ExportedCase = JSON.parse(readFileSync(join(folder, "case.json"), "utf8"));
  const [inputs, cotangents, logits, gradients] = await Promise.all(
    ["input", "cotangent", "logits", "gradient"].map((name) => givenDraws(folder, name)),
  );
  const [exactLogits, exactGradients] = await Promise.all(
    ["logits64", "gradient64"].map((name) => drawsOf(folder, name)),
  );
  const aloneOpened = await open(path);
  const { classifier, given } = await classifierOf(path, about, aloneOpened);
  const { prepared } = classifier;
  const feeds = inputs.map((input, i) => ({ [prepared.input]: input, cotangent: cotangents[i] }));
  if (exactly) {
    const feed = Object.fromEntries(Object.entries(feeds[0]).map(([name, tensor]) => [name, numeric(tensor)]));
    const graph = withGradient(classifier, prepared.graph, inputs[0].shape);
    const found = evaluate(graph, feed, ["input_gradient"]).input_gradient;
    return { exactError: relativeError(found.data, (exactGradients ?? gradients)[0].data) };
  }
  const { preprocessing: _, beside: files, ...rest } = about;
  if (files.length > 0) linkSync(path, join(folder, "beside", "model.onnx"));
  const beside = files.length > 0 ? await open(join(folder, "beside", "model.onnx")) : undefined;
  const { graph } = foldBatchNormalization(prepared.graph, { keep: [prepared.logits] });
  const differentiated = modelOf(withGradient(classifier, graph, inputs[0].shape), { opsets: prepared.opsets });
  const session: Session = await createSession(differentiated, {
    runtime: ort,
    threads,
    weightsFolder: classifier.file.folder,
  });
  try {
    const found: Readonly<Record<string, Tensor>>[] = [];
    for (const feed of feeds) found.push(await session.run(feed));
    const ratio = await ratioOf(path, classifier, inputs[0], () => session.run(feeds[0], ["input_gradient"]));
    const reference = exactGradients ?? gradients;
    return {
      case: rest,
      runtime: describeRuntime(ort),
      alone: openedOf(aloneOpened, about),
      beside: beside && openedOf(beside, about),
      given,
      errors: found.map((one, i) => relativeError(numeric(one.input_gradient).data, reference[i].data)),
      referenceErrors: exactGradients && gradients.map(({ data }, i) => relativeError(data, exactGradients[i].data)),
      logitsErrors: found.map((one, i) =>
        relativeError(centered(numeric(one[prepared.logits]).data), centered((exactLogits ?? logits)[i].data)),
      ),
      processorRatio: ratio,
      operators: [...new Set(classifier.model.graph.nodes.map(({ opType }) => opType))].sort(),
    };
  } finally {
    await session.dispose();
    for (const one of [aloneOpened.classifier, beside?.classifier, classifier]) await one?.dispose();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let result: Partial<ExportRecord>;
  try {
    result = await answer(JSON.parse(line));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const folder = JSON.parse(line).folder;
    result = { failure: message.replaceAll(folder, ".").split("\n")[0] };
    if (process.env.CONFORMANCE_TRACE) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
