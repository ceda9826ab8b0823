/**
 * Figures 5 and 8 of the paper for the bundled Scenes classifier and, where ../shared/data (or $PERCEPTUAL_BALL_DATA) holds it, for a
 * CIFAR-10 network of the paper's architecture: `npm run reproduce -- cone`, after `npm run build`, writes results/cone/.
 *
 *   npm run reproduce -- cone [PART…] [--attacks LIST] [--images N] [--directions N] [--step S] [--more N] [--paper-step S] [--threads N]
 *                             [--out FOLDER]
 *
 * The figures have the paper's grid. The number below each cone needs few points of it: a second, coarse run takes it over --more
 * pictures and five directions each, into results/cone/<network>-curvature. PART is cifar10, cifar10-curvature, scenes or scenes-curvature;
 * all of them by default. cifar10-paper, only where it is named, has the paper's own four attacks, 100 pictures and 5 directions: seven
 * million forward passes on the paper's grid, a tenth of that with --paper-step 0.16666666666666666.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { data, root, runPart } from "./run-part.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    attacks: { type: "string", default: "pgd,pgd-mean,carlini-wagner,perceptual,l2" },
    images: { type: "string", default: "6" },
    directions: { type: "string", default: "1" },
    step: { type: "string", default: "0.05" },
    more: { type: "string", default: "24" },
    "paper-step": { type: "string", default: "0.05" },
    threads: { type: "string" },
    out: { type: "string", default: join(root, "results/cone") },
  },
});
const model = join(data, "models/cifar10_vgg7_bn.onnx");
const paperAttacks = "pgd,pgd-mean,carlini-wagner,perceptual";
const common = [
  ["--set", "pgd-mean.preset=odds", "--split", "test"],
  values.threads === undefined ? [] : ["--threads", values.threads],
].flat();
const own = ["--attacks", values.attacks];
const runs = {
  "": [...own, "--first", values.images, "--directions", values.directions, "--step", values.step],
  "-curvature": [...own, "--first", values.more, "--directions", "5", "--step", "0.5", "--examples", "0"],
  "-paper": ["--attacks", paperAttacks, "--first", "100", "--directions", "5", "--step", values["paper-step"]],
};
const onlyWhereNamed = ["-paper"];
const figures = {
  cifar10: [
    ["--data", `cifar10:${join(data, "cifar10")}`],
    ["--model", model],
    ["--labels", "cifar10"],
    ["--scale", "1", "--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5"],
  ].flat(),
  scenes: ["--data", "scenes"],
};
for (const [name, source] of Object.entries(figures)) {
  if (name === "cifar10" && !existsSync(model)) {
    console.log(`${name}: skipped, there is no ${model}`);
    continue;
  }
  for (const [suffix, size] of Object.entries(runs)) {
    const part = `${name}${suffix}`;
    const isMeant = positionals.length > 0 ? positionals.includes(part) : !onlyWhereNamed.includes(suffix);
    if (isMeant) runPart(["cone", ...source, ...common, ...size], join(values.out, part));
  }
}
