/**
 * @file What fitting detectors takes beside the runs of the network that it is made of, and, where PyTorch and others are at hand, beside those:
 *
 *     npx tsx bench/detectors.ts [python3 ONNX2TORCH]
 *
 * with a Python that has torch, onnx, scikit-learn, scipy and OpenCV, and a folder from which onnx2torch can be imported. Needs ../shared/data (or $PERCEPTUAL_BALL_DATA). Each detector
 * is fitted to 2,000 CIFAR-10 training images, as `detect fit --detector` does it: 1,600 to learn from, 400 held out, whose scores give the cutoff. One thread, CPU time, interleaved; ratios are medians of the
 * rounds' ratios, with the least and the largest. MODELS, DETECTORS, IMAGES and ROUNDS choose less; of odds, with 37 runs per image, a tenth of the images is measured.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import * as ort from "onnxruntime-node";
import { pgd } from "../src/attacks/pgd.ts";
import type { FitSet, MeasuredImage, PlannedDetector } from "../src/detection/detector.ts";
import { detectorNamed, detectors } from "../src/detection/detectors.ts";
import { openMeasuring } from "../src/detection/measurement.ts";
import type { NamedImage } from "../src/detection/odds/alignments.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { median } from "./measuring.ts";

const data = process.env.PERCEPTUAL_BALL_DATA ?? resolve(import.meta.dirname, "../../shared/data");
const networks = {
  cifar10_vgg7_bn: { scale: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], channels: "rgb" },
  cifar10_resnet20_bn: "imagenet",
} as const;
type NetworkName = keyof typeof networks;
const isNetwork = (name: string): name is NetworkName => Object.hasOwn(networks, name);
const chosen = (process.env.MODELS?.split(",") ?? Object.keys(networks)).filter(isNetwork);
const names = process.env.DETECTORS?.split(",") ?? detectors.map(({ name }) => name);
const [rounds, count, batch] = [Number(process.env.ROUNDS ?? 5), Number(process.env.IMAGES ?? 2000), 32];
const [command, ...given] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "bench-detectors-"));

const raw = readFileSync(`${data}/cifar10/data_batch_1.bin`).subarray(0, count * 3073);
const labels = Array.from({ length: count }, (_, n) => raw[n * 3073]);
const images: NamedImage[] = labels.map((_, n) => ({
  id: `data_batch_1/${n}`,
  pixels: Float32Array.from(raw.subarray(n * 3073 + 1, (n + 1) * 3073), (byte) => byte / 255),
}));
/** One image in five is held out. */
const isHeld = (n: number): boolean => n % 5 === 0;

async function cpuOf<T>(work: () => T | Promise<T>): Promise<readonly [seconds: number, result: T]> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return [(user + system) / 1e6, result];
}

/** CPU seconds of one way of doing it in Python: in the network, of learning with the cutoff, and of scores. */
interface Way {
  readonly name: string;
  readonly runs: number;
  readonly rest: number;
  readonly scores: number;
}

interface Rival {
  /** What the other side takes for a detector. */
  ask(...words: readonly (string | number)[]): Promise<readonly Way[]>;
  close(): void;
}

/** Python on this network, if there is one. */
function startRival(model: NetworkName): Rival | undefined {
  if (command === undefined) return undefined;
  const script = join(import.meta.dirname, "torch_detectors.py");
  const child = spawn(command, [script, ...given, `${data}/models/${model}.onnx`, data, folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(...words) {
      child.stdin.write(`${words.join(" ")}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error("bench/detectors: Python gave no answer");
      return String(value)
        .split("; ")
        .map((text) => {
          const [name, numbers] = text.split(": ");
          const [runs, rest, scores] = numbers.split(" ").map(Number);
          return { name, runs, rest, scores };
        });
    },
    close: () => child.stdin.end(),
  };
}

/** Writes what has been measured as the other side reads it: float32 files of labels, logits and layers. */
function writeSet(name: string, { train, held, attacked, noisy }: FitSet, layers: readonly string[]): void {
  for (const [list, all] of Object.entries({ train, held, attacked, noisy })) {
    const write = (what: string, rows: readonly Float32Array[]): void =>
      writeFileSync(
        join(folder, `${name}.${list}.${what}`),
        Buffer.concat(rows.map((row) => new Uint8Array(row.buffer, row.byteOffset, row.byteLength))),
      );
    const none = new Float32Array(0);
    write("labels", [Float32Array.from(all, ({ label }) => label)]);
    for (const [l, key] of ["logits", ...layers].entries()) {
      write(
        l === 0 ? key : `${l - 1}`,
        all.map(({ measured }) => measured[key] ?? none),
      );
    }
  }
}

/** Seconds: of fitting, of the runs of the network that it is made of, of what it learned from, and so on the other side. */
interface Round {
  readonly fit: number;
  readonly runs: number;
  /** Learning and the cutoff, or squeezing, without the network. */
  readonly rest: number;
  /** One score after the other, of the held-out images. */
  readonly scores: number;
  readonly theirs: readonly Way[];
}

const told = (values: readonly number[], digits: number): string =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;

for (const model of chosen) {
  const classifier = await loadClassifier(`${data}/models/${model}.onnx`, {
    ...{ runtime: ort, threads: 1, preprocessing: networks[model] },
  });
  const rival = startRival(model);
  const forward = await classifier.forward({ batch });
  const pixels = images.map((image) => image.pixels);
  /** CPU seconds of `passes` plain runs of each of so many images, in batches. */
  const runsOf = async (some: number, passes: number): Promise<number> => {
    const [seconds] = await cpuOf(async () => {
      for (let from = 0; from < some; from += batch) {
        const block = Array.from(
          { length: Math.min(batch, some - from) },
          (_, n) => pixels[(from + n) % pixels.length],
        );
        for (let pass = 0; pass < passes; pass++) await forward.run(block);
      }
    });
    return seconds;
  };
  // What detectors learn from that learn from attacks: the first 300 not held out.
  const toAttack = images.filter((_, n) => !isHeld(n)).slice(0, 300);
  const isAttacked = names.some((name) => detectorNamed(name).on(classifier).needsAttacked);
  const results = isAttacked
    ? await pgd.run(
        classifier,
        toAttack.map((image) => floatTensor(image.pixels, [3, 32, 32])),
        { batch, epsilon: 8 / 255, steps: 10 },
      )
    : [];
  const attacked = results.map(({ rounded }, n) => ({ id: toAttack[n].id, pixels: rounded.image.data }));
  const noisy = attacked.map(({ id, pixels: moved }, n) => ({
    id,
    // The same differences in another order: as far, and no attack.
    pixels: toAttack[n].pixels.map((value, i) => {
      const j = (i * 1531) % moved.length;
      return Math.min(1, Math.max(0, value + moved[j] - toAttack[n].pixels[j]));
    }),
  }));

  for (const name of names) {
    const plan: PlannedDetector = detectorNamed(name).on(classifier);
    const used = name === "odds" ? Math.ceil(count / 10) : count;
    const { runs, measure } = await openMeasuring(classifier, plan.parts, { batch });
    const held = images.slice(0, used).filter((_, n) => isHeld(n));
    const train = images.slice(0, used).filter((_, n) => !isHeld(n));
    const lists = {
      train: plan.needsHeldOnly ? [] : train,
      held,
      attacked: plan.needsAttacked ? attacked : [],
      noisy: plan.needsAttacked ? noisy : [],
    };
    const passed = Object.values(lists).reduce((sum, list) => sum + list.length, 0);
    const layers = plan.parts.flatMap(({ key, from }) => (from.kind === "layer" ? [key] : []));
    const isOutside = plan.parts.some(({ from }) => from.kind === "runs");
    const round = async (isFirst = false): Promise<Round> => {
      const of = async (list: readonly NamedImage[]): Promise<MeasuredImage[]> =>
        (await measure(list)).map((measured, n) => {
          const { id } = list[n];
          return { id, label: labels[Number(id.split("/")[1])], measured };
        });
      const [measuring, set] = await cpuOf(async () => ({
        classCount: 10,
        // What is not measured counts all the same.
        train: plan.needsHeldOnly ? train.map(({ id }) => ({ id, label: 0, measured: {} })) : await of(lists.train),
        held: await of(lists.held),
        attacked: await of(lists.attacked),
        noisy: await of(lists.noisy),
      }));
      const own = await runsOf(passed, runs);
      const [learning, statistics] = await cpuOf(() => plan.fit(set));
      const score = plan.scorer(statistics);
      const [scores] = await cpuOf(() => set.held.map(({ measured }) => score(measured)));
      if (isFirst && rival !== undefined) writeSet(name, set, layers);
      const theirs = (await rival?.ask(name, layers.length, passed, runs, batch)) ?? [];
      const rest = learning + (isOutside ? measuring - own : 0);
      return { fit: measuring + learning, runs: own, rest, scores, theirs };
    };
    await round(true);
    const all: Round[] = [];
    for (let n = 0; n < rounds; n++) all.push(await round());
    const ratios = all.map(({ fit, runs: own }) => fit / own);
    const ms = (values: readonly number[]): string => (1000 * median(values)).toFixed(1);
    const [rest, scores] = [all.map((one) => one.rest), all.map((one) => one.scores)];
    process.stdout.write(
      `${model} ${name}: ${runs} runs per image; fit ${told(ratios, 2)} × its runs; without them ${ms(rest)} ms, scores ${ms(scores)} ms\n`,
    );
    for (const [w, way] of all[0].theirs.entries()) {
      const theirs = all.map((one) => one.theirs[w]);
      const beside = (mine: (one: Round) => number, other: (way: Way) => number): string =>
        told(
          all.map((one, n) => mine(one) / other(theirs[n])),
          2,
        );
      const [theirRest, theirScores] = [theirs.map((one) => one.rest), theirs.map((one) => one.scores)];
      const words = [
        `${ms(theirRest)} ms, ours ${beside(
          (one) => one.rest,
          (one) => one.rest,
        )} of it`,
        // Where the network is what scores are made of, they have none of their own.
        ...(median(theirScores) > 0
          ? [
              `scores ${ms(theirScores)} ms, ours ${beside(
                (one) => one.scores,
                (one) => one.scores,
              )} of it`,
            ]
          : []),
        `our whole fit ${beside(
          (one) => one.fit,
          (one) => one.runs + one.rest,
        )} of theirs`,
      ];
      process.stdout.write(`  ${way.name}: ${words.join("; ")}\n`);
    }
  }
  rival?.close();
  await classifier.dispose();
}
rmSync(folder, { recursive: true });
