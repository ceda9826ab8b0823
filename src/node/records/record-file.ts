/** @file A file of records, one JSON object per line with its checksum, that survives being cut off and notices being damaged. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { BadInputError, PerceptualBallError } from "../../errors.ts";
import { canonicalJson } from "../../experiments/records/canonical-json.ts";
import { type Form, isJsonObject } from "../../experiments/records/record-form.ts";
import type { ExperimentIdentity, ExperimentRecord, RecordKey } from "../../experiments/records/record-store.ts";
import { ignoreUnsupported, isDiskFull } from "../write-file.ts";
import { type FileLock, lockFile } from "./file-lock.ts";

/** The process that has written records, for `recordStatus`. */
export interface RecordWriter {
  /** The machine's name. */
  readonly host: string;
  /** Processor and system: what last digits may depend on. */
  readonly machine: string;
  /** The items of the whole experiment as this process knows it, all shares together. */
  readonly items: number;
  /** Which share of them it computes, such as "2/4". */
  readonly shard?: string;
}

/** The line at the head of what one run has written: what its records are about, and what ran. */
export interface RunHeader {
  readonly kind: "run";
  readonly identity: ExperimentIdentity;
  /** Provenance that does not decide results: versions, runtime, machine, threads. Plain JSON. */
  readonly run: object;
  readonly by?: RecordWriter;
}

/** What a file of records holds. */
export interface RecordFileContents<T> {
  readonly records: readonly ExperimentRecord<T>[];
  readonly headers: readonly RunHeader[];
  /** The header that stands before each of the records, in their order. */
  readonly origins: readonly (RunHeader | undefined)[];
  /** Lines that are no records, by number from 1: their checksum is wrong, or what they say has not the form of a record. */
  readonly damagedLines: readonly number[];
  /** True if the last line was cut off. Such a line is not among `damagedLines`. */
  readonly isCutOff: boolean;
  /** Length in bytes of all before a line that was cut off. */
  readonly wholeBytes: number;
}

export interface ReadRecordsOptions<T> {
  /** The form of the records' results. Default: anything. */
  readonly isResult?: Form<T>;
  /** Takes lines without a checksum, as earlier versions wrote them. Default false: such a line is damaged. */
  readonly takesUnchecked?: boolean;
}

const lineFeed = 0x0a;
/** Digits of a checksum: 64 bits, so that not one of 2⁶⁴ damages goes unnoticed by chance. */
const checksumDigits = 16;
const checksumPattern = /,"sum":"([0-9a-f]{16})"\}$/;

/** The first 16 hexadecimal digits of the SHA-256. */
export function checksumOf(contents: string | Uint8Array): string {
  return createHash("sha256").update(contents).digest("hex").slice(0, checksumDigits);
}

/** The line of a record or header: canonical JSON, whose last member `sum` is the checksum of the text without it. */
export function recordLine(line: RunHeader | ExperimentRecord<unknown>): string {
  const text = canonicalJson(line, "record");
  return `${text.slice(0, -1)},"sum":"${checksumOf(text)}"}\n`;
}

/**
 * The records in the file at `path`. A last line without its end is left out if it was cut off by a crash, and taken if only the
 * line feed is missing; other lines that are no records are left out and numbered. A file that does not exist is empty.
 *
 * Throws a {@link BadInputError} if the file is there and cannot be read.
 */
export async function readRecordFile<T>(
  path: string,
  options: ReadRecordsOptions<T> = {},
): Promise<RecordFileContents<T>> {
  const records: ExperimentRecord<T>[] = [];
  const headers: RunHeader[] = [];
  const origins: (RunHeader | undefined)[] = [];
  const damagedLines: number[] = [];
  let [number, wholeBytes] = [0, 0];
  try {
    for await (const { text, isEnded, bytes } of linesOf(path)) {
      const line = parseLine<T>(text, options);
      number++;
      if (line === undefined && !isEnded)
        return { records, headers, origins, damagedLines, isCutOff: true, wholeBytes };
      if (line === undefined) damagedLines.push(number);
      else if (line.kind === "run") headers.push(line);
      else {
        records.push(line);
        origins.push(headers.at(-1));
      }
      wholeBytes += bytes;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT")
      throw new BadInputError({ where: path, what: `cannot be read (${message})` }, { cause: error });
  }
  return { records, headers, origins, damagedLines, isCutOff: false, wholeBytes };
}

/** A line of a file without its line feed, whether it had one, and its length with it. */
interface Line {
  readonly text: string;
  readonly isEnded: boolean;
  readonly bytes: number;
}

/** The lines of the file, a piece of it in memory at a time: records of a whole data set are larger than what Node reads at once. */
async function* linesOf(path: string): AsyncGenerator<Line, void> {
  const file = await open(path, "r");
  try {
    const piece = Buffer.alloc(1 << 20);
    let rest: Buffer[] = [];
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) break;
      let start = 0;
      for (let end = piece.indexOf(lineFeed); end !== -1 && end < bytesRead; end = piece.indexOf(lineFeed, start)) {
        const line = Buffer.concat([...rest, piece.subarray(start, end)]);
        rest = [];
        yield { text: line.toString("utf8"), isEnded: true, bytes: line.length + 1 };
        start = end + 1;
      }
      if (start < bytesRead) rest.push(Buffer.from(piece.subarray(start, bytesRead)));
    }
    if (rest.length > 0) {
      const line = Buffer.concat(rest);
      yield { text: line.toString("utf8"), isEnded: false, bytes: line.length };
    }
  } finally {
    await file.close();
  }
}

function parseLine<T>(
  text: string,
  { isResult, takesUnchecked = false }: ReadRecordsOptions<T>,
): ExperimentRecord<T> | RunHeader | undefined {
  const sum = checksumPattern.exec(text);
  const body = sum === null ? text : `${text.slice(0, sum.index)}}`;
  if (sum === null ? !takesUnchecked : checksumOf(body) !== sum[1]) return undefined;
  let line: unknown;
  try {
    line = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (isHeader(line)) return line;
  return isFailed(line) || isFinished(line, isResult) ? line : undefined;
}

function isHeader(line: unknown): line is RunHeader {
  return (
    isJsonObject(line) &&
    line.kind === "run" &&
    isJsonObject(line.identity) &&
    isJsonObject(line.run) &&
    (line.by === undefined || isWriter(line.by))
  );
}

function isWriter(value: unknown): value is RecordWriter {
  return (
    isJsonObject(value) &&
    [value.host, value.machine].every((text) => typeof text === "string") &&
    typeof value.items === "number" &&
    (value.shard === undefined || typeof value.shard === "string")
  );
}

function isFailed<T>(line: unknown): line is ExperimentRecord<T> & { readonly kind: "failed" } {
  return isJsonObject(line) && line.kind === "failed" && isPlaced(line) && typeof line.message === "string";
}

function isFinished<T>(
  line: unknown,
  isResult: Form<T> = (result): result is T => result !== undefined,
): line is ExperimentRecord<T> & { readonly kind: "finished" } {
  return (
    isJsonObject(line) &&
    line.kind === "finished" &&
    isPlaced(line) &&
    typeof line.seconds === "number" &&
    (line.arrays === undefined || isArrayList(line.arrays)) &&
    isResult(line.result)
  );
}

/** Whether the line says what it is about, and when it was written. */
function isPlaced({ key, at }: Readonly<Record<string, unknown>>): boolean {
  return typeof at === "string" && isKey(key);
}

function isKey(value: unknown): value is RecordKey {
  return (
    isJsonObject(value) &&
    typeof value.image === "string" &&
    typeof value.method === "string" &&
    isJsonObject(value.options)
  );
}

function isArrayList(value: unknown): boolean {
  return isJsonObject(value) && Object.values(value).every((sum) => typeof sum === "string");
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
  // The disk takes its time, in which the next item is computed; that it could not keep something is said by the next call.
  let syncing: Promise<void> | undefined;
  let failure: unknown;
  const sync = async (): Promise<void> => {
    synced = performance.now();
    try {
      await handle.datasync().catch(ignoreUnsupported);
    } catch (error) {
      failure ??= error;
    } finally {
      syncing = undefined;
    }
  };
  return {
    async append(line) {
      held.throwIfLost();
      if (failure !== undefined) throw complaintOf(path, failure);
      const bytes = Buffer.from(recordLine(line));
      try {
        size += await write(handle, bytes);
      } catch (error) {
        // Devices and pipes have no length to go back to.
        await handle.truncate(size).catch(() => undefined);
        throw complaintOf(path, error);
      }
      if (syncing === undefined && performance.now() - synced >= syncIntervalMs) syncing = sync();
    },
    async close() {
      try {
        await syncing;
        await sync();
        await handle.close();
        if (failure !== undefined) throw failure;
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
