/** @file The grid of methods: the cells that were asked for, and those that are cheap. */
import { sliderRule } from "../slider-rule.ts";
import { address, settingsOf } from "./address.ts";
import { isAborted, wordsOf, worker } from "./connection.ts";
import { type GridCell, grid, network, picture } from "./signals.ts";
import { boxRuleOf, isCheap, notePace, secondsOf } from "./techniques.ts";
import type { RunningJob } from "./worker-client.ts";

/** What a cheap method may take on this machine to be computed without being asked for. */
const cheapSeconds = 5;

const gridJobs = new Set<RunningJob<"explain">>();

/** Computes a method for the grid. */
export async function fillCell(name: string): Promise<void> {
  const entry = picture.value;
  if (entry?.fitted === undefined) return;
  const put = (cell: GridCell): void => {
    if (picture.value?.key === entry.key) grid.value = { ...grid.value, [name]: cell };
  };
  put({ status: "waiting" });
  const { target } = address.value;
  const rule = sliderRule(address.value, boxRuleOf(name));
  const question = { picture: entry.key, target, settings: settingsOf(name), method: name, rule, watch: false };
  const started = performance.now();
  const job = worker().run("explain", question, (event) => {
    if ("progress" in event) put({ status: "running", progress: event.progress, started });
  });
  gridJobs.add(job);
  try {
    const view = await job.output;
    notePace(view);
    put({ status: "done", view });
  } catch (error) {
    if (isAborted(error)) {
      const { [name]: _, ...rest } = grid.value;
      if (picture.value?.key === entry.key) grid.value = rest;
    } else put({ status: "failed", error: wordsOf(error) });
  } finally {
    gridJobs.delete(job);
  }
}

/** Computes what is cheap and not there yet. */
export function fillCheapCells(): void {
  for (const method of network.value?.methods ?? []) {
    const isQuick = isCheap(method) && (secondsOf(method) ?? 0) <= cheapSeconds;
    if (isQuick && grid.value[method.name] === undefined) void fillCell(method.name);
  }
}

/** Ends what the grid is waiting for. */
export function stopGrid(): void {
  for (const job of gridJobs) job.cancel();
}
