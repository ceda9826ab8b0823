/** @file CIFAR-10 and CIFAR-100 from their official site, once. */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { createGunzip } from "node:zlib";
import { AbortedError, BadInputError, checkForm, checkKeys, oneOf, PerceptualBallError } from "../../errors.ts";
import { makeFolder } from "../write-file.ts";
import { tarFiles } from "./tar-files.ts";

/** What is published, and what its MD5 is there. */
const published = {
  cifar10: {
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
    folder: "cifar-10-batches-bin",
  },
  cifar100: {
    url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    md5: "03b5dce01913d631647c71ecec9e9cb8",
    folder: "cifar-100-binary",
  },
} as const;

export type FetchableDataset = keyof typeof published;

export interface FetchDatasetOptions {
  /** Where fetched data sets are kept; default `$XDG_CACHE_HOME/perceptual-ball`, or `~/.cache/perceptual-ball`. */
  readonly cacheFolder?: string;
  /** Another place to fetch the archive from, such as a mirror. */
  readonly url?: string;
  /** The MD5 of what is there, in hexadecimal digits; the official one by default. */
  readonly md5?: string;
  /** Called with each piece that arrives; `totalBytes` is undefined if the server does not say. */
  readonly onProgress?: (progress: { readonly receivedBytes: number; readonly totalBytes?: number }) => void;
  /** How long the server may say nothing, before it answers or in between, in milliseconds; default 60 seconds. */
  readonly silenceMs?: number;
  /** An archive of more bytes is not fetched to its end; default 512 MiB, three times the larger of the two. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** More bytes than this are not unpacked, whatever the archive says. */
const maxUnpackedBytes = 2 ** 30;

/** Where fetched data sets are kept unless said otherwise. */
export function defaultCacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  checkForm("defaultCacheFolder: env", env, []);
  const { XDG_CACHE_HOME } = env;
  // The XDG specification has relative paths ignored.
  return join(XDG_CACHE_HOME?.startsWith("/") ? XDG_CACHE_HOME : join(homedir(), ".cache"), "perceptual-ball");
}

/**
 * The path of a folder with the binary batches of the data set: the one in the cache, or fetched into it. The archive's MD5 is
 * checked before anything is unpacked, and the folder takes its name when it is complete: several processes may do this at a time,
 * and one that is killed leaves nothing that is taken for the data set.
 *
 * Throws a PerceptualBallError if the archive cannot be fetched or the disk fails, a MisuseError if the cache folder cannot be made, and a BadInputError if what was fetched is not
 * the archive (it is deleted then).
 */
export async function fetchDataset(name: FetchableDataset, options: FetchDatasetOptions = {}): Promise<string> {
  checkKeys("fetchDataset", options, ["cacheFolder", "url", "md5", "onProgress", "silenceMs", "maxBytes", "signal"]);
  const { folder, ...official } = published[oneOf("fetchDataset", name, Object.keys(published) as FetchableDataset[])];
  const { url = official.url, md5 = official.md5, cacheFolder = defaultCacheFolder(), signal } = options;
  const target = join(cacheFolder, folder);
  if (await isFolder(target)) return target;
  const mark = randomBytes(6).toString("hex");
  const archive = join(cacheFolder, `${folder}.${mark}.partial`);
  const unpacked = join(cacheFolder, `${folder}.${mark}.unpacking`);
  try {
    await makeFolder(cacheFolder);
    await mkdir(unpacked);
    const digest = await download(url, archive, options);
    if (digest !== md5.toLowerCase()) {
      throw new BadInputError({
        where: url,
        what: "what was fetched is not the archive that is published; it was deleted",
        expected: `the MD5 ${md5}`,
        got: digest,
        advice: `Try again later, or fetch ${official.url} by other means, unpack it and give its folder: ${name}:FOLDER.`,
      });
    }
    await unpack(archive, unpacked, signal);
    await rename(unpacked, target).catch(async (error) => {
      // Another process may have been faster.
      if (!(await isFolder(target))) throw error;
    });
    return target;
  } catch (error) {
    if (signal?.aborted) throw new AbortedError(`fetching ${url}`, signal);
    if (error instanceof PerceptualBallError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const what = code === "ENOSPC" ? "no space left" : `cannot be written (${message})`;
    throw new PerceptualBallError(
      { where: cacheFolder, what, advice: "Choose another cache folder." },
      { cause: error },
    );
  } finally {
    // What cannot be cleaned up must not hide why.
    await Promise.allSettled([archive, unpacked].map((path) => rm(path, { recursive: true, force: true })));
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** Writes what is at `url` to `path`; its MD5. */
async function download(url: string, path: string, options: FetchDatasetOptions): Promise<string> {
  const { signal, onProgress, silenceMs = 60_000, maxBytes = 2 ** 29 } = options;
  const unreachable = (what: string, cause?: unknown): PerceptualBallError =>
    new PerceptualBallError(
      {
        where: url,
        what,
        advice: "Try again later, or fetch the archive by other means, unpack it and give its folder.",
      },
      { cause },
    );
  const silence = watchSilence(silenceMs);
  const either = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
  const broken = (what: string, error: unknown): PerceptualBallError =>
    silence.signal.aborted
      ? unreachable(`the server has said nothing for ${silenceMs / 1000} s`, error)
      : unreachable(what, error);
  try {
    return await receive();
  } finally {
    silence.end();
  }

  async function receive(): Promise<string> {
    const response = await fetch(url, { signal: either }).catch((error: unknown) => {
      throw broken(`cannot be reached (${causeOf(error)})`, error);
    });
    if (!response.ok || response.body === null) {
      throw unreachable(`the server answers ${response.status} ${response.statusText}`.trimEnd());
    }
    const length = Number(response.headers.get("content-length"));
    const totalBytes = length > 0 ? length : undefined;
    const refuseLarge = (bytes: number): void => {
      if (bytes > maxBytes)
        throw unreachable(`the archive has more than ${maxBytes} bytes, so it is not the one that is published`);
    };
    refuseLarge(totalBytes ?? 0);
    const hash = createHash("md5");
    let receivedBytes = 0;
    const { body } = response;
    const received = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of body as ReadableStream<Uint8Array>) {
          silence.heard();
          hash.update(chunk);
          receivedBytes += chunk.length;
          refuseLarge(receivedBytes);
          onProgress?.({ receivedBytes, totalBytes });
          yield chunk;
        }
      } catch (error) {
        if (error instanceof PerceptualBallError) throw error;
        throw broken(`the connection broke off after ${receivedBytes} bytes (${causeOf(error)})`, error);
      }
      if (totalBytes !== undefined && receivedBytes < totalBytes) {
        throw unreachable(`the connection broke off after ${receivedBytes} of ${totalBytes} bytes`);
      }
    };
    await pipeline(received, createWriteStream(path, { flags: "wx" }), { signal });
    return hash.digest("hex");
  }
}

/** Aborts its signal when nothing is heard for so long. */
function watchSilence(ms: number): {
  readonly signal: AbortSignal;
  readonly heard: () => void;
  readonly end: () => void;
} {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  return {
    signal: controller.signal,
    heard: () => void timer.refresh(),
    end: () => clearTimeout(timer),
  };
}

/** What is behind fetch's "fetch failed". */
function causeOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error && cause.message !== "" ? cause.message : message;
}

/** Writes the archive's files into `folder`, without the folders that they are in. */
async function unpack(archive: string, folder: string, signal: AbortSignal | undefined): Promise<void> {
  const bytes = createReadStream(archive).pipe(createGunzip());
  try {
    for await (const { name, data } of tarFiles(bytes, { maxBytes: maxUnpackedBytes }))
      await writeFile(join(folder, basename(name)), data, { signal });
  } finally {
    bytes.destroy();
  }
}
