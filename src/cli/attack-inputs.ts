/** @file What `attack` and `cone` work on: a classifier, and pictures from files or a data set, each opened when its turn comes. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { ModelWarning } from "../classifier/network/prepare-model.ts";
import { type SizedPicture, sizedPicture } from "../classifier/preprocessing/fit-picture.ts";
import { regionMask } from "../classifier/preprocessing/region-mask.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { AbortedError, MisuseError, PerceptualBallError } from "../errors.ts";
import type { AttackPicture } from "../experiments/attack/protocol.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import { fingerprinted } from "../node/data/fingerprinted.ts";
import type { FileClassifier } from "../node/models/load-classifier.ts";
import { outputName, uniqueNames } from "../node/output-names.ts";
import { pathBytes } from "../node/path-bytes.ts";
import { readRegion } from "../node/pictures/read-region.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type CliContext, notesOf } from "./context.ts";
import { testData } from "./detection-data.ts";
import type { DataFlags } from "./flags/data-flags.ts";
import type { EndpointFlags } from "./flags/endpoint-flags.ts";
import { type PictureFlags, pictureOptionsOf } from "./flags/picture-flags.ts";
import { loadRuntime, type RuntimeFlags } from "./flags/runtime-flags.ts";
import { notedPicture, noteFit } from "./noted-picture.ts";
import { openModelOrEndpoint, samplesOfDataset, samplesOfPictures } from "./open-classifier.ts";
import { checkPicturesOrData, picturesBesideData, reservedNames, seemsReadable } from "./pictures.ts";
import type { ProgressDisplay } from "./progress.ts";

export interface AttackInputFlags extends EndpointFlags, PictureFlags, Omit<DataFlags, "label">, RuntimeFlags {
  /** The class to leave, by name or number. */
  readonly label?: string;
  /** Where pictures may change. */
  readonly mask?: string;
  readonly quiet?: boolean;
}

/** A picture as the network takes it. */
export interface AttackInput extends AttackPicture {
  /** Unique, and fit for the name of a file. */
  readonly name: string;
  /** What was concluded when it was opened, and must be known before a result is trusted. */
  readonly warnings?: () => readonly ModelWarning[];
}

export interface AttackInputs {
  readonly classifier: FileClassifier;
  readonly runtime: Runtime;
  /** The name of the data set, or what the pictures are. */
  readonly source: string;
  readonly inputs: readonly AttackInput[];
}

/**
 * The classifier and the pictures that the flags mean: files, a data set, or, without model and pictures, the bundled Scenes. The
 * classifier is the caller's to dispose of. No picture is opened yet, but for those that the preprocessing is guessed by.
 */
export async function openAttackInputs(
  command: string,
  images: readonly string[],
  flags: AttackInputFlags,
  { io }: CliContext,
  progress: ProgressDisplay,
): Promise<AttackInputs> {
  checkPicturesOrData(command, images, flags);
  const note = notesOf(io, { ...flags, progress });
  const runtime = await loadRuntime(flags);
  const given = await picturesBesideData(images, flags.data, pictureOptionsOf(flags, note));
  const classifier = await openModelOrEndpoint(flags, {
    runtime,
    signal: io.signal,
    isLabelled: flags.data !== undefined,
    decision: flags.label,
    hasLabel: command === "attack",
    hasOwnPictures: images.length > 0,
    isOnePicture: flags.data === undefined && given.length === 1,
    samples: async (opened) => {
      if (flags.data === undefined) return samplesOfPictures(given, opened.input);
      const data = await labelledData(flags, opened, io.signal);
      return samplesOfDataset(data);
    },
    onProgress: ({ runs, of }) => progress.update(runs / of, "trying normalizations"),
    note,
  });
  try {
    if (classifier.prepared.head.kind === "value") throw numberHasNoLabel(command, classifier);
    const region = flags.mask === undefined ? undefined : await givenRegion(flags.mask, flags, note);
    if (flags.data === undefined) {
      const inputs: AttackInput[] = [];
      for (const { image, name, load, warnings } of given) {
        const origin = images.length === 0 ? "the bundled Scenes" : await fingerprintOf(image, flags);
        const picture = () => load(classifier.input);
        inputs.push({ image, name, warnings, ...openedIn(region, origin, picture, classifier) });
      }
      return { classifier, runtime, source: images.length === 0 ? "the bundled Scenes" : "files", inputs };
    }
    const found = await testData({ ...flags, label: "predicted" }, classifier, { note, signal: io.signal });
    const dataset = await fingerprinted(found, { signal: io.signal });
    const unique = uniqueNames(reservedNames);
    const inputs: AttackInput[] = [];
    for (const { id, picture, contents } of dataset.images) {
      const { onNote, warnings } = notedPicture();
      const read = async () => {
        const one = await picture({ onNote });
        noteFit(id, one, classifier.input, onNote);
        return one;
      };
      const opened = openedIn(region, contents ?? dataset.name, read, classifier);
      inputs.push({ image: id, name: unique(outputName(id, { maxLength: 200 })), warnings, ...opened });
    }
    return { classifier, runtime, source: dataset.name, inputs };
  } catch (error) {
    await classifier.dispose();
    throw error;
  }
}

/** The region that `--mask` means, with what decides it: the box itself, or what is in the file. */
async function givenRegion(mask: string, flags: PictureFlags, note: (text: string) => void) {
  const region = await readRegion(mask, pictureOptionsOf(flags, note));
  return {
    region,
    origin: "box" in region ? `mask ${region.box.join(",")}` : `mask ${await fingerprintOf(mask, flags)}`,
  };
}

/** A picture as the network takes it, and where it may change. */
function openedIn(
  given: Awaited<ReturnType<typeof givenRegion>> | undefined,
  origin: string,
  picture: () => Promise<Picture | ImageTensor>,
  classifier: FileClassifier,
): Pick<AttackInput, "origin" | "input" | "mask"> {
  if (given === undefined) return { origin, input: async () => classifier.fit(await picture()) };
  let size: SizedPicture | undefined;
  const opened = async () => {
    const one = await picture();
    size = sizedPicture(one);
    return one;
  };
  return {
    origin: `${origin}, ${given.origin}`,
    input: async () => classifier.fit(await opened()),
    mask: async () => regionMask("--mask", given.region, size ?? sizedPicture(await opened()), classifier.input),
  };
}

/** Why nothing can be done to a number's label. */
function numberHasNoLabel(command: string, { prepared: { head } }: FileClassifier): MisuseError {
  return new MisuseError({
    where: command,
    what: `output ${JSON.stringify(head.value)} is taken as a number, which has no label to change`,
    expected: "a classification",
    advice:
      "perceptual-ball explain with a method that changes nothing, such as --method integrated-gradients, shows what moves it.",
  });
}

/** The test part of the data with its own labels where they are among the classifier's classes, or without. */
async function labelledData(
  flags: Omit<DataFlags, "label">,
  classifier: Pick<FileClassifier, "labels" | "classCount" | "input">,
  signal: AbortSignal,
): Promise<Dataset> {
  try {
    return await testData({ ...flags, label: "dataset" }, classifier, { signal });
  } catch (error) {
    if (!(error instanceof PerceptualBallError) || error instanceof AbortedError) throw error;
    return testData({ ...flags, label: "predicted" }, classifier, { signal });
  }
}

/** What decides the pixels of a file besides its name: results of an older file of the same name are not taken for its own. */
async function fingerprintOf(path: string, { bitDepth }: PictureFlags): Promise<string> {
  if (!seemsReadable(path)) return "unreadable";
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(pathBytes(path))) hash.update(piece);
  } catch {
    // What is wrong with it is said when it is opened.
    return "unreadable";
  }
  const contents = hash.digest("hex").slice(0, 16);
  return bitDepth === undefined ? contents : `${contents}, ${bitDepth} bits`;
}
