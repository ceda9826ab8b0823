import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { AbortedError, BadInputError } from "../../errors.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { memoryStore } from "./memory-store.ts";
import type { ExperimentIdentity, FailedRecord } from "./record-store.ts";
import { type ExperimentItem, type ExperimentProgress, runExperiment } from "./run-experiment.ts";

const identity: ExperimentIdentity = { experiment: "test", version: "1", model: "00", data: "numbers", settings: {} };
const itemsOf = (images: number, methods = ["x", "y"]): ExperimentItem[] =>
  Array.from({ length: images }, (_, image) =>
    methods.map((method) => ({ key: { image: `image ${image}`, method, options: {} } })),
  ).flat();
const resultOf = ({ key }: ExperimentItem): { name: string } => ({ name: `${key.image} ${key.method}` });
const computeAll = async (batch: readonly ExperimentItem[]) => batch.map((item) => ({ result: resultOf(item) }));

test("everything is computed once, in order, and found again sorted by key", async () => {
  const store = memoryStore<{ name: string }>(identity);
  const items = itemsOf(3).reverse();
  const compute = vi.fn(computeAll);
  const seen: ExperimentProgress[] = [];
  const options = { items: [...items, items[0]], store, compute, onProgress: (p: ExperimentProgress) => seen.push(p) };
  expect(await runExperiment(options)).toMatchObject({ total: 6, done: 6, failed: 0, computed: 6, secondsLeft: 0 });
  expect(compute.mock.calls.map(([[item]]) => item)).toEqual(items);
  expect(store.allRecords().map((record) => record.result.name)).toEqual(
    items.map((item) => resultOf(item).name).sort(),
  );
  expect(seen.map(({ done }) => done)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(seen[0].secondsLeft).toBeUndefined();
  expect(await runExperiment(options)).toMatchObject({ total: 6, done: 6, computed: 0 });
  expect(compute).toHaveBeenCalledTimes(6);
});

test("a failure is a record, the run goes on, and the next one tries it again", async () => {
  const store = memoryStore<{ name: string | number }>(identity);
  const items = itemsOf(2);
  const failures: FailedRecord[] = [];
  let isBroken = true;
  const compute = async (batch: readonly ExperimentItem[]) => {
    if (isBroken && batch[0].key.image === "image 0") {
      if (batch[0].key.method === "x") throw new BadInputError({ where: "0.jpg", what: "truncated" });
      return [{ result: { name: Number.NaN } }];
    }
    return await computeAll(batch);
  };
  const options = { items, store, compute, onFailure: (failure: FailedRecord) => failures.push(failure) };
  expect(await runExperiment(options)).toMatchObject({ total: 4, done: 2, failed: 2, computed: 4 });
  expect(failures.map(({ message }) => message)).toEqual([
    "0.jpg: truncated.",
    expect.stringMatching(/^result: name: not a value of JSON/),
  ]);
  expect(store.failures().map(({ key }) => key)).toEqual([items[0].key, items[1].key]);
  isBroken = false;
  expect(await runExperiment(options)).toMatchObject({ total: 4, done: 4, failed: 0, computed: 2 });
  expect(store.failures()).toEqual([]);
});

test("batches hold items that agree, at most so many, and what fails in a batch is found out alone", async () => {
  const store = memoryStore<{ name: string }>(identity);
  const items = itemsOf(5);
  const sizes: number[] = [];
  const compute = async (batch: readonly ExperimentItem[]) => {
    sizes.push(batch.length);
    expect(new Set(batch.map(({ key }) => key.method)).size).toBe(1);
    if (batch.some(({ key }) => key.image === "image 3" && key.method === "y")) throw new TypeError("no");
    return await computeAll(batch);
  };
  const batchOf = ({ key }: ExperimentItem): string => key.method;
  const counts = await runExperiment({ items, store, compute, batchSize: 2, batchOf });
  expect(counts).toMatchObject({ total: 10, done: 9, failed: 1, computed: 10 });
  expect(sizes).toEqual([2, 2, 2, 2, 1, 1, 1, 1]);
  expect(store.failures().map(({ message }) => message)).toEqual(["TypeError: no"]);
  for (const { result, key } of store.allRecords()) expect(result).toEqual(resultOf({ key }));
});

test("a wrong number of results is a failure, not a shift", async () => {
  const store = memoryStore<{ name: string }>(identity);
  const compute = async (batch: readonly ExperimentItem[]) => (await computeAll(batch)).slice(1);
  expect(await runExperiment({ items: itemsOf(1), store, compute, batchSize: 2 })).toMatchObject({ failed: 2 });
  expect(store.failures()[0].message).toBe("RangeError: compute gave 0 results for 1 items");
});

test("an abort loses the item under way and no other, whatever it surfaces as", async () => {
  const store = memoryStore<{ name: string }>(identity);
  const abort = new AbortController();
  const items = itemsOf(2);
  const compute = async (batch: readonly ExperimentItem[]) => {
    if (batch[0] === items[2]) {
      abort.abort();
      throw new TypeError("session released");
    }
    return await computeAll(batch);
  };
  await expect(runExperiment({ items, store, compute, signal: abort.signal })).rejects.toThrow(AbortedError);
  expect(store.allRecords()).toHaveLength(2);
  expect(store.failures()).toEqual([]);
  expect(await runExperiment({ items, store, compute: computeAll })).toMatchObject({ done: 4, computed: 2 });
});

test("an error of the store ends the run", async () => {
  const store = memoryStore<{ name: string }>(identity);
  const full = { ...store, append: () => Promise.reject(new Error("full")) };
  await expect(runExperiment({ items: itemsOf(1), store: full, compute: computeAll })).rejects.toThrow("full");
});

test("arrays are kept with their record, before it", async () => {
  const store = memoryStore<string>(identity);
  const [item] = itemsOf(1, ["x"]);
  const map = floatTensor([1, 2], [2]);
  const append = vi.fn(async (record) => {
    expect(await store.readArray(item.key, "map")).toBe(map);
    await store.append(record);
  });
  await runExperiment({
    items: [item],
    store: { ...store, append },
    compute: async () => [{ result: "done", arrays: { map } }],
  });
  expect(append).toHaveBeenCalledOnce();
  expect(await store.readArray(item.key, "other")).toBeUndefined();
});

test("any order, any shards and any batch size give the same records", async () => {
  const items = itemsOf(7);
  const reference = memoryStore<{ name: string }>(identity);
  await runExperiment({ items, store: reference, compute: computeAll });
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(items, { minLength: items.length }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      async (shuffled, of, batchSize) => {
        const store = memoryStore<{ name: string }>(identity);
        let total = 0;
        for (let index = 1; index <= of; index++) {
          const counts = await runExperiment({
            items: shuffled,
            store,
            compute: computeAll,
            batchSize,
            shard: { index, of },
          });
          total += counts.computed;
        }
        expect(total).toBe(items.length);
        const plain = (records: typeof reference) => records.allRecords().map(({ key, result }) => ({ key, result }));
        expect(plain(store)).toEqual(plain(reference));
      },
    ),
  );
});
