/** @file The files of a comparison of detectors. */
import { join } from "node:path";
import { printableJson } from "../../escape-text.ts";
import type { DetectorsSummary } from "../../experiments/detectors/summary.ts";
import { writeFileAtomically } from "../../node/write-file.ts";
import { detectorsPage } from "../../report/detectors/page.ts";
import { detectorPlots } from "../../report/detectors/plots.ts";
import { detectorsCsv, detectorsMarkdown } from "../../report/detectors/tables.ts";

/** Writes detectors.md, detectors.csv, results.json and, last, index.html into the folder `out`. */
export async function writeDetectorsReport(out: string, summary: DetectorsSummary): Promise<void> {
  const files: readonly (readonly [name: string, text: string])[] = [
    ["detectors.md", detectorsMarkdown(summary)],
    ["detectors.csv", detectorsCsv(summary)],
    ["results.json", `${printableJson(summary, 1)}\n`],
    ["index.html", detectorsPage(summary, await detectorPlots(summary))],
  ];
  for (const [name, text] of files) await writeFileAtomically(join(out, name), text);
}
