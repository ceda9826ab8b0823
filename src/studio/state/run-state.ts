/** @file A run that one watches, and how it changes: a value, so that each change can be tested by itself. */
import type { Frame, ProgressView } from "../protocol.ts";

/** A frame with its number among the evaluations. */
export interface KeptFrame extends Frame {
  readonly evaluation: number;
}

/** One evaluation, as the curves show it. */
export interface CurvePoint {
  readonly evaluation: number;
  readonly margin: number;
  readonly confidence: number;
  readonly other: number;
}

/** A run that one watches. */
export interface RunState<R> {
  readonly technique: string;
  readonly picture: string;
  readonly target: number | undefined;
  /** One that was stopped can go on, as long as nothing else takes its place. */
  readonly status: "running" | "stopped" | "done" | "failed";
  readonly progress: ProgressView | undefined;
  /** Milliseconds of work so far, and when something was last heard of it. */
  readonly worked: number;
  readonly heard: number;
  readonly frames: readonly KeptFrame[];
  readonly curve: readonly CurvePoint[];
  /** Which frame is shown; undefined: the newest, and at the end the result. */
  readonly position: number | undefined;
  readonly result?: R;
  readonly error?: string;
}

/** Bytes of frames that are kept to step back through; beyond, every second one is let go. */
export const mostFrameBytes = 96e6;
/** Milliseconds without a word that count as work; whoever is silent for longer was asleep. */
const longestSilence = 30_000;

export function begun(technique: string, picture: string, target: number | undefined, now: number): RunState<never> {
  const start = { progress: undefined, worked: 0, heard: now, frames: [], curve: [], position: undefined };
  return { technique, picture, target, status: "running", ...start };
}

/** `run` with one more frame. */
export function withFrame<R extends RunState<unknown>>(run: R, frame: Frame): R {
  const evaluation = run.curve.length + 1;
  const point = { evaluation, margin: frame.margin, confidence: frame.confidence, other: frame.other.confidence };
  const shown = run.position === undefined ? undefined : run.frames[run.position];
  let frames: readonly KeptFrame[] = [...run.frames, { ...frame, evaluation }];
  const each = frame.pixels.data.byteLength + frame.map.byteLength;
  if (frames.length > 8 && frames.length * each > mostFrameBytes) {
    const last = frames.length - 1;
    frames = frames.filter((kept, n) => n % 2 === 0 || n === last || kept === shown);
  }
  // Who looks at an earlier one goes on looking at it.
  const position = shown === undefined ? undefined : frames.indexOf(shown);
  return { ...run, frames, position, curve: [...run.curve, point] };
}

export function withProgress<R extends RunState<unknown>>(run: R, progress: ProgressView, now: number): R {
  const since = run.status === "running" ? Math.min(now - run.heard, longestSilence) : 0;
  return { ...run, progress, worked: run.worked + since, heard: now };
}

export function stopped<R extends RunState<unknown>>(run: R): R {
  return run.status === "running" ? { ...run, status: "stopped" } : run;
}

/** `run`, going on where it was stopped, and shown where it is. */
export function continued<R extends RunState<unknown>>(run: R, now: number): R {
  return run.status === "stopped" ? { ...run, status: "running", position: undefined, heard: now } : run;
}

/** How much of the work is done, in [0, 1]; undefined as long as nobody knows. */
export function shareDone({ progress }: Pick<RunState<unknown>, "progress">): number | undefined {
  return progress === undefined || progress.of === 0 ? undefined : Math.min(1, progress.done / progress.of);
}

/** Seconds that it will still take, as far as can be told. */
export function secondsLeft(run: Pick<RunState<unknown>, "progress" | "worked">): number | undefined {
  const share = shareDone(run);
  if (share === undefined || share <= 0.05 || run.worked < 1000) return undefined;
  return (run.worked / 1000) * ((1 - share) / share);
}
