/** @file This package's version. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../node/package-root.ts";

/** This package's version, from its package.json. */
export function packageVersion(): string {
  const { version }: { readonly version: string } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  return version;
}
