/** @file The cotangents that a reverse sweep has gathered so far. */
import type { GraphBuilder, Value } from "../onnx/builder.ts";

export interface CotangentMap {
  /** One more cotangent of the value called `name`; those that meet at a value are summed when they are taken. */
  add(name: string, cotangent: Value): void;
  /** The sum of all cotangents of the value called `name`, which is forgotten unless it is to be kept; undefined if there are none. */
  take(name: string): Value | undefined;
}

/** A map that appends its sums to `g`; of the values `kept`, a sum can be taken again. */
export function cotangentMap(g: GraphBuilder, kept: ReadonlySet<string>): CotangentMap {
  const parts = new Map<string, Value[]>();
  return {
    add: (name, cotangent) => {
      const list = parts.get(name);
      if (list === undefined) parts.set(name, [cotangent]);
      else list.push(cotangent);
    },
    take: (name) => {
      const total = parts.get(name)?.reduce((sum, cotangent) => g.op("Add", [sum, cotangent]));
      if (total !== undefined && kept.has(name)) parts.set(name, [total]);
      else parts.delete(name);
      return total;
    },
  };
}
