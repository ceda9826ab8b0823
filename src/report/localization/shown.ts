/** @file One method's result on one picture as the figures of the localization benchmark show it: with its map, and with the box at one threshold. */

import type { Classifier } from "../../classifier/classifier.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { PerceptualBallError } from "../../errors.ts";
import { agreementOf, isLocalized } from "../../experiments/localization/agreement.ts";
import { localizationKey, type MethodRun } from "../../experiments/localization/protocol.ts";
import { boxesOfText, type LocalizationRecord } from "../../experiments/localization/record.ts";
import type { MethodSummary } from "../../experiments/localization/summary.ts";
import type { SummaryOptions } from "../../experiments/localization/summary-options.ts";
import type { LocalizationFinished } from "../../experiments/localization/threshold-errors.ts";
import type { RecordStore } from "../../experiments/records/record-store.ts";
import type { Box } from "../../image/geometry.ts";
import type { ImageTensor } from "../../image/picture.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import { thresholdGrids, thresholdParameter } from "../../localization/threshold-grids.ts";
import type { FloatTensor } from "../../tensor/tensor.ts";
import { fromLevels } from "./tiles.ts";

/** One method's result on one picture, with its kept map. */
export interface Shown {
  readonly image: DatasetImage;
  readonly input: ImageTensor;
  readonly record: LocalizationFinished;
  readonly map: FloatTensor;
  readonly perturbation: FloatTensor | undefined;
  readonly rule: ThresholdRule;
  readonly found: Box | null;
  readonly agreement: number;
  readonly isRight: boolean;
}

/** Where results come from: records with kept maps, and what is best for each method. */
export interface ShownSource {
  readonly store: Pick<RecordStore<LocalizationRecord>, "finished" | "readArray">;
  /** A method's boxes are those at its best `value` threshold; one that is not here is not shown. */
  readonly methods: readonly MethodSummary[];
  readonly options: SummaryOptions;
}

/** Pictures as the network sees them, each read once; undefined for one that cannot be read (any more), which the benchmark has reported. */
export function inputCache(
  classifier: Pick<Classifier, "fit">,
): (image: DatasetImage) => Promise<ImageTensor | undefined> {
  const known = new Map<string, Promise<ImageTensor | undefined>>();
  const read = async (image: DatasetImage): Promise<ImageTensor | undefined> => {
    try {
      return classifier.fit(await image.picture());
    } catch (error) {
      if (error instanceof PerceptualBallError) return undefined;
      throw error;
    }
  };
  return (image) => {
    const input = known.get(image.id) ?? read(image);
    known.set(image.id, input);
    return input;
  };
}

/** The threshold of kind `value` at which a method errs least, and the box that its record has there; null where nothing is kept. */
export function boxAtBest(
  { boxes }: Pick<LocalizationRecord, "boxes">,
  { kinds }: Pick<MethodSummary, "kinds">,
  { connectivity }: Pick<SummaryOptions, "connectivity">,
): { readonly rule: ThresholdRule; readonly found: Box | null } {
  const place = thresholdGrids.value.findIndex((rule) => thresholdParameter(rule) === kinds.value.parameter);
  return { rule: thresholdGrids.value[place], found: boxesOfText(boxes[connectivity].value)[place] };
}

/** The result of `run` on `image`; undefined where the record, the map, the picture or the method's summary is missing. */
export async function shownOf(
  image: DatasetImage,
  run: MethodRun,
  inputOf: (image: DatasetImage) => Promise<ImageTensor | undefined>,
  { store, methods, options }: ShownSource,
): Promise<Shown | undefined> {
  const key = localizationKey(image, run);
  const record = store.finished(key);
  const summary = methods.find(({ name }) => name === run.name);
  const levels = await store.readArray(key, "map");
  const input = await inputOf(image);
  if (record === undefined || summary === undefined || levels === undefined || input === undefined) return undefined;
  const { rule, found } = boxAtBest(record.result, summary, options);
  const perturbation = await store.readArray(key, "perturbation");
  return {
    image,
    input,
    record,
    map: fromLevels(levels),
    perturbation: perturbation === undefined ? undefined : fromLevels(perturbation),
    rule,
    found,
    agreement: agreementOf(found, record.result, options.object),
    isRight: isLocalized(found, record.result, options),
  };
}
