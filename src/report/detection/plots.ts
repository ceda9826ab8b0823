/** @file The plots of the detection benchmark: histograms of scores, ROC curves, and detection rates side by side. */

import { checkForm } from "../../errors.ts";
import type { DetectionSummary, GroupSummary } from "../../experiments/detection/summary.ts";
import { estimatePlot, histogramPlot, rocPlot } from "../figures/plots.ts";

/** A plot as SVG, with what stands below it. */
export interface DetectionPlot {
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

/** So many curves can be told apart in one plot. */
const mostCurves = 7;

/** The plots of one group of attacks, in the order in which they are shown. */
export async function detectionPlots(summary: DetectionSummary, groupSummary: GroupSummary): Promise<DetectionPlot[]> {
  checkForm("detectionPlots: summary", summary, ["model", "data", "settings", "statistics"]);
  checkForm("detectionPlots: groupSummary", groupSummary, ["name", "matchedImages", "attacks"]);
  const { clean, cutoff } = summary;
  const { attacks, matchedImages } = groupSummary;
  const changed = attacks.flatMap((attack) => {
    const { detectionOfChanged } = attack;
    return detectionOfChanged === null ? [] : [{ ...attack, detectionOfChanged }];
  });
  if (changed.length === 0) return [];
  const rows = changed.flatMap(({ name, detectionOfChanged, detectionOfMatched }) => [
    { name, share: detectionOfChanged, group: "all that it changed" },
    ...(detectionOfMatched === null || changed.length === 1
      ? []
      : [{ name: "", share: detectionOfMatched, group: `the ${matchedImages} that all changed` }]),
  ]);
  const plots = [
    {
      title: "Flagged adversarial images",
      caption: `With 95 % intervals. Each attack on all images that it changed${changed.length > 1 ? `, and below on the ${matchedImages} that every attack of the table changed` : ""}; the line: clean images.`,
      svg: await estimatePlot({
        rows: rows.map(({ name, share, group }) => ({
          ...{ name, group, value: share.value, low: share.interval[0], high: share.interval[1] },
        })),
        x: { label: "flagged", domain: [0, 1], isPercent: true },
        rules: [{ value: clean.detection.value, label: "clean" }],
      }),
    },
  ];
  const shown = changed.slice(0, mostCurves);
  const left = changed.length > shown.length ? ` The first ${shown.length} of ${changed.length} attacks.` : "";
  const scores = [...clean.scores, ...shown.flatMap((attack) => attack.scores)].sort((a, b) => a - b);
  if (scores.length > 0) {
    const at = (share: number): number => scores[Math.floor(share * (scores.length - 1))];
    plots.push({
      title: "Scores",
      caption: `Clean images and images whose label changed; right of the line they are flagged.${left}`,
      svg: await histogramPlot({
        groups: [
          // Last, so that each attack has the color that it has among the ROC curves.
          ...shown.slice(0, mostCurves - 1).map(({ name, scores: values }) => ({ name, values })),
          { name: "clean", values: clean.scores },
        ],
        x: {
          label: "score, in standard deviations of clean images",
          domain: [at(0.005), Math.max(at(0.98), cutoff.value + 1)],
        },
        bins: 30,
        rules: [{ value: cutoff.value, label: "cutoff" }],
      }),
    });
  }
  plots.push({
    title: "ROC curves",
    caption: `Changed images against clean ones, over all cutoffs; the diagonal is guessing.${left}`,
    svg: await rocPlot({
      curves: shown.map(({ name, roc }) => ({
        name,
        points: roc.map(([falsePositiveRate, truePositiveRate]) => ({ falsePositiveRate, truePositiveRate })),
      })),
    }),
  });
  return plots;
}
