/**
 * @file The errors that this package throws on purpose, and the checker of options.
 *
 * Every message has one form: `<where>: <what is wrong>, expected <…>, got <…>. <what to do>`. An error of one of these
 * classes is meant to be read by a user as it stands; any other error that leaves the package is a defect of the package.
 */

/** The parts of a message; `expected`, `got` and `advice` are left out where they would say nothing. */
export interface Complaint {
  /** The function, option, file or node concerned, as its user wrote it. */
  readonly where: string;
  /** What is wrong, a phrase without a final stop. */
  readonly what: string;
  readonly expected?: string;
  readonly got?: string;
  /** What to do about it, whole sentences. */
  readonly advice?: string;
}

function sentence({ where, what, expected, got, advice }: Complaint): string {
  const parts = [`${where}: ${what}`];
  if (expected !== undefined) parts.push(`expected ${expected}`);
  if (got !== undefined) parts.push(`got ${got}`);
  return `${parts.join(", ")}.${advice === undefined ? "" : ` ${advice}`}`;
}

/** The base class of every deliberate error; `complaint` holds the message's parts. */
export class PerceptualBallError extends Error {
  readonly complaint: Complaint;

  constructor(complaint: Complaint, options?: ErrorOptions) {
    super(sentence(complaint), options);
    this.name = new.target.name;
    this.complaint = complaint;
  }
}

/** The caller asked for something that cannot be meant: an unknown option, layer or label, a value out of range. Exit code 2. */
export class MisuseError extends PerceptualBallError {}

/** Bytes from outside (a model, an image, a data set) are not what they should be. Exit code 1. */
export class BadInputError extends PerceptualBallError {}

/** A valid model or request that this package does not support (yet), such as an operator without a rule. Exit code 1. */
export class UnsupportedError extends PerceptualBallError {}

/**
 * Thrown when the caller's `signal` aborts a long call; named as the platform's own so that callers can treat both alike. `cause` is the
 * signal's reason, such as that its time is up.
 */
export class AbortedError extends PerceptualBallError {
  constructor(where: string, signal?: AbortSignal) {
    super({ where, what: "aborted" }, signal === undefined ? undefined : { cause: signal.reason });
    this.name = "AbortError";
  }
}

/** Throws an {@link AbortedError} if `signal` has been aborted. */
export function throwIfAborted(signal: AbortSignal | undefined, where: string): void {
  if (signal?.aborted) throw new AbortedError(where, signal);
}

/** The known word nearest to `word` by edit distance, or undefined if none is near enough to be a slip of the keyboard. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  // Callers without types name things by anything.
  if (typeof word !== "string") return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** The one of `all` that a user calls `name`. Throws a {@link MisuseError} in the name of `where`, with the nearest name. */
export function namedAmong<T extends { readonly name: string }>(where: string, all: readonly T[], name: string): T {
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = all.map((one) => one.name);
  const hint = nearest(name, names);
  throw new MisuseError({
    where,
    what: "unknown name",
    expected: `one of ${names.join(", ")}`,
    got: kindOf(name),
    advice: hint === undefined ? undefined : `Did you mean ${hint}?`,
  });
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j] + 1, row[j - 1] + 1));
    }
    previous = row;
  }
  return previous[b.length];
}

/** What was given instead of what was expected, for a message: short values as they are, others by their kind. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return value.length <= 60 ? JSON.stringify(value) : "a long string";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name} of ${value.byteLength} bytes`;
  if (typeof value === "function") return "a function";
  const keys = Object.keys(value).slice(0, 4);
  return keys.length === 0 ? "an object" : `an object with ${keys.join(", ")}`;
}

/** What an argument must be at least: of a type, a list, numbers in a list or typed array, something to go through, or an object that has these keys. */
export type ArgumentForm = keyof typeof formsInWords | readonly string[];

const formsInWords = {
  string: "text",
  number: "a number",
  function: "a function",
  list: "a list",
  numbers: "a list or typed array of numbers",
  iterable: "a list, set or other iterable",
} as const;

/**
 * Throws a {@link MisuseError} unless `value` has the form: for callers without types, whom a function would otherwise answer with an error
 * from its inside. `where` names function and argument.
 */
export function checkForm(where: string, value: unknown, form: ArgumentForm): void {
  if (hasForm(value, form)) return;
  const expected =
    typeof form === "string"
      ? formsInWords[form]
      : form.length === 0
        ? "an object"
        : `an object with ${form.join(", ")}`;
  throw new MisuseError({ where, what: "wrong argument", expected, got: kindOf(value) });
}

function hasForm(value: unknown, form: ArgumentForm): boolean {
  switch (form) {
    case "string":
    case "number":
    case "function":
      return typeof value === form;
    case "list":
      return Array.isArray(value);
    case "numbers":
      return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
    case "iterable":
      return typeof value === "object" && value !== null && Symbol.iterator in value;
    default: {
      if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
      return form.every((key) => Reflect.get(value, key) !== undefined);
    }
  }
}

/** Throws a {@link MisuseError} that names every key of `options` that is not in `known`, with the nearest known one. */
export function checkKeys(where: string, options: object | undefined, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) {
    throw new MisuseError({
      where,
      what: "the options are no object",
      expected: "options by name, { … }",
      got: kindOf(options),
    });
  }
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  if (unknown.length === 0) return;
  const hints = unknown.map((key) => nearest(key, known)).filter((hint) => hint !== undefined);
  throw new MisuseError({
    where,
    what: `unknown option${unknown.length > 1 ? "s" : ""} ${unknown.map((key) => JSON.stringify(key)).join(", ")}`,
    expected: `some of ${known.join(", ")}`,
    advice: hints.length > 0 ? `Did you mean ${hints.map((hint) => JSON.stringify(hint)).join(", ")}?` : undefined,
  });
}

/** `value` if it is one of `choices`; otherwise throws a {@link MisuseError} that lists them. */
export function oneOf<const T extends string>(where: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T;
  const hint = typeof value === "string" ? nearest(value, choices) : undefined;
  throw new MisuseError({
    where,
    what: "unknown value",
    expected: `one of ${choices.join(", ")}`,
    got: kindOf(value),
    advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
  });
}

/** The numbers that are allowed: from `min` to `max`, both included, or between `above` and `below`, both excluded. */
export interface NumberLimits {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
  readonly integer?: boolean;
}

/** Limits in words: "an integer of at least 1", "a number above 0 and below 1". */
export function describeLimits({ min, max, above, below, integer = false }: NumberLimits): string {
  const kind = integer ? "an integer" : "a number";
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  const low = above !== undefined ? `above ${above}` : min !== undefined ? `of at least ${min}` : undefined;
  const high = below !== undefined ? `below ${below}` : max !== undefined ? `of at most ${max}` : undefined;
  const bounds = [low, high].filter((bound) => bound !== undefined).join(" and ");
  return bounds === "" ? kind : `${kind} ${bounds}`;
}

/** `value` if it is a finite number within `limits`; otherwise throws a {@link MisuseError}. NaN never passes. */
export function numberIn(where: string, value: unknown, limits: NumberLimits = {}): number {
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity, integer = false } = limits;
  if (
    typeof value === "number" &&
    Number.isFinite(value) &&
    value >= min &&
    value <= max &&
    value > above &&
    value < below &&
    (!integer || Number.isInteger(value))
  ) {
    return value;
  }
  throw new MisuseError({ where, what: "value out of range", expected: describeLimits(limits), got: kindOf(value) });
}
