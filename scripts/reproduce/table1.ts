/**
 * Table 1 of the paper and the choices that it leaves open: `npm run reproduce -- table1`, after `npm run build`.
 *
 * Runs `perceptual-ball benchmark localization` with the bundled classifier on 200 Scenes and, where the data is (../shared/data or
 * $PERCEPTUAL_BALL_DATA), with three ImageNet classifiers on 40 validation images; then the sanity check of randomized weights, and
 * `choices`: variants of the perceptual method on Scenes. What was stopped goes on where it was. Records and reports are in results/table1/<part>. A part's name as the
 * first argument runs that part only; further arguments go to the command, such as --workers 1 or --first 10.
 */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { data, root, runPart } from "./run-part.ts";

/** What a small machine can do: fewer masks, coarser curves, fewer iterations than published. The settings are in the results. */
const small = [
  ...["--set", "rise.preset=paper", "--set", "rise.masks=300", "--set", "extremal.iterations=60"],
  ...["--curve-steps", "8", "--keep-maps", "40"],
];

/** One part of the table: the runs of the command that make it, each into a folder of its own. */
interface Part {
  /** Whether the data that it needs is there. */
  readonly isPossible: boolean;
  readonly runs: readonly { readonly out: string; readonly arguments: readonly string[] }[];
}

/** One of three ImageNet classifiers, whose pixels are prepared so, on the 40 validation images. */
function photographs(
  model: string,
  preprocessing: string,
): { readonly isPossible: boolean; readonly arguments: readonly string[] } {
  const file = join(data, "models", `${model}.onnx`);
  return {
    isPossible: existsSync(file) && existsSync(join(data, "imagenet")),
    arguments: ["--data", join(data, "imagenet"), "--model", file, "--preprocessing", preprocessing],
  };
}

/** All methods on them. */
function imagenet(model: string, preprocessing: string): Part {
  const { isPossible, arguments: given } = photographs(model, preprocessing);
  return { isPossible, runs: [{ out: model, arguments: [...given, "--set", "occlusion.stride=24", ...small] }] };
}

/** One choice at a time, the others as they are by default: strength, margin, layers, constraint set, presets. */
const variants = [
  "default=perceptual",
  "no perceptual term=perceptual,perceptualWeight=0,distanceWeight=1",
  ...[0.001, 0.01, 0.1].map((weight) => `strength ${weight}=perceptual,perceptualWeight=${weight}`),
  ...[-1, -10].map((margin) => `margin ${margin}=perceptual,margin=${margin}`),
  'first layers=perceptual,layers=["Relu[:3]"]',
  'last layers=perceptual,layers=["Relu[-3:]"]',
  'all ReLUs=perceptual,layers=["Relu"]',
  "within the range=perceptual,constraint=range",
  "within 8 levels=perceptual,constraint=ball",
  "preset paper=perceptual,preset=paper",
  "preset released=perceptual,preset=released",
].flatMap((variant) => ["--variant", variant]);

/** How much of the errors of RISE and extremal perturbations is due to the small machine. */
const budgets = [
  ...[300, 1000, 3000].map((masks) => `RISE ${masks} masks=rise,preset=paper,masks=${masks}`),
  ...[60, 200, 400].map((iterations) => `extremal ${iterations} steps=extremal,iterations=${iterations}`),
].flatMap((variant) => ["--variant", variant]);

const choice = ["--data", "scenes:40", "--curve-steps", "0", "--keep-maps", "6", "--figure-rows", "4"];

/** What the paper finds the perceptual methods to be ahead of, on the same pictures. */
const rivals = "gradient,smooth-grad,deepfool";

/** Methods whose maps cost few enough runs to be made anew at every stage of the cascade. */
const checked =
  "perceptual,guided-perceptual,gradient,gradient-input,deconvnet,guided-backprop,smooth-grad,integrated-gradients," +
  "grad-cam,guided-grad-cam,excitation-backprop,contrastive-excitation-backprop";

const onPhotographs = photographs("squeezenet1_1", "imagenet");
const parts: Readonly<Record<string, Part>> = {
  scenes: {
    isPossible: true,
    runs: [{ out: "scenes", arguments: ["--data", "scenes:200", "--set", "occlusion.stride=10", ...small] }],
  },
  squeezenet1_1: imagenet("squeezenet1_1", "imagenet"),
  tiny_darknet_bn: imagenet("tiny_darknet_bn", "unit"),
  mobilenetv2: imagenet("mobilenetv2", "symmetric"),
  sanity: {
    isPossible: true,
    runs: [
      {
        out: "sanity",
        arguments: [
          ...["--data", "scenes:3", "--sanity-check", "3", "--sanity-stages", "5", "--curve-steps", "0"],
          ...["--methods", checked, "--keep-maps", "3", "--figure-rows", "3"],
        ],
      },
    ],
  },
  // The choices on photographs, for the smallest of the three networks.
  "choices-photographs": {
    isPossible: onPhotographs.isPossible,
    runs: [
      {
        out: "choices-photographs",
        arguments: [
          ...[...onPhotographs.arguments, "--curve-steps", "0", "--keep-maps", "0"],
          ...["--methods", `guided-perceptual,${rivals}`, ...variants],
        ],
      },
    ],
  },
  choices: {
    isPossible: true,
    runs: [
      { out: "choices", arguments: [...choice, "--methods", `guided-perceptual,${rivals}`, ...variants] },
      { out: "choices-runs", arguments: [...choice, "--methods", "guided-perceptual", ...budgets] },
      ...[0, 1, 4, 8].map((sigma) => ({
        out: `choices-blur-${sigma}`,
        arguments: [
          ...[...choice, "--blur", String(sigma)],
          ...["--methods", `perceptual,guided-perceptual,guided-backprop,${rivals}`],
        ],
      })),
    ],
  },
};

const [first = "", ...rest] = process.argv.slice(2);
const isPart = Object.hasOwn(parts, first);
const further = isPart ? rest : process.argv.slice(2);
for (const name of isPart ? [first] : Object.keys(parts)) {
  const { isPossible, runs } = parts[name];
  if (!isPossible) {
    process.stderr.write(`${name}: left out, no data in ${data} (PERCEPTUAL_BALL_DATA says where it is)\n`);
    continue;
  }
  for (const run of runs) {
    const out = join(root, "results/table1", run.out);
    const shares = ["--threads", "1", "--workers", String(availableParallelism())];
    runPart(["benchmark", "localization", ...run.arguments, ...shares, ...further], out);
  }
}
