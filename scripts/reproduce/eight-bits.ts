/**
 * How many perturbed pictures keep their new label in eight bits: `npm run reproduce -- eight-bits`, after `npm run build`.
 *
 * Runs `perceptual-ball attack` with the search that is the default of `explain` on 100 pictures for each network that the data has (../shared/data or
 * $PERCEPTUAL_BALL_DATA), and on 200 Scenes for the bundled classifier. What was stopped goes on where it was. The records are in
 * results/eight-bits/<network>, and eight-bits.csv there counts them. A network's name as the first argument runs that one only; further
 * arguments go to the command.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { data, root } from "./run-part.ts";

/** What `--data` is for each network, and how its pixels are prepared. */
const parts: Readonly<Record<string, readonly string[]>> = {
  "scenes-vgg": ["--data", "scenes:200"],
  ...Object.fromEntries(
    (
      [
        ["cifar10_vgg7_bn", "cifar10", "symmetric"],
        ["cifar10_resnet20_bn", "cifar10", "imagenet"],
        ["squeezenet1_1", "imagenet-227", "imagenet"],
        ["mobilenetv2", "imagenet-227", "symmetric"],
        ["tiny_darknet_bn", "imagenet-227", "unit"],
      ] as const
    ).map(([model, folder, preprocessing]) => [
      model,
      [
        ...["--model", join(data, "models", `${model}.onnx`), "--preprocessing", preprocessing],
        ...["--data", join(data, folder), "--first", "100"],
      ],
    ]),
  ),
};

/** What is read of a record of results.jsonl. */
interface Line {
  readonly outcome: string;
  readonly rounded: { readonly success: boolean };
  readonly evaluations: { readonly forward: number; readonly gradient: number };
}

/** A line of the table. */
function counted(name: string): string {
  const text = readFileSync(join(root, "results/eight-bits", name, "results.jsonl"), "utf8").trimEnd();
  const records = text.split("\n").map((line): Line => JSON.parse(line));
  const used = records.map(({ evaluations }) => evaluations.forward + evaluations.gradient);
  const mean = used.reduce((sum, runs) => sum + runs, 0) / used.length;
  const flipped = records.filter(({ outcome }) => outcome === "flipped").length;
  const kept = records.filter(({ rounded }) => rounded.success).length;
  return [name, records.length, flipped, kept, mean.toFixed(1), Math.max(...used)].join(",");
}

const [first = "", ...rest] = process.argv.slice(2);
const isPart = Object.hasOwn(parts, first);
const further = isPart ? rest : process.argv.slice(2);
for (const name of isPart ? [first] : Object.keys(parts)) {
  const out = join(root, "results/eight-bits", name);
  const search = ["--attack", "perceptual", "--set", "preset=auto", "--batch", "4", "--examples", "0"];
  const words = ["attack", ...parts[name], ...search, "--threads", "1", "--out", out, ...further];
  const { status } = spawnSync(process.execPath, [join(root, "dist/cli/main.js"), ...words], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
const made = Object.keys(parts).filter((name) => existsSync(join(root, "results/eight-bits", name, "results.jsonl")));
const head = "network,pictures,flipped,flipped_in_eight_bits,runs_mean,runs_most";
writeFileSync(join(root, "results/eight-bits/eight-bits.csv"), `${[head, ...made.map(counted)].join("\n")}\n`);
