/**
 * Figures 5 and 8 of the paper for the bundled Scenes classifier and, where ../shared/data (or $PERCEPTUAL_BALL_DATA) holds it, for a
 * CIFAR-10 network of the paper's architecture: writes results/cone/. Run after `npm run build`:
 *
 *   node scripts/reproduce/cone.mjs [--attacks LIST] [--images N] [--directions N] [--step S] [--threads N] [--out FOLDER]
 *
 * The paper's own size is --images 100 --directions 5 --step 0.05: nine million forward passes.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: {
    attacks: { type: "string", default: "pgd,pgd-mean,carlini-wagner,perceptual,l2" },
    images: { type: "string", default: "6" },
    directions: { type: "string", default: "2" },
    step: { type: "string", default: "0.25" },
    threads: { type: "string" },
    out: { type: "string", default: join(root, "results/cone") },
  },
});
const data = process.env.PERCEPTUAL_BALL_DATA ?? resolve(root, "../shared/data");
const model = join(data, "models/cifar10_vgg7_bn.onnx");
const common = [
  ["--attacks", values.attacks],
  ["--first", values.images],
  ["--split", "test"],
  ["--directions", values.directions],
  ["--step", values.step],
  values.threads === undefined ? [] : ["--threads", values.threads],
].flat();
const figures = {
  cifar10: [
    ["--data", `cifar10:${join(data, "cifar10")}`],
    ["--model", model],
    ["--labels", "cifar10"],
    ["--scale", "1", "--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5"],
  ].flat(),
  scenes: ["--data", "scenes"],
};
for (const [name, own] of Object.entries(figures)) {
  if (name === "cifar10" && !existsSync(model)) {
    console.log(`${name}: skipped, there is no ${model}`);
    continue;
  }
  const command = [join(root, "dist/cli/main.js"), "cone", ...own, ...common, "--out", join(values.out, name)];
  const { status } = spawnSync(process.execPath, command, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
