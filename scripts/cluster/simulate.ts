/**
 * @file What a large run would do: static shares against a queue, for all of ImageNet's validation images with all methods, simulated event by
 * event with measured times. Writes results/cluster/simulation.md.
 *
 * Measured, and where: seconds per picture and method in results/table1/<network>/measures.csv (two threads, two cores: one picture at a time);
 * commands, bytes and memory per batch with BullMQ 6.7.0 and Redis 7.0.15 on the loopback interface (see `queueCosts`).
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createRandom } from "../../src/random/random.ts";

const root = resolve(import.meta.dirname, "../..");

/** Counted by INFO over 100 batches of 320 items each. */
const queueCosts = {
  commandsPerBatch: 25,
  bytesInPerBatch: 1400,
  bytesOutPerBatch: 1150,
  /** One kept task, done or not. */
  bytesOfMemory: 1430,
  /** `updateProgress`, at most every two seconds. */
  commandsPerProgress: 5,
  progressSeconds: 2,
  /** A lock's renewal, every sixth of the lock time, and the count that asks whether anything is left, every five seconds. */
  commandsPerRenewal: 3,
  pollSeconds: 5,
  /** Of Redis on one core, with scripts of this size; 30 microseconds each were measured. */
  commandsPerSecondAtMost: 30_000,
};

export interface Scenario {
  readonly pictures: number;
  readonly workers: number;
  /** Mean seconds per picture, all methods together. */
  readonly secondsPerPicture: number;
  /** Standard deviation of the logarithm of a picture's seconds: methods stop when they are done. */
  readonly spread: number;
  /** Standard deviation of the logarithm of a machine's speed. */
  readonly speeds: number;
  /** Seconds to open the model. */
  readonly startSeconds: number;
  /** Mean seconds until a machine is taken away; Infinity where none is. */
  readonly lifetime: number;
  /** Seconds until there is another one. */
  readonly replacement: number;
  readonly seed: number;
}

export interface Outcome {
  /** Seconds until the last picture is done. */
  readonly makespan: number;
  /** Work that was done, over the workers' time. */
  readonly efficiency: number;
  readonly deaths: number;
}

/** Times of the pictures, and of the machines' deaths, are drawn from one seed, so that both ways have the same luck. */
function draw(scenario: Scenario): { times: Float64Array; speed: () => number; life: () => number } {
  const { pictures, secondsPerPicture, spread, speeds, lifetime, seed } = scenario;
  const random = createRandom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const lognormal = (deviation: number): number => Math.exp(deviation * normal() - deviation ** 2 / 2);
  return {
    times: Float64Array.from({ length: pictures }, () => secondsPerPicture * lognormal(spread)),
    speed: () => lognormal(speeds),
    life: () => (lifetime === Number.POSITIVE_INFINITY ? lifetime : -lifetime * Math.log(1 - random())),
  };
}

/** What happens at a time. */
type Event =
  | { readonly kind: "machine" }
  | { readonly kind: "free"; readonly speed: number; readonly end: number }
  | { readonly kind: "return"; readonly task: readonly number[] };

/** A heap of events, the earliest first. */
function createAgenda(): { push(at: number, event: Event): void; pop(): { at: number; event: Event } | undefined } {
  const heap: { at: number; event: Event }[] = [];
  const isBefore = (a: number, b: number): boolean => heap[a].at < heap[b].at;
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b], heap[a]];
  };
  return {
    push(at, event) {
      heap.push({ at, event });
      for (let n = heap.length - 1, up = (n - 1) >> 1; n > 0 && isBefore(n, up); n = up, up = (n - 1) >> 1) swap(n, up);
    },
    pop() {
      if (heap.length === 0) return undefined;
      swap(0, heap.length - 1);
      const first = heap.pop();
      for (let n = 0; ; ) {
        const children = [2 * n + 1, 2 * n + 2].filter((child) => child < heap.length);
        const least = children.reduce((best, child) => (isBefore(child, best) ? child : best), n);
        if (least === n) return first;
        swap(n, least);
        n = least;
      }
    },
  };
}

/**
 * Tasks, each a list of pictures, are taken in order by whoever is free. A task whose machine is taken away begins again after `delay` seconds:
 * without the pictures that it has finished if it `keeps` its folder, as a share does, otherwise from its beginning, as a batch in another
 * machine's folder does.
 */
export function simulate(
  scenario: Scenario,
  {
    tasks,
    keeps,
    delay,
  }: { readonly tasks: readonly (readonly number[])[]; readonly keeps: boolean; readonly delay: number },
): Outcome {
  const { times, speed, life } = draw(scenario);
  const { workers, startSeconds, replacement } = scenario;
  const waiting = [...tasks].reverse();
  const agenda = createAgenda();
  const idle: { speed: number; end: number }[] = [];
  let [makespan, useful, deaths, open] = [0, 0, 0, tasks.length];
  for (let n = 0; n < workers; n++) agenda.push(0, { kind: "machine" });

  const take = (now: number, machine: { speed: number; end: number }): void => {
    if (now >= machine.end) {
      agenda.push(machine.end + replacement, { kind: "machine" });
      return;
    }
    const task = waiting.pop();
    if (task === undefined) {
      idle.push(machine);
      return;
    }
    let [at, done] = [now, 0];
    while (done < task.length && at + times[task[done]] / machine.speed <= machine.end) {
      at += times[task[done]] / machine.speed;
      done++;
    }
    if (done === task.length) {
      for (const picture of task) useful += times[picture] / machine.speed;
      open--;
      makespan = Math.max(makespan, at);
      agenda.push(at, { kind: "free", ...machine });
      return;
    }
    deaths++;
    if (keeps) for (const picture of task.slice(0, done)) useful += times[picture] / machine.speed;
    agenda.push(machine.end + delay, { kind: "return", task: keeps ? task.slice(done) : task });
    agenda.push(machine.end + replacement, { kind: "machine" });
  };

  while (open > 0) {
    const next = agenda.pop();
    if (next === undefined) throw new Error("tasks are left, and nobody is there");
    const { at, event } = next;
    if (event.kind === "machine") take(at + startSeconds, { speed: speed(), end: at + startSeconds + life() });
    else if (event.kind === "free") take(at, event);
    else {
      waiting.push(event.task);
      const one = idle.pop();
      if (one !== undefined) take(at, one);
    }
  }
  return { makespan, efficiency: useful / (makespan * workers), deaths };
}

/** The pictures in shares by chance, as a hash of their names deals them out. */
function sharesOf(pictures: number, shares: number, seed: number): number[][] {
  const random = createRandom(seed, 1);
  const all: number[][] = Array.from({ length: shares }, () => []);
  for (let n = 0; n < pictures; n++) all[Math.floor(random() * shares)].push(n);
  return all;
}

function batchesOf(pictures: number, size: number): number[][] {
  const count = Math.ceil(pictures / size);
  return Array.from({ length: count }, (_, n) =>
    Array.from({ length: Math.min(size, pictures - n * size) }, (_unused, k) => n * size + k),
  );
}

/** What the queue's server has to do while `workers` compute batches of `batchSeconds` each. */
export function queueLoad({
  workers,
  lockSeconds,
  batchSeconds,
  batches,
}: Record<"workers" | "lockSeconds" | "batchSeconds" | "batches", number>): {
  readonly commandsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly megabytes: number;
} {
  const c = queueCosts;
  const batchesPerSecond = workers / batchSeconds;
  const perWorker =
    c.commandsPerProgress / c.progressSeconds + c.commandsPerRenewal / (lockSeconds / 6) + 1 / c.pollSeconds;
  return {
    commandsPerSecond: batchesPerSecond * c.commandsPerBatch + workers * perWorker,
    bytesPerSecond: batchesPerSecond * (c.bytesInPerBatch + c.bytesOutPerBatch) + workers * perWorker * 60,
    megabytes: (batches * c.bytesOfMemory) / 1e6,
  };
}

/** Seconds per picture of all methods of Table 1 on a network, as measured. */
function measuredSeconds(network: string): number {
  const lines = readFileSync(join(root, "results/table1", network, "measures.csv"), "utf8")
    .trim()
    .split("\n");
  const column = lines[0].split(",").indexOf("seconds");
  return lines.slice(1).reduce((sum, line) => sum + Number(line.split(",")[column] ?? 0), 0);
}

function hours(seconds: number): string {
  return (seconds / 3600).toFixed(2);
}

function report(): string {
  const network = "squeezenet1_1";
  // Two cores computed one picture at a time; with one thread per process a second thread gained 1.4 times.
  const secondsPerPicture = measuredSeconds(network) * 1.4;
  const base = {
    pictures: 50_000,
    workers: 1000,
    secondsPerPicture,
    spread: 0.5,
    speeds: 0.15,
    startSeconds: 5,
    seed: 7,
  };
  const steady: Scenario = { ...base, lifetime: Number.POSITIVE_INFINITY, replacement: 0 };
  const spot: Scenario = { ...base, lifetime: 2 * 3600, replacement: 120 };
  const bounds = (base.pictures * secondsPerPicture) / base.workers;
  const ways = [
    ["1,000 shares", sharesOf(base.pictures, 1000, 7), true, 60],
    ["5,000 shares", sharesOf(base.pictures, 5000, 7), true, 60],
    ["queue, 1 picture a batch", batchesOf(base.pictures, 1), false, 60],
    ["queue, 5 pictures a batch", batchesOf(base.pictures, 5), false, 60],
    ["queue, 20 pictures a batch", batchesOf(base.pictures, 20), false, 60],
    ["queue, 100 pictures a batch", batchesOf(base.pictures, 100), false, 60],
  ] as const;
  const rows = ways.map(([name, tasks, keeps, delay]) => {
    const cells = [steady, spot].map((scenario) => {
      const { makespan, efficiency, deaths } = simulate(scenario, { tasks, keeps, delay });
      return `${hours(makespan)} | ${Math.round(100 * efficiency)} % | ${deaths}`;
    });
    return `| ${name} | ${cells.join(" | ")} |`;
  });
  const loads = [100, 1000, 10_000].map((workers) => {
    const load = queueLoad({ workers, lockSeconds: 60, batchSeconds: 20 * secondsPerPicture, batches: 2500 });
    const share = (100 * load.commandsPerSecond) / queueCosts.commandsPerSecondAtMost;
    return `| ${workers} | ${Math.round(load.commandsPerSecond)} | ${Math.round(load.bytesPerSecond / 1000)} | ${load.megabytes.toFixed(1)} | ${share.toFixed(1)} % |`;
  });
  const tiny = queueLoad({ workers: 1000, lockSeconds: 60, batchSeconds: 1, batches: 800_000 });
  const capacity =
    queueCosts.commandsPerSecondAtMost /
    (queueLoad({ ...{ workers: 1000, lockSeconds: 60 }, batchSeconds: 20 * secondsPerPicture, batches: 1 })
      .commandsPerSecond /
      1000);
  return `# What a large run would do

Made by \`npx tsx scripts/cluster/simulate.ts\`: 50,000 pictures, 16 methods on SqueezeNet 1.1 at ${secondsPerPicture.toFixed(1)} s per picture and core (measured on two cores,
times the 1.4 that the second thread gains), 1,000 workers of one core. Times of pictures vary by a factor of e^0.5, machines by e^0.15. A
machine that is taken away (after two hours in the mean) is replaced after two minutes; a share goes on in its folder after one minute, a batch
begins anew elsewhere after the lock time of one minute. Not one of these machines was there: this is a simulation, with measured costs.

The work alone is ${hours(bounds)} h on 1,000 cores, ${Math.round((base.pictures * secondsPerPicture) / 3600)} core-hours.

| | steady machines: hours | busy | deaths | spot machines: hours | busy | deaths |
|---|--:|--:|--:|--:|--:|--:|
${rows.join("\n")}

## The queue's server

Measured per batch of 320 items: ${queueCosts.commandsPerBatch} commands, ${queueCosts.bytesInPerBatch} bytes in, ${queueCosts.bytesOutPerBatch} out, and ${queueCosts.bytesOfMemory} bytes kept; besides, per worker, progress every two seconds,
renewals of the lock, and the question whether anything is left. 2,500 batches of 20 pictures, lock time 60 s:

| workers | commands a second | kB a second | memory, MB | of what one Redis core does |
|--:|--:|--:|--:|--:|
${loads.join("\n")}

Where it would break: at about ${Math.round(capacity / 1000)},000 workers on one Redis core, most of it progress that only people read. Sooner with batches that are too small: with one item each, of
one second, 1,000 workers send ${Math.round(tiny.commandsPerSecond / 1000)},000 commands a second, and the server keeps ${Math.round(tiny.megabytes / 100) / 10} GB.
`;
}

if (process.argv[1] === import.meta.filename) {
  const folder = join(root, "results/cluster");
  mkdirSync(folder, { recursive: true });
  const text = report();
  writeFileSync(join(folder, "simulation.md"), text);
  process.stdout.write(text);
}
