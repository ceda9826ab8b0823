/** @file A progress bar on stderr with the time left: for what takes over a second, in a terminal. */
import cliProgress from "cli-progress";
import type { OutputStream } from "./context.ts";

export interface Progress {
  /** Begins something new: the time left is counted from here. */
  begin(): void;
  /** How much is done, in [0, 1], and what is being done. */
  update(share: number, what: string): void;
  /** Takes the bar off the screen while `print` writes to it. */
  around(print: () => void): void;
  /** Takes the bar off the screen for good. */
  stop(): void;
}

const quietMs = 1000;

/** "12 s", "3 min 20 s", "2 h 5 min". */
export function describeSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A bar on `stream` if it is a terminal and not `quiet`; one that does nothing otherwise. It shows after a second. */
export function createProgress(stream: OutputStream, { quiet }: { readonly quiet: boolean }): Progress {
  if (!stream.isTTY || quiet) return { begin() {}, update() {}, around: (print) => print(), stop() {} };
  let started = performance.now();
  let [share, what] = [0, ""];
  let bar: cliProgress.SingleBar | undefined;
  const show = (): void => {
    bar = new cliProgress.SingleBar({
      stream,
      clearOnComplete: true,
      fps: 10,
      format(_options, { progress }) {
        const seconds = (performance.now() - started) / 1000;
        const left = share > 0.02 ? `${describeSeconds((seconds * (1 - share)) / share)} left` : "";
        const filled = Math.round(progress * 24);
        const line = `${"█".repeat(filled)}${"░".repeat(24 - filled)} ${Math.round(100 * share)} %  ${left}  ${what}`;
        return line.slice(0, (stream.columns ?? 80) - 1);
      },
    });
    bar.start(1, share);
  };
  const hide = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    begin() {
      hide();
      [started, share] = [performance.now(), 0];
    },
    update(nextShare, nextWhat) {
      [share, what] = [Math.min(1, nextShare), nextWhat];
      if (bar !== undefined) bar.update(share);
      else if (performance.now() - started > quietMs) show();
    },
    around(print) {
      const wasShown = bar !== undefined;
      hide();
      print();
      if (wasShown) show();
    },
    stop: hide,
  };
}
