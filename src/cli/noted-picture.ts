/** @file What was concluded of a picture while it was read, for the warnings of its result. */
import type { ModelWarning } from "../classifier/network/prepare-model.ts";

export interface NotedPicture {
  /** Keeps a note, each once. */
  readonly onNote: (text: string, code: string) => void;
  /** The notes so far. */
  readonly warnings: () => readonly ModelWarning[];
}

export function notedPicture(): NotedPicture {
  const concluded = new Map<string, string>();
  return {
    onNote: (text, code) => concluded.set(text, code),
    warnings: () => [...concluded].map(([message, code]) => ({ code, message })),
  };
}
