/** @file `perceptual-ball attack`: adversarial pictures of pictures, or a table for a data set. */
import { basename, join } from "node:path";
import { Command, Option } from "commander";
import type { AttackProgress, AttackResult } from "../../attacks/attack.ts";
import { attacks, findAttack, type RegisteredAttack } from "../../attacks/attacks.ts";
import { MisuseError, nearest } from "../../errors.ts";
import { type AttackRecord, attackRecord } from "../../experiments/attack/record.ts";
import { attackSummaries } from "../../experiments/attack/summary.ts";
import { normalizeSigned } from "../../image/normalize.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { bundledClassifierPath } from "../../node/models/bundled.ts";
import { writeNpy } from "../../node/npy.ts";
import { encodePng, writePng } from "../../node/pictures/write-image.ts";
import { makeFolder, writeFileAtomically } from "../../node/write-file.ts";
import { createRandom } from "../../random/random.ts";
import { type AttackPageEntry, attackPage } from "../../report/attack/page.ts";
import { attackSentence } from "../../report/attack/sentence.ts";
import { attackTable } from "../../report/attack/table.ts";
import { describeRuntime } from "../../runtime/runtime.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type AttackInput, type AttackInputFlags, type AttackInputs, openAttackInputs } from "../attack-inputs.ts";
import { type CliContext, exitCodeOf, exitCodes } from "../context.ts";
import { attackHelp } from "../flags/attack-run-flags.ts";
import { addDataFlags } from "../flags/data-flags.ts";
import { type Setting, settingOf } from "../flags/method-flags.ts";
import { addModelFlags } from "../flags/model-flags.ts";
import { choice, number, words } from "../flags/parse-values.ts";
import { addRuntimeFlags, loadRuntime } from "../flags/runtime-flags.ts";
import { packageVersion } from "../package-version.ts";
import { createProgress, type Progress } from "../progress.ts";

interface Flags extends AttackInputFlags {
  readonly attack: readonly string[];
  readonly set?: readonly Setting[];
  readonly label?: string;
  readonly target?: string;
  readonly preset?: string;
  readonly epsilon?: number;
  readonly norm?: string;
  readonly steps?: number;
  readonly rounding?: "nearest" | "keep";
  readonly batch?: number;
  readonly examples: number;
  readonly seed: number;
  readonly out: string;
  readonly json?: boolean;
}

/** Flags that several attacks share; they go to those that have the option. */
const sharedFlags = ["preset", "epsilon", "norm", "steps"] as const;

export function attackCommand(context: CliContext): Command {
  const command = new Command("attack")
    .description(
      "Writes adversarial pictures as lossless PNGs, and says whether they still fool the classifier when saved; with --data,\n" +
        "attacks a data set (its test part, where it has parts) and prints a table.",
    )
    .argument("[image...]", "pictures (JPEG, PNG, WebP, GIF, TIFF, AVIF)");
  const add = (option: Option): Command => command.addOption(option.helpGroup("Attack:"));
  const count = { min: 1, integer: true };
  add(
    new Option("--attack <list>", "all, or some of the attacks below")
      .default(["perceptual"], "perceptual")
      .argParser(words("--attack")),
  );
  add(new Option("--label <class>", "class to leave, number or name (default: the predicted one)"));
  add(new Option("--target <class>", "class to reach (default: any other)"));
  add(new Option("--preset <name>", "numbers of the attack: detection, auto, paper, released, odds, foolbox, …"));
  add(
    new Option("--epsilon <e>", "radius of the ball in pixels of [0, 1], such as 8/255").argParser(
      number("--epsilon", { min: 0 }),
    ),
  );
  add(new Option("--norm <name>", "linf or l2").argParser(choice("--norm", ["linf", "l2"])));
  add(new Option("--steps <n>", "steps of the attack").argParser(number("--steps", count)));
  add(
    new Option(
      "--set <attack.name=value>",
      "any other setting, such as perceptual.margin=-1; may be repeated",
    ).argParser((text: string, before: readonly Setting[] = []) => [...before, settingOf(text)]),
  );
  add(
    new Option(
      "--rounding <how>",
      "nearest (default), or keep: away from the picture where bytes lose the success",
    ).argParser(choice("--rounding", ["nearest", "keep"])),
  );
  add(
    new Option("--batch <n>", "pictures in lockstep (default: up to 64, fewer of large ones)").argParser(
      number("--batch", { ...count, max: 4096 }),
    ),
  );
  add(
    new Option("--examples <n>", "pictures of a data set that are written and shown")
      .default(12)
      .argParser(number("--examples", { min: 0, integer: true })),
  );
  addDataFlags(command, { hasLabelFlag: false });
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  return command
    .option("--out <folder>", "folder for the results", "perceptual-ball-attack")
    .addOption(
      new Option("--seed <n>", "seed of random starts")
        .default(0)
        .argParser(number("--seed", { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true })),
    )
    .option("--json", "print one JSON object per picture and attack on stdout")
    .option("--quiet", "no progress and no notes")
    .addHelpText(
      "after",
      () => `
Attacks:
${attackHelp()}

Examples:
  perceptual-ball attack dog.jpg --model resnet50.onnx --attack pgd --epsilon 4/255
  perceptual-ball attack dog.jpg --model resnet50.onnx --attack perceptual,deepfool --target "tabby cat"
  perceptual-ball attack --data cifar10 --model vgg.onnx --attack all --first 200

Writes into --out, for each picture and attack: adversarial.png, adversarial.npy (before rounding to bytes), difference.png and
result.json; and index.html, table.md and results.jsonl.
Exit code: 0 done, 1 a picture or the model could not be used, 2 misuse, 130 interrupted (finished pictures are kept).`,
    )
    .action((images: string[], flags: Flags) => attackPictures(images, flags, context));
}

interface Run {
  readonly attack: RegisteredAttack;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The attacks with their settings; throws a MisuseError for a flag that none of them takes. */
function runsOf(flags: Flags): Run[] {
  const chosen = [...new Set(flags.attack.flatMap((name) => (name === "all" ? attacks : [findAttack(name)])))];
  for (const key of sharedFlags) {
    if (flags[key] === undefined || chosen.some(({ optionKeys }) => optionKeys.includes(key))) continue;
    throw new MisuseError({
      where: `--${key}`,
      what: `${chosen.map(({ name }) => name).join(", ")} ${chosen.length > 1 ? "have" : "has"} no such setting`,
      expected: `one of ${attacks.flatMap(({ name, optionKeys }) => (optionKeys.includes(key) ? [name] : [])).join(", ")}`,
    });
  }
  const names = chosen.map(({ name }) => name);
  for (const { method } of flags.set ?? []) {
    if (names.includes(method)) continue;
    const hint = nearest(method, names);
    throw new MisuseError({
      where: "--set",
      what: "no such attack runs",
      expected: `one of ${names.join(", ")}`,
      got: JSON.stringify(method),
      advice: hint === undefined ? undefined : `Did you mean ${hint}?`,
    });
  }
  return chosen.map((attack) => {
    const shared = sharedFlags.filter((key) => flags[key] !== undefined && attack.optionKeys.includes(key));
    const own = (flags.set ?? []).filter(({ method }) => method === attack.name);
    const options = [...shared.map((key) => [key, flags[key]]), ...own.map(({ name, value }) => [name, value])];
    return { attack, options: Object.fromEntries(options) };
  });
}

async function attackPictures(images: readonly string[], flags: Flags, context: CliContext): Promise<void> {
  const runs = runsOf(flags);
  checkWritableFolder(flags.out);
  const { io } = context;
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const opened = await openAttackInputs("attack", images, flags, context, progress);
  const { classifier, inputs, source } = opened;
  try {
    for (const { attack, options } of runs) attack.check(classifier, options);
    const results = await attackInTurn(opened, runs, flags, context, progress);
    progress.stop();
    const finished = results[0].length;
    const records = await writeResults(opened, runs, results, flags);
    for (const record of records) {
      if (flags.json) io.stdout.write(`${JSON.stringify(record)}\n`);
      else if (flags.data === undefined) {
        io.stdout.write(`${basename(record.image)}, ${record.attack}: ${attackSentence(record)}\n`);
      }
    }
    const page = join(flags.out, "index.html");
    if (context.exitCode === exitCodes.interrupted) {
      const kept = finished === 0 ? "" : `; those are in ${page}`;
      io.stderr.write(`perceptual-ball: interrupted after ${finished} of ${inputs.length} pictures${kept}\n`);
    } else if (!flags.json) {
      const table = attackTable(attackSummaries(records));
      if (flags.data !== undefined) io.stdout.write(`${inputs.length} pictures of ${source}\n\n${table}\n`);
      io.stdout.write(`\nReport: ${page}\n`);
    }
  } finally {
    progress.stop();
    await classifier.dispose();
  }
}

/** So many pictures are attacked by all attacks before the next ones are: what an interruption leaves is whole. */
const picturesPerTurn = 64;

/** What each attack made of the pictures, as far as it came: an interruption sets the exit code and keeps what is finished. */
async function attackInTurn(
  { classifier, inputs }: AttackInputs,
  runs: readonly Run[],
  flags: Flags,
  context: CliContext,
  progress: Progress,
): Promise<AttackResult[][]> {
  const { signal } = context.io;
  const [label, target] = [flags.label, flags.target].map((given) =>
    given === undefined ? undefined : classifier.findLabel(given),
  );
  const results: AttackResult[][] = runs.map(() => []);
  const turn = Math.max(picturesPerTurn, flags.batch ?? 0);
  progress.begin();
  try {
    for (let first = 0; first < inputs.length; first += turn) {
      const some = inputs.slice(first, first + turn);
      const found: AttackResult[][] = [];
      for (const [k, { attack, options }] of runs.entries()) {
        const given = {
          ...options,
          ...(label === undefined ? {} : { labels: some.map(() => label) }),
          ...(target === undefined ? {} : { targets: some.map(() => target) }),
          rounding: flags.rounding,
          batch: flags.batch,
          // Of the picture alone, so that neither the order of the attacks nor the other pictures matter.
          random: (image: number) => createRandom(flags.seed, first + image),
          signal,
          onProgress: ({ images, gradients }: AttackProgress) =>
            progress.update(
              (first * runs.length + some.length * k + images) / (inputs.length * runs.length),
              `${attack.name}: ${first + images} of ${inputs.length} pictures, ${gradients} gradients`,
            ),
        };
        const images = some.map(({ input }) => input);
        found.push(await attack.attack(classifier, images, given));
      }
      for (const [k, ofAttack] of found.entries()) results[k].push(...ofAttack);
    }
  } catch (error) {
    if (exitCodeOf(error) !== exitCodes.interrupted) throw error;
    context.exitCode = exitCodes.interrupted;
  }
  return results;
}

/** Writes files, table and page; the records of all finished pictures and attacks, picture by picture. */
async function writeResults(
  { classifier, inputs, source }: AttackInputs,
  runs: readonly Run[],
  results: readonly (readonly AttackResult[])[],
  flags: Flags,
): Promise<AttackRecord[]> {
  const { out } = flags;
  await makeFolder(out);
  const runtime = describeRuntime(await loadRuntime(flags));
  const versions = { perceptualBall: packageVersion(), runtime, platform: `Node ${process.version}` };
  const model = { path: flags.model ?? bundledClassifierPath, sha256: classifier.file.sha256 };
  const records: AttackRecord[] = [];
  const entries: AttackPageEntry[] = [];
  if (results[0].length === 0) return records;
  for (const [n, input] of inputs.slice(0, results[0].length).entries()) {
    const isWritten = flags.data === undefined || n < flags.examples;
    const shown: AttackPageEntry["attacks"][number][] = [];
    for (const [k, { attack }] of runs.entries()) {
      const folder = runs.length === 1 ? input.name : `${input.name}/${attack.name}`;
      const result = results[k][n];
      const record = attackRecord({
        classifier,
        result,
        image: input.image,
        attack: attack.name,
        attackTitle: attack.title,
        model,
        files: isWritten
          ? {
              adversarial: `${folder}/adversarial.png`,
              adversarialNpy: `${folder}/adversarial.npy`,
              difference: `${folder}/difference.png`,
              result: `${folder}/result.json`,
            }
          : {},
        versions,
      });
      records.push(record);
      if (isWritten) shown.push({ record, ...(await writeFiles(out, folder, input, result, record)) });
    }
    if (isWritten) entries.push({ image: input.image, original: await dataUri(input.input), attacks: shown });
  }
  const { file, classCount } = classifier;
  const { width, height } = classifier.input;
  const page = attackPage({
    model: { name: basename(file.path), sha256: file.sha256, classCount },
    source,
    records,
    entries,
    size: { width, height },
  });
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  await writeFileAtomically(join(out, "index.html"), page);
  await writeFileAtomically(join(out, "results.jsonl"), lines);
  await writeFileAtomically(join(out, "table.md"), `${attackTable(attackSummaries(records))}\n`);
  return records;
}

/** Writes one picture's files; the two pictures come back for the page. */
async function writeFiles(
  out: string,
  folder: string,
  { input }: AttackInput,
  { rounded, withinBudget }: AttackResult,
  record: AttackRecord,
): Promise<{ readonly adversarial: string; readonly difference: string }> {
  const difference = normalizeSigned(
    floatTensor(
      withinBudget.image.data.map((x, i) => x - input.data[i]),
      input.shape,
    ),
  );
  const path = (name: string): string => join(out, folder, name);
  await makeFolder(join(out, folder));
  await Promise.all([
    writePng(path("adversarial.png"), rounded.image, { isNetworkInput: true }),
    writeNpy(path("adversarial.npy"), withinBudget.image),
    writePng(path("difference.png"), difference),
  ]);
  await writeFileAtomically(path("result.json"), `${JSON.stringify(record, null, 2)}\n`);
  return { adversarial: await dataUri(rounded.image), difference: await dataUri(difference) };
}

async function dataUri(image: AttackInput["input"]): Promise<string> {
  return `data:image/png;base64,${Buffer.from(await encodePng(image)).toString("base64")}`;
}
