/**
 * Table 2 of the paper, and what decides it: `npm run reproduce -- table2`, after `npm run build`.
 *
 * Runs `perceptual-ball benchmark detection` in parts: where the data is (../shared/data or $PERCEPTUAL_BALL_DATA), `cifar10`, all attacks
 * on a network of the paper's architecture; `choices`, what the paper leaves open; `cifar10-128`, the network at the paper's own width, with weights
 * of the perceptual term from 0 up; `samples-…`, how much of the rates the number of noise samples decides; `resnet20`, the term on
 * another network; with the bundled classifier, `scenes` and `scenes-term`. What was stopped goes on where it was. Records and reports are in results/table2/<part>. Further arguments go to the command, such as
 * --workers 4; the name of a part as the first one runs that part only.
 */
import { join } from "node:path";
import { data, type ReproductionPart, root, runParts } from "./run-part.ts";

const cifar10Data = ["--data", `cifar10:${join(data, "cifar10")}`];
const cifar10 = [...cifar10Data, "--model", join(data, "models/cifar10_vgg7_bn.onnx")];

/** Paired noise: as good as more than a hundred of the paper's 256 independent samples. */
const paired = ["--samples", "4", "--antithetic"];

/** What is interrupted has a report of the attacks that are finished. */
const attacks = "pgd,fgsm,perceptual,l2,pgd-mean,carlini-wagner,deepfool";
/** As the published code of Roth et al. has it: 16 copies, 10 steps each. */
const settings = ["--set", "pgd-mean.preset=odds"];

/** The choices that the paper leaves open, one at a time. What a choice does not name is as in the preset. */
const choices = [
  ...[-2, -0.1, -10, -0.5, -5, -1].flatMap((t) => [
    `margin T ${t}/perceptual=perceptual,margin=${t}`,
    `margin T ${t}/l2=l2,margin=${t}`,
  ]),
  "weight/λ' 0=perceptual,perceptualWeight=0",
  "weight/λ' of the preset=perceptual",
  ...[0.01, 0.0003, 0.03, 0.001, 0.1, 0.3].map((w) => `weight/λ' ${w}=perceptual,perceptualWeight=${w}`),
  "layers/5 10 15 from 0=perceptual",
  "layers/5 10 15 from 1=perceptual,layers=[4,9,14]",
  "layers/first activation=perceptual,layers=[2]",
  "layers/last activation=perceptual,layers=[23]",
  "layers/all activations=perceptual,layers=[2,5,9,12,16,19,23]",
  ...[20, 50, 100].map((n) => `iterations/${n}=perceptual,iterations=${n}`),
  "iterations/100 without the term=l2,iterations=100",
  "pgd/20 steps=pgd",
  "pgd/10 steps=pgd,preset=odds",
  "pgd/20 steps ε 2 of 255=pgd,epsilon=0.00784313725490196",
].flatMap((variant) => ["--variant", variant]);

/** The weights of the perceptual term in steps of √10. */
const weights = [
  "0",
  "0.000001",
  "0.00000316",
  "0.00001",
  "0.0000316",
  "0.0001",
  "0.000316",
  "0.001",
  "0.00316",
  "0.01",
];
const byWeight = weights.flatMap((w) => ["--variant", `weight/${w}=perceptual,perceptualWeight=${w}`]);

/** With the term and without it, at the same margins. */
const byMargin = [-0.5, -2, -5].flatMap((t) => [
  ...["--variant", `margin T ${t}/perceptual=perceptual,margin=${t}`],
  ...["--variant", `margin T ${t}/l2=l2,margin=${t}`],
]);

interface Part extends ReproductionPart {
  /** Of the noise. */
  readonly samples?: readonly string[];
}

/** How the noise is sampled: independently, as published, or in pairs of opposite noise. */
const samplings = [
  ...[8, 32, 128, 256].map((n) => ({ name: `samples-${n}`, samples: ["--samples", String(n)] })),
  ...[2, 4, 8].map((n) => ({ name: `samples-${n}-paired`, samples: ["--samples", String(n), "--antithetic"] })),
];
const bySampling = Object.fromEntries(
  samplings.map(({ name, samples }): [string, Part] => [
    name,
    {
      needs: data,
      samples,
      arguments: [
        ...[...cifar10, "--attacks", "pgd,perceptual,l2", "--variant", "λ' 0.0003=perceptual,perceptualWeight=0.0003"],
        ...["--just-detect", "--train-images", "300", "--first", "60"],
      ],
    },
  ]),
);

const parts: Readonly<Record<string, Part>> = {
  cifar10: {
    needs: data,
    arguments: [...cifar10, "--attacks", attacks, ...settings, "--train-images", "600", "--first", "200"],
  },
  choices: {
    needs: data,
    arguments: [
      ...[...cifar10, "--attacks", "none", ...choices],
      ...["--just-detect", "--train-images", "600", "--first", "100"],
    ],
  },
  scenes: {
    needs: root,
    arguments: [
      ...["--data", "scenes:240", "--attacks", "pgd,fgsm,perceptual,l2,deepfool"],
      ...["--just-detect", "--train-images", "240", "--first", "200"],
      ...["--variant", "the others/pgd=pgd", "--variant", "the others/perceptual=perceptual"],
      ...["--variant", "the others/l2=l2", "--variant", "the others/pgd-mean=pgd-mean,preset=odds"],
      ...["--variant", "the others/carlini-wagner=carlini-wagner", "--variant-images", "48"],
    ],
  },
  "cifar10-128": {
    needs: data,
    arguments: [
      ...[...cifar10Data, "--model", join(root, "training/models/cifar10-vgg7-128.onnx")],
      ...["--attacks", "pgd,perceptual,l2,fgsm,deepfool,pgd-mean", ...settings, ...byWeight],
      ...["--train-images", "600", "--first", "200"],
    ],
  },
  ...bySampling,
  resnet20: {
    needs: data,
    arguments: [
      ...[...cifar10Data, "--model", join(data, "models/cifar10_resnet20_bn.onnx"), "--preprocessing", "imagenet"],
      ...["--attacks", "pgd", ...byMargin, "--just-detect", "--train-images", "600", "--first", "200"],
    ],
  },
  "scenes-term": {
    needs: root,
    arguments: [
      ...["--data", "scenes:240", "--attacks", "pgd", ...byMargin],
      ...["--just-detect", "--train-images", "240", "--first", "100"],
    ],
  },
};

const complete = Object.entries(parts).map(([name, { needs, arguments: own, samples = paired }]) => [
  name,
  { needs, arguments: [...own, ...samples] },
]);
runParts(["benchmark", "detection"], Object.fromEntries(complete), join(root, "results/table2"));
