/** @file Copying and overwriting protobuf messages without losing the fields that we know nothing of. */
import type { Message } from "@bufbuild/protobuf";

/** A shallow copy of `message`: unknown fields and field presence as in the original, sub-messages shared with it. */
export function copyMessage<T extends Message>(message: T): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message);
}

/** Sets a field unless it already reads so: a field that was absent and means its default stays absent in the file. */
export function setField<T extends Message, K extends keyof T>(message: T, field: K, value: T[K]): void {
  if (message[field] !== value) message[field] = value;
}
