/** @file Servers of queues for tests: Debian's redis-server and PostgreSQL, each in a folder and on a port of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { userInfo } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

export interface TestServer {
  readonly address: string;
  /** kill -9, and a start on what is on the disk. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

function find(name: string, places: readonly string[]): string | undefined {
  const folders = [...places, ...(process.env.PATH ?? "").split(delimiter)];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

// Debian keeps PostgreSQL's programs off the PATH, a folder for each version.
const debian = "/usr/lib/postgresql";
const postgresFolders = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, "bin")) : [];

/** Where they are; undefined where they are not installed. */
export const redisPath = find("redis-server", []);
export const postgresPath = find("postgres", postgresFolders);

/** A Redis server that keeps what it was told, in `folder`. */
export async function startRedis(folder: string): Promise<TestServer> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  return serve({
    address: `redis://127.0.0.1:${port}`,
    start: () =>
      spawn(redisPath ?? "", [...options, "--appendonly", "yes", "--appendfsync", "always"], { stdio: "ignore" }),
    answers: () => accepts(port),
  });
}

/** A PostgreSQL server with an empty database, in `folder`. It refuses to run as root: there it runs as the user `postgres`. */
export async function startPostgres(folder: string): Promise<TestServer> {
  const port = await freePort();
  const data = join(folder, "data");
  mkdirSync(data, { recursive: true });
  const isRoot = userInfo().uid === 0;
  if (isRoot) {
    execFileSync("chown", ["-R", "postgres", folder]);
    // The folder of the tests is for their user only; this one has to be reached.
    chmodSync(dirname(folder), 0o755);
  }
  const command = (words: readonly string[]): [string, string[]] => {
    const [program = "", ...rest] = words;
    return isRoot ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", ...words]] : [program, rest];
  };
  const options = { stdio: "ignore", cwd: folder } as const;
  const program = postgresPath ?? "";
  execFileSync(
    ...command([join(dirname(program), "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-N"]),
    options,
  );
  const settings = ["listen_addresses=127.0.0.1", "max_connections=100"].flatMap((setting) => ["-c", setting]);
  const address = `postgres://tester@127.0.0.1:${port}/postgres`;
  return serve({
    address,
    start: () => spawn(...command([program, "-D", data, "-p", String(port), "-k", folder, ...settings]), options),
    // It accepts connections before it can use them.
    async answers() {
      const client = new pg.Client({ connectionString: address });
      try {
        await client.connect();
        await client.query("select 1");
        return true;
      } catch {
        return false;
      } finally {
        await client.end().catch(() => {});
      }
    },
  });
}

interface ServerProgram {
  readonly address: string;
  readonly start: () => ChildProcess;
  readonly answers: () => Promise<boolean>;
}

async function serve({ address, start, answers }: ServerProgram): Promise<TestServer> {
  const isRunning = (process: ChildProcess): boolean => (process.exitCode ?? process.signalCode) === null;
  let child = start();
  const answering = async (): Promise<void> => {
    for (let tries = 0; tries < 600; tries++) {
      // A PostgreSQL that was killed leaves processes which have to end before another one can begin.
      if (!isRunning(child)) child = start();
      if (await answers()) return;
      await sleep(50);
    }
    throw new Error(`no server answers at ${address} after 30 s`);
  };
  const stop = async (): Promise<void> => {
    const ended = new Promise((done) => (isRunning(child) ? child.once("exit", done) : done(undefined)));
    child.kill("SIGKILL");
    await ended;
  };
  await answering();
  return {
    address,
    stop,
    async crash() {
      await stop();
      child = start();
      await answering();
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

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (is: boolean) => () => {
      socket.destroy();
      resolve(is);
    };
    socket.on("connect", end(true)).on("error", end(false));
  });
}
