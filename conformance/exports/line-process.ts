/** @file A child process that answers one line of JSON with another: started when it is first asked, and again after it ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

export interface LineProcess {
  /** The answer; a failure where the process ended or took longer than `seconds`. */
  ask(request: object, seconds: number): Promise<Readonly<Record<string, unknown>>>;
  stop(): void;
}

export function lineProcess(command: string, parameters: readonly string[]): LineProcess {
  let running: { readonly child: ChildProcess; readonly lines: Interface } | undefined;
  const start = () => {
    const child = spawn(command, parameters, { stdio: ["pipe", "pipe", "pipe"] });
    if (child.stdout === null) throw new Error(`${command} has no output`);
    // It may end between two requests: when it has grown too large, for instance.
    child.on("exit", () => {
      if (running?.child === child) running = undefined;
    });
    child.stdin?.on("error", () => {});
    return { child, lines: createInterface({ input: child.stdout }) };
  };
  const stop = () => {
    running?.child.kill("SIGKILL");
    running = undefined;
  };
  /** Asks once; undefined where the process had ended by itself before it read the request, as it does when it has grown too large. */
  const askOnce = (request: object, seconds: number) =>
    new Promise<Readonly<Record<string, unknown>> | undefined>((resolve) => {
      running ??= start();
      const { child, lines } = running;
      let said = "";
      const end = (result: Readonly<Record<string, unknown>> | undefined, isOver: boolean) => {
        clearTimeout(timer);
        lines.off("line", onLine);
        child.off("exit", onExit);
        child.off("error", onError);
        child.stderr?.off("data", onSaid);
        if (isOver) stop();
        resolve(result);
      };
      const onSaid = (chunk: Buffer) => {
        said = `${said}${chunk}`.slice(-2000);
      };
      const onLine = (line: string) => end(JSON.parse(line), false);
      const onExit = (code: number | null, signal: string | null) => {
        if (code === 0) {
          end(undefined, true);
          return;
        }
        const last = said.trim().split("\n").at(-1) ?? "";
        end({ failure: `the process ended by ${signal ?? code}${last === "" ? "" : `: ${last.slice(0, 200)}`}` }, true);
      };
      const onError = (error: Error) => end({ failure: error.message }, true);
      const timer = setTimeout(() => end({ failure: `took more than ${seconds} s` }, true), 1000 * seconds);
      lines.on("line", onLine);
      child.on("exit", onExit);
      child.on("error", onError);
      child.stderr?.on("data", onSaid);
      child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  return {
    stop,
    async ask(request, seconds) {
      const ended = { failure: "the process ended without an answer" };
      return (await askOnce(request, seconds)) ?? (await askOnce(request, seconds)) ?? ended;
    },
  };
}
