/**
 * @file Lists of records in JSON files of any size, in memory that does not grow with what is passed over.
 *
 * `JSON.parse` needs the whole file as one string, of which V8 allows 512 MiB, and builds all of it. COCO's files are mostly outlines
 * that no box needs. This reads the bytes as they come, and gives of each record the wanted fields only.
 */
import { BadInputError } from "../../errors.ts";

/** The wanted fields of a record, as far as it has them. */
export type JsonRecord = Readonly<Record<string, unknown>>;

export interface JsonListsOptions {
  /** For messages. */
  readonly where: string;
  /** What the file should be, for messages. */
  readonly expected: string;
  /** The lists that the topmost object should have, and the wanted fields of their records. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** Called with each record in turn; `index` counts from 0. */
  readonly onRecord: (list: string, record: JsonRecord, index: number) => void;
}

export interface JsonListsScanner {
  /** Reads on. Throws a {@link BadInputError} as soon as the structure is not that of JSON, a list is none, or a record no object. */
  readonly push: (bytes: Uint8Array) => void;
  /** To be called at the end of the file. Throws a {@link BadInputError} if it is cut short or a list is missing. */
  readonly end: () => void;
}

/** A wanted field may be so long, and JSON so deep. */
const [maxField, maxDepth] = [2 ** 16, 512];

/** What may come next. */
type Expecting = "value" | "value or end" | "key" | "key or end" | "colon" | "comma or end" | "nothing";

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d];
const [colon, comma] = [0x3a, 0x2c];
const decoder = new TextDecoder();

/** Text that is kept while it goes by, in a buffer that is used again. */
interface Kept {
  readonly start: () => void;
  readonly add: (byte: number) => void;
  readonly parse: () => unknown;
}

export function jsonListsScanner(options: JsonListsOptions): JsonListsScanner {
  const { where, expected, lists, onRecord } = options;
  const complain = (what: string): BadInputError => new BadInputError({ where, what, expected });
  const malformed = (): BadInputError => complain(`is not JSON, or cut short (at byte ${position})`);
  const kept = keptText(complain, malformed);
  const stack: number[] = [];
  const seen = new Set<string>();
  let position = 0;
  let expecting: Expecting = "value";
  let inString = false;
  let isEscaped = false;
  let isKey = false;
  /** Whether the string is a key inside of a value that is kept. */
  let isInnerKey = false;
  let inScalar = false;
  /** The stack's height at which the value that is being kept ends; undefined if nothing is kept. */
  let keeping: number | undefined;
  let list = "";
  let field = "";
  let index = 0;
  let record: Record<string, unknown> | undefined;

  const afterValue = (): void => {
    if (keeping === stack.length) {
      const value = kept.parse();
      keeping = undefined;
      if (isKey) {
        if (stack.length === 1) beginMember(String(value));
        else field = String(value);
      } else if (record !== undefined) record[field] = value;
    }
    if (isKey) {
      isKey = false;
      expecting = "colon";
      return;
    }
    if (record !== undefined && stack.length === 2) {
      onRecord(list, record, index++);
      record = undefined;
    }
    expecting = stack.length === 0 ? "nothing" : "comma or end";
  };

  const beginMember = (name: string): void => {
    list = Object.hasOwn(lists, name) ? name : "";
    if (list === "") return;
    if (seen.has(name)) throw complain(`has two lists of ${name}`);
    seen.add(name);
    index = 0;
  };

  /** Whether the value that begins is the wanted field of a record. */
  const isWanted = (): boolean => record !== undefined && stack.length === 3 && lists[list].includes(field);

  const beginValue = (byte: number): void => {
    if (expecting !== "value" && expecting !== "value or end") throw malformed();
    if (stack.length === 0 && byte !== openBrace) throw complain("is no object");
    if (list !== "" && stack.length === 1 && byte !== openBracket) throw complain(`has no list of ${list}`);
    if (list !== "" && stack.length === 2) {
      if (byte !== openBrace) throw complain(`entry ${index + 1} of ${list} is no object`);
      record = {};
    }
    if (keeping === undefined && isWanted()) {
      keeping = stack.length;
      kept.start();
    }
  };

  const open = (byte: number): void => {
    beginValue(byte);
    if (stack.length === maxDepth) throw complain(`is nested deeper than ${maxDepth} levels`);
    if (keeping !== undefined) kept.add(byte);
    stack.push(byte);
    expecting = byte === openBrace ? "key or end" : "value or end";
  };

  const close = (byte: number): void => {
    const wanted = byte === closeBrace ? openBrace : openBracket;
    const mayEnd = expecting === "comma or end" || expecting === (byte === closeBrace ? "key or end" : "value or end");
    if (!mayEnd || stack.pop() !== wanted) throw malformed();
    if (keeping !== undefined) kept.add(byte);
    if (stack.length === 1) list = "";
    afterValue();
  };

  const beginString = (): void => {
    if (expecting === "key" || expecting === "key or end") {
      isKey = keeping === undefined;
      // Only names of lists and of fields matter; within a value that is kept, keys are part of it.
      if (isKey && (stack.length === 1 || (record !== undefined && stack.length === 3))) {
        keeping = stack.length;
        kept.start();
      }
      if (!isKey) expecting = "colon";
    } else beginValue(quote);
    inString = true;
    isInnerKey = !isKey && expecting === "colon";
    if (keeping !== undefined) kept.add(quote);
  };
  const endString = (): void => {
    inString = false;
    if (keeping !== undefined) kept.add(quote);
    if (!isInnerKey) afterValue();
  };

  const structure = (byte: number): void => {
    if (byte === openBrace || byte === openBracket) open(byte);
    else if (byte === closeBrace || byte === closeBracket) close(byte);
    else if (byte === quote) beginString();
    else if (byte === colon) {
      if (expecting !== "colon") throw malformed();
      expecting = "value";
      if (keeping !== undefined) kept.add(byte);
    } else if (byte === comma) {
      if (expecting !== "comma or end") throw malformed();
      expecting = stack[stack.length - 1] === openBrace ? "key" : "value";
      if (keeping !== undefined) kept.add(byte);
    } else if (!isSpace(byte)) {
      beginValue(byte);
      if (!isScalarByte(byte)) throw malformed();
      inScalar = true;
      if (keeping !== undefined) kept.add(byte);
    }
  };

  return {
    push(bytes) {
      for (let i = 0; i < bytes.length; i++, position++) {
        const byte = bytes[i];
        if (inString) {
          if (isEscaped) isEscaped = false;
          else if (byte === backslash) isEscaped = true;
          else if (byte === quote) {
            endString();
            continue;
          }
          if (byte < 0x20) throw malformed();
          if (keeping !== undefined) kept.add(byte);
        } else if (inScalar && isScalarByte(byte)) {
          if (keeping !== undefined) kept.add(byte);
        } else {
          if (inScalar) {
            inScalar = false;
            afterValue();
          }
          structure(byte);
        }
      }
    },
    end() {
      if (expecting !== "nothing" || inString || inScalar) throw malformed();
      for (const name of Object.keys(lists)) if (!seen.has(name)) throw complain(`has no list of ${name}`);
    },
  };
}

function keptText(complain: (what: string) => BadInputError, malformed: () => BadInputError): Kept {
  const bytes = new Uint8Array(maxField);
  let length = 0;
  return {
    start() {
      length = 0;
    },
    add(byte) {
      if (length === maxField) throw complain(`has a field of more than ${maxField} bytes`);
      bytes[length++] = byte;
    },
    parse() {
      try {
        return JSON.parse(decoder.decode(bytes.subarray(0, length)));
      } catch {
        throw malformed();
      }
    },
  };
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Whether the byte may be in a number, true, false or null. */
function isScalarByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e ||
    byte === 0x45
  );
}
