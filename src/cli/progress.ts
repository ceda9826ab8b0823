/** @file Progress on stderr with the time left: a bar in a terminal, else a line now and then. */
import cliProgress from "cli-progress";
import { printable } from "../escape-text.ts";
import type { TimeLeft } from "../experiments/records/time-estimate.ts";
import type { OutputStream } from "./context.ts";

export interface ProgressDisplay {
  /** Begins something new: the time left is counted from here. */
  begin(): void;
  /** How much is done, in [0, 1], and what is being done; `left` where it does not follow from the share, as of items that differ. */
  update(share: number, what: string, left?: TimeLeft | "unknown"): void;
  /** Takes the bar off the screen while `print` writes to it. */
  around(print: () => void): void;
  /** Takes the bar off the screen for good. */
  stop(): void;
}

/** Before a bar appears, and from line to line where there is no terminal. */
const quietMs = { bar: 1000, line: 30_000 } as const;
/**
 * An estimate means something once this share is done and a run of the network is no longer small beside what opens it, or much time has
 * passed.
 */
const estimable = { share: 0.02, opened: 3, seconds: 20 } as const;

/** "12 s", "3 min 20 s", "2 h 5 min". */
export function describeSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** What was heard last: so many seconds after the beginning. */
interface Heard {
  readonly share: number;
  readonly seconds: number;
  readonly left?: TimeLeft | "unknown";
}

/** "3 min 20 s left", or nothing as long as nobody can tell. `since` so many seconds nothing more was heard. */
function timeLeft({ share, seconds, left: told }: Heard, since = 0): string {
  const isEarly = share < estimable.share || seconds < estimable.opened;
  if (share === 0 || told === "unknown" || (isEarly && seconds < estimable.seconds)) return "";
  const left = (told === undefined ? (seconds * (1 - share)) / share : told.seconds) - since;
  return left > 0 ? `${told?.isLowerBound === true ? "more than " : ""}${describeSeconds(left)} left` : "";
}

/**
 * A bar on `stream` if it is a terminal, which shows after a second; elsewhere (a file, a batch system's log) a line every half minute. Nothing
 * if `quiet`.
 */
export function createProgress(stream: OutputStream, { quiet }: { readonly quiet: boolean }): ProgressDisplay {
  if (quiet) return { begin() {}, update() {}, around: (print) => print(), stop() {} };
  return stream.isTTY ? progressBar(stream) : progressLines(stream);
}

function progressLines(stream: OutputStream): ProgressDisplay {
  let started = performance.now();
  let last = started;
  return {
    begin() {
      started = performance.now();
      last = started;
    },
    update(share, what, left) {
      const now = performance.now();
      if (now - last < quietMs.line || share >= 1) return;
      last = now;
      const parts = [
        `${Math.round(100 * share)} %`,
        timeLeft({ share, seconds: (now - started) / 1000, left }),
        printable(what),
      ];
      stream.write(`${parts.filter((part) => part !== "").join("  ")}\n`);
    },
    around: (print) => print(),
    stop() {},
  };
}

function progressBar(stream: OutputStream): ProgressDisplay {
  let started = performance.now();
  let [share, what, heard] = [0, "", started];
  let told: TimeLeft | "unknown" | undefined;
  let bar: cliProgress.SingleBar | undefined;
  const show = (): void => {
    bar = new cliProgress.SingleBar({
      stream,
      clearOnComplete: true,
      fps: 10,
      format(_options, { progress }) {
        // From one word to the next the time left goes down, as everybody's does.
        const last = { share, seconds: (heard - started) / 1000, left: told };
        const left = timeLeft(last, (performance.now() - heard) / 1000);
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
      heard = started;
    },
    update(nextShare, nextWhat, left) {
      told = left;
      [share, what, heard] = [Math.min(1, nextShare), printable(nextWhat), performance.now()];
      if (bar !== undefined) bar.update(share);
      else if (performance.now() - started > quietMs.bar) show();
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
