/** @file Whose turn it is: the runtime runs one session at a time, so one job works while the others wait, and a held one lets them pass. */

/** Jobs that somebody waits for come before those that fill a page in the background. */
export type Urgency = "asked" | "background";

export interface Turns {
  /** Resolved when it is the caller's turn, in order of arrival among the equally urgent. */
  take(urgency: Urgency): Promise<void>;
  /** Ends the caller's turn. */
  give(): void;
  /** Whether a more urgent job waits than one of this urgency. */
  isWanted(urgency: Urgency): boolean;
}

export function createTurns(): Turns {
  const waiting: Readonly<Record<Urgency, (() => void)[]>> = { asked: [], background: [] };
  let isTaken = false;
  return {
    async take(urgency) {
      if (isTaken) await new Promise<void>((resolve) => waiting[urgency].push(resolve));
      isTaken = true;
    },
    give() {
      const next = waiting.asked.shift() ?? waiting.background.shift();
      // A turn that is handed over is never free in between, so that nobody can slip in.
      if (next === undefined) isTaken = false;
      else next();
    },
    isWanted: (urgency) => urgency === "background" && waiting.asked.length > 0,
  };
}

/** Where a job can be held between two runs of the network. */
export interface Gate {
  /** Resolved while nobody holds it, and when it is the job's turn again. */
  passed(): Promise<void>;
  hold(isHeld: boolean): void;
  /** Milliseconds that the job has stood here. */
  readonly heldFor: number;
}

/** The gate of a job that has its turn. */
export function createGate(turns: Turns, urgency: Urgency, now: () => number = () => performance.now()): Gate {
  let open: (() => void) | undefined;
  let gate: Promise<void> | undefined;
  let heldFor = 0;
  return {
    async passed() {
      if (gate === undefined && !turns.isWanted(urgency)) return;
      const since = now();
      turns.give();
      // It may be held again before its turn comes.
      while (gate !== undefined) await gate;
      await turns.take(urgency);
      heldFor += now() - since;
    },
    hold(isHeld) {
      if (isHeld && gate === undefined) {
        gate = new Promise((resolve) => {
          open = resolve;
        });
      } else if (!isHeld) {
        gate = undefined;
        open?.();
        open = undefined;
      }
    },
    get heldFor() {
      return heldFor;
    },
  };
}
