/** @file What `attack` and `cone` work on: a classifier, and pictures from files or a data set, fitted to its input. */
import { basename } from "node:path";
import type { DatasetImage } from "../datasets/dataset.ts";
import { MisuseError } from "../errors.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import type { FileClassifier } from "../node/models/load-classifier.ts";
import type { CliContext } from "./context.ts";
import { type DataFlags, datasetOf } from "./flags/data-flags.ts";
import type { ModelFlags } from "./flags/model-flags.ts";
import { loadRuntime, type RuntimeFlags } from "./flags/runtime-flags.ts";
import { describeClassifier, openClassifier } from "./open-classifier.ts";
import { bundledPictures, picturesOfFiles } from "./pictures.ts";
import type { Progress } from "./progress.ts";

export interface AttackInputFlags extends ModelFlags, Omit<DataFlags, "label">, RuntimeFlags {
  readonly quiet?: boolean;
}

/** A picture as the network takes it. */
export interface AttackInput {
  /** As the user gave it, or its id in the data set. */
  readonly image: string;
  /** Unique, and fit for the name of a file. */
  readonly name: string;
  readonly input: ImageTensor;
}

export interface AttackInputs {
  readonly classifier: FileClassifier;
  /** The name of the data set, or what the pictures are. */
  readonly source: string;
  readonly inputs: readonly AttackInput[];
}

/** The images of the part called `split`, or, where none is named, those for testing, if the data says which they are. */
function testPart(images: readonly DatasetImage[], split: string | undefined): readonly DatasetImage[] {
  const test = images.filter((image) => image.split === "test");
  return split === undefined && test.length > 0 ? test : images;
}

/** So many pictures are looked at where the model leaves its preprocessing open. */
const samplePictures = 8;

/**
 * The classifier and the pictures that the flags mean: files, a data set, or, without model and pictures, the bundled Scenes. The
 * classifier is the caller's to dispose of. Errors: a picture that cannot be read ends the command.
 */
export async function openAttackInputs(
  command: string,
  images: readonly string[],
  flags: AttackInputFlags,
  { io }: CliContext,
  progress: Progress,
): Promise<AttackInputs> {
  if (images.length > 0 && flags.data !== undefined) {
    throw new MisuseError({ where: command, what: "there are both pictures and --data", expected: "one of them" });
  }
  if (images.length === 0 && flags.data === undefined && flags.model !== undefined) {
    throw new MisuseError({
      where: command,
      what: "there is a model but no picture",
      expected: "at least one picture, or --data",
      advice: `perceptual-ball ${command} dog.jpg --model model.onnx`,
    });
  }
  const note = (text: string): void => {
    if (!flags.quiet) progress.around(() => io.stderr.write(`${text}\n`));
  };
  const runtime = await loadRuntime(flags);
  const given = images.length === 0 ? bundledPictures() : picturesOfFiles(images);
  const loaded: (Picture | ImageTensor)[] = [];
  if (flags.data === undefined) for (const { load } of given) loaded.push(await load());
  const dataFor = (classifier: FileClassifier) =>
    datasetOf({ ...flags, label: "predicted" }, classifier, { note, signal: io.signal });
  const classifier = await openClassifier(flags, {
    runtime,
    signal: io.signal,
    samples: async () => loaded.slice(0, samplePictures),
    onProgress: ({ runs, of }) => progress.update(runs / of, "trying normalizations"),
  });
  try {
    note(describeClassifier(classifier, basename(classifier.file.path)));
    if (flags.data === undefined) {
      const inputs = given.map(({ image, name }, n) => ({ image, name, input: classifier.fit(loaded[n]) }));
      return { classifier, source: images.length === 0 ? "the bundled Scenes" : "files", inputs };
    }
    const dataset = await dataFor(classifier);
    const inputs: AttackInput[] = [];
    for (const { id, picture } of testPart(dataset.images, flags.split)) {
      const name = id.replace(/[^\p{L}\p{N}._-]+/gu, "-");
      inputs.push({ image: id, name, input: classifier.fit(await picture()) });
    }
    return { classifier, source: dataset.name, inputs };
  } catch (error) {
    await classifier.dispose();
    throw error;
  }
}
