/** @file Exports networks for real, one after another, and records what the package makes of them. */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ExportCase, exportCases } from "./cases.ts";
import { lineProcess } from "./line-process.ts";
import type { ExportRecord } from "./record.ts";
import { agreement, tolerance } from "./render.ts";

/** Seconds that one export, and one comparison, may take. */
const patience = { export: 400, check: 200, exactly: 600 };

const recordsFile = join(import.meta.dirname, "..", "real-exports.jsonl");

/** What all runs so far found, by the case's name: of a case that ran several times, the last. */
function recordsByName(): ReadonlyMap<string, ExportRecord> {
  const lines = existsSync(recordsFile) ? readFileSync(recordsFile, "utf8").split("\n").filter(Boolean) : [];
  return new Map(lines.map((line): [string, ExportRecord] => [JSON.parse(line).name, JSON.parse(line)]));
}

/** What all runs so far found, in the order of the cases. */
export function readExportRecords(): readonly ExportRecord[] {
  const byName = recordsByName();
  return exportCases.flatMap(({ name }) => byName.get(name) ?? []);
}

/** Removes what was found before from the file, and puts the rest in order. */
function tidyRecords(): void {
  const ordered = new Set([...exportCases.map(({ name }) => name), ...recordsByName().keys()]);
  const byName = recordsByName();
  const lines = [...ordered].flatMap((name) => (byName.has(name) ? [`${JSON.stringify(byName.get(name))}\n`] : []));
  writeFileSync(recordsFile, lines.join(""));
}

export interface RunExportsOptions {
  /** The Python that has PyTorch, and the one that has TensorFlow. */
  readonly python: Readonly<Record<ExportCase["environment"], string>>;
  /** Whether cases that have a record are left out. */
  readonly onlyMissing: boolean;
  readonly keep: boolean;
}

/** Runs those cases; each record is appended as soon as it is there, so that a run that is stopped goes on with --missing. */
export async function runExports(chosen: readonly ExportCase[], options: RunExportsOptions): Promise<void> {
  const serve = join(import.meta.dirname, "..", "exporters", "serve.py");
  const exporters = {
    torch: lineProcess(options.python.torch, [serve]),
    optimum: lineProcess(options.python.optimum, [serve]),
    tensorflow: lineProcess(options.python.tensorflow, [serve]),
  };
  const check = join(import.meta.dirname, "check.ts");
  const checker = lineProcess(process.execPath, ["--import", import.meta.resolve("tsx"), check]);
  let ran = 0;
  try {
    for (const one of chosen) {
      // Asked each time: several runs may share the work.
      if (options.onlyMissing && recordsByName().has(one.name)) continue;
      ran++;
      const folder = mkdtempSync(join(tmpdir(), "conformance-"));
      try {
        const exported = await exporters[one.environment].ask({ ...one.request, folder }, patience.export);
        const found =
          typeof exported.failure === "string"
            ? { failure: `export: ${exported.failure}` }
            : await checked(folder, (request, seconds) => checker.ask(request, seconds));
        const record: ExportRecord = { name: one.name, date: new Date().toISOString().slice(0, 10), ...found };
        appendFileSync(recordsFile, `${JSON.stringify(record)}\n`);
        process.stdout.write(
          `${one.name}: ${record.failure ?? `${agreement(record)}, ${record.alone?.refusal ?? record.alone?.preprocessing?.verdict}`}\n`,
        );
      } finally {
        if (options.keep) process.stdout.write(`${folder}\n`);
        else rmSync(folder, { recursive: true });
      }
    }
  } finally {
    for (const one of [...Object.values(exporters), checker]) one.stop();
  }
  if (ran > 0 && !options.onlyMissing) tidyRecords();
}

/** What is found of the file in a folder; the float64 evaluator is asked only where float32 leaves a doubt. */
async function checked(
  folder: string,
  ask: (request: object, seconds: number) => Promise<Partial<ExportRecord>>,
): Promise<Partial<ExportRecord>> {
  const found = await ask({ folder }, patience.check);
  if (found.failure !== undefined || Math.min(...(found.errors ?? [])) <= tolerance) return found;
  const { exactError } = await ask({ folder, exactly: true }, patience.exactly);
  return { ...found, exactError };
}
