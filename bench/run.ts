/**
 * @file Measures what the README and bench/RESULTS.md say about speed and memory: `npm run bench`.
 *
 * The runs that a ratio compares are interleaved, A B A B …, in one process (PyTorch in a child that answers on request), and
 * the ratio is the median over the pairs: shared machines drift. Networks with random weights are exported by bench/export.py,
 * which needs python3-torch and python3-torchvision; without them there is nothing to compare with. RIVALS names the Pythons whose PyTorch is
 * compared with, "python3 /opt/torch/bin/python"; ":compile" behind one takes torch.compile. Names of networks restrict
 * the run and write no report; --quick takes fewer rounds; THREADS=1 sets the threads.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as ort from "onnxruntime-node";
import { perceptual } from "../src/attacks/perceptual/perceptual.ts";
import { automaticLayers } from "../src/attacks/perceptual/perceptual-layers.ts";
import type { PerceptualOptions } from "../src/attacks/perceptual/perceptual-options.ts";
import type { Classifier } from "../src/classifier/classifier.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import type { Runtime } from "../src/runtime/runtime.ts";
import type { FloatTensor } from "../src/tensor/tensor.ts";
import { median, quartiles, timed, turn } from "./measuring.ts";

const python = "/usr/bin/python3";
const rivals = (process.env.RIVALS ?? python).split(" ");
const here = import.meta.dirname;
const threads = Number(process.env.THREADS ?? 2);
const pairs = process.argv.includes("--quick") ? 7 : 21;
const sizes: Readonly<Record<string, number>> = {
  vgg19_bn: 224,
  resnet50: 224,
  mobilenet_v2: 224,
  squeezenet1_1: 224,
  cifar_vgg7: 32,
};

const othersHeading = "## Explanations and attacks";

/** Runs per turn, where they are not five. */
const repeatsOf: Readonly<Record<string, number>> = { vgg19_bn: 2, resnet50: 2 };

/** Milliseconds in the runtime's runs. */
const spent = { ms: 0 };

/** The runtime with every run timed in `spent`. */
const timedRuntime: Runtime = {
  InferenceSession: {
    async create(...given: readonly unknown[]) {
      const session: ort.InferenceSession = await Reflect.apply(
        ort.InferenceSession.create,
        ort.InferenceSession,
        given,
      );
      const { run } = session;
      session.run = async (...inputs: readonly unknown[]) => {
        const started = performance.now();
        const results: ort.InferenceSession.ReturnType = await Reflect.apply(run, session, inputs);
        spent.ms += performance.now() - started;
        return results;
      };
      return session;
    },
  },
  Tensor: ort.Tensor,
  env: ort.env,
};

const picture = (shape: readonly number[]): FloatTensor => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(
    { length: shape[0] * shape[1] * shape[2] },
    (_, i) => 0.5 + 0.4 * Math.sin(0.1 * i) * Math.cos(0.013 * i),
  ),
});

/** The perturbation that explains an image. */
function explained(classifier: Classifier, image: FloatTensor, options: PerceptualOptions) {
  return perceptual.attack(classifier, image, { preset: "auto", distanceLayers: "search", ...options });
}

/** What one explanation costs. */
interface ExplanationCost {
  /** Milliseconds. */
  readonly total: number;
  readonly evaluations: number;
  /** Of the time, outside the runtime. */
  readonly share: number;
  /** Megabytes. */
  readonly peak: number;
}

/** What was measured of a PyTorch: times in milliseconds, one for each round. */
interface TorchTimes {
  readonly version: string;
  readonly gradient: number[];
}

/** A PyTorch in a child process. */
interface Rival {
  readonly version: string;
  /** Milliseconds of a run forward and back. */
  time(name: string): Promise<number>;
  stop(): void;
}

async function startRival(rival: string): Promise<Rival> {
  const [program, ...more] = rival.split(":");
  const server = spawn(program, [join(here, "torch_server.py"), String(threads), ...more], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`bench/run: ${program} gave no answer`);
    return value;
  };
  return {
    version: await next(),
    async time(name) {
      server.stdin.write(`${name}\n`);
      const [, gradient] = (await next()).split(" ").map(Number);
      return gradient;
    },
    stop: () => server.stdin.end(),
  };
}

/** What was measured of one network: times in milliseconds, one for each round. */
interface Row {
  readonly name: string;
  readonly forward: readonly number[];
  readonly gradient: readonly number[];
  /** Of each of the rivals. */
  readonly torch: readonly TorchTimes[];
  readonly explanation: ExplanationCost;
  /** Of an explanation that trades speed for memory. */
  readonly lean: ExplanationCost | undefined;
}

/** One explanation in a process of its own: seconds, the share of it outside the runtime, and the peak of its memory. */
async function explain(path: string, lowMemory: boolean): Promise<void> {
  const classifier = await loadClassifier(path, {
    runtime: timedRuntime,
    threads,
    preprocessing: "imagenet",
    // Without, the library chooses.
    ...(lowMemory ? { lowMemory } : {}),
  });
  const image = picture([3, classifier.input.height, classifier.input.width]);
  // At a fixed strength, so that random weights run through the same number of iterations as trained ones.
  await explained(classifier, image, { perceptualWeight: 1, iterations: 3, margin: -1e3 });
  spent.ms = 0;
  const started = performance.now();
  const { cost } = await explained(classifier, image, { perceptualWeight: 1, iterations: 30, margin: -1e3 });
  const total = performance.now() - started;
  const evaluations = cost.forward + cost.gradient;
  await classifier.dispose();
  const peak = process.resourceUsage().maxRSS / 1024;
  const explanation: ExplanationCost = { total, evaluations, share: 1 - spent.ms / total, peak };
  process.stdout.write(JSON.stringify(explanation));
}

if (process.argv[2] === "--explain") {
  await explain(process.argv[3], process.argv[4] === "low");
} else {
  await bench();
}

async function bench() {
  const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-bench-"));
  const torches = await Promise.all(rivals.map(startRival));
  const rows: Row[] = [];
  try {
    const chosen = process.argv.slice(2).filter((argument) => argument in sizes);
    for (const [name, size] of Object.entries(sizes)) {
      if (chosen.length > 0 && !chosen.includes(name)) continue;
      execFileSync(python, [join(here, "export.py"), folder, name], { stdio: ["ignore", "ignore", "inherit"] });
      const path = join(folder, `${name}.onnx`);
      const options = { intraOpNumThreads: threads, logSeverityLevel: 3 } as const;
      const forward = await ort.InferenceSession.create(path, options);
      const classifier = await loadClassifier(path, { runtime: ort, threads, preprocessing: "imagenet" });
      const layers = automaticLayers(classifier);
      const [references, objective] = [await classifier.references({ layers }), await classifier.objective({ layers })];
      const image = picture([3, size, size]);
      const [reference] = await references.run([image.data]);
      const layerWeights = layers.map(() => 1e-6);
      const problem = { reference, classIndex: 0, marginTarget: -1, layerWeights, distanceWeight: 0 };
      const point = image.data.map((x, i) => x + 1e-3 * Math.sin(i));
      const feeds = { [forward.inputNames[0]]: new ort.Tensor("float32", image.data, [1, 3, size, size]) };
      const [forwardTimes, gradientTimes]: [number[], number[]] = [[], []];
      const torch = torches.map(({ version }): TorchTimes => ({ version, gradient: [] }));
      const repeats = repeatsOf[name] ?? 5;
      for (let pair = -3; pair < pairs; pair++) {
        const forwardMs = await turn(() => timed(() => forward.run(feeds)), repeats);
        const gradientMs = await turn(() => timed(() => objective.run([{ image: point, problem }])), repeats);
        const torchMs: number[] = [];
        for (const { time } of torches) torchMs.push(await turn(() => time(name), repeats));
        if (pair < 0) continue;
        forwardTimes.push(forwardMs);
        gradientTimes.push(gradientMs);
        for (const [k, times] of torch.entries()) times.gradient.push(torchMs[k]);
      }
      await forward.release();
      await classifier.dispose();
      const measure = (...flags: readonly string[]): ExplanationCost =>
        JSON.parse(
          execFileSync(
            process.execPath,
            ["--import", import.meta.resolve("tsx"), import.meta.filename, "--explain", path, ...flags],
            { encoding: "utf8" },
          ),
        );
      // The share is the median of three processes, the peak the largest of them.
      const explanations = [measure(), measure(), measure()].toSorted((a, b) => a.share - b.share);
      rows.push({
        name,
        forward: forwardTimes,
        gradient: gradientTimes,
        torch,
        explanation: { ...explanations[1], peak: Math.max(...explanations.map(({ peak }) => peak)) },
        lean: name === "vgg19_bn" ? measure("low") : undefined,
      });
      rmSync(path);
      process.stderr.write(`${name} done\n`);
    }
  } finally {
    for (const { stop } of torches) stop();
    rmSync(folder, { recursive: true, force: true });
  }
  if (rows.length < Object.keys(sizes).length) {
    for (const { name, forward, gradient, torch, explanation } of rows) {
      const ratioTo = (times: readonly number[]) => median(gradient.map((ms, i) => ms / times[i])).toFixed(2);
      const beside = torch.map(
        (rival) => `${rival.version} ${median(rival.gradient).toFixed(2)} ms (${ratioTo(rival.gradient)})`,
      );
      process.stdout.write(
        `${name}: forward ${median(forward).toFixed(2)}, gradient ${median(gradient).toFixed(2)} ms (${ratioTo(forward)}), PyTorch ${beside.join(", ")}; ` +
          `outside the runtime ${(100 * explanation.share).toFixed(0)} %, ${explanation.peak.toFixed(0)} MB at the peak\n`,
      );
    }
    return;
  }
  const text = document(rows);
  // What other scripts measured follows, and stays.
  const results = join(here, "RESULTS.md");
  const [, others] = readFileSync(results, "utf8").split(othersHeading);
  writeFileSync(results, others === undefined ? text : `${text}\n${othersHeading}${others}`);
  process.stdout.write(text);
}

/** RESULTS.md for the rows of all networks. */
function document(rows: readonly Row[]): string {
  const ratios = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value / b[i]);
  const ms = (values: readonly number[]) => median(values).toFixed(1);
  const versions = rows[0].torch.map(({ version }) => version);
  const speed = rows.map(({ name, forward, gradient, torch }) => {
    const beside = torch.map((rival) => `${ms(rival.gradient)} | ${quartiles(ratios(gradient, rival.gradient))} |`);
    return `| ${name} | ${ms(forward)} | ${ms(gradient)} | ${quartiles(ratios(gradient, forward))} | ${beside.join(" ")}`;
  });
  const explanations = rows.flatMap(({ name, explanation, lean }) =>
    [explanation, ...(lean ? [lean] : [])].map(
      ({ total, evaluations, share, peak }, i) =>
        `| ${name}${i === 1 ? ", low memory" : ""} | ${evaluations} | ${(total / 1000).toFixed(1)} s | ${(100 * share).toFixed(0)} % | ${(peak / 1024).toFixed(2)} GB |`,
    ),
  );
  const row = (name: string): Row => {
    const found = rows.find((each) => each.name === name);
    if (found === undefined) throw new Error(`bench/run: ${name} was not measured`);
    return found;
  };
  const ratioOf = (name: string) => median(ratios(row(name).gradient, row(name).forward));
  const verdict = (what: string, value: number, limit: number, format = (x: number) => x.toFixed(2)) =>
    `| ${what} | ${format(limit)} | ${format(value)} | ${value <= limit ? "met" : "missed"} |`;
  const percent = (x: number) => `${(100 * x).toFixed(0)} %`;
  /** The largest ratio to any of the rivals among some networks. */
  const slowest = (names: readonly string[]): number =>
    Math.max(
      ...names
        .map(row)
        .flatMap(({ gradient, torch }) => torch.map((rival) => median(ratios(gradient, rival.gradient)))),
    );
  return `# Speed and memory, as measured

\`npm run bench\` wrote this on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.versions.node}, onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}, PyTorch ${versions.join(" and ")}, ${threads} threads for all.
Random weights, one image, ${pairs} rounds in which all take turns; times are medians in milliseconds, ratios are medians over the rounds with
their quartiles. In each turn, after a pause, one run goes before that does not count, and the fastest of five counts, of the two large networks that of two. The machine is a shared one: trust
the ratios, not the times.

"Value and gradient" is objective (4) with the layers of the automatic preset in one session run, preprocessing included;
PyTorch's is forward and backward of a margin with respect to the input, without the perceptual term.

| network | forward | value and gradient | ratio to forward |${versions.map((version) => ` PyTorch ${version}: forward + backward | ratio to it |`).join("")}
|---|---|---|---|${versions.map(() => "---|---|").join("")}
${speed.join("\n")}

An explanation of 30 L-BFGS iterations (history 10, constraint \`range\`) in a process of its own, the median of three such processes. "Outside" is the share of the time
that is not spent in the runtime: the optimizer and what is around it. The peak is that of the whole process.

| network | evaluations | time | outside | peak memory |
|---|---|---|---|---|
${explanations.join("\n")}

| target | at most | measured | |
|---|---|---|---|
${[
  verdict("value and gradient over forward, VGG-19-BN", ratioOf("vgg19_bn"), 2.2),
  verdict("value and gradient over forward, ResNet-50", ratioOf("resnet50"), 2.5),
  verdict("value and gradient over forward, MobileNetV2", ratioOf("mobilenet_v2"), 3.3),
  verdict("value and gradient over forward, SqueezeNet 1.1", ratioOf("squeezenet1_1"), 3.2),
  verdict("value and gradient over forward, CIFAR VGG-7", ratioOf("cifar_vgg7"), 2.3),
  verdict("time over PyTorch's, the slowest of the two large", slowest(["vgg19_bn", "resnet50"]), 0.75),
  verdict(
    "time over PyTorch's, the slowest of the three small",
    slowest(["mobilenet_v2", "squeezenet1_1", "cifar_vgg7"]),
    0.5,
  ),
  verdict("outside the runtime, SqueezeNet 1.1", row("squeezenet1_1").explanation.share, 0.08, percent),
  verdict("outside the runtime, MobileNetV2", row("mobilenet_v2").explanation.share, 0.08, percent),
  verdict("peak memory, VGG-19-BN", row("vgg19_bn").explanation.peak / 1024, 1.2, (x) => `${x.toFixed(2)} GB`),
].join("\n")}
`;
}
