import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tarEntry } from "../../../test/tar-entry.ts";
import { AbortedError, BadInputError, PerceptualBallError } from "../../errors.ts";
import { defaultCacheFolder, type FetchDatasetOptions, fetchDataset } from "./fetch-dataset.ts";
import { loadDataset } from "./load-dataset.ts";

function batch(labels: readonly number[]): Buffer {
  return Buffer.concat(labels.map((label) => Buffer.from([label, ...Array(3072).fill(label)])));
}

const testBatch = batch([3, 5]);
const archive = gzipSync(
  Buffer.concat([
    tarEntry("cifar-10-batches-bin/", Buffer.alloc(0), { kind: "5" }),
    tarEntry("cifar-10-batches-bin/readme.html", Buffer.from("<html>")),
    tarEntry("test_batch.bin", testBatch, { prefix: "cifar-10-batches-bin" }),
    tarEntry("../../data_batch_1.bin", batch([0])),
    Buffer.alloc(1024),
  ]),
);
const md5 = createHash("md5").update(archive).digest("hex");

let cacheFolder: string;
let server: Server;
let url: string;
let requests: number;

async function serve(listener: RequestListener): Promise<void> {
  server = createServer((request, response) => {
    requests++;
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/cifar.tar.gz`;
}

beforeEach(() => {
  cacheFolder = join(mkdtempSync(join(tmpdir(), "fetch-dataset-")), "cache");
  requests = 0;
});
afterEach(async () => {
  rmSync(join(cacheFolder, ".."), { recursive: true });
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
});

const whole: RequestListener = (_, response) => response.setHeader("content-length", archive.length).end(archive);

function fetching(options: FetchDatasetOptions = {}): Promise<string> {
  return fetchDataset("cifar10", { cacheFolder, url, md5, ...options });
}

/** Nothing is in the cache that would be taken for a data set, nor anything half done. */
function expectEmptyCache(): void {
  expect(existsSync(cacheFolder) ? readdirSync(cacheFolder) : []).toEqual([]);
}

test("the archive is fetched, checked and unpacked once; files stay in their folder", async () => {
  await serve(whole);
  const seen: number[] = [];
  const onProgress: FetchDatasetOptions["onProgress"] = ({ receivedBytes, totalBytes }) => {
    expect(totalBytes).toBe(archive.length);
    seen.push(receivedBytes);
  };
  const folder = await fetching({ onProgress });
  expect(folder).toBe(join(cacheFolder, "cifar-10-batches-bin"));
  expect(readdirSync(folder).sort()).toEqual(["data_batch_1.bin", "readme.html", "test_batch.bin"]);
  expect(readFileSync(join(folder, "test_batch.bin"))).toEqual(testBatch);
  expect(readdirSync(cacheFolder)).toEqual(["cifar-10-batches-bin"]);
  expect(seen.at(-1)).toBe(archive.length);
  expect(await fetching()).toBe(folder);
  expect(requests).toBe(1);
});

test("a data set is opened from the cache as from a folder", async () => {
  await serve(whole);
  const { images } = await loadDataset("cifar10", { split: "test", fetching: { cacheFolder, url, md5 } });
  expect(images.map(({ id, label }) => [id, label])).toEqual([
    ["test_batch/0", 3],
    ["test_batch/1", 5],
  ]);
});

test("several at a time end with one whole folder", async () => {
  await serve(whole);
  const folders = await Promise.all(Array.from({ length: 5 }, () => fetching()));
  expect(new Set(folders).size).toBe(1);
  expect(readdirSync(cacheFolder)).toEqual(["cifar-10-batches-bin"]);
  expect(readdirSync(folders[0]).length).toBe(3);
});

describe("nothing stays behind", () => {
  test("of an archive with the wrong checksum", async () => {
    await serve(whole);
    const expected = "0".repeat(32);
    const failing = fetching({ md5: expected });
    await expect(failing).rejects.toThrow(BadInputError);
    await expect(failing).rejects.toThrow(
      `${url}: what was fetched is not the archive that is published; it was deleted, expected the MD5 ${expected}, got ${md5}. Try again later, or fetch https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz by other means, unpack it and give its folder: cifar10:FOLDER.`,
    );
    expectEmptyCache();
    expect(await fetching()).toBe(join(cacheFolder, "cifar-10-batches-bin"));
  });

  test("of a connection that breaks off", async () => {
    await serve((_, response) => {
      response.setHeader("content-length", archive.length);
      response.write(archive.subarray(0, 100), () => response.destroy());
    });
    const failing = fetching();
    await expect(failing).rejects.toThrow(PerceptualBallError);
    await expect(failing).rejects.toThrow(/: the connection broke off after \d+ (of \d+ )?bytes/);
    expectEmptyCache();
  });

  test("of an archive that is shorter than published", async () => {
    await serve((_, response) => response.end(archive.subarray(0, 100)));
    await expect(fetching()).rejects.toThrow(/is not the archive that is published/);
    expectEmptyCache();
  });

  test("of a page in its place", async () => {
    await serve((_, response) => response.writeHead(404, "Not Found").end("<html>"));
    await expect(fetching()).rejects.toThrow(`${url}: the server answers 404 Not Found. Try again later`);
    expectEmptyCache();
  });

  test("of a download that is aborted", async () => {
    await serve((_, response) => {
      response.setHeader("content-length", archive.length);
      response.write(archive.subarray(0, 100));
    });
    const controller = new AbortController();
    const failing = fetching({ signal: controller.signal, onProgress: () => controller.abort() });
    await expect(failing).rejects.toThrow(AbortedError);
    expectEmptyCache();
  });

  test("where no one answers", async () => {
    await serve(whole);
    await new Promise((resolve) => server.close(resolve));
    await expect(fetching()).rejects.toThrow(/: cannot be reached \(.*ECONNREFUSED/);
    expectEmptyCache();
  });

  test("of an archive that is damaged although its checksum is right", async () => {
    const damaged = gzipSync(Buffer.concat([tarEntry("test_batch.bin", testBatch).subarray(0, 1024)]));
    await serve((_, response) => response.end(damaged));
    const digest = createHash("md5").update(damaged).digest("hex");
    await expect(fetching({ md5: digest })).rejects.toThrow("test_batch.bin: the archive is cut short in this file.");
    expectEmptyCache();
  });
});

test("a cache that cannot be written", async () => {
  await serve(whole);
  mkdirSync(join(cacheFolder, ".."), { recursive: true });
  writeFileSync(cacheFolder, "");
  await expect(fetching()).rejects.toThrow(`${cacheFolder}: a part of the path is a file, not a folder.`);
});

test("the cache is where the XDG specification puts it", () => {
  expect(defaultCacheFolder({ XDG_CACHE_HOME: "/x" })).toBe(join("/x", "perceptual-ball"));
  expect(defaultCacheFolder({ XDG_CACHE_HOME: "relative" })).toBe(join(homedir(), ".cache/perceptual-ball"));
  expect(defaultCacheFolder({})).toBe(join(homedir(), ".cache/perceptual-ball"));
});

describe("a server that", () => {
  test("never answers is given up", async () => {
    await serve(() => undefined);
    await expect(fetching({ silenceMs: 50 })).rejects.toThrow("the server has said nothing for 0.05 s");
    expect(readdirSync(cacheFolder)).toEqual([]);
  });

  test("stops in the middle is given up", async () => {
    await serve((_, response) => void response.write(archive.subarray(0, 100)));
    await expect(fetching({ silenceMs: 300 })).rejects.toThrow("the server has said nothing for 0.3 s");
    expect(readdirSync(cacheFolder)).toEqual([]);
  });

  test("sends more than is published is not listened to", async () => {
    await serve(whole);
    await expect(fetching({ maxBytes: archive.length - 1 })).rejects.toThrow("the archive has more than");
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    // Without saying so before.
    await serve((_, response) => void response.write(archive));
    await expect(fetching({ maxBytes: archive.length - 1 })).rejects.toThrow("the archive has more than");
    expect(readdirSync(cacheFolder)).toEqual([]);
  });
});
