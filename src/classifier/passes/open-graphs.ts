/** @file The sessions of a network's graphs: opened when they are first run, closed for others when memory runs short, and opened again. */
import type { Graph } from "../../onnx/model.ts";
import { resourceNeeds, weightBytesOf } from "../../onnx/resource-needs.ts";
import { usedAfterDispose } from "../../runtime/runtime-errors.ts";
import { createSession, modelOf, type Session, type SessionOptions, savesMemory } from "../../runtime/session.ts";
import type { PreparedModel } from "../network/prepare-model.ts";
import type { OpenGraph } from "./pass.ts";

export interface OpenGraphsOptions {
  /** How messages call the model. */
  readonly where: string;
  readonly sessionOptions: SessionOptions;
  /** Bytes that open sessions may take together, by their shapes. One that is in use stays open all the same. */
  readonly sessionMemory: number;
}

/** The sessions of graphs, by keys that say which graph it is. */
export interface OpenGraphs {
  /** The session of the graph that `key` stands for: one for all that ask for the same. */
  open(key: readonly unknown[], graphOf: () => Graph): Promise<OpenGraph>;
  /** Releases all sessions, once the runs under way have ended. */
  dispose(): Promise<void>;
}

/** A graph, and its session while that is open. */
interface Entry {
  readonly graph: Graph;
  readonly bytes: number;
  session: Promise<Session> | undefined;
  /** How many wait for the session, or run it. */
  users: number;
}

/**
 * The graphs of `prepared`. Each session holds the weights and what a run leaves for the next: twenty methods of explanation on ResNet-50 come to several
 * gigabytes. Where another one would exceed `sessionMemory`, those that were not used for the longest time are closed first.
 */
export function openGraphs(
  prepared: PreparedModel,
  { where, sessionOptions, sessionMemory }: OpenGraphsOptions,
): OpenGraphs {
  /** In the order of their last use, the longest ago first. */
  const entries = new Map<string, Entry>();
  let disposed: Promise<unknown> | undefined;
  let valueBytes: number | undefined;

  const bytesOf = (graph: Graph): number => {
    const fixed = prepared.fixedBatch ?? 1;
    valueBytes ??= resourceNeeds(prepared.typed(fixed)).valueBytes / fixed;
    const rows = Number(graph.inputs[0]?.shape?.[0] ?? 1);
    const copies = savesMemory(graph, sessionOptions) ? 1 : 2;
    return copies * weightBytesOf(graph) + valueBytes * (Number.isFinite(rows) ? rows : 1);
  };

  const create = (graph: Graph): Promise<Session> =>
    createSession(modelOf(graph, { opsets: prepared.opsets }), sessionOptions);

  const openSession = (entry: Entry): Promise<Session> => {
    const opening = makeRoom(entry.bytes).then(() => create(entry.graph));
    entry.session = opening;
    // What could not be opened is tried again by the next run.
    opening.catch(() => {
      if (entry.session === opening) entry.session = undefined;
    });
    return opening;
  };

  const close = async (entry: Entry): Promise<void> => {
    const { session } = entry;
    entry.session = undefined;
    await session?.then(
      (made) => made.dispose(),
      () => undefined,
    );
  };

  const makeRoom = async (needed: number): Promise<void> => {
    const open = [...entries.values()].filter(({ session }) => session !== undefined);
    let taken = open.reduce((sum, { bytes }) => sum + bytes, 0);
    const closing: Promise<void>[] = [];
    for (const entry of open) {
      if (taken + needed <= sessionMemory) break;
      if (entry.users > 0) continue;
      taken -= entry.bytes;
      closing.push(close(entry));
    }
    await Promise.all(closing);
  };

  /** What `use` makes of the session of `entry`, which stays open meanwhile. */
  const withSession = async <T>(name: string, entry: Entry, use: (session: Session) => T | Promise<T>): Promise<T> => {
    if (disposed !== undefined) throw usedAfterDispose(where);
    entries.delete(name);
    entries.set(name, entry);
    entry.users++;
    try {
      const session = await (entry.session ?? openSession(entry));
      if (disposed !== undefined) throw usedAfterDispose(where);
      return await use(session);
    } finally {
      entry.users--;
    }
  };

  return {
    async open(key, graphOf) {
      if (disposed !== undefined) throw usedAfterDispose(where);
      const name = JSON.stringify(key);
      let entry = entries.get(name);
      if (entry === undefined) {
        const graph = graphOf();
        entry = { graph, bytes: bytesOf(graph), session: undefined, users: 0 };
      }
      const opened = entry;
      try {
        await withSession(name, opened, () => undefined);
      } catch (error) {
        // What could not be made is not kept: the next caller gets the error of its own attempt.
        if (entries.get(name) === opened) entries.delete(name);
        throw error;
      }
      return {
        graph: opened.graph,
        where,
        run: (...given) => withSession(name, opened, ({ run }) => run(...given)),
      };
    },
    async dispose() {
      disposed ??= Promise.all([...entries.values()].map(close));
      await disposed;
    },
  };
}
