/** @file A worker that takes a batch and never finishes it, to be killed; and the experiment that it belongs to. */
import { connectQueue, queueServer } from "../../src/node/queue/queue-server.ts";
import { workQueue } from "../../src/node/queue/work-queue.ts";

export const testIdentity = { experiment: "test", version: "1", model: "m", data: "d", settings: {} };

export function testItems(count: number): { key: { image: string; method: string; options: object } }[] {
  return Array.from({ length: count }, (_, n) => ({ key: { image: `p${n}`, method: "m", options: {} } }));
}

// Only in the process that is to be killed.
if (process.argv[1] === import.meta.filename) {
  const [address = "", name = "", lock = ""] = process.argv.slice(2);
  const server = await queueServer(address);
  await workQueue({
    ...{ server, queue: await connectQueue(server, name), name, items: testItems(1), identity: testIdentity },
    ...{ by: "victim", lockSeconds: Number(lock), itemSeconds: 600 },
    stop: new AbortController().signal,
    note: () => {},
    compute() {
      process.send?.("begun");
      return new Promise(() => {});
    },
  });
}
