/** @file The process in which a campaign's cases run: it is told numbers, and tells what it is at and what it has found. */
import { runCases } from "./cases.ts";
import { subjectsInTurn } from "./subjects/index.ts";

export interface Chunk {
  readonly from: number;
  readonly to: number;
  /** Says each case before it begins, since one of them has ended a process before. */
  readonly isCareful: boolean;
}

export type Told =
  | { readonly type: "ready" }
  | { readonly type: "at"; readonly case: number }
  | ({ readonly type: "done" } & Awaited<ReturnType<typeof runCases>>);

const quietMs = 200;
const tell = (told: Told): void => void process.send?.(told);
const subjects = await subjectsInTurn();
let last = 0;

process.on("message", async ({ from, to, isCareful }: Chunk) => {
  const onCase = (n: number): void => {
    if (!isCareful && performance.now() - last < quietMs) return;
    last = performance.now();
    tell({ type: "at", case: n });
  };
  tell({ type: "done", ...(await runCases(subjects, { from, to, onCase })) });
});
process.on("disconnect", () => process.exit());
tell({ type: "ready" });
