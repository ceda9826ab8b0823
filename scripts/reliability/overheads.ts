/**
 * @file What safety costs: checksums and syncing as a share of a benchmark, a queue as a share of two-minute batches, and how soon a killed
 * worker's batch is at work again. Writes results/reliability/overheads.md: `npx tsx scripts/reliability/overheads.ts`.
 */
import { execFileSync, fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as ort from "onnxruntime-node";
import {
  defaultLocalizationSettings,
  localizationCompute,
  localizationIdentity,
  localizationItems,
} from "../../src/experiments/localization/protocol.ts";
import { memoryStore } from "../../src/experiments/records/memory-store.ts";
import type { RecordStore } from "../../src/experiments/records/record-store.ts";
import { runExperiment } from "../../src/experiments/records/run-experiment.ts";
import { loadDataset } from "../../src/node/data/load-dataset.ts";
import { bundledClassifierPath } from "../../src/node/models/bundled.ts";
import { loadClassifier } from "../../src/node/models/load-classifier.ts";
import { fillQueue } from "../../src/node/queue/fill-queue.ts";
import { connectQueue, queueServer } from "../../src/node/queue/queue-server.ts";
import { workQueue } from "../../src/node/queue/work-queue.ts";
import { openRecordFolder } from "../../src/node/records/record-folder.ts";
import { methodNamed } from "../../src/saliency/methods.ts";
import { postgresPath, redisPath, startPostgres, startRedis, type TestServer } from "../../test/queue-servers.ts";
import { testIdentity, testItems } from "./queue-victim.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "reliability-overheads-"));
/** Rounds in turn, so that what else the machine does hits all alike. */
const rounds = 2;

/** `store`, and the seconds that were spent in it. */
function timed<T>(store: RecordStore<T>): { readonly store: RecordStore<T>; readonly spent: () => number } {
  let milliseconds = 0;
  const measured = async (work: Promise<void>): Promise<void> => {
    const begun = performance.now();
    await work;
    milliseconds += performance.now() - begun;
  };
  return {
    store: {
      ...store,
      append: (record) => measured(store.append(record)),
      writeArray: (key, name, tensor) => measured(store.writeArray(key, name, tensor)),
      close: () => measured(store.close()),
    },
    spent: () => milliseconds / 1000,
  };
}

/** Shares of a benchmark's time that are spent in its store, each for a folder on the disk and for memory, round by round. */
async function recordShares(
  methodName: string,
  pictures: number,
  keepMaps: number,
): Promise<Record<"folder" | "memory" | "perRecord", number[]>> {
  const classifier = await loadClassifier(bundledClassifierPath, { runtime: ort });
  try {
    const dataset = await loadDataset(`scenes:${pictures}`, {});
    const runs = [{ name: methodName, method: methodNamed(methodName), settings: {} }];
    const items = localizationItems(dataset, runs, { keepMaps });
    const identity = localizationIdentity(
      classifier,
      "0".repeat(64),
      { name: "scenes", labels: "dataset" },
      defaultLocalizationSettings,
    );
    const shares: Record<"folder" | "memory" | "perRecord", number[]> = { folder: [], memory: [], perRecord: [] };
    for (let round = 0; round <= rounds; round++) {
      for (const kind of ["folder", "memory"] as const) {
        const out = join(folder, `${methodName}-${keepMaps}-${round}`);
        const made = kind === "folder" ? await openRecordFolder(out, { identity, run: {} }) : memoryStore(identity);
        const { store, spent } = timed(made as RecordStore<object>);
        const begun = performance.now();
        await runExperiment({ items, store, compute: localizationCompute(classifier, defaultLocalizationSettings) });
        await store.close();
        // The first round warms everything up.
        if (round === 0) continue;
        shares[kind].push(spent() / ((performance.now() - begun) / 1000));
        if (kind === "folder") shares.perRecord.push((1000 * spent()) / pictures);
      }
    }
    return shares;
  } finally {
    await classifier.dispose();
  }
}

/** Seconds per batch that a queue takes when computing takes nothing. */
async function queueSeconds(server: TestServer, batches: number): Promise<number> {
  const there = await queueServer(server.address);
  const queue = await connectQueue(there, "overhead");
  const items = testItems(batches);
  try {
    const options = { items, identity: testIdentity };
    const begun = performance.now();
    await fillQueue(queue, { ...options, pictures: 1, isFinished: () => false });
    await workQueue({
      ...{ ...options, server: there, queue, name: "overhead", by: "test", lockSeconds: 60, itemSeconds: 60 },
      stop: new AbortController().signal,
      note: () => {},
      async compute(some, { onAdvance }) {
        onAdvance(0);
        onAdvance(some.length);
        return { finished: some.length, failed: 0 };
      },
    });
    return (performance.now() - begun) / 1000 / batches;
  } finally {
    await queue.close();
  }
}

/** Seconds from the death of a worker, by SIGKILL, to the moment at which another one has begun with its batch. */
async function recoverySeconds(server: TestServer, lockSeconds: number, round: number): Promise<number> {
  const name = `recovery-${lockSeconds}-${round}`;
  const there = await queueServer(server.address);
  const queue = await connectQueue(there, name);
  const items = testItems(1);
  try {
    await fillQueue(queue, { items, identity: testIdentity, pictures: 1, isFinished: () => false });
    const argv = [server.address, name, String(lockSeconds)];
    const victim = fork(join(import.meta.dirname, "queue-victim.ts"), argv, { execArgv: ["--import", "tsx"] });
    await new Promise((begun) => victim.once("message", begun));
    let died = 0;
    let recovered = 0;
    const stop = new AbortController();
    const survivor = workQueue({
      ...{ server: there, queue, name, items, identity: testIdentity, by: "survivor", lockSeconds, itemSeconds: 600 },
      ...{ stays: true, stop: stop.signal, note: () => {} },
      async compute(some) {
        recovered = performance.now();
        stop.abort();
        return { finished: some.length, failed: 0 };
      },
    });
    await new Promise((soon) => setTimeout(soon, 500 + 700 * round));
    victim.kill("SIGKILL");
    died = performance.now();
    await survivor;
    return (recovered - died) / 1000;
  } finally {
    await queue.close();
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const lines: string[] = [];
try {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  lines.push(
    "# What safety costs",
    "",
    `Made by \`npx tsx scripts/reliability/overheads.ts\` on ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, commit ${commit}. The machine was busy with other`,
    `work (load ${loadavg()[0]?.toFixed(0)}), so that only ratios count; rounds alternate.`,
    "",
    "## Records: checksums and syncing",
    "",
    "The share of `benchmark localization`'s time (bundled classifier, Scenes) that is spent in writing records and maps, with checksums and syncing; beside it a store in memory. The",
    "maps of the first 40 pictures are kept, and synced one by one; of the others only records are written.",
    "",
    "| method | maps | share | of each picture | in memory |",
    "|---|---|--:|--:|--:|",
  );
  for (const [method, pictures, maps] of [
    ["gradient", 8, "none"],
    ["gradient", 8, "all"],
    ["smooth-grad", 3, "none"],
    ["smooth-grad", 3, "all"],
  ] as const) {
    const { folder: onDisk, memory, perRecord } = await recordShares(method, pictures, maps === "all" ? pictures : 0);
    const show = (shares: number[]): string => shares.map(percent).join(", ");
    const milliseconds = perRecord.map((value) => value.toFixed(1)).join(", ");
    lines.push(`| ${method} | ${maps} | ${show(onDisk)} | ${milliseconds} ms | ${show(memory)} |`);
    console.log(lines.at(-1));
  }
  lines.push("", "## The queue", "", "| server | per batch | of a batch of two minutes |", "|---|--:|--:|");
  const recoveries: string[] = [];
  for (const [kind, path, start] of [
    ["Redis", redisPath, startRedis],
    ["PostgreSQL", postgresPath, startPostgres],
  ] as const) {
    if (path === undefined) continue;
    const server = await start(join(folder, kind));
    try {
      const seconds = await queueSeconds(server, 200);
      lines.push(`| ${kind} | ${(1000 * seconds).toFixed(1)} ms | ${percent(seconds / 120)} |`);
      for (const lockSeconds of [3, 9]) {
        const found: number[] = [];
        for (let round = 0; round < rounds; round++) found.push(await recoverySeconds(server, lockSeconds, round));
        recoveries.push(`| ${kind} | ${lockSeconds} s | ${found.map((value) => value.toFixed(1)).join(", ")} s |`);
        console.log(recoveries.at(-1));
      }
    } finally {
      await server.stop();
    }
  }
  lines.push(
    "",
    "From the death of a worker, by `kill -9` in the middle of its batch, until another one has begun with that batch:",
    "",
    "| server | `--lock` | measured |",
    "|---|--:|--:|",
    ...recoveries,
    "",
  );
  mkdirSync(join(root, "results/reliability"), { recursive: true });
  writeFileSync(join(root, "results/reliability/overheads.md"), lines.join("\n"));
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
