/**
 * Table 2 of the paper, the search for what decides it, and nothing else: `npm run reproduce -- table2`, after `npm run build`.
 *
 * Runs `perceptual-ball benchmark detection` with the bundled classifier on Scenes and, where the data is (../shared/data or
 * $PERCEPTUAL_BALL_DATA), with a network of the paper's architecture on CIFAR-10. What was stopped goes on where it was. Records
 * and reports are in results/table2/<part>. Further arguments go to the command, such as --workers 4; `scenes` or `cifar10` as the
 * first one runs that part only.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const data = process.env.PERCEPTUAL_BALL_DATA ?? join(root, "../shared/data");

/** Enough to tell the attacks apart on a small machine; the paper's own numbers are 256 independent samples and 10 000 images. */
const size = ["--samples", "4", "--antithetic", "--just-detect", "--train-images", "240", "--first", "200"];

/** λ' about as large as still changes nearly all labels; 20 gradient evaluations, as for PGD. */
const attacks = ["--attacks", "perceptual,l2,pgd", "--set", "perceptual.perceptualWeight=0.01"];

/** The choices that the paper leaves open, one at a time, and attacks that take hundreds of gradients, on fewer images. */
const variants = [
  ...[0, 0.001, 0.003, 0.03].map((w) => `weight/w ${w}=perceptual,perceptualWeight=${w}`),
  ...[-0.5, -5].flatMap((t) => [
    `margin/T ${t}=perceptual,perceptualWeight=0.01,margin=${t}`,
    `margin/T ${t} without the term=l2,margin=${t}`,
  ]),
  "more attacks/pgd-mean=pgd-mean,preset=odds,copies=4",
  "more attacks/carlini-wagner=carlini-wagner,preset=paper,steps=40,searchSteps=3",
  "layers/5 10 15=perceptual,perceptualWeight=0.01",
  "layers/first=perceptual,perceptualWeight=0.01,layers=[2]",
  "layers/last=perceptual,perceptualWeight=0.01,layers=[23]",
  "layers/all activations=perceptual,perceptualWeight=0.01,layers=[2,5,9,12,16,19,23]",
  ...[20, 100].map((n) => `iterations/${n}=perceptual,perceptualWeight=0.01,iterations=${n}`),
].flatMap((variant) => ["--variant", variant]);

const parts = {
  cifar10: {
    isPossible: existsSync(join(data, "cifar10")),
    arguments: [
      ...["--data", `cifar10:${join(data, "cifar10")}`, "--model", join(data, "models/cifar10_vgg7_bn.onnx")],
      ...[...variants, "--variant-images", "40"],
    ],
  },
  scenes: { isPossible: true, arguments: ["--data", "scenes:240"] },
};

const [first, ...rest] = process.argv.slice(2);
const chosen = Object.hasOwn(parts, first ?? "") ? [first] : Object.keys(parts);
const further = Object.hasOwn(parts, first ?? "") ? rest : process.argv.slice(2);
for (const name of chosen) {
  const part = parts[name];
  if (!part.isPossible) {
    process.stdout.write(`${name}: left out, there is no data in ${data} (PERCEPTUAL_BALL_DATA says where it is)\n`);
    continue;
  }
  const out = join(root, "results/table2", name);
  const command = ["benchmark", "detection", ...part.arguments, ...attacks, ...size, "--out", out, ...further];
  const { status } = spawnSync(process.execPath, [join(root, "dist/cli/main.js"), ...command], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
