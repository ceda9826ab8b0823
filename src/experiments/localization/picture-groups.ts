/** @file The error on some of the pictures: those with one small, one large or several objects, those that the network gets right. */
import { areaOf } from "../../localization/box.ts";
import { gridKinds, type ThresholdKind } from "../../localization/threshold-grids.ts";
import {
  checkPooling,
  clustersOf,
  type IntervalEstimate,
  type Pooling,
  shareEstimate,
  unknownShare,
} from "./estimates.ts";
import type { TabledRecord } from "./judged-record.ts";
import type { MethodRun } from "./protocol.ts";
import type { LocalizationRecord } from "./record.ts";
import { checkSummaryOptions, defaultSummaryOptions, type SummaryOptions } from "./summary-options.ts";
import { bestThreshold, errorsOf, subjectsOf } from "./threshold-errors.ts";

/** A box that covers less than this share of what the network sees is small: half of the side, as the centered box has half of the area. */
const smallShare = 0.25;

/** The groups in the order of tables. A picture may be in several, or in none. */
const groups = [
  {
    name: "one-small",
    title: "one small object",
    hint: "one box, below a quarter of the picture",
    has: ({ truthBoxes, size }) => truthBoxes.length === 1 && shareOf(truthBoxes, size) < smallShare,
  },
  {
    name: "one-large",
    title: "one large object",
    hint: "one box, a quarter of the picture or more",
    has: ({ truthBoxes, size }) => truthBoxes.length === 1 && shareOf(truthBoxes, size) >= smallShare,
  },
  {
    name: "several",
    title: "several objects",
    hint: "two boxes or more",
    has: ({ truthBoxes }) => truthBoxes.length > 1,
  },
  {
    name: "right",
    title: "predicted right",
    hint: "the network predicts the stated class",
    has: ({ predicted, truth }) => predicted.label === truth,
  },
  {
    name: "wrong",
    title: "predicted wrong",
    hint: "the network predicts another class than the stated one",
    has: ({ predicted, truth }) => truth !== null && predicted.label !== truth,
  },
] as const satisfies readonly {
  readonly name: string;
  readonly title: string;
  readonly hint: string;
  readonly has: (result: Pick<LocalizationRecord, "size" | "truthBoxes" | "predicted" | "truth">) => boolean;
}[];

function shareOf([box]: LocalizationRecord["truthBoxes"], { width, height }: LocalizationRecord["size"]): number {
  return areaOf(box) / (width * height);
}

/** Some of the pictures, and how every method does on them. */
export interface PictureGroup {
  readonly name: (typeof groups)[number]["name"];
  readonly title: string;
  /** What makes a picture one of them. */
  readonly hint: string;
  readonly images: number;
  /** By method, baselines last: the error on the group's pictures at the threshold that is best on all pictures, with Wilson's interval. */
  readonly methods: readonly {
    readonly name: string;
    readonly isBaseline: boolean;
    readonly errors: Readonly<Record<ThresholdKind, IntervalEstimate>>;
  }[];
}

/**
 * The groups that hold some of the pictures, but not all of them. Thresholds are those of the whole table, so that a small group's are not
 * chosen on its few pictures.
 */
export function summarizeGroups(
  records: readonly TabledRecord[],
  runs: readonly Pick<MethodRun, "name" | "method">[],
  options: SummaryOptions = defaultSummaryOptions,
  pooling: Pooling = {},
): PictureGroup[] {
  checkSummaryOptions("summarizeGroups", options);
  checkPooling("summarizeGroups", pooling);
  const subjects = subjectsOf("summarizeGroups", records, runs);
  const wrong = subjects.map((subject) =>
    Object.fromEntries(
      gridKinds.map((kind) => {
        const errors = errorsOf(subject, kind, options);
        return [kind, errors[bestThreshold(errors)]];
      }),
    ),
  ) as Record<ThresholdKind, boolean[]>[];
  const all = new Set(records.map(({ key }) => key.image)).size;
  return groups.flatMap(({ name, title, hint, has }) => {
    const images = new Set(records.filter(({ result }) => has(result)).map(({ key }) => key.image));
    if (images.size === 0 || images.size === all) return [];
    const methods = subjects.map(({ name: method, baseline, records: own }, s) => {
      const places = own.flatMap(({ key }, i) => (images.has(key.image) ? [i] : []));
      const clusters = clustersOf(
        places.map((i) => own[i].key.image),
        pooling,
      );
      const errorOf = (kind: ThresholdKind): IntervalEstimate =>
        shareEstimate(
          places.map((i) => wrong[s][kind][i]),
          clusters,
        ) ?? unknownShare;
      return {
        name: method,
        isBaseline: baseline !== undefined,
        errors: Object.fromEntries(gridKinds.map((kind) => [kind, errorOf(kind)])) as Record<
          ThresholdKind,
          IntervalEstimate
        >,
      };
    });
    return [{ name, title, hint, images: images.size, methods }];
  });
}
