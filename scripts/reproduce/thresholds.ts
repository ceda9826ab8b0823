/**
 * The default thresholds of the methods: `npm run reproduce -- thresholds`, after `npm run build`.
 *
 * Runs `perceptual-ball benchmark localization` on Scenes of the split `train`, which neither the benchmarks nor the tests use: 400 for the
 * perceptual methods, 120 for the others that cost little, 60 or 30 for the rest; then on 200 of the split `test`, which have no part in any
 * choice. What was stopped goes on where it was. Records and reports are in
 * results/thresholds/<part>; curves.csv there has the error at every threshold, and thresholds.csv the rule that {@link chooseThreshold}
 * takes for each method, and held-out.csv the error of the methods' own rules (`box`) on the split `test`. With `--part NAME` only that part runs, and
 * what the files say of other methods stays.
 * Further arguments go to the command, such as --workers 1.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { thresholdParameter } from "../../src/localization/threshold-grids.ts";
import { saliencyMethods } from "../../src/saliency/methods.ts";
import { root, runPart } from "./run-part.ts";

const costly = ["occlusion", "rise", "extremal"];
const others =
  "gradient,gradient-input,deconvnet,guided-backprop,smooth-grad,integrated-gradients," +
  "grad-cam,guided-grad-cam,excitation-backprop,contrastive-excitation-backprop,deepfool";

const cams = "grad-cam-plus-plus,hires-cam,layer-cam,xgrad-cam,score-cam,ablation-cam,eigen-cam";

const perceptual = "perceptual,guided-perceptual";
/** How the parts begin on which nothing is chosen. */
const heldOut = "held-out";

const parts = [
  { name: "scenes-perceptual", arguments: ["--data", "scenes:400", "--methods", perceptual] },
  { name: "scenes", arguments: ["--data", "scenes:120", "--methods", others] },
  {
    name: "scenes-costly",
    arguments: [
      ...["--data", "scenes:60", "--methods", costly.join(","), "--set", "occlusion.stride=10"],
      ...["--set", "rise.preset=paper", "--set", "rise.masks=1000", "--set", "extremal.iterations=100"],
    ],
  },
  {
    name: "scenes-cams",
    arguments: [
      ...["--data", "scenes:120", "--methods", cams],
      // The other ways of two of them, which did not become the default.
      ...["--variant", "eigen-centered=eigen-cam,centered=true", "--variant", "score-authors=score-cam,preset=authors"],
    ],
  },
  {
    name: "scenes-attributions",
    arguments: ["--data", "scenes:120", "--methods", "lrp,deep-lift,expected-gradients,gradient-shap"],
  },
  {
    name: "scenes-superpixels",
    arguments: [
      ...["--data", "scenes:30", "--methods", "feature-ablation,lime,kernel-shap"],
      ...["--set", "lime.samples=500", "--set", "kernel-shap.samples=500"],
    ],
  },
  ...Object.entries({
    [heldOut]: `${perceptual},gradient,gradient-input,deconvnet,guided-backprop,grad-cam,guided-grad-cam,excitation-backprop,contrastive-excitation-backprop`,
    [`${heldOut}-cams`]: "grad-cam-plus-plus,hires-cam,layer-cam,xgrad-cam,eigen-cam,lrp,deep-lift",
    [`${heldOut}-sampled`]: "integrated-gradients,smooth-grad,deepfool",
    [`${heldOut}-ablations`]: "score-cam,ablation-cam,expected-gradients,gradient-shap",
  }).map(([name, methods]) => ({ name, arguments: ["--data", "scenes:200", "--methods", methods] })),
];

/** A kind of threshold of one method: the error at each place of its grid, and what comes out if it is chosen on other pictures. */
interface Kind {
  readonly parameter: number;
  readonly error: { readonly value: number };
  readonly heldOut: { readonly value: number };
  readonly curve: readonly { readonly parameter: number; readonly error: number }[];
}

interface Method {
  readonly name: string;
  readonly isBaseline: boolean;
  readonly images: number;
  readonly kinds: Readonly<Record<string, Kind>>;
}

/** Errors with a quarter of each neighbor's: a threshold that is good only where it is exactly met is no good default. */
function smoothed(errors: readonly number[]): number[] {
  return errors.map((error, t) => {
    const neighbors = [errors[t - 1], errors[t + 1]].filter((other) => other !== undefined);
    return (2 * error + neighbors.reduce((sum, other) => sum + other, 0)) / (2 + neighbors.length);
  });
}

/** Another kind has to err less than `energy` by more than this: one picture in fifty. */
const advantage = 0.02;

/**
 * The rule with the least smoothed error over the grid of `energy`; of another kind, if its least smoothed error is lower by more than
 * {@link advantage}. Of equal ones the greater threshold, whose box is smaller by less.
 */
function chooseThreshold({ kinds }: Method) {
  const best = Object.entries(kinds).map(([kind, { curve }]) => {
    const errors = smoothed(curve.map(({ error }) => error));
    const least = Math.min(...errors);
    const place = errors.lastIndexOf(least);
    return { kind, ...curve[place], smoothed: least };
  });
  const energy = best.find(({ kind }) => kind === "energy");
  const other = best.reduce((a, b) => (b.smoothed < a.smoothed ? b : a));
  return energy !== undefined && energy.smoothed <= other.smoothed + advantage ? energy : other;
}

/** What a file of results says of each method, by the method's name: the lines that begin with it. */
function linesByMethod(file: string): Map<string, string[]> {
  const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").slice(1) : [];
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const [method] = line.split(",");
    found.set(method, [...(found.get(method) ?? []), line]);
  }
  return found;
}

/** The rule with the least error of all, and that error. */
function leastOf({ kinds }: Method): readonly [rule: string, error: string] {
  const [kind, least] = Object.entries(kinds).reduce((a, b) => (b[1].error.value < a[1].error.value ? b : a));
  return [`${kind}:${least.parameter}`, least.error.value.toFixed(3)];
}

/** How the method's own rule does, as a line. */
function judged(method: Method): string {
  const box = saliencyMethods.find(({ name }) => name === method.name)?.box;
  if (box === undefined) throw new Error(`no method is called ${method.name}`);
  const parameter = thresholdParameter(box);
  const place = method.kinds[box.kind].curve.find((point) => point.parameter === parameter);
  if (place === undefined) throw new Error(`${method.name}: its rule is none of the grid's`);
  const [rule, least] = leastOf(method);
  return [method.name, method.images, box.kind, parameter, place.error.toFixed(3), least, rule].join(",");
}

const [curvesFile, thresholdsFile, judgedFile] = ["curves.csv", "thresholds.csv", "held-out.csv"].map((name) =>
  join(root, "results/thresholds", name),
);
const curves = linesByMethod(curvesFile);
const thresholds = linesByMethod(thresholdsFile);
const judgements = linesByMethod(judgedFile);
const given = process.argv.slice(2);
const at = given.indexOf("--part");
const [, only] = at < 0 ? [] : given.splice(at, 2);
const chosenParts = parts.filter(({ name }) => at < 0 || name === only);
if (chosenParts.length === 0) throw new Error(`--part: one of ${parts.map(({ name }) => name).join(", ")}`);
for (const part of chosenParts) {
  const out = join(root, "results/thresholds", part.name);
  const shares = ["--threads", "1", "--workers", String(availableParallelism())];
  const common = [
    "--split",
    part.name.startsWith(heldOut) ? "test" : "train",
    "--curve-steps",
    "0",
    "--keep-maps",
    "0",
  ];
  runPart(["benchmark", "localization", ...part.arguments, ...common, ...shares, ...given], out);
  const { methods }: { readonly methods: readonly Method[] } = JSON.parse(
    readFileSync(join(out, "results.json"), "utf8"),
  );
  for (const method of methods) {
    if (method.isBaseline) continue;
    if (part.name.startsWith(heldOut)) {
      judgements.set(method.name, [judged(method)]);
      continue;
    }
    const ownCurves = Object.entries(method.kinds).flatMap(([kind, { curve }]) =>
      curve.map(({ parameter, error }) => [method.name, kind, parameter, error.toFixed(3)].join(",")),
    );
    curves.set(method.name, ownCurves);
    const chosen = chooseThreshold(method);
    const [leastRule, least] = leastOf(method);
    const numbers = [...[chosen.error, chosen.smoothed].map((value) => value.toFixed(3)), least];
    const rule = [chosen.kind, String(chosen.parameter)];
    const byHalves = method.kinds.energy.heldOut.value.toFixed(3);
    const line = [method.name, method.images, ...rule, ...numbers, leastRule, byHalves].join(",");
    thresholds.set(method.name, [line]);
  }
}
const write = (file: string, head: string, lines: ReadonlyMap<string, readonly string[]>): void =>
  writeFileSync(file, `${[head, ...[...lines.values()].flat()].join("\n")}\n`);
write(curvesFile, "method,kind,parameter,error", curves);
write(
  thresholdsFile,
  "method,pictures,rule,parameter,error,smoothed_error,least_error,least_error_rule,held_out_energy",
  thresholds,
);
write(judgedFile, "method,pictures,rule,parameter,error,least_error,least_error_rule", judgements);
