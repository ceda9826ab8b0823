/** @file The files of a detection benchmark's report. */
import { join } from "node:path";
import { printableJson } from "../../escape-text.ts";
import type { DetectionSummary } from "../../experiments/detection/summary.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { detectionPage } from "../../report/detection/page.ts";
import { detectionPlots } from "../../report/detection/plots.ts";
import { detectionCsv, detectionMarkdown } from "../../report/detection/tables.ts";

/** Writes table2.md, table2.csv, results.json and, last, index.html into the folder `out`. */
export async function writeDetectionReport(out: string, summary: DetectionSummary): Promise<void> {
  const plots = await Promise.all(summary.groups.map((group) => detectionPlots(summary, group)));
  const files: readonly (readonly [name: string, text: string])[] = [
    ["table2.md", detectionMarkdown(summary)],
    ["table2.csv", detectionCsv(summary)],
    ["results.json", `${compactJson(summary)}\n`],
    ["index.html", detectionPage(summary, plots)],
  ];
  for (const [name, text] of files) await writeFileAtomically(join(out, name), text);
}

/** Indented JSON with lists of plain values on one line each: scores and curves would fill thousands of lines. */
function compactJson(value: unknown): string {
  return printableJson(value, 2).replace(/\[[^[\]{}]*\]/g, (list) => list.replace(/\s*\n\s*/g, " "));
}
