/** @file The plots of the benchmark of detectors: for each detector the areas of all attacks, one below the other. */
import { detectorsByName } from "../../detection/detectors.ts";
import { checkForm } from "../../errors.ts";
import type { DetectorsSummary } from "../../experiments/detectors/summary.ts";
import { estimatePlot } from "../figures/plots.ts";

/** A plot with the name of its file, without the ending. */
export interface DetectorPlot {
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

/** One plot per detector, in the order of the table; none for a detector without attacked images. */
export async function detectorPlots(summary: DetectorsSummary): Promise<DetectorPlot[]> {
  checkForm("detectorPlots: summary", summary, ["attacks", "detectors"]);
  const plots: DetectorPlot[] = [];
  for (const [n, { name, title, cells }] of summary.detectors.entries()) {
    const rows = cells.flatMap(({ attack, area }) => {
      if (area === null) return [];
      const isKnowing = summary.attacks.some((one) => one.name === attack && one.knows !== null);
      const group = isKnowing ? "attacks that know who looks" : "attacks that know of none";
      return [{ name: attack, group, value: area.value, low: area.interval[0], high: area.interval[1] }];
    });
    if (rows.length === 0) continue;
    plots.push({
      name: `areas-${n + 1}`,
      title: Object.hasOwn(detectorsByName, name) ? title : `${title}: ${name}`,
      caption:
        "Area under the ROC curve, attacked against clean and noisy images, with 95 % intervals; the line is guessing.",
      svg: await estimatePlot({
        rows,
        x: { label: "area", domain: [0, 1] },
        rules: [{ value: 0.5, label: "guessing" }],
        width: 560,
      }),
    });
  }
  return plots;
}
