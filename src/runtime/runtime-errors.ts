/** @file What a runtime throws, in this package's words: which model and node, and what to do. */
import { MisuseError, PerceptualBallError, UnsupportedError } from "../errors.ts";

/** The options of the session that say what could be tried instead. */
export interface SessionFacts {
  readonly where?: string;
  readonly providers?: readonly string[];
  readonly blocked?: boolean;
  readonly lowMemory?: boolean;
  readonly runtimeLog?: boolean;
}

/** The error to throw where the runtime refused a model; errors of this package are passed on. */
export function refusedModel(error: unknown, facts: SessionFacts): PerceptualBallError {
  const { providers } = facts;
  return explained(error, facts, {
    what: "the runtime refused the model",
    advice: providers === undefined ? [] : [`Providers asked for: ${providers.join(", ")}.`],
  });
}

/** The error to throw where the runtime failed to run a model; errors of this package are passed on. */
export function failedRun(error: unknown, facts: SessionFacts): PerceptualBallError {
  return explained(error, facts, {
    what: "the runtime failed",
    advice: facts.blocked ? ["With blocked: false the graph runs as it was before it was arranged for speed."] : [],
  });
}

/** The error to throw where something is used that was disposed of. */
export function usedAfterDispose(where: string): MisuseError {
  return new MisuseError({
    where,
    what: "used after dispose()",
    advice: "Dispose of it after its last run, or load it again.",
  });
}

/** How onnxruntime begins what a node has to say. */
const whileRunning = /^Non-zero status code returned while running (\S+) node\. Name:'([^']*)' Status Message: (.*)$/s;
const outOfMemory = /allocate (a buffer|memory)|bad_alloc|out of memory|allocation failed/i;

function explained(
  error: unknown,
  { where = "model", lowMemory, runtimeLog }: SessionFacts,
  { what, advice }: { readonly what: string; readonly advice: readonly string[] },
): PerceptualBallError {
  if (error instanceof PerceptualBallError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const [, operator, name, status = message] = whileRunning.exec(message) ?? [];
  const node = operator === undefined ? "" : ` in the ${operator} node${name === "" ? "" : ` ${JSON.stringify(name)}`}`;
  if (outOfMemory.test(message)) {
    const less = `Use a smaller batch or a smaller image${lowMemory ? "" : ", or lowMemory: true"}.`;
    return new UnsupportedError(
      { where, what: `the runtime ran out of memory${node}`, advice: less },
      { cause: error },
    );
  }
  const log = runtimeLog ? [] : ["With runtimeLog: true (or PERCEPTUAL_BALL_DEBUG=1) its log may say more."];
  return new UnsupportedError(
    { where, what: `${what}${node}: ${firstLine(status)}`, advice: [...advice, ...log].join(" ") || undefined },
    { cause: error },
  );
}

/** Its first line, without a final stop, as the message goes on. */
function firstLine(message: string): string {
  return message.trim().split("\n")[0].trim().replace(/\.$/, "");
}
