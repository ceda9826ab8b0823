/**
 * @file What attacks take beyond the runs of the network that they are made of, and, where the authors' code is at hand, beside that:
 *
 *     npx tsx bench/attack-overhead.ts [python3 AUTOATTACK ONNX2TORCH FOOLBOX]
 *
 * with a checkout of github.com/fra31/auto-attack (commit a392200) and folders from which onnx2torch and foolbox can be imported. Needs ../shared/data (or $PERCEPTUAL_BALL_DATA). APGD is
 * measured by its gradients, Square and HopSkipJump by their runs forward, in the same batches, ResNet-20 on CIFAR-10, one thread, CPU time, interleaved; ratios are medians of the rounds' ratios,
 * with all of them behind. ROUNDS and IMAGES set the size.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import * as ort from "onnxruntime-node";
import { apgd } from "../src/attacks/autoattack/apgd.ts";
import { fab } from "../src/attacks/autoattack/fab.ts";
import { square } from "../src/attacks/autoattack/square.ts";
import { lpa } from "../src/attacks/lpips/lpa.ts";
import { ppgd } from "../src/attacks/lpips/ppgd.ts";
import { ead } from "../src/attacks/minimal/ead.ts";
import { fmn } from "../src/attacks/minimal/fmn.ts";
import { hopskipjump } from "../src/attacks/minimal/hopskipjump.ts";
import { sparsefool } from "../src/attacks/minimal/sparsefool.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { median } from "./measuring.ts";

const data = process.env.PERCEPTUAL_BALL_DATA ?? resolve(import.meta.dirname, "../../shared/data");
const model = `${data}/models/cifar10_resnet20_bn.onnx`;
const [rounds, count] = [Number(process.env.ROUNDS ?? 5), Number(process.env.IMAGES ?? 32)];
const classifier = await loadClassifier(model, { runtime: ort, threads: 1, preprocessing: "imagenet" });
const raw = readFileSync(`${data}/cifar10/test_batch.bin`);
const images = Array.from({ length: count }, (_, n) =>
  floatTensor(
    Float32Array.from(raw.subarray(n * 3073 + 1, (n + 1) * 3073), (byte) => byte / 255),
    [3, 32, 32],
  ),
);
const points = images.map((image) => image.data);

async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const backward = await classifier.backward({ of: "log-probabilities", batch: count });
const forward = await classifier.forward({ batch: count });
const seed = Float32Array.from({ length: 10 }, (_, k) => (k === 0 ? -1 : 0));
const inputs = points.map((image) => ({ image, seed }));
const block = Array.from({ length: 64 }, (_, n) => points[n % count]);
// A radius within which nothing falls, so that nobody ends early; the frame is measured by itself, with a few steps.
const [few, steps, queries] = [3, 25, 60];
const common = { batch: count, rounding: "none", distanceLayers: [] } as const;
const ball = { ...common, epsilon: 1e-5 };
const jumps = { ...common, steps: 6, firstDraws: 100 };

const command = process.argv.slice(2);
const python =
  command.length === 0
    ? undefined
    : spawn(command[0], [`${import.meta.dirname}/torch_reference_attacks.py`, ...command.slice(1), model, data], {
        stdio: ["pipe", "pipe", "inherit"],
      });
const answers = python && createInterface({ input: python.stdout })[Symbol.asyncIterator]();
/** CPU seconds of the authors' code for the attack with so many steps or queries; the frame of a few taken off. */
async function theirs(attack: string, size: number, frame: number): Promise<number | undefined> {
  if (python === undefined || answers === undefined) return undefined;
  const once = async (what: number): Promise<number> => {
    python.stdin.write(`${attack} ${count} ${what}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error("bench/attack-overhead: PyTorch gave no answer");
    return Number(value);
  };
  return frame === 0 ? once(size) : (await once(size + frame)) - (await once(frame));
}

/** The classifier, with the size of each of its runs forward kept in a list: questions of HopSkipJump are of many sizes. */
function recorded(asks: { readonly batch: number; readonly images: number }[]): typeof classifier {
  return {
    ...classifier,
    async forward(options) {
      const pass = await classifier.forward(options);
      return {
        batch: pass.batch,
        run(given, settings) {
          asks.push({ batch: pass.batch, images: given.length });
          return pass.run(given, settings);
        },
      };
    },
  };
}

interface Row {
  readonly attack: string;
  readonly over: number | undefined;
  readonly beside: number | undefined;
}

const wanted = process.env.ATTACKS?.split(",");
const isWanted = (attack: string): boolean => wanted === undefined || wanted.includes(attack);
const beside = async (attack: string, size: number, frame: number, seconds: number): Promise<number | undefined> => {
  const reference = await theirs(attack, size, frame);
  return reference === undefined ? undefined : seconds / reference;
};

/** What is measured by the runs of the network that it is made of: the attack's own rows of a round. */
const measured: Readonly<Record<string, () => Promise<Row>>> = {
  async apgd() {
    const gradients = await cpuOf(async () => {
      for (let step = 0; step < steps; step++) await backward.run(inputs);
    });
    const climb = (n: number) => cpuOf(() => apgd.run(classifier, images, { ...ball, steps: n }));
    const own = (await climb(steps + few)) - (await climb(few));
    return { attack: "APGD", over: own / gradients, beside: await beside("apgd", steps, few, own) };
  },
  async square() {
    const runs = await cpuOf(async () => {
      for (let query = 0; query < queries; query++) await forward.run(points);
    });
    const ask = (n: number) => cpuOf(() => square.run(classifier, images, { ...ball, queries: n }));
    const asked = (await ask(queries + few)) - (await ask(few));
    return { attack: "Square", over: asked / runs, beside: await beside("square", queries, few, asked) };
  },
  async hopskipjump() {
    const asks: { readonly batch: number; readonly images: number }[] = [];
    const jump = await cpuOf(() => hopskipjump.run(recorded(asks), images, jumps));
    const jumpRuns = await cpuOf(async () => {
      for (const { batch, images: some } of asks) await (await classifier.forward({ batch })).run(block.slice(0, some));
    });
    return { attack: "HopSkipJump", over: jump / jumpRuns, beside: await beside("hopskipjump", jumps.steps, 0, jump) };
  },
};
/** Whole attacks, measured beside the authors' code with as many steps. */
const whole: Readonly<
  Record<string, { readonly title: string; readonly size: number; run(size: number): Promise<unknown> }>
> = {
  fab: {
    title: "FAB-T, 2 classes",
    size: 10,
    run: (n) => fab.run(classifier, images, { ...common, epsilon: 1e-5, steps: n, targetClasses: 2 }),
  },
  ead: {
    title: "EAD",
    size: 15,
    run: (n) => ead.run(classifier, images, { ...common, steps: n, searchSteps: 2, abort: false }),
  },
  fmn: { title: "FMN, l2", size: 25, run: (n) => fmn.run(classifier, images, { ...common, norm: "l2", steps: n }) },
  sparsefool: {
    title: "SparseFool",
    size: 2,
    run: (n) => sparsefool.run(classifier, images, { ...common, iterations: n }),
  },
  lpa: { title: "LPA", size: 4, run: (n) => lpa.run(classifier, images, { ...common, bound: 1e-3, steps: n }) },
  ppgd: { title: "PPGD", size: 3, run: (n) => ppgd.run(classifier, images, { ...common, bound: 1e-3, steps: n }) },
};

async function round(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(measured)) if (isWanted(name)) rows.push(await measure());
  // What is beside nothing else needs Python.
  for (const [name, { title, size, run }] of python === undefined ? [] : Object.entries(whole)) {
    if (!isWanted(name) || (command.length < 7 && ["fmn", "sparsefool", "lpa", "ppgd"].includes(name))) continue;
    const seconds = await cpuOf(() => run(size));
    rows.push({ attack: title, over: undefined, beside: await beside(name, size, 0, seconds) });
  }
  return rows;
}

await round();
const all: Row[][] = [];
for (let n = 0; n < rounds; n++) all.push(await round());
python?.stdin.end();
await classifier.dispose();
const told = (values: readonly number[]): string =>
  `${median(values).toFixed(3)} (${values.map((value) => value.toFixed(3)).join(" ")})`;
for (const attack of new Set(all.flat().map((row) => row.attack))) {
  const rows = all.flat().filter((row) => row.attack === attack);
  const listed = (values: readonly (number | undefined)[], of: string): string[] => {
    const known = values.flatMap((value) => (value === undefined ? [] : [value]));
    return known.length === 0 ? [] : [`${told(known)} × ${of}`];
  };
  const parts = [
    ...listed(
      rows.map(({ over }) => over),
      "its runs",
    ),
    ...listed(
      rows.map(({ beside: one }) => one),
      "the authors' code",
    ),
  ];
  process.stdout.write(`${attack}: ${parts.join(", ")}\n`);
}
