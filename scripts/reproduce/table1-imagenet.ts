/**
 * Table 1 of the paper at its own scale: `npm run reproduce -- table1-imagenet`, after `npm run build`, where the data is (../shared/data or
 * $PERCEPTUAL_BALL_DATA): three classifiers on 1,000 ImageNet validation images with boxes, the predicted class explained.
 *
 * Per network: all methods of below 100 runs on all images; those that cost more on the first 200, with their published settings (`-costly`); ablations,
 * layers and strengths of the perceptual method on the first 300 (`-choices`). Then the costly methods' tables with the others beside them, on the same
 * pictures, and `pooled` and `pooled-costly`, of what the three have finished so far. What was stopped
 * goes on where it was; a part's name as the first argument runs that part only, `pooled` only adds up. Further arguments go to the command.
 * Records and pages stay in results/table1-imagenet, where git ignores them. What they add up from is kept beside each table (judged-records.ts), so that
 * `pooled` takes in networks that another machine has run, and machines share a costly part by pictures: `tiny_darknet_bn-costly --shard 2/4`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { compareMethods, paperMethods } from "../../src/experiments/localization/comparisons.ts";
import type { TabledRecord } from "../../src/experiments/localization/judged-record.ts";
import { summarizeGroups } from "../../src/experiments/localization/picture-groups.ts";
import { isLocalizationRecord, type LocalizationRecord } from "../../src/experiments/localization/record.ts";
import { accuracyOf, type LocalizationSummary, summarizeMethods } from "../../src/experiments/localization/summary.ts";
import { defaultSummaryOptions } from "../../src/experiments/localization/summary-options.ts";
import { rasterize } from "../../src/node/pictures/rasterize.ts";
import { readFolderRecords } from "../../src/node/records/record-folder.ts";
import { comparisonsCsv, groupsCsv } from "../../src/report/localization/comparison-tables.ts";
import { errorPlots } from "../../src/report/localization/plots.ts";
import { localizationCsv, localizationMarkdown, measuresCsv } from "../../src/report/localization/tables.ts";
import { methods } from "../../src/saliency/methods.ts";
import { addJudgedRecords, judgedFile } from "./judged-records.ts";
import { data, root, runPart } from "./run-part.ts";

const results = join(root, "results/table1-imagenet");
const photographs = join(data, "imagenet-227");

/** What they are called, and how their pixels are prepared. */
const networks = { squeezenet1_1: "imagenet", mobilenetv2: "symmetric", tiny_darknet_bn: "unit" };

/** Below 100 runs of the network per picture. */
const cheap = [
  ...["perceptual", "guided-perceptual", "gradient", "gradient-input", "deconvnet", "guided-backprop", "smooth-grad"],
  ...[
    "integrated-gradients",
    "grad-cam",
    "guided-grad-cam",
    "grad-cam-plus-plus",
    "hires-cam",
    "layer-cam",
    "xgrad-cam",
  ],
  ...["eigen-cam", "excitation-backprop", "contrastive-excitation-backprop", "lrp", "deep-lift", "deepfool"],
  ...["expected-gradients", "gradient-shap", "feature-ablation"],
];

/** Hundreds or thousands of runs per picture. */
const costly = ["rise", "extremal", "occlusion", "score-cam"];

/** The ablations, layer sets and strengths; what one does not name is as by default. */
const choices = [
  "default=perceptual",
  "no perceptual term=perceptual,perceptualWeight=0,distanceWeight=1",
  "within the range=perceptual,constraint=range",
  "within 8 levels=perceptual,constraint=ball",
  'first layers=perceptual,layers=["Relu[:3]"]',
  'middle layers=perceptual,layers=["Relu[3:-3]"]',
  'last layers=perceptual,layers=["Relu[-3:]"]',
  'all layers=perceptual,layers=["Relu"]',
  ...[0.001, 0.01, 0.1, 1].map((weight) => `strength ${weight}=perceptual,perceptualWeight=${weight}`),
];

const isNetwork = (name: string): name is keyof typeof networks => Object.hasOwn(networks, name);

/** A network's activations are not all called Relu. */
const activations: Readonly<Partial<Record<keyof typeof networks, string>>> = {
  mobilenetv2: "Clip",
  tiny_darknet_bn: "LeakyRelu",
};

/** RISE's published settings, unless further arguments leave it out: settings of a method that does not run are refused. */
function riseSettings(further: readonly string[]): readonly string[] {
  const at = further.lastIndexOf("--methods");
  const asked = at < 0 ? costly : further[at + 1].split(",");
  return asked.includes("rise") ? ["--set", "rise.preset=paper"] : [];
}

const parts = Object.entries(networks).flatMap(([network, preprocessing]) => {
  if (!isNetwork(network)) return [];
  const common = [
    ...["--data", photographs, "--resize", "exact", "--interpolation", "bilinear"],
    ...["--model", join(data, "models", `${network}.onnx`), "--preprocessing", preprocessing],
  ];
  const own = choices.map((choice) => choice.replace('"Relu', `"${activations[network] ?? "Relu"}`));
  return [
    { name: network, arguments: [...common, "--methods", cheap.join(","), "--curve-steps", "8", "--keep-maps", "6"] },
    {
      name: `${network}-costly`,
      arguments: [
        ...[...common, "--methods", costly.join(","), ...riseSettings(process.argv), "--first", "200"],
        ...["--curve-steps", "8", "--keep-maps", "6"],
      ],
    },
    {
      name: `${network}-choices`,
      arguments: [
        ...[...common, "--methods", "none", ...own.flatMap((choice) => ["--variant", choice])],
        ...["--first", "300", "--curve-steps", "0", "--keep-maps", "0"],
      ],
    },
  ];
});

/** What is finished in a part's folder: the judged records that are kept there, and those of this machine, which are added to them. */
async function finishedOf(folder: string): Promise<TabledRecord[]> {
  if (!existsSync(folder)) return [];
  const { index } = await readFolderRecords<LocalizationRecord>(folder, { isResult: isLocalizationRecord });
  return addJudgedRecords(join(folder, judgedFile), index.allRecords(), defaultSummaryOptions);
}

type Suffix = "" | "-costly";

/** What is finished of `suffix` on a network; beside the costly methods, of the others on the same pictures. */
async function recordsOf(network: string, suffix: Suffix): Promise<TabledRecord[]> {
  const own = await finishedOf(join(results, `${network}${suffix}`));
  if (suffix === "" || own.length === 0) return own;
  const images = new Set(own.map(({ key }) => key.image));
  const others = await finishedOf(join(results, network));
  return [...others.filter(({ key }) => images.has(key.image)), ...own];
}

/** The same of several networks, the network's name before the image's. */
async function pooledRecords(among: readonly string[], suffix: Suffix): Promise<TabledRecord[]> {
  const all: TabledRecord[] = [];
  for (const network of among) {
    for (const record of await recordsOf(network, suffix)) {
      all.push({ ...record, key: { ...record.key, image: `${network}/${record.key.image}` } });
    }
  }
  return all;
}

const networkOf = (image: string): string => image.slice(0, image.indexOf("/"));

/** The names that occur beside each of what `of` names. */
function namesBy(records: readonly TabledRecord[], of: (image: string) => string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { key } of records) {
    const names = found.get(of(key.image)) ?? new Set();
    found.set(of(key.image), names.add(key.method));
  }
  return found;
}

/**
 * Only methods that every network has begun, but for those that have not come half as far as the furthest; and only pictures that a network has finished
 * with all of them: none is judged on the pictures that came first.
 */
function complete(records: readonly TabledRecord[]): TabledRecord[] {
  const begun = [...namesBy(records, networkOf).values()];
  const finished = new Map<string, number>();
  for (const { key } of records) finished.set(key.method, (finished.get(key.method) ?? 0) + 1);
  const most = Math.max(...finished.values());
  const taken = new Set(
    [...finished].flatMap(([name, count]) =>
      2 * count >= most && begun.every((names) => names.has(name)) ? [name] : [],
    ),
  );
  const common = records.filter(({ key }) => taken.has(key.method));
  const byImage = namesBy(common, (image) => image);
  return common.filter(({ key }) => byImage.get(key.image)?.size === taken.size);
}

/**
 * The tables of `among` as one network, in the folder `name`: every network's records count, and what is said of chance takes those of one picture together.
 */
async function writeTables(name: string, among: readonly string[], suffix: Suffix): Promise<void> {
  const records = complete(await pooledRecords(among, suffix));
  if (records.length === 0) return;
  // Where each picture counts once there is nothing to take together.
  const isPooled = among.length > 1 || suffix !== "";
  const pooling = isPooled ? { clusterOf: (image: string): string => image.slice(image.indexOf("/") + 1) } : {};
  const names = new Set(records.map(({ key }) => key.method));
  const runs = Object.values(methods)
    .filter(({ name }) => names.has(name))
    .map((method) => ({ name: method.name, method, settings: {} }));
  const options = defaultSummaryOptions;
  const images = new Set(records.map(({ key }) => key.image));
  const present = [...new Set([...images].map(networkOf))];
  if (present.length < Math.min(2, among.length)) {
    process.stdout.write(`${name}: nothing to pool, only ${present.join()} has finished pictures here\n`);
    return;
  }
  const experiments = present.map((network) =>
    JSON.parse(readFileSync(join(results, `${network}${suffix}`, "experiment.json"), "utf8")),
  );
  const summary: LocalizationSummary = {
    model: {
      name: among.length === 1 ? `${present[0]}.onnx` : present.join(", "),
      sha256: experiments.map(({ model }) => model).join(", "),
      classCount: 1000,
    },
    data: {
      name: among.length === 1 ? "imagenet-227" : `imagenet-227, ${present.length} networks`,
      images: images.size,
    },
    options,
    settings: { ...experiments[0].settings, ...(among.length === 1 ? {} : { preprocessing: "of each network" }) },
    accuracy: accuracyOf(records),
    methods: summarizeMethods(records, runs, options, pooling),
    comparisons: compareMethods(records, runs, paperMethods(runs), options, pooling),
    groups: summarizeGroups(records, runs, options, pooling),
    sanity: [],
    warnings: [],
    problems: [],
    versions: {},
  };
  const out = join(results, name);
  mkdirSync(join(out, "figures"), { recursive: true });
  writeFileSync(join(out, "table1.md"), localizationMarkdown(summary));
  writeFileSync(join(out, "table1.csv"), localizationCsv(summary));
  writeFileSync(join(out, "measures.csv"), measuresCsv(summary));
  writeFileSync(join(out, "comparisons.csv"), comparisonsCsv(summary));
  writeFileSync(join(out, "groups.csv"), groupsCsv(summary));
  for (const { name, svg } of await errorPlots(summary)) {
    writeFileSync(join(out, "figures", `${name}.png`), await rasterize(svg, { scale: 2 }));
  }
  process.stdout.write(`${name}: ${images.size} pairs of picture and network\n`);
}

if (!existsSync(photographs)) {
  process.stderr.write(`table1-imagenet: no data in ${data} (PERCEPTUAL_BALL_DATA says where it is)\n`);
  process.exit(1);
}
const [first = "", ...rest] = process.argv.slice(2);
const isPart = first === "pooled" || parts.some(({ name }) => name === first);
const shares = ["--threads", "1", "--workers", String(availableParallelism())];
for (const part of parts) {
  if (isPart && part.name !== first) continue;
  const further = isPart ? rest : process.argv.slice(2);
  runPart(["benchmark", "localization", ...part.arguments, ...shares, ...further], join(results, part.name));
}
const everyNetwork = Object.keys(networks);
for (const suffix of ["", "-costly"] as const) {
  // The command's own table of a network stands, unless its part has just been run, perhaps with some methods only.
  const remade = everyNetwork.filter((network) => suffix !== "" || network === first);
  for (const network of remade) await writeTables(`${network}${suffix}`, [network], suffix);
  await writeTables(`pooled${suffix}`, everyNetwork, suffix);
}
