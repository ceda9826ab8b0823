/**
 * @file Measures where the time of `perceptual-ball benchmark localization` goes, and whether memory stays flat:
 *
 *     npx tsx bench/localization.ts time --data DATA --model MODEL.onnx --methods gradient,grad-cam
 *     npx tsx bench/localization.ts memory --data scenes:300 --methods gradient,grad-cam --curve-steps 0
 *
 * The arguments after the first go to the command, whose results go to a folder that is removed. The command runs in this process, whole: from
 * reading the model to writing the page. A session's creation and its runs are the network's time; the rest – pictures, masks, thresholds,
 * components, records, figures – is outside. `time` also says it without the start and the report, which take as long for any number of pictures. `memory` prints the
 * resident memory after each tenth of the items, from the garbage collector's view as well (heap and buffers).
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { InferenceSession } from "onnxruntime-node";
import { run } from "../src/cli/run.ts";

const [what, ...given] = process.argv.slice(2);
if (what !== "time" && what !== "memory") {
  process.stderr.write("Usage: npx tsx bench/localization.ts time|memory [flags of benchmark localization]\n");
  process.exit(2);
}
const out = mkdtempSync(join(tmpdir(), "bench-localization-"));

/** Milliseconds in which at least one call of the network is under way; calls may overlap. */
let [inNetwork, underWay, since] = [0, 0, 0];
/** Of the first call's start, and of the last one's end. */
let [begun, ended] = [0, 0];
async function counted<T>(call: () => Promise<T>): Promise<T> {
  if (underWay++ === 0) since = performance.now();
  begun ||= since;
  try {
    return await call();
  } finally {
    ended = performance.now();
    if (--underWay === 0) inNetwork += ended - since;
  }
}
const { create } = InferenceSession;
/** As `create`, with the session's runs counted as well. */
async function createCounted(...given: readonly unknown[]): Promise<InferenceSession> {
  const session = await counted<InferenceSession>(() => Reflect.apply(create, InferenceSession, given));
  const { run } = session;
  session.run = (...inputs: readonly unknown[]) => counted(() => Reflect.apply(run, session, inputs));
  return session;
}
InferenceSession.create = createCounted;

const started = performance.now();
interface Sample {
  readonly records: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
}
const memory: Sample[] = [];
let [first, last] = [started, started];
/** A stream that forgets what is written to it, or passes it on: no terminal, so progress is written as to a file. */
const streamTo = (target?: NodeJS.WriteStream) =>
  new Writable({
    write(text, _encoding, done) {
      target?.write(text);
      done();
    },
  });
/** Records are counted by looking at the folder now and then, so that nothing in the command has to know. */
const countRecords = () =>
  readdirSync(out)
    .filter((name) => name.startsWith("records-"))
    .reduce((sum, name) => sum + readFileSync(join(out, name), "utf8").split("\n").length - 1, 0);
const timer = setInterval(
  () => {
    const records = countRecords();
    if (records === 0) return;
    last = performance.now();
    if (memory.length === 0) first = last;
    if (memory.at(-1)?.records === records) return;
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    memory.push({ records, rss, heapUsed, arrayBuffers });
  },
  what === "memory" ? 500 : 100_000_000,
);

const argv = ["benchmark", "localization", ...given, "--out", out];
const code = await run(argv, {
  stdout: streamTo(),
  stderr: streamTo(process.env.VERBOSE ? process.stderr : undefined),
  env: process.env,
  signal: new AbortController().signal,
});
clearInterval(timer);
const whole = performance.now() - started;
const records = countRecords();
rmSync(out, { recursive: true, force: true });
if (code !== 0) {
  process.stderr.write(`The command ended with exit code ${code}; VERBOSE=1 shows what it says.\n`);
  process.exit(1);
}
if (what === "time") {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const share = (part: number, all: number) => `${((100 * part) / all).toFixed(1)} %`;
  const [working, outside] = [ended - begun, whole - inNetwork];
  process.stdout.write(
    `${records} lines of records in ${seconds(whole)}, outside the network ${seconds(outside)}, ${share(outside, whole)}; ` +
      `from the first to the last call of the network ${share(working - inNetwork, working)} of ${seconds(working)}\n`,
  );
} else {
  process.stdout.write("| share of the run | records | resident | heap in use | buffers |\n|---|---|---|---|---|\n");
  const mega = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
  for (let tenth = 1; tenth <= 10; tenth++) {
    const at = memory.findLast((sample) => sample.records <= (tenth * records) / 10);
    if (at === undefined) continue;
    const { rss, heapUsed, arrayBuffers } = at;
    process.stdout.write(
      `| ${10 * tenth} % | ${at.records} | ${mega(rss)} | ${mega(heapUsed)} | ${mega(arrayBuffers)} |\n`,
    );
  }
  process.stdout.write(`${records} records in ${((last - first) / 1000).toFixed(0)} s\n`);
}
