/**
 * @file Prints what an explanation spends outside the runtime: `npx tsx bench/outside.ts [MODEL.onnx PICTURE]`, by default SqueezeNet 1.1 and MobileNetV2
 * of ../shared/data (or $PERCEPTUAL_BALL_DATA) on its first photograph.
 *
 * "Outside" is all time in which no run of the network is under way: the optimizer, projections, rounding to bytes, copies. The searches are the default one
 * and 30 iterations at a fixed strength, with the kernels and, in turn, without. Times are those of the processor, which hold on a busy machine as well
 * as long as one thread runs; with THREADS above 1 it is the wall clock, since waiting threads spin. ROUNDS (default 5).
 */
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { perceptual } from "../src/attacks/perceptual/perceptual.ts";
import type { PerceptualOptions } from "../src/attacks/perceptual/perceptual-options.ts";
import { readImage } from "../src/node/index.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import type { Runtime } from "../src/runtime/runtime.ts";
import { useKernels } from "../src/simd/kernels.ts";
import { median } from "./measuring.ts";

const data = process.env.PERCEPTUAL_BALL_DATA ?? resolve(import.meta.dirname, "../../shared/data");
const [threads, rounds] = [Number(process.env.THREADS ?? 1), Number(process.env.ROUNDS ?? 5)];
const photographs = `${data}/imagenet/images`;
const [model, picture] = process.argv.slice(2);
const models =
  model === undefined ? ["squeezenet1_1", "mobilenetv2"].map((name) => `${data}/models/${name}.onnx`) : [model];
const shown =
  picture ?? (existsSync(photographs) ? resolve(photographs, readdirSync(photographs).toSorted()[0]) : undefined);
if (shown === undefined) {
  process.stderr.write(`bench/outside: there is no ${photographs}; name a model and a picture\n`);
  process.exit(1);
}

/** Milliseconds in runs of the network, and their number. */
const spent = { ms: 0, runs: 0 };

/** Milliseconds since some time. */
function clock(): number {
  if (threads > 1) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

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
        const started = clock();
        const results: ort.InferenceSession.ReturnType = await Reflect.apply(run, session, inputs);
        spent.ms += clock() - started;
        spent.runs++;
        return results;
      };
      return session;
    },
  },
  Tensor: ort.Tensor,
  env: ort.env,
};

/** What reading the clock takes, which every run pays outside as well. */
const reading = (() => {
  const started = clock();
  for (let n = 0; n < 2000; n++) clock();
  return (clock() - started) / 2000;
})();

const searches: Readonly<Record<string, PerceptualOptions>> = {
  "the default search": { preset: "auto" },
  "30 iterations at one strength": { preset: "auto", perceptualWeight: 1, iterations: 30, margin: -1e3 },
};
for (const path of models) {
  const classifier = await loadClassifier(path, { runtime: timedRuntime, threads, preprocessing: "imagenet" });
  const image = await readImage(shown, classifier.input);
  const file = path.split("/").at(-1);
  for (const [name, options] of Object.entries(searches)) {
    const none: readonly number[] = [];
    const measured = [true, false].map((kernels) => ({
      kernels,
      inside: [...none],
      outside: [...none],
      shares: [...none],
    }));
    for (let round = -1; round < rounds; round++) {
      for (const { kernels, inside, outside, shares } of measured) {
        useKernels(kernels);
        [spent.ms, spent.runs] = [0, 0];
        const started = clock();
        await perceptual.attack(classifier, image, { distanceLayers: "search", rounding: "keep", ...options });
        const whole = clock() - started - reading * spent.runs;
        if (round < 0) continue;
        inside.push(spent.ms / spent.runs);
        outside.push((whole - spent.ms) / spent.runs);
        shares.push(100 * (1 - spent.ms / whole));
      }
    }
    for (const { kernels, inside, outside, shares } of measured) {
      process.stdout.write(
        `${file}, ${name}, ${kernels ? "kernels" : "without kernels"}: ${spent.runs} runs, ${median(inside).toFixed(2)} ms each and ` +
          `${median(outside).toFixed(2)} ms outside, ${median(shares).toFixed(1)} % (${shares.map((share) => share.toFixed(1)).join(", ")})\n`,
      );
    }
  }
  await classifier.dispose();
}
