/**
 * @file Measures a default explanation against the authors' algorithm in PyTorch: `npx tsx bench/authors.ts MODEL.onnx PICTURE…`.
 *
 * Both explain the same pictures, in turn, after one that does not count; a ratio is the median of the pictures' ratios, with quartiles.
 * Start-up and the opening of sessions are left out on either side. RIVALS names the Pythons (with torch and onnx) whose PyTorch is compared with,
 * as for bench/run.ts; THREADS sets the threads of all, ITERATIONS those of the authors' search (100, as in their example). With THREADS=1 the ratios
 * of processor time hold on a busy machine as well. NORMALIZATION is what the network wants, imagenet or symmetric.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import * as ort from "onnxruntime-node";
import { oneOf } from "../src/errors.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { readImageFile } from "../src/node/pictures/read-image.ts";
import { perceptual } from "../src/saliency/perturbations/perceptual.ts";
import { quartiles } from "./measuring.ts";

const [model, ...pictures] = process.argv.slice(2);
if (model === undefined || pictures.length < 2) {
  process.stderr.write("bench/authors: wants a model and two pictures or more\n");
  process.exit(1);
}
const threads = Number(process.env.THREADS ?? 2);
const iterations = Number(process.env.ITERATIONS ?? 100);
const normalization = oneOf("NORMALIZATION", process.env.NORMALIZATION ?? "imagenet", ["imagenet", "symmetric"]);
const rivals = (process.env.RIVALS ?? "/usr/bin/python3").split(" ");

/** Seconds on the wall and of the processor, and whether the label has flipped. */
interface Explained {
  readonly wall: number;
  readonly cpu: number;
  readonly flipped: boolean;
}

async function startRival(rival: string) {
  const [program, ...more] = rival.split(":");
  const script = join(import.meta.dirname, "torch_authors.py");
  const child = spawn(program, [script, model, String(threads), normalization, ...more], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`bench/authors: ${program} gave no answer`);
    return value;
  };
  return {
    version: `PyTorch ${await next()}`,
    async explain(pixels: string): Promise<Explained> {
      child.stdin.write(`${pixels} ${iterations}\n`);
      const [wall, cpu, flipped] = (await next()).split(" ").map(Number);
      return { wall, cpu, flipped: flipped === 1 };
    },
    stop: () => child.stdin.end(),
  };
}

const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-authors-"));
const torches = await Promise.all(rivals.map(startRival));
const classifier = await loadClassifier(model, { runtime: ort, threads, preprocessing: normalization });
const ours: Explained[] = [];
const evaluations: number[] = [];
const theirs = torches.map((): Explained[] => []);
try {
  for (const [n, picture] of pictures.entries()) {
    const image = classifier.fit(await readImageFile(picture));
    const file = join(folder, "pixels");
    writeFileSync(file, new Uint8Array(image.data.buffer, image.data.byteOffset, image.data.byteLength));
    const [started, before] = [performance.now(), process.cpuUsage()];
    const explanation = await perceptual.explain(classifier, image);
    const wall = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(before);
    const answers: Explained[] = [];
    for (const { explain } of torches) answers.push(await explain(file));
    if (n === 0) continue;
    const { evaluations: cost, label, perturbation } = explanation;
    const data = image.data.map((x, i) => x + (perturbation?.data[i] ?? 0));
    const flipped = (await classifier.classify({ ...image, data })).label !== label;
    ours.push({ wall, cpu: (user + system) / 1e6, flipped });
    evaluations.push(cost.forward + cost.gradient);
    for (const [k, answer] of answers.entries()) theirs[k].push(answer);
  }
} finally {
  for (const { stop } of torches) stop();
  await classifier.dispose();
  rmSync(folder, { recursive: true, force: true });
}

const flips = (all: readonly Explained[]) => `${all.filter(({ flipped }) => flipped).length} of ${all.length} flipped`;
const walls = (all: readonly Explained[]) => all.map(({ wall }) => wall);
const lines = [
  `${basename(model)}, ${ours.length} pictures, ${threads} threads; seconds: median (quartiles)`,
  `ours by default: ${quartiles(walls(ours), 2)}; ${quartiles(evaluations, 0)} evaluations; ${flips(ours)}`,
  ...theirs.map((all, k) => {
    const wall = all.map((each, n) => each.wall / ours[n].wall);
    const cpu = all.map((each, n) => each.cpu / ours[n].cpu);
    return `${torches[k].version}, ${iterations} iterations: ${quartiles(walls(all), 2)}; ${flips(all)}; ratio ${quartiles(wall, 1)}, of processor time ${quartiles(cpu, 1)}`;
  }),
];
process.stdout.write(`${lines.join("\n")}\n`);
