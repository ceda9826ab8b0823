/** @file JSON from a server that may fail, stall, be busy, or answer something else: with limits of time and size, and further tries where these may help. */
import { AbortedError, BadInputError } from "../../errors.ts";

/** How a server is asked. */
export interface RequestOptions {
  /** Milliseconds that one answer may take, its body included. */
  readonly timeoutMs: number;
  /** How often a request is sent before it is given up. */
  readonly tries: number;
  /** Milliseconds to wait before the second try; each further pause is twice as long. */
  readonly pauseMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

/** A server may ask for patience, but not for more than this. */
const longestPauseMs = 60_000;

/** What went wrong with one try, and whether another may do better. */
class FailedTry extends Error {
  readonly mayPass: boolean;
  readonly afterMs: number | undefined;

  constructor(
    what: string,
    { mayPass, afterMs }: { readonly mayPass: boolean; readonly afterMs?: number | undefined },
  ) {
    super(what);
    this.mayPass = mayPass;
    this.afterMs = afterMs;
  }
}

/**
 * What the server answers to a GET, or, with a `body`, to a POST of it: JSON of at most `mostBytes`. Busy servers (429, 502, 503, 504), broken connections and answers that do not come in time are
 * tried again. Throws a BadInputError in the name of `where` that says what happened, and an AbortedError when the signal aborts.
 */
export async function requestJson(
  where: string,
  url: string,
  { body, mostBytes }: { readonly body?: unknown; readonly mostBytes: number },
  options: RequestOptions,
): Promise<unknown> {
  const { tries, pauseMs, signal } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(url, body, mostBytes, options);
    } catch (error) {
      if (signal?.aborted === true) throw new AbortedError(where, signal);
      if (!(error instanceof FailedTry)) throw error;
      if (!error.mayPass || attempt >= tries) {
        throw new BadInputError(
          {
            where,
            what: `${error.message}${attempt > 1 ? `, ${attempt} times` : ""}`,
            advice: error.mayPass ? "Is the server up?" : undefined,
          },
          { cause: error },
        );
      }
      await pause(Math.min(error.afterMs ?? pauseMs * 2 ** (attempt - 1), longestPauseMs), signal);
    }
  }
}

async function once(
  url: string,
  body: unknown,
  mostBytes: number,
  { timeoutMs, headers, signal }: RequestOptions,
): Promise<unknown> {
  const controller = new AbortController();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controller.abort();
  }, timeoutMs);
  const abort = (): void => controller.abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: controller.signal,
    });
    const text = await textOf(response, mostBytes);
    if (!response.ok) {
      const isBusy = [429, 502, 503, 504].includes(response.status);
      const says = text.trim() === "" ? "" : ` and says ${excerptOf(text)}`;
      throw new FailedTry(`the server answers ${response.status}${says}`, {
        mayPass: isBusy,
        afterMs: isBusy ? retryAfter(response.headers.get("retry-after")) : undefined,
      });
    }
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new FailedTry(`the answer is not JSON: ${excerptOf(text)}`, { mayPass: false });
    }
  } catch (error) {
    if (error instanceof FailedTry) throw error;
    if (isLate) throw new FailedTry(`no answer within ${timeoutMs / 1000} s`, { mayPass: true });
    throw new FailedTry(`the request failed (${reasonOf(error)})`, { mayPass: true });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** The text of the body; a FailedTry as soon as it is longer than it may be. */
async function textOf(response: Response, mostBytes: number): Promise<string> {
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    bytes += part.value.length;
    if (bytes > mostBytes) {
      await reader?.cancel();
      throw new FailedTry(`the answer is longer than the ${mostBytes} bytes that it can need`, { mayPass: false });
    }
    parts.push(part.value);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** The beginning of what a server says, fit for a message. */
function excerptOf(text: string): string {
  const short = text.trim().slice(0, 120);
  return JSON.stringify(short.length < text.trim().length ? `${short} …` : short);
}

/** Milliseconds; of a date, until then. */
function retryAfter(text: string | null): number | undefined {
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, 1000 * seconds) : undefined;
}

/** Of fetch's errors, the reason is in the cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: { readonly code?: unknown; readonly message?: unknown } };
  const reason = cause?.code ?? cause?.message ?? (error instanceof Error ? error.message : String(error));
  return String(reason);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}
