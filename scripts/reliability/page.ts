/** @file The campaigns' figures as a page. */
import type { CampaignState } from "./campaign.ts";
import type { KillState } from "./kills/kill-campaign.ts";
import type { SoakResult } from "./soak.ts";

export interface ReliabilityState {
  readonly campaign: CampaignState;
  readonly kills: KillState;
  readonly soak?: SoakResult;
  /** The commits that have run. */
  readonly commits: readonly string[];
  readonly machine: string;
}

const number = (value: number): string => Math.round(value).toLocaleString("en-US");
const hours = (seconds: number): string => `${(seconds / 3600).toFixed(1)} h`;

/** The page in Markdown. */
export function reliabilityPage({ campaign, kills, soak, commits, machine }: ReliabilityState): string {
  const kinds = Object.entries(campaign.counts).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = [
    "# Reliability",
    "",
    `Made by \`npm run reliability\` (scripts/reliability) on ${machine}, commits ${commits.join(", ")}. The same command goes on with more.`,
    "What was found is mended: [findings.md](findings.md). What safety costs is in [overheads.md](overheads.md).",
    "",
    "## Mutations",
    "",
    `${number(campaign.next)} hostile inputs in ${hours(campaign.seconds)}: each is used, or refused with an error that says why, within 2 s of processor time and 500 MB.`,
    "Anything else is a finding: another error, a process that ends or hangs, a record that was used and had been changed.",
    "",
    "| input | used | refused | found |",
    "|---|--:|--:|--:|",
    ...kinds.map(
      ([name, { accepted, refused, found }]) =>
        `| ${name} | ${number(accepted)} | ${number(refused)} | ${number(found)} |`,
    ),
    "",
    ...campaign.findings.map(({ case: n, signature }) => `- case ${n}: ${signature}`),
    ...(campaign.findings.length > 0 ? [""] : []),
    "## Kills",
    "",
    `${number(kills.done)} kills in ${number(kills.runs)} runs, ${hours(kills.seconds)}. After each kill all that had been finished was there and unchanged, and each run ended with the records`,
    `of an undisturbed one${kills.findings.length === 0 ? "." : `, but for ${kills.findings.length} findings:`}`,
    "",
    ...kills.findings.map(
      ({ run, program, trouble, what }) => `- run ${run}, ${program}, ${trouble}: ${what.slice(0, 200)}`,
    ),
    ...(kills.findings.length > 0 ? [""] : []),
    "| command | runs | kills |",
    "|---|--:|--:|",
    ...Object.entries(kills.byProgram).map(([name, own]) => `| ${name} | ${number(own.runs)} | ${number(own.kills)} |`),
    "",
    "| besides being killed | kills |",
    "|---|--:|",
    ...Object.entries(kills.byTrouble).map(([name, count]) => `| ${name} | ${number(count)} |`),
    "",
  ];
  if (soak !== undefined) {
    const { cycles, pictures } = soak;
    lines.push(
      "## A long life",
      "",
      "| in one process | memory after a tenth | at the end |",
      "|---|--:|--:|",
      `| a classifier opened, run and disposed of ${number(cycles.count)} times | ${cycles.early} MB | ${cycles.late} MB |`,
      `| ${number(pictures.count)} pictures classified and attacked | ${pictures.early} MB | ${pictures.late} MB |`,
      "",
    );
  }
  return lines.join("\n");
}
