/** @file `perceptual-ball explain`: pictures in, a report out. */
import { basename } from "node:path";
import { Command } from "commander";
import { MisuseError, PerceptualBallError, throwIfAborted } from "../../errors.ts";
import type { ExplanationRecord } from "../../experiments/explanation/record.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import { checkWritableFolder } from "../../node/check-folder.ts";
import { bundledClassifierPath } from "../../node/models/bundled.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import type { RunMark } from "../../node/run-folder.ts";
import { type ExplanationRun, explainPicture } from "../../report/explanation/explain-picture.ts";
import { summaryLine } from "../../report/explanation/sentences.ts";
import { describeRuntime, type Runtime } from "../../runtime/runtime.ts";
import { type CliContext, exitCodeOf, exitCodes, reportError } from "../context.ts";
import { checkMethodRuns, methodRunsOf } from "../explain-methods.ts";
import { describeReplaced, type ExplainReport, explainReport } from "../explain-report.ts";
import { addExplainFlags, type ExplainFlags, localizationRuleOf, usualMethods } from "../flags/explain-flags.ts";
import { methodHelp } from "../flags/method-flags.ts";
import { addModelFlags } from "../flags/model-flags.ts";
import { addPictureFlags, pictureArgument, pictureOptionsOf } from "../flags/picture-flags.ts";
import { addRuntimeFlags, loadRuntime } from "../flags/runtime-flags.ts";
import { isSeparate, openClassifier, samplePictures } from "../open-classifier.ts";
import { packageVersion } from "../package-version.ts";
import { openPage, pageLink } from "../page-link.ts";
import { bundledPictures, type PictureSource, picturesOfFiles, seemsReadable } from "../pictures.ts";
import { createProgress, type Progress } from "../progress.ts";

export function explainCommand(context: CliContext): Command {
  const command = new Command("explain")
    .description(
      "Maps of what a label rests on, by one method or several. The default one changes each picture as little as the network's own " +
        "features can tell until its label flips, and reports where the change had to go.\n" +
        "Without pictures and model, the bundled classifier explains bundled pictures.",
    )
    .argument("[image...]", pictureArgument);
  addExplainFlags(command);
  addModelFlags(command, { hasModelFlag: true });
  addPictureFlags(command);
  addRuntimeFlags(command);
  return command
    .addHelpText(
      "after",
      `
Methods:
${methodHelp()}

Examples:
  perceptual-ball explain
  perceptual-ball explain dog.jpg cat.png --model resnet50.onnx
  perceptual-ball explain cat.jpg --model squeezenet.onnx --target "tiger cat" --method perceptual,guided-perceptual
  perceptual-ball explain dog.jpg --model vgg19_bn.onnx --preset released --perceptual-weight 10 --json
  perceptual-ball explain dog.jpg --model resnet50.onnx --method grad-cam,smooth-grad,excitation-backprop
  perceptual-ball explain dog.jpg --model resnet50.onnx --method grad-cam --set layer='Relu[-1]' --set upsampling=nearest

Writes into --out, for each picture: overlay.png (the map over the whole picture), panel.png, input.png, map.png, map.npy and result.json, of
methods that change the picture also perturbed.png and perturbation.png; index.html, and results.csv. What an earlier report left in --out is replaced as a whole. With several methods these lie in a folder for each, beside a panel.png of all of them.
Exit code: 0 done, 1 a picture or the model could not be used, 2 misuse, 130 interrupted (finished pictures are kept).`,
    )
    .action((images: string[], flags: ExplainFlags) => explain(images, flags, context));
}

async function explain(images: readonly string[], flags: ExplainFlags, context: CliContext): Promise<void> {
  if (images.length === 0 && flags.model !== undefined) {
    throw new MisuseError({
      where: "explain",
      what: "there is a model but no picture",
      expected: "at least one picture",
      advice: "perceptual-ball explain dog.jpg --model model.onnx",
    });
  }
  const methods = methodRunsOf(flags);
  checkWritableFolder(flags.out);
  const runtime = await loadRuntime(flags);
  const note = (text: string): void => {
    if (!flags.quiet) context.io.stderr.write(`${text}\n`);
  };
  const pictures =
    images.length === 0 ? bundledPictures(flags.seed) : await picturesOfFiles(images, pictureOptionsOf(flags, note));
  const run = new Run(flags, methods, context, pictures.length, explainReport(flags, pictures));
  try {
    // Wrong paths are all named before anything takes time.
    const present: PictureSource[] = [];
    for (const picture of pictures) {
      const isPresent = images.length === 0 || seemsReadable(picture.image);
      if (isPresent || (await run.load(picture)) !== undefined) present.push(picture);
    }
    if (present.length > 0) await explainPresent(present, run, runtime, flags, context, images.length > 0);
  } finally {
    run.progress.stop();
  }
}

async function explainPresent(
  present: readonly PictureSource[],
  run: Run,
  runtime: Runtime,
  flags: ExplainFlags,
  { io }: CliContext,
  isOwn: boolean,
): Promise<void> {
  const classifier = await openClassifier(flags, {
    runtime,
    signal: io.signal,
    hasOwnPictures: isOwn,
    takesAllLabels: true,
    samples: async ({ input: { channelCount } }) =>
      (await run.samples(present.slice(0, samplePictures), channelCount)).map((picture) => ({ picture })),
    note: (text) => {
      if (!flags.quiet) run.progress.around(() => io.stderr.write(`${text}\n`));
    },
    onProgress: ({ runs, of }) => run.progress.update(runs / of, "trying normalizations"),
  });
  try {
    checkMethodRuns(classifier, run.methods, flags);
    const versions = {
      perceptualBall: packageVersion(),
      runtime: describeRuntime(runtime),
      platform: `Node ${process.version}`,
    };
    await run.explainAll(present, classifier, versions);
  } finally {
    await run.dispose();
    await classifier.dispose();
  }
}

/** One run of `explain`: what is finished, what failed. */
class Run {
  readonly progress: Progress;
  readonly methods: readonly ExplanationRun[];
  readonly #flags: ExplainFlags;
  readonly #context: CliContext;
  readonly #total: number;
  readonly #report: ExplainReport;
  readonly #failures: { image: string; reason: string }[] = [];
  readonly #decisions = new Map<number, FileClassifier>();
  readonly #loaded = new Map<PictureSource, Picture | ImageTensor>();

  constructor(
    flags: ExplainFlags,
    methods: readonly ExplanationRun[],
    context: CliContext,
    total: number,
    report: ExplainReport,
  ) {
    this.#report = report;
    this.methods = methods;
    this.#flags = flags;
    this.#context = context;
    this.#total = total;
    this.progress = createProgress(context.io.stderr, { quiet: flags.quiet ?? false });
  }

  /** The picture, or undefined if it cannot be read, which is reported and decides the exit code. */
  async load(source: PictureSource, channelCount?: number): Promise<Picture | ImageTensor | undefined> {
    const known = this.#loaded.get(source);
    if (known !== undefined || this.#failures.some(({ image }) => image === source.image)) return known;
    try {
      return await source.load(channelCount);
    } catch (error) {
      if (!(error instanceof PerceptualBallError)) throw error;
      this.#failures.push({ image: source.image, reason: error.message });
      this.#context.exitCode = exitCodes.failed;
      this.progress.around(() => reportError(this.#context.io, error));
      return undefined;
    }
  }

  /** Those of the pictures that can be read; they are kept until they are explained. */
  async samples(sources: readonly PictureSource[], channelCount: number): Promise<(Picture | ImageTensor)[]> {
    for (const source of sources) {
      const picture = await this.load(source, channelCount);
      if (picture !== undefined) this.#loaded.set(source, picture);
    }
    return [...this.#loaded.values()];
  }

  async explainAll(
    sources: readonly PictureSource[],
    classifier: FileClassifier,
    versions: ExplanationRecord["versions"],
  ): Promise<void> {
    const { io } = this.#context;
    const { json, quiet, open } = this.#flags;
    let replaced: RunMark | undefined;
    this.progress.begin();
    try {
      for (const [index, source] of sources.entries()) {
        const picture = await this.load(source, classifier.input.channelCount);
        this.#loaded.delete(source);
        if (picture === undefined) continue;
        const show = (share: number): void =>
          this.progress.update((index + share) / sources.length, basename(source.image));
        show(0);
        await this.#explainOne(source, picture, classifier, show, versions);
      }
    } catch (error) {
      if (exitCodeOf(error) !== exitCodes.interrupted) throw error;
      this.#context.exitCode = exitCodes.interrupted;
    } finally {
      this.progress.stop();
      replaced = await this.#report.finish(classifier, this.#failures);
    }
    const { page, records } = this.#report;
    const finished = new Set(records.map(({ image }) => image)).size;
    if (replaced !== undefined && !quiet) io.stderr.write(`${page} replaces ${describeReplaced(replaced)}\n`);
    if (this.#context.exitCode === exitCodes.interrupted) {
      const kept = finished === 0 ? "" : `; those are in ${page}`;
      io.stderr.write(`perceptual-ball: interrupted after ${finished} of ${this.#total} pictures${kept}\n`);
    } else if (finished > 0) {
      if (!json) io.stdout.write(`\nReport: ${pageLink(page, io.stdout, io.env)}\n`);
      const complaint = open ? await openPage(page, io.env) : undefined;
      if (complaint !== undefined) io.stderr.write(`perceptual-ball: ${complaint}\n`);
    }
  }

  async #explainOne(
    source: PictureSource,
    picture: Picture | ImageTensor,
    classifier: FileClassifier,
    onProgress: (share: number) => void,
    versions: ExplanationRecord["versions"],
  ): Promise<void> {
    const { io } = this.#context;
    const { colorMap, json, model, batch, seed, label, target } = this.#flags;
    const subject = await this.#subjectOf(classifier, picture, label);
    const explanations = explainPicture(subject.classifier, picture, this.methods, {
      ...{ image: source.image, groundTruth: source.groundTruth, folder: source.name },
      ...{ label: subject.label, target, batch, seed, colorMap, localizationRule: localizationRuleOf(this.#flags) },
      model: { path: model ?? bundledClassifierPath, sha256: classifier.file.sha256 },
      versions,
      signal: io.signal,
      onProgress: ({ done, of }) => onProgress(of > 0 ? done / of : 1),
    });
    try {
      for await (const explanation of explanations) {
        throwIfAborted(io.signal, "explain");
        await this.#report.add(explanation);
        const { record } = explanation;
        const line = json ? JSON.stringify(record) : summaryLine(record, { usualMethod: usualMethods[0] });
        this.progress.around(() => io.stdout.write(`${line}\n`));
      }
    } finally {
      await this.#report.endPicture(source);
    }
  }

  /**
   * What is asked of a picture. Where labels are decided each by itself, that is the decision on the label that is given, or else on the
   * most probable one; its second class is "present".
   */
  async #subjectOf(
    classifier: FileClassifier,
    picture: Picture | ImageTensor,
    label: string | undefined,
  ): Promise<{ readonly classifier: FileClassifier; readonly label: string | number | undefined }> {
    if (!isSeparate(classifier)) return { classifier, label };
    const index =
      label === undefined
        ? (await classifier.classify(classifier.fit(picture), { signal: this.#context.io.signal })).label
        : classifier.findLabel(label);
    const decision = this.#decisions.get(index) ?? classifier.decision(index);
    this.#decisions.set(index, decision);
    return { classifier: decision, label: 1 };
  }

  /** Releases what was opened for single labels. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#decisions.values()].map((decision) => decision.dispose()));
  }
}
