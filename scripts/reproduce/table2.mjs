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
const size = ["--samples", "4", "--antithetic", "--just-detect", "--first", "200", "--variant-images", "60"];

/** 20 gradient evaluations for PGD as for the perceptual attack; fewer steps than usual where an attack takes hundreds. */
const settings = [
  "pgd-mean.preset=odds",
  "pgd-mean.copies=4",
  "carlini-wagner.preset=paper",
  "carlini-wagner.steps=40",
  "carlini-wagner.searchSteps=3",
].flatMap((setting) => ["--set", setting]);

/** The choices that the paper leaves open, one at a time around `weight` and T = −2. */
function variants({ weight, weights, layers }) {
  const named = [
    ...weights.map((w) => `weight/w ${w}=perceptual,perceptualWeight=${w}`),
    ...[-0.1, -0.5, -1, -5, -10].flatMap((t) => [
      `margin/T ${t}=perceptual,perceptualWeight=${weight},margin=${t}`,
      `margin/T ${t} without the term=l2,margin=${t}`,
    ]),
    ...layers.map(([name, list]) => `layers/${name}=perceptual,perceptualWeight=${weight},layers=${list}`),
    ...[50, 100].map((n) => `iterations/${n}=perceptual,perceptualWeight=${weight},iterations=${n}`),
  ];
  return named.flatMap((variant) => ["--variant", variant]);
}

const attacks = "perceptual,l2,pgd,fgsm,deepfool,carlini-wagner,pgd-mean";

const parts = {
  cifar10: {
    isPossible: existsSync(join(data, "cifar10")),
    arguments: [
      ...["--data", `cifar10:${join(data, "cifar10")}`, "--model", join(data, "models/cifar10_vgg7_bn.onnx")],
      ...["--train-images", "240", "--attacks", attacks, "--set", "perceptual.perceptualWeight=0.01"],
      ...variants({
        weight: 0.01,
        weights: [0, 0.001, 0.003, 0.03, 0.1, 0.26],
        layers: [
          ["first", "[2]"],
          ["last", "[23]"],
          ["all activations", "[2,5,9,12,16,19,23]"],
        ],
      }),
    ],
  },
  scenes: {
    isPossible: true,
    arguments: [
      ...["--data", "scenes:240", "--train-images", "240", "--attacks", "perceptual,l2,pgd"],
      ...["--set", "perceptual.perceptualWeight=0.01"],
    ],
  },
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
  const command = ["benchmark", "detection", ...part.arguments, ...size, ...settings, "--out", out, ...further];
  const { status } = spawnSync(process.execPath, [join(root, "dist/cli/main.js"), ...command], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
