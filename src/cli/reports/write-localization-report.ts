/** @file The files of a localization benchmark's report. */
import { join } from "node:path";
import { printableJson } from "../../escape-text.ts";
import type { LocalizationSummary } from "../../experiments/localization/summary.ts";
import { rasterize } from "../../node/pictures/rasterize.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { comparisonsCsv, groupsCsv } from "../../report/localization/comparison-tables.ts";
import type { BenchmarkFigure } from "../../report/localization/figures.ts";
import { localizationPage } from "../../report/localization/page.ts";
import { errorPlots, insertionDeletionPlots, sanityPlots } from "../../report/localization/plots.ts";
import { localizationCsv, localizationMarkdown, measuresCsv } from "../../report/localization/tables.ts";

/** Writes table1.md, table1.csv, measures.csv, comparisons.csv, groups.csv, results.json, figures/*.png and, last, index.html into the folder `out`. */
export async function writeLocalizationReport(
  out: string,
  summary: LocalizationSummary,
  figures: readonly BenchmarkFigure[],
): Promise<void> {
  const files: readonly (readonly [name: string, text: string])[] = [
    ["table1.md", localizationMarkdown(summary)],
    ["table1.csv", localizationCsv(summary)],
    ["measures.csv", measuresCsv(summary)],
    ["comparisons.csv", comparisonsCsv(summary)],
    ["groups.csv", groupsCsv(summary)],
    ["results.json", `${printableJson(summary, 2)}\n`],
  ];
  for (const [name, text] of files) await writeFileAtomically(join(out, name), text);
  const plots = {
    errorPlots: await errorPlots(summary),
    curvePlots: await insertionDeletionPlots(summary),
    sanityPlots: await sanityPlots(summary),
  };
  const write = async (name: string, svg: string, scale: number): Promise<void> =>
    writeFileAtomically(join(out, "figures", `${name}.png`), await rasterize(svg, { scale }));
  for (const { name, svg } of Object.values(plots).flat()) await write(name, svg, 2);
  // Their pictures have no more pixels than this shows.
  for (const { name, svg } of figures) await write(name, svg, 1.25);
  await writeFileAtomically(join(out, "index.html"), localizationPage({ summary, ...plots, figures }));
}
