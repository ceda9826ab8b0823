/**
 * Is the perceptual ball undetectable? `npm run reproduce -- undetectable`: the paper's claim against many detectors, and detectors against attacks that know them.
 *
 * Runs `perceptual-ball benchmark detection --detector all --adaptive` in three parts: where the data is (../shared/data or $PERCEPTUAL_BALL_DATA), `resnet20` and `vgg7` on
 * CIFAR-10, and with the bundled classifier `scenes`. Everything is compared with the attack without the perceptual term at the same margin. Records and reports are in
 * results/undetectable/<part>. What was stopped goes on where it was. Further arguments go to the command, such as --first 24 for fewer pictures; the name of a part as
 * the first one runs that part only.
 */
import { join } from "node:path";
import { data, root, runParts } from "./run-part.ts";

/** The attack without the term first: the others are compared with it. */
const attacks = "l2,perceptual,lpa,ppgd,pgd,apgd,carlini-wagner";

const common = [
  ...["--attacks", attacks, "--against", "l2", "--adaptive", "--eot-copies", "4"],
  // Detectors that learn from attacks learn from either, so that it shows what transfers.
  ...["--fit-attack", "pgd,perceptual", "--fit-images", "120"],
];

const cifar10 = (model: string): string[] => [
  ...["--data", `cifar10:${join(data, "cifar10")}`, "--model", join(data, "models", model)],
  ...["--train-images", "400", "--first", "200"],
];

/** The last hidden layer of the wide network has more features than there are training images: its covariance is shrunk. */
const shrunk = [
  ...["--detector", "squeezing,odds,kernel-density,lid,subset-scanning,probe"],
  ...["--detector-variant", "mahalanobis=mahalanobis,shrinkage=0.1"],
];
const all = ["--detector", "all"];

const parts: Readonly<Record<string, { readonly needs: string; readonly arguments: readonly string[] }>> = {
  resnet20: { needs: data, arguments: [...cifar10("cifar10_resnet20_bn.onnx"), ...all] },
  vgg7: { needs: data, arguments: [...cifar10("cifar10_vgg7_bn.onnx"), ...shrunk] },
  scenes: { needs: root, arguments: ["--data", "scenes:300", "--train-images", "130", "--first", "60", ...shrunk] },
};

// The common settings follow a part's own.
const complete = Object.entries(parts).map(([name, { needs, arguments: own }]) => [
  name,
  { needs, arguments: [...own, ...common] },
]);
runParts(["benchmark", "detection"], Object.fromEntries(complete), join(root, "results/undetectable"));
