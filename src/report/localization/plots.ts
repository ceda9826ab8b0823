/** @file The plots of the localization benchmark. */

import { checkForm } from "../../errors.ts";
import type { LocalizationSummary } from "../../experiments/localization/summary.ts";
import type { SanityStage } from "../../experiments/localization/weight-randomization.ts";
import { gridKinds } from "../../localization/threshold-grids.ts";
import { softInk } from "../figures/plot-frame.ts";
import { curvePlot, type EstimateRow, estimatePlot, type PlotCurve } from "../figures/plots.ts";
import type { PageFigure } from "./page.ts";
import { sanityMethods } from "./tables.ts";
import { kindTitles, pictureCount } from "./wording.ts";

/** A plot with the name of its file, without the ending. */
export interface NamedPlot extends PageFigure {
  readonly name: string;
}

const thresholdLabels = {
  value: "α: share of the map's range",
  percent: "k: percent of the pixels",
  mean: "α: multiples of the map's mean",
  energy: "α: share of the map's sum",
} as const;

/**
 * The least errors of all methods beside one another, those that err least on average first; and for each kind of threshold the error of every method over
 * the threshold, with the baselines as dashed lines.
 */
export async function errorPlots(summary: LocalizationSummary): Promise<NamedPlot[]> {
  checkForm("errorPlots: summary", summary, ["model", "data", "options", "settings"]);
  const { methods, data } = summary;
  const plots: NamedPlot[] = [await leastErrors(summary)];
  for (const kind of gridKinds) {
    const parameters = methods.flatMap((method) => method.kinds[kind].curve.map(({ parameter }) => parameter));
    const ends = [Math.min(...parameters), Math.max(...parameters)];
    const curves = methods.map(({ name, kinds, isBaseline }): PlotCurve => {
      if (!isBaseline) {
        return { name, points: kinds[kind].curve.map(({ parameter, error }) => ({ x: parameter, y: error })) };
      }
      const points = ends.map((x) => ({ x, y: kinds[kind].error.value }));
      return { name, points, style: { color: softInk, dashes: "2 3" } };
    });
    plots.push({
      name: `error-${kind}`,
      title: `${kindTitles[kind]}.`,
      caption: `Localization error on ${pictureCount(data.images)}.`,
      svg: await curvePlot({
        curves,
        x: { label: thresholdLabels[kind] },
        y: { label: "localization error", domain: [0, 1] },
        width: 620,
        height: 400,
      }),
    });
  }
  return plots;
}

async function leastErrors({ methods, data }: LocalizationSummary): Promise<NamedPlot> {
  const meanOf = ({ kinds }: (typeof methods)[number]): number =>
    gridKinds.reduce((sum, kind) => sum + kinds[kind].error.value, 0);
  const rows = methods
    .toSorted((a, b) => meanOf(a) - meanOf(b))
    .flatMap(({ name, kinds }) =>
      gridKinds.map((kind): EstimateRow => {
        const {
          value,
          interval: [low, high],
        } = kinds[kind].error;
        return { name, value, low, high, group: kindTitles[kind] };
      }),
    );
  return {
    name: "errors",
    title: "Least errors.",
    caption: `At the best threshold of each kind, with 95 % intervals, on ${pictureCount(data.images)}.`,
    svg: await estimatePlot({ rows, x: { label: "localization error" }, width: 720 }),
  };
}

/** The mean insertion and deletion curves; none if they were not measured. */
export async function insertionDeletionPlots(summary: LocalizationSummary): Promise<NamedPlot[]> {
  checkForm("insertionDeletionPlots: summary", summary, ["model", "data", "options", "settings"]);
  const { methods } = summary;
  const plots: NamedPlot[] = [];
  for (const key of ["insertion", "deletion"] as const) {
    const curves = methods.flatMap(({ name, curves }) => {
      if (curves === null) return [];
      const last = curves[key].length - 1;
      return [{ name, points: curves[key].map((y, i) => ({ x: i / last, y })) }];
    });
    if (curves.length === 0) continue;
    plots.push({
      name: key,
      title: key === "insertion" ? "Insertion." : "Deletion.",
      caption:
        key === "insertion"
          ? "From a blurred picture; the sooner the class appears, the better."
          : "To the mean color; the sooner the class vanishes, the better.",
      svg: await curvePlot({
        curves,
        x: { label: key === "insertion" ? "pixels shown" : "pixels taken away", isPercent: true },
        y: { label: "probability of the class", domain: [0, 1] },
        width: 620,
        height: 400,
      }),
    });
  }
  return plots;
}

/** Both similarities of maps over the number of randomized layers. */
export async function sanityPlots(summary: LocalizationSummary): Promise<NamedPlot[]> {
  checkForm("sanityPlots: summary", summary, ["model", "data", "options", "settings"]);
  const { sanity } = summary;
  if (sanity.length === 0) return [];
  const names = sanityMethods(summary);
  const most = Math.max(...sanity.map(({ layers }) => layers));
  const plot = async (
    key: "rankCorrelation" | "structuralSimilarity",
    rest: Omit<NamedPlot, "svg">,
    label: string,
  ): Promise<NamedPlot> => {
    const points = (name: string): PlotCurve["points"] => [
      { x: 0, y: 1 },
      ...sanity
        .filter(({ method }) => method === name)
        .map((stage: SanityStage) => ({ x: stage.layers, y: stage[key] })),
    ];
    const curves = names.map((name) => ({ name, points: points(name) }));
    const lowest = Math.min(0, ...sanity.map((stage) => stage[key]));
    return {
      ...rest,
      svg: await curvePlot({
        curves,
        x: { label: "layers randomized, from the top", domain: [0, most] },
        y: { label, domain: [lowest, 1] },
        width: 620,
        height: 400,
      }),
    };
  };
  return [
    await plot(
      "rankCorrelation",
      { name: "sanity-rank-correlation", title: "Rank correlation.", caption: "Spearman's, of the blurred maps." },
      "rank correlation",
    ),
    await plot(
      "structuralSimilarity",
      {
        name: "sanity-structural-similarity",
        title: "Structural similarity.",
        caption: "Of the blurred maps scaled to [0, 1].",
      },
      "structural similarity",
    ),
  ];
}
