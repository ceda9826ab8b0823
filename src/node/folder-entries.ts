/** @file What lies at a path, and in a folder, links followed; names may be no UTF-8. */
import { readdir, stat } from "node:fs/promises";
import type { FileEntry } from "../datasets/dataset-source.ts";
import { pathBytes, pathOfBytes } from "./path-bytes.ts";

/** What is at the path, or undefined where nothing is, or nothing that may be looked at. */
export async function entryKindOf(path: string): Promise<FileEntry["kind"] | undefined> {
  const info = await stat(pathBytes(path)).catch(() => undefined);
  return info === undefined ? undefined : info.isDirectory() ? "folder" : "file";
}

/** What the folder holds, in any order; a link that leads nowhere is a file. Rejects as `readdir` does. */
export async function folderEntries(folder: string): Promise<FileEntry[]> {
  const entries = await readdir(pathBytes(folder), { withFileTypes: true, encoding: "buffer" });
  return Promise.all(
    entries.map(async (entry): Promise<FileEntry> => {
      const name = pathOfBytes(entry.name);
      if (entry.isSymbolicLink()) return { name, kind: (await entryKindOf(`${folder}/${name}`)) ?? "file" };
      return { name, kind: entry.isDirectory() ? "folder" : "file" };
    }),
  );
}
