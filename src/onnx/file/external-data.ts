/**
 * @file Weights that lie in a file beside the model: which part of which file, and which files may be named at all.
 *
 * A model is untrusted input. A location is a path relative to the model's folder and must stay inside it: absolute paths
 * and `..` are refused here, symbolic links where files are opened.
 */
import type { TensorProto } from "onnx-buf";
import { BadInputError } from "../../errors.ts";
import type { Storage } from "../model.ts";

/** The storage of `length` bytes at `offset` of the file at `location`; throws a BadInputError that starts with `where` if there are none. */
export type ExternalReader = (location: string, offset: number, length: number, where: string) => Storage;

/** The part of a file that `proto` names; the length is undefined where the file leaves it to the shape. */
export function externalRangeOf(
  proto: TensorProto,
  where: string,
): { readonly location: string; readonly offset: number; readonly length: number | undefined } {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location");
  if (location === undefined) {
    throw new BadInputError({ where, what: "external data without a location", expected: "the name of a file" });
  }
  checkLocation(location, where);
  const count = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined || text === "") return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
    throw new BadInputError({
      where,
      what: `impossible ${key} of external data`,
      expected: "a number of bytes from 0 to 2^53",
      got: JSON.stringify(text),
    });
  };
  return { location, offset: count("offset") ?? 0, length: count("length") };
}

/** Throws a {@link BadInputError} if `location` is not a path relative to, and inside of, the model's folder. */
function checkLocation(location: string, where: string): void {
  const segments = location.split(/[/\\]/);
  const isAbsolute = /^([/\\]|[A-Za-z]:)/.test(location);
  if (location !== "" && !isAbsolute && !segments.includes("..") && !location.includes("\0")) return;
  throw new BadInputError({
    where,
    what: "external data outside the model's folder",
    expected: "a path relative to the model, without ..",
    got: JSON.stringify(location),
    advice:
      "Do not use models from a source that you do not trust; otherwise save the model again with its weights beside it.",
  });
}
