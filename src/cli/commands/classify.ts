/** @file `perceptual-ball classify`: the most probable classes of pictures, folders and data sets. */

import { Command, Option } from "commander";
import type { Classifier } from "../../classifier/classifier.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import {
  type ClassificationRecord,
  classificationAccuracy,
  classifyPictures,
  type PictureToClassify,
} from "../../experiments/classification/classify-pictures.ts";
import {
  accuracyLine,
  classificationHeading,
  classificationLine,
  classificationRow,
} from "../../report/classification/tables.ts";
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
import { addDataFlags, type DataFlags, datasetOf } from "../flags/data-flags.ts";
import { addEndpointFlags, type EndpointFlags } from "../flags/endpoint-flags.ts";
import { describeHelp } from "../flags/help.ts";
import { addModelFlags } from "../flags/model-flags.ts";
import { batchOption } from "../flags/noise-flags.ts";
import { number } from "../flags/parse-values.ts";
import { pictureArgument, pictureOptionsOf } from "../flags/picture-flags.ts";
import { addSpeechFlags, type SpeechFlags } from "../flags/run-flags.ts";
import { addRuntimeFlags, loadRuntime, type RuntimeFlags } from "../flags/runtime-flags.ts";
import { notedPicture, noteFit } from "../noted-picture.ts";
import { openModelOrEndpoint, samplesOfDataset, samplesOfPictures } from "../open-classifier.ts";
import { checkPicturesOrData, picturesBesideData } from "../pictures.ts";
import { createProgress } from "../progress.ts";

interface Flags extends EndpointFlags, DataFlags, RuntimeFlags, SpeechFlags {
  readonly top: number;
  readonly batch?: number;
  readonly csv?: boolean;
}

export function classifyCommand(context: CliContext): Command {
  const command = new Command("classify")
    .description(
      "Prints the most probable classes of pictures, folders and data sets, and the accuracy where the right classes are known.",
    )
    .argument("[image...]", pictureArgument);
  const top = number("--top", { min: 1, integer: true });
  const options = [
    new Option("--top <k>", "how many classes of each picture").default(5).argParser(top),
    batchOption(),
    new Option("--csv", "print CSV on stdout, a row per picture").conflicts("json"),
  ];
  for (const option of options) command.addOption(option.helpGroup("Classes:"));
  addDataFlags(command, { hasLabelFlag: true });
  addModelFlags(command, { hasModelFlag: true });
  addEndpointFlags(command);
  addRuntimeFlags(command);
  addSpeechFlags(command);
  return describeHelp(command, context, {
    flags: [
      "--model",
      "--labels",
      "--preprocessing",
      "--data",
      "--split",
      "--first",
      "--top",
      "--csv",
      "--json",
      "--quiet",
    ],
    examples: [
      "classify photos/ --model resnet50.onnx --top 3",
      "classify --data cifar10 --model vgg.onnx --csv > classes.csv",
      "classify --data cifar10 --model vgg.onnx --first 1000 --top 1 --csv > classes.csv",
    ],
    notes: "Prints a line per picture, as text, JSON or CSV. Nothing is written.",
    failure: "a picture or the model could not be used",
    interruption: "what was printed stands",
  }).action((images: string[], flags: Flags) => classify(images, flags, context));
}

async function classify(images: readonly string[], flags: Flags, context: CliContext): Promise<void> {
  const { io } = context;
  const { signal } = io;
  const { data, top, batch, csv, json } = flags;
  checkPicturesOrData("classify", images, flags);
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const note = notesOf(io, { ...flags, progress });
  const files = await picturesBesideData(images, data, pictureOptionsOf(flags, note));
  const classifier = await openModelOrEndpoint(flags, {
    ...{ runtime: await loadRuntime(flags), signal, note },
    hasOwnPictures: images.length > 0,
    takesAllLabels: true,
    isLabelled: data !== undefined,
    samples: async (opened) =>
      data === undefined
        ? samplesOfPictures(files, opened.input)
        : samplesOfDataset(await datasetOf(flags, opened, { signal })),
    onProgress: ({ runs, of }) => progress.update(runs / of, "trying normalizations"),
  });
  const records: ClassificationRecord[] = [];
  let of = 0;
  try {
    const pictures: WarnedPicture[] =
      data === undefined
        ? files.map(({ image, load, warnings }) => ({
            image,
            load: () => load(classifier.input),
            warnings,
          }))
        : (await datasetOf(flags, classifier, { note, signal })).images.map((one) => toClassify(one, classifier));
    const concluded = new Map(pictures.map(({ image, warnings }) => [image, warnings]));
    of = pictures.length;
    const count = Math.min(top, classifier.classCount);
    if (csv) io.stdout.write(classificationHeading(count));
    progress.begin();
    const onFailure = (_image: string, error: Error): void => {
      context.exitCode = exitCodes.failed;
      progress.around(() => reportError(io, error));
    };
    for await (const record of classifyPictures(classifier, pictures, { top: count, batch, signal, onFailure })) {
      records.push(record);
      progress.update(records.length / of, record.image);
      progress.around(() => {
        const warnings = [...classifier.warnings, ...(concluded.get(record.image)?.() ?? [])];
        if (json) sayJson(io, { ...record, warnings });
        else if (csv) io.stdout.write(classificationRow(record, count));
        else say(io, classificationLine(record));
      });
    }
    progress.stop();
    const accuracy = classificationAccuracy(records);
    // Beside JSON and CSV it is no record.
    if (accuracy !== undefined && !json && !csv) say(io, "", accuracyLine(accuracy));
    else if (accuracy !== undefined) note(accuracyLine(accuracy));
  } catch (error) {
    if (!isInterruption(error)) throw error;
    progress.stop();
    reportInterruption(context, { done: records.length, of });
  } finally {
    progress.stop();
    await classifier.dispose();
  }
}

/** A picture with what was concluded when it was loaded. */
interface WarnedPicture extends PictureToClassify {
  readonly warnings: () => readonly ModelWarning[];
}

function toClassify({ id, label, picture }: DatasetImage, { input }: Pick<Classifier, "input">): WarnedPicture {
  const { onNote, warnings } = notedPicture();
  return {
    image: id,
    label,
    load: async () => {
      const one = await picture({ onNote });
      noteFit(id, one, input, onNote);
      return one;
    },
    warnings,
  };
}
