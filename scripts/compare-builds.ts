/**
 * Compares two builds of the command line: `npx tsx scripts/compare-builds.ts OLD NEW [WORD…] [-- FLAG…]`, OLD and NEW being checkouts
 * that are built. The flags behind `--` are given to NEW alone: `-- --rounding none` asks it for the search that version 0.1.0 had.
 *
 * Both explain the same pictures by every method and attack them by every attack, with the bundled classifier on bundled pictures and,
 * where the data is (../shared/data or $PERCEPTUAL_BALL_DATA), with its classifiers on its photographs and CIFAR records. Every map
 * (`.npy`) and every picture that a method or an attack made is compared byte for byte; of those that differ, the largest
 * difference is printed. Words choose some of the cases by their names. Exit code 1 if anything differs.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import sharp from "sharp";
import { decodeNpy } from "../src/tensor/npy.ts";

interface Case {
  readonly name: string;
  readonly isPossible: boolean;
  readonly arguments: readonly string[];
}

const words = process.argv.slice(2);
const dashes = words.includes("--") ? words.indexOf("--") : words.length;
const [oldBuild, newBuild, ...chosen] = words.slice(0, dashes);
const flagsOfNew = words.slice(dashes + 1);
if (oldBuild === undefined || newBuild === undefined) {
  console.error("usage: npx tsx scripts/compare-builds.ts OLD NEW [WORD…] [-- FLAG…], two checkouts that are built");
  process.exit(2);
}
const data = resolve(process.env.PERCEPTUAL_BALL_DATA ?? join(import.meta.dirname, "../../shared/data"));
const scratch = mkdtempSync(join(tmpdir(), "compare-builds-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const model = (name: string): string => join(data, "models", `${name}.onnx`);
const photographs = existsSync(join(data, "imagenet/images"))
  ? readdirSync(join(data, "imagenet/images"))
      .sort()
      .slice(0, 2)
      .map((file) => join(data, "imagenet/images", file))
  : [];

/** Settings under which the methods that run for minutes run for seconds; what they compute is the same. */
const shortened = [
  ...[
    "--set",
    "rise.masks=64",
    "--set",
    "extremal.iterations=20",
    "--set",
    "occlusion.stride=14",
    "--set",
    "smooth-grad.samples=8",
  ],
  ...["--set", "integrated-gradients.steps=8", "--seed", "3"],
];
const common = ["--threads", "1", "--quiet"];

/** `explain` by all methods; of the perceptual ones under every preset as well. */
function explanations(name: string, isPossible: boolean, given: readonly string[]): Case[] {
  const all = ["explain", ...given, "--method", "all", ...shortened, ...common];
  const presets = ["paper", "released", "detection"].map((preset) => ({
    name: `${name}, perceptual ${preset}`,
    isPossible,
    arguments: ["explain", ...given, "--method", "perceptual,guided-perceptual", "--preset", preset, ...common],
  }));
  return [{ name: `${name}, all methods`, isPossible, arguments: all }, ...presets];
}

const networks = [
  { name: "squeezenet1_1", preprocessing: "imagenet" },
  { name: "tiny_darknet_bn", preprocessing: "unit" },
  { name: "mobilenetv2", preprocessing: "symmetric" },
];
const onNetwork = networks.flatMap(({ name, preprocessing }) => {
  const isPossible = existsSync(model(name)) && photographs.length > 0;
  const given = [...photographs, "--model", model(name), "--preprocessing", preprocessing];
  return [
    ...explanations(name, isPossible, given),
    { name: `${name}, attacks`, isPossible, arguments: ["attack", ...given, "--attack", "all", ...common] },
  ];
});
const cifar = join(data, "cifar10");
const onCifar = ["cifar10_vgg7_bn", "cifar10_resnet20_bn"].map((name) => ({
  name: `${name}, attacks`,
  isPossible: existsSync(model(name)) && existsSync(cifar),
  arguments: [
    "attack",
    "--data",
    cifar,
    "--first",
    "4",
    "--examples",
    "4",
    "--model",
    model(name),
    "--attack",
    "all",
    ...common,
  ],
}));
const cases: readonly Case[] = [
  ...explanations("bundled", true, []),
  {
    name: "bundled, attacks",
    isPossible: true,
    arguments: ["attack", "--data", "scenes:3", "--examples", "3", "--attack", "all", ...common],
  },
  {
    name: "bundled, ℓ2 attacks",
    isPossible: true,
    arguments: [
      "attack",
      "--data",
      "scenes:3",
      "--examples",
      "3",
      "--attack",
      "pgd,pgd-mean,fgsm",
      "--norm",
      "l2",
      ...common,
    ],
  },
  ...onNetwork,
  ...onCifar,
];

/** The files under `folder`, relative. */
function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(npy|png)$/.test(file))
    .sort();
}

/** The elements of an array file or the bytes of a picture's channels. */
async function elementsOf(file: string): Promise<ArrayLike<number>> {
  if (file.endsWith(".npy")) return decodeNpy(readFileSync(file), file).data as Float32Array;
  return sharp(file).raw().toBuffer();
}

async function difference(a: string, b: string): Promise<string> {
  const [x, y] = [await elementsOf(a), await elementsOf(b)];
  if (x.length !== y.length) return `${x.length} and ${y.length} elements`;
  let [largest, count] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const distance = Math.abs(x[i] - y[i]);
    if (!(distance === 0)) count++;
    if (!(distance <= largest)) largest = distance;
  }
  return count === 0 ? "" : `${count} of ${x.length} elements, by ${largest.toPrecision(3)} at most`;
}

function commitOf(build: string): string {
  return execFileSync("git", ["-C", build, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
}

/** Made for the eye of the arrays and pictures beside them: rows of tiles, and changes amplified by a factor that the page states. */
const drawings = ["panel.png", "perturbation.png", "difference.png"];

let [compared, different] = [0, 0];
console.log(`${commitOf(oldBuild)} and ${commitOf(newBuild)}`);
for (const { name, isPossible, arguments: given } of cases) {
  if (chosen.length > 0 && !chosen.some((word) => name.includes(word))) continue;
  if (!isPossible) {
    console.log(`${name}: left out, no data in ${basename(data)}`);
    continue;
  }
  const folders = [oldBuild, newBuild].map((build, i) => {
    const out = join(scratch, `${cases.findIndex((one) => one.name === name)}-${i}`);
    const flags = [...(i === 0 ? [] : flagsOfNew), "--out", out];
    const { status, stderr } = spawnSync(process.execPath, [join(build, "dist/cli/main.js"), ...given, ...flags], {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) console.log(`${name}: ${i === 0 ? "old" : "new"} build exits with ${status}: ${stderr.trim()}`);
    return { out, status };
  });
  const [before, after] = folders;
  if (before.status !== 0 || after.status !== 0) {
    different++;
    continue;
  }
  const [old, fresh] = [filesUnder(before.out), filesUnder(after.out)];
  /** Where the new build has a file of the old one: what methods of one search have in common may lie beside their folders. */
  const placeOf = (file: string): string | undefined =>
    [file, join(dirname(dirname(file)), basename(file))].find((place) => fresh.includes(place));
  const lost = old.filter((file) => placeOf(file) === undefined);
  for (const file of lost) console.log(`${name}: ${file} is not made any more`);
  different += lost.length;
  let same = 0;
  for (const file of old) {
    const place = placeOf(file);
    if (place === undefined || drawings.includes(basename(file))) continue;
    const found = await difference(join(before.out, file), join(after.out, place));
    compared++;
    if (found === "") same++;
    else {
      different++;
      console.log(`${name}: ${file} differs in ${found}`);
    }
  }
  console.log(`${name}: ${same} files equal`);
  for (const { out } of folders) rmSync(out, { recursive: true, force: true });
}
console.log(`${compared} files compared, ${different} differences`);
process.exitCode = different > 0 ? 1 : 0;
