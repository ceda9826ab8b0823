/**
 * What the default search gains by more evaluations: `npm run reproduce -- budgets`, after `npm run build`.
 *
 * Runs `perceptual-ball benchmark localization` with the perceptual methods at several numbers of evaluations, on 60 Scenes of the split `train`.
 * What was stopped goes on where it was. The records are in results/budgets/scenes, and budgets.csv there is the table. Further arguments go to the
 * command.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { thresholdParameter } from "../../src/localization/threshold-grids.ts";
import { saliencyMethods } from "../../src/saliency/methods.ts";
import { root, runPart } from "./run-part.ts";

const methods = ["perceptual", "guided-perceptual"];
/** Evaluations with the shares of the default search; then those of the search that minds no bytes. */
const searches = [
  ...[40, 52, 100].map((evaluations) => ({
    name: `short ${evaluations}`,
    settings: `evaluations=${evaluations}`,
  })),
  { name: "long 150", settings: "evaluations=150,rounding=none" },
];
const variants = searches.flatMap(({ name, settings }) =>
  methods.flatMap((method) => ["--variant", `${method} ${name}=${method},${settings}`]),
);

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
function lineOf({ name, images, energyInside, averagePrecision, kinds, cost, outcomes }: Method): string {
  const [method = "", search, evaluations] = name.split(" ");
  const box = saliencyMethods.find((known) => known.name === method)?.box;
  if (box === undefined) throw new Error(`no method is called ${method}`);
  const atDefault = kinds[box.kind].curve.find(({ parameter }) => parameter === thresholdParameter(box));
  const [kind, least] = Object.entries(kinds).reduce((a, b) => (b[1].error.value < a[1].error.value ? b : a));
  const share = (value: number | undefined): string => value?.toFixed(3) ?? "";
  return [
    ...[method, search, evaluations, images, (cost.forward + cost.gradient).toFixed(1), outcomes.flipped ?? 0],
    ...[share(energyInside?.value), share(averagePrecision?.value), share(atDefault?.error)],
    ...[share(least.error.value), `${kind}:${least.parameter}`],
  ].join(",");
}

const folder = join(root, "results/budgets");
const measured = ["--split", "train", "--curve-steps", "0", "--keep-maps", "0", "--threads", "1"];
const words = ["benchmark", "localization", "--data", "scenes:60", "--method", "none", ...variants, ...measured];
runPart([...words, ...process.argv.slice(2)], join(folder, "scenes"));
const { methods: found }: { readonly methods: readonly Method[] } = JSON.parse(
  readFileSync(join(folder, "scenes/results.json"), "utf8"),
);
const lines = found.filter(({ isBaseline }) => !isBaseline).map(lineOf);
const head =
  "method,search,evaluations,pictures,used_mean,flipped,energy_inside,average_precision,error_at_default,least_error,least_error_rule";
writeFileSync(join(folder, "budgets.csv"), `${[head, ...lines].join("\n")}\n`);
