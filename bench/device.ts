/**
 * @file What bench/device.sh runs: forward, and value with gradient, of the networks in a folder with each execution provider that works, beside PyTorch
 * on the graphics card. Each line is written as soon as it is measured, so that a run that is cut off has said what it knows.
 *
 * Values are compared with the processor's: what a card computes otherwise is marked. With CUDA, images go to the card and gradients come back in each run;
 * what lies between stays there.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as ort from "onnxruntime-node";
import { automaticLayers } from "../src/attacks/perceptual/perceptual-layers.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { providersOf } from "../src/runtime/session.ts";
import { median, timed } from "./measuring.ts";

const [folder, python = "python3"] = process.argv.slice(2);
const [warmUps, rounds] = [3, 15];
const write = (line: string): void => void process.stdout.write(`${line}\n`);

async function medianOf(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = -warmUps; i < rounds; i++) {
    const ms = await timed(run);
    if (i >= 0) times.push(ms);
  }
  return median(times);
}

/** Forward, value with gradient, and the gradient itself. */
async function measure(path: string, provider: string) {
  const providers = provider === "cpu" ? ["cpu"] : [provider, "cpu"];
  const classifier = await loadClassifier(path, { runtime: ort, providers, preprocessing: "imagenet" });
  try {
    const { height, width } = classifier.input;
    const data = Float32Array.from(
      { length: 3 * height * width },
      (_, i) => 0.5 + 0.4 * Math.sin(0.1 * i) * Math.cos(0.013 * i),
    );
    const point = data.map((x, i) => x + 0.01 * Math.sin(i));
    const layers = automaticLayers(classifier);
    const [forward, references] = [await classifier.forward(), await classifier.references({ layers })];
    const objective = await classifier.objective({ layers });
    const [reference] = await references.run([data]);
    const layerWeights = layers.map(() => 1e-6);
    const problem = { reference, classIndex: 3, marginTarget: -5, layerWeights, distanceWeight: 1 };
    const input = [{ image: point, problem }];
    const [{ gradient }] = await objective.run(input);
    return {
      gradient,
      forward: await medianOf(() => forward.run([point])),
      both: await medianOf(() => objective.run(input)),
    };
  } finally {
    await classifier.dispose();
  }
}

/** PyTorch on the card; undefined where it has none. */
async function startTorch() {
  const script = join(import.meta.dirname, "torch_server.py");
  const child = spawn(python, [script, "2", "cuda"], { stdio: ["pipe", "pipe", "ignore"] });
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: version, done } = await answers.next();
  if (done) return undefined;
  return {
    version,
    async time(name: string): Promise<readonly number[] | undefined> {
      const all: (readonly number[])[] = [];
      for (let i = -warmUps; i < rounds; i++) {
        child.stdin.write(`${name}\n`);
        const { value, done: ended } = await answers.next();
        if (ended) return undefined;
        if (i >= 0) all.push(value.split(" ").map(Number));
      }
      return [0, 1].map((column) => median(all.map((times) => times[column])));
    },
    stop: () => child.stdin.end(),
  };
}

const brought = ort.listSupportedBackends().map(({ name }) => name);
const { providers: chosen, reason } = await providersOf({ runtime: ort, providers: ["auto"] });
write(`\`providers: ["auto"]\` takes ${chosen?.join(", ") ?? "the runtime's own"} (${reason}).\n`);
const torch = await startTorch();
write(
  `PyTorch on the card: ${torch?.version ?? "not there"}. Milliseconds, medians of ${rounds} runs; images of one.\n`,
);
write("| network | on | forward | value and gradient | ratio | largest difference of the gradient, of its largest |");
write("|---|---|--:|--:|--:|--:|");
// Small ones first: a run that is cut off has most of them.
const order = ["cifar", "squeezenet", "mobilenet", "resnet", "vgg19"];
const rank = (file: string): number => order.findIndex((name) => file.startsWith(name));
for (const file of readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .sort((a, b) => rank(a) - rank(b))) {
  const name = file.replace(/\.onnx$/, "");
  let expected: Float32Array | undefined;
  for (const provider of ["cpu", ...brought.filter((each) => each === "cuda" || each === "webgpu")]) {
    try {
      const { gradient, forward, both } = await measure(join(folder, file), provider);
      expected ??= gradient;
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const apart = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - gradient[i])), 0) / largest;
      write(
        `| ${name} | ${provider} | ${forward.toFixed(2)} | ${both.toFixed(2)} | ${(both / forward).toFixed(2)} | ${apart.toExponential(1)} |`,
      );
    } catch (error) {
      write(
        `| ${name} | ${provider} | does not work: ${String(error).split("\n")[0].replaceAll("|", "/").slice(0, 160)} | | | |`,
      );
    }
  }
  const times = await torch?.time(name);
  if (times !== undefined)
    write(
      `| ${name} | PyTorch | ${times[0].toFixed(2)} | ${times[1].toFixed(2)} | ${(times[1] / times[0]).toFixed(2)} | |`,
    );
}
torch?.stop();
