/**
 * @file Measures what the README and bench/RESULTS.md say about speed and memory: `npm run bench` (after a build).
 *
 * The runs that a ratio compares are interleaved, A B A B …, in one process (PyTorch in a child that answers on request), and
 * the ratio is the median over the pairs: shared machines drift. Networks with random weights are exported by bench/export.py,
 * which needs python3-torch and python3-torchvision; without them there is nothing to compare with. Names of networks restrict
 * the run and write no report; --quick takes fewer rounds; THREADS=1 sets the threads.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as ort from "onnxruntime-node";
import { perceptual } from "../dist/attacks/perceptual/perceptual.js";
import { automaticLayers } from "../dist/attacks/perceptual/perceptual-layers.js";
import { loadClassifier } from "../dist/node/load-classifier.js";

const python = "/usr/bin/python3";
const here = import.meta.dirname;
const threads = Number(process.env.THREADS ?? 2);
const pairs = process.argv.includes("--quick") ? 7 : 21;
const sizes = { vgg19_bn: 224, resnet50: 224, mobilenet_v2: 224, squeezenet1_1: 224, cifar_vgg7: 32 };

const othersHeading = "## Explanations and attacks";

const sorted = (values) => values.toSorted((a, b) => a - b);
const quantile = (values, q) => sorted(values)[Math.min(values.length - 1, Math.floor(q * values.length))];
const median = (values) => quantile(values, 0.5);

/**
 * Runs per round, of which the fastest counts: what takes milliseconds is at the mercy of whatever else the machine does, and the first
 * run after another program's finds caches cold and threads asleep. Long runs are measured once.
 */
const repeatsOf = { vgg19_bn: 1, resnet50: 1 };

async function fastest(repeats, run) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repeats; i++) {
    const started = performance.now();
    await run();
    least = Math.min(least, performance.now() - started);
  }
  return least;
}

/** The runtime with every run timed. */
function timed() {
  const spent = { ms: 0 };
  const InferenceSession = {
    async create(...parts) {
      const session = await ort.InferenceSession.create(...parts);
      return {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        release: () => session.release(),
        async run(...run) {
          const started = performance.now();
          const results = await session.run(...run);
          spent.ms += performance.now() - started;
          return results;
        },
      };
    },
  };
  return { runtime: { InferenceSession, Tensor: ort.Tensor, env: ort.env }, spent };
}

const picture = (shape) => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(
    { length: shape[0] * shape[1] * shape[2] },
    (_, i) => 0.5 + 0.4 * Math.sin(0.1 * i) * Math.cos(0.013 * i),
  ),
});

/** The perturbation that explains an image. */
function explained(classifier, image, options) {
  return perceptual.attack(classifier, image, { preset: "auto", distanceLayers: "search", ...options });
}

/** One explanation in a process of its own: seconds, the share of it outside the runtime, and the peak of its memory. */
async function explain(path, lowMemory) {
  const { runtime, spent } = timed();
  const classifier = await loadClassifier(path, { runtime, threads, preprocessing: "imagenet", lowMemory });
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
  process.stdout.write(JSON.stringify({ total, evaluations, share: 1 - spent.ms / total, peak }));
}

if (process.argv[2] === "--explain") {
  await explain(process.argv[3], process.argv[4] === "low");
} else {
  await bench();
}

async function bench() {
  const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-bench-"));
  const server = spawn(python, [join(here, "torch_server.py"), String(threads)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const torch = async (name) => {
    server.stdin.write(`${name}\n`);
    return (await answers.next()).value.split(" ").map(Number);
  };
  const rows = [];
  try {
    const chosen = process.argv.slice(2).filter((argument) => argument in sizes);
    for (const [name, size] of Object.entries(sizes)) {
      if (chosen.length > 0 && !chosen.includes(name)) continue;
      execFileSync(python, [join(here, "export.py"), folder, name], { stdio: ["ignore", "ignore", "inherit"] });
      const path = join(folder, `${name}.onnx`);
      const options = { intraOpNumThreads: threads, logSeverityLevel: 3 };
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
      const [f, g, tf, tg] = [[], [], [], []];
      const repeats = repeatsOf[name] ?? 5;
      for (let pair = -3; pair < pairs; pair++) {
        const forwardMs = await fastest(repeats, () => forward.run(feeds));
        const gradientMs = await fastest(repeats, () => objective.run([{ image: point, problem }]));
        const answers = [];
        for (let i = 0; i < repeats; i++) answers.push(await torch(name));
        const [torchForward, torchGradient] = [0, 1].map((column) =>
          Math.min(...answers.map((times) => times[column])),
        );
        if (pair < 0) continue;
        f.push(forwardMs);
        g.push(gradientMs);
        tf.push(torchForward);
        tg.push(torchGradient);
      }
      await forward.release();
      await classifier.dispose();
      const measure = (...flags) =>
        JSON.parse(
          execFileSync(process.execPath, [import.meta.filename, "--explain", path, ...flags], { encoding: "utf8" }),
        );
      // The share is the median of three processes, the peak the largest of them.
      const explanations = [measure(), measure(), measure()].toSorted((a, b) => a.share - b.share);
      const explanation = { ...explanations[1], peak: Math.max(...explanations.map(({ peak }) => peak)) };
      const lean = name === "vgg19_bn" ? measure("low") : undefined;
      rows.push({ name, f, g, tf, tg, explanation, lean });
      rmSync(path);
      process.stderr.write(`${name} done\n`);
    }
  } finally {
    server.stdin.end();
    rmSync(folder, { recursive: true, force: true });
  }
  if (rows.length < Object.keys(sizes).length) {
    for (const { name, f, g, tg } of rows)
      process.stdout.write(`${name}: ${median(f)} ${median(g)} ${median(tg)} ms\n`);
    return;
  }
  const text = document(rows);
  // What other scripts measured follows, and stays.
  const results = join(here, "RESULTS.md");
  const [, others] = readFileSync(results, "utf8").split(othersHeading);
  writeFileSync(results, others === undefined ? text : `${text}\n${othersHeading}${others}`);
  process.stdout.write(text);
}

function document(rows) {
  const ratios = (a, b) => a.map((value, i) => value / b[i]);
  const spread = (values) =>
    `${median(values).toFixed(2)} (${quantile(values, 0.25).toFixed(2)}–${quantile(values, 0.75).toFixed(2)})`;
  const ms = (values) => median(values).toFixed(1);
  const speed = rows.map(
    ({ name, f, g, tf, tg }) =>
      `| ${name} | ${ms(f)} | ${ms(g)} | ${spread(ratios(g, f))} | ${ms(tf)} | ${ms(tg)} | ${spread(ratios(g, tg))} |`,
  );
  const explanations = rows.flatMap(({ name, explanation, lean }) =>
    [explanation, ...(lean ? [lean] : [])].map(
      ({ total, evaluations, share, peak }, i) =>
        `| ${name}${i === 1 ? ", low memory" : ""} | ${evaluations} | ${(total / 1000).toFixed(1)} s | ${(100 * share).toFixed(0)} % | ${(peak / 1024).toFixed(2)} GB |`,
    ),
  );
  const ratioOf = (name) =>
    median(ratios(rows.find((row) => row.name === name).g, rows.find((row) => row.name === name).f));
  const row = (name) => rows.find((each) => each.name === name);
  const verdict = (what, value, limit, format = (x) => x.toFixed(2)) =>
    `| ${what} | ${format(limit)} | ${format(value)} | ${value <= limit ? "met" : "missed"} |`;
  const percent = (x) => `${(100 * x).toFixed(0)} %`;
  const slowest = Math.max(...rows.map(({ g, tg }) => median(ratios(g, tg))));
  return `# Speed and memory, as measured

\`npm run bench\` wrote this on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.versions.node}, onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}, Debian's PyTorch 1.13, ${threads} threads for both.
Random weights, one image, ${pairs} interleaved rounds; times are medians in milliseconds, ratios are medians over the rounds with
their quartiles. Of the three small networks each round counts the fastest of five runs. The machine is a shared one: trust the ratios, not the times.

"Value and gradient" is objective (4) with the layers of the automatic preset in one session run, preprocessing included;
PyTorch's is forward and backward of a margin with respect to the input, without the perceptual term.

| network | forward | value and gradient | ratio to forward | PyTorch forward | PyTorch forward + backward | ratio to PyTorch's |
|---|---|---|---|---|---|---|
${speed.join("\n")}

An explanation of 30 L-BFGS iterations (history 10, constraint \`range\`) in a process of its own, the median of three such processes. "Outside" is the share of the time
that is not spent in the runtime: the optimizer and what is around it. The peak is that of the whole process.

| network | evaluations | time | outside | peak memory |
|---|---|---|---|---|
${explanations.join("\n")}

| target | at most | measured | |
|---|---|---|---|
${[
  verdict("value and gradient over forward, VGG-19-BN", ratioOf("vgg19_bn"), 2.5),
  verdict("value and gradient over forward, SqueezeNet 1.1", ratioOf("squeezenet1_1"), 3),
  verdict("time over PyTorch's, the slowest of the five", slowest, 1),
  verdict("outside the runtime, VGG-19-BN", row("vgg19_bn").explanation.share, 0.1, percent),
  verdict("outside the runtime, SqueezeNet 1.1", row("squeezenet1_1").explanation.share, 0.3, percent),
  verdict("peak memory, VGG-19-BN", row("vgg19_bn").explanation.peak / 1024, 2, (x) => `${x.toFixed(2)} GB`),
].join("\n")}
`;
}
