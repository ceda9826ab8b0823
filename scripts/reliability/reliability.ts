/**
 * @file `npm run reliability -- --count 1000000 --kills 1000 --soak`: the campaigns, which go on where they were stopped, and their figures in
 * results/reliability/README.md. `--state FOLDER` is where they keep what they know (default `.reliability`); `--write` only writes the figures.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { campaignStart, runCampaign } from "./campaign.ts";
import { killsStart, runKills } from "./kills/kill-campaign.ts";
import { type ReliabilityState, reliabilityPage } from "./page.ts";
import { runSoak } from "./soak.ts";

const root = resolve(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: {
    count: { type: "string", default: "0" },
    kills: { type: "string", default: "0" },
    soak: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    state: { type: "string", default: ".reliability" },
  },
});
const folder = resolve(root, values.state);
const stateFile = join(folder, "state.json");
mkdirSync(folder, { recursive: true });

function readState(): ReliabilityState {
  try {
    return JSON.parse(readFileSync(stateFile, "utf8")) as ReliabilityState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return {
      campaign: campaignStart,
      kills: killsStart,
      commits: [],
      machine: `${cpus()[0]?.model}, Node ${process.version}`,
    };
  }
}

/** Two commands with one folder, for cases and for kills, keep each other's part. */
function save(part: Partial<ReliabilityState>): void {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  const state = { ...readState(), ...part };
  const next = { ...state, commits: [...new Set([...state.commits, commit])] };
  writeFileSync(`${stateFile}.${process.pid}`, JSON.stringify(next));
  renameSync(`${stateFile}.${process.pid}`, stateFile);
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stop.abort());
const { signal } = stop;
const before = readState();
if (!values.write) {
  await runCampaign(before.campaign, {
    ...{ count: Number(values.count), signal },
    save: (campaign) => save({ campaign }),
  });
  await runKills(before.kills, { ...{ count: Number(values.kills), signal }, save: (kills) => save({ kills }) });
  if (values.soak && !signal.aborted) save({ soak: await runSoak() });
}
const page = join(root, "results/reliability/README.md");
mkdirSync(join(root, "results/reliability"), { recursive: true });
writeFileSync(page, reliabilityPage(readState()));
const { campaign, kills } = readState();
console.log(
  `${campaign.next} cases, ${campaign.findings.length} findings; ${kills.done} kills, ${kills.findings.length} findings`,
);
console.log(`Written: ${page}`);
