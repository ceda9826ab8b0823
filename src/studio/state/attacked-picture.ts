/** @file What is found out about a picture that was attacked: the plane through it, and what the statistical test says. */
import type { FileView } from "../protocol.ts";
import { isAborted, wordsOf, worker } from "./connection.ts";
import { attackRun, cone, detector, statisticsFile } from "./signals.ts";

/** From coarse to fine, so that there is something to see at once. */
const coneSteps = [1 / 2, 1 / 4, 1 / 8, 1 / 16] as const;

/** The plane through the picture that was just attacked. Each step is a job of its own, so that others need not wait for the last. */
export async function drawCone(of: string): Promise<void> {
  cone.value = { of };
  try {
    for (const step of coneSteps) {
      const view = await worker().run("cone", { attack: of, step }).output;
      if (cone.value?.of !== of) return;
      cone.value = { of, view };
    }
  } catch (error) {
    if (!isAborted(error) && cone.value?.of === of) cone.value = { of, error: wordsOf(error) };
  }
}

/** Takes the detector's statistics from a file, and tests what was attacked with them. */
export function useStatistics(file: FileView): void {
  statisticsFile.value = file;
  const of = attackRun.value?.result?.key;
  if (of !== undefined) void detect(of);
}

/** What the statistical test says of the attacked picture. */
export async function detect(of: string): Promise<void> {
  detector.value = { of };
  try {
    const { value: statistics } = statisticsFile;
    const view = await worker().run("detect", { of, statistics }, ({ progress }) => {
      if (detector.value?.of === of) detector.value = { of, progress };
    }).output;
    if (detector.value?.of === of) detector.value = { of, view };
  } catch (error) {
    if (!isAborted(error) && detector.value?.of === of) detector.value = { of, error: wordsOf(error) };
  }
}
