import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const watchdog = pathToFileURL(resolve(import.meta.dirname, "../../../dist/node/queue/watchdog.js")).href;

/** What becomes of a process that runs `code` with a watchdog of a quarter of a second. */
function run(code: string) {
  const script = `import { startWatchdog } from ${JSON.stringify(watchdog)};
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    const dog = startWatchdog(0.25, "too late"); ${code}`;
  const argv = ["--input-type=module", "--eval", script];
  const { signal, status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 30_000 });
  return { signal, status, stderr };
}

test("a process that hangs without ever waiting is killed, with a word", () => {
  expect(run("dog.alive(); for (;;);")).toEqual({ signal: "SIGKILL", status: null, stderr: "too late\n" });
});

test("one that is at rest, or has stopped the watch, is not, and the watch keeps none alive", () => {
  const code = "dog.alive(); dog.rest(); await wait(1300); dog.alive(); dog.stop(); await wait(1300);";
  expect(run(code)).toEqual({ signal: null, status: 0, stderr: "" });
});
