/** @file Which pictures statistics are fitted on and which are tested: the parts of a data set. */

import type { Classifier } from "../classifier/classifier.ts";
import type { Dataset, DatasetImage, DatasetSplit } from "../datasets/dataset.ts";
import { AbortedError, PerceptualBallError } from "../errors.ts";
import { hash64 } from "../experiments/records/canonical-json.ts";
import { fingerprinted } from "../node/data/fingerprinted.ts";
import { type DataFlags, type DatasetOfOptions, datasetOf } from "./flags/data-flags.ts";
import { type OpenClassifierOptions, samplesOfDataset } from "./open-classifier.ts";

export interface DetectionDataFlags extends DataFlags {
  readonly trainData?: string;
  readonly trainImages: number;
}

export interface DetectionData extends Pick<Dataset, "listedClasses"> {
  readonly name: string;
  readonly train: readonly DatasetImage[];
  readonly test: readonly DatasetImage[];
}

/**
 * Training and test images: the parts of the data set of these names, or --train-data and --data. Data without such parts is
 * divided in halves by a hash of the images' ids. `--first` limits the test images, `--train-images` the others.
 */
export async function detectionData(
  flags: DetectionDataFlags,
  classifier: Pick<Classifier, "labels" | "classCount"> & Partial<Pick<Classifier, "input">>,
  options: DatasetOfOptions,
): Promise<DetectionData> {
  const { trainData = flags.data, trainImages, first } = flags;
  const open = (data: string | undefined, split: DatasetSplit): Promise<Dataset> =>
    withSplit({ ...flags, data, first: undefined }, split, classifier, options);
  const train = await open(trainData, "train");
  const test = await open(flags.data, (flags.split as DatasetSplit | undefined) ?? "test");
  const ids = new Set(train.images.map(({ id }) => id));
  const isShared = test.images.some(({ id }) => ids.has(id));
  const half = ({ id }: DatasetImage): boolean => hash64(`half ${id}`) % 2n === 0n;
  return {
    name: test.name,
    ...(test.listedClasses === undefined ? {} : { listedClasses: test.listedClasses }),
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

/** The test part of the data set, or all of it where it has no parts; `--split` and `--first` as elsewhere. */
export function testData(
  flags: DataFlags,
  classifier: Pick<Classifier, "labels" | "classCount"> & Partial<Pick<Classifier, "input">>,
  options: DatasetOfOptions,
): Promise<Dataset> {
  return withSplit(flags, (flags.split as DatasetSplit | undefined) ?? "test", classifier, options);
}

/** The training part of the data set, or all of it where it has no parts; `--split` and `--first` as elsewhere. */
export function trainingData(
  flags: DataFlags,
  classifier: Pick<Classifier, "labels" | "classCount"> & Partial<Pick<Classifier, "input">>,
  options: DatasetOfOptions,
): Promise<Dataset> {
  return withSplit(flags, (flags.split as DatasetSplit | undefined) ?? "train", classifier, options);
}

/** The part of the data, or all of it where it has no parts. */
async function withSplit(
  flags: DataFlags,
  split: DatasetSplit,
  classifier: Pick<Classifier, "labels" | "classCount"> & Partial<Pick<Classifier, "input">>,
  options: DatasetOfOptions,
): Promise<Dataset> {
  try {
    return await datasetOf({ ...flags, split }, classifier, options);
  } catch (error) {
    // Formats without parts refuse the name of one, or have nothing in it.
    if (!(error instanceof PerceptualBallError) || error instanceof AbortedError) throw error;
    return datasetOf({ ...flags, split: undefined }, classifier, options);
  }
}
