/**
 * @file Exports networks from PyTorch, compares their gradient graphs with autograd, and writes the table of results.
 *
 * Run: npm run conformance -- [PATTERN…] [--time] [--keep]
 *
 * A pattern is a part of a case's name ("resnet18", "--opset=9", "^swin", "^timm/"); without one all run, in an hour or two on two cores. Needs
 * Python with torch and torchvision (PYTHON names it; /usr/bin/python3 otherwise), for timm's networks one with timm, onnx and onnxscript as
 * well and a newer torch, and up to 6 GB on the temporary folder's disk. With --time the
 * gradient is timed against the plain forward pass instead, at the size that the network is made for. results.jsonl keeps what other runs found.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Case, cases } from "./cases.ts";
import type { CaseRecord } from "./record.ts";
import { renderResults } from "./render-results.ts";

const flags = process.argv.slice(2);
const isTimed = flags.includes("--time");
const isKept = flags.includes("--keep");
const patterns = flags.filter((flag) => flag !== "--time" && flag !== "--keep").map((pattern) => new RegExp(pattern));
const python = process.env.PYTHON ?? "/usr/bin/python3";
const here = import.meta.dirname;
const recordsFile = join(here, "results.jsonl");

const chosen = cases.filter(({ name }) => patterns.length === 0 || patterns.some((pattern) => pattern.test(name)));
for (const one of chosen) {
  const found = measure(one);
  if (found === undefined) continue;
  const records = readRecords();
  const { timedSize, forwardMs, gradientMs, ratio } = records[one.name] ?? {};
  const record = isTimed ? { ...records[one.name], ...found } : { timedSize, forwardMs, gradientMs, ratio, ...found };
  records[one.name] = record;
  const lines = cases.flatMap(({ name }) => (records[name] ? [JSON.stringify({ name, ...records[name] })] : []));
  writeFileSync(recordsFile, `${lines.join("\n")}\n`);
  process.stdout.write(`${one.name}: ${summaryOf(record)}\n`);
}
writeFileSync(join(here, "RESULTS.md"), renderResults(cases, readRecords()));

/** What this run finds of a case; undefined where it has nothing to ask. */
function measure(one: Case): CaseRecord | undefined {
  const { flags: plainFlags, referenceFlags, timeFlags } = one;
  if (isTimed) return timeFlags && check(one, timeFlags, ["--time"]);
  return {
    ...check(one, plainFlags),
    ...(referenceFlags && check(one, referenceFlags, ["--reference"])),
  };
}

/** The records of this run and of others, by the case's name. */
function readRecords(): Record<string, CaseRecord> {
  const lines = existsSync(recordsFile) ? readFileSync(recordsFile, "utf8").trim().split("\n") : [];
  const named: readonly (CaseRecord & { readonly name: string })[] = lines.map((line) => JSON.parse(line));
  return Object.fromEntries(named.map(({ name, ...record }) => [name, record]));
}

function summaryOf({ failure, errors, exactErrors, torchErrors, referenceError, ratio }: CaseRecord): string {
  if (failure !== undefined) return failure;
  const lists = [errors, exactErrors, torchErrors].map(
    (list) => list?.map((error) => error.toExponential(1)).join(" ") ?? "–",
  );
  return `${lists.join(" | ")} | float64 ${referenceError?.toExponential(1) ?? "–"} | ratio ${ratio?.toFixed(2) ?? "–"}`;
}

/** What check.ts finds of the network as it is exported with these flags; both live in a folder of their own meanwhile. */
function check(
  { architecture, library }: Case,
  exportFlags: readonly string[],
  checkFlags: readonly string[] = [],
): CaseRecord {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    const exported = run(python, [
      join(here, library === "timm" ? "export_timm.py" : "export.py"),
      architecture,
      "--out",
      folder,
      ...exportFlags,
    ]);
    if (exported.failure !== undefined) return { failure: `export: ${exported.failure}` };
    // --import tsx, resolved from here: the child may run anywhere.
    const script = ["--import", import.meta.resolve("tsx"), join(here, "check.ts")];
    const checked = run(process.execPath, [...script, folder, ...checkFlags]);
    return checked.failure !== undefined ? { failure: checked.failure } : JSON.parse(checked.stdout);
  } finally {
    if (isKept) process.stdout.write(`${folder}\n`);
    else rmSync(folder, { recursive: true });
  }
}

/** What a program writes, or why it failed. */
function run(
  command: string,
  parameters: readonly string[],
): { stdout: string; failure?: undefined } | { failure: string } {
  const { status, signal, stdout, stderr } = spawnSync(command, parameters, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status === 0) return { stdout };
  const lines = stderr.trim().split("\n");
  const said = lines.filter((line) => /^\w*(Error|Exception)\b/.test(line)).at(-1) ?? lines.at(-1);
  return { failure: said || `ended by ${signal ?? status}` };
}
