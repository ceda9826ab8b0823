/** @file A folder, and single files beside it, served on the loopback interface. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { extname, join, normalize } from "node:path";
import { BadInputError } from "../errors.ts";
import { pathBytes } from "./path-bytes.ts";

export interface ServeFolderOptions {
  readonly folder: string;
  /** Further files, by their path in addresses: "files/0/model.onnx" → where it lies. */
  readonly files?: ReadonlyMap<string, string>;
  /** Sent with every answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** 0, the default, takes any that is free. */
  readonly port?: number;
  /** The path in front of all others, as a static host may have one: "/perceptual-ball/". Default "/". */
  readonly base?: string;
}

export interface ServedFolder {
  /** Of the folder's index.html. */
  readonly address: string;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/**
 * Serves `folder` to this machine alone. Requests under another host name are refused, so that no page on the web can read the files by a name
 * that leads here. Throws a BadInputError if the port is taken.
 */
export async function serveFolder(options: ServeFolderOptions): Promise<ServedFolder> {
  const { port = 0, base = "/" } = options;
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { "Content-Type": "text/plain; charset=utf-8" });
      response.end(error instanceof Error ? error.message : String(error));
    });
  });
  await listen(server, port);
  const { port: taken } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${taken}${base}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === "EADDRINUSE" ? "is taken" : `cannot be used (${cause.message})`;
      reject(new BadInputError({ where: `port ${port}`, what: reason, advice: "Choose another one." }, { cause }));
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}

async function answer(
  { method, url = "/", headers: asked }: IncomingMessage,
  response: ServerResponse,
  { folder, files = new Map(), headers = {}, base = "/" }: ServeFolderOptions,
): Promise<void> {
  const refuse = (status: number, text: string): void => {
    response.writeHead(status, { ...headers, "Content-Type": "text/plain; charset=utf-8" });
    response.end(method === "HEAD" ? undefined : text);
  };
  const host = (asked.host ?? "").replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  if (host !== "localhost" && isIP(host) === 0) return refuse(403, "This server answers to this machine alone.");
  if (method !== "GET" && method !== "HEAD") return refuse(405, "Only GET and HEAD.");
  const path = decoded(url.split(/[?#]/, 1)[0]);
  if (path === undefined || path.includes("\0")) return refuse(400, "Not a path.");
  if (!path.startsWith(base)) return refuse(404, "Not found.");
  const rest = path.slice(base.length);
  const inside = normalize(`/${rest.endsWith("/") || rest === "" ? `${rest}index.html` : rest}`);
  const file = files.get(rest) ?? join(folder, inside);
  const stats = await stat(pathBytes(file)).catch(() => undefined);
  if (stats?.isFile() !== true) return refuse(404, "Not found.");
  const isHashed = /-[\w-]{8}\.\w+$/.test(file) && !files.has(rest);
  response.writeHead(200, {
    ...headers,
    "Content-Type": types[extname(file).toLowerCase()] ?? "application/octet-stream",
    "Content-Length": stats.size,
    "Cache-Control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
  });
  if (method === "HEAD") {
    response.end();
    return;
  }
  const stream = createReadStream(pathBytes(file));
  stream.on("error", () => response.destroy());
  response.on("close", () => stream.destroy());
  stream.pipe(response);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
