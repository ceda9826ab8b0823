/** @file Where this package lies: its assets, its page and its command. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The nearest folder above this file with a package.json: the command is bundled, so that files lie at other depths there than in the library. */
export const packageRoot: string = rootAbove(import.meta.dirname);

function rootAbove(folder: string): string {
  const parent = dirname(folder);
  return existsSync(join(folder, "package.json")) || parent === folder ? folder : rootAbove(parent);
}
