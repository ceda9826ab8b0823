/**
 * @file Exports networks from PyTorch, compares their gradient graphs with autograd, and writes the table of results.
 *
 * Run: npm run conformance -- [PATTERN…] [--time] [--missing] [--keep]
 *
 * A pattern is a part of a case's name ("resnet18", "--opset=9", "^swin", "^timm/"); without one all run, in some hours on two cores. With --missing
 * those that have a record are left out: a run that was stopped goes on. README.md beside this file says which Python each part needs; up to 6 GB are
 * taken on the temporary folder's disk. With --time the gradient of torchvision's networks is timed against the plain forward pass instead, at the
 * size that the network is made for. results.jsonl and real-exports.jsonl keep what other runs found.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Case, cases } from "./cases.ts";
import { exportCases, exportSources } from "./exports/cases.ts";
import { renderExports } from "./exports/render.ts";
import { readExportRecords, runExports } from "./exports/run.ts";
import type { CaseRecord } from "./record.ts";
import { renderResults } from "./render-results.ts";

const known = ["--time", "--keep", "--missing"];
const flags = process.argv.slice(2);
const [isTimed, isKept, onlyMissing] = known.map((flag) => flags.includes(flag));
const patterns = flags.filter((flag) => !known.includes(flag)).map((pattern) => new RegExp(pattern));
const python = process.env.PYTHON ?? "/usr/bin/python3";
const here = import.meta.dirname;
const recordsFile = join(here, "results.jsonl");

const isChosen = ({ name }: { readonly name: string }) =>
  patterns.length === 0 || patterns.some((pattern) => pattern.test(name));
for (const one of cases.filter(isChosen)) {
  if (onlyMissing && readRecords()[one.name] !== undefined) continue;
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
if (!isTimed) {
  await runExports(exportCases.filter(isChosen), {
    python: {
      torch: python,
      optimum: process.env.PYTHON_OPTIMUM ?? python,
      tensorflow: process.env.PYTHON_TENSORFLOW ?? python,
    },
    onlyMissing,
    keep: isKept,
  });
}
writeFileSync(
  join(here, "RESULTS.md"),
  `${renderResults(cases, readRecords())}\n${renderExports(exportSources, readExportRecords())}`,
);

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
function check({ architecture }: Case, exportFlags: readonly string[], checkFlags: readonly string[] = []): CaseRecord {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    const exported = run(python, [join(here, "export.py"), architecture, "--out", folder, ...exportFlags]);
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
