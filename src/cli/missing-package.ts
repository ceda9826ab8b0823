/** @file Packages that the command line needs and pages do not: they are installed beside this one, and may be missing. */
import { UnsupportedError } from "../errors.ts";

/** What each is for. */
const companions: Readonly<Record<string, string>> = {
  "onnxruntime-node": "runs models",
  sharp: "reads and writes pictures",
};

/** `error`, or, where it says that a companion is not installed, the error that says how to install it. */
export function explainMissingPackage(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (code !== "ERR_MODULE_NOT_FOUND" || typeof message !== "string") return error;
  const name = /Cannot find (?:package|module) '([^'/]+)'/.exec(message)?.[1] ?? "";
  if (!Object.hasOwn(companions, name)) return error;
  return new UnsupportedError(
    {
      where: "installation",
      what: `${name}, which ${companions[name]}, is not installed`,
      advice: `Run \`npm install ${Object.keys(companions).join(" ")}\` beside perceptual-ball (with -g if that was installed so).`,
    },
    { cause: error },
  );
}
