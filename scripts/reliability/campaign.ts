/** @file A mutation campaign: cases in a process with limits, which is replaced when a case has ended it or hangs. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Chunk, Told } from "./campaign-worker.ts";
import type { Counts, Finding } from "./cases.ts";

export interface CampaignState {
  /** The next case. */
  readonly next: number;
  readonly counts: Counts;
  readonly findings: readonly Finding[];
  /** Seconds that the campaign has taken. */
  readonly seconds: number;
}

export const campaignStart: CampaignState = { next: 0, counts: {}, findings: [], seconds: 0 };

const perChunk = 600;
/** A process that says nothing for so long hangs: cases take two seconds of a processor at most, but others may have it. */
const silenceSeconds = 120;
const heapMegabytes = 1024;

/** Runs cases up to `count`, and hands out the state after each piece. */
export async function runCampaign(
  state: CampaignState,
  {
    count,
    signal,
    save,
  }: { readonly count: number; readonly signal: AbortSignal; readonly save: (s: CampaignState) => void },
): Promise<CampaignState> {
  let now = state;
  let worker: ChildProcess | undefined;
  try {
    while (now.next < count && !signal.aborted) {
      const begun = performance.now();
      worker ??= await startWorker();
      const to = Math.min(count, now.next + perChunk);
      const result = await runChunk(worker, { from: now.next, to, isCareful: false });
      let done: Pick<CampaignState, "counts" | "findings">;
      if ("ended" in result) {
        worker = undefined;
        done = await oneByOne(now.next, to, signal);
      } else done = result;
      if (signal.aborted) break;
      now = {
        next: to,
        counts: sumOf(now.counts, done.counts),
        findings: distinct([...now.findings, ...done.findings]),
        seconds: now.seconds + (performance.now() - begun) / 1000,
      };
      save(now);
    }
    return now;
  } finally {
    worker?.disconnect();
  }
}

/** A piece in which a process has ended: the case that did it is found, and the others are run. */
async function oneByOne(
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<Pick<CampaignState, "counts" | "findings">> {
  let [counts, findings]: [Counts, Finding[]] = [{}, []];
  for (let at = from; at < to && !signal.aborted; ) {
    const worker = await startWorker();
    const result = await runChunk(worker, { from: at, to, isCareful: true });
    if (!("ended" in result)) {
      worker.disconnect();
      return { counts: sumOf(counts, result.counts), findings: [...findings, ...result.findings] };
    }
    // What came before it is run again, in a process that it does not end.
    const culprit = result.at ?? at;
    if (culprit > at) {
      const before = await startWorker();
      const rest = await runChunk(before, { from: at, to: culprit, isCareful: false });
      before.disconnect();
      if (!("ended" in rest)) {
        counts = sumOf(counts, rest.counts);
        findings = [...findings, ...rest.findings];
      }
    }
    const subject = "a process ended";
    counts = sumOf(counts, { [subject]: { accepted: 0, refused: 0, found: 1 } });
    findings.push({ case: culprit, subject, signature: `process: ${result.ended}`, details: result.ended, input: {} });
    at = culprit + 1;
  }
  return { counts, findings };
}

type Chunked = { readonly ended: string; readonly at?: number } | Extract<Told, { type: "done" }>;

function runChunk(worker: ChildProcess, chunk: Chunk): Promise<Chunked> {
  return new Promise((resolve) => {
    let at: number | undefined;
    // Seconds that this process saw go by: where all of the campaign is held up, none does.
    let silence = 0;
    const timer = setInterval(() => {
      if (++silence < silenceSeconds) return;
      end({ ended: "hung", at });
      worker.kill("SIGKILL");
    }, 1000);
    const onMessage = (told: Told): void => {
      silence = 0;
      if (told.type === "at") at = told.case;
      else if (told.type === "done") end(told);
    };
    const onExit = (code: number | null, signal: string | null): void =>
      end({ ended: signal ?? `exit code ${code}`, at });
    const end = (result: Chunked): void => {
      clearInterval(timer);
      worker.off("message", onMessage).off("exit", onExit);
      resolve(result);
    };
    worker.on("message", onMessage).on("exit", onExit);
    worker.send(chunk);
  });
}

function startWorker(): Promise<ChildProcess> {
  const worker = fork(join(import.meta.dirname, "campaign-worker.ts"), {
    execArgv: ["--import", "tsx", `--max-old-space-size=${heapMegabytes}`],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  return new Promise((resolve, reject) => {
    worker.once("message", () => resolve(worker)).once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a worker has ended before it began: ${code}`)));
  });
}

function sumOf(a: Counts, b: Counts): Counts {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const none = { accepted: 0, refused: 0, found: 0 };
  return Object.fromEntries(
    names.map((name) => {
      const [one = none, two = none] = [a[name], b[name]];
      return [
        name,
        {
          accepted: one.accepted + two.accepted,
          refused: one.refused + two.refused,
          found: one.found + two.found,
        },
      ];
    }),
  );
}

/** One finding for each fault. */
function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [finding.signature, finding] as const).reverse()).values()].reverse();
}
