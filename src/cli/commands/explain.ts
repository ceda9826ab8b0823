/** @file `perceptual-ball explain`: pictures in, a report out. */
import { Command } from "commander";
import { MisuseError } from "../../errors.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { readRegion } from "../../node/pictures/read-region.ts";
import { workerChannel } from "../../node/records/workers.ts";
import { usualMethods, usualMethodsOf, usualMethodsWithoutGradient } from "../../report/explanation/usual-methods.ts";
import { type CliContext, notesOf } from "../context.ts";
import { type AskedRun, checkedMethodRuns, maskedMethods, methodRunsOf } from "../explain/explain-methods.ts";
import { type Explaining, explainingOf } from "../explain/explain-pictures.ts";
import { addEndpointFlags, scoreMethods } from "../flags/endpoint-flags.ts";
import { addExplainFlags, type ExplainFlags } from "../flags/explain-flags.ts";
import { describeHelp } from "../flags/help.ts";
import { addModelFlags } from "../flags/model-flags.ts";
import { addPictureFlags, pictureArgument, pictureOptionsOf } from "../flags/picture-flags.ts";
import { addRunnableFlags, methodKind, runnableHelp } from "../flags/runnables.ts";
import { addRuntimeFlags, loadRuntime } from "../flags/runtime-flags.ts";
import { openModelOrEndpoint, samplePictures } from "../open-classifier.ts";
import { bundledPictures, type PictureSource, picturesOfFiles, seemsReadable } from "../pictures.ts";
import { pictureVersions } from "../versions.ts";

export function explainCommand(context: CliContext): Command {
  const command = new Command("explain")
    .description(
      "Shows what a label rests on, as maps, by one method or several. The default methods change each picture as little as the " +
        "network's own features can tell until its label flips. Without pictures and model it explains bundled ones.",
    )
    .argument("[image...]", pictureArgument);
  addExplainFlags(command);
  addModelFlags(command, { hasModelFlag: true });
  addEndpointFlags(command, `methods that look at scores (${scoreMethods.join(", ")})`);
  addPictureFlags(command);
  addRuntimeFlags(command);
  addRunnableFlags(command, methodKind, { fallback: usualMethods });
  return describeHelp(command, context, {
    flags: [
      ...["--model", "--labels", "--preprocessing", "--method", "--label"],
      ...["--target", "--set", "--out", "--open", "--json"],
    ],
    lists: [{ title: "Methods", names: methodKind.all.map(({ name }) => name), text: runnableHelp(methodKind) }],
    examples: [
      "explain dog.jpg cat.png --model resnet50.onnx",
      'explain cat.jpg --model squeezenet.onnx --target "tiger cat"',
      "explain cat.jpg --model model.onnx --method perceptual,grad-cam",
      "explain",
      "explain cat.jpg --endpoint http://127.0.0.1:8000/model --method rise,occlusion",
      "explain dog.jpg --model vgg19_bn.onnx --preset released --perceptual-weight 10 --json",
      "explain dog.jpg --model resnet50.onnx --method grad-cam --layer 'Relu[-1]' --set upsampling=nearest",
    ],
    notes: `Writes into --out, for each picture: overlay.png (the map over the whole picture), panel.png, input.png, map.png, map.npy and result.json, of
methods that change the picture also perturbed.png and perturbation.png; index.html, and results.csv. What an earlier report left in --out is
replaced as a whole. With several methods each has a folder; beside them lie what they have in common, the overlay.png of the first, and
a panel.png of all.`,
    failure: "a picture or the model could not be used",
  }).action((images: string[], flags: ExplainFlags) => explain(images, flags, context));
}

async function explain(images: readonly string[], flags: ExplainFlags, context: CliContext): Promise<void> {
  if (images.length === 0 && (flags.model ?? flags.endpoint) !== undefined) {
    throw new MisuseError({
      where: "explain",
      what: "there is a model but no picture",
      expected: "at least one picture",
      advice: "perceptual-ball explain dog.jpg --model model.onnx",
    });
  }
  const usual = flags.endpoint === undefined ? usualMethods : usualMethodsWithoutGradient;
  const methods = maskedMethods(methodRunsOf(flags, usual), flags);
  checkWritableFolder(flags.out);
  const note = notesOf(context.io, flags);
  const pictures =
    images.length === 0 ? bundledPictures(flags.seed) : await picturesOfFiles(images, pictureOptionsOf(flags, note));
  const region = flags.mask === undefined ? undefined : await readRegion(flags.mask, pictureOptionsOf(flags, note));
  const explaining = explainingOf(flags, context, pictures, region);
  try {
    // Wrong paths are all named before anything takes time.
    const present: PictureSource[] = [];
    for (const picture of pictures) {
      const isPresent = images.length === 0 || seemsReadable(picture.image);
      if (isPresent || (await explaining.load(picture)) !== undefined) present.push(picture);
    }
    if (present.length > 0) await explainPresent(present, explaining, methods, flags, context, images.length > 0);
  } finally {
    explaining.progress.stop();
  }
}

async function explainPresent(
  present: readonly PictureSource[],
  { progress, samples, explainAll, serve }: Explaining,
  methods: readonly AskedRun[],
  flags: ExplainFlags,
  { io }: CliContext,
  hasOwnPictures: boolean,
): Promise<void> {
  const note = notesOf(io, { ...flags, progress });
  const runtime = await loadRuntime(flags);
  const classifier = await openModelOrEndpoint(flags, {
    ...{ runtime, hasOwnPictures },
    signal: io.signal,
    takesAllLabels: true,
    isOnePicture: present.length === 1,
    samples: async ({ input }) => ({
      pictures: (await samples(present.slice(0, samplePictures), input)).map((picture) => ({ picture })),
    }),
    note,
    onProgress: ({ runs, of }) => progress.update(runs / of, "trying normalizations"),
  });
  try {
    // What is held to a mask changes the picture, with or without success.
    const isOpen = (flags.method ?? flags.mask ?? flags.endpoint) === undefined;
    const meant = isOpen ? methodRunsOf(flags, usualMethodsOf(classifier)) : methods;
    const possible = checkedMethodRuns(classifier, meant, flags, note);
    const task = { classifier, methods: possible, versions: pictureVersions(runtime, classifier) };
    const channel = workerChannel(io.env);
    await (channel === undefined ? explainAll(present, task) : serve(present, task, channel));
  } finally {
    await classifier.dispose();
  }
}
