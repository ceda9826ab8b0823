import { PassThrough } from "node:stream";
import { afterEach, expect, test, vi } from "vitest";
import { createProgress, describeSeconds } from "./progress.ts";

afterEach(() => {
  vi.useRealTimers();
});

function terminal() {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 100 });
  let written = "";
  stream.on("data", (chunk) => {
    written += chunk;
  });
  return { stream, written: () => written };
}

test("nothing within the first second; then a bar with the time left, taken away at the end", () => {
  vi.useFakeTimers({ toFake: ["performance", "Date", "setTimeout", "clearTimeout"] });
  const { stream, written } = terminal();
  const progress = createProgress(stream, { quiet: false });
  progress.update(0.1, "a.jpg");
  expect(written()).toBe("");
  vi.advanceTimersByTime(2000);
  progress.update(0.25, "a.jpg");
  expect(written()).toContain("██████░░░░░░░░░░░░░░░░░░ 25 %  6 s left  a.jpg");
  progress.around(() => stream.write("a line\n"));
  expect(written()).toMatch(/a line\n/);
  progress.stop();
  const before = written();
  expect(before.endsWith("\u001b[2K")).toBe(true);
  vi.advanceTimersByTime(5000);
  expect(written()).toBe(before);
});

test("silent where there is no terminal, and when asked to be", () => {
  const { stream, written } = terminal();
  const quiet = createProgress(stream, { quiet: true });
  const piped = createProgress(Object.assign(stream, { isTTY: false }), { quiet: false });
  vi.useFakeTimers({ toFake: ["performance", "Date", "setTimeout", "clearTimeout"] });
  for (const progress of [quiet, piped]) {
    progress.begin();
    progress.update(0.5, "x");
    vi.advanceTimersByTime(3000);
    progress.update(0.6, "x");
    progress.stop();
  }
  expect(written()).toBe("");
});

test("times in words", () => {
  expect([0.2, 59.5, 61, 3600, 7500].map(describeSeconds)).toEqual([
    "1 s",
    "1 min 0 s",
    "1 min 1 s",
    "1 h 0 min",
    "2 h 5 min",
  ]);
});
