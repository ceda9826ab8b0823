import { expect, test } from "vitest";
import type { Frame } from "../protocol.ts";
import {
  begun,
  continued,
  mostFrameBytes,
  type RunState,
  secondsLeft,
  shareDone,
  stopped,
  withFrame,
  withProgress,
} from "./run-state.ts";

const frameOf = (margin: number, bytes = 16): Frame => ({
  pixels: { width: 1, height: 1, data: new Uint8ClampedArray(bytes) },
  map: new Float32Array(1),
  margin,
  confidence: 0.5,
  other: { index: 1, name: "b", confidence: 0.25 },
});

const start = (): RunState<string> => begun("perceptual", "picture-0", undefined, 1000);

test("frames are numbered by evaluation, and the curve has all of them", () => {
  const run = [3, 2, -1].reduce((before, margin) => withFrame(before, frameOf(margin)), start());
  expect(run.frames.map(({ evaluation, margin }) => [evaluation, margin])).toEqual([
    [1, 3],
    [2, 2],
    [3, -1],
  ]);
  expect(run.curve).toEqual(
    [3, 2, -1].map((margin, n) => ({ evaluation: n + 1, margin, confidence: 0.5, other: 0.25 })),
  );
});

test("where frames take too much, every second one goes, but neither the newest nor the one that is looked at", () => {
  const large = mostFrameBytes / 10;
  let run = start();
  for (let n = 1; n <= 8; n++) run = withFrame(run, frameOf(n, large));
  run = { ...run, position: 3 };
  for (let n = 9; n <= 12; n++) run = withFrame(run, frameOf(n, large));
  const kept = run.frames.map(({ evaluation }) => evaluation);
  expect(run.frames.length * large).toBeLessThanOrEqual(mostFrameBytes);
  expect(kept).toContain(4);
  expect(kept.at(-1)).toBe(12);
  expect(run.frames[run.position ?? -1].evaluation).toBe(4);
  expect(run.curve).toHaveLength(12);
});

test("a stopped run goes on where it was and shows its newest frame; one that has ended does neither", () => {
  const run = { ...withFrame(start(), frameOf(1)), position: 0 };
  const held = stopped(run);
  expect(held).toEqual({ ...run, status: "stopped" });
  expect(continued(held, 9000)).toEqual({ ...run, status: "running", position: undefined, heard: 9000 });
  const done: RunState<string> = { ...run, status: "done" };
  expect(stopped(done)).toBe(done);
  expect(continued(done, 9000)).toBe(done);
});

test("neither a stop nor a sleep counts as work", () => {
  const at = (run: RunState<string>, done: number, now: number): RunState<string> =>
    withProgress(run, { done, of: 10 }, now);
  let run = at(start(), 1, 3000);
  expect(run.worked).toBe(2000);
  run = continued(stopped(run), 100_000);
  run = at(run, 2, 102_000);
  expect(run.worked).toBe(4000);
  // An hour of silence: the tab was asleep.
  run = at(run, 3, 102_000 + 3_600_000);
  expect(run.worked).toBe(34_000);
});

test("time left is told from the share of the work, as soon as there is something to tell it from", () => {
  const run = { progress: { done: 1, of: 4 }, worked: 3000 };
  expect(shareDone(run)).toBe(0.25);
  expect(secondsLeft(run)).toBe(9);
  expect(secondsLeft({ ...run, worked: 500 })).toBeUndefined();
  expect(secondsLeft({ progress: { done: 1, of: 100 }, worked: 3000 })).toBeUndefined();
  expect(shareDone({ progress: { done: 3, of: 0 } })).toBeUndefined();
  expect(shareDone({ progress: { done: 5, of: 4 } })).toBe(1);
});
