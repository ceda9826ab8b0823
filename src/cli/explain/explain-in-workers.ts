/** @file Pictures explained in child processes, which run the same command line: what a child tells, and what its parent makes of it. */
import { type Complaint, PerceptualBallError } from "../../errors.ts";
import { runWorkers, type WorkerChannel, type WorkerDeath } from "../../node/records/workers.ts";
import type { PictureExplanation } from "../../report/explanation/explain-picture.ts";
import type { CliContext } from "../context.ts";
import type { PictureSource } from "../pictures.ts";
import { executable } from "../run-in-workers.ts";
import { withShareOfCores } from "../share-of-cores.ts";

/** What a child tells of a picture, which it calls by its name: pictures that have vanished since move the others. */
type PictureMessage = { readonly name: string } & (
  | { readonly type: "begun" | "finished" }
  | { readonly type: "explained"; readonly explanation: PictureExplanation }
  | { readonly type: "failed"; readonly complaint: Complaint }
);

/** What has come of a picture so far. */
export interface ReceivedPicture {
  readonly explanations: readonly PictureExplanation[];
  /** Why it could not be used. */
  readonly error: PerceptualBallError | undefined;
}

export interface ExplainInWorkersOptions {
  readonly context: CliContext;
  /** All pictures of the command line. */
  readonly sources: readonly PictureSource[];
  /** The first of them that is still to be explained. */
  readonly from: number;
  readonly workers: number;
  /** Whether the command line says how many threads there are. */
  readonly hasThreads: boolean;
  readonly signal: AbortSignal;
  /** Called for each picture that is finished, in any order. */
  readonly onPicture: (name: string, picture: ReceivedPicture) => void;
  readonly onDeath: (death: WorkerDeath) => void;
}

/** Has the pictures explained in children. Those of which no `onPicture` came when all is over are for the caller to explain. */
export async function explainInWorkers(options: ExplainInWorkersOptions): Promise<void> {
  const { context, sources, from, workers, hasThreads, signal, onPicture, onDeath } = options;
  const of = sources.length;
  const begun = new Map<string, { explanations: PictureExplanation[]; error: PerceptualBallError | undefined }>();
  await runWorkers({
    entry: executable,
    argv: hasThreads ? context.argv : withShareOfCores(context.argv, workers),
    env: context.io.env,
    workers,
    cloned: true,
    shards: Array.from({ length: of - from }, (_, n) => ({ index: from + n + 1, of })),
    signal,
    onMessage(_worker, told) {
      const message = told as PictureMessage;
      const { name } = message;
      // One that is done again, since its first worker has died, begins again.
      if (message.type === "begun") begun.set(name, { explanations: [], error: undefined });
      const picture = begun.get(name);
      if (picture === undefined) return;
      if (message.type === "explained") picture.explanations.push(message.explanation);
      if (message.type === "failed") picture.error = new PerceptualBallError(message.complaint);
      if (message.type !== "finished") return;
      begun.delete(name);
      onPicture(name, picture);
    },
    onDeath,
  });
}

/**
 * The whole of a child's life: it explains the pictures that its parent asks for. `explain` throws what is wrong with a picture as a
 * {@link PictureError}; anything else ends the child, and its parent finds out by explaining the picture itself.
 */
export async function serveExplanations(
  channel: WorkerChannel,
  sources: readonly PictureSource[],
  explain: (source: PictureSource, signal: AbortSignal) => AsyncIterable<PictureExplanation>,
): Promise<void> {
  const tell = (message: PictureMessage): void => channel.send(message);
  try {
    for await (const { shard } of channel.shares()) {
      const source = sources[shard.index - 1];
      const { name } = source;
      tell({ type: "begun", name });
      try {
        for await (const explanation of explain(source, channel.signal)) tell({ type: "explained", name, explanation });
      } catch (error) {
        if (!(error instanceof PictureError)) throw error;
        tell({ type: "failed", name, complaint: error.cause.complaint });
      }
      tell({ type: "finished", name });
    }
  } finally {
    channel.close();
  }
}

/** What is wrong with one picture, and no fault of the run. */
export class PictureError extends Error {
  override readonly cause: PerceptualBallError;

  constructor(cause: PerceptualBallError) {
    super(cause.message);
    this.cause = cause;
  }
}
