/** @file The files of a robustness benchmark's report. */
import { join } from "node:path";
import { printableJson } from "../../escape-text.ts";
import type { RobustnessSummary } from "../../experiments/robustness/summary.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { robustnessPage } from "../../report/robustness/page.ts";
import { robustnessPlots } from "../../report/robustness/plots.ts";
import { robustnessCsv, robustnessMarkdown } from "../../report/robustness/tables.ts";

/** Writes robustness.md, robustness.csv, results.json, a figure for each norm and, last, index.html into the folder `out`. */
export async function writeRobustnessReport(out: string, summary: RobustnessSummary): Promise<void> {
  const plots = await robustnessPlots(summary);
  const files: readonly (readonly [name: string, text: string])[] = [
    ["robustness.md", robustnessMarkdown(summary)],
    ["robustness.csv", robustnessCsv(summary)],
    ["results.json", `${printableJson(summary, 2)}\n`],
    ...plots.map(({ name, svg }) => [`${name}.svg`, svg] as const),
    ["index.html", robustnessPage(summary, plots)],
  ];
  for (const [name, text] of files) await writeFileAtomically(join(out, name), text);
}
