/**
 * @file Measures attacks against the gradients that they are made of, the detector against its noisy forward passes, and all of them
 * against PyTorch: `node bench/attacks.mjs` (after a build). Needs ../shared/data (or $PERCEPTUAL_BALL_DATA), and /usr/bin/python3 with
 * torch and onnx.
 *
 * Everything is interleaved, and a ratio is the median of the rounds' ratios, with their quartiles. With THREADS=1 the ratios of CPU time hold on a busy machine
 * as well; with more threads only the wall clock counts, since waiting threads spin. IMAGES, STEPS, SAMPLES (of the detector) and
 * ROUNDS set the size.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import * as ort from "onnxruntime-node";
import { perceptual } from "../dist/attacks/perceptual/perceptual.js";
import { pgd } from "../dist/attacks/pgd.js";
import { fitOdds } from "../dist/detection/fit-odds.js";
import { detectionKinds } from "../dist/detection/noise.js";
import { detectOdds } from "../dist/detection/odds.js";
import { loadClassifier } from "../dist/node/load-classifier.js";

const data = process.env.PERCEPTUAL_BALL_DATA ?? resolve(import.meta.dirname, "../../shared/data");
const model = `${data}/models/cifar10_vgg7_bn.onnx`;
const size = (name, fallback) => Number(process.env[name] ?? fallback);
const [threads, count, steps, rounds] = [size("THREADS", 2), size("IMAGES", 64), size("STEPS", 20), size("ROUNDS", 3)];
const [batch, samples] = [64, size("SAMPLES", 8)];
if (!existsSync(model)) {
  process.stderr.write(`bench/attacks: there is no ${model}\n`);
  process.exit(1);
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Seconds on the wall and of the processor. */
async function timed(work) {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wall: (performance.now() - started) / 1000, cpu: (user + system) / 1e6 };
}

const preprocessing = { scale: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], channels: "rgb" };
const classifier = await loadClassifier(model, { runtime: ort, threads, preprocessing });
const records = readFileSync(`${data}/cifar10/test_batch.bin`);
const images = Array.from({ length: count }, (_, n) => ({
  dtype: "float32",
  shape: [3, 32, 32],
  data: Float32Array.from(records.subarray(n * 3073 + 1, (n + 1) * 3073), (byte) => byte / 255),
}));
const pass = await classifier.backward({ of: "log-probabilities", batch: count });
const seeds = images.map(() => Float32Array.from({ length: 10 }, (_, j) => Number(j === 0)));
const points = images.map((image) => image.data);
const inputs = points.map((image, n) => ({ image, seed: seeds[n] }));

const python = spawn("/usr/bin/python3", [`${import.meta.dirname}/torch_attacks.py`, model, String(threads)], {
  stdio: ["pipe", "pipe", "inherit"],
});
const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
async function torch(what, repeats = steps) {
  python.stdin.write(`${what} ${count} ${repeats}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error("bench/attacks: PyTorch gave no answer");
  const [wall, cpu] = value.split(" ").map(Number);
  return { wall, cpu };
}

const options = { batch: count };
const forward = await classifier.forward({ batch });
const named = images.map(({ data: pixels }, n) => ({ id: String(n), pixels }));
const own = await forward.run(named.map(({ pixels }) => pixels));
const statistics = await fitOdds(
  forward,
  named.map((image, n) => ({ ...image, label: own[n].indexOf(Math.max(...own[n])) })),
  { samples: 2 },
);
const block = Array.from({ length: batch }, (_, n) => points[n % count]);
const noisyRuns = (count * samples * detectionKinds.length) / batch;
const works = {
  // As many in a row as an attack makes: one alone between other work finds cold caches or a rested processor.
  async gradient() {
    for (let step = 0; step < steps; step++) await pass.run(inputs);
  },
  pgd: () => pgd.attack(classifier, images, { ...options, steps }),
  // A margin out of reach, so that no image ends before its last iteration.
  perceptual: () => perceptual.attack(classifier, images, { ...options, iterations: steps, margin: -100 }),
  async forward() {
    for (let run = 0; run < noisyRuns; run++) await forward.run(block);
  },
  detector: () => detectOdds(forward, statistics, named, { samples }),
};
for (const work of [() => pass.run(inputs), () => pgd.attack(classifier, images, { ...options, steps: 1 })])
  await work();
await perceptual.attack(classifier, images, { ...options, iterations: 2 });
await torch("gradient", 1);
await torch("detector", 1);

const times = Object.fromEntries(Object.keys(works).flatMap((what) => [what, `torch ${what}`].map((one) => [one, []])));
for (let round = 0; round < rounds; round++) {
  for (const what of Object.keys(works)) times[what].push(await timed(works[what]));
  for (const what of ["gradient", "pgd", "perceptual"]) times[`torch ${what}`].push(await torch(what));
  for (const what of ["forward", "detector"]) times[`torch ${what}`].push(await torch(what, samples));
}
python.stdin.end();
await classifier.dispose();

process.stdout.write(
  `${count} images, ${steps} steps; detector: ${samples} samples of ${detectionKinds.length} kinds; ${threads} threads, ${rounds} rounds\n`,
);
const quartiles = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))].toFixed(2);
  return `${at(0.5)} (${at(0.25)}–${at(0.75)})`;
};
for (const clock of ["wall", "cpu"]) {
  const ratio = (what, base) => quartiles(times[what].map((one, round) => one[clock] / times[base][round][clock]));
  const line = (what, base, of) => {
    const seconds = median(times[what].map((one) => one[clock])).toFixed(2);
    const share = base === undefined ? "" : ` = ${ratio(what, base)} × ${of}`;
    process.stdout.write(`${clock}: ${what} ${seconds} s${share}, ${ratio(what, `torch ${what}`)} × PyTorch's\n`);
  };
  line("pgd", "gradient", `${steps} gradients`);
  line("perceptual", "gradient", `${steps} gradients`);
  line("detector", "forward", "its forward passes");
  line("gradient");
  line("forward");
}
