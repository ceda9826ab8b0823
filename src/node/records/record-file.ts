/** @file A file of records, one JSON object per line, that survives being cut off anywhere. */
import { type FileHandle, open, readFile } from "node:fs/promises";
import { BadInputError, PerceptualBallError } from "../../errors.ts";
import { canonicalJson } from "../../experiments/records/canonical-json.ts";
import type { ExperimentIdentity, ExperimentRecord, RecordKey } from "../../experiments/records/record-store.ts";
import { isDiskFull } from "../write-file.ts";
import { type FileLock, lockFile } from "./file-lock.ts";

/** The line at the head of what one run has written: what its records are about, and what ran. */
export interface RunHeader {
  readonly kind: "run";
  readonly identity: ExperimentIdentity;
  /** Provenance that does not decide results: versions, runtime, machine, threads. Plain JSON. */
  readonly run: object;
}

/** What a file of records holds. */
export interface RecordFileContents<T> {
  readonly records: readonly ExperimentRecord<T>[];
  readonly headers: readonly RunHeader[];
  /** Lines that are no records, by number from 1. */
  readonly corruptLines: readonly number[];
  /** True if the last line was cut off. Such a line is not among `corruptLines`. */
  readonly isCutOff: boolean;
  /** Length in bytes of all before a line that was cut off. */
  readonly wholeBytes: number;
}

const lineFeed = 0x0a;

/**
 * The records in the file at `path`. A last line without its end is left out if it was cut off by a crash, and taken if only the
 * line feed is missing; other lines that are no records are left out and numbered. A file that does not exist is empty.
 *
 * Throws a {@link BadInputError} if the file is there and cannot be read.
 */
export async function readRecordFile<T>(path: string): Promise<RecordFileContents<T>> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") bytes = Buffer.alloc(0);
    else throw new BadInputError({ where: path, what: `cannot be read (${message})` }, { cause: error });
  }
  const records: ExperimentRecord<T>[] = [];
  const headers: RunHeader[] = [];
  const corruptLines: number[] = [];
  let [start, number] = [0, 0];
  while (start < bytes.length) {
    const feed = bytes.indexOf(lineFeed, start);
    const end = feed === -1 ? bytes.length : feed;
    const line = parseLine<T>(bytes.toString("utf8", start, end));
    number++;
    if (line === undefined && feed === -1) return { records, headers, corruptLines, isCutOff: true, wholeBytes: start };
    if (line === undefined) corruptLines.push(number);
    else if (line.kind === "run") headers.push(line);
    else records.push(line);
    start = end + 1;
  }
  return { records, headers, corruptLines, isCutOff: false, wholeBytes: bytes.length };
}

function parseLine<T>(text: string): ExperimentRecord<T> | RunHeader | undefined {
  let line: Partial<Record<string, unknown>> | null;
  try {
    line = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof line !== "object" || line === null) return undefined;
  if (line.kind === "run")
    return isObject(line.identity) && isObject(line.run) ? (line as object as RunHeader) : undefined;
  if (!isKey(line.key) || typeof line.at !== "string") return undefined;
  const isRecord =
    line.kind === "finished"
      ? typeof line.seconds === "number" && "result" in line
      : line.kind === "failed" && typeof line.message === "string";
  return isRecord ? (line as object as ExperimentRecord<T>) : undefined;
}

function isKey(value: unknown): value is RecordKey {
  return (
    isObject(value) && typeof value.image === "string" && typeof value.method === "string" && isObject(value.options)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A file of records that this process writes. */
export interface RecordFileWriter {
  /** Appends one line with a single write. */
  append(line: RunHeader | ExperimentRecord<unknown>): Promise<void>;
  close(): Promise<void>;
}

/** The disk is asked to keep what was written at least this often; being killed loses nothing that was written in any case. */
const syncIntervalMs = 1000;

/**
 * Opens the file at `path` for appending; a last line that was cut off is taken away first. Only one process at a time may have
 * it open. Throws a MisuseError if another has, and a {@link PerceptualBallError} if it cannot be written; `append` throws the
 * same if the disk is full, and takes what it had written of the line away again.
 */
export async function openRecordFile(path: string): Promise<RecordFileWriter> {
  let lock: FileLock | undefined;
  let file: FileHandle | undefined;
  let size: number;
  try {
    lock = lockFile(path);
    const { wholeBytes } = await readRecordFile(path);
    file = await open(path, "a+");
    await file.truncate(wholeBytes);
    size = wholeBytes;
    const needsFeed = wholeBytes > 0 && (await file.read(Buffer.alloc(1), 0, 1, wholeBytes - 1)).buffer[0] !== lineFeed;
    if (needsFeed) size += await write(file, Buffer.of(lineFeed));
  } catch (error) {
    await file?.close();
    lock?.release();
    throw complaintOf(path, error);
  }
  const [handle, held] = [file, lock];
  let synced = performance.now();
  return {
    async append(line) {
      held.throwIfLost();
      const bytes = Buffer.from(`${canonicalJson(line, "record")}\n`);
      try {
        size += await write(handle, bytes);
        if (performance.now() - synced < syncIntervalMs) return;
        await handle.datasync();
        synced = performance.now();
      } catch (error) {
        // Devices and pipes have no length to go back to.
        await handle.truncate(size).catch(() => undefined);
        throw complaintOf(path, error);
      }
    },
    async close() {
      try {
        await handle.datasync().catch(ignoreUnsupported);
        await handle.close();
      } catch (error) {
        throw complaintOf(path, error);
      } finally {
        held.release();
      }
    },
  };
}

/** Writes all the bytes at the end of the file; returns how many. */
async function write(file: FileHandle, bytes: Uint8Array): Promise<number> {
  let written = 0;
  while (written < bytes.length) {
    // One call writes everything, unless the disk is about to be full.
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
  }
  return written;
}

/** Not every file system can be asked to keep things. */
function ignoreUnsupported(error: NodeJS.ErrnoException): void {
  if (error.code !== "EINVAL" && error.code !== "ENOTSUP") throw error;
}

function complaintOf(path: string, error: unknown): PerceptualBallError {
  if (error instanceof PerceptualBallError) return error;
  const { message } = error as NodeJS.ErrnoException;
  const isFull = isDiskFull(error);
  return new PerceptualBallError(
    {
      where: path,
      what: isFull ? "no space left on the disk" : `cannot be written (${message})`,
      advice: isFull
        ? "What is finished is kept: make room and start the same command again."
        : "What is finished is kept; another --out starts anew.",
    },
    { cause: error },
  );
}
