/** @file This package's version. */
import { createRequire } from "node:module";

/** This package's version, from its package.json. */
export function packageVersion(): string {
  const { version }: { readonly version: string } = createRequire(import.meta.url)("../../package.json");
  return version;
}
