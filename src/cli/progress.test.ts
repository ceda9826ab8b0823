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
  progress.update(0.2, "a.jpg");
  // What opens the network is most of the time so far.
  expect(written()).toContain("20 %    a.jpg");
  vi.advanceTimersByTime(2000);
  progress.update(0.25, "a.jpg");
  // Takes the bar away and draws it again.
  progress.around(() => stream.write("a line\n"));
  expect(written()).toContain("██████░░░░░░░░░░░░░░░░░░ 25 %  12 s left  a.jpg");
  expect(written()).toMatch(/a line\n/);
  // Nothing more is heard, and nothing is said once that time is over.
  vi.advanceTimersByTime(5000);
  progress.around(() => stream.write("another line\n"));
  expect(written()).toMatch(/another line\n[\s\S]*25 % {2}7 s left/);
  vi.advanceTimersByTime(8000);
  progress.around(() => stream.write("the last line\n"));
  expect(written()).toMatch(/the last line\n[\s\S]*25 % {4}a\.jpg/);
  expect(written()).not.toMatch(/1[3-9] s left/);
  progress.stop();
  const before = written();
  expect(before.endsWith("\u001b[2K")).toBe(true);
  vi.advanceTimersByTime(5000);
  expect(written()).toBe(before);
});

test("a line every half minute where there is no terminal", () => {
  vi.useFakeTimers({ toFake: ["performance", "Date", "setTimeout", "clearTimeout"] });
  const { stream, written } = terminal();
  const progress = createProgress(Object.assign(stream, { isTTY: false }), { quiet: false });
  progress.begin();
  for (let item = 1; item <= 40; item++) {
    vi.advanceTimersByTime(4000);
    progress.update(item / 40, `${item} of 40`);
  }
  progress.stop();
  // After 32, 64, 96 and 128 of 160 seconds, seconds rounded up.
  expect(written().split("\n")).toEqual([
    "20 %  2 min 8 s left  8 of 40",
    expect.stringMatching(/^40 % {2}1 min 3[67] s left {2}16 of 40$/),
    expect.stringMatching(/^60 % {2}1 min [45] s left {2}24 of 40$/),
    expect.stringMatching(/^80 % {2}3[12] s left {2}32 of 40$/),
    "",
  ]);
});

test("no estimate from almost nothing, but one from a small share after a while", () => {
  vi.useFakeTimers({ toFake: ["performance", "Date", "setTimeout", "clearTimeout"] });
  const { stream, written } = terminal();
  const progress = createProgress(stream, { quiet: false });
  vi.advanceTimersByTime(2000);
  progress.update(0.001, "1 of 1000");
  expect(written()).not.toContain("left");
  vi.advanceTimersByTime(28_000);
  progress.update(0.01, "10 of 1000");
  progress.around(() => {});
  expect(written()).toContain("49 min 30 s left");
  progress.stop();
});

test("what the caller knows of the time left is said instead, as the least where it is no more than that", () => {
  vi.useFakeTimers({ toFake: ["performance", "Date", "setTimeout", "clearTimeout"] });
  const { stream, written } = terminal();
  const progress = createProgress(Object.assign(stream, { isTTY: false }), { quiet: false });
  progress.begin();
  for (const left of ["unknown", { seconds: 600, isLowerBound: true }, { seconds: 90, isLowerBound: false }] as const) {
    vi.advanceTimersByTime(30_000);
    progress.update(0.01, "1 of 100", left);
  }
  progress.stop();
  expect(written()).toBe("1 %  1 of 100\n1 %  more than 10 min 0 s left  1 of 100\n1 %  1 min 30 s left  1 of 100\n");
});

test("silent when asked to be", () => {
  const { stream, written } = terminal();
  vi.useFakeTimers({ toFake: ["performance", "Date", "setTimeout", "clearTimeout"] });
  for (const isTTY of [true, false]) {
    const progress = createProgress(Object.assign(stream, { isTTY }), { quiet: true });
    progress.begin();
    progress.update(0.5, "x");
    vi.advanceTimersByTime(100_000);
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
