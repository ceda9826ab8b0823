/** @file A server of queues for tests: Debian's redis-server, in a folder and on a port of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface TestServer {
  readonly address: string;
  /** kill -9, and a start on what is on the disk. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

function find(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** Where it is; undefined where it is not installed. */
export const redisPath = find("redis-server");

/** A Redis server that keeps what it was told, in `folder`. */
export async function startRedis(folder: string): Promise<TestServer> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  const start = (): ChildProcess =>
    spawn(redisPath ?? "", [...options, "--appendonly", "yes", "--appendfsync", "always"], { stdio: "ignore" });
  return serve(`redis://127.0.0.1:${port}`, port, start);
}

async function serve(address: string, port: number, start: () => ChildProcess): Promise<TestServer> {
  let child = start();
  const ended = (process: ChildProcess): Promise<unknown> =>
    new Promise((done) =>
      (process.exitCode ?? process.signalCode) === null ? process.once("exit", done) : done(undefined),
    );
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended(child);
  };
  await answering(port);
  return {
    address,
    stop,
    async crash() {
      await stop();
      await silent(port);
      child = start();
      await answering(port);
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(address)));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (is: boolean) => () => {
      socket.destroy();
      resolve(is);
    };
    socket.on("connect", end(true)).on("error", end(false));
  });
}

async function answering(port: number): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await answers(port)) return;
    await sleep(100);
  }
  throw new Error(`no server answers on port ${port} after 30 s`);
}

async function silent(port: number): Promise<void> {
  for (let tries = 0; tries < 100 && (await answers(port)); tries++) await sleep(50);
}
