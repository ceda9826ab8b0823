/** @file `perceptual-ball universal`: one change for all pictures of a kind, learned on some and judged on others. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Command, Option } from "commander";
import { describeMask } from "../../attacks/hold-to-mask.ts";
import { type UniversalState, universalPerturbation } from "../../attacks/universal/universal-perturbation.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { regionMask } from "../../classifier/preprocessing/region-mask.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { AbortedError, BadInputError, MisuseError, PerceptualBallError, throwIfAborted } from "../../errors.ts";
import { printableJson } from "../../escape-text.ts";
import { judgeUniversal, type UniversalPicture } from "../../experiments/universal/judge-universal.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import { readRegion } from "../../node/pictures/read-region.ts";
import { type FileLock, lockFile } from "../../node/records/file-lock.ts";
import { makeFolder } from "../../node/write-file.ts";
import { type UniversalRecord, universalSentence } from "../../report/universal/page.ts";
import type { FloatTensor } from "../../tensor/tensor.ts";
import {
  type CliContext,
  exitCodes,
  isInterruption,
  notesOf,
  reportError,
  reportInterruption,
  say,
  sayJson,
} from "../context.ts";
import { detectionData, fingerprintedParts } from "../detection-data.ts";
import { addDataFlags, type DataFlags } from "../flags/data-flags.ts";
import { describeHelp } from "../flags/help.ts";
import { addModelFlags, type ModelFlags } from "../flags/model-flags.ts";
import { number } from "../flags/parse-values.ts";
import { pictureOptionsOf } from "../flags/picture-flags.ts";
import { addSpeechFlags, type SpeechFlags } from "../flags/run-flags.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { openClassifier, samplesOfDataset } from "../open-classifier.ts";
import { createProgress } from "../progress.ts";
import { sayPage } from "../reports/page-link.ts";
import { readUniversalState, writeUniversalReport, writeUniversalState } from "../reports/write-universal-report.ts";
import { pictureVersions } from "../versions.ts";

interface Flags extends ModelFlags, DataFlags, RuntimeFlags, SpeechFlags {
  readonly trainImages: number;
  readonly epsilon: number;
  readonly epochs: number;
  readonly batch: number;
  readonly stepSize?: number;
  readonly clamp: number;
  readonly target?: string;
  readonly mask?: string;
  readonly seed: number;
  readonly examples: number;
  readonly out: string;
  readonly fresh?: boolean;
}

export function universalCommand(context: CliContext): Command {
  const command = new Command("universal")
    .summary("learn one change that makes the classifier err on most pictures")
    .description(
      "Learns one change on the training part of a data set and says how many pictures of the test part it fools, in 8 bits, beside random " +
        "signs of the same size. Data without parts is divided in halves. A run that was stopped goes on after its last whole epoch.",
    );
  const whole = (flag: string, min: number, max?: number) =>
    number(flag, { min, max: max ?? Number.MAX_SAFE_INTEGER, integer: true });
  const options = [
    new Option("--epsilon <r>", "the largest change of an element, in pixels of [0, 1], such as 10/255")
      .default(10 / 255, "10/255")
      .argParser(number("--epsilon", { min: 1 / 255, max: 127 / 255 })),
    new Option("--train-images <n>", "pictures to learn from").default(1000).argParser(whole("--train-images", 1)),
    new Option("--epochs <n>", "how often each is seen, a gradient each time")
      .default(10)
      .argParser(whole("--epochs", 1)),
    new Option("--batch <n>", "pictures of a step").default(32).argParser(whole("--batch", 1, 4096)),
    new Option("--step-size <s>", "the length of the first step (default: epsilon / 5)").argParser(
      number("--step-size", { above: 0, max: 1 }),
    ),
    new Option("--clamp <loss>", "the cross-entropy from which on a picture counts no further")
      .default(9)
      .argParser(number("--clamp", { above: 0 })),
    new Option("--target <class>", "class to reach, by name or number (default: any other)"),
    new Option(
      "--mask <region>",
      "change pixels inside only: a box x0,y0,x1,y1 in pixels of the network's input, or a picture of its size that is light there",
    ),
    new Option("--seed <n>", "of the order of pictures, and of the random signs")
      .default(0)
      .argParser(whole("--seed", 0)),
    new Option("--examples <n>", "held-out pictures that are shown").default(6).argParser(whole("--examples", 0, 60)),
    new Option("-o, --out <folder>", "where the files go").default("perceptual-ball-universal"),
    new Option("--fresh", "throw away a change that --out has"),
  ];
  for (const option of options) command.addOption(option.helpGroup("Universal:"));
  addDataFlags(command, { hasLabelFlag: false });
  addModelFlags(command, { hasModelFlag: true });
  addRuntimeFlags(command);
  addSpeechFlags(command);
  return describeHelp(command, context, {
    flags: [
      ...["--data", "--model", "--epsilon", "--train-images", "--first", "--epochs", "--target", "--mask"],
      ...["--batch", "--seed", "--out", "--json"],
    ],
    examples: [
      "universal --data cifar10 --model vgg.onnx",
      "universal --data cifar10 --model vgg.onnx --epsilon 8/255 --train-images 2000 --first 1000 --target frog",
    ],
    notes: `Writes into --out: index.html, universal.json, perturbation.png (level 128 is none) and perturbation.npy (in pixels, whole levels of 255), and the state
that the next run goes on from. It costs a gradient for each training picture and epoch, and a few runs forward for each picture.`,
    failure: "a picture or the model could not be used",
    interruption: "whole epochs are kept",
  }).action((flags: Flags) => learnUniversal(flags, context));
}

async function learnUniversal(flags: Flags, context: CliContext): Promise<void> {
  const { io } = context;
  const { signal } = io;
  const { epsilon, epochs, batch, stepSize = epsilon / 5, clamp, seed, out } = flags;
  checkWritableFolder(out);
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const note = notesOf(io, { ...flags, progress });
  const runtime = await loadRuntime(flags);
  const dataFlags = { ...flags, label: "predicted" as const };
  const classifier = await openClassifier(flags, {
    ...{ runtime, signal, note },
    isLabelled: true,
    samples: async (opened) => {
      const { test, name, listedClasses } = await detectionData(dataFlags, opened, { signal });
      return samplesOfDataset({ images: test, name, ...(listedClasses === undefined ? {} : { listedClasses }) });
    },
    onProgress: ({ runs, of }) => progress.update(runs / of, "trying normalizations"),
  });
  let done = 0;
  // Two runs in one folder would mix their files.
  let lock: FileLock | undefined;
  try {
    if (classifier.prepared.head.kind === "value") {
      throw new MisuseError({
        where: "universal",
        what: "the output is taken as a number, which has no label to change",
        expected: "a classification",
      });
    }
    const data = await fingerprintedParts(await detectionData(dataFlags, classifier, { note, signal }), { signal });
    const onFailure = (_image: string, error: PerceptualBallError): void => {
      context.exitCode = exitCodes.failed;
      progress.around(() => reportError(io, error));
    };
    const train = await readable(
      data.train.map((image) => pictureOf(image, classifier)),
      onFailure,
      signal,
    );
    if (data.test.length === 0 || train.length === 0) {
      throw new BadInputError({
        where: data.name,
        what: data.test.length === 0 ? "no picture is left to judge the change on" : "no picture can be learned from",
        expected: "pictures to learn from and others to judge on: data without parts is halved by the pictures' names",
        got: `${train.length} to learn from, ${data.test.length} to judge on`,
        advice: "Take more pictures, or a data set with parts.",
      });
    }
    const test = data.test.map((image) => pictureOf(image, classifier));
    const target = flags.target === undefined ? undefined : classifier.findLabel(flags.target);
    const mask = await maskOf(flags, classifier, note);
    const settings = {
      ...{ epsilon, epochs, batch, stepSize, clamp, seed, target: target ?? null },
      ...(mask === undefined ? {} : { mask: describeMask(mask) }),
    };
    const { channelCount, height, width } = classifier.input;
    const contents = new Map(data.train.map((image) => [image.id, image.contents]));
    const key = keyOf(settings, classifier, { train, contents, mask });
    await makeFolder(out);
    lock = lockFile(join(out, "state.json"));
    const from = await readUniversalState(out, key, [channelCount, height, width], { note, fresh: flags.fresh });
    done = from?.epoch ?? 0;
    if (done > 0) note(`${done} of ${epochs} epochs are there already`);
    progress.begin();
    const state: UniversalState = await universalPerturbation(
      classifier,
      train.map(({ input }) => input),
      {
        ...{ epsilon, epochs, batch, stepSize, clamp, seed, target, signal },
        ...(mask === undefined ? {} : { mask }),
        ...(from === undefined ? {} : { from }),
        onProgress: (step) => progress.update(step.done / step.of, `epoch ${Math.min(done + 1, epochs)} of ${epochs}`),
        async onEpoch(after) {
          lock?.throwIfLost();
          await writeUniversalState(out, key, after);
          done = after.epoch;
        },
      },
    );
    const judge = (pictures: readonly UniversalPicture[], examples: number) =>
      judgeUniversal(classifier, state.perturbation, pictures, {
        ...{ epsilon, target, mask, seed, examples, signal, onFailure },
        onProgress: (step) => progress.update(step.done / step.of, "judging"),
      });
    const heldOut = await judge(test, flags.examples);
    const learned = await judge(train, 0);
    progress.stop();
    const record: UniversalRecord = {
      model: { name: classifier.file.path.split(/[\\/]/).at(-1) ?? "", sha256: classifier.file.sha256 },
      data: data.name,
      epsilon,
      target: target === undefined ? null : classifier.labelName(target),
      ...(mask === undefined ? {} : { mask: describeMask(mask) }),
      settings,
      epochs: state.fooled,
      learned: learned.counts,
      heldOut: heldOut.counts,
      versions: pictureVersions(runtime),
    };
    await writeUniversalReport(out, {
      record,
      classifier,
      perturbation: state.perturbation,
      examples: heldOut.examples,
    });
    if (flags.json) sayJson(io, record);
    else {
      say(io, universalSentence(record), "");
      sayPage(io, join(out, "index.html"));
    }
  } catch (error) {
    if (!isInterruption(error)) throw error;
    progress.stop();
    reportInterruption(context, {
      ...{ done, of: epochs, unit: "epochs", keptIn: done === 0 ? undefined : out },
      advice: "The same command goes on from there.",
    });
  } finally {
    progress.stop();
    lock?.release();
    await classifier.dispose();
  }
}

function pictureOf({ id, picture }: DatasetImage, classifier: FileClassifier): UniversalPicture {
  return { image: id, input: async () => classifier.fit(await picture()) };
}

/** Those of the pictures that can be read: learning opens each in every epoch, and one that is damaged is no reason to end it. */
async function readable(
  pictures: readonly UniversalPicture[],
  onFailure: (image: string, error: PerceptualBallError) => void,
  signal: AbortSignal,
): Promise<UniversalPicture[]> {
  const found: UniversalPicture[] = [];
  for (const picture of pictures) {
    throwIfAborted(signal, "universal");
    try {
      await picture.input();
      found.push(picture);
    } catch (error) {
      if (!(error instanceof PerceptualBallError) || error instanceof AbortedError) throw error;
      onFailure(picture.image, error);
    }
  }
  return found;
}

/** Where the change may be. It is the same for all pictures, whatever their sizes: in pixels of what the network sees. */
async function maskOf(
  flags: Flags,
  { input: { width, height } }: Classifier,
  note: (text: string) => void,
): Promise<FloatTensor | undefined> {
  if (flags.mask === undefined) return undefined;
  const region = await readRegion(flags.mask, pictureOptionsOf(flags, note));
  if ("box" in region) {
    const [x0, y0, x1, y1] = region.box;
    if (Math.max(x0, 0) >= Math.min(x1, width) || Math.max(y0, 0) >= Math.min(y1, height)) {
      throw new MisuseError({
        where: "--mask",
        what: "nothing of the network's input is in the box",
        expected: `x0,y0,x1,y1 in pixels of it, from 0,0 to ${width},${height}`,
        got: flags.mask,
      });
    }
  }
  return regionMask("--mask", region, { width, height }, { width, height, geometry: { resize: { kind: "none" } } });
}

/** What decides the learning: another model, other pictures or other settings begin anew. */
function keyOf(
  settings: object,
  classifier: FileClassifier,
  {
    train,
    contents,
    mask,
  }: {
    readonly train: readonly UniversalPicture[];
    /** Of the images, by their ids. */
    readonly contents: ReadonlyMap<string, string | undefined>;
    readonly mask: FloatTensor | undefined;
  },
): string {
  const { preprocessing } = classifier.guess;
  const { given } = classifier.prepared;
  const decided = [
    settings,
    classifier.file.sha256,
    preprocessing,
    classifier.prepared.head.decision ?? null,
    train.map(({ image }) => [image, contents.get(image) ?? null]),
    ...(mask === undefined ? [] : [mask.data.join("")]),
    ...(Object.keys(given).length === 0 ? [] : [given]),
  ];
  return createHash("sha256").update(printableJson(decided)).digest("hex");
}
