/** @file Which pictures statistics are fitted on and which are tested: the parts of a data set. */

import type { Classifier } from "../classifier/classifier.ts";
import type { Dataset, DatasetImage, DatasetPart } from "../datasets/dataset.ts";
import { AbortedError, PerceptualBallError } from "../errors.ts";
import { hash64 } from "../experiments/records/canonical-json.ts";
import { fingerprinted } from "../node/data/fingerprinted.ts";
import { eachOnce } from "./context.ts";
import { type DataFlags, type DatasetOfOptions, datasetOf } from "./flags/data-flags.ts";
import { type OpenClassifierOptions, samplesOfDataset } from "./open-classifier.ts";

export interface DetectionDataFlags extends DataFlags {
  readonly trainData?: string;
  readonly trainImages: number;
}

export interface DetectionData extends Pick<Dataset, "listedClasses" | "isOrderOpen"> {
  readonly name: string;
  readonly train: readonly DatasetImage[];
  readonly test: readonly DatasetImage[];
}

/**
 * Training and test images: the parts of the data set of these names (the validation part where there is none for testing), or
 * --train-data and --data. Data without such parts is divided in halves by a hash of the images' ids. `--first` limits the test images, `--train-images` the others.
 */
export async function detectionData(
  flags: DetectionDataFlags,
  classifier: Pick<Classifier, "labels" | "classCount"> & Partial<Pick<Classifier, "input">>,
  options: DatasetOfOptions,
): Promise<DetectionData> {
  const { trainData = flags.data, trainImages, first } = flags;
  // Both parts are mostly of one folder, of which there is one thing to say.
  const note = eachOnce(options.note);
  const open = (data: string | undefined, split: string | undefined, usual: readonly DatasetPart[]): Promise<Dataset> =>
    withSplit({ ...flags, data, split, first: undefined }, usual, classifier, { ...options, note });
  const train = await open(trainData, undefined, ["train"]);
  const test = await open(flags.data, flags.split, testParts);
  const ids = new Set(train.images.map(({ id }) => id));
  const isShared = test.images.some(({ id }) => ids.has(id));
  const half = ({ id }: DatasetImage): boolean => hash64(`half ${id}`) % 2n === 0n;
  return {
    name: test.name,
    ...(test.listedClasses === undefined ? {} : { listedClasses: test.listedClasses }),
    ...(test.isOrderOpen === undefined ? {} : { isOrderOpen: test.isOrderOpen }),
    train: (isShared ? train.images.filter(half) : train.images).slice(0, trainImages),
    test: (isShared ? test.images.filter((image) => !half(image)) : test.images).slice(0, first),
  };
}

/** The images of both parts with their fingerprints, under which results are kept. */
export async function fingerprintedParts(
  data: DetectionData,
  { signal }: { readonly signal: AbortSignal },
): Promise<DetectionData> {
  const of = async (images: readonly DatasetImage[]) => (await fingerprinted({ images }, { signal })).images;
  return { ...data, train: await of(data.train), test: await of(data.test) };
}

/** What a classifier is opened with: the images that are to be tested. */
export function testedSamples(flags: DetectionDataFlags, options: DatasetOfOptions): OpenClassifierOptions["samples"] {
  return async (classifier) => {
    const { test, ...data } = await detectionData(flags, classifier, options);
    return samplesOfDataset({ ...data, images: test });
  };
}

/** What is judged on, in the order of preference. */
const testParts: readonly DatasetPart[] = ["test", "val"];

/**
 * The test part of the data set, or its validation part where it has no other, or all of it where it has no parts; `--split` and `--first`
 * as elsewhere. Which part it is is noted unless it is the test part.
 */
export function testData(
  flags: DataFlags,
  classifier: Pick<Classifier, "labels" | "classCount"> & Partial<Pick<Classifier, "input">>,
  options: DatasetOfOptions,
): Promise<Dataset> {
  return withSplit(flags, testParts, classifier, options);
}

/** The training part of the data set, or all of it where it has no parts; `--split` and `--first` as elsewhere. */
export function trainingData(
  flags: DataFlags,
  classifier: Pick<Classifier, "labels" | "classCount"> & Partial<Pick<Classifier, "input">>,
  options: DatasetOfOptions,
): Promise<Dataset> {
  return withSplit(flags, ["train"], classifier, options);
}

/** The part that `--split` names; else the first of the usual ones that there is, or all of the data. */
async function withSplit(
  flags: DataFlags,
  usual: readonly DatasetPart[],
  classifier: Pick<Classifier, "labels" | "classCount"> & Partial<Pick<Classifier, "input">>,
  options: DatasetOfOptions,
): Promise<Dataset> {
  // What was asked for is not replaced by something else.
  if (flags.split !== undefined) return datasetOf(flags, classifier, options);
  for (const split of usual) {
    try {
      const dataset = await datasetOf({ ...flags, split }, classifier, options);
      if (split !== usual[0]) {
        options.note?.(
          `the data has no usable part "${usual[0]}": its part "${split}" is taken (--split takes another)`,
        );
      }
      return dataset;
    } catch (error) {
      // Formats without parts refuse the name of one, or have nothing in it.
      if (!(error instanceof PerceptualBallError) || error instanceof AbortedError) throw error;
    }
  }
  const dataset = await datasetOf(flags, classifier, options);
  const parts = [...new Set(dataset.images.map(({ split }) => split))];
  if (parts.length === 1 && parts[0] !== undefined) {
    options.note?.(`the data has no usable part "${usual[0]}": its part "${parts[0]}" is taken`);
  }
  return dataset;
}
