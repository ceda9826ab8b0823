/**
 * @file Measures attacks against the gradients that they are made of, the detector against its noisy forward passes, and all of them
 * against PyTorch: `npx tsx bench/attacks.ts`. Needs ../shared/data (or $PERCEPTUAL_BALL_DATA), and /usr/bin/python3 with
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
import { perceptual } from "../src/attacks/perceptual/perceptual.ts";
import { pgd } from "../src/attacks/pgd.ts";
import { classificationOf } from "../src/classifier/logits.ts";
import { fitOdds } from "../src/detection/odds/fit-odds.ts";
import { detectionKinds } from "../src/detection/odds/noise.ts";
import { detectOdds } from "../src/detection/odds/odds.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import type { FloatTensor } from "../src/tensor/tensor.ts";
import { median, quartiles } from "./measuring.ts";

const data = process.env.PERCEPTUAL_BALL_DATA ?? resolve(import.meta.dirname, "../../shared/data");
const model = `${data}/models/cifar10_vgg7_bn.onnx`;
const size = (name: string, fallback: number) => Number(process.env[name] ?? fallback);
const [threads, count, steps, rounds] = [size("THREADS", 2), size("IMAGES", 64), size("STEPS", 20), size("ROUNDS", 3)];
const [batch, samples] = [Math.min(64, count), size("SAMPLES", 8)];
if (!existsSync(model)) {
  process.stderr.write(`bench/attacks: there is no ${model}\n`);
  process.exit(1);
}

/** Seconds on the wall and of the processor. */
interface Seconds {
  readonly wall: number;
  readonly cpu: number;
}

async function timed(work: () => Promise<unknown>): Promise<Seconds> {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wall: (performance.now() - started) / 1000, cpu: (user + system) / 1e6 };
}

const preprocessing = { scale: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], channels: "rgb" } as const;
const classifier = await loadClassifier(model, { runtime: ort, threads, preprocessing });
const records = readFileSync(`${data}/cifar10/test_batch.bin`);
const picture = (n: number): FloatTensor => ({
  dtype: "float32",
  shape: [3, 32, 32],
  data: Float32Array.from(records.subarray(n * 3073 + 1, (n + 1) * 3073), (byte) => byte / 255),
});
const images = Array.from({ length: count }, (_, n) => picture(n));
const pass = await classifier.backward({ of: "log-probabilities", batch: count });
const seeds = images.map(() => Float32Array.from({ length: 10 }, (_, j) => Number(j === 0)));
const points = images.map((image) => image.data);
const inputs = points.map((image, n) => ({ image, seed: seeds[n] }));

const python = spawn("/usr/bin/python3", [`${import.meta.dirname}/torch_attacks.py`, model, String(threads)], {
  stdio: ["pipe", "pipe", "inherit"],
});
const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
async function torch(what: string, repeats = steps): Promise<Seconds> {
  python.stdin.write(`${what} ${count} ${repeats}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error("bench/attacks: PyTorch gave no answer");
  const [wall, cpu] = value.split(" ").map(Number);
  return { wall, cpu };
}

const options = { batch: count };
const forward = await classifier.forward({ batch });
const named = images.map(({ data: pixels }, n) => ({ id: String(n), pixels }));
// At least three images of a class make statistics, however few are measured.
const fitted = Array.from({ length: 64 }, (_, n) => ({ id: String(n), pixels: picture(n).data }));
const fitting = await classifier.forward({ batch: fitted.length });
const predicted = await fitting.run(fitted.map(({ pixels }) => pixels));
const labeled = fitted.map((image, n) => ({ ...image, label: classificationOf(predicted[n]).label }));
const statistics = await fitOdds(fitting, labeled, { samples: 2 });
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

type Work = keyof typeof works;
/** What each round took, here and in PyTorch. */
const rounded: Record<Work, { readonly own: Seconds; readonly torch: Seconds }>[] = [];
for (let round = 0; round < rounds; round++) {
  const own = {
    gradient: await timed(works.gradient),
    pgd: await timed(works.pgd),
    perceptual: await timed(works.perceptual),
    forward: await timed(works.forward),
    detector: await timed(works.detector),
  };
  rounded.push({
    gradient: { own: own.gradient, torch: await torch("gradient") },
    pgd: { own: own.pgd, torch: await torch("pgd") },
    perceptual: { own: own.perceptual, torch: await torch("perceptual") },
    forward: { own: own.forward, torch: await torch("forward", samples) },
    detector: { own: own.detector, torch: await torch("detector", samples) },
  });
}
python.stdin.end();
await classifier.dispose();

process.stdout.write(
  `${count} images, ${steps} steps; detector: ${samples} samples of ${detectionKinds.length} kinds; ${threads} threads, ${rounds} rounds\n`,
);
for (const clock of ["wall", "cpu"] as const) {
  const line = (what: Work, base?: { readonly work: Work; readonly name: string }) => {
    const seconds = median(rounded.map((round) => round[what].own[clock])).toFixed(2);
    const overBase = ({ work, name }: { readonly work: Work; readonly name: string }) =>
      ` = ${quartiles(rounded.map((round) => round[what].own[clock] / round[work].own[clock]))} × ${name}`;
    const overTorch = quartiles(rounded.map((round) => round[what].own[clock] / round[what].torch[clock]));
    const share = base === undefined ? "" : overBase(base);
    process.stdout.write(`${clock}: ${what} ${seconds} s${share}, ${overTorch} × PyTorch's\n`);
  };
  line("pgd", { work: "gradient", name: `${steps} gradients` });
  line("perceptual", { work: "gradient", name: `${steps} gradients` });
  line("detector", { work: "forward", name: "its forward passes" });
  line("gradient");
  line("forward");
}
