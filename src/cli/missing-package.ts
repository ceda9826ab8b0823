/** @file Packages that the command line needs and pages do not: they are installed beside this one, and may be missing. */
import { UnsupportedError } from "../errors.ts";

/** What each is for. */
const companions: Readonly<Record<string, string>> = {
  "onnxruntime-node": "runs models",
  sharp: "reads and writes pictures",
};

/** What `queue` needs beside, each with the version to install. */
const queuePackages: Readonly<Record<string, string>> = {
  bullmq: "bullmq@6.7.0",
  ioredis: "ioredis@6",
  pg: "pg@8",
};

/** `error`, or, where it says that a companion is not installed, the error that says how to install it. */
export function explainMissingPackage(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (code !== "ERR_MODULE_NOT_FOUND" || typeof message !== "string") return error;
  const name = /Cannot find (?:package|module) '([^'/]+)'/.exec(message)?.[1] ?? "";
  if (Object.hasOwn(queuePackages, name)) {
    const wanted = [...new Set([queuePackages.bullmq, queuePackages[name === "pg" ? "pg" : "ioredis"]])].join(" ");
    const advice = `Run \`npm install ${wanted}\` beside perceptual-ball (with -g if that was installed so; pg@8 in place of ioredis@6 for PostgreSQL).`;
    return new UnsupportedError({ where: "queue", what: `${name} is not installed`, advice }, { cause: error });
  }
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
