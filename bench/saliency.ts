/**
 * @file Measures what explanations cost, in units of one run of the network with gradient (RISE: forward), and prints a Markdown table:
 * `npx tsx bench/saliency.ts MODEL.onnx`.
 *
 * Each method runs right after a run with gradient, and the ratio is the median over such pairs: shared machines drift. Times are
 * processor times of the process, so that other processes hardly count; THREADS=1 (the default) makes them those of one core. Sessions are
 * open and the label is given, as in a benchmark over many images. METHODS=a,b restricts, --quick takes fewer pairs.
 */
import * as ort from "onnxruntime-node";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { methodNamed } from "../src/saliency/methods.ts";
import type { FloatTensor } from "../src/tensor/tensor.ts";
import { median } from "./measuring.ts";

const threads = Number(process.env.THREADS ?? 1);
const pairs = process.argv.includes("--quick") ? 5 : 21;
const [model] = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));

/** What a method may take per sample of its own, by the bound that is set for it; the unit is a run with gradient, for RISE a run forward. */
const oneRun = 1.2;
const manyRuns = 1.05;
const manyMasks = 1.15;
interface Measured {
  readonly name: string;
  readonly samples: number;
  readonly bound: number;
  readonly settings?: Readonly<Record<string, number>>;
  readonly batch?: number;
  readonly isForward?: boolean;
}
const plan: readonly Measured[] = [
  { name: "gradient", samples: 1, bound: oneRun },
  { name: "gradient-input", samples: 1, bound: oneRun },
  { name: "deconvnet", samples: 1, bound: oneRun },
  { name: "guided-backprop", samples: 1, bound: oneRun },
  { name: "grad-cam", samples: 1, bound: oneRun },
  { name: "guided-grad-cam", samples: 2, bound: oneRun },
  { name: "excitation-backprop", samples: 1, bound: oneRun },
  { name: "contrastive-excitation-backprop", samples: 1, bound: oneRun },
  { name: "smooth-grad", samples: 10, bound: manyRuns, settings: { samples: 10 } },
  { name: "integrated-gradients", samples: 10, bound: manyRuns, settings: { steps: 10 } },
  { name: "smooth-grad", samples: 10, bound: manyRuns, settings: { samples: 10 }, batch: 5 },
  ...[undefined, 8, 4, 2, 1].map((batch) => ({
    name: "rise",
    samples: 100,
    bound: manyMasks,
    settings: { masks: 100 },
    batch,
    isForward: true,
  })),
];

async function processorMs(body: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await body();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const classifier = await loadClassifier(model, { runtime: ort, threads });
const { height, width, channelCount } = classifier.input;
const image: FloatTensor = {
  dtype: "float32",
  shape: [channelCount, height, width],
  data: Float32Array.from(
    { length: channelCount * height * width },
    (_, i) => 0.5 + 0.4 * Math.sin(0.1 * i) * Math.cos(0.013 * i),
  ),
};
const { label } = await classifier.classify(image);
const unit = () => classifier.marginGradient(image, label);
const forward = await classifier.forward();
/** Ten plain runs forward, one image each. */
const plainRuns = async () => {
  for (let run = 0; run < 10; run++) await forward.run([image.data]);
};
for (const warm of [unit, unit, plainRuns]) await warm();

process.stdout.write(`| method | runs with gradient (RISE: forward) | bound |\n|---|---|---|\n`);
const wanted = process.env.METHODS?.split(",");
for (const { name, samples, bound, settings, batch, isForward } of plan) {
  if (wanted !== undefined && !wanted.includes(name)) continue;
  const explain = () => methodNamed(name).explain(classifier, image, { ...settings, label, batch });
  await explain();
  await explain();
  const ratios: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const one = isForward ? (await processorMs(plainRuns)) / 10 : await processorMs(unit);
    ratios.push((await processorMs(explain)) / one);
  }
  const many = samples > 2 ? `, ${samples} ${isForward ? "masks" : "samples"}` : "";
  const title = `${name}${many}${batch === undefined ? "" : `, batches of ${batch}`}`;
  process.stdout.write(`| ${title} | ${median(ratios).toFixed(2)} | ≤ ${(bound * samples).toFixed(2)} |\n`);
}
await classifier.dispose();
