import { expect, test } from "vitest";
import { handModel, openHandNetwork } from "../../../test/hand-network.ts";
import { MisuseError } from "../../errors.ts";
import type { Graph } from "../../onnx/model.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import type { Runtime, RuntimeSession } from "../../runtime/runtime.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { createClassifier } from "../classifier.ts";
import { openGraphs } from "./open-graphs.ts";

/** The float64 evaluator, which says how often sessions were opened and how many are open; the next `failures` cannot be. */
function counting() {
  const counts = { opened: 0, open: 0, failures: 0 };
  const { InferenceSession } = referenceRuntime;
  const runtime: Runtime = {
    ...referenceRuntime,
    InferenceSession: {
      ...InferenceSession,
      async create(...given: Parameters<typeof InferenceSession.create>) {
        if (counts.failures-- > 0) throw new Error("no memory");
        const session = (await InferenceSession.create(...given)) as RuntimeSession;
        counts.opened++;
        counts.open++;
        return {
          ...session,
          run: session.run.bind(session),
          async release() {
            counts.open--;
            await session.release();
          },
        };
      },
    } as Runtime["InferenceSession"],
  };
  return { counts, runtime };
}

const { prepared } = openHandNetwork();
/** An image whose logits are (4.2, 1.2, −3.6). */
const feeds = { x: floatTensor([1, 1.6], [1, 1, 1, 2]) };

function openWith(sessionMemory: number) {
  const { counts, runtime } = counting();
  const graphs = openGraphs(prepared, { where: "net", sessionOptions: { runtime }, sessionMemory });
  const graph = (): Graph => handModel.graph;
  const logits = async (name: string): Promise<number[]> => {
    const { run } = await graphs.open([name], graph);
    const { logits } = await run(feeds);
    return [...(logits.data as Float32Array)].map((value) => Number(value.toFixed(4)));
  };
  return { counts, graphs, graph, logits };
}

test("one session serves all that ask for the same graph, and all stay open while there is memory", async () => {
  const { counts, graphs, logits } = openWith(1e9);
  for (const name of ["a", "b", "a", "b", "a"]) expect(await logits(name)).toEqual([4.2, 1.2, -3.6]);
  expect(counts).toMatchObject({ opened: 2, open: 2 });
  await graphs.dispose();
  expect(counts.open).toBe(0);
});

test("where memory runs short, what was used the longest time ago is closed, and opened again for its next run", async () => {
  // Weights of 40 bytes, twice, and values of 4 · (2 + 2 + 2 + 2 + 3) bytes: two such sessions, and no third.
  const { counts, graphs, graph, logits } = openWith(300);
  const first = await graphs.open(["a"], graph);
  await logits("b");
  await first.run(feeds);
  await logits("c");
  expect(counts).toMatchObject({ opened: 3, open: 2 });
  await first.run(feeds);
  expect(counts).toMatchObject({ opened: 3, open: 2 });
  expect(await logits("b")).toEqual([4.2, 1.2, -3.6]);
  expect(counts).toMatchObject({ opened: 4, open: 2 });
  await graphs.dispose();
  expect(counts.open).toBe(0);
  await expect(first.run(feeds)).rejects.toThrow(MisuseError);
});

test.each([
  [undefined, 2],
  [1, 1],
])("of a classifier with sessionMemory %j, %i of two graphs stay open", async (sessionMemory, open) => {
  const { counts, runtime } = counting();
  const classifier = createClassifier(handModel, {
    runtime,
    ...(sessionMemory === undefined ? {} : { sessionMemory }),
  });
  const image = floatTensor([1, 1.6], [1, 1, 2]);
  await classifier.classify(image);
  await classifier.marginGradient(image, 0);
  expect(counts).toMatchObject({ opened: 2, open });
  await classifier.dispose();
  expect(() => createClassifier(handModel, { runtime, sessionMemory: 0 })).toThrow("sessionMemory");
});

test("what is in use is not closed, and calls at the same time share what is opened again", async () => {
  const { counts, graphs, graph, logits } = openWith(1);
  const a = await graphs.open(["a"], graph);
  await logits("b");
  expect(counts).toMatchObject({ opened: 2, open: 1 });
  const results = await Promise.all([a.run(feeds), a.run(feeds), logits("b")]);
  expect([...(results[1].logits.data as Float32Array)]).toHaveLength(3);
  // b may have gone for a, and then been opened beside it.
  expect(counts.opened).toBeLessThanOrEqual(4);
  expect(counts.opened).toBeGreaterThanOrEqual(3);
  await graphs.dispose();
  expect(counts.open).toBe(0);
});

test("a session that cannot be opened, or opened again, is an error of that call alone", async () => {
  const { counts, graphs, graph, logits } = openWith(1);
  counts.failures = 1;
  await expect(logits("a")).rejects.toThrow("no memory");
  const a = await graphs.open(["a"], graph);
  await logits("b");
  counts.failures = 1;
  await expect(a.run(feeds)).rejects.toThrow("no memory");
  const { logits: values } = await a.run(feeds);
  expect(values.data).toHaveLength(3);
  await graphs.dispose();
});
