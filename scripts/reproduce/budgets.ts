/**
 * What the default search gains by more evaluations: `npm run reproduce -- budgets`, after `npm run build`.
 *
 * Runs `perceptual-ball benchmark localization` with the perceptual methods at several numbers of evaluations, on 60 Scenes of the split `train` and,
 * where the data is (../shared/data or $PERCEPTUAL_BALL_DATA), with SqueezeNet 1.1 on 20 photographs. What was stopped goes on where it was. Records
 * are in results/budgets/<part>, and budgets.csv there is the table. A part's name as the first argument runs that one only; further arguments go
 * to the command.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { thresholdParameter } from "../../src/localization/threshold-grids.ts";
import { saliencyMethods } from "../../src/saliency/methods.ts";
import { data, root, runPart } from "./run-part.ts";

const methods = ["perceptual", "guided-perceptual"];
/** Evaluations with the shares of the default search; then those of the search that minds no bytes. */
const searches = [
  ...[40, 52, 70, 100, 150].map((evaluations) => ({
    name: `short ${evaluations}`,
    settings: `evaluations=${evaluations}`,
  })),
  ...[70, 150].map((evaluations) => ({
    name: `long ${evaluations}`,
    settings: `evaluations=${evaluations},rounding=none`,
  })),
];
const variants = searches.flatMap(({ name, settings }) =>
  methods.flatMap((method) => ["--variant", `${method} ${name}=${method},${settings}`]),
);

const parts: Readonly<Record<string, readonly string[]>> = {
  scenes: ["--data", "scenes:60", "--split", "train"],
  photographs: [
    ...["--model", join(data, "models/squeezenet1_1.onnx"), "--preprocessing", "imagenet"],
    ...["--data", join(data, "imagenet"), "--first", "20"],
  ],
};

/** What is read of a method's results. */
interface Method {
  readonly name: string;
  readonly isBaseline: boolean;
  readonly images: number;
  readonly energyInside: { readonly value: number } | null;
  readonly averagePrecision: { readonly value: number } | null;
  readonly kinds: Readonly<
    Record<
      string,
      {
        readonly parameter: number;
        readonly error: { readonly value: number };
        readonly curve: readonly { readonly parameter: number; readonly error: number }[];
      }
    >
  >;
  readonly cost: { readonly forward: number; readonly gradient: number };
  readonly outcomes: Readonly<Record<string, number>>;
}

/** A method at one number of evaluations, as a line. */
function lineOf(part: string, { name, images, energyInside, averagePrecision, kinds, cost, outcomes }: Method): string {
  const [method = "", search, evaluations] = name.split(" ");
  const box = saliencyMethods.find((known) => known.name === method)?.box;
  if (box === undefined) throw new Error(`no method is called ${method}`);
  const atDefault = kinds[box.kind].curve.find(({ parameter }) => parameter === thresholdParameter(box));
  const [kind, least] = Object.entries(kinds).reduce((a, b) => (b[1].error.value < a[1].error.value ? b : a));
  const share = (value: number | undefined): string => value?.toFixed(3) ?? "";
  return [
    ...[part, method, search, evaluations, images, (cost.forward + cost.gradient).toFixed(1), outcomes.flipped ?? 0],
    ...[share(energyInside?.value), share(averagePrecision?.value), share(atDefault?.error)],
    ...[share(least.error.value), `${kind}:${least.parameter}`],
  ].join(",");
}

const [first = "", ...rest] = process.argv.slice(2);
const isPart = Object.hasOwn(parts, first);
const further = isPart ? rest : process.argv.slice(2);
const folder = join(root, "results/budgets");
for (const name of isPart ? [first] : Object.keys(parts)) {
  if (name !== "scenes" && !existsSync(join(data, "imagenet"))) {
    process.stderr.write(`${name}: left out, no data in ${data} (PERCEPTUAL_BALL_DATA says where it is)\n`);
    continue;
  }
  const measured = ["--curve-steps", "0", "--keep-maps", "0", "--threads", "1"];
  const words = ["benchmark", "localization", ...parts[name], "--method", "none", ...variants, ...measured, ...further];
  runPart(words, join(folder, name));
}
const lines = Object.keys(parts)
  .filter((name) => existsSync(join(folder, name, "results.json")))
  .flatMap((name) => {
    const { methods: found }: { readonly methods: readonly Method[] } = JSON.parse(
      readFileSync(join(folder, name, "results.json"), "utf8"),
    );
    return found.filter(({ isBaseline }) => !isBaseline).map((method) => lineOf(name, method));
  });
const head =
  "part,method,search,evaluations,pictures,used_mean,flipped,energy_inside,average_precision,error_at_default,least_error,least_error_rule";
writeFileSync(join(folder, "budgets.csv"), `${[head, ...lines].join("\n")}\n`);
