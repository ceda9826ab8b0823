/** @file Data sets that are written down in a test: their pictures are files whose text is a size, such as "4x3". */
import type { DatasetProblem } from "../src/datasets/dataset.ts";
import type { DatasetSource } from "../src/datasets/dataset-source.ts";
import { memoryFileSource } from "../src/datasets/memory-source.ts";
import { BadInputError } from "../src/errors.ts";

/** The files of a data set by their paths in "data". */
export function pretendFiles(files: Readonly<Record<string, Uint8Array | string>>): DatasetSource {
  const paths = Object.entries(files).map(([path, contents]) => [`data/${path}`, contents] as const);
  return memoryFileSource(new Map(paths), async (bytes, path) => {
    const [, width, height] = /^(\d+)x(\d+)$/.exec(new TextDecoder().decode(bytes)) ?? [];
    if (height === undefined) throw new BadInputError({ where: path, what: "is not a picture" });
    const size = { width: Number(width), height: Number(height) };
    return { ...size, channels: 3, data: new Uint8Array(3 * size.width * size.height) };
  });
}

/** The problems as lines: "kind image: message". */
export function linesOf(problems: readonly DatasetProblem[]): string[] {
  return problems.map(({ kind, image, message }) => `${kind} ${image}: ${message}`);
}
